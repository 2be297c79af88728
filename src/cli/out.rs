//! Printing.

use std::io::{IsTerminal as _, Write as _};

use comfy_table::{CellAlignment, ContentArrangement, Table};

use crate::event::{Timestamp, legible};

/// To standard output. Whoever closed the pipe has read enough.
pub(super) fn print(text: &str) {
    bytes(text.as_bytes());
}

/// The same for what may be no text.
pub(super) fn bytes(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    drop(out.write_all(bytes).and_then(|()| out.flush()));
}

/// A line to standard output.
pub(super) fn line(text: &str) {
    print(&format!("{text}\n"));
}

/// A line to standard error, for people who wait.
pub(super) fn note(text: &str) {
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

/// A question to people at a terminal, whose answer follows on its line.
pub(super) fn ask(text: &str) {
    let mut out = std::io::stderr().lock();
    drop(write!(out, "{text}").and_then(|()| out.flush()));
}

/// An error, to standard error.
pub(super) fn error(text: &str) {
    note(&format!("error: {text}"));
}

/// Whether people look at standard error while it is written.
pub(super) fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}

/// Writes over the last line of a terminal that is standard error; an empty text clears it.
pub(super) fn renew_line(text: &str) {
    let mut out = std::io::stderr().lock();
    // ECMA-48: CSI K clears from the cursor to the end of the line. DECAWM (VT100): no line break at the
    // right edge meanwhile, so that a line too long is cut off instead of becoming two.
    drop(write!(out, "\r\u{1b}[?7l{text}\u{1b}[K\u{1b}[?7h").and_then(|()| out.flush()));
}

/// A time in a table, to the millisecond.
pub(super) fn time(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "–".to_owned(), |at| at.floor_to_millis().to_string())
}

/// A table without lines between its rows; `numbers` are the columns with numbers.
pub(super) fn table(header: &[&str], rows: Vec<Vec<String>>, numbers: &[usize]) -> String {
    let mut table = Table::new();
    table
        .load_style(comfy_table::presets::UTF8_BORDERS_ONLY)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(header);
    table.add_rows(rows);
    for column in numbers {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

/// Text of others for a place with few columns: the end may be cut off.
pub(super) fn short(text: &str, columns: usize) -> String {
    let text = legible(text);
    match text.char_indices().nth(columns) {
        None => text,
        Some(_) => text.chars().take(columns.saturating_sub(1)).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut_off() {
        assert_eq!(short("12345", 5), "12345");
        assert_eq!(short("123456", 5), "1234…");
        assert_eq!(short("日本日本日本", 5), "日本日本…");
        assert_eq!(short("", 5), "");
    }
}
