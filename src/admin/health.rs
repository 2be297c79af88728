//! Probes and metrics.

use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::{HeaderMap, StatusCode, header};
use serde::Serialize;
use serde_json::json;

use super::guard::Guard;
use super::{Sources, api};
use crate::event::Path;
use crate::telemetry::{Chain, DoorState};

/// The journal must be able to commit within this for the process to be ready.
const PROBE_WITHIN: Duration = Duration::from_secs(1);

/// The process runs.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

#[derive(Debug, Serialize)]
struct Readiness {
    ready: bool,
    /// What must be otherwise for it to be ready.
    reasons: Vec<String>,
    /// What is not as it should be, though what can be taken in is.
    degraded: Vec<String>,
}

/// Ready when every door of the mode has been open once, the journal commits, and no stop is under
/// way. A queue that fails later on makes the process degraded, not unready: its webhooks would be
/// turned away as well.
///
/// The probe needs no token; the reasons, which name queues and accounts, do where there is one.
pub(super) async fn ready(
    State(sources): State<Sources>,
    Extension(guard): Extension<Guard>,
    headers: HeaderMap,
) -> Response {
    let mut readiness = Readiness { ready: true, reasons: Vec::new(), degraded: Vec::new() };
    if sources.health.is_stopping() {
        readiness.reasons.push("stopping".into());
    }
    for path in Path::ALL.into_iter().filter(|path| sources.mode.contains(*path)) {
        match sources.health.door(path) {
            Some(DoorState::Open { .. }) => {}
            Some(DoorState::Failing { error, .. }) => {
                readiness.degraded.push(format!("{path}: {error}"));
            }
            Some(DoorState::Closed) => readiness.reasons.push(format!("{path}: closed")),
            Some(DoorState::Opening { waiting_for: Some(error) }) => {
                readiness.reasons.push(format!("{path}: {error}"));
            }
            Some(DoorState::Opening { waiting_for: None }) | None => {
                readiness.reasons.push(format!("{path}: not open yet"));
            }
        }
    }
    match tokio::time::timeout(PROBE_WITHIN, sources.journal.probe()).await {
        Ok(Ok(_committed)) => {}
        Ok(Err(error)) => readiness.reasons.push(format!("journal: {}", Chain(&error))),
        Err(_) => readiness.reasons.push("journal: no commit within 1 s".into()),
    }
    readiness.ready = readiness.reasons.is_empty();
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    if !guard.admits(&headers) {
        return (status, Json(json!({ "ready": readiness.ready }))).into_response();
    }
    (status, Json(readiness)).into_response()
}

/// Everything counted, for Prometheus.
pub(super) async fn metrics(State(sources): State<Sources>) -> Response {
    let counts = match sources.reader.counts().await {
        Ok(counts) => counts,
        Err(error) => return api::unreadable(&error),
    };
    let metrics = &sources.metrics;
    let now = sources.clock.now();
    for route in &counts.pending {
        let age = route.oldest.map_or(0, |oldest| now.nanos_since(oldest));
        let age = Duration::from_nanos(u64::try_from(age).unwrap_or(0));
        metrics.set_pending(&route.route, &route.target, route.pending, age);
        metrics.set_dead_letters(&route.route, &route.target, route.dead);
    }
    metrics.set_quarantined(&counts.quarantined);
    metrics.set_journal(counts.file_bytes, sources.journal.queue_depth().0);
    for (path, door) in sources.health.doors() {
        metrics.set_door_open(path, door.is_open());
    }
    for (target, state) in sources.health.targets() {
        metrics.set_target(&target, &state);
    }
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], metrics.render()).into_response()
}
