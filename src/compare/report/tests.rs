//! What holds for every report.

use super::*;
use crate::compare::words::{count, duration, money, percent, price};
use crate::compare::{Document, Interval, Need};
use crate::event::Path;

/// Every form for people, with blanks that are blanks.
fn reports(document: &Document) -> [(&'static str, String); 3] {
    let html = html(document).unwrap().replace('\u{a0}', " ");
    let markdown = markdown(document).replace("\\_", "_");
    // A terminal breaks lines where a column ends.
    let terminal = terminal(document).split_whitespace().collect::<Vec<_>>().join(" ");
    [("html", html), ("markdown", markdown), ("terminal", terminal)]
}

/// Every one of these texts is in every report.
#[track_caller]
fn check(document: &Document, texts: &[String]) {
    for (form, report) in reports(document) {
        for text in texts {
            assert!(report.contains(text.as_str()), "{text} is not in the {form}:\n{report}");
        }
        assert!(!report.contains("NaN"), "{form}");
    }
}

/// The busy day with another number in every count that a report shows, and those numbers.
fn numbered() -> (Document, Vec<String>) {
    let mut document = sample::busy_day();
    let mut numbers = Vec::new();
    let mut number = |of: &mut u64| {
        *of = 770_001 + 1_013 * u64::try_from(numbers.len()).unwrap();
        numbers.push(count(*of));
    };
    number(&mut document.events.observed);
    number(&mut document.events.settled);
    for path in [&mut document.paths.webhook, &mut document.paths.eventbridge] {
        number(&mut path.seen);
        number(path.missing.as_mut().unwrap());
        number(&mut path.covered.witnessed);
        number(&mut path.covered.missing);
        number(&mut path.duplicates);
        number(&mut path.duplicates_by.webhook_retry);
        number(&mut path.duplicates_by.same_message);
        number(&mut path.duplicates_by.other_message);
        number(path.out_of_order.as_mut().unwrap());
        number(&mut path.latency_ms.count);
        number(&mut path.latency_ms.negative);
        number(&mut path.latency_ms.flagged);
        path.hops.iter_mut().for_each(|hop| number(&mut hop.count));
    }
    let pairs = &mut document.pairs;
    number(&mut pairs.both);
    number(&mut pairs.webhook_only);
    number(&mut pairs.eventbridge_only);
    number(&mut pairs.paired_by.id);
    number(&mut pairs.paired_by.fallback);
    number(&mut pairs.paired_by.ambiguous);
    number(&mut pairs.webhook_first.as_mut().unwrap().same_instant);
    number(&mut pairs.difference_ms.as_mut().unwrap().count);
    let payloads = &mut document.payloads;
    number(&mut payloads.differing);
    number(&mut payloads.elsewhere);
    payloads.pointers.iter_mut().for_each(|place| number(&mut place.events));
    let excluded = &mut document.excluded;
    number(&mut excluded.test);
    number(&mut excluded.unsettled);
    number(&mut excluded.too_late);
    number(&mut excluded.rescued);
    number(&mut excluded.difference_flagged);
    let flagged = &mut excluded.latency_flagged;
    number(&mut flagged.receive_count);
    number(&mut flagged.redriven);
    number(&mut flagged.replayed);
    number(&mut flagged.backlog);
    number(&mut flagged.startup);
    number(document.verdict.needs_more_events.insert(0));
    sample::note(&mut document);
    (document, numbers)
}

#[test]
fn every_count_is_in_every_report() {
    let (document, numbers) = numbered();
    check(&document, &numbers);
}

#[test]
fn every_measured_number_is_in_every_report() {
    let document = sample::busy_day();
    let mut texts = Vec::new();
    let told = |interval: Option<Interval>, show: &dyn Fn(f64) -> String| {
        let interval = interval.unwrap();
        [interval.estimate, interval.low, interval.high].map(show)
    };
    for path in Path::ALL.map(|path| document.paths.of(path)) {
        texts.extend(told(path.loss, &percent));
        texts.extend(told(path.covered.loss, &percent));
        texts.extend(told(path.p99_ms, &duration));
    }
    for criterion in &document.expectation.criteria {
        let show: &dyn Fn(f64) -> String = match criterion.measure {
            "loss" => &percent,
            "p99_ms" => &duration,
            _ => &|amount| money(amount, "USD"),
        };
        texts.extend(told(criterion.measured, show));
        texts.push(format!("at most {}", show(criterion.limit)));
    }
    check(&document, &texts);
    let mut texts = Vec::new();
    for path in Path::ALL.map(|path| document.paths.of(path)) {
        let latency = &path.latency_ms;
        let quantiles = [latency.p50, latency.p90, latency.p99, latency.p999, latency.max];
        texts.extend(quantiles.map(|quantile| duration(quantile.unwrap())));
        let hops = path.hops.iter().flat_map(|hop| [hop.p50, hop.p90, hop.p99]);
        texts.extend(hops.map(duration));
        texts.push(duration(path.covered_seconds * 1e3));
    }
    let difference = document.pairs.difference_ms.unwrap();
    let ends = [difference.low.unwrap(), difference.high.unwrap(), difference.p5, difference.p95];
    texts.extend(ends.map(duration));
    texts.push(duration(difference.median));
    let first = document.pairs.webhook_first.unwrap();
    texts.extend([first.share, first.low, first.high].map(percent));
    check(&document, &texts);
}

#[test]
fn costs_and_plan_are_in_every_report() {
    let document = sample::busy_day();
    let mut texts = Vec::new();
    let costs = document.costs.as_ref().unwrap();
    for cost in Path::ALL.map(|path| costs.of(path)) {
        texts.push(money(cost.per_month, &costs.currency));
        for item in &cost.items {
            texts.extend([item.name.to_owned(), money(item.amount, &costs.currency)]);
            texts.push(price(item.price, &costs.currency));
        }
    }
    texts.extend([costs.as_of.clone(), "360,000".into()]);
    for plan in &document.plan {
        texts.push(percent(plan.loss_max));
        for need in Path::ALL.map(|path| plan.of(path)) {
            texts.push(match need {
                Need::Nothing => "shown already".to_owned(),
                Need::Events { events, days: _ } => format!("{} more events", count(events)),
                Need::Unreachable => "out of reach".to_owned(),
            });
        }
    }
    check(&document, &texts);
}

#[test]
fn window_scope_verdict_and_notes_are_in_every_report() {
    let mut document = sample::busy_day();
    document.scope.types = ["user.created".to_owned()].into();
    document.scope.streams = ["est_1".to_owned()].into();
    let window = document.window;
    let mut texts =
        [window.from, window.to, window.settled_until].map(|at| at.to_string()).to_vec();
    texts.extend(
        ["user.created", "est_1", "ne of the paths is good enough; it holds"].map(str::to_owned),
    );
    texts.extend(document.verdict.reasons.iter().cloned());
    // An apostrophe has its own form in HTML.
    texts.extend(document.notes.iter().filter(|note| !note.contains('\'')).cloned());
    check(&document, &texts);
}

#[test]
fn what_is_no_number_is_never_shown() {
    let mut document = sample::busy_day();
    let nan = f64::NAN;
    document.paths.webhook.latency_ms.p50 = Some(nan);
    document.paths.webhook.covered_seconds = nan;
    document.paths.webhook.hops[0].p99 = nan;
    document.paths.eventbridge.loss = Some(Interval { estimate: nan, low: nan, high: nan });
    document.costs.as_mut().unwrap().webhook.per_month = nan;
    check(&document, &[]);
}
