//! The document's numbers in words, for every report that shows them in tables.

use crate::compare::words::{count, counted, duration, percent, probability, quantity};
use crate::compare::{Document, Interval, PathReport};
use crate::event::Path;

/// Stands where a number cannot be computed.
const NO_DATA: &str = "no data";

/// One row of a table: what it is, and the number in words for each column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<const COLUMNS: usize> {
    /// What it is.
    pub title: &'static str,
    /// The numbers.
    pub cells: [String; COLUMNS],
}

/// What is known of each path; webhook, then EventBridge.
pub fn paths(document: &Document) -> Vec<Row<2>> {
    let row = |title, cell: &dyn Fn(&PathReport) -> String| {
        let cells = Path::ALL.map(|path| cell(document.paths.of(path)));
        Row { title, cells }
    };
    vec![
        row("events seen", &|path| count(path.seen)),
        row("missing (only the other path saw it)", &|path| known(path.missing, count)),
        row("loss", &|path| known(path.loss, |loss| percent(loss.estimate))),
        row("loss, 95 % interval", &|path| known(path.loss, |loss| between(loss, percent))),
        row("duplicates (arrived again)", &|path| count(path.duplicates)),
        row("out of order (after a later event)", &|path| known(path.out_of_order, count)),
        row("latency, median", &|path| known(path.latency_ms.p50, duration)),
        row("latency, 90 % are below", &|path| known(path.latency_ms.p90, duration)),
        row("latency, 99 % are below", &|path| known(path.latency_ms.p99, duration)),
        row("latency, 99.9 % are below", &|path| known(path.latency_ms.p999, duration)),
        row("latency, longest", &|path| known(path.latency_ms.max, duration)),
        row("latency below zero", &|path| match path.latency_ms.negative {
            0 => "0".to_owned(),
            negative => format!("{} (clock alarm)", count(negative)),
        }),
        row("arrivals left out of latency", &|path| count(path.latency_ms.flagged)),
        row("door open", &|path| duration(path.covered_seconds * 1e3)),
    ]
}

/// What is known of the events by the paths that brought them.
pub fn pairs(document: &Document) -> Vec<Row<1>> {
    let pairs = &document.pairs;
    let (rules, first, difference) = (pairs.paired_by, pairs.webhook_first, pairs.difference_ms);
    let row = |title, cell| Row { title, cells: [cell] };
    vec![
        row("seen by both", count(pairs.both)),
        row("seen by the webhook alone", count(pairs.webhook_only)),
        row("seen by EventBridge alone", count(pairs.eventbridge_only)),
        row(
            "seen by neither (estimate, at least)",
            known(document.unseen, |unseen| {
                format!("{}; 95 %: {}", quantity(unseen.estimate), between(unseen, quantity))
            }),
        ),
        row(
            "do the paths lose equally? (McNemar, p)",
            known(document.mcnemar, |test| probability(test.p_value)),
        ),
        row("paired by id / by content / ambiguous", {
            let [id, fallback, ambiguous] = [rules.id, rules.fallback, rules.ambiguous].map(count);
            format!("{id} / {fallback} / {ambiguous}")
        }),
        row("the webhook came first", known(first, |first| percent(first.share))),
        row(
            "the webhook came first, 95 % interval",
            known(first, |first| format!("{} to {}", percent(first.low), percent(first.high))),
        ),
        row("EventBridge minus webhook, median", known(difference, |ms| duration(ms.median))),
        row(
            "EventBridge minus webhook, median's 95 % interval",
            known(difference.and_then(|ms| ms.low.zip(ms.high)), |(low, high)| {
                format!("{} to {}", duration(low), duration(high))
            }),
        ),
        row(
            "EventBridge minus webhook, 90 % lie in",
            known(difference, |ms| format!("{} to {}", duration(ms.p5), duration(ms.p95))),
        ),
    ]
}

/// The verdict in a few words: `not enough data (64 events more needed)`.
pub fn verdict(document: &Document) -> String {
    let verdict = &document.verdict;
    let needs = match verdict.needs_more_events {
        Some(more) => format!(" ({} more needed)", counted(more, "event")),
        None => String::new(),
    };
    format!("{}{needs}", verdict.choice.as_str().replace('_', " "))
}

fn known<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map_or_else(|| NO_DATA.to_owned(), show)
}

fn between(interval: Interval, show: impl Fn(f64) -> String) -> String {
    format!("{} to {}", show(interval.low), show(interval.high))
}
