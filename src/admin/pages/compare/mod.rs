//! The two paths against each other, over a window.

mod asked;
mod download;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use self::asked::{Refusal, Wanted};
pub(super) use self::download::file;
use self::download::{FORMS, Form};
use super::query::Asked;
use super::session::Visitor;
use super::{Desk, Layout, Tab, assets, message, shown, unreadable};
use crate::compare::report::charts::{self, Figure};
use crate::compare::report::{self, Sheet};
use crate::compare::{Document, Scope};

/// The whole page: the same as in the HTML report, in the same order.
#[derive(Debug, Template)]
#[template(path = "compare.html")]
struct Compared {
    layout: Layout,
    windows: Vec<Choosable>,
    wanted: Wanted,
    scope: Scope,
    /// All that the address asks for, for the links to the files.
    query: String,
    document: Document,
    headline: String,
    /// `good`, `warn` or nothing.
    mood: &'static str,
    expected: String,
    sheets: Vec<Sheet>,
    figures: Vec<Figure>,
    forms: &'static [Form],
}

/// A window that can be chosen.
#[derive(Debug)]
struct Choosable {
    title: &'static str,
    url: String,
    is_chosen: bool,
}

/// What can be chosen by a link: a title, and how long before now it begins.
const WINDOWS: [(&str, Option<&str>); 4] = [
    ("Last hour", Some("1h")),
    ("24 hours", Some("24h")),
    ("7 days", Some("7d")),
    ("All there is", None),
];

/// The table that stands with the verdict.
const CRITERIA: &str = "expected";
/// Tables that stand with the method, at the end.
const LAST: [&str; 3] = ["counted", "excluded", "method"];

pub(super) async fn page(
    State(desk): State<Desk>,
    visitor: Visitor,
    Asked(wanted): Asked<Wanted>,
) -> Response {
    match wanted.compare(&desk).await {
        Ok(document) => {
            let layout = Layout::new(&desk, Tab::Compare, visitor);
            shown(StatusCode::OK, &Compared::new(layout, document, wanted))
        }
        Err(refusal) => refused(&desk, visitor, refusal),
    }
}

/// Says why nothing can be shown.
fn refused(desk: &Desk, visitor: Visitor, refusal: Refusal) -> Response {
    match refusal {
        Refusal::Wrong(wrong) => {
            let status = StatusCode::BAD_REQUEST;
            message(desk, visitor, status, "No such window", &wrong.to_string())
        }
        Refusal::Unreadable(error) => unreadable(desk, visitor, &error),
    }
}

impl Compared {
    fn new(layout: Layout, document: Document, wanted: Wanted) -> Self {
        let windows = WINDOWS.map(|(title, from)| Choosable {
            title,
            url: format!("/compare{}", wanted.since(from)),
            is_chosen: wanted.from() == from && wanted.to().is_none(),
        });
        Self {
            layout,
            windows: windows.into(),
            scope: wanted.scope(),
            query: wanted.query(),
            wanted,
            headline: report::headline(&document),
            mood: report::mood(document.verdict.choice),
            expected: report::expectation(&document),
            sheets: report::sheets(&document),
            figures: charts::all(&document),
            forms: &FORMS,
            document,
        }
    }

    /// What the verdict's expectation is made of.
    fn criteria(&self) -> Option<&Sheet> {
        self.sheets.iter().find(|sheet| sheet.id == CRITERIA)
    }

    /// The tables that stand before the charts.
    fn first(&self) -> impl Iterator<Item = &Sheet> {
        self.sheets.iter().filter(|sheet| sheet.id != CRITERIA && !LAST.contains(&sheet.id))
    }

    /// Those that stand after them.
    fn last(&self) -> impl Iterator<Item = &Sheet> {
        self.sheets.iter().filter(|sheet| LAST.contains(&sheet.id))
    }

    /// Whether the window is none of the links', or the events are not all.
    fn is_particular(&self) -> bool {
        self.scope != Scope::default() || self.windows.iter().all(|window| !window.is_chosen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::report::sample;

    /// The page of the document; it says all of this.
    #[track_caller]
    fn check(document: Document, says: &[&str]) {
        let layout = Layout {
            title: "Compare".into(),
            here: Some(Tab::Compare),
            visitor: Visitor::default(),
            mode: "both".into(),
        };
        let page = Compared::new(layout, document, Wanted::default()).render().unwrap();
        for text in says {
            assert!(page.contains(text), "{text} is not in\n{page}");
        }
        assert!(!page.contains("style=") && !page.contains("NaN"));
        assert_eq!(page.matches("<script").count(), 1);
    }

    #[test]
    fn the_page_shows_what_the_report_shows() {
        let document = sample::busy_day();
        let mut ids: Vec<String> = Vec::new();
        ids.extend(charts::all(&document).iter().map(|figure| format!("id=\"{}\"", figure.id)));
        ids.extend(report::sheets(&document).iter().map(|sheet| format!("id=\"{}\"", sheet.id)));
        assert_eq!(ids.len(), 17, "{ids:?}");
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        check(document, &ids);
    }

    #[test]
    fn texts_of_others_mean_nothing() {
        check(sample::extremes(), &["&#60;script&#62;", "18,446,744,073,709,551,615"]);
        check(sample::quiet_day(), &["Not enough data yet"]);
    }
}
