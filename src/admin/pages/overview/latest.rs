//! The last events, each with its way.

use askama::Template;

use super::View;
use super::say::{self, ago};
use crate::admin::pages::pulse::LATELY;
use crate::event::Path;
use crate::journal::{EventSummary, Lately};

/// A row for each.
#[derive(Debug, Template)]
#[template(path = "overview/latest.html")]
pub(super) struct LatestCard {
    rows: Vec<Row>,
    sampled: Option<String>,
}

#[derive(Debug)]
struct Row {
    id: String,
    kind: String,
    subject: String,
    came: String,
    /// None where no path brought it of itself.
    first: Option<Path>,
    after: String,
    other: String,
    is_test: bool,
}

impl LatestCard {
    pub(super) fn of(view: View<'_>) -> Self {
        let (events, one_in) = picked(&view.pulse.lately, &view.pulse.newest);
        Self {
            rows: events.into_iter().map(|event| row(view, event)).collect(),
            sampled: (one_in > 1).then(|| format!("one event in {one_in}")),
        }
    }
}

/// The newest, or where they come faster than anybody reads, about one each second.
fn picked<'a>(lately: &'a Lately, newest: &'a [EventSummary]) -> (Vec<&'a EventSummary>, u64) {
    let one_in = lately.came.div_ceil(LATELY.as_secs()).max(lately.one_in).next_power_of_two();
    if one_in == 1 {
        return (newest.iter().collect(), 1);
    }
    let is_picked = |event: &&EventSummary| {
        i64::try_from(one_in).is_ok_and(|one_in| event.seq.rem_euclid(one_in) == 0)
    };
    (lately.events.iter().rev().filter(is_picked).take(newest.len()).collect(), one_in)
}

fn row(view: View<'_>, event: &EventSummary) -> Row {
    let now = view.pulse.at;
    let (first, second) = match event.first_path {
        Path::Webhook => (event.webhook_at, event.eventbridge_at),
        Path::Eventbridge => (event.eventbridge_at, event.webhook_at),
    };
    let other = match first.zip(second) {
        None if event.eventbridge_at.is_none() && event.rescued => {
            event.rescue_words().unwrap_or_default().to_owned()
        }
        Some((first, second)) => format!("+{}", say::latency(second.millis_since(first))),
        None if !view.mode.contains(event.first_path.other()) => String::new(),
        None if first.is_some_and(|first| first.plus(view.grace) < now) => "missed".to_owned(),
        None => "on the way".to_owned(),
    };
    Row {
        id: event.id.clone(),
        kind: event.kind.clone(),
        subject: event.subject.clone(),
        came: event.first_at().map_or_else(String::new, |first| ago(first, now)),
        first: first.map(|_| event.first_path),
        after: first.map_or_else(String::new, |first| say::latency(first.millis_since(event.time))),
        other,
        is_test: event.test,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::pages::pulse::fixture::ago;

    fn event(seq: i64) -> EventSummary {
        EventSummary {
            seq,
            id: format!("evt_{seq}"),
            kind: "user.updated".to_owned(),
            subject: "user:auth0|1".to_owned(),
            time: ago(1),
            test: false,
            first_path: Path::Webhook,
            webhook_at: Some(ago(0)),
            eventbridge_at: None,
            rescued: false,
            backfilled: false,
            rescued_at: None,
            duplicates: 0,
        }
    }

    #[track_caller]
    fn check(came: u64, expected: &[i64], expected_one_in: u64) {
        let last = i64::try_from(came).unwrap();
        let events = (1..=last).map(event).collect();
        let lately = Lately { events, came, one_in: 1, ..Lately::default() };
        let newest: Vec<EventSummary> = (1..=last).rev().map(event).take(4).collect();
        let (picked, one_in) = picked(&lately, &newest);
        let picked: Vec<i64> = picked.iter().map(|event| event.seq).collect();
        assert_eq!((picked.as_slice(), one_in), (expected, expected_one_in));
    }

    #[test]
    fn the_list_stays_long_enough_to_be_read() {
        check(0, &[], 1);
        check(75, &[75, 74, 73, 72], 1);
        check(150, &[150, 148, 146, 144], 2);
        check(200, &[200, 196, 192, 188], 4);
    }
}
