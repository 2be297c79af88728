//! EventBridge's envelope around a CloudEvent.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Reason, Rejection};
use crate::event::Timestamp;

/// What an SQS body holds.
pub(super) struct Unwrapped<'a> {
    /// The JSON text of what should be a CloudEvent.
    pub cloud_event: &'a str,
    /// The envelope's own time, where it has one.
    pub time: Option<Timestamp>,
    /// Whether EventBridge replayed it from an archive: such an event has a `replay-name`. Source:
    /// Amazon EventBridge user guide, "Replaying archived events".
    pub replayed: bool,
}

/// The fields that tell an envelope from a bare CloudEvent. An envelope's `detail-type` is not
/// documented for event streams, so that only the log streams' known one is looked at.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    specversion: Option<&'a RawValue>,
    #[serde(borrow)]
    detail: Option<&'a RawValue>,
    #[serde(borrow, rename = "detail-type")]
    detail_type: Option<&'a RawValue>,
    #[serde(borrow)]
    source: Option<&'a RawValue>,
    #[serde(borrow)]
    time: Option<&'a RawValue>,
    #[serde(borrow, rename = "replay-name")]
    replay_name: Option<&'a RawValue>,
}

/// Takes the envelope off, where there is one.
pub(super) fn unwrap(body: &str) -> Result<Unwrapped<'_>, Rejection> {
    let envelope: Envelope<'_> =
        serde_json::from_str(body).map_err(|error| Rejection::json(&error))?;
    if envelope.specversion.is_some() {
        return Ok(Unwrapped { cloud_event: body, time: None, replayed: false });
    }
    let Some(detail) = envelope.detail else {
        return Err(Rejection::new(
            Reason::NotACloudEvent,
            "neither a CloudEvent (no `specversion`) nor an EventBridge envelope (no `detail`)",
        ));
    };
    refuse_log_stream(&envelope)?;
    let time = envelope.time.and_then(string).and_then(|text| Timestamp::parse(&text).ok());
    let replayed = envelope.replay_name.is_some();
    Ok(Unwrapped { cloud_event: detail.get(), time, replayed })
}

/// Log streams share the bus's form but carry another product's records.
fn refuse_log_stream(envelope: &Envelope<'_>) -> Result<(), Rejection> {
    let is_log = envelope.detail_type.and_then(string).as_deref() == Some("Auth0 log")
        || envelope.source.and_then(string).is_some_and(|source| source.ends_with("/auth0.logs"));
    if is_log {
        return Err(Rejection::new(
            Reason::LogStream,
            "an Auth0 log stream's record; point the rule at a source that ends in /auth0.events",
        ));
    }
    Ok(())
}

/// The text of a JSON string; `None` for any other value.
fn string(value: &RawValue) -> Option<Cow<'_, str>> {
    // A borrowed `&str` cannot hold escapes, so an owned one is the second try.
    let text = value.get();
    serde_json::from_str::<&str>(text)
        .map(Cow::Borrowed)
        .or_else(|_| serde_json::from_str::<String>(text).map(Cow::Owned))
        .ok()
}
