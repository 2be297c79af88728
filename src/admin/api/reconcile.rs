//! Passes of `reconcile`: ordering one, and how it stands.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use tracing::info;

use super::{Body, error};
use crate::admin::Sources;
use crate::event::{Timestamp, legible};
use crate::provision::reconcile::{Desk, NotTaken, Order, Selection};

/// How it stands: the pass under way, the last one, the Events API.
pub(in crate::admin) async fn show(State(sources): State<Sources>) -> Response {
    match &sources.reconcile {
        Some(desk) => Json(desk.status()).into_response(),
        None => nobody_to_ask(),
    }
}

/// A pass, as it is ordered. What is left out is as in the configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct PassOrder {
    who: String,
    why: String,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    force: bool,
    since: Option<Timestamp>,
    #[serde(default)]
    types: Vec<String>,
    most: Option<usize>,
    rate: Option<f64>,
}

/// Orders a pass. It is made beside the gateway's work; its number tells it from others.
pub(in crate::admin) async fn order(
    State(sources): State<Sources>,
    Body(order): Body<PassOrder>,
) -> Response {
    let Some(desk) = &sources.reconcile else { return nobody_to_ask() };
    if order.who.trim().is_empty() || order.why.trim().is_empty() {
        return error(StatusCode::BAD_REQUEST, "say who orders it, and why: `who` and `why`");
    }
    let (most, rate) = (order.most, order.rate);
    if most.is_some_and(|most| !(1..=5_000).contains(&most)) {
        return error(StatusCode::BAD_REQUEST, "`most` is outside 1 to 5000");
    }
    if rate.is_some_and(|rate| !(0.01..=10.0).contains(&rate)) {
        return error(StatusCode::BAD_REQUEST, "`rate` is outside 0.01 to 10 a second");
    }
    let (who, why, dry_run) = (legible(&order.who), legible(&order.why), order.dry_run);
    let ticket = match desk.order(pass_of(order, desk)) {
        Ok(ticket) => ticket,
        Err(NotTaken::Busy) => {
            let what = format!("{}: see GET /api/v1/reconcile", NotTaken::Busy);
            return error(StatusCode::CONFLICT, &what);
        }
        Err(too_long @ NotTaken::TooLong { .. }) => {
            return error(StatusCode::BAD_REQUEST, &too_long.to_string());
        }
    };
    info!(who, why, ticket, dry_run, "a pass of reconcile was ordered");
    let start = desk.status().start;
    (StatusCode::ACCEPTED, Json(json!({ "ticket": ticket, "start": start }))).into_response()
}

fn pass_of(order: PassOrder, desk: &Desk) -> Order {
    let defaults = desk.defaults();
    let selection = Selection {
        since: order.since,
        types: order.types,
        most: order.most.unwrap_or(defaults.most),
        insists: order.force,
    };
    // Who orders it asks for it, whatever passes do by themselves.
    let rate = order.rate.unwrap_or(defaults.rate);
    Order { selection, dry_run: order.dry_run, redeliver: true, rate, ticket: 0 }
}

fn nobody_to_ask() -> Response {
    let what =
        "no tenant is named: fill in [auth0] of the configuration, and start the gateway again";
    error(StatusCode::NOT_FOUND, what)
}
