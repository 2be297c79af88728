//! What came and could not be understood: the list, and the bytes of one.

use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};

use super::live::{self, Part};
use super::moment::Moment;
use super::query::Asked;
use super::session::Visitor;
use super::{Desk, Layout, Tab, assets, message, shown, unreadable, words};
use crate::event::{Path as By, legible};
use crate::journal::{QuarantineFilter, QuarantinedBytes, QuarantinedSummary, ReadError};

/// Rows on a page.
const PAGE: usize = 50;
const EVERY: Duration = Duration::from_secs(1);
/// Bytes shown of a text, and of what is none.
const TEXT_MAX: usize = 64 * 1024;
const HEX_MAX: usize = 4 * 1024;

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Filter {
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<i64>,
}

impl Filter {
    fn url(&self, path: &str) -> String {
        let query = serde_html_form::to_string(self).unwrap_or_default();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }
}

/// The whole page.
#[derive(Debug, Template)]
#[template(path = "quarantine.html")]
struct Quarantine {
    layout: Layout,
    reasons: Vec<Reason>,
    rows: Vec<Row>,
    older: Option<String>,
    newest: Option<String>,
    now: Now,
    live: String,
    read_all: String,
}

/// How many are kept for one reason.
#[derive(Debug)]
struct Reason {
    words: String,
    count: String,
    url: String,
    is_here: bool,
}

#[derive(Debug)]
struct Row {
    no: i64,
    at: Moment,
    path: By,
    reason: String,
    detail: String,
    bytes: String,
    message: Option<String>,
}

impl Row {
    fn of(one: &QuarantinedSummary) -> Self {
        Self {
            no: one.no,
            at: Moment::of(one.at),
            path: one.path,
            reason: legible(&one.reason),
            detail: legible(&one.detail),
            bytes: words::count(one.stored_bytes),
            message: one.message_id.as_deref().map(legible),
        }
    }
}

/// Whether there are more or fewer than when the page was loaded.
#[derive(Debug, Template)]
#[template(path = "quarantine_now.html")]
struct Now {
    count: u64,
    said: String,
    has_changed: bool,
}

impl Now {
    fn of(count: u64, then: Option<u64>) -> Self {
        let said = match count {
            0 => "Nothing is quarantined.".to_owned(),
            1 => "1 is kept.".to_owned(),
            _ => format!("{} are kept.", words::count(count)),
        };
        Self { count, said, has_changed: then.is_some_and(|then| then != count) }
    }
}

pub(super) async fn page(
    State(desk): State<Desk>,
    visitor: Visitor,
    Asked(filter): Asked<Filter>,
) -> Response {
    match whole(&desk, visitor.clone(), &filter).await {
        Ok(page) => shown(StatusCode::OK, &page),
        Err(error) => unreadable(&desk, visitor, &error),
    }
}

async fn whole(desk: &Desk, visitor: Visitor, filter: &Filter) -> Result<Quarantine, ReadError> {
    let reader = &desk.sources.reader;
    let counts = reader.counts().await?.quarantined;
    let all = counts.iter().map(|(_, count)| count).sum();
    let reason = (!filter.reason.is_empty()).then(|| filter.reason.clone());
    let asked = QuarantineFilter { reason, before: filter.before, limit: PAGE + 1 };
    let mut found = reader.quarantined(asked).await?;
    let more = found.len() > PAGE;
    found.truncate(PAGE);
    let last = if more { found.last().map(|last| last.no) } else { None };
    let with = |before| Filter { before, ..filter.clone() }.url("/quarantine");
    let of = |reason: &str| Filter { reason: reason.to_owned(), before: None };
    let read_all = if filter.reason.is_empty() {
        "/orders/reprocess?all=on".to_owned()
    } else {
        of(&filter.reason).url("/orders/reprocess")
    };
    Ok(Quarantine {
        layout: Layout::new(desk, Tab::Quarantine, visitor),
        reasons: std::iter::once(("", all))
            .chain(counts.iter().map(|(reason, count)| (reason.as_str(), *count)))
            .map(|(reason, count)| Reason {
                words: if reason.is_empty() { "all".to_owned() } else { legible(reason) },
                count: words::count(count),
                url: of(reason).url("/quarantine"),
                is_here: reason == filter.reason,
            })
            .collect(),
        rows: found.iter().map(Row::of).collect(),
        older: last.map(|last| with(Some(last))),
        newest: filter.before.map(|_| with(None)),
        live: format!("/quarantine/live?then={all}"),
        now: Now::of(all, None),
        read_all,
    })
}

#[derive(Debug, Deserialize)]
pub(super) struct Then {
    then: Option<u64>,
}

pub(super) async fn live(State(desk): State<Desk>, Asked(then): Asked<Then>) -> Response {
    let source = desk.clone();
    live::stream(&desk, EVERY, move || {
        let desk = source.clone();
        async move {
            let counts = desk.sources.reader.counts().await.ok()?.quarantined;
            let all = counts.iter().map(|(_, count)| count).sum();
            let html = Now::of(all, then.then).render().ok()?;
            Some(vec![Part { id: "quarantine-now", html }])
        }
    })
}

/// The page of one.
#[derive(Debug, Template)]
#[template(path = "quarantined.html")]
struct Quarantined {
    layout: Layout,
    row: Row,
    bytes: String,
    shown: Bytes,
}

/// Bytes of others, in letters that do nothing.
#[derive(Debug, PartialEq, Eq)]
struct Bytes {
    is_text: bool,
    lines: String,
    is_cut: bool,
}

impl Bytes {
    /// As text, with what can't be printed by its code; what is no text, sixteen bytes a line.
    fn of(body: &[u8]) -> Self {
        if let Ok(text) = str::from_utf8(body) {
            let end = text.floor_char_boundary(TEXT_MAX);
            let (shown, _) = text.split_at(end);
            let line = |line: &str| line.split('\t').map(legible).collect::<Vec<_>>().join("\t");
            let lines: Vec<String> = shown.split('\n').map(line).collect();
            return Self { is_text: true, lines: lines.join("\n"), is_cut: end < text.len() };
        }
        let lines = body.chunks(16).take(HEX_MAX / 16).enumerate();
        let lines: Vec<String> = lines.map(|(place, chunk)| hex_line(place * 16, chunk)).collect();
        Self { is_text: false, lines: lines.join("\n"), is_cut: body.len() > HEX_MAX }
    }
}

/// `00000010  68 65 …  he…`.
fn hex_line(offset: usize, chunk: &[u8]) -> String {
    let hex: Vec<String> = chunk.iter().map(|byte| format!("{byte:02x}")).collect();
    let printable = |byte: &u8| if matches!(byte, 0x20..=0x7e) { char::from(*byte) } else { '·' };
    let text: String = chunk.iter().map(printable).collect();
    format!("{offset:08x}  {:<47}  {text}", hex.join(" "))
}

async fn find(desk: &Desk, no: &str) -> Result<Option<QuarantinedBytes>, ReadError> {
    match no.parse() {
        Ok(no) => desk.sources.reader.quarantined_bytes(no).await,
        Err(_) => Ok(None),
    }
}

fn missing(desk: &Desk, visitor: Visitor) -> Response {
    let text = "Nothing is quarantined under this number.";
    message(desk, visitor, StatusCode::NOT_FOUND, "Not quarantined", text)
}

pub(super) async fn one(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(no): Path<String>,
) -> Response {
    match find(&desk, &no).await {
        Ok(Some(found)) => {
            let mut layout = Layout::new(&desk, Tab::Quarantine, visitor);
            layout.title = format!("Quarantined {}", found.summary.no);
            let bytes = words::count(u64::try_from(found.body.len()).unwrap_or(u64::MAX));
            let row = Row::of(&found.summary);
            let page = Quarantined { layout, row, bytes, shown: Bytes::of(&found.body) };
            shown(StatusCode::OK, &page)
        }
        Ok(None) => missing(&desk, visitor),
        Err(error) => unreadable(&desk, visitor, &error),
    }
}

/// The bytes alone, as they came: to be kept in a file, never to be shown, since a sender wrote them.
pub(super) async fn raw(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(no): Path<String>,
) -> Response {
    match find(&desk, &no).await {
        Ok(Some(found)) => {
            let name = format!("attachment; filename=\"quarantined-{}.bin\"", found.summary.no);
            let kind = "application/octet-stream".to_owned();
            let headers = [(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)];
            (headers, found.body).into_response()
        }
        Ok(None) => missing(&desk, visitor),
        Err(error) => unreadable(&desk, visitor, &error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &[u8], is_text: bool, expected: &str) {
        let shown = Bytes::of(body);
        assert_eq!((shown.is_text, shown.lines.as_str()), (is_text, expected));
        assert!(!shown.is_cut);
    }

    #[test]
    fn bytes_are_shown_in_letters_that_do_nothing() {
        check(b"{\n\t\"a\": 1}\r\n", true, "{\n\t\"a\": 1}\\r\n");
        check("a\u{1b}[2J\u{202e}".as_bytes(), true, "a\\u{1b}[2J\\u{202e}");
        let hex = "00000000  00 ff 41                                         ··A";
        check(b"\x00\xffA", false, hex);
    }

    #[test]
    fn what_is_long_is_cut() {
        let text = "é".repeat(TEXT_MAX);
        let shown = Bytes::of(text.as_bytes());
        assert!(shown.is_cut && shown.lines.len() <= TEXT_MAX);
        let hex = Bytes::of(&[0xff; 2 * HEX_MAX]);
        assert!(hex.is_cut);
        assert_eq!(hex.lines.lines().count(), HEX_MAX / 16);
    }
}
