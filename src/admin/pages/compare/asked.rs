//! What the address of the page asks for: a window, types and streams.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::super::Desk;
use crate::compare::{self, Document, Scope, WindowAsked, WindowError};
use crate::journal::ReadError;

/// The query: `from`, `to`, and any number of `type` and `stream`. A field left blank asks for nothing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(in crate::admin::pages) struct Wanted {
    from: String,
    to: String,
    #[serde(rename = "type")]
    types: Vec<String>,
    #[serde(rename = "stream")]
    streams: Vec<String>,
}

/// Why nothing can be shown.
pub(super) enum Refusal {
    /// What was asked for is no window.
    Wrong(WindowError),
    /// The journal can't be read.
    Unreadable(ReadError),
}

impl Wanted {
    /// The start of the window, as it was written.
    pub(super) fn from(&self) -> Option<&str> {
        written(&self.from)
    }

    /// The end of the window, as it was written.
    pub(super) fn to(&self) -> Option<&str> {
        written(&self.to)
    }

    /// The types and streams.
    pub(super) fn scope(&self) -> Scope {
        let all = |texts: &[String]| -> BTreeSet<String> {
            texts.iter().filter_map(|text| written(text)).map(str::to_owned).collect()
        };
        Scope { types: all(&self.types), streams: all(&self.streams) }
    }

    /// The same types and streams from another start until now, as a query with its `?`.
    pub(super) fn since(&self, from: Option<&str>) -> String {
        query(from, None, &self.scope())
    }

    /// All of it as a query with its `?`.
    pub(super) fn query(&self) -> String {
        query(self.from(), self.to(), &self.scope())
    }

    /// The document that is asked for.
    pub(super) async fn compare(&self, desk: &Desk) -> Result<Document, Refusal> {
        let sources = &desk.sources;
        let now = sources.clock.now();
        let held = sources.reader.time_range().await.map_err(Refusal::Unreadable)?;
        let window = WindowAsked::parse(self.from(), self.to(), now)
            .and_then(|asked| asked.of(held))
            .map_err(Refusal::Wrong)?;
        compared(desk, window, self.scope()).await.map_err(Refusal::Unreadable)
    }
}

/// The one place of the pages that compares.
async fn compared(
    desk: &Desk,
    window: compare::Window,
    scope: Scope,
) -> Result<Document, ReadError> {
    let sources = &desk.sources;
    let now = sources.clock.now();
    compare::run(&sources.reader, &sources.compare, &scope, window, now).await
}

fn written(text: &str) -> Option<&str> {
    let text = text.trim();
    (!text.is_empty()).then_some(text)
}

fn query(from: Option<&str>, to: Option<&str>, scope: &Scope) -> String {
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    pairs.extend(from.map(|from| ("from", from)));
    pairs.extend(to.map(|to| ("to", to)));
    pairs.extend(scope.types.iter().map(|text| ("type", text.as_str())));
    pairs.extend(scope.streams.iter().map(|text| ("stream", text.as_str())));
    match serde_html_form::to_string(pairs) {
        Ok(query) if !query.is_empty() => format!("?{query}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(asked: &str, query: &str, types: &[&str]) {
        let wanted: Wanted = serde_html_form::from_str(asked).unwrap();
        assert_eq!(wanted.query(), query);
        assert!(wanted.scope().types.iter().eq(types), "{wanted:?}");
    }

    #[test]
    fn a_query_is_read_and_written() {
        check("", "", &[]);
        check("from=24h", "?from=24h", &[]);
        let both = "from=24h&to=1h&type=user.updated&type=user.created&stream=est_1";
        let sorted = "?from=24h&to=1h&type=user.created&type=user.updated&stream=est_1";
        check(both, sorted, &["user.created", "user.updated"]);
    }

    #[test]
    fn blank_fields_ask_for_nothing() {
        check("from=&to=+&type=&type=a&stream=", "?type=a", &["a"]);
    }

    #[test]
    fn texts_do_not_break_out_of_the_address() {
        check("type=a%26from%3D1%22%3C", "?type=a%26from%3D1%22%3C", &["a&from=1\"<"]);
    }

    #[test]
    fn another_window_keeps_the_types() {
        let wanted: Wanted = serde_html_form::from_str("from=1h&to=0s&type=a").unwrap();
        assert_eq!(wanted.since(Some("7d")), "?from=7d&type=a");
        assert_eq!(wanted.since(None), "?type=a");
    }
}
