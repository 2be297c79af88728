//! The document as text for a terminal, at most [`WIDTH`] columns wide and without colour.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use crate::compare::words::{count, counted, duration, percent, probability, quantity};
use crate::compare::{Document, Interval, PathReport};
use crate::event::Path;

/// Columns of the widest line.
const WIDTH: u16 = 100;

/// Stands where a number cannot be computed.
const NO_DATA: &str = "no data";

/// The report as lines, each with its end.
pub fn terminal(document: &Document) -> String {
    let sections = [
        heading(document),
        lines(&paths(document)),
        lines(&pairs(document)),
        bullets("How it was counted", &document.notes),
        verdict(document),
    ];
    sections.join("\n")
}

fn heading(document: &Document) -> String {
    let window = document.window;
    let mut table = columns(&["", ""]);
    table.load_style(presets::NOTHING);
    table.add_row(["Window", &format!("{} to {}, by the events' time", window.from, window.to)]);
    table.add_row([
        "Settled until",
        &format!("{}; what is later may still arrive", window.settled_until),
    ]);
    let events = document.events;
    let counted = format!("{} of {} counted", count(events.settled), count(events.observed));
    table.add_row(["Events", &counted]);
    format!("Auth0 events by webhook and by EventBridge, compared\n\n{}", lines(&table))
}

fn paths(document: &Document) -> Table {
    let mut table = columns(&["Path", "webhook", "eventbridge"]);
    align_right(&mut table, &[1, 2]);
    let mut row = |title: &str, cell: &dyn Fn(&PathReport) -> String| {
        let [webhook, eventbridge] = Path::ALL.map(|path| cell(document.paths.of(path)));
        table.add_row([title, &webhook, &eventbridge]);
    };
    row("events seen", &|path| count(path.seen));
    row("missing (only the other path saw it)", &|path| known(path.missing, count));
    row("loss", &|path| known(path.loss, |loss| percent(loss.estimate)));
    row("loss, 95 % interval", &|path| known(path.loss, |loss| between(loss, percent)));
    row("duplicates (arrived again)", &|path| count(path.duplicates));
    row("out of order (after a later event)", &|path| known(path.out_of_order, count));
    row("latency, median", &|path| known(path.latency_ms.p50, duration));
    row("latency, 90 % are below", &|path| known(path.latency_ms.p90, duration));
    row("latency, 99 % are below", &|path| known(path.latency_ms.p99, duration));
    row("latency, 99.9 % are below", &|path| known(path.latency_ms.p999, duration));
    row("latency, longest", &|path| known(path.latency_ms.max, duration));
    row("latency below zero", &|path| match path.latency_ms.negative {
        0 => "0".to_owned(),
        negative => format!("{} (clock alarm)", count(negative)),
    });
    row("arrivals left out of latency", &|path| count(path.latency_ms.flagged));
    row("door open", &|path| duration(path.covered_seconds * 1e3));
    table
}

fn pairs(document: &Document) -> Table {
    let pairs = &document.pairs;
    let rules = pairs.paired_by;
    let mut table = columns(&["The same event on both paths", ""]);
    align_right(&mut table, &[1]);
    let mut row = |title: &str, value: String| {
        table.add_row([title.to_owned(), value]);
    };
    row("seen by both", count(pairs.both));
    row("seen by the webhook alone", count(pairs.webhook_only));
    row("seen by EventBridge alone", count(pairs.eventbridge_only));
    row(
        "seen by neither (estimate, at least)",
        known(document.unseen, |unseen| {
            format!("{}; 95 %: {}", quantity(unseen.estimate), between(unseen, quantity))
        }),
    );
    row(
        "do the paths lose equally? (McNemar, p)",
        known(document.mcnemar, |test| probability(test.p_value)),
    );
    row("paired by id / by content / ambiguous", {
        format!("{} / {} / {}", count(rules.id), count(rules.fallback), count(rules.ambiguous))
    });
    row("the webhook came first", known(pairs.webhook_first, |first| percent(first.share)));
    row(
        "the webhook came first, 95 % interval",
        known(pairs.webhook_first, |first| {
            format!("{} to {}", percent(first.low), percent(first.high))
        }),
    );
    let difference = pairs.difference_ms;
    row("EventBridge minus webhook, median", known(difference, |ms| duration(ms.median)));
    row(
        "EventBridge minus webhook, median's 95 % interval",
        known(difference.and_then(|ms| ms.low.zip(ms.high)), |(low, high)| {
            format!("{} to {}", duration(low), duration(high))
        }),
    );
    row(
        "EventBridge minus webhook, 90 % lie in",
        known(difference, |ms| format!("{} to {}", duration(ms.p5), duration(ms.p95))),
    );
    table
}

fn verdict(document: &Document) -> String {
    let verdict = &document.verdict;
    let needs = match verdict.needs_more_events {
        Some(more) => format!(" ({} more needed)", counted(more, "event")),
        None => String::new(),
    };
    let choice = verdict.choice.as_str().replace('_', " ");
    bullets(&format!("Verdict: {choice}{needs}"), &verdict.reasons)
}

fn bullets(title: &str, sentences: &[String]) -> String {
    let mut table = columns(&["", ""]);
    table.load_style(presets::NOTHING);
    for sentence in sentences {
        table.add_row(["-", sentence]);
    }
    format!("{title}\n{}", lines(&table))
}

fn columns(titles: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH);
    if titles.iter().any(|title| !title.is_empty()) {
        table.set_header(titles);
    }
    table
}

fn align_right(table: &mut Table, columns: &[usize]) {
    for index in columns {
        if let Some(column) = table.column_mut(*index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// The table's lines, without the blanks that fill them up.
fn lines(table: &Table) -> String {
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn known<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map_or_else(|| NO_DATA.to_owned(), show)
}

fn between(interval: Interval, show: impl Fn(f64) -> String) -> String {
    format!("{} to {}", show(interval.low), show(interval.high))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    /// Every line fits, and the report says all of this.
    #[track_caller]
    fn check(document: &Document, says: &[&str]) {
        let report = terminal(document);
        for line in report.lines() {
            assert!(line.chars().count() <= usize::from(WIDTH), "too wide: {line}");
        }
        for text in says {
            assert!(report.contains(text), "{text} is not in\n{report}");
        }
    }

    #[test]
    fn a_stranger_finds_every_number_and_how_it_was_counted() {
        let says = [
            "2026-03-01T00:00:00Z to 2026-03-02T00:00:00Z",
            "Settled until",
            "loss, 95 % interval",
            "latency, 99.9 % are below",
            "the webhook came first",
            "EventBridge minus webhook, median",
            "sent as a test",
            "had been delivered by the queue before",
            "Verdict: ",
        ];
        check(&sample::busy_day(), &says);
    }

    #[test]
    fn a_day_without_events_has_no_numbers() {
        check(&sample::quiet_day(), &["no data", "Verdict: not enough data"]);
    }

    #[test]
    fn the_largest_numbers_still_fit() {
        let mut document = sample::busy_day();
        document.paths.webhook.seen = u64::MAX;
        document.paths.webhook.missing = Some(u64::MAX);
        document.pairs.paired_by.id = u64::MAX;
        document.notes.push("word ".repeat(100));
        check(&document, &["18,446,744,073,709,551,615"]);
    }
}
