//! Pausing and resuming a target.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::sheet::{Heading, Sheet, Typed, given, refused, sentence};
use crate::admin::orders::targets::{self, set_paused};
use crate::admin::orders::{Refusal, person};
use crate::admin::pages::guard::Ordered;
use crate::admin::pages::query::Asked;
use crate::admin::pages::session::Visitor;
use crate::admin::pages::{Desk, Tab, words};
use crate::event::legible;

#[derive(Debug, Deserialize)]
pub(in crate::admin::pages) struct Which {
    #[serde(default)]
    target: String,
}

pub(in crate::admin::pages) async fn pause(
    State(desk): State<Desk>,
    visitor: Visitor,
    Asked(which): Asked<Which>,
) -> Response {
    sheet(&desk, visitor, (&which.target, true), Typed::default()).await
}

pub(in crate::admin::pages) async fn resume(
    State(desk): State<Desk>,
    visitor: Visitor,
    Asked(which): Asked<Which>,
) -> Response {
    sheet(&desk, visitor, (&which.target, false), Typed::default()).await
}

pub(in crate::admin::pages) async fn paused(
    State(desk): State<Desk>,
    ordered: Ordered<Which>,
) -> Response {
    take(&desk, ordered, true).await
}

pub(in crate::admin::pages) async fn resumed(
    State(desk): State<Desk>,
    ordered: Ordered<Which>,
) -> Response {
    take(&desk, ordered, false).await
}

async fn take(desk: &Desk, ordered: Ordered<Which>, paused: bool) -> Response {
    let target = ordered.what.target.as_str();
    let taken = match person(ordered.who.clone(), ordered.why.clone()) {
        Ok(by) => set_paused(&desk.sources, target, paused, by).await,
        Err(refusal) => Err(refusal),
    };
    match taken {
        Ok(done) => given(done.order),
        Err(Refusal::Wrong(wrong)) => {
            let typed = Typed::of(&ordered, sentence(&wrong));
            sheet(desk, ordered.visitor.clone(), (target, paused), typed).await
        }
        Err(refusal) => refused(desk, ordered.visitor, &refusal),
    }
}

async fn sheet(
    desk: &Desk,
    visitor: Visitor,
    (name, pauses): (&str, bool),
    typed: Typed,
) -> Response {
    let targets = match targets::list(&desk.sources).await {
        Ok(targets) => targets,
        Err(error) => return refused(desk, visitor, &Refusal::Unreadable(error)),
    };
    let Some(target) = targets.iter().find(|target| target.name == name) else {
        let unknown = Refusal::Unknown("no target of this name in the configuration");
        return refused(desk, visitor, &unknown);
    };
    let shown = legible(&target.name);
    let (title, action) = if pauses {
        (format!("Pause {shown}"), "/orders/pause")
    } else {
        (format!("Resume {shown}"), "/orders/resume")
    };
    let back = ("Targets", "/targets".to_owned());
    let heading = Heading { title, tab: Tab::Targets, back, action };
    let mut sheet = Sheet::new(desk, visitor, heading, typed);
    sheet.fields = vec![("target".to_owned(), target.name.clone())];
    (sheet.explanation, sheet.button) = if pauses {
        (
            "It is sent nothing until it is resumed; its events wait. Attempts under way are not cut off.",
            "Pause it",
        )
    } else {
        ("It is sent its events again.", "Resume it")
    };
    sheet.facts = vec![("Waiting", words::count(target.pending))];
    if let Some(paused) = &target.paused {
        let by =
            format!("since {} by {}: {}", paused.since, legible(&paused.who), legible(&paused.why));
        sheet.facts.push(("Paused", by));
    }
    if target.paused.is_some() == pauses {
        let state = if pauses { "paused" } else { "not paused" };
        sheet.blocked = Some(format!("{shown} is {state} already."));
    }
    sheet.shown()
}
