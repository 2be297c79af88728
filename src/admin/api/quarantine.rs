//! Bytes that could not be understood: the list, the bytes, reading them once more.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Asked, Body, Named, PAGE, PAGE_MAX, error, unreadable};
use crate::admin::Sources;
use crate::admin::orders::quarantine::{self as orders, Chosen, Matching};
use crate::admin::orders::{Refusal, person};
use crate::journal::{QuarantineFilter, QuarantinedSummary};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct QuarantineQuery {
    reason: Option<String>,
    before: Option<i64>,
    limit: Option<usize>,
}

#[derive(Debug, Serialize)]
struct QuarantinePage {
    quarantined: Vec<QuarantinedSummary>,
    /// The `before` of the next page; `null` on the last.
    next: Option<i64>,
}

/// What is quarantined, the last first.
pub(in crate::admin) async fn list(
    State(sources): State<Sources>,
    Asked(query): Asked<QuarantineQuery>,
) -> Response {
    let limit = query.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
    let QuarantineQuery { reason, before, limit: _ } = query;
    let filter = QuarantineFilter { reason, before, limit: limit + 1 };
    match sources.reader.quarantined(filter).await {
        Ok(mut quarantined) => {
            let more = quarantined.len() > limit;
            quarantined.truncate(limit);
            let next = if more { quarantined.last().map(|last| last.no) } else { None };
            Json(QuarantinePage { quarantined, next }).into_response()
        }
        Err(error) => unreadable(&error),
    }
}

#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    summary: QuarantinedSummary,
    /// The bytes as text, where they are UTF-8.
    text: Option<String>,
    /// The bytes in base64.
    base64: String,
}

/// One of them, with its bytes.
pub(in crate::admin) async fn show(
    State(sources): State<Sources>,
    Named(no): Named<i64>,
) -> Response {
    match sources.reader.quarantined_bytes(no).await {
        Ok(Some(bytes)) => {
            let base64 = STANDARD.encode(&bytes.body);
            let text = String::from_utf8(bytes.body).ok();
            Json(Shown { summary: bytes.summary, text, base64 }).into_response()
        }
        Ok(None) => error(StatusCode::NOT_FOUND, "nothing is quarantined under this number"),
        Err(error) => unreadable(&error),
    }
}

/// The bytes alone, as they came.
pub(in crate::admin) async fn raw(
    State(sources): State<Sources>,
    Named(no): Named<i64>,
) -> Response {
    match sources.reader.quarantined_bytes(no).await {
        // Never as a page: a sender wrote it.
        Ok(Some(bytes)) => {
            ([(header::CONTENT_TYPE, "application/octet-stream")], bytes.body).into_response()
        }
        Ok(None) => error(StatusCode::NOT_FOUND, "nothing is quarantined under this number"),
        Err(error) => unreadable(&error),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct ReprocessOrder {
    /// Only these; all when there are none.
    #[serde(default)]
    numbers: Vec<i64>,
    /// Only for this reason.
    reason: Option<String>,
    who: String,
    why: String,
}

/// Reads them once more; what is understood now is taken in, as if it had just come.
pub(in crate::admin) async fn reprocess(
    State(sources): State<Sources>,
    Body(order): Body<ReprocessOrder>,
) -> Result<Response, Refusal> {
    let ReprocessOrder { numbers, reason, who, why } = order;
    let by = person(who, why)?;
    let (order, matching) = orders::reprocess(&sources, &Chosen { numbers, reason }, by).await?;
    let Matching { matched, unknown } = matching;
    let answer = json!({ "order": order, "matched": matched, "unknown": unknown });
    Ok((StatusCode::ACCEPTED, Json(answer)).into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct DropOrder {
    numbers: Vec<i64>,
    who: String,
    why: String,
}

/// Gives bytes up, at once.
pub(in crate::admin) async fn discard(
    State(sources): State<Sources>,
    Body(order): Body<DropOrder>,
) -> Result<Response, Refusal> {
    let DropOrder { numbers, who, why } = order;
    let (ordered, matching) = orders::discard(&sources, numbers, person(who, why)?).await?;
    let (order, discarded, unknown) = (ordered.order, ordered.changed, matching.unknown);
    let answer = json!({ "order": order, "discarded": discarded, "unknown": unknown });
    Ok(Json(answer).into_response())
}
