//! Bytes that could not be understood: the list, the bytes, reading them once more.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::orders::{self, Given, person, unwritable};
use super::{Asked, Body, Named, PAGE, PAGE_MAX, error, unreadable};
use crate::admin::Sources;
use crate::journal::{OrderKind, QuarantineFilter, QuarantinedSummary};

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
) -> Response {
    let ReprocessOrder { numbers, reason, who, why } = order;
    let by = match person(who, why) {
        Ok(by) => by,
        Err(refusal) => return refusal,
    };
    let (matched, unknown) = match matching(&sources, &numbers, reason.as_deref()).await {
        Ok(matching) => matching,
        Err(refusal) => return refusal,
    };
    let detail = json!({ "numbers": numbers, "reason": reason }).to_string();
    let kind = OrderKind::Reprocess;
    match orders::give(&sources, Given { kind, by, detail, matched }).await {
        Ok(order) => {
            let answer = json!({ "order": order, "matched": matched, "unknown": unknown });
            (StatusCode::ACCEPTED, Json(answer)).into_response()
        }
        Err(refusal) => refusal,
    }
}

/// How many there are, and the numbers under which there is nothing.
async fn matching(
    sources: &Sources,
    numbers: &[i64],
    reason: Option<&str>,
) -> Result<(u64, Vec<i64>), Response> {
    let unreadable = |error| unreadable(&error);
    if numbers.is_empty() {
        let counts = sources.reader.counts().await.map_err(unreadable)?;
        let of_reason = counts.quarantined.iter();
        let of_reason =
            of_reason.filter(|(name, _)| reason.is_none_or(|wanted| wanted == name.as_str()));
        return Ok((of_reason.map(|(_, n)| n).sum(), Vec::new()));
    }
    let there = sources.reader.quarantined_among(numbers.to_vec()).await.map_err(unreadable)?;
    if there.is_empty() {
        let what = "nothing is quarantined under any of these numbers";
        return Err(error(StatusCode::NOT_FOUND, what));
    }
    let is_meant = |one: &&QuarantinedSummary| reason.is_none_or(|wanted| wanted == one.reason);
    let matched = there.iter().filter(is_meant).count();
    let is_unknown = |number: &&i64| there.iter().all(|one| one.no != **number);
    let unknown = numbers.iter().filter(is_unknown).copied().collect();
    Ok((u64::try_from(matched).unwrap_or(u64::MAX), unknown))
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
) -> Response {
    let DropOrder { numbers, who, why } = order;
    let by = match person(who, why) {
        Ok(by) => by,
        Err(refusal) => return refusal,
    };
    if numbers.is_empty() {
        return error(StatusCode::BAD_REQUEST, "`numbers` names what is to be given up");
    }
    let (_, unknown) = match matching(&sources, &numbers, None).await {
        Ok(matching) => matching,
        Err(refusal) => return refusal,
    };
    let detail = json!({ "quarantined": numbers }).to_string();
    match sources.journal.discard_quarantined(by, &detail, numbers).await {
        Ok(ordered) => {
            let (order, discarded) = (ordered.order, ordered.changed);
            Json(json!({ "order": order, "discarded": discarded, "unknown": unknown }))
                .into_response()
        }
        Err(error) => unwritable(&error),
    }
}
