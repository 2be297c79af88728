//! `/api/v1`: JSON for scripts.

pub(super) mod erase;
pub(super) mod letters;
pub(super) mod orders;
pub(super) mod quarantine;
pub(super) mod reconcile;
pub(super) mod targets;

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Path as UrlPath, Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tracing::error;

use super::Sources;
use super::orders::Refusal;
use crate::compare::{self, WindowAsked};
use crate::event::{EventId, Path, PathSet, Timestamp};
use crate::journal::{EventFilter, EventSummary, JournalError, ReadError};
use crate::telemetry::{Chain, DoorState, SecretUse};

/// The longest page of a list.
const PAGE_MAX: usize = 1_000;
/// The page of a list when none is asked for.
const PAGE: usize = 100;

/// An error, in the one form of this API.
pub(super) fn error(status: StatusCode, what: &str) -> Response {
    (status, Json(json!({ "error": what }))).into_response()
}

/// The journal can't be read.
pub(super) fn unreadable(error: &ReadError) -> Response {
    error!(error = %Chain(error), "the journal can't be read");
    self::error(StatusCode::SERVICE_UNAVAILABLE, "the journal can't be read; the log says why")
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Wrong(what) => error(StatusCode::BAD_REQUEST, &what),
            Self::Unknown(what) => error(StatusCode::NOT_FOUND, what),
            Self::TooLate(what) => error(StatusCode::CONFLICT, what),
            Self::Unreadable(error) => unreadable(&error),
            Self::Unwritable(error) => unwritable(&error),
        }
    }
}

/// The journal can't be changed.
fn unwritable(error: &JournalError) -> Response {
    error!(error = %Chain(error), "an order could not be taken");
    self::error(StatusCode::SERVICE_UNAVAILABLE, "the journal can't be changed; the log says why")
}

pub(super) async fn not_found() -> Response {
    error(
        StatusCode::NOT_FOUND,
        "no such page; there are /healthz, /readyz, /metrics, and under /api/v1: status, events, \
         events/{id}, compare, targets, dead-letters, dead-letters/{id}, quarantine, \
         quarantine/{no}, orders, orders/{no} and reconcile",
    )
}

pub(super) async fn other_method() -> Response {
    error(StatusCode::METHOD_NOT_ALLOWED, "what is here is read by GET; orders are given by POST")
}

/// What the query of a URL asks for.
pub(super) struct Asked<T>(T);

impl<T: serde::de::DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut http::request::Parts, _: &S) -> Result<Self, Response> {
        // Unlike axum's own, this takes a key several times.
        let query = serde_html_form::from_str(parts.uri.query().unwrap_or_default());
        query.map(Self).map_err(|wrong| {
            let what = format!("Failed to deserialize query string: {wrong}");
            error(StatusCode::BAD_REQUEST, &what)
        })
    }
}

/// What the path of a URL names.
pub(super) struct Named<T>(T);

impl<T: serde::de::DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut http::request::Parts,
        state: &S,
    ) -> Result<Self, Response> {
        match UrlPath::from_request_parts(parts, state).await {
            Ok(UrlPath(name)) => Ok(Self(name)),
            Err(rejection) => Err(error(StatusCode::BAD_REQUEST, &rejection.body_text())),
        }
    }
}

/// The JSON of an order.
pub(super) struct Body<T>(T);

impl<T: serde::de::DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        match Json::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            // One status for a wrong order, whether it is no JSON or the wrong one.
            Err(rejection) => {
                let status = match rejection.status() {
                    StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
                    other => other,
                };
                Err(error(status, &rejection.body_text()))
            }
        }
    }
}

#[derive(Debug, Serialize)]
struct Status {
    version: &'static str,
    mode: PathSet,
    now: Timestamp,
    doors: std::collections::BTreeMap<Path, DoorState>,
    secrets: Vec<SecretUse>,
    arrivals: Vec<ArrivalCount>,
    deliveries: Vec<DeliveryCount>,
    pending: Vec<PendingCount>,
    quarantined: std::collections::BTreeMap<String, u64>,
    journal_bytes: u64,
}

#[derive(Debug, Serialize)]
struct ArrivalCount {
    path: Path,
    outcome: String,
    count: u64,
}

#[derive(Debug, Serialize)]
struct DeliveryCount {
    route: String,
    outcome: String,
    count: u64,
}

#[derive(Debug, Serialize)]
struct PendingCount {
    route: String,
    target: String,
    count: u64,
    oldest: Option<Timestamp>,
}

/// The doors, and everything counted since the journal began.
pub(super) async fn status(State(sources): State<Sources>) -> Response {
    let counts = match sources.reader.counts().await {
        Ok(counts) => counts,
        Err(error) => return unreadable(&error),
    };
    let arrivals = counts.arrivals.into_iter();
    let deliveries = counts.deliveries.into_iter();
    let pending = counts.pending.into_iter();
    Json(Status {
        version: env!("CARGO_PKG_VERSION"),
        mode: sources.mode,
        now: sources.clock.now(),
        doors: sources.health.doors(),
        secrets: sources.health.secrets(),
        arrivals: arrivals
            .map(|(path, outcome, count)| ArrivalCount { path, outcome, count })
            .collect(),
        deliveries: deliveries
            .map(|(route, outcome, count)| DeliveryCount { route, outcome, count })
            .collect(),
        pending: pending
            .map(|states| PendingCount {
                route: states.route,
                target: states.target,
                count: states.pending,
                oldest: states.oldest,
            })
            .collect(),
        quarantined: counts.quarantined.into_iter().collect(),
        journal_bytes: counts.file_bytes,
    })
    .into_response()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventsQuery {
    #[serde(rename = "type")]
    kind: Option<String>,
    subject: Option<String>,
    before: Option<i64>,
    limit: Option<usize>,
}

#[derive(Debug, Serialize)]
struct EventsPage {
    events: Vec<EventSummary>,
    /// The `before` of the next page; `null` on the last.
    next: Option<i64>,
}

/// Events, newest arrival first.
pub(super) async fn events(
    State(sources): State<Sources>,
    Asked(query): Asked<EventsQuery>,
) -> Response {
    let limit = query.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
    let filter = EventFilter {
        kind: query.kind,
        subject: query.subject,
        before: query.before,
        after: None,
        limit: limit + 1,
    };
    match sources.reader.events(filter).await {
        Ok(mut events) => {
            let more = events.len() > limit;
            events.truncate(limit);
            let next = if more { events.last().map(|event| event.seq) } else { None };
            Json(EventsPage { events, next }).into_response()
        }
        Err(error) => unreadable(&error),
    }
}

/// One event's whole story.
pub(super) async fn event(State(sources): State<Sources>, Named(id): Named<String>) -> Response {
    let Ok(id) = EventId::parse(&id) else {
        return error(StatusCode::BAD_REQUEST, "that is no event id");
    };
    match sources.reader.event(id).await {
        Ok(Some(story)) => Json(story).into_response(),
        Ok(None) => error(
            StatusCode::NOT_FOUND,
            "no event of this id: it never came, or it is older than journal.keep",
        ),
        Err(error) => unreadable(&error),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CompareQuery {
    from: Option<String>,
    to: Option<String>,
    /// Events of these types alone.
    #[serde(default, rename = "type")]
    types: BTreeSet<String>,
    /// Arrivals by these streams alone.
    #[serde(default, rename = "stream")]
    streams: BTreeSet<String>,
}

/// The two paths against each other, over a window of event time; all that the journal has by
/// default.
pub(super) async fn compare(
    State(sources): State<Sources>,
    Asked(query): Asked<CompareQuery>,
) -> Response {
    let now = sources.clock.now();
    let asked = WindowAsked::parse(query.from.as_deref(), query.to.as_deref(), now);
    let held = match sources.reader.time_range().await {
        Ok(held) => held,
        Err(error) => return unreadable(&error),
    };
    let window = match asked.and_then(|asked| asked.of(held)) {
        Ok(window) => window,
        Err(wrong) => return error(StatusCode::BAD_REQUEST, &wrong.to_string()),
    };
    let scope = compare::Scope { types: query.types, streams: query.streams };
    match compare::run(&sources.reader, &sources.compare, &scope, window, now).await {
        Ok(document) => Json(document).into_response(),
        Err(error) => unreadable(&error),
    }
}
