//! When each path brought an event: two marks on a line, and the same in words. Pure.

use std::time::Duration;

use crate::admin::pages::moment::{after, span};
use crate::event::{Path, PathSet};
use crate::journal::EventSummary;

/// The line's ends, in milliseconds after the event: what lies outside is at its end.
const ENDS: (f64, f64) = (10.0, 60_000.0);
/// The line begins and ends this far from the edges, in percent of the width.
const MARGIN: f64 = 4.0;

/// One event's two arrivals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lanes {
    /// Where each path's mark is; those that did not come have none.
    pub(super) marks: Vec<Mark>,
    /// The path that was first; none where none brought it of itself.
    pub(super) first: Option<Path>,
    /// How much later the other was, or that it was not.
    pub(super) words: String,
    /// The other path should have brought it, and did not.
    pub(super) is_missing: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) path: Path,
    /// In percent of the width.
    pub(super) x: String,
    pub(super) after: String,
}

impl Lanes {
    /// Of an event; once it is settled, a path that did not bring it lost it.
    pub(super) fn of(event: &EventSummary, mode: PathSet, is_settled: bool) -> Self {
        let at = |path: Path| match path {
            Path::Webhook => event.webhook_at,
            Path::Eventbridge => event.eventbridge_at,
        };
        let came = Path::ALL.into_iter().filter_map(|path| Some((path, at(path)?)));
        let marks = came.map(|(path, at)| {
            let late = at.millis_since(event.time);
            Mark { path, x: format!("{:.1}%", place(late)), after: after(late) }
        });
        let both = event.webhook_at.zip(event.eventbridge_at);
        let first = match both {
            Some((webhook, eventbridge)) if webhook <= eventbridge => Path::Webhook,
            Some(_) => Path::Eventbridge,
            None => event.first_path,
        };
        let misses = both.is_none() && mode.contains(first.other()) && !event.test;
        let rescued = event.rescue_words().filter(|_| event.eventbridge_at.is_none());
        if let Some(words) = rescued {
            // No path brought it, so that none was first.
            let words = words.to_owned();
            return Self { marks: Vec::new(), first: None, words, is_missing: true };
        }
        let words = match both {
            Some((webhook, eventbridge)) => {
                format!("first by {}", span(eventbridge.millis_since(webhook).abs()))
            }
            None if !misses => "alone".to_owned(),
            None if is_settled => "alone: the other lost it".to_owned(),
            None => "alone so far".to_owned(),
        };
        Self { marks: marks.collect(), first: Some(first), words, is_missing: misses && is_settled }
    }
}

/// Where a lag is on the line, in percent: logarithmic, so that a webhook's 80 ms and a minute both have
/// their place.
pub(super) fn place(ms: f64) -> f64 {
    let (from, to) = ENDS;
    let share = (ms.clamp(from, to) / from).ln() / (to / from).ln();
    MARGIN + share * (100.0 - 2.0 * MARGIN)
}

/// The labels over the line.
pub(super) fn ticks() -> [(String, &'static str); 4] {
    let label = |ms: u64, text| {
        (format!("{:.1}%", place(Duration::from_millis(ms).as_secs_f64() * 1e3)), text)
    };
    [label(10, "10 ms"), label(100, "100 ms"), label(1_000, "1 s"), label(10_000, "10 s")]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::pages::story::fixture::{at, story};

    #[track_caller]
    fn check(times: (Option<i64>, Option<i64>), is_settled: bool, expected: (&str, bool)) {
        let mut event = story().summary;
        event.webhook_at = times.0.map(at);
        event.eventbridge_at = times.1.map(at);
        event.first_path = if times.0.is_some() { Path::Webhook } else { Path::Eventbridge };
        let lanes = Lanes::of(&event, PathSet::Both, is_settled);
        assert_eq!((lanes.words.as_str(), lanes.is_missing), expected);
    }

    #[test]
    fn the_words_say_who_was_first_and_by_how_much() {
        check((Some(84), Some(496)), true, ("first by 412 ms", false));
        check((Some(496), Some(84)), true, ("first by 412 ms", false));
        check((Some(84), None), false, ("alone so far", false));
        check((None, Some(84)), true, ("alone: the other lost it", true));
    }

    #[test]
    fn what_was_rescued_has_no_lane() {
        let mut event = story().summary;
        (event.rescued, event.rescued_at) = (true, Some(at(9_000)));
        let of = |event: &EventSummary| Lanes::of(event, PathSet::Both, true);
        assert_eq!(of(&event).marks, []);
        assert_eq!((&*of(&event).words, of(&event).is_missing), ("asked for by reconcile", true));
        event.backfilled = true;
        assert_eq!(of(&event).words, "taken in from the Events API");
        (event.eventbridge_at, event.first_path) = (Some(at(84)), Path::Eventbridge);
        let lanes = of(&event);
        assert_eq!((lanes.marks.len(), &*lanes.words), (1, "alone: the other lost it"));
    }

    #[test]
    fn places_are_on_the_line() {
        assert!((place(-5.0) - MARGIN).abs() < 1e-9);
        assert!((place(10.0) - MARGIN).abs() < 1e-9);
        assert!(place(100.0) > place(84.0));
        assert!((place(1e9) - (100.0 - MARGIN)).abs() < 1e-9);
    }
}
