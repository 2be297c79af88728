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
use crate::telemetry::BreakerState;

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
    /// Dead letters of the journal that were to go there.
    dead: u64,
    /// Who paused it, when and why; `null` when it is not.
    paused: Option<PausedTarget>,
    /// Whether it is up; `null` when no route leads to it.
    breaker: Option<BreakerState>,
    /// Since when it has been up, or has not.
    since: Option<Timestamp>,
    /// Why it is held to be down, while it is.
    down_because: Option<Box<str>>,
    /// Whether what gathered while it was down is being delivered, at a bounded rate.
    draining: bool,
    /// Attempts under way.
    under_way: usize,
}

/// The targets of the configuration.
pub(in crate::admin) async fn list(State(sources): State<Sources>) -> Response {
    let (counts, paused) = match (sources.reader.counts().await, sources.reader.paused().await) {
        (Ok(counts), Ok(paused)) => (counts, paused),
        (Err(error), _) | (_, Err(error)) => return unreadable(&error),
    };
    let states = sources.health.targets();
    let targets = sources.targets.iter().map(|name| {
        let state = states.get(name);
        let routes = || counts.pending.iter().filter(|route| *route.target == **name);
        Target {
            name: name.to_string(),
            pending: routes().map(|route| route.pending).sum(),
            oldest: routes().filter_map(|route| route.oldest).min(),
            dead: routes().map(|route| route.dead).sum(),
            paused: paused.iter().find(|paused| *paused.target == **name).cloned(),
            breaker: state.map(|state| state.breaker),
            since: state.map(|state| state.since),
            down_because: state.and_then(|state| state.down_because.clone()),
            draining: state.is_some_and(|state| state.draining),
            under_way: state.map_or(0, |state| state.under_way),
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
