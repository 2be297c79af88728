//! A table, before it has a form.

use askama::Template;

/// A table: what each row is, and its columns.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "compare_sheet.html")]
pub struct Sheet {
    /// What it is called in a link: `paths`.
    pub id: &'static str,
    /// What it shows; also the heading of the first column.
    pub title: &'static str,
    /// The other columns' headings; a single column without one has an empty heading.
    pub columns: Vec<&'static str>,
    /// Its rows, each with as many cells as there are columns.
    pub rows: Vec<Row>,
}

/// One row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What it is.
    pub title: Cell,
    /// The numbers.
    pub cells: Vec<Cell>,
}

/// A text of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// What it says.
    pub text: String,
    /// Whether others wrote it: then it is shown as code, and nothing in it has a meaning.
    pub is_foreign: bool,
}

impl Cell {
    /// A text that came from outside: a type, a stream, a pointer.
    pub fn foreign(text: &str) -> Self {
        Self { text: crate::event::legible(text), is_foreign: true }
    }
}

/// The text with its numbers kept together with what they count: `5 ms` is on one line.
pub(in crate::compare::report) fn joined(text: &str) -> String {
    let mut joined = String::new();
    for sign in text.chars() {
        let is_unit = sign == ' ' && joined.ends_with(|before: char| before.is_ascii_digit());
        joined.push(if is_unit { '\u{a0}' } else { sign });
    }
    joined
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, is_foreign: false }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl Row {
    /// A row of these texts.
    pub fn new<T: Into<Cell>>(title: impl Into<Cell>, cells: impl IntoIterator<Item = T>) -> Self {
        Self { title: title.into(), cells: cells.into_iter().map(Into::into).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(joined(text).replace('\u{a0}', "_"), expected);
    }

    #[test]
    fn a_number_and_its_unit_are_on_one_line() {
        check("5.2 ms (3 to 7 ms)", "5.2_ms (3_to 7_ms)");
        check("not enough data", "not enough data");
    }
}
