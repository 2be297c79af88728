//! The document as Markdown of GitHub's flavour, to be pasted into a pull request or a wiki.
//!
//! Source: GitHub Flavored Markdown Spec 0.29, sections 4.10 (tables), 6.1 (backslash escapes), 6.3
//! (code spans).

use super::said;
use super::sheets::{self, Cell, Sheet};
use crate::compare::Document;
use crate::event::legible;

/// The report as lines, each with its end.
pub fn markdown(document: &Document) -> String {
    let window = document.window;
    let mut lines = vec![
        "# Auth0 events by webhook and by EventBridge, compared".to_owned(),
        String::new(),
        format!(
            "**Verdict: {}.** {} to {}, by the events' time.",
            escape(&said::headline(document)),
            window.from,
            window.to
        ),
        String::new(),
    ];
    lines.extend(bullets(&document.verdict.reasons));
    lines.extend([String::new(), format!("{}.", escape(&said::expectation(document)))]);
    for sheet in sheets::all(document) {
        lines.extend(table(&sheet));
    }
    lines.extend(["", "## How it was counted", ""].map(str::to_owned));
    lines.extend(bullets(&document.notes));
    lines.push(String::new());
    lines.join("\n")
}

fn bullets(sentences: &[String]) -> impl Iterator<Item = String> {
    sentences.iter().map(|sentence| format!("- {}", escape(&legible(sentence))))
}

fn table(sheet: &Sheet) -> Vec<String> {
    let heading = sheet.columns.iter().map(|column| escape(column));
    let rule = sheet.columns.iter().map(|_| "---:".to_owned());
    let mut lines = vec![String::new(), format!("## {}", escape(sheet.title)), String::new()];
    lines.push(row(" ".to_owned(), heading));
    lines.push(row("---".to_owned(), rule));
    lines.extend(sheet.rows.iter().map(|it| row(cell(&it.title), it.cells.iter().map(cell))));
    lines
}

fn row(title: String, cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = std::iter::once(title).chain(cells).collect();
    format!("| {} |", cells.join(" | "))
}

fn cell(cell: &Cell) -> String {
    if cell.is_foreign { code(&cell.text) } else { escape(&cell.text) }
}

/// Text in which nothing has a meaning. Entities are decoded before anything is made a mention, so
/// that `@` gets something beside it that is not seen.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for sign in text.chars() {
        match sign {
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '!' | '$' => {
                escaped.push('\\');
                escaped.push(sign);
            }
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '@' => escaped.push_str("@\u{200b}"),
            // Bare addresses become links of their own accord.
            ':' if escaped.ends_with("http") || escaped.ends_with("https") => {
                escaped.push_str(":\u{200b}");
            }
            '\n' | '\r' => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Text of others as a code span: its fence is longer than any run of backticks in it. In a table a
/// `|` has to be escaped even there.
fn code(text: &str) -> String {
    let runs = text.split(|sign| sign != '`').map(str::len);
    let fence = "`".repeat(runs.max().unwrap_or(0) + 1);
    let text = text.replace('|', "\\|").replace(['\n', '\r'], " ");
    // Beside a backtick there has to be a blank, of which one on each side is taken away again.
    let pad = if text.is_empty() || text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{text}{pad}{fence}")
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    /// Every row of every table has as many cells as its heading.
    #[track_caller]
    fn check(document: &Document, says: &[&str]) {
        let report = markdown(document);
        let bars = |line: &str| line.replace("\\|", "").matches('|').count();
        let mut columns = None;
        for row in report.lines() {
            if row.starts_with('|') {
                let expected = *columns.get_or_insert_with(|| bars(row));
                assert_eq!(bars(row), expected, "{row}");
            } else {
                columns = None;
            }
        }
        for text in says {
            assert!(report.contains(text), "{text} is not in\n{report}");
        }
        // A code span's fence is of two backticks where the text has one.
        let prose: String = report.split("``").step_by(2).collect();
        assert!(!prose.contains("<script") && !prose.contains("[x](http"), "{prose}");
    }

    #[test]
    fn every_number_stands_in_a_table() {
        let says = [
            "**Verdict: Keep the webhook.** 2026-03-01T00:00:00Z to 2026-03-02T00:00:00Z",
            "| events seen | 11,988 | 11,993 |",
            "| `/data/object/updated_at` | 11 |",
            "| --- | ---: | ---: |",
            "- The webhook missed 5 of 11,870",
        ];
        check(&sample::busy_day(), &says);
        check(&sample::quiet_day(), &["| events seen | 0 | 0 |", "no data"]);
        check(&sample::one_door(), &["11,988"]);
    }

    #[test]
    fn texts_of_others_mean_nothing() {
        check(
            &sample::extremes(),
            &["&lt;script&gt;", "\\|", "@\u{200b}b", "\\[x\\](https:\u{200b}//"],
        );
    }

    #[test]
    fn signs_that_mean_something_are_escaped() {
        let escaped = r"\\ \` \* \_ \[ \] \# \| \~ \! \$ &lt; &gt; &amp; - .";
        assert_eq!(escape(r"\ ` * _ [ ] # | ~ ! $ < > & - ."), escaped);
        assert_eq!(escape("a\r\nb"), "a  b");
    }

    #[track_caller]
    fn check_code(text: &str, expected: &str) {
        assert_eq!(code(text), expected);
    }

    #[test]
    fn a_code_span_holds_any_text() {
        check_code("user.created", "`user.created`");
        check_code("a|b", "`a\\|b`");
        check_code("a``b`", "``` a``b` ```");
        check_code("", "`  `");
    }
}
