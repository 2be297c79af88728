//! How the Management API refuses.

use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

/// A refusal: `{"statusCode", "error", "message", "errorCode"}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub status: StatusCode,
    pub message: String,
    pub code: &'static str,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<String>, code: &'static str) -> Self {
        Self { status, message: message.into(), code }
    }

    pub(super) fn body(why: impl std::fmt::Display) -> Self {
        let message = format!("Payload validation error: '{why}'.");
        Self::new(StatusCode::BAD_REQUEST, message, "invalid_body")
    }

    pub(super) fn query(why: impl std::fmt::Display) -> Self {
        let message = format!("Query validation error: '{why}'.");
        Self::new(StatusCode::BAD_REQUEST, message, "invalid_query_string")
    }

    pub(super) fn no_stream() -> Self {
        let message = "The event stream does not exist.";
        Self::new(StatusCode::NOT_FOUND, message, "inexistent_event_stream")
    }

    pub(super) fn scope(any_of: &[&str]) -> Self {
        let message = format!("Insufficient scope, expected any of: {}", any_of.join(","));
        Self::new(StatusCode::FORBIDDEN, message, "insufficient_scope")
    }

    pub(super) fn respond(&self) -> Response<Body> {
        let body = json!({
            "statusCode": self.status.as_u16(),
            "error": self.status.canonical_reason().unwrap_or_default(),
            "message": self.message,
            "errorCode": self.code,
        });
        json_answer(self.status, &body)
    }
}

pub(super) fn json_answer(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// An answer that says nothing but its status.
pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
