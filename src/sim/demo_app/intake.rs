//! Taking deliveries.

use axum::extract::State;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Desk;
use super::people::Told;
use crate::event::{Path, Timestamp};

/// What is read of a CloudEvent.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Event {
    #[serde(rename = "type")]
    pub kind: String,
    pub time: Timestamp,
    #[serde(rename = "a0purpose")]
    pub purpose: Option<String>,
    pub data: Content,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Content {
    pub object: Map<String, Value>,
    pub previous_object: Option<Map<String, Value>>,
}

/// The order matters: whoever is down says nothing else, what is not signed is not looked at, and
/// what was taken before is taken again, without being told twice.
pub(super) async fn take(
    State(desk): State<Desk>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, &'static str) {
    if desk.conduct.is_down() {
        return (StatusCode::SERVICE_UNAVAILABLE, "down, as the demo asked\n");
    }
    if desk.verifier.0.verify(&body, &headers).is_err() {
        return (StatusCode::UNAUTHORIZED, "no good signature\n");
    }
    let arrived = desk.clock.now();
    let mut state = desk.state();
    state.counts.attempts = state.counts.attempts.saturating_add(1);
    let Ok(event) = serde_json::from_slice::<Event>(&body) else {
        return (StatusCode::BAD_REQUEST, "no event of Auth0\n");
    };
    let id = text(&headers, "webhook-id");
    let delivery = format!("{id} {}", text(&headers, "twinstream-route"));
    if state.deliveries.contains(&delivery) {
        state.counts.repeats = state.counts.repeats.saturating_add(1);
        return (StatusCode::NO_CONTENT, "");
    }
    if let Some(user) = event.user()
        && desk.conduct.refuses(id, user)
    {
        return (StatusCode::UNPROCESSABLE_ENTITY, "refused once, as the demo asked\n");
    }
    state.deliveries.add(&delivery);
    // By another route it is the same news.
    if state.events.add(id) {
        state.counts.events += 1;
        let path = match text(&headers, "twinstream-path") {
            "webhook" => Some(Path::Webhook),
            "eventbridge" => Some(Path::Eventbridge),
            _ => None,
        };
        let late = text(&headers, "twinstream-late") == "true";
        let version = state.people.hear(&event, Told { path, arrived, late });
        desk.changed.send_replace(version);
    }
    (StatusCode::NO_CONTENT, "")
}

impl Event {
    /// The user whom it is about, where it is about one.
    pub(super) fn user(&self) -> Option<&str> {
        let object = self.kind.starts_with("user.").then_some(&self.data.object)?;
        object.get("user_id")?.as_str()
    }

    /// Sent by the Management API's test call.
    pub(super) fn is_test(&self) -> bool {
        self.purpose.as_deref() == Some("test")
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
