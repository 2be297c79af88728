//! What an attempt carries.

use bytes::Bytes;
use http::HeaderValue;
use serde_json::Value;

use super::Route;
use crate::event::Timestamp;
use crate::journal::Due;
use crate::routing::{Context, RenderError, Rendered};

/// CloudEvents, HTTP protocol binding 1.0, section 3.2: structured mode.
const STRUCTURED_MODE: HeaderValue =
    HeaderValue::from_static("application/cloudevents+json; charset=UTF-8");

/// One attempt, ready to be sent.
#[derive(Debug)]
pub(super) struct Message<'a> {
    /// The delivery. What its event says is in the body.
    pub due: &'a Due,
    /// Its route.
    pub route: &'a Route,
    /// What the target gets.
    pub body: Body,
    /// When it is sent.
    pub at: Timestamp,
}

/// What a target gets, the same in every attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Body {
    pub bytes: Bytes,
    pub content_type: HeaderValue,
}

/// Why a target can get nothing of an event: it would be so the next time as well.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    /// The stored event is no JSON.
    #[error("reading the event")]
    Event(#[source] serde_json::Error),
    /// The route's transform makes no body of it.
    #[error("transforming the event")]
    Transform(#[source] RenderError),
}

impl Body {
    /// The CloudEvent as it came, in structured mode; or what the route's transform makes of it.
    pub(super) fn of(
        payload: Vec<u8>,
        route: &Route,
        accepted: Timestamp,
    ) -> Result<Self, BodyError> {
        let Some(transform) = &route.transform else {
            return Ok(Self { bytes: payload.into(), content_type: STRUCTURED_MODE });
        };
        let event: Value = serde_json::from_slice(&payload).map_err(BodyError::Event)?;
        let context = Context { route: &route.name, accepted };
        let Rendered { body, content_type } =
            transform.render(&event, &context).map_err(BodyError::Transform)?;
        let content_type = HeaderValue::from_static(content_type.as_str());
        Ok(Self { bytes: body.into(), content_type })
    }
}
