//! Events for the tests: of the first 1000 s after the epoch, judged at its end, after 100 s.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Coverage, Document, Scope, Settings, Window, comparison};
use crate::event::{Observation, Timestamp};
use crate::journal::Answer;
use crate::summary::{Cell, Circumstances, Scale};

pub(crate) use crate::summary::fixture::{at, event};

pub(crate) const WINDOW: Window = Window { from: at(0), to: at(1_000_000) };

pub(crate) fn settings() -> Settings {
    Settings { grace: Duration::from_secs(100), ..Settings::default() }
}

pub(crate) fn both_open() -> Coverage {
    Coverage { webhook: vec![WINDOW], eventbridge: vec![WINDOW] }
}

pub(crate) fn compare(events: &[Observation], coverage: &Coverage) -> Document {
    compare_with(&settings(), (WINDOW, WINDOW.to), events, coverage)
}

/// What the journal would answer, compared as of `now`.
pub(crate) fn compare_with(
    settings: &Settings,
    (window, now): (Window, Timestamp),
    events: &[Observation],
    coverage: &Coverage,
) -> Document {
    let settled_until = now.minus(settings.grace);
    let scale = Scale::for_window(window.to.nanos_since(window.from));
    let mut stretches = BTreeMap::<Timestamp, Cell>::new();
    let mut unsettled = 0;
    for event in events.iter().filter(|event| window.contains(event.time)) {
        if !event.test && !event.has_settled_by(settled_until) {
            unsettled += 1;
            continue;
        }
        let open = |stretches: &[Window]| stretches.iter().any(|open| open.contains(event.time));
        let circumstances = Circumstances {
            covered: open(&coverage.webhook) && open(&coverage.eventbridge),
            payload_differs: event.payload_differs,
        };
        stretches.entry(scale.floor(event.time)).or_default().add(event, circumstances);
    }
    let stretches = stretches.into_iter().map(|(start, cell)| {
        (start.max(window.from), Timestamp::from_nanos(start.as_nanos() + scale.nanos()), cell)
    });
    let (from, to) = (window.from, window.to);
    let answer = Answer { from, to, stretches: stretches.collect(), unsettled };
    comparison::compare(settings, &Scope::default(), &answer, coverage, now)
}
