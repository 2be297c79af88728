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

use self::headline::{Around, Held};
pub(super) use self::timeline::{State, state};
pub(super) use self::view::Orders;
use self::view::Story;
use super::live::{self, Part};
use super::session::Visitor;
use super::{Desk, message, shown, unreadable};
use crate::event::EventId;
use crate::journal::{EventStory, ReadError};
use crate::telemetry::BreakerState;

/// How often a story is told again while it goes on.
const EVERY: Duration = Duration::from_secs(1);

/// The targets that are sent nothing for now.
async fn held(desk: &Desk) -> Result<Held, ReadError> {
    let states = desk.sources.health.targets().into_iter();
    let down = states.filter(|(_, state)| state.breaker != BreakerState::Closed);
    let mut held: Held = down.map(|(name, _)| (name.to_string(), "is down")).collect();
    let paused = desk.sources.reader.paused().await?.into_iter();
    held.extend(paused.map(|paused| (paused.target, "is paused")));
    Ok(held)
}

/// An event's story, with the targets that are sent nothing for now.
async fn read(desk: &Desk, id: &str) -> Result<Option<(EventStory, Held)>, ReadError> {
    match find(desk, id).await? {
        Some(story) => Ok(Some((story, held(desk).await?))),
        None => Ok(None),
    }
}

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
    match read(&desk, &id).await {
        Ok(Some((story, held))) => {
            let page = Story::of(&desk, visitor, &story, (around(&desk), &held));
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
            let (story, held) = read(&desk, &id).await.ok()??;
            let around = around(&desk);
            let part = |id, html| Part { id, html };
            Some(vec![
                part("story-head", view::Head::of(&story, around, &held).render().ok()?),
                part("story-way", view::Way::of(&story, around.now).render().ok()?),
                part("story-orders", Orders::of(&story, visitor).render().ok()?),
            ])
        }
    })
}
