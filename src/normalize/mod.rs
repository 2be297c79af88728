//! Bytes of any door become an [`Event`], or a named reason why not. Pure functions.
//!
//! ```text
//! webhook body ──────────────▶ cloud_event ─▶ Event, stream
//! SQS body ─▶ bus_envelope ──▶ cloud_event ─▶ Event, stream, envelope time
//! ```
//! Lenient where Auth0 may change (unknown properties, unknown types, any length of id), strict
//! where twinstream decides by a field: without id, type and time there is no event.

mod bus_envelope;
mod canonical;
mod cloud_event;
pub mod identity;
mod json;
mod reason;
mod subject;

use crate::event::{Event, Timestamp};

pub use reason::{Reason, Rejection};

/// What a door's bytes turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normalized {
    /// The event.
    pub event: Event,
    /// Auth0's stream that carried it (`a0stream`).
    pub stream: Option<Box<str>>,
    /// The `time` of EventBridge's envelope, where there was one with a time that can be read.
    pub envelope_time: Option<Timestamp>,
    /// Whether EventBridge replayed it from an archive.
    pub replayed: bool,
}

/// Reads the body of a webhook request: one CloudEvent in structured mode.
///
/// # Errors
/// The reason to quarantine it.
pub fn webhook(body: &[u8]) -> Result<Normalized, Rejection> {
    let (event, stream) = cloud_event::read(text(body)?)?;
    Ok(Normalized { event, stream, envelope_time: None, replayed: false })
}

/// Reads the body of an SQS message: a CloudEvent inside EventBridge's envelope, or a bare one.
///
/// # Errors
/// The reason to quarantine it.
pub fn queue_message(body: &[u8]) -> Result<Normalized, Rejection> {
    let unwrapped = bus_envelope::unwrap(text(body)?)?;
    let (event, stream) = cloud_event::read(unwrapped.cloud_event)?;
    Ok(Normalized { event, stream, envelope_time: unwrapped.time, replayed: unwrapped.replayed })
}

fn text(body: &[u8]) -> Result<&str, Rejection> {
    let text = std::str::from_utf8(body).map_err(|error| {
        Rejection::new(Reason::NotJson, format!("not UTF-8 from byte {}", error.valid_up_to()))
    })?;
    match text.trim_start().as_bytes().first() {
        None => Err(Rejection::new(Reason::NotJson, "the body is empty")),
        Some(b'[') => Err(Rejection::new(
            Reason::NotAnObject,
            "a JSON array; an event stream sends one object, a log stream sends arrays",
        )),
        Some(_) => Ok(text),
    }
}

#[cfg(test)]
mod tests;
