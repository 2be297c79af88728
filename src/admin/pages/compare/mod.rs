//! The two paths against each other, over a window.

mod ranges;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use self::ranges::{Chart, Range, Scale, WIDTH};
use super::session::Visitor;
use super::{Desk, Layout, Tab, assets, message, shown, unreadable};
use crate::compare::report::rows::{self, Row};
use crate::compare::words::{count, duration, percent};
use crate::compare::{self, Choice, Document, PathReport, WindowAsked};
use crate::event::Path;

/// The whole page.
#[derive(Debug, Template)]
#[template(path = "compare.html")]
struct Compared {
    layout: Layout,
    windows: Vec<Choosable>,
    document: Document,
    verdict: String,
    /// `good`, `warn` or nothing.
    mood: &'static str,
    paths: Vec<Row<2>>,
    pairs: Vec<Row<1>>,
    loss: Option<Drawn>,
    latency: Option<Drawn>,
    difference: Option<Drawn>,
    counted: String,
}

/// A window that can be chosen.
#[derive(Debug)]
struct Choosable {
    title: &'static str,
    url: String,
    is_chosen: bool,
}

/// A chart with what it says.
#[derive(Debug, Template)]
#[template(path = "compare_ranges.html")]
struct Drawn {
    id: &'static str,
    says: String,
    chart: Chart,
}

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    from: Option<String>,
    to: Option<String>,
}

/// What can be chosen by a link: a title, and how long before now it begins.
const WINDOWS: [(&str, Option<&str>); 4] = [
    ("Last hour", Some("1h")),
    ("24 hours", Some("24h")),
    ("7 days", Some("7d")),
    ("All there is", None),
];
/// Latencies are drawn from a millisecond on.
const LATENCY_MIN_MS: f64 = 1.0;
/// Losses are drawn from one in a hundred thousand on.
const LOSS_MIN: f64 = 1e-5;

pub(super) async fn page(
    State(desk): State<Desk>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Response {
    let now = desk.sources.clock.now();
    let held = match desk.sources.reader.time_range().await {
        Ok(held) => held,
        Err(error) => return unreadable(&desk, visitor, &error),
    };
    let window = WindowAsked::parse(asked.from.as_deref(), asked.to.as_deref(), now)
        .and_then(|wanted| wanted.of(held));
    let window = match window {
        Ok(window) => window,
        Err(wrong) => {
            let status = StatusCode::BAD_REQUEST;
            return message(&desk, visitor, status, "No such window", &wrong.to_string());
        }
    };
    let compared = compare::run(
        &desk.sources.reader,
        &desk.sources.compare,
        &compare::Scope::default(),
        window,
        now,
    )
    .await;
    match compared {
        Ok(document) => {
            let layout = Layout::new(&desk, Tab::Compare, visitor);
            shown(StatusCode::OK, &Compared::new(layout, document, &asked))
        }
        Err(error) => unreadable(&desk, visitor, &error),
    }
}

impl Compared {
    fn new(layout: Layout, document: Document, asked: &Asked) -> Self {
        let windows = WINDOWS.map(|(title, from)| Choosable {
            title,
            url: from.map_or_else(|| "/compare".to_owned(), |from| format!("/compare?from={from}")),
            is_chosen: asked.from.as_deref() == from && asked.to.is_none(),
        });
        let events = document.events;
        Self {
            layout,
            windows: windows.into(),
            verdict: rows::verdict(&document),
            mood: mood(document.verdict.choice),
            paths: rows::paths(&document),
            pairs: rows::pairs(&document),
            loss: loss(&document),
            latency: latency(&document),
            difference: difference(&document),
            counted: format!("{} of {}", count(events.settled), count(events.observed)),
            document,
        }
    }
}

const fn mood(choice: Choice) -> &'static str {
    match choice {
        Choice::Webhook | Choice::Eventbridge | Choice::Either => "good",
        Choice::Both => "warn",
        Choice::NotEnoughData => "",
    }
}

fn loss(document: &Document) -> Option<Drawn> {
    let ranges = of_paths(document, |path, report| {
        let loss = report.loss?;
        let (low, high) = (percent(loss.low), percent(loss.high));
        Some(Range {
            kind: path.as_str(),
            title: path.as_str(),
            low: loss.low,
            high: loss.high,
            estimate: loss.estimate,
            between: Vec::new(),
            words: format!("{}, 95 %: {low} to {high}", percent(loss.estimate)),
        })
    })?;
    let allowed = document.method.loss_max;
    let chart = ranges::chart(&ranges, Scale::Log(LOSS_MIN), Some(allowed), percent);
    let says = format!(
        "Share of events that each path missed, with 95 % intervals; up to {} is allowed.",
        percent(allowed)
    );
    Some(Drawn { id: "loss", says, chart })
}

fn latency(document: &Document) -> Option<Drawn> {
    let ranges = of_paths(document, |path, report| {
        let latency = &report.latency_ms;
        let (p50, p90, p99, max) = (latency.p50?, latency.p90?, latency.p99?, latency.max?);
        let [median, most, nearly_all, longest] = [p50, p90, p99, max].map(duration);
        Some(Range {
            kind: path.as_str(),
            title: path.as_str(),
            low: p50,
            high: max,
            estimate: p50,
            between: vec![p90, p99],
            words: format!(
                "median {median}, 90 % within {most}, 99 % within {nearly_all}, longest {longest}"
            ),
        })
    })?;
    let chart = ranges::chart(&ranges, Scale::Log(LATENCY_MIN_MS), None, duration);
    let says = "From the event's time to its arrival here: median, 90 %, 99 % and longest.".into();
    Some(Drawn { id: "latency", says, chart })
}

fn difference(document: &Document) -> Option<Drawn> {
    let difference = document.pairs.difference_ms?;
    let [p5, median, p95] = [difference.p5, difference.median, difference.p95].map(duration);
    let interval = difference.low.zip(difference.high);
    let range = Range {
        kind: "neutral",
        title: "EventBridge minus webhook",
        low: difference.p5,
        high: difference.p95,
        estimate: difference.median,
        between: interval.map_or_else(Vec::new, |(low, high)| vec![low, high]),
        words: format!("median {median}; 90 % lie in {p5} to {p95}"),
    };
    let chart = ranges::chart(&[range], Scale::Linear, None, duration);
    let says =
        "How much later the same event came by EventBridge; left of 0, EventBridge was first. \
                The small marks are the median's 95 % interval."
            .into();
    Some(Drawn { id: "difference", says, chart })
}

/// The ranges of the paths that have one; `None` when none has.
fn of_paths<'a>(
    document: &'a Document,
    range: impl Fn(Path, &'a PathReport) -> Option<Range<'a>>,
) -> Option<Vec<Range<'a>>> {
    let ranges = Path::ALL.into_iter().filter_map(|path| range(path, document.paths.of(path)));
    let ranges: Vec<_> = ranges.collect();
    (!ranges.is_empty()).then_some(ranges)
}
