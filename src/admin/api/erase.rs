//! Erasing what names a user.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use super::orders::{self, Given, person};
use super::{Body, error, unreadable};
use crate::admin::Sources;
use crate::journal::{OrderKind, ReadError, Reader};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct EraseOrder {
    /// The id of a user, an organization, …: `auth0|1` or `user:auth0|1`.
    subject: String,
    #[serde(default)]
    who: String,
    #[serde(default)]
    why: String,
    /// Only say how many events name it.
    #[serde(default)]
    dry_run: bool,
}

/// Erases the content of every event that names it.
pub(in crate::admin) async fn erase(
    State(sources): State<Sources>,
    Body(order): Body<EraseOrder>,
) -> Response {
    let EraseOrder { subject, who, why, dry_run } = order;
    let id = subject.strip_prefix("user:").unwrap_or(&subject).to_owned();
    if id.is_empty() {
        return error(StatusCode::BAD_REQUEST, "`subject` is the id of a user, such as auth0|1");
    }
    let by = match person(who, why) {
        _ if dry_run => None,
        Ok(by) => Some(by),
        Err(refusal) => return refusal,
    };
    let (matched, at_least) = match count(&sources.reader, &id).await {
        Ok(count) => count,
        Err(error) => return unreadable(&error),
    };
    let Some(by) = by else {
        let answer = json!({ "dry_run": true, "matched": matched, "at_least": at_least });
        return Json(answer).into_response();
    };
    let kind = OrderKind::Erase;
    match orders::give(&sources, Given { kind, by, detail: id, matched }).await {
        Ok(order) => {
            let answer = json!({ "order": order, "matched": matched, "at_least": at_least });
            (StatusCode::ACCEPTED, Json(answer)).into_response()
        }
        Err(refusal) => refusal,
    }
}

/// Counting takes no longer: a request to erase is taken however large the journal is.
const COUNT_WITHIN: Duration = Duration::from_secs(20);

/// How many events, and rows of the quarantine, name it; and whether there may be more.
async fn count(reader: &Reader, id: &str) -> Result<(u64, bool), ReadError> {
    let deadline = Instant::now() + COUNT_WITHIN;
    let quarantined = reader.quarantined_naming(id.to_owned()).await?;
    let (mut after, mut found) = (0, quarantined.len());
    loop {
        let page = reader.naming(id.to_owned(), after).await?;
        found += page.found.len();
        let matched = u64::try_from(found).unwrap_or(u64::MAX);
        match page.looked_at {
            Some(_) if Instant::now() >= deadline => return Ok((matched, true)),
            Some(looked_at) => after = looked_at,
            None => return Ok((matched, false)),
        }
    }
}
