//! Events for the tests: of the first 1000 s after the epoch, judged at its end, after 100 s.

use std::time::Duration;

use super::{Comparison, Coverage, Document, Observation, PairedBy, Settings, Sighting, Window};
use crate::event::Timestamp;

pub(super) const WINDOW: Window = Window { from: at(0), to: at(1_000_000) };

/// An instant in milliseconds after the epoch.
pub(super) const fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(super) fn settings() -> Settings {
    Settings { grace: Duration::from_secs(100), ..Settings::default() }
}

/// An event of this time, and when it arrived by the webhook and by EventBridge.
pub(super) fn event(time: i64, webhook: Option<i64>, eventbridge: Option<i64>) -> Observation {
    let sighting = |arrival| Sighting { at: at(arrival), receive_count: 1, redriven: false };
    Observation {
        time: at(time),
        test: false,
        webhook: webhook.map(sighting),
        eventbridge: eventbridge.map(sighting),
        paired_by: webhook.and(eventbridge).and(Some(PairedBy::Id)),
        webhook_repeats: 0,
        eventbridge_repeats: 0,
    }
}

pub(super) fn both_open() -> Coverage {
    Coverage { webhook: vec![WINDOW], eventbridge: vec![WINDOW] }
}

pub(super) fn compare(events: &[Observation], coverage: &Coverage) -> Document {
    let mut comparison = Comparison::new(settings(), WINDOW, WINDOW.to);
    for event in events {
        comparison.observe(event);
    }
    comparison.finish(coverage)
}
