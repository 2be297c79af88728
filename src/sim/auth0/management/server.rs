//! Requests to answers.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::State as Extract;
use http::header::{DATE, HeaderName};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::handle::Recorded;
use super::refusal::Refusal;
use super::{Shared, access, deliveries, events, streams};

/// The longest body of a request.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// One request, read.
#[derive(Debug)]
pub(super) struct Asked {
    pub headers: http::HeaderMap,
    pub query: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Asked {
    /// The last value of a parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let all = self.query.iter().rev();
        all.filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).next()
    }

    /// `take`, from 1 to 100; 50 unless it is given.
    pub(super) fn take(&self) -> Result<usize, Refusal> {
        let Some(take) = self.parameter("take") else { return Ok(50) };
        let take = take.parse().ok().filter(|take| (1..=100).contains(take));
        take.ok_or_else(|| Refusal::query("take is a number from 1 to 100"))
    }
}

/// What an answer is made of.
pub(super) type Answer = Result<Response<Body>, Refusal>;

/// Answers a request, and remembers it.
pub(super) async fn answer(
    Extract(shared): Extract<Arc<Shared>>,
    request: Request<Body>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let query = head.uri.query().unwrap_or_default();
    let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let body = to_bytes(body, BODY_BYTES_MAX).await.unwrap_or_default().to_vec();
    let asked = Asked { headers: head.headers, query, body };
    let path = head.uri.path().to_owned();
    let mut answer = route(&shared, &head.method, &path, &asked);
    let mut state = shared.state();
    state.record(Recorded {
        method: head.method.to_string(),
        path,
        query: asked.query,
        body: without_client_secret(serde_json::from_slice(&asked.body).ok()),
        status: answer.status().as_u16(),
    });
    let now = state.trouble.skew.shown(shared.settings.clock.now());
    drop(state);
    let date = std::time::UNIX_EPOCH
        + std::time::Duration::from_secs(u64::try_from(now.as_seconds()).unwrap_or_default());
    if let Ok(date) = HeaderValue::try_from(httpdate::fmt_http_date(date)) {
        answer.headers_mut().insert(DATE, date);
    }
    answer
}

fn without_client_secret(body: Option<Value>) -> Option<Value> {
    let mut body = body?;
    if let Some(secret) = body.get_mut("client_secret") {
        *secret = json!("hidden");
    }
    Some(body)
}

fn route(shared: &Arc<Shared>, method: &Method, path: &str, asked: &Asked) -> Response<Body> {
    if let Some(refused) = on_demand(shared) {
        return refused;
    }
    if path == "/oauth/token" && method == Method::POST {
        return access::token(shared, &asked.body);
    }
    let answered = match path.strip_prefix("/api/v2/") {
        Some(below) => call(shared, method, below, asked),
        None => Err(Refusal::new(StatusCode::NOT_FOUND, "Not Found", "not_found")),
    };
    answered.unwrap_or_else(|refusal| refusal.respond())
}

/// Refuses as a test has it.
fn on_demand(shared: &Shared) -> Option<Response<Body>> {
    let mut state = shared.state();
    let trouble = &mut state.trouble;
    if let Some((left, reset_in)) = trouble.limited {
        trouble.limited = left.checked_sub(2).map(|left| (left + 1, reset_in));
        let message = "Global limit has been reached";
        let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, message, "too_many_requests");
        let mut answer = refusal.respond();
        let now = trouble.skew.shown(shared.settings.clock.now());
        let numbers = [("limit", 10), ("remaining", 0), ("reset", now.plus(reset_in).as_seconds())];
        for (name, number) in numbers {
            if let Ok(name) = HeaderName::try_from(format!("x-ratelimit-{name}")) {
                answer.headers_mut().insert(name, HeaderValue::from(number));
            }
        }
        return Some(answer);
    }
    let (left, status) = trouble.failing?;
    trouble.failing = left.checked_sub(2).map(|left| (left + 1, status));
    Some(Refusal::new(status, "on demand", "on_demand").respond())
}

fn call(shared: &Arc<Shared>, method: &Method, below: &str, asked: &Asked) -> Answer {
    // Not decoded: no id of ours has characters that would be encoded.
    let segments: Vec<&str> = below.split('/').collect();
    let may = |any_of: &[&str]| {
        let now = shared.settings.clock.now();
        shared.state().access.check(&asked.headers, any_of, now)
    };
    match (method, segments.as_slice()) {
        (&Method::GET, ["event-streams"]) => {
            may(&["read:event_streams"])?;
            streams::list(shared, asked)
        }
        (&Method::POST, ["event-streams"]) => {
            may(&["create:event_streams"])?;
            streams::create(shared, &asked.body)
        }
        (&Method::GET, ["event-streams", id]) => {
            may(&["read:event_streams"])?;
            streams::one(shared, id)
        }
        (&Method::PATCH, ["event-streams", id]) => {
            may(&["update:event_streams"])?;
            streams::update(shared, id, &asked.body)
        }
        (&Method::DELETE, ["event-streams", id]) => {
            may(&["delete:event_streams"])?;
            streams::delete(shared, id)
        }
        (&Method::POST, ["event-streams", id, "test"]) => {
            may(&["update:event_streams"])?;
            streams::test(shared, id, &asked.body)
        }
        (&Method::GET, ["event-streams", id, "deliveries"]) => {
            may(&["read:event_streams", "read:event_deliveries"])?;
            deliveries::list(shared, id, asked)
        }
        (&Method::GET, ["event-streams", id, "deliveries", event]) => {
            may(&["read:event_deliveries"])?;
            deliveries::one(shared, id, event)
        }
        (&Method::POST, ["event-streams", id, "redeliver"]) => {
            may(&["update:event_deliveries"])?;
            deliveries::redeliver_all(shared, id, &asked.body)
        }
        (&Method::POST, ["event-streams", id, "redeliver", event]) => {
            may(&["update:event_deliveries"])?;
            deliveries::redeliver(shared, id, event)
        }
        (&Method::GET, ["events"]) => {
            may(&["read:events"])?;
            events::follow(shared, asked)
        }
        _ => Err(Refusal::new(StatusCode::NOT_FOUND, "Not Found", "not_found")),
    }
}
