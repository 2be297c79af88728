//! The sheet on which an order is given: what would be done, by whom, and why.
//!
//! Every order has one. Reached by a link, it says what would be done; sent, it is done, and leads to the
//! order. What is wrong with it is said on the sheet itself, with what was typed.

use askama::Template;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use tracing::error;

use crate::admin::orders::Refusal;
use crate::admin::pages::guard::Ordered;
use crate::admin::pages::letters::Row;
use crate::admin::pages::session::Visitor;
use crate::admin::pages::{Desk, Layout, Tab, assets, message, shown, unreadable};
use crate::journal::OrderNo;
use crate::telemetry::Chain;

/// An order that can be given.
#[derive(Debug, Template)]
#[template(path = "sheet.html")]
pub(super) struct Sheet {
    layout: Layout,
    /// Where it came from.
    back: (&'static str, String),
    /// What follows from it.
    pub(super) explanation: &'static str,
    /// What would be done, in a line.
    pub(super) would: String,
    /// What there is to know of it.
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) remarks: Vec<String>,
    /// The first few letters that it would touch.
    pub(super) sample: Vec<Row>,
    /// There are more than these.
    pub(super) has_more: bool,
    /// Where it is sent, and what with.
    action: &'static str,
    pub(super) fields: Vec<(String, String)>,
    /// Letters a second, where that can be said.
    pub(super) rate: Option<String>,
    pub(super) button: &'static str,
    pub(super) is_grave: bool,
    /// Why it can't be given.
    pub(super) blocked: Option<String>,
    typed: Typed,
}

/// What was typed into a sheet that was not taken.
#[derive(Debug, Clone, Default)]
pub(super) struct Typed {
    pub(super) who: String,
    pub(super) why: String,
    /// What is wrong with it.
    pub(super) wrong: Option<String>,
}

impl Typed {
    pub(super) fn of<T>(ordered: &Ordered<T>, wrong: String) -> Self {
        let (who, why) = (ordered.who.clone(), ordered.why.clone());
        Self { who, why, wrong: Some(wrong) }
    }
}

/// What a sheet is called, and where it is.
#[derive(Debug, Clone)]
pub(super) struct Heading {
    pub(super) title: String,
    pub(super) tab: Tab,
    pub(super) back: (&'static str, String),
    pub(super) action: &'static str,
}

impl Sheet {
    pub(super) fn new(desk: &Desk, visitor: Visitor, heading: Heading, typed: Typed) -> Self {
        let Heading { title, tab, back, action } = heading;
        let mut layout = Layout::new(desk, tab, visitor);
        layout.title = title;
        Self {
            layout,
            back,
            explanation: "",
            would: String::new(),
            facts: Vec::new(),
            remarks: Vec::new(),
            sample: Vec::new(),
            has_more: false,
            action,
            fields: Vec::new(),
            rate: None,
            button: "Order it",
            is_grave: false,
            blocked: None,
            typed,
        }
    }

    /// As a page: 400 where something is wrong with what was typed.
    pub(super) fn shown(&self) -> Response {
        let is_wrong = self.typed.wrong.is_some();
        shown(if is_wrong { StatusCode::BAD_REQUEST } else { StatusCode::OK }, self)
    }
}

/// Leads to the order that was given.
pub(super) fn given(order: OrderNo) -> Response {
    Redirect::to(&format!("/orders/{}", order.0)).into_response()
}

/// A page for an order that can't be given at all.
pub(super) fn refused(desk: &Desk, visitor: Visitor, refusal: &Refusal) -> Response {
    let (status, title) = match refusal {
        Refusal::Wrong(_) => (StatusCode::BAD_REQUEST, "Not ordered"),
        Refusal::Unknown(_) => (StatusCode::NOT_FOUND, "Not there"),
        Refusal::TooLate(_) => (StatusCode::CONFLICT, "Too late"),
        Refusal::Unreadable(error) => return unreadable(desk, visitor, error),
        Refusal::Unwritable(error) => {
            error!(error = %Chain(error), "an order could not be taken");
            let text = "The journal can't be changed; the log says why. Nothing was ordered.";
            return message(desk, visitor, StatusCode::SERVICE_UNAVAILABLE, "Not ordered", text);
        }
    };
    message(desk, visitor, status, title, &sentence(&refusal.to_string()))
}

/// An error's text as a sentence.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str().trim_end_matches('.'))
}
