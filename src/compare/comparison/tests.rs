//! What counts, and that all of it is counted once.

use proptest::collection::vec;
use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

use super::super::fixture::{WINDOW, at, both_open, compare, compare_with, event, settings};
use super::super::{Choice, Excluded};
use super::*;
use crate::event::{Flags, HopTimes, Observation, Sighting};
use crate::summary::fixture::any_event;

const NONE: LatencyFlagged =
    LatencyFlagged { receive_count: 0, redriven: 0, replayed: 0, backlog: 0, startup: 0 };

/// One event alone: how it is excluded.
#[track_caller]
fn check_excluded(event: Observation, expected: Excluded) {
    let document = compare(&[event], &both_open());
    assert_eq!(document.excluded, expected);
    assert_eq!(document.events.settled, 1 - expected.events());
}

#[test]
fn only_settled_live_events_count() {
    let none = Excluded::default();
    check_excluded(event(5, Some(6), None), none);
    check_excluded(event(900_000, Some(900_000), None), none);
    check_excluded(event(900_001, Some(6), None), Excluded { unsettled: 1, ..none });
    check_excluded(event(5, Some(900_001), None), Excluded { unsettled: 1, ..none });
    check_excluded(event(5, Some(900_001), Some(6)), none);
    let test = Observation { test: true, ..event(5, Some(6), None) };
    check_excluded(test, Excluded { test: 1, ..none });
    let too_late = Observation { too_late: true, ..event(5, Some(6), None) };
    check_excluded(too_late, Excluded { too_late: 1, ..none });
    let rescued = Observation { rescued: Some(at(6)), ..event(5, None, None) };
    check_excluded(rescued, Excluded { rescued: 1, ..none });
    let lost_by_one = Observation { rescued: Some(at(6)), ..event(5, None, Some(6)) };
    check_excluded(lost_by_one, none);
}

#[test]
fn every_path_is_measured_against_the_other() {
    let late = Sighting { out_of_order: true, ..Sighting::plain(at(420)) };
    let document = compare(
        &[
            event(400, Some(410), Some(450)),
            event(300, Some(310), None),
            Observation { webhook: Some(late), ..event(200, Some(420), Some(230)) },
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
    assert_eq!(document.pairs.difference_ms.unwrap().count, 2);
    assert_eq!(document.pairs.webhook_first.map(|first| first.share), Some(0.5));
}

#[track_caller]
fn check_flagged(flag: Flag, path: Path, expected: LatencyFlagged) {
    let flagged = Sighting { flags: Flags::NONE.with(flag), ..Sighting::plain(at(400)) };
    let mut late = event(100, Some(110), Some(120));
    match path {
        Path::Webhook => late.webhook = Some(flagged),
        Path::Eventbridge => late.eventbridge = Some(flagged),
    }
    let document = compare(&[late], &both_open());
    let report = document.paths.of(path);
    assert_eq!((report.seen, report.latency_ms.count, report.latency_ms.flagged), (1, 0, 1));
    assert_eq!(document.pairs.difference_ms, None);
    assert_eq!(document.excluded.latency_flagged, expected);
    assert_eq!(document.excluded.difference_flagged, 1);
}

#[test]
fn a_flagged_arrival_is_seen_but_not_timed() {
    let eventbridge = Path::Eventbridge;
    check_flagged(Flag::ReceiveCount, eventbridge, LatencyFlagged { receive_count: 1, ..NONE });
    check_flagged(Flag::Redriven, eventbridge, LatencyFlagged { redriven: 1, ..NONE });
    check_flagged(Flag::Replayed, eventbridge, LatencyFlagged { replayed: 1, ..NONE });
    check_flagged(Flag::Startup, eventbridge, LatencyFlagged { startup: 1, ..NONE });
    check_flagged(Flag::Startup, Path::Webhook, LatencyFlagged { startup: 1, ..NONE });
    check_flagged(Flag::Backlog, Path::Webhook, LatencyFlagged { backlog: 1, ..NONE });
}

#[test]
fn duplicates_are_counted_by_kind() {
    let mut repeated = event(100, Some(110), Some(120));
    repeated.repeats.webhook_retry = 2;
    repeated.repeats.same_message = 3;
    repeated.repeats.other_message = 1;
    let document = compare(&[repeated, repeated], &both_open());
    assert_eq!(document.paths.webhook.duplicates, 4);
    assert_eq!(document.paths.eventbridge.duplicates, 8);
    assert_eq!(document.paths.eventbridge.duplicates_by.other_message, 2);
    assert_eq!(document.pairs.both, 2);
}

#[test]
fn a_window_is_settled_up_to_its_end_at_most() {
    let settled_until = |now| {
        let document = compare_with(&settings(), (WINDOW, now), &[], &both_open());
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
        assert_eq!(document.paths.of(path).covered, CoveredLoss::default());
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

#[test]
fn what_happened_while_a_door_was_closed_is_no_loss_within_coverage() {
    let half = Window { from: at(0), to: at(500_000) };
    let coverage = Coverage { webhook: vec![WINDOW], eventbridge: vec![half] };
    let events =
        [event(5, Some(6), None), event(7, Some(8), Some(9)), event(600_000, Some(600_001), None)];
    let document = compare(&events, &coverage);
    let path = document.paths.eventbridge;
    assert_eq!((path.missing, path.loss.map(|loss| loss.estimate)), (Some(2), Some(2.0 / 3.0)));
    let covered = path.covered;
    assert_eq!((covered.witnessed, covered.missing), (2, 1));
    assert_eq!(covered.loss.map(|loss| loss.estimate), Some(0.5));
}

#[test]
fn the_way_is_told_in_its_stretches() {
    let mut seen = event(1_000, Some(1_010), Some(1_900));
    seen.webhook.as_mut().unwrap().stored_at = at(1_014);
    seen.eventbridge = Some(Sighting {
        stored_at: at(1_905),
        hops: HopTimes {
            envelope: Some(at(1_000)),
            sent: Some(at(1_700)),
            first_received: Some(at(1_890)),
        },
        ..seen.eventbridge.unwrap()
    });
    let document = compare(&[seen], &both_open());
    let hops = |path: &PathReport| -> Vec<(&str, &str, f64)> {
        path.hops.iter().map(|hop| (hop.from, hop.to, hop.p50)).collect()
    };
    let webhook = [("event", "request", 10.0), ("request", "commit", 4.0)];
    assert_eq!(hops(&document.paths.webhook), webhook);
    let eventbridge = [
        ("event", "envelope", 0.0),
        ("envelope", "sent", 700.0),
        ("sent", "received", 190.0),
        ("received", "commit", 15.0),
    ];
    assert_eq!(hops(&document.paths.eventbridge), eventbridge);
}

proptest! {
    #[test]
    fn the_counts_of_a_document_add_up(events in vec(any_event(), 0..80)) {
        let events: Vec<_> =
            events.into_iter().filter(|event| event.first_arrival().is_some()).collect();
        let coverage = Coverage {
            webhook: vec![WINDOW],
            eventbridge: vec![Window { from: at(200_000), to: at(900_000) }],
        };
        let document = compare(&events, &coverage);
        let inside = events.iter().filter(|event| WINDOW.contains(event.time)).count();
        let observed = u64::try_from(inside).unwrap();
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
            let bins: u64 = report.distribution.iter().map(|bin| bin.count).sum();
            prop_assert_eq!(bins, latency.count);
            prop_assert_eq!(report.duplicates_by.total(), report.duplicates);
            prop_assert!(report.covered.missing <= report.missing.unwrap());
            let slots = document.timeline.iter().map(|slot| slot.of(path));
            prop_assert_eq!(slots.clone().map(|slot| slot.seen).sum::<u64>(), report.seen);
            prop_assert_eq!(Some(slots.clone().map(|slot| slot.missing).sum()), report.missing);
            prop_assert_eq!(Some(slots.clone().map(|slot| slot.out_of_order).sum()), report.out_of_order);
            let covered: f64 = slots.map(|slot| slot.covered_seconds).sum();
            prop_assert!((covered - report.covered_seconds).abs() < 1e-6);
        }
        prop_assert_eq!(flagged, document.excluded.latency_flagged.total());
        let payloads = &document.payloads;
        prop_assert!(payloads.differing <= settled);
    }
}
