//! The way in its stretches, what arrived changed, what it costs, and what more data would show.

use super::{Cell, Row, Sheet};
use crate::compare::words::{count, counted, duration, money, percent, price, rounded};
use crate::compare::{Document, Need};
use crate::event::{Path, legible};

/// The stretches of both ways.
pub(super) fn hops(document: &Document) -> Sheet {
    let mut rows = Vec::new();
    for path in Path::ALL {
        for hop in &document.paths.of(path).hops {
            let [median, most, nearly_all] = [hop.p50, hop.p90, hop.p99].map(duration);
            let title = format!("{path}: {} to {}", station(hop.from), station(hop.to));
            rows.push(Row::new(title, [median, most, nearly_all, count(hop.count)]));
        }
    }
    let columns = vec!["median", "90 % below", "99 % below", "arrivals"];
    Sheet { id: "hops", title: "The way, stretch by stretch", columns, rows }
}

/// An end of a stretch, in words.
pub(in crate::compare::report) fn station(name: &str) -> &str {
    match name {
        "event" => "change in Auth0",
        "envelope" => "EventBridge",
        "sent" => "queue",
        "received" => "received here",
        "request" => "request here",
        "commit" => "on disk",
        other => other,
    }
}

/// Where payloads were not the same.
pub(super) fn payloads(document: &Document) -> Sheet {
    let payloads = &document.payloads;
    let mut rows = Vec::new();
    if payloads.differing > 0 {
        rows.push(Row::new("in any place", [count(payloads.differing)]));
        for place in &payloads.pointers {
            rows.push(Row::new(Cell::foreign(&place.pointer), [count(place.events)]));
        }
        rows.push(Row::new("differences in further places", [count(payloads.elsewhere)]));
    }
    Sheet {
        id: "payloads",
        title: "Payloads that differ between the paths",
        columns: vec!["events"],
        rows,
    }
}

/// What each path costs.
pub(super) fn costs(document: &Document) -> Sheet {
    let mut rows = Vec::new();
    if let Some(costs) = &document.costs {
        let currency = &costs.currency;
        for path in Path::ALL {
            let cost = costs.of(path);
            for item in &cost.items {
                let price = price(item.price, currency);
                let cells = [rounded(item.quantity), price, money(item.amount, currency)];
                rows.push(Row::new(format!("{path}: {}", item.name), cells));
            }
            let all = money(cost.per_month, currency);
            rows.push(Row::new(format!("{path}, in all"), [String::new(), String::new(), all]));
        }
        let events = rounded(costs.events_per_month);
        rows.push(Row::new(
            "events a month, at the rate measured",
            [events, String::new(), String::new()],
        ));
        let as_of = [String::new(), String::new(), legible(&costs.as_of)];
        rows.push(Row::new("prices as of", as_of));
    }
    let columns = vec!["quantity", "price of one", "a month"];
    Sheet { id: "costs", title: "Cost a month of 30 days", columns, rows }
}

/// What more events would show.
pub(super) fn plan(document: &Document) -> Sheet {
    let rows = document.plan.iter().map(|plan| {
        let cells = Path::ALL.map(|path| need(plan.of(path)));
        Row::new(format!("a loss of at most {}", percent(plan.loss_max)), cells)
    });
    let columns = Path::ALL.map(Path::as_str).into();
    Sheet { id: "plan", title: "To claim", columns, rows: rows.collect() }
}

fn need(need: Need) -> String {
    match need {
        Need::Nothing => "shown already".to_owned(),
        Need::Events { events, days: None } => counted(events, "more event"),
        Need::Events { events, days: Some(days) } => {
            format!("{}, about {}", counted(events, "more event"), duration(days * 86_400e3))
        }
        Need::Unreachable => "out of reach: it loses more".to_owned(),
    }
}
