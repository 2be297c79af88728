//! Event streams: list, look at, create, change, delete, test.

mod told;

use std::fmt;

use http::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use super::api::Call;
use super::{Api, ApiError};
use crate::event::EventId;
use told::{StreamList, StreamPage};

pub use told::{Destination, Stream, StreamStatus};

/// How a webhook stream proves itself.
#[derive(Clone)]
pub enum Authorization {
    /// `Authorization: Bearer <token>`.
    Bearer {
        /// The token.
        token: SecretString,
    },
    /// `Authorization: Basic …`.
    Basic {
        /// The user.
        username: String,
        /// The password.
        password: SecretString,
    },
    /// A header of the customer's own.
    Header {
        /// Its name.
        name: String,
        /// Its value.
        value: SecretString,
    },
}

impl Authorization {
    /// The method's name, as Auth0 has it.
    pub const fn method(&self) -> &'static str {
        match self {
            Self::Bearer { .. } => "bearer",
            Self::Basic { .. } => "basic",
            Self::Header { .. } => "custom_header",
        }
    }

    /// The user of `basic`, or the name of the header.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Bearer { .. } => None,
            Self::Basic { username, .. } => Some(username),
            Self::Header { name, .. } => Some(name),
        }
    }

    fn document(&self) -> Value {
        let method = self.method();
        match self {
            Self::Bearer { token } => json!({ "method": method, "token": token.expose_secret() }),
            Self::Basic { username, password } => json!({
                "method": method, "username": username, "password": password.expose_secret(),
            }),
            // The reference names `header_key` alone; what the value is called is not documented.
            Self::Header { name, value } => json!({
                "method": method, "header_key": name, "header_value": value.expose_secret(),
            }),
        }
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Authorization").field(&self.method()).field(&self.name()).finish()
    }
}

/// Where a new stream is to send to.
#[derive(Debug, Clone)]
pub enum NewDestination {
    /// A webhook.
    Webhook {
        /// Its address, `https://…`.
        endpoint: Url,
        /// How the stream proves itself there.
        authorization: Authorization,
    },
    /// EventBridge; can't be changed afterwards (reference, `EventStreamDestinationPatch`).
    Eventbridge {
        /// The AWS account: 12 digits.
        account: String,
        /// The AWS region.
        region: String,
    },
}

/// A stream to be made. It is switched on from the beginning.
#[derive(Debug, Clone)]
pub struct NewStream {
    /// Its name: 1 to 128 characters.
    pub name: String,
    /// What it is subscribed to.
    pub event_types: Vec<String>,
    /// Where it sends to.
    pub destination: NewDestination,
}

/// What is to be changed of a stream; the rest stays.
#[derive(Debug, Clone, Default)]
pub struct StreamChanges {
    /// Another name.
    pub name: Option<String>,
    /// All that it is to be subscribed to.
    pub event_types: Option<Vec<String>>,
    /// Switched on (`true`) or off.
    pub enabled: Option<bool>,
    /// Another address, and how the stream proves itself there; Auth0 takes both together only.
    pub webhook: Option<(Url, Authorization)>,
}

/// A test event that Auth0 was asked to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestEvent {
    /// The event's id, by which it arrives.
    pub id: String,
    /// Its type.
    pub event_type: String,
}

/// A list has so many streams at most, however many pages that takes.
const STREAMS_MAX: usize = 10_000;
/// The longest page (reference, `take`).
pub(super) const TAKE_MAX: usize = 100;

impl Api {
    /// All streams.
    ///
    /// # Errors
    /// As every call: no answer, or one that is no success.
    pub async fn streams(&self) -> Result<Vec<Stream>, ApiError> {
        let (mut streams, mut from) = (Vec::new(), None);
        loop {
            let call = Call::get("listing the event streams", &["event-streams"])
                .with("take", Some(TAKE_MAX.to_string()))
                .with("from", from.take());
            let StreamPage { mut event_streams, next } =
                self.ask::<StreamList>(&call).await?.page();
            let is_empty = event_streams.is_empty();
            streams.append(&mut event_streams);
            // A page with nothing on it would be followed by such pages for ever.
            match next {
                Some(next) if !is_empty && streams.len() < STREAMS_MAX => from = Some(next),
                Some(_) | None => return Ok(streams),
            }
        }
    }

    /// The stream of this name, if there is one.
    ///
    /// # Errors
    /// As every call.
    pub async fn stream_named(&self, name: &str) -> Result<Option<Stream>, ApiError> {
        Ok(self.streams().await?.into_iter().find(|stream| stream.name == name))
    }

    /// One stream.
    ///
    /// # Errors
    /// As every call; [`ApiError::is_not_found`] where there is none.
    pub async fn stream(&self, id: &str) -> Result<Stream, ApiError> {
        self.ask(&Call::get("reading an event stream", &["event-streams", id])).await
    }

    /// Makes a stream. Never tried twice when nobody knows what came of the first time.
    ///
    /// # Errors
    /// As every call; 409 where the name is taken, or the plan has no room for another stream.
    pub async fn create_stream(&self, stream: &NewStream) -> Result<Stream, ApiError> {
        let what = format!("creating the event stream `{}`", stream.name);
        let destination = match &stream.destination {
            NewDestination::Webhook { endpoint, authorization } => webhook(endpoint, authorization),
            NewDestination::Eventbridge { account, region } => json!({
                "type": "eventbridge",
                "configuration": { "aws_account_id": account, "aws_region": region },
            }),
        };
        let body = json!({
            "name": stream.name,
            "status": "enabled",
            "subscriptions": subscriptions(&stream.event_types),
            "destination": destination,
        });
        self.ask(&Call::post(what, &["event-streams"]).sending(body)).await
    }

    /// Changes a stream.
    ///
    /// # Errors
    /// As every call.
    pub async fn update_stream(
        &self,
        id: &str,
        changes: &StreamChanges,
    ) -> Result<Stream, ApiError> {
        let mut body = Map::new();
        let mut change = |key: &str, value: Option<Value>| {
            body.extend(value.map(|value| (key.to_owned(), value)));
        };
        change("name", changes.name.as_deref().map(Value::from));
        change("subscriptions", changes.event_types.as_deref().map(subscriptions));
        let status = |enabled| Value::from(if enabled { "enabled" } else { "disabled" });
        change("status", changes.enabled.map(status));
        let to = changes.webhook.as_ref();
        change("destination", to.map(|(endpoint, how)| webhook(endpoint, how)));
        let call = Call::new("changing an event stream", Method::PATCH, &["event-streams", id]);
        self.ask(&call.sending(Value::Object(body))).await
    }

    /// Deletes a stream; one that is gone already is fine. With an EventBridge stream its partner event
    /// source goes too.
    ///
    /// # Errors
    /// As every call.
    pub async fn delete_stream(&self, id: &str) -> Result<(), ApiError> {
        let call = Call::new("deleting an event stream", Method::DELETE, &["event-streams", id]);
        match self.order(&call).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Has a stream send a test event of this type: `a0purpose` is `test`. Auth0 makes the content up. A stream
    /// that is switched off sends none.
    ///
    /// # Errors
    /// As every call; [`ApiError::Unclear`] where the answer names no event.
    pub async fn send_test_event(
        &self,
        stream: &str,
        event_type: &str,
    ) -> Result<TestEvent, ApiError> {
        let call = Call::post("sending a test event", &["event-streams", stream, "test"]);
        let call = call.sending(json!({ "event_type": event_type }));
        let sent: Sent = self.ask(&call).await?;
        // The reference has `id` for the event's; where the event itself is there, it knows best.
        let id = sent.event.and_then(|event| event.id).unwrap_or(sent.id);
        Ok(TestEvent { id, event_type: event_type.to_owned() })
    }
}

impl TestEvent {
    /// The id, as the journal knows events; `None` where it can't be one.
    pub fn event_id(&self) -> Option<EventId> {
        EventId::parse(&self.id).ok()
    }
}

fn subscriptions(event_types: &[String]) -> Value {
    event_types.iter().map(|kind| json!({ "event_type": kind })).collect()
}

fn webhook(endpoint: &Url, authorization: &Authorization) -> Value {
    json!({
        "type": "webhook",
        "configuration": {
            "webhook_endpoint": endpoint.as_str(),
            "webhook_authorization": authorization.document(),
        },
    })
}

#[derive(Deserialize)]
struct Sent {
    id: String,
    event: Option<SentEvent>,
}

#[derive(Deserialize)]
struct SentEvent {
    id: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_sent_and_not_shown() {
        let secret = || SecretString::from("s3cret");
        let all = [
            Authorization::Bearer { token: secret() },
            Authorization::Basic { username: "kim".into(), password: secret() },
            Authorization::Header { name: "x-a".into(), value: secret() },
        ];
        for authorization in all {
            assert!(authorization.document().to_string().contains("s3cret"));
            assert!(!format!("{authorization:?}").contains("s3cret"));
        }
    }
}
