//! One event's whole story: how it came by both paths, every attempt, what is left of it.

mod axis;
#[cfg(test)]
pub(super) mod fixture;
pub(super) mod headline;
mod timeline;
mod view;

use std::time::Duration;

use askama::Template as _;
use axum::extract::{Path, State as Shared};
use axum::response::Response;
use http::StatusCode;

use self::headline::Around;
pub(super) use self::timeline::{State, state};
pub(super) use self::view::Orders;
use self::view::Story;
use super::live::{self, Part};
use super::session::Visitor;
use super::{Desk, message, shown, unreadable};
use crate::event::EventId;
use crate::journal::{EventStory, ReadError};

/// How often a story is told again while it goes on.
const EVERY: Duration = Duration::from_secs(1);

async fn find(desk: &Desk, id: &str) -> Result<Option<EventStory>, ReadError> {
    match EventId::parse(id) {
        Ok(id) => desk.sources.reader.event(id).await,
        Err(_) => Ok(None),
    }
}

fn around(desk: &Desk) -> Around {
    let sources = &desk.sources;
    let (mode, grace) = (sources.mode, sources.compare.grace);
    Around { mode, grace, now: sources.clock.now() }
}

pub(super) async fn page(
    Shared(desk): Shared<Desk>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Response {
    match find(&desk, &id).await {
        Ok(Some(story)) => {
            let page = Story::of(&desk, visitor, &story, around(&desk));
            shown(StatusCode::OK, &page)
        }
        Ok(None) => {
            let text = "No event of this id: it never came, or it is older than journal.keep.";
            message(&desk, visitor, StatusCode::NOT_FOUND, "No such event", text)
        }
        Err(error) => unreadable(&desk, visitor, &error),
    }
}

pub(super) async fn live(
    Shared(desk): Shared<Desk>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Response {
    let source = desk.clone();
    live::stream(&desk, EVERY, move || {
        let (desk, id, visitor) = (source.clone(), id.clone(), visitor.clone());
        async move {
            let story = find(&desk, &id).await.ok()??;
            let around = around(&desk);
            let part = |id, html| Part { id, html };
            Some(vec![
                part("story-head", view::Head::of(&story, around).render().ok()?),
                part("story-way", view::Way::of(&story, around.now).render().ok()?),
                part("story-orders", Orders::of(&story, visitor).render().ok()?),
            ])
        }
    })
}
