//! The accumulator: takes one event at a time, in bounded memory.

use super::coverage::{Coverage, Window, covered_seconds};
use super::difference::Differences;
use super::document::{
    Document, Events, Excluded, Method, PairRules, Pairs, PathReport, Paths, SettledWindow,
};
use super::latency::{Latency, RELATIVE_ERROR};
use super::loss::Sightings;
use super::order::Order;
use super::verdict::{self, Evidence};
use super::{Observation, PairedBy, Settings, Sighting, notes};
use crate::event::{Path, PathSet, Timestamp};

/// A comparison that is being made.
///
/// Give it the events from the latest `time` to the earliest: then an event came out of order if
/// one of those already given arrived before it by the same path, and a running minimum of their
/// arrivals is all that has to be remembered. Everything else works in any order.
#[derive(Debug, Clone)]
pub struct Comparison {
    settings: Settings,
    window: Window,
    /// What happened or first arrived after this instant is too young to be judged.
    young_after: Timestamp,
    observed: u64,
    excluded: Excluded,
    sightings: Sightings,
    webhook: Tally,
    eventbridge: Tally,
    paired_by: PairRules,
    differences: Differences,
}

/// What is counted of one path.
#[derive(Debug, Clone, Default)]
struct Tally {
    duplicates: u64,
    order: Order,
    latency: Latency,
    flagged: u64,
}

/// What becomes of an event in the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    OutsideWindow,
    NoArrival,
    Test,
    Unsettled,
    Settled,
}

impl Comparison {
    /// Compares over a window of event time, as of `now`.
    pub fn new(settings: Settings, window: Window, now: Timestamp) -> Self {
        Self {
            young_after: now.minus(settings.grace),
            differences: Differences::new(settings.difference_pairs_max),
            settings,
            window,
            observed: 0,
            excluded: Excluded::default(),
            sightings: Sightings::default(),
            webhook: Tally::default(),
            eventbridge: Tally::default(),
            paired_by: PairRules::default(),
        }
    }

    /// Takes the next event.
    pub fn observe(&mut self, event: &Observation) {
        self.observed += 1;
        match self.place(event) {
            Place::OutsideWindow => self.excluded.outside_window += 1,
            Place::NoArrival => self.excluded.no_arrival += 1,
            Place::Test => self.excluded.test += 1,
            Place::Unsettled => self.excluded.unsettled += 1,
            Place::Settled => self.count(event),
        }
    }

    /// The result, given when each path's door was open.
    pub fn finish(self, coverage: &Coverage) -> Document {
        let paths = Paths {
            webhook: self.path_report(Path::Webhook, coverage),
            eventbridge: self.path_report(Path::Eventbridge, coverage),
        };
        let sightings = self.sightings;
        let both_open = open_doors(&paths) == Some(PathSet::Both);
        let webhook_first = self.differences.webhook_first();
        let difference_ms = self.differences.summary();
        let evidence = Evidence { open: open_doors(&paths), sightings, difference_ms };
        let mut document = Document {
            window: SettledWindow {
                from: self.window.from,
                to: self.window.to,
                settled_until: self.window.to.min(self.young_after),
            },
            scope: super::Scope::default(),
            payloads: super::Payloads::default(),
            costs: None,
            expectation: super::Expectation {
                expected: super::Expect::default(),
                outcome: super::Outcome::NotEnoughData,
                criteria: Vec::new(),
            },
            plan: Vec::new(),
            timeline: Vec::new(),
            events: Events {
                observed: self.observed,
                settled: self.observed - self.excluded.events(),
            },
            pairs: Pairs {
                both: sightings.both,
                webhook_only: sightings.webhook_only,
                eventbridge_only: sightings.eventbridge_only,
                paired_by: self.paired_by,
                webhook_first,
                difference_ms,
            },
            unseen: sightings.unseen(0.95).filter(|_| both_open),
            mcnemar: sightings.mcnemar().filter(|_| both_open),
            verdict: verdict::decide(&evidence, &self.settings),
            paths,
            excluded: self.excluded,
            method: method(&self.settings),
            notes: Vec::new(),
        };
        document.notes = notes::of(&document, coverage);
        document
    }

    fn place(&self, event: &Observation) -> Place {
        let Some(first_arrival) = event.first_arrival() else {
            return Place::NoArrival;
        };
        if !self.window.contains(event.time) {
            Place::OutsideWindow
        } else if event.test {
            Place::Test
        } else if event.time > self.young_after || first_arrival > self.young_after {
            Place::Unsettled
        } else {
            Place::Settled
        }
    }

    fn count(&mut self, event: &Observation) {
        for path in Path::ALL {
            if let Some(sighting) = event.sighting(path) {
                if sighting.is_flagged() {
                    self.excluded.latency_flagged.receive_count += 1;
                }
                self.tally_mut(path).count(event.time, sighting, event.repeats(path));
            }
        }
        match (event.webhook, event.eventbridge) {
            (Some(webhook), Some(eventbridge)) => {
                self.count_pair(webhook, eventbridge, event.paired_by);
            }
            (Some(_), None) => self.sightings.webhook_only += 1,
            (None, Some(_)) => self.sightings.eventbridge_only += 1,
            (None, None) => {}
        }
    }

    fn count_pair(&mut self, webhook: Sighting, eventbridge: Sighting, by: Option<PairedBy>) {
        self.sightings.both += 1;
        match by {
            Some(PairedBy::Id) => self.paired_by.id += 1,
            Some(PairedBy::Fallback) => self.paired_by.fallback += 1,
            // A pair that nobody vouches for is no better than one of several that fit.
            Some(PairedBy::Ambiguous) | None => self.paired_by.ambiguous += 1,
        }
        if webhook.is_flagged() || eventbridge.is_flagged() {
            self.excluded.difference_flagged += 1;
        } else {
            self.differences.add(eventbridge.at.millis_since(webhook.at));
        }
    }

    fn path_report(&self, path: Path, coverage: &Coverage) -> PathReport {
        let covered = |path| covered_seconds(coverage.of(path), self.window);
        let open = |path| covered(path) > 0.0 || self.sightings.seen(path) > 0;
        let both_open = open(path) && open(path.other());
        let tally = self.tally(path);
        PathReport {
            open: open(path),
            seen: self.sightings.seen(path),
            missing: both_open.then(|| self.sightings.missing(path).part),
            loss: self.sightings.loss(path, 0.95).filter(|_| both_open),
            covered: super::CoveredLoss::default(),
            duplicates: tally.duplicates,
            duplicates_by: super::DuplicateKinds::default(),
            p99_ms: None,
            distribution: Vec::new(),
            hops: Vec::new(),
            out_of_order: tally.order.late(),
            latency_ms: tally.latency.summary(tally.flagged),
            covered_seconds: covered(path),
        }
    }

    const fn tally(&self, path: Path) -> &Tally {
        match path {
            Path::Webhook => &self.webhook,
            Path::Eventbridge => &self.eventbridge,
        }
    }

    const fn tally_mut(&mut self, path: Path) -> &mut Tally {
        match path {
            Path::Webhook => &mut self.webhook,
            Path::Eventbridge => &mut self.eventbridge,
        }
    }
}

impl Tally {
    fn count(&mut self, time: Timestamp, sighting: Sighting, repeats: u32) {
        self.duplicates += u64::from(repeats);
        self.order.observe(time, sighting.at);
        if sighting.is_flagged() {
            self.flagged += 1;
        } else {
            self.latency.add(sighting.at.millis_since(time));
        }
    }
}

fn open_doors(paths: &Paths) -> Option<PathSet> {
    match (paths.webhook.open, paths.eventbridge.open) {
        (true, true) => Some(PathSet::Both),
        (true, false) => Some(PathSet::Webhook),
        (false, true) => Some(PathSet::Eventbridge),
        (false, false) => None,
    }
}

fn method(settings: &Settings) -> Method {
    Method {
        confidence: 0.95,
        latency_relative_error: RELATIVE_ERROR,
        grace_ms: u64::try_from(settings.grace.as_millis()).unwrap_or(u64::MAX),
        loss_max: settings.loss_max,
        p99_max_ms: None,
        cost_max: None,
        difference_min_ms: settings.difference_min_ms,
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::{Strategy, any, prop_assert_eq, proptest};

    use super::super::fixture::{WINDOW, at, both_open, compare, event, settings};
    use super::super::verdict::Choice;
    use super::*;

    /// One event alone: how it is excluded.
    #[track_caller]
    fn check_excluded(event: Observation, expected: Excluded) {
        let document = compare(&[event], &both_open());
        assert_eq!(document.excluded, expected);
        assert_eq!(document.events.settled, 1 - expected.events());
    }

    #[test]
    fn only_settled_live_events_of_the_window_count() {
        let none = Excluded::default();
        check_excluded(event(5, Some(6), None), none);
        check_excluded(event(900_000, Some(900_000), None), none);
        check_excluded(event(900_001, Some(6), None), Excluded { unsettled: 1, ..none });
        check_excluded(event(5, Some(900_001), None), Excluded { unsettled: 1, ..none });
        check_excluded(event(5, Some(900_001), Some(6)), none);
        check_excluded(event(-1, Some(6), None), Excluded { outside_window: 1, ..none });
        check_excluded(event(1_000_000, Some(6), None), Excluded { outside_window: 1, ..none });
        check_excluded(event(5, None, None), Excluded { no_arrival: 1, ..none });
        let test = Observation { test: true, ..event(5, Some(6), None) };
        check_excluded(test, Excluded { test: 1, ..none });
    }

    #[test]
    fn every_path_is_measured_against_the_other() {
        let document = compare(
            &[
                event(400, Some(410), Some(450)),
                event(300, Some(310), None),
                event(200, Some(420), Some(230)),
                event(100, None, Some(90)),
            ],
            &both_open(),
        );
        let (webhook, eventbridge) = (document.paths.webhook, document.paths.eventbridge);
        assert_eq!((webhook.seen, webhook.missing), (3, Some(1)));
        assert_eq!((eventbridge.seen, eventbridge.missing), (3, Some(1)));
        assert_eq!((webhook.out_of_order, eventbridge.out_of_order), (Some(1), Some(0)));
        assert_eq!((webhook.latency_ms.negative, eventbridge.latency_ms.negative), (0, 1));
        assert_eq!(eventbridge.latency_ms.max, Some(50.0));
        let difference = document.pairs.difference_ms.unwrap();
        assert_eq!((difference.median, difference.count), (-75.0, 2));
        assert_eq!(document.pairs.webhook_first.map(|first| first.share), Some(0.5));
    }

    #[test]
    fn an_arrival_that_the_queue_held_back_is_seen_but_not_timed() {
        let mut late = event(100, Some(110), Some(90_000));
        late.eventbridge = Some(Sighting { at: at(90_000), receive_count: 2, redriven: false });
        let document = compare(&[late], &both_open());
        assert_eq!(document.paths.eventbridge.seen, 1);
        assert_eq!(document.paths.eventbridge.latency_ms.count, 0);
        assert_eq!(document.paths.eventbridge.latency_ms.flagged, 1);
        assert_eq!(document.pairs.difference_ms, None);
        assert_eq!(document.excluded.latency_flagged.receive_count, 1);
        assert_eq!(document.excluded.difference_flagged, 1);
    }

    #[test]
    fn arrivals_after_the_first_are_duplicates_of_their_path() {
        let mut repeated = event(100, Some(110), Some(120));
        repeated.webhook_repeats = 2;
        repeated.eventbridge_repeats = 3;
        let document = compare(&[repeated, repeated], &both_open());
        assert_eq!(document.paths.webhook.duplicates, 4);
        assert_eq!(document.paths.eventbridge.duplicates, 6);
        assert_eq!(document.pairs.both, 2);
    }

    #[test]
    fn a_window_is_settled_up_to_its_end_at_most() {
        let settled_until = |now| {
            let document = Comparison::new(settings(), WINDOW, now).finish(&both_open());
            document.window.settled_until
        };
        assert_eq!(settled_until(at(1_000_000)), at(900_000));
        assert_eq!(settled_until(at(1_100_000)), at(1_000_000));
        assert_eq!(settled_until(at(9_000_000)), at(1_000_000));
    }

    #[test]
    fn with_one_door_open_nothing_is_called_lost() {
        let webhook_alone = Coverage { webhook: vec![WINDOW], eventbridge: Vec::new() };
        let document = compare(&[event(5, Some(6), None)], &webhook_alone);
        for path in Path::ALL {
            assert_eq!(document.paths.of(path).missing, None);
            assert_eq!(document.paths.of(path).loss, None);
        }
        assert_eq!((document.unseen, document.mcnemar), (None, None));
        assert_eq!(document.verdict.choice, Choice::NotEnoughData);
    }

    #[test]
    fn an_open_door_through_which_nothing_came_lost_everything() {
        let document = compare(&[event(5, Some(6), None)], &both_open());
        let loss = document.paths.eventbridge.loss.unwrap();
        assert_eq!((document.paths.eventbridge.missing, loss.estimate), (Some(1), 1.0));
        assert_eq!(document.paths.webhook.loss, None);
    }

    fn any_sighting() -> impl Strategy<Value = Option<Sighting>> {
        let arrival = (-1_000..1_100_000_i64, 1..4_u32);
        option::of(arrival.prop_map(|(millis, receive_count)| Sighting {
            at: at(millis),
            receive_count,
            redriven: false,
        }))
    }

    fn any_event() -> impl Strategy<Value = Observation> {
        let fields = (-50_000..1_100_000_i64, any::<bool>(), any_sighting(), any_sighting());
        fields.prop_map(|(time, test, webhook, eventbridge)| Observation {
            test,
            webhook,
            eventbridge,
            ..event(time, None, None)
        })
    }

    proptest! {
        #[test]
        fn every_event_is_counted_exactly_once(events in vec(any_event(), 0..80)) {
            let document = compare(&events, &both_open());
            let observed = u64::try_from(events.len()).unwrap();
            let settled = document.events.settled;
            let pairs = &document.pairs;
            prop_assert_eq!(document.events.observed, observed);
            prop_assert_eq!(settled + document.excluded.events(), observed);
            prop_assert_eq!(pairs.both + pairs.webhook_only + pairs.eventbridge_only, settled);
            let rules = pairs.paired_by;
            prop_assert_eq!(rules.id + rules.fallback + rules.ambiguous, pairs.both);
            let measured = pairs.difference_ms.map_or(0, |difference| difference.count);
            prop_assert_eq!(measured + document.excluded.difference_flagged, pairs.both);
            let mut flagged = 0;
            for path in Path::ALL {
                let report = document.paths.of(path);
                prop_assert_eq!(report.missing.map(|missing| report.seen + missing), Some(settled));
                let latency = report.latency_ms;
                prop_assert_eq!(latency.count + latency.flagged, report.seen);
                flagged += latency.flagged;
            }
            prop_assert_eq!(flagged, document.excluded.latency_flagged.receive_count);
        }
    }
}
