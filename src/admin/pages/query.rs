//! What the query of a URL asks a page for.

use axum::extract::FromRequestParts;
use axum::response::Response;
use http::StatusCode;
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::session::Visitor;
use super::{Desk, message};

/// A query, in which a name may stand several times. What it says wrongly is answered with a page.
#[derive(Debug)]
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<Desk> for Asked<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Self, Response> {
        let query = parts.uri.query().unwrap_or_default();
        serde_html_form::from_str(query).map(Self).map_err(|error| {
            let visitor = parts.extensions.get::<Visitor>().cloned().unwrap_or_default();
            let text = format!("The address says something that can't be: {error}");
            message(desk, visitor, StatusCode::BAD_REQUEST, "Not understood", &text)
        })
    }
}
