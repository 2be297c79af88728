//! The Events API.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep_until};

use super::Shared;
use super::refusal::Refusal;
use super::server::{Answer, Asked};
use super::state::{Logged, Telling};
use crate::event::{EVENT_TYPES, Timestamp};

/// One who follows.
struct Follower {
    shared: Arc<Shared>,
    types: Vec<String>,
    /// The number of the last event that was told, or passed over.
    at: u64,
    happened: watch::Receiver<u64>,
    ready: VecDeque<String>,
    heartbeat_at: Instant,
    close_at: Instant,
    ended: bool,
    _place: OwnedSemaphorePermit,
}

/// `GET /events`
pub(super) fn follow(shared: &Arc<Shared>, asked: &Asked) -> Answer {
    let types: Vec<String> = asked
        .query
        .iter()
        .filter(|(name, _)| name == "event_type")
        .map(|(_, value)| value.clone())
        .collect();
    if let Some(odd) = types.iter().find(|kind| !EVENT_TYPES.contains(&kind.as_str())) {
        return Err(Refusal::query(format_args!("event_type {odd} is none of ours")));
    }
    let at = start(shared, asked)?;
    let place = Arc::clone(&shared.followers).try_acquire_owned().map_err(|_| {
        let message = "Maximum concurrent event stream connections reached. Please close existing \
                       connections.";
        Refusal::new(StatusCode::FORBIDDEN, message, "too_many_connections")
    })?;
    let now = Instant::now();
    let settings = shared.settings.events;
    let follower = Follower {
        types,
        at,
        happened: shared.happened.subscribe(),
        ready: VecDeque::from([":connected\n\n".to_owned(), "retry: 2000\n\n".to_owned()]),
        heartbeat_at: now + settings.heartbeat,
        close_at: now + settings.close_after,
        ended: false,
        _place: place,
        shared: Arc::clone(shared),
    };
    let frames = stream::unfold(follower, |mut follower| async move {
        let frame = follower.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(frame)), follower))
    });
    let mut answer = Response::new(Body::from_stream(frames));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(answer)
}

/// The number after which to begin.
fn start(shared: &Shared, asked: &Asked) -> Result<u64, Refusal> {
    let header = asked.headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let after = header.or_else(|| asked.parameter("from"));
    let state = shared.state();
    let log = &state.log;
    if let Some(after) = after {
        let wrong = || Refusal::query("the cursor is none of ours");
        let at = log.number(after).ok_or_else(wrong)?;
        if !log.has_all_after(at) {
            let message = "Cursor points to data no longer available in the stream.";
            return Err(Refusal::new(StatusCode::GONE, message, "cursor_expired"));
        }
        return Ok(at);
    }
    let Some(text) = asked.parameter("from_timestamp") else { return Ok(log.last) };
    if text.len() > 20 {
        return Err(Refusal::query("from_timestamp is too long"));
    }
    let from = Timestamp::parse(text).map_err(Refusal::query)?;
    // Before what is kept: from the first that is. What Auth0 does then is not documented.
    let before = log.kept.iter().take_while(|logged| logged.at < from).last();
    let first = log.kept.front().map_or(log.last, |first| first.number - 1);
    Ok(before.map_or(first, |logged| logged.number))
}

impl Follower {
    /// The next frame; none when the connection is closed.
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Some(frame);
            }
            if self.ended {
                return None;
            }
            self.happened.mark_unchanged();
            self.look();
            if !self.ready.is_empty() {
                continue;
            }
            tokio::select! {
                () = self.shared.stop.cancelled() => self.ended = true,
                () = sleep_until(self.close_at) => self.ended = true,
                () = sleep_until(self.heartbeat_at) => self.beat(),
                changed = self.happened.changed() => self.ended = changed.is_err(),
            }
        }
    }

    /// What happened since the last look.
    fn look(&mut self) {
        let state = self.shared.state();
        if !state.log.has_all_after(self.at) {
            let error = json!({ "type": "error", "error": {
                "code": "cursor_expired",
                "message": "Cursor points to data no longer available in the stream.",
            } });
            self.ready.push_back(format!("event: error\ndata: {error}\n\n"));
            self.ended = true;
            return;
        }
        let news = state.log.kept.iter().filter(|logged| logged.number > self.at);
        for logged in news {
            if self.types.is_empty() || self.types.iter().any(|kind| kind == logged.kind) {
                let offset = state.log.offset(logged.number);
                let (frame, ends) = told(logged, &offset);
                self.ready.push_back(frame);
                if ends {
                    self.ended = true;
                    return;
                }
            }
        }
        self.at = state.log.last;
    }

    fn beat(&mut self) {
        self.heartbeat_at = Instant::now() + self.shared.settings.events.heartbeat;
        let offset = self.shared.state().log.offset(self.at);
        let data = json!({ "offset": offset });
        self.ready.push_back(": heartbeat\n\n".to_owned());
        self.ready.push_back(format!("event: offset-only\nid: {offset}\ndata: {data}\n\n"));
    }
}

/// The frame that tells of an event, and whether the stream ends with it.
fn told(logged: &Logged, offset: &str) -> (String, bool) {
    let kind = logged.kind;
    match logged.telling {
        Telling::Whole => {
            let data = json!({ "offset": offset, "event": logged.event });
            (format!("event: {kind}\nid: {offset}\ndata: {data}\n\n"), false)
        }
        Telling::Garbled => (format!("event: {kind}\nid: {offset}\ndata: {{\"off\n\n"), false),
        Telling::TooLarge => {
            let message = "The event is too large to be told.";
            let error =
                json!({ "code": "payload_too_large", "message": message, "offset": offset });
            let data = json!({ "type": "error", "error": error });
            (format!("event: error\ndata: {data}\n\n"), true)
        }
    }
}
