//! Erasing what names a user.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::orders::{self, Given};
use super::{Body, error, unreadable};
use crate::admin::Sources;
use crate::journal::{OrderKind, ReadError, Reader};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct EraseOrder {
    /// The id of a user, an organization, …: `auth0|1` or `user:auth0|1`.
    subject: String,
    who: String,
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
    let matched = match count(&sources.reader, &id).await {
        Ok(matched) => matched,
        Err(error) => return unreadable(&error),
    };
    if dry_run {
        return Json(json!({ "dry_run": true, "matched": matched })).into_response();
    }
    let kind = OrderKind::Erase;
    orders::give(&sources, Given { kind, who, why, detail: id, matched }).await
}

/// How many events, and rows of the quarantine, name it.
async fn count(reader: &Reader, id: &str) -> Result<u64, ReadError> {
    let quarantined = reader.quarantined_naming(id.to_owned()).await?;
    let (mut after, mut found) = (0, quarantined.len());
    loop {
        let page = reader.naming(id.to_owned(), after).await?;
        found += page.found.len();
        match page.looked_at {
            Some(looked_at) => after = looked_at,
            None => return Ok(u64::try_from(found).unwrap_or(u64::MAX)),
        }
    }
}
