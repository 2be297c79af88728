//! Whether everything is set up as it should be, as far as this gateway can tell by itself.

mod checks;
mod facts;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use self::checks::{checks, mood};
use self::facts::Facts;
use super::session::Visitor;
use super::{Desk, Layout, Tab, assets, shown, unreadable};
use crate::provision::doctor::{Check, Section, State as Found};

/// The whole page.
#[derive(Debug, Template)]
#[template(path = "setup.html")]
struct SetUp {
    layout: Layout,
    summary: String,
    mood: &'static str,
    sections: Vec<Section>,
}

impl SetUp {
    #[expect(clippy::unused_self, reason = "a template calls methods alone")]
    const fn mood_of(&self, check: &Check) -> &'static str {
        mood(check.found_to_be)
    }
}

pub(super) async fn page(State(desk): State<Desk>, visitor: Visitor) -> Response {
    match Facts::gather(&desk).await {
        Ok(facts) => {
            let layout = Layout::new(&desk, Tab::Setup, visitor);
            let sections = checks(&facts);
            let (summary, mood) = summary(&sections);
            shown(StatusCode::OK, &SetUp { layout, summary, mood, sections })
        }
        Err(error) => unreadable(&desk, visitor, &error),
    }
}

fn summary(sections: &[Section]) -> (String, &'static str) {
    let number = |found: Found| {
        let checks = sections.iter().flat_map(|section| &section.checks);
        checks.filter(|check| check.found_to_be == found).count()
    };
    match (number(Found::Bad), number(Found::Look)) {
        (0, 0) => ("Everything is as it should be.".into(), "good"),
        (0, 1) => ("One thing to look at.".into(), "warn"),
        (0, look) => (format!("{look} things to look at."), "warn"),
        (1, 0) => ("One thing is wrong.".into(), "bad"),
        (1, look) => (format!("One thing is wrong, {look} more to look at."), "bad"),
        (bad, look) => (format!("{bad} things are wrong, {look} more to look at."), "bad"),
    }
}
