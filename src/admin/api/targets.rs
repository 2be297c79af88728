//! Targets: their state, pausing and resuming them.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Body, Named};
use crate::admin::Sources;
use crate::admin::orders::targets::{self, Target};
use crate::admin::orders::{Refusal, person};

#[derive(Debug, Serialize)]
struct Targets {
    targets: Vec<Target>,
}

/// The targets of the configuration.
pub(in crate::admin) async fn list(State(sources): State<Sources>) -> Result<Response, Refusal> {
    Ok(Json(Targets { targets: targets::list(&sources).await? }).into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct PauseOrder {
    who: String,
    why: String,
}

/// Sends a target nothing until it is resumed.
pub(in crate::admin) async fn pause(
    State(sources): State<Sources>,
    Named(name): Named<String>,
    Body(order): Body<PauseOrder>,
) -> Result<Response, Refusal> {
    set_paused(&sources, &name, true, order).await
}

/// Sends a target events again.
pub(in crate::admin) async fn resume(
    State(sources): State<Sources>,
    Named(name): Named<String>,
    Body(order): Body<PauseOrder>,
) -> Result<Response, Refusal> {
    set_paused(&sources, &name, false, order).await
}

async fn set_paused(
    sources: &Sources,
    name: &str,
    paused: bool,
    order: PauseOrder,
) -> Result<Response, Refusal> {
    let by = person(order.who, order.why)?;
    let ordered = targets::set_paused(sources, name, paused, by).await?;
    let answer = json!({
        "order": ordered.order, "target": name, "paused": paused, "changed": ordered.changed > 0,
    });
    Ok(Json(answer).into_response())
}
