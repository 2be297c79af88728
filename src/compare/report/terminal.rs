//! The document as text for a terminal, at most [`WIDTH`] columns wide and without colour.

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle, presets};

use super::said;
use super::sheets::{self, Sheet};
use crate::compare::Document;
use crate::event::legible;

/// Columns of the widest line.
const WIDTH: u16 = 100;

/// A line below the heading, and nothing else: a screen has few lines.
const RULED: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─'));

/// Tables whose numbers the notes have in sentences already.
const SAID_IN_NOTES: [&str; 2] = ["excluded", "method"];

/// The report as lines, each with its end.
pub fn terminal(document: &Document) -> String {
    let verdict = &document.verdict;
    let mut sections = vec![
        "Auth0 events by webhook and by EventBridge, compared\n".to_owned(),
        bullets(&format!("Verdict: {}", said::verdict(document)), &verdict.reasons),
        format!("{}\n", capital(&said::expectation(document))),
    ];
    let sheets = sheets::all(document);
    let sheets = sheets.iter().filter(|sheet| !SAID_IN_NOTES.contains(&sheet.id));
    sections.extend(sheets.map(|sheet| lines(&table(sheet))));
    sections.push(bullets("How it was counted", &document.notes));
    sections.join("\n")
}

fn capital(sentence: &str) -> String {
    let mut signs = sentence.chars();
    let first = signs.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(signs).collect()
}

fn table(sheet: &Sheet) -> Table {
    let mut table = columns();
    table.load_style(RULED);
    let titles = std::iter::once(sheet.title).chain(sheet.columns.iter().copied());
    table.set_header(titles);
    for row in &sheet.rows {
        let cells = row.cells.iter().map(|cell| cell.text.as_str());
        table.add_row(std::iter::once(row.title.text.as_str()).chain(cells));
    }
    for index in 1..=sheet.columns.len() {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn bullets(title: &str, sentences: &[String]) -> String {
    let mut table = columns();
    table.load_style(presets::NOTHING);
    for sentence in sentences {
        table.add_row(["-", &legible(sentence)]);
    }
    format!("{title}\n{}", lines(&table))
}

fn columns() -> Table {
    let mut table = Table::new();
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH);
    table
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

    /// Every line fits, and the report says all of this, in this order.
    #[track_caller]
    fn check(document: &Document, says: &[&str]) {
        let report = terminal(document);
        for line in report.lines() {
            assert!(line.chars().count() <= usize::from(WIDTH), "too wide: {line}");
            assert!(!line.contains('\u{1b}'), "{line:?}");
        }
        let mut rest = report.as_str();
        for text in says {
            let after = rest.split_once(text).map(|(_, after)| after);
            rest = after.unwrap_or_else(|| panic!("{text} is not in\n{rest}"));
        }
    }

    #[test]
    fn what_a_reader_decides_from_comes_first() {
        let says = [
            "Verdict: webhook",
            "Expected: one of the paths is good enough; it holds",
            "webhook, cost a month",
            "Each path by itself",
            "loss while both doors were open",
            "The same event on both paths",
            "the webhook came first",
            "EventBridge minus webhook, median",
            "The way, stretch by stretch",
            "/data/object/updated_at",
            "Cost a month",
            "To claim",
            "9,040 more events, about 18 h",
            "2026-03-01T00:00:00Z",
            "How it was counted",
            "118 too young to be judged, 24 sent as a test",
            "26 had been delivered by the queue before",
        ];
        check(&sample::busy_day(), &says);
    }

    #[test]
    fn a_busy_day_is_two_screens() {
        let lines = terminal(&sample::busy_day()).lines().count();
        assert!(lines <= 140, "{lines} lines");
    }

    #[test]
    fn a_day_without_events_has_no_numbers_and_few_lines() {
        check(&sample::quiet_day(), &["Verdict: not enough data", "no data"]);
        check(&sample::one_door(), &["Verdict: not enough data", "11,988"]);
    }

    #[test]
    fn the_largest_numbers_still_fit() {
        check(&sample::extremes(), &["18,446,744,073,709,551,615"]);
    }
}
