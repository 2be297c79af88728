//! The Events API: a stream of server-sent events that goes on for as long as somebody listens, and can be
//! taken up again where it broke off.

mod sse;

use std::collections::VecDeque;

use http::HeaderValue;
use http::header::ACCEPT;
use reqwest::Response;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::api::{Call, whole_seconds};
use super::{Api, ApiError};
use crate::event::{Timestamp, legible};
use sse::{Message, Parser};

/// Where to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Since {
    /// With what happens from now on.
    Now,
    /// After this offset.
    Offset(String),
    /// With what happened at this time or later, in whole seconds. Less precise than an offset.
    Time(Timestamp),
}

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// An event.
    Event {
        /// Where to go on after it.
        offset: String,
        /// The CloudEvent, as Auth0 wrote it.
        event: String,
    },
    /// Nothing, up to this offset.
    Offset(String),
    /// Auth0 ends the stream, and says why.
    Trouble(StreamTrouble),
}

/// Why Auth0 ends a stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Auth0 ended the stream of events: {message} ({code})")]
pub struct StreamTrouble {
    /// `invalid_cursor`, `cursor_expired`, `timeout`, `payload_too_large`, `processing_error`,
    /// `connection_timeout` (reference, `EventStreamCloudEventErrorCodeEnum`), or another.
    pub code: String,
    /// Auth0's words.
    pub message: String,
    /// Where to go on, where it said so.
    pub offset: Option<String>,
}

impl StreamTrouble {
    /// Whether events from the offset on are not kept any more.
    pub fn is_expired(&self) -> bool {
        self.code == "cursor_expired"
    }
}

/// Events as they happen.
#[derive(Debug)]
pub struct Following {
    answer: Response,
    parser: Parser,
    ready: VecDeque<Frame>,
}

const WHAT: &str = "following the events";

impl Api {
    /// Begins to follow. A tenant has few of these connections at a time (Auth0 docs: 1 to 8, by plan); another is
    /// refused with 403.
    ///
    /// # Errors
    /// As every call; [`ApiError::OffsetExpired`] where Auth0 keeps no events from so long ago.
    pub async fn follow(
        &self,
        since: &Since,
        event_types: &[String],
    ) -> Result<Following, ApiError> {
        let mut call = Call::get(WHAT, &["events"]);
        call.headers.push((ACCEPT.as_str(), HeaderValue::from_static("text/event-stream")));
        match since {
            Since::Now => {}
            Since::Offset(offset) => {
                let value = HeaderValue::try_from(offset).map_err(|_| ApiError::Offset)?;
                call.headers.push(("last-event-id", value));
            }
            Since::Time(at) => call = call.with("from_timestamp", Some(whole_seconds(*at))),
        }
        for kind in event_types {
            call = call.with("event_type", Some(kind.clone()));
        }
        let answer = self.open(&call).await.map_err(|error| match error.status() {
            Some(410) => ApiError::OffsetExpired,
            _ => error,
        })?;
        Ok(Following { answer, parser: Parser::default(), ready: VecDeque::new() })
    }
}

impl Following {
    /// The next frame; `None` when Auth0 closed the connection, as it does every few minutes: begin again after
    /// the last offset.
    ///
    /// # Errors
    /// When the connection breaks, is silent for too long, or sends what can't be understood.
    ///
    /// # Cancel safety
    /// Nothing is lost when it is dropped.
    pub async fn next(&mut self) -> Result<Option<Frame>, ApiError> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Ok(Some(frame));
            }
            let chunk = self.answer.chunk().await;
            let chunk = chunk.map_err(|error| ApiError::Unanswered {
                what: WHAT.to_owned(),
                source: error.without_url(),
            })?;
            let Some(chunk) = chunk else { return Ok(None) };
            let messages = self.parser.read(&chunk);
            let messages = messages.map_err(|sse::TooLong { bytes_max }| ApiError::TooLong {
                what: WHAT.to_owned(),
                bytes_max,
            })?;
            for message in messages {
                self.ready.push_back(frame(&message)?);
            }
        }
    }
}

/// What a message says. The reference has `type` in the data, recorded streams in the event's name alone.
fn frame(message: &Message) -> Result<Frame, ApiError> {
    #[derive(Deserialize)]
    struct Data<'a> {
        offset: Option<String>,
        #[serde(borrow)]
        event: Option<&'a RawValue>,
        error: Option<Trouble>,
    }
    #[derive(Deserialize)]
    struct Trouble {
        #[serde(default)]
        code: String,
        #[serde(default)]
        message: String,
        offset: Option<String>,
    }
    let data: Data<'_> = serde_json::from_str(&message.data)
        .map_err(|source| ApiError::Unclear { what: WHAT.to_owned(), source })?;
    let offset = data.offset.filter(|offset| !offset.is_empty());
    let offset = offset.unwrap_or_else(|| message.id.clone());
    Ok(match (data.error, data.event) {
        (Some(Trouble { code, message, offset }), _) => {
            let (code, message) = (legible(&code), legible(&message));
            Frame::Trouble(StreamTrouble { code, message, offset })
        }
        (None, _) if message.event == "error" => {
            let (code, said) = (String::new(), legible(&message.data));
            Frame::Trouble(StreamTrouble { code, message: said, offset: None })
        }
        (None, Some(event)) => Frame::Event { offset, event: event.get().to_owned() },
        (None, None) => Frame::Offset(offset),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(event: &str, data: &str, expected: &Frame) {
        let (event, id, data) = (event.to_owned(), "of-the-line".to_owned(), data.to_owned());
        assert_eq!(frame(&Message { event, id, data }).unwrap(), *expected);
    }

    #[test]
    fn frames_are_read_as_recorded_and_as_in_the_reference() {
        let trouble = |code: &str, message: &str, offset: Option<&str>| {
            let (code, message) = (code.to_owned(), message.to_owned());
            Frame::Trouble(StreamTrouble { code, message, offset: offset.map(str::to_owned) })
        };
        let event = r#"{"id": "evt_1",  "n": 1.50}"#.to_owned();
        let data = format!(r#"{{"offset":"o1","event":{event}}}"#);
        let offset = "o1".to_owned();
        check("user.created", &data, &Frame::Event { offset, event: event.clone() });
        let data = format!(r#"{{"type":"user.created","event":{event}}}"#);
        check("user.created", &data, &Frame::Event { offset: "of-the-line".into(), event });
        check("offset-only", r#"{"offset":"o2"}"#, &Frame::Offset("o2".into()));
        let typed = r#"{"type":"offset-only","offset":"o3"}"#;
        check("message", typed, &Frame::Offset("o3".into()));
        check(
            "error",
            r#"{"type":"error","error":{"code":"cursor_expired","message":"too old","offset":"o4"}}"#,
            &trouble("cursor_expired", "too old", Some("o4")),
        );
        check("error", "{}", &trouble("", "{}", None));
        let (event, id, data) = ("user.created".into(), String::new(), "no json".into());
        assert!(matches!(frame(&Message { event, id, data }), Err(ApiError::Unclear { .. })));
    }
}
