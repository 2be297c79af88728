//! What is expected, what each path did, and the events that both saw.

use super::{Row, Sheet, between, estimated, known, standing};
use crate::compare::words::{count, duration, money, percent, probability, quantity};
use crate::compare::{CoveredLoss, Criterion, Document, PathReport};
use crate::event::Path;

/// The criteria of what is expected, and where each stands.
pub(super) fn criteria(document: &Document) -> Sheet {
    let currency = document.costs.as_ref().map_or("", |costs| costs.currency.as_str());
    let row = |criterion: &Criterion| {
        let show = number_of(criterion.measure, currency);
        let measured = known(criterion.measured, |measured| estimated(measured, &show));
        let limit = format!("at most {}", show(criterion.limit));
        Row::new(
            format!("{}, {}", criterion.path, measure(criterion.measure)),
            [limit, measured, standing(criterion.outcome).to_owned()],
        )
    };
    Sheet {
        id: "expected",
        title: "What decides it",
        columns: vec!["allowed", "measured (interval)", "so it"],
        rows: document.expectation.criteria.iter().map(row).collect(),
    }
}

/// What a criterion measures, in words.
pub(in crate::compare::report) fn measure(name: &str) -> &str {
    match name {
        "p99_ms" => "99 % latency",
        "cost_per_month" => "cost a month",
        other => other,
    }
}

/// How the numbers of a criterion are shown.
pub(in crate::compare::report) fn number_of<'a>(
    measure: &'a str,
    currency: &'a str,
) -> impl Fn(f64) -> String + 'a {
    move |number| match measure {
        "p99_ms" => duration(number),
        "cost_per_month" => money(number, currency),
        _ => percent(number),
    }
}

/// What is known of each path; webhook, then EventBridge.
pub(super) fn paths(document: &Document) -> Sheet {
    let row = |title: &str, cell: &dyn Fn(&PathReport) -> String| {
        Row::new(title, Path::ALL.map(|path| cell(document.paths.of(path))))
    };
    let latency = |title: &str, of: &dyn Fn(&PathReport) -> Option<f64>| {
        row(title, &|path| known(of(path), duration))
    };
    let mut rows = vec![
        row("loss while both doors were open", &|path| known(path.covered.loss, loss)),
        row("missed of what the other saw then", &|path| witnessed(path.covered)),
        row("loss over the whole window", &|path| known(path.loss, loss)),
        row("missing (only the other saw it)", &|path| known(path.missing, count)),
        row("events seen", &|path| count(path.seen)),
        row("door open", &|path| duration(path.covered_seconds * 1e3)),
        latency("latency, median", &|path| path.latency_ms.p50),
        latency("latency, 90 % are below", &|path| path.latency_ms.p90),
        row("latency, 99 % are below", &p99),
        latency("latency, 99.9 % are below", &|path| path.latency_ms.p999),
        latency("latency, longest", &|path| path.latency_ms.max),
        row("arrivals in the latency", &|path| count(path.latency_ms.count)),
        row("arrivals left out of it", &|path| count(path.latency_ms.flagged)),
        row("latency below zero", &|path| match path.latency_ms.negative {
            0 => "0".to_owned(),
            negative => format!("{} (clock alarm)", count(negative)),
        }),
        row("out of order (after a later one)", &|path| known(path.out_of_order, count)),
        row("duplicates (arrived again)", &|path| count(path.duplicates)),
    ];
    if Path::ALL.into_iter().any(|path| document.paths.of(path).duplicates > 0) {
        rows.extend([
            row("· Auth0 sent the request again", &|path| count(path.duplicates_by.webhook_retry)),
            row("· SQS handed out the same message", &|path| {
                count(path.duplicates_by.same_message)
            }),
            row("· another message, same event", &|path| count(path.duplicates_by.other_message)),
        ]);
    }
    let columns = Path::ALL.map(Path::as_str).into();
    Sheet { id: "paths", title: "Each path by itself", columns, rows }
}

fn loss(loss: crate::compare::Interval) -> String {
    estimated(loss, percent)
}

/// With its interval, where there is one.
fn p99(path: &PathReport) -> String {
    let interval = path.p99_ms.map(|p99| format!(" ({})", between(p99, duration)));
    let p99 = path.latency_ms.p99.map(duration);
    known(p99, |p99| format!("{p99}{}", interval.clone().unwrap_or_default()))
}

fn witnessed(covered: CoveredLoss) -> String {
    match covered.witnessed {
        0 => super::NO_DATA.to_owned(),
        witnessed => format!("{} of {}", count(covered.missing), count(witnessed)),
    }
}

/// What is known of the events by the paths that brought them.
pub(super) fn pairs(document: &Document) -> Sheet {
    let pairs = &document.pairs;
    let (rules, first, difference) = (pairs.paired_by, pairs.webhook_first, pairs.difference_ms);
    let row = |title, cell: String| Row::new(title, [cell]);
    let rows = vec![
        row("seen by both", count(pairs.both)),
        row("seen by the webhook alone", count(pairs.webhook_only)),
        row("seen by EventBridge alone", count(pairs.eventbridge_only)),
        row(
            "seen by neither (estimate, at least)",
            known(document.unseen, |unseen| estimated(unseen, quantity)),
        ),
        row(
            "do the paths lose equally? (McNemar, p)",
            known(document.mcnemar, |test| probability(test.p_value)),
        ),
        row(
            "the webhook came first",
            known(first, |first| {
                let ends = format!("{} to {}", percent(first.low), percent(first.high));
                format!("{} ({ends})", percent(first.share))
            }),
        ),
        row("both at the same instant", known(first, |first| count(first.same_instant))),
        row(
            "EventBridge minus webhook, median",
            known(difference, |ms| {
                let ends = ms.low.zip(ms.high);
                let ends = ends
                    .map(|(low, high)| format!(" ({} to {})", duration(low), duration(high)))
                    .unwrap_or_default();
                format!("{}{ends}", duration(ms.median))
            }),
        ),
        row(
            "EventBridge minus webhook, 90 % lie in",
            known(difference, |ms| format!("{} to {}", duration(ms.p5), duration(ms.p95))),
        ),
        row("pairs in the difference", known(difference, |ms| count(ms.count))),
        row("paired by id / by content / ambiguous", {
            let [id, fallback, ambiguous] = [rules.id, rules.fallback, rules.ambiguous].map(count);
            format!("{id} / {fallback} / {ambiguous}")
        }),
    ];
    Sheet { id: "pairs", title: "The same event on both paths", columns: vec![""], rows }
}
