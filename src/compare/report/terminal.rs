//! The document as text for a terminal, at most [`WIDTH`] columns wide and without colour.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::rows::{self, Row};
use crate::compare::Document;
use crate::compare::words::count;

/// Columns of the widest line.
const WIDTH: u16 = 100;

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
    for Row { title, cells } in rows::paths(document) {
        let [webhook, eventbridge] = cells;
        table.add_row([title, &webhook, &eventbridge]);
    }
    table
}

fn pairs(document: &Document) -> Table {
    let mut table = columns(&["The same event on both paths", ""]);
    align_right(&mut table, &[1]);
    for Row { title, cells: [cell] } in rows::pairs(document) {
        table.add_row([title, &cell]);
    }
    table
}

fn verdict(document: &Document) -> String {
    bullets(&format!("Verdict: {}", rows::verdict(document)), &document.verdict.reasons)
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
