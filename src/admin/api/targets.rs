//! Targets: their state, pausing and resuming them.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::orders::{person, unwritable};
use super::{Body, Named, error, unreadable};
use crate::admin::Sources;
use crate::event::Timestamp;
use crate::journal::PausedTarget;

#[derive(Debug, Serialize)]
struct Targets {
    targets: Vec<Target>,
}

#[derive(Debug, Serialize)]
struct Target {
    name: String,
    /// Deliveries that have not ended.
    pending: u64,
    /// When the oldest of them came.
    oldest: Option<Timestamp>,
    /// Who paused it, when and why; `null` when it is not.
    paused: Option<PausedTarget>,
}

/// The targets of the configuration.
pub(in crate::admin) async fn list(State(sources): State<Sources>) -> Response {
    let (counts, paused) = match (sources.reader.counts().await, sources.reader.paused().await) {
        (Ok(counts), Ok(paused)) => (counts, paused),
        (Err(error), _) | (_, Err(error)) => return unreadable(&error),
    };
    let targets = sources.targets.iter().map(|name| {
        let routes = || counts.pending.iter().filter(|route| *route.target == **name);
        Target {
            name: name.to_string(),
            pending: routes().map(|route| route.pending).sum(),
            oldest: routes().filter_map(|route| route.oldest).min(),
            paused: paused.iter().find(|paused| *paused.target == **name).cloned(),
        }
    });
    Json(Targets { targets: targets.collect() }).into_response()
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
) -> Response {
    set_paused(&sources, &name, true, order).await
}

/// Sends a target events again.
pub(in crate::admin) async fn resume(
    State(sources): State<Sources>,
    Named(name): Named<String>,
    Body(order): Body<PauseOrder>,
) -> Response {
    set_paused(&sources, &name, false, order).await
}

async fn set_paused(sources: &Sources, name: &str, paused: bool, order: PauseOrder) -> Response {
    let Some(target) = sources.targets.iter().find(|target| ***target == *name).cloned() else {
        return error(StatusCode::NOT_FOUND, "no target of this name in the configuration");
    };
    let by = match person(order.who, order.why) {
        Ok(by) => by,
        Err(refusal) => return refusal,
    };
    let ordered = if paused {
        sources.journal.pause(target, by).await
    } else {
        sources.journal.resume(target, by).await
    };
    match ordered {
        Ok(ordered) => Json(json!({
            "order": ordered.order, "target": name, "paused": paused,
            "changed": ordered.changed > 0,
        }))
        .into_response(),
        Err(error) => unwritable(&error),
    }
}
