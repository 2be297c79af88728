//! The race of the last seconds, and what it says in words.

use std::time::Duration;

use askama::Template;

use super::View;
use super::say::{self, Rate, counted, median, rate};
use crate::admin::pages::chart::{self, Race, Runners, SECOND, Size, lane_y};
use crate::event::{Path, PathSet};
use crate::journal::EventSummary;

/// The rate beside a lane is of this time.
const RATE_OVER: Duration = Duration::from_secs(10);

/// The picture in each width, and its meaning.
#[derive(Debug, Template)]
#[template(path = "overview/race.html")]
pub(super) struct RaceCard {
    races: Vec<Race>,
    lanes: Vec<Lane>,
    sentence: String,
    sampled: Option<String>,
    as_of: String,
    /// Why there is nothing in the picture.
    nothing: Option<&'static str>,
    is_both: bool,
}

/// One path's lane.
#[derive(Debug)]
struct Lane {
    path: Path,
    y: f64,
    /// Where its name is, if that is not left of it: away from the lines.
    name_y: f64,
    rate: Rate,
    in_mode: bool,
}

/// The events of the broadest picture, counted.
#[derive(Debug, Default, Clone, PartialEq)]
struct Tally {
    events: u64,
    webhook_first: u64,
    eventbridge_first: u64,
    awaited: u64,
    missed: u64,
    /// How far ahead the path was that came first more often.
    lead_ms: Option<f64>,
}

impl RaceCard {
    pub(super) fn of(view: View<'_>) -> Self {
        let pulse = view.pulse;
        let runners = Runners {
            events: &pulse.lately.events,
            now: pulse.at,
            grace: view.grace,
            mode: view.mode,
        };
        let tally = Tally::of(runners);
        let nothing = (tally.events == 0).then(|| nothing(view));
        let lanes = Path::ALL.map(|path| Lane {
            path,
            y: lane_y(path),
            name_y: match path {
                Path::Webhook => lane_y(path) - 16.0,
                Path::Eventbridge => lane_y(path) + 22.0,
            },
            rate: rate(pulse.tape.rate(path, RATE_OVER).unwrap_or(0.0)),
            in_mode: view.mode.contains(path),
        });
        let one_in = pulse.lately.one_in;
        Self {
            races: Size::ALL.map(|size| Race::draw(runners, size)).into(),
            lanes: lanes.into(),
            sentence: tally.sentence(one_in, view.mode),
            sampled: (one_in > 1).then(|| format!("one event in {one_in} is drawn")),
            as_of: say::time_of_day(pulse.at),
            nothing,
            is_both: view.mode == PathSet::Both,
        }
    }
}

fn nothing(view: View<'_>) -> &'static str {
    if view.pulse.counts.arrivals.iter().all(|(_, _, count)| *count == 0) {
        "Nothing has come yet. Send a test event from Auth0's stream, or rehearse with twinstream simulate."
    } else {
        "Nothing came in the last half a minute."
    }
}

/// Seconds that the broadest picture shows.
fn seconds() -> f64 {
    Size::ALL.iter().map(|size| size.lane() / SECOND).fold(0.0, f64::max)
}

impl Tally {
    fn of(runners: Runners<'_>) -> Self {
        let mut tally = Self::default();
        let mut differences = Vec::new();
        let shown_ms = seconds() * 1e3;
        let is_shown = |event: &&EventSummary| {
            let first = event.webhook_at.into_iter().chain(event.eventbridge_at).min();
            first.is_some_and(|first| runners.now.millis_since(first) <= shown_ms)
        };
        for event in runners.events.iter().filter(is_shown) {
            tally.events += 1;
            match (event.webhook_at, event.eventbridge_at) {
                (Some(webhook), Some(eventbridge)) => {
                    differences.push(eventbridge.millis_since(webhook));
                    match event.first_path {
                        Path::Webhook => tally.webhook_first += 1,
                        Path::Eventbridge => tally.eventbridge_first += 1,
                    }
                }
                (Some(only), None) | (None, Some(only)) => {
                    let is_missing = only.plus(runners.grace) < runners.now;
                    tally.missed += u64::from(is_missing);
                    tally.awaited += u64::from(!is_missing);
                }
                (None, None) => {}
            }
        }
        tally.lead_ms = median(differences).map(f64::abs);
        tally
    }

    fn sentence(&self, one_in: u64, mode: PathSet) -> String {
        let about = if one_in > 1 { "about " } else { "" };
        let events = counted(self.events.saturating_mul(one_in), "event");
        let mut parts = vec![format!("Last {:.0} s: {about}{events}", seconds())];
        if mode == PathSet::Both {
            parts.extend(self.winner());
            let waiting = [
                (self.awaited, "still on the way by the other path"),
                (self.missed, "missed by one path"),
            ];
            parts.extend(waiting.into_iter().filter(|(number, _)| *number > 0).map(
                |(number, what)| {
                    let events = counted(number.saturating_mul(one_in), "event");
                    format!("{about}{events} {what}")
                },
            ));
        }
        parts.join("; ") + "."
    }

    fn winner(&self) -> Option<String> {
        let both = self.webhook_first + self.eventbridge_first;
        let (winner, wins) = if self.webhook_first >= self.eventbridge_first {
            ("webhook", self.webhook_first)
        } else {
            ("eventbridge", self.eventbridge_first)
        };
        let share = (wins * 100 + both / 2).checked_div(both)?;
        let lead = say::latency(self.lead_ms?);
        Some(format!("{winner} first in {share} %, typically {lead} ahead"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::pages::pulse::Pulse;
    use crate::admin::pages::pulse::fixture::{ago, quiet};
    use crate::journal::Lately;

    /// Came so many seconds ago by webhook, and by EventBridge.
    fn event((webhook, eventbridge): (Option<u64>, Option<u64>)) -> EventSummary {
        let is_webhook_first = webhook.unwrap_or(0) >= eventbridge.unwrap_or(0);
        EventSummary {
            seq: 1,
            id: "evt_1".to_owned(),
            kind: "user.updated".to_owned(),
            subject: "user:auth0|1".to_owned(),
            time: ago(60),
            test: false,
            first_path: if is_webhook_first { Path::Webhook } else { Path::Eventbridge },
            webhook_at: webhook.map(ago),
            eventbridge_at: eventbridge.map(ago),
            rescued: false,
            backfilled: false,
            rescued_at: None,
            duplicates: 0,
        }
    }

    #[track_caller]
    fn check(
        events: &[(Option<u64>, Option<u64>)],
        (one_in, mode): (u64, PathSet),
        expected: &str,
    ) {
        let events = events.iter().copied().map(event).collect();
        let pulse = Pulse { lately: Lately { events, one_in, ..Lately::default() }, ..quiet() };
        let card = RaceCard::of(View { pulse: &pulse, mode, grace: Duration::from_secs(10) });
        assert_eq!(card.sentence, expected);
        assert_eq!(card.nothing.is_some(), expected.contains(" 0 events"));
        assert_eq!(card.sampled.is_some(), one_in > 1);
    }

    #[test]
    fn the_picture_is_said_in_a_sentence() {
        let both = (1, PathSet::Both);
        check(&[], both, "Last 32 s: 0 events.");
        check(&[(Some(40), Some(40))], both, "Last 32 s: 0 events.");
        let said = "Last 32 s: 3 events; webhook first in 67 %, typically 2 s ahead.";
        check(&[(Some(5), Some(3)), (Some(9), Some(7)), (Some(1), Some(2))], both, said);
        let said = "Last 32 s: 2 events; eventbridge first in 100 %, typically 3 s ahead; \
                    1 event still on the way by the other path.";
        check(&[(Some(2), Some(5)), (Some(10), None)], both, said);
        check(&[(None, Some(11))], both, "Last 32 s: 1 event; 1 event missed by one path.");
    }

    #[test]
    fn what_was_thinned_out_is_said_to_be_about_so_many() {
        let said = "Last 32 s: about 8 events; about 8 events still on the way by the other path.";
        check(&[(Some(1), None), (Some(1), None)], (4, PathSet::Both), said);
        check(&[(Some(1), None)], (1, PathSet::Webhook), "Last 32 s: 1 event.");
    }
}
