//! Erasing what names a user.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::Body;
use crate::admin::Sources;
use crate::admin::orders::erase::{matching, order};
use crate::admin::orders::{Refusal, person};

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
    Body(asked): Body<EraseOrder>,
) -> Result<Response, Refusal> {
    let EraseOrder { subject, who, why, dry_run } = asked;
    if dry_run {
        let named = matching(&sources, &subject).await?;
        let answer =
            json!({ "dry_run": true, "matched": named.matched, "at_least": named.at_least });
        return Ok(Json(answer).into_response());
    }
    let (order, named) = order(&sources, &subject, person(who, why)?).await?;
    let answer = json!({ "order": order, "matched": named.matched, "at_least": named.at_least });
    Ok((StatusCode::ACCEPTED, Json(answer)).into_response())
}
