//! The stand-in seen from Rust: what happens in the tenant, what goes wrong, what was asked.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use http::StatusCode;
use serde_json::{Value, json};

use super::super::carrier::Letter;
use super::super::faults::Skew;
use super::super::tenant::Change;
use super::Shared;
use super::state::{Destination, Failed, ListShape, Stream, Telling};
use crate::event::Path;

/// A cheap handle to a running stand-in.
#[derive(Debug, Clone)]
pub struct Handle(pub(super) Arc<Shared>);

/// A request that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// `GET`, …
    pub method: String,
    /// The path, as it came.
    pub path: String,
    /// The parameters, in order.
    pub query: Vec<(String, String)>,
    /// The body, where it was JSON; without the client's secret, with those of webhooks.
    pub body: Option<Value>,
    /// The answer's status.
    pub status: u16,
}

/// A stream, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamNow {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its path.
    pub path: Path,
    /// Whether it is on.
    pub enabled: bool,
    /// What it is subscribed to.
    pub event_types: Vec<String>,
    /// The ids of events that could not be delivered.
    pub failed: Vec<String>,
    /// The partner event source.
    pub source: Option<String>,
}

impl Handle {
    /// Its address, for `auth0.endpoint_url`.
    pub fn url(&self) -> String {
        format!("http://{}", self.0.address)
    }

    /// Lets a change happen: it goes into the log of the Events API, and out by every stream that is on and
    /// subscribed, by Auth0's rules. Ends when every stream has delivered it, or given up.
    pub async fn happen(&self, change: &Change) {
        let shared = &self.0;
        let sending = {
            let mut state = shared.state();
            let mut logged = parsed(&change.webhook.json);
            if let Some(event) = logged.as_object_mut() {
                event.remove("a0stream");
            }
            let (at, max) = (change.time, shared.settings.events.kept_max);
            state.log.push(change.kind, at, logged, max);
            let last = state.log.last;
            shared.happened.send_replace(last);
            let streams = state.streams.iter_mut();
            let to = streams.filter_map(|stream| takes(stream, change.kind).then_some(&*stream));
            let sent = to.map(|stream| {
                let event = change.on(stream.path());
                (stream.id.clone(), event.id.clone(), letter(stream, change.kind, &event.json))
            });
            sent.collect::<Vec<_>>()
        };
        let sent = sending.into_iter().map(|(stream, id, letter)| async move {
            shared.send_new(&stream, id, letter).await;
        });
        join_all(sent).await;
    }

    /// All streams, in the order in which they were made.
    pub fn streams(&self) -> Vec<StreamNow> {
        self.0.state().streams.iter().map(now).collect()
    }

    /// So many of the next events are lost on the streams of a path, before anything is sent.
    pub fn lose_next(&self, path: Path, events: usize) {
        let mut state = self.0.state();
        for stream in state.streams.iter_mut().filter(|stream| stream.path() == path) {
            stream.losing = events;
        }
    }

    /// Webhooks to this address really go to that one.
    pub fn reach(&self, endpoint: &str, to: &str) {
        self.0.state().reach.insert(endpoint.to_owned(), to.to_owned());
    }

    /// In which form failed deliveries are listed from now on.
    pub fn list_as(&self, shape: ListShape) {
        self.0.state().list_shape = shape;
    }

    /// Takes a scope away; tokens that were issued before are not good any more.
    pub fn take_scope(&self, scope: &str) {
        let mut state = self.0.state();
        state.access.scopes.remove(scope);
        state.access.revoke();
    }

    /// No token that was issued is good any more.
    pub fn revoke_tokens(&self) {
        self.0.state().access.revoke();
    }

    /// How many tokens were issued.
    pub fn tokens_issued(&self) -> u64 {
        self.0.state().access.issued()
    }

    /// Refuses so many of the next requests with 429; the limit is reset after this long.
    pub fn limit_next(&self, requests: usize, reset_in: Duration) {
        self.0.state().trouble.limited = (requests > 0).then_some((requests, reset_in));
    }

    /// Answers so many of the next requests with this status.
    pub fn fail_next(&self, requests: usize, status: StatusCode) {
        self.0.state().trouble.failing = (requests > 0).then_some((requests, status));
    }

    /// Refuses to send this event again, with this status; sends it again where there is none.
    pub fn refuse_redelivery(&self, event: &str, status: Option<StatusCode>) {
        let refused = &mut self.0.state().trouble.refused;
        match status {
            Some(status) => drop(refused.insert(event.to_owned(), status)),
            None => drop(refused.remove(event)),
        }
    }

    /// These happened a while ago, and could not be delivered by the streams of a path: they are listed, and
    /// counted nowhere else.
    pub fn has_failed(&self, path: Path, changes: &[Change]) {
        let mut state = self.0.state();
        for stream in state.streams.iter_mut().filter(|stream| stream.path() == path) {
            for change in changes {
                let event = change.on(path);
                let attempt = json!({
                    "status": "failed", "timestamp": change.time.floor_to_millis(),
                    "error_message": "HTTP 503", "duration": 1,
                });
                let letter = letter(stream, change.kind, &event.json);
                let (id, at, attempts) = (event.id.clone(), change.time, vec![attempt]);
                stream.failed.push(Failed { id, status: "failed", letter, at, attempts });
            }
        }
    }

    /// How far Auth0's clock is off, as its answers show.
    pub fn skew(&self, skew: Skew) {
        self.0.state().trouble.skew = skew;
    }

    /// Takes new secrets of webhooks, and goes on sending the old ones; how soon Auth0 changes to a new one is
    /// not documented.
    pub fn send_old_secrets(&self, does: bool) {
        self.0.state().trouble.sends_old_secrets = does;
    }

    /// Keeps none of what happened so far: offsets before now have expired.
    pub fn expire_offsets(&self) {
        let mut state = self.0.state();
        state.log.kept.clear();
        // The newest offset is one before what is kept.
        state.log.last += 1;
    }

    /// Takes no offset that was given until now: they are written in another way from now on.
    pub fn change_offsets(&self) {
        self.0.state().log.form += 1;
    }

    /// How the Events API tells of the next event.
    pub fn tell_next(&self, telling: Telling) {
        self.0.state().log.next = telling;
    }

    /// The offset after the last event.
    pub fn offset(&self) -> String {
        let state = self.0.state();
        state.log.offset(state.log.last)
    }

    /// What was asked, the oldest first; the last 10,000.
    pub fn recorded(&self) -> Vec<Recorded> {
        self.0.state().recorded.iter().cloned().collect()
    }
}

/// An event as this stream sends it.
fn letter(stream: &Stream, kind: &'static str, event: &str) -> Letter {
    let mut json = parsed(event);
    json["a0stream"] = json!(stream.id);
    Letter { kind, json: json.to_string().into() }
}

fn parsed(event: &str) -> Value {
    serde_json::from_str(event).unwrap_or_default()
}

/// Whether a stream sends an event of this type now; one that it loses, it does not send.
fn takes(stream: &mut Stream, kind: &str) -> bool {
    let is_meant = stream.enabled && stream.event_types.iter().any(|one| one == kind);
    if is_meant && stream.losing > 0 {
        stream.losing -= 1;
        return false;
    }
    is_meant
}

fn now(stream: &Stream) -> StreamNow {
    let source = match &stream.destination {
        Destination::Webhook { .. } => None,
        Destination::Eventbridge { source, .. } => Some(source.to_string()),
    };
    StreamNow {
        id: stream.id.clone(),
        name: stream.name.clone(),
        path: stream.path(),
        enabled: stream.enabled,
        event_types: stream.event_types.clone(),
        failed: stream.failed.iter().map(|failed| failed.id.clone()).collect(),
        source,
    }
}
