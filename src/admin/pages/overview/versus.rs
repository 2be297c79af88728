//! Who wins, of the last hour, in the words of `compare`.

use askama::Template;

use super::View;
use super::say::counted;
use crate::admin::pages::chart;
use crate::compare::{Choice, Document, words};
use crate::event::{Path, PathSet};

/// The bar's width; the page stretches it.
const WIDTH: f64 = 360.0;

/// The comparison in short.
#[derive(Debug, Template)]
#[template(path = "overview/versus.html")]
pub(super) struct VersusCard {
    verdict: Option<Verdict>,
    first: Option<First>,
    difference: Option<(String, String)>,
    losses: Vec<(Path, String, String)>,
    /// Why there are no numbers.
    empty: Option<String>,
}

#[derive(Debug)]
struct Verdict {
    /// The style sheet's kind of pill.
    kind: &'static str,
    title: &'static str,
    needs: Option<String>,
    reason: String,
}

#[derive(Debug)]
struct First {
    webhook: String,
    eventbridge: String,
    webhook_width: f64,
    low_x: f64,
    interval_width: f64,
}

impl First {
    const fn eventbridge_width(&self) -> f64 {
        WIDTH - self.webhook_width
    }
}

impl VersusCard {
    pub(super) fn of(view: View<'_>) -> Self {
        let nothing = |empty: String| Self {
            verdict: None,
            first: None,
            difference: None,
            losses: Vec::new(),
            empty: Some(empty),
        };
        if view.mode != PathSet::Both {
            let only = if view.mode == PathSet::Webhook { "webhook" } else { "eventbridge" };
            return nothing(format!(
                "Only the door of {only} is open: without the other there is nothing to compare it \
                 with. Set mode = \"both\" for a while to know."
            ));
        }
        let Some(document) = view.pulse.document.as_deref() else {
            return nothing("The last hour is being compared.".to_owned());
        };
        if document.events.settled == 0 {
            let grace = words::duration(view.grace.as_secs_f64() * 1e3);
            let waiting = match document.excluded.unsettled {
                0 => "None of the last hour is.".to_owned(),
                some => format!("{} of the last hour wait for it.", counted(some, "event")),
            };
            return nothing(format!(
                "Events are judged once they are {grace} old, when both paths had their time. \
                 {waiting}"
            ));
        }
        Self {
            verdict: Some(verdict(document)),
            first: first(document),
            difference: difference(document),
            losses: Path::ALL.map(|path| loss(document, path)).into(),
            empty: None,
        }
    }
}

fn verdict(document: &Document) -> Verdict {
    let verdict = &document.verdict;
    let (kind, title) = match verdict.choice {
        Choice::Webhook => ("good", "Keep the webhook"),
        Choice::Eventbridge => ("good", "Keep EventBridge"),
        Choice::Either => ("good", "Keep either"),
        Choice::Both => ("warn", "Keep both"),
        Choice::NotEnoughData => ("info", "Not enough data yet"),
    };
    let needs = verdict.needs_more_events.map(|more| counted(more, "more event") + " needed");
    // What decided stands last; that so many more are needed, it says no better.
    let reason = match needs {
        Some(_) => String::new(),
        None => verdict.reasons.last().cloned().unwrap_or_default(),
    };
    Verdict { kind, title, needs, reason }
}

fn first(document: &Document) -> Option<First> {
    let first = document.pairs.webhook_first?;
    Some(First {
        webhook: words::percent(first.share),
        eventbridge: words::percent(1.0 - first.share),
        webhook_width: first.share * WIDTH,
        low_x: first.low * WIDTH,
        interval_width: (first.high - first.low) * WIDTH,
    })
}

/// How far apart, and the interval.
fn difference(document: &Document) -> Option<(String, String)> {
    let difference = document.pairs.difference_ms?;
    let faster = if difference.median >= 0.0 { "webhook" } else { "eventbridge" };
    let ahead = format!("{faster} ahead by {}", words::duration(difference.median.abs()));
    let interval = difference.low.zip(difference.high).map(|(low, high)| {
        let (near, far) = (low.abs().min(high.abs()), low.abs().max(high.abs()));
        // An interval around zero has a sign at each end.
        if low.signum() == high.signum() {
            format!("95 %: {} to {}", words::duration(near), words::duration(far))
        } else {
            let (low, high) = (words::duration(low), words::duration(high));
            format!("EventBridge minus webhook, 95 %: {low} to {high}")
        }
    });
    Some((ahead, interval.unwrap_or_default()))
}

fn loss(document: &Document, path: Path) -> (Path, String, String) {
    let report = document.paths.of(path);
    let Some((loss, missing)) = report.loss.zip(report.missing) else {
        return (path, "no data".to_owned(), String::new());
    };
    let of = words::count(document.paths.of(path.other()).seen);
    let detail =
        format!("{} of {of}; 95 %: up to {}", words::count(missing), words::percent(loss.high));
    (path, words::percent(loss.estimate), detail)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::admin::pages::pulse::Pulse;
    use crate::admin::pages::pulse::fixture::{ago, now, quiet};
    use crate::compare::fixture::compare_with;
    use crate::compare::{Coverage, Settings, Window};
    use crate::event::{Observation, PairedBy, Repeats, Sighting};

    /// So many events of half an hour ago, EventBridge half a second behind; it misses the first few.
    fn compared(events: u32, missed: u32) -> Pulse {
        let hour = Window { from: ago(3_600), to: now() };
        let settings = Settings { grace: Duration::from_mins(1), ..Settings::default() };
        let event = |number: u32| {
            let time = ago(1_800).minus(Duration::from_millis(u64::from(number)));
            let sighting = |after| Sighting::plain(time.plus(Duration::from_millis(after)));
            let both = number >= missed;
            Observation {
                time,
                test: false,
                too_late: false,
                rescued: None,
                webhook: Some(sighting(100)),
                eventbridge: both.then(|| sighting(600)),
                paired_by: both.then_some(PairedBy::Id),
                repeats: Repeats::default(),
                payload_differs: false,
            }
        };
        let events: Vec<_> = (0..events).map(event).collect();
        let coverage = Coverage { webhook: vec![hour], eventbridge: vec![hour] };
        let document = compare_with(&settings, (hour, now()), &events, &coverage);
        Pulse { document: Some(Arc::new(document)), ..quiet() }
    }

    fn card(pulse: &Pulse, mode: PathSet) -> VersusCard {
        VersusCard::of(View { pulse, mode, grace: Duration::from_mins(1) })
    }

    #[test]
    fn a_clear_winner_is_named_with_its_lead() {
        let card = card(&compared(4_000, 0), PathSet::Both);
        let verdict = card.verdict.unwrap();
        assert_eq!((verdict.kind, verdict.title), ("good", "Keep the webhook"));
        assert!(
            verdict.reason.starts_with("The webhook is faster by more than 100 ms: median 500 ms")
        );
        let first = card.first.unwrap();
        assert_eq!((first.webhook.as_str(), first.eventbridge.as_str()), ("100 %", "0 %"));
        let difference =
            ("webhook ahead by 500 ms".to_owned(), "95 %: 500 ms to 500 ms".to_owned());
        assert_eq!(card.difference, Some(difference));
        let loss = (Path::Webhook, "0 %".to_owned(), "0 of 4,000; 95 %: up to 0.0749 %".to_owned());
        assert_eq!(card.losses.first(), Some(&loss));
    }

    #[test]
    fn too_few_events_say_how_many_more_it_takes() {
        let verdict = card(&compared(100, 0), PathSet::Both).verdict.unwrap();
        assert_eq!(verdict.title, "Not enough data yet");
        assert_eq!(verdict.needs.as_deref(), Some("2,896 more events needed"));
        assert_eq!(verdict.reason, "");
    }

    #[test]
    fn a_loss_is_told_with_what_it_is_of() {
        let (_, share, detail) = card(&compared(1_000, 100), PathSet::Both).losses.pop().unwrap();
        assert_eq!(share, "10 %");
        assert!(detail.starts_with("100 of 1,000; 95 %: up to 12 %"), "{detail}");
    }

    #[test]
    fn without_numbers_it_says_why() {
        let check = |pulse: &Pulse, mode: PathSet, start: &str| {
            let card = card(pulse, mode);
            assert!(card.verdict.is_none() && card.first.is_none() && card.losses.is_empty());
            assert!(card.empty.as_deref().is_some_and(|said| said.starts_with(start)), "{card:?}");
        };
        check(&quiet(), PathSet::Both, "The last hour is being compared.");
        check(&compared(0, 0), PathSet::Both, "Events are judged once they are 60 s old");
        check(&compared(10, 0), PathSet::Webhook, "Only the door of webhook is open");
    }
}
