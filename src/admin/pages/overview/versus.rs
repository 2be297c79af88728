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
        let Some(document) = view.pulse.document.as_deref() else {
            return nothing("The last hour is being compared.".to_owned());
        };
        if view.mode != PathSet::Both {
            let only = if view.mode == PathSet::Webhook { "webhook" } else { "eventbridge" };
            return nothing(format!(
                "Only the door of {only} is open: without the other there is nothing to compare it \
                 with. Set mode = \"both\" for a while to know."
            ));
        }
        if document.events.settled == 0 {
            let grace = words::duration(view.grace.as_secs_f64() * 1e3);
            return nothing(format!(
                "Events are judged once they are {grace} old, when both paths had their time. {} \
                 of the last hour wait for it.",
                counted(document.excluded.unsettled, "event")
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
