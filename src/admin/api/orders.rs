//! Orders: how far they are, and stopping them.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Asked, Named, PAGE, PAGE_MAX, error as refused, unreadable};
use crate::admin::Sources;
use crate::admin::orders::Refusal;
use crate::journal::{OrderNo, OrderStory};

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
) -> Result<Response, Refusal> {
    crate::admin::orders::stop(&sources, OrderNo(no)).await?;
    Ok(Json(json!({ "order": no })).into_response())
}
