//! What the numbers were counted from, and by which rules.

use std::collections::BTreeSet;

use super::{Cell, Row, Sheet};
use crate::compare::Document;
use crate::compare::words::{count, duration, money, percent};

/// What was looked at.
pub(super) fn counted(document: &Document) -> Sheet {
    let window = document.window;
    let row = |title: &str, number: u64| Row::new(title, [count(number)]);
    let rows = vec![
        Row::new("from, by the events' time", [window.from.to_string()]),
        Row::new("to", [window.to.to_string()]),
        Row::new(
            "settled until (what is later may still arrive)",
            [window.settled_until.floor_to_millis().to_string()],
        ),
        Row::new("types", [chosen(&document.scope.types)]),
        Row::new("streams", [chosen(&document.scope.streams)]),
        row("events looked at", document.events.observed),
        row("events counted", document.events.settled),
    ];
    Sheet { id: "counted", title: "What it was counted from", columns: vec![""], rows }
}

/// What of it was not counted, and why.
pub(super) fn excluded(document: &Document) -> Sheet {
    let excluded = document.excluded;
    let flagged = excluded.latency_flagged;
    let reasons = [
        ("not counted: too young to be judged", excluded.unsettled),
        ("not counted: sent as a test", excluded.test),
        ("not counted: come after what was known had expired", excluded.too_late),
        ("not counted: lost by both, brought by reconcile", excluded.rescued),
        ("not in latency: delivered by the queue before", flagged.receive_count),
        ("not in latency: back from a dead-letter queue", flagged.redriven),
        ("not in latency: replayed by EventBridge", flagged.replayed),
        ("not in latency: sent long after it happened", flagged.backlog),
        ("not in latency: came as the door opened", flagged.startup),
        ("pairs not in the difference for this", excluded.difference_flagged),
    ];
    let rows = reasons.map(|(title, number)| Row::new(title, [count(number)])).into();
    Sheet { id: "excluded", title: "What was left out", columns: vec![""], rows }
}

fn chosen(texts: &BTreeSet<String>) -> Cell {
    if texts.is_empty() {
        return "all".into();
    }
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    Cell::foreign(&texts.join(", "))
}

/// The rules and thresholds.
pub(super) fn method(document: &Document) -> Sheet {
    let method = document.method;
    let any = || "any".to_owned();
    let currency = document.costs.as_ref().map_or("", |costs| costs.currency.as_str());
    let row = |title, cell: String| Row::new(title, [cell]);
    let rows = vec![
        row("confidence of every interval", percent(method.confidence)),
        row("a latency quantile is off by at most", percent(method.latency_relative_error)),
        row(
            "an absence is a loss after (compare.grace)",
            u32::try_from(method.grace_ms).map_or_else(
                |_| format!("{} ms", count(method.grace_ms)),
                |ms| duration(f64::from(ms)),
            ),
        ),
        row("loss allowed (compare.loss_max)", percent(method.loss_max)),
        row("99 % latency allowed", method.p99_max_ms.map_or_else(any, duration)),
        row("cost a month allowed", method.cost_max.map_or_else(any, |cost| money(cost, currency))),
        row("a median difference that counts", duration(method.difference_min_ms)),
    ];
    Sheet { id: "method", title: "By which rules", columns: vec![""], rows }
}
