//! Orders: how far they are, and stopping them.

use axum::Json;
use axum::extract::{Path as UrlPath, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tracing::error;

use super::{Asked, PAGE, PAGE_MAX, error as refused, unreadable};
use crate::admin::Sources;
use crate::journal::{JournalError, OrderKind, OrderNo, OrderStory, Person};
use crate::telemetry::Chain;

/// The longest name and the longest reason, in bytes.
const TEXT_MAX: usize = 500;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct OrdersQuery {
    limit: Option<usize>,
}

#[derive(Debug, Serialize)]
struct Orders {
    orders: Vec<OrderStory>,
}

/// What people ordered, the last first.
pub(in crate::admin) async fn list(
    State(sources): State<Sources>,
    Asked(query): Asked<OrdersQuery>,
) -> Response {
    let limit = query.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
    match sources.reader.orders(limit).await {
        Ok(orders) => Json(Orders { orders }).into_response(),
        Err(error) => unreadable(&error),
    }
}

/// One order, and how far it is.
pub(in crate::admin) async fn show(
    State(sources): State<Sources>,
    UrlPath(no): UrlPath<i64>,
) -> Response {
    match sources.reader.order(OrderNo(no)).await {
        Ok(Some(order)) => Json(order).into_response(),
        Ok(None) => refused(StatusCode::NOT_FOUND, "no order of this number"),
        Err(error) => unreadable(&error),
    }
}

/// Stops an order that is under way; what it did stays done.
pub(in crate::admin) async fn stop(
    State(sources): State<Sources>,
    UrlPath(no): UrlPath<i64>,
) -> Response {
    match sources.journal.end_order(OrderNo(no), true).await {
        Ok(ordered) if ordered.changed > 0 => Json(json!({ "order": no })).into_response(),
        Ok(_) => refused(StatusCode::CONFLICT, "no order of this number is under way"),
        Err(error) => unwritable(&error),
    }
}

/// An order to be given.
pub(super) struct Given {
    pub kind: OrderKind,
    pub who: String,
    pub why: String,
    pub detail: String,
    /// How much there is to do.
    pub matched: u64,
}

/// Gives it: it is carried out from here on, whoever asks or not.
pub(super) async fn give(sources: &Sources, given: Given) -> Response {
    let by = match person(given.who, given.why) {
        Ok(by) => by,
        Err(refusal) => return refusal,
    };
    let matched = given.matched;
    match sources.journal.begin_order(given.kind, by, &given.detail, matched).await {
        Ok(order) => (StatusCode::ACCEPTED, Json(json!({ "order": order, "matched": matched })))
            .into_response(),
        Err(error) => unwritable(&error),
    }
}

/// Everyone who orders something has a name and a reason; both are kept.
#[expect(clippy::result_large_err, reason = "the answer, made once for each refusal")]
pub(super) fn person(who: String, why: String) -> Result<Person, Response> {
    for (name, text) in [("who", &who), ("why", &why)] {
        if text.trim().is_empty() || text.len() > TEXT_MAX {
            let what = format!("`{name}` is missing, empty or over {TEXT_MAX} bytes");
            return Err(refused(StatusCode::BAD_REQUEST, &what));
        }
    }
    Ok(Person { who: who.into(), why: why.into() })
}

/// The journal can't be changed.
pub(super) fn unwritable(error: &JournalError) -> Response {
    error!(error = %Chain(error), "an order could not be taken");
    refused(StatusCode::SERVICE_UNAVAILABLE, "the journal can't be changed; the log says why")
}
