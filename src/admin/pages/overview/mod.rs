//! Both lanes, live: what comes, who wins, what is well and what is not.
//!
//! Every card is a part of its own: a struct made of the last [`Pulse`], and a template.

mod alarms;
mod coverage;
mod health;
mod latest;
mod open;
mod paths;
mod race;
mod say;
mod versus;

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use tracing::error;

use self::alarms::Alarms;
use self::coverage::CoverageCard;
use self::health::HealthCard;
use self::latest::LatestCard;
use self::open::OpenCard;
use self::paths::PathCard;
use self::race::RaceCard;
use self::versus::VersusCard;
use super::live::{self, Part};
use super::pulse::Pulse;
use super::session::Visitor;
use super::{Desk, Layout, Tab, assets, message, shown};
use crate::event::{Path, PathSet};
use crate::telemetry::Chain;

/// What the cards are made of: a moment, and what the configuration says.
#[derive(Debug, Clone, Copy)]
struct View<'a> {
    pulse: &'a Pulse,
    mode: PathSet,
    /// How long the second arrival of an event may take.
    grace: Duration,
}

/// The whole page.
#[derive(Debug, Template)]
#[template(path = "overview/page.html")]
struct Overview {
    layout: Layout,
    parts: Parts,
}

/// Every card, rendered.
#[derive(Debug, Default)]
struct Parts {
    alarms: String,
    race: String,
    webhook: String,
    eventbridge: String,
    versus: String,
    open: String,
    health: String,
    coverage: String,
    latest: String,
}

impl Parts {
    fn render(desk: &Desk, pulse: &Pulse) -> askama::Result<Self> {
        let sources = &desk.sources;
        let view = View { pulse, mode: sources.mode, grace: sources.compare.grace };
        Ok(Self {
            alarms: Alarms::of(view).render()?,
            race: RaceCard::of(view).render()?,
            webhook: PathCard::of(view, Path::Webhook).render()?,
            eventbridge: PathCard::of(view, Path::Eventbridge).render()?,
            versus: VersusCard::of(view).render()?,
            open: OpenCard::of(view).render()?,
            health: HealthCard::of(view).render()?,
            coverage: CoverageCard::of(view).render()?,
            latest: LatestCard::of(view).render()?,
        })
    }

    fn into_parts(self) -> Vec<Part> {
        [
            ("alarms", self.alarms),
            ("race", self.race),
            ("webhook", self.webhook),
            ("eventbridge", self.eventbridge),
            ("versus", self.versus),
            ("open", self.open),
            ("health", self.health),
            ("coverage", self.coverage),
            ("latest", self.latest),
        ]
        .map(|(id, html)| Part { id, html })
        .into()
    }
}

pub(super) async fn page(State(desk): State<Desk>, visitor: Visitor) -> Response {
    let Some(pulse) = desk.pulses.fresh(desk.sources.clock.now()).await else {
        let text = "The journal can't be read, or not yet. The log says why. Nothing is lost by it: \
                    what came in stays on disk.";
        let title = "Nothing to show yet";
        return message(&desk, visitor, StatusCode::SERVICE_UNAVAILABLE, title, text);
    };
    match Parts::render(&desk, &pulse) {
        Ok(parts) => {
            let layout = Layout::new(&desk, Tab::Overview, visitor);
            shown(StatusCode::OK, &Overview { layout, parts })
        }
        Err(error) => {
            error!(error = %Chain(&error), "a page can't be made");
            let text =
                "This is a fault of the gateway's pages alone; events are taken in all the same.";
            message(&desk, visitor, StatusCode::INTERNAL_SERVER_ERROR, "No page", text)
        }
    }
}

pub(super) async fn live(State(desk): State<Desk>) -> Response {
    let source = desk.clone();
    live::stream_of(&desk, desk.pulses.watch(), move |pulse: &Option<Arc<Pulse>>| {
        Some(Parts::render(&source, pulse.as_ref()?).ok()?.into_parts())
    })
}
