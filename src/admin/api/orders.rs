//! Orders: how far they are, and stopping them.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tracing::error;

use super::{Asked, Named, PAGE, PAGE_MAX, error as refused, unreadable};
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
    Named(no): Named<i64>,
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
    Named(no): Named<i64>,
) -> Response {
    match sources.journal.end_order(OrderNo(no), true).await {
        Ok(ordered) if ordered.changed > 0 => Json(json!({ "order": no })).into_response(),
        Ok(_) => match sources.reader.order(OrderNo(no)).await {
            Ok(Some(_)) => refused(StatusCode::CONFLICT, "this order is not under way any more"),
            Ok(None) => refused(StatusCode::NOT_FOUND, "no order of this number"),
            Err(error) => unreadable(&error),
        },
        Err(error) => unwritable(&error),
    }
}

/// An order to be given.
pub(super) struct Given {
    pub kind: OrderKind,
    pub by: Person,
    pub detail: String,
    /// How much there is to do.
    pub matched: u64,
}

/// Gives it: it is carried out from here on, whoever asks or not.
pub(super) async fn give(sources: &Sources, given: Given) -> Result<OrderNo, Response> {
    let Given { kind, by, detail, matched } = given;
    let order = sources.journal.begin_order(kind, by, &detail, matched).await;
    order.map_err(|error| unwritable(&error))
}

/// Everyone who orders something has a name and a reason; both are kept.
#[expect(clippy::result_large_err, reason = "the answer, made once for each refusal")]
pub(super) fn person(who: String, why: String) -> Result<Person, Response> {
    for (name, text) in [("who", &who), ("why", &why)] {
        // A line break would be one in every table and log that it is shown in.
        let is_one_line = !text.chars().any(char::is_control);
        if text.trim().is_empty() || text.len() > TEXT_MAX || !is_one_line {
            let what = format!("`{name}` is a line of text, of {TEXT_MAX} bytes at most");
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
