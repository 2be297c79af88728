//! Event streams: list, create, change, delete, test.

use std::sync::Arc;

use http::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;

use super::super::carrier::{Authorization, Letter};
use super::super::stream::Standing;
use super::Shared;
use super::refusal::{Refusal, empty, json_answer};
use super::send::Job;
use super::server::{Answer, Asked};
use super::state::{Destination, State, Stream};
use crate::event::EVENT_TYPES;

/// What a create or a change says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    name: Option<String>,
    subscriptions: Option<Vec<Subscription>>,
    destination: Option<SaidDestination>,
    status: Option<Status>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Subscription {
    event_type: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Enabled,
    Disabled,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, tag = "type", content = "configuration", rename_all = "lowercase")]
enum SaidDestination {
    Webhook(SaidWebhook),
    Eventbridge(SaidEventbridge),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SaidWebhook {
    webhook_endpoint: String,
    webhook_authorization: SaidAuthorization,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SaidEventbridge {
    aws_account_id: String,
    aws_region: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, tag = "method", rename_all = "snake_case")]
enum SaidAuthorization {
    Bearer { token: Option<SecretString> },
    Basic { username: String, password: Option<SecretString> },
    CustomHeader { header_key: String, header_value: Option<SecretString> },
}

/// `GET /event-streams`
pub(super) fn list(shared: &Shared, asked: &Asked) -> Answer {
    let take = asked.take()?;
    let state = shared.state();
    let from = match asked.parameter("from") {
        None => 0,
        Some(from) => from
            .parse::<usize>()
            .ok()
            .filter(|from| *from <= state.streams.len())
            .ok_or_else(|| Refusal::query("from is none of ours"))?,
    };
    let page: Vec<Value> =
        state.streams.iter().skip(from).take(take).map(Stream::document).collect();
    let end = from + page.len();
    let mut answer = json!({ "eventStreams": page });
    if end < state.streams.len() {
        answer["next"] = json!(end.to_string());
    }
    Ok(json_answer(StatusCode::OK, &answer))
}

/// `GET /event-streams/{id}`
pub(super) fn one(shared: &Shared, id: &str) -> Answer {
    let mut state = shared.state();
    let stream = state.stream(id).ok_or_else(Refusal::no_stream)?;
    Ok(json_answer(StatusCode::OK, &stream.document()))
}

/// `POST /event-streams`
pub(super) fn create(shared: &Shared, body: &[u8]) -> Answer {
    let said = said(body)?;
    let now = shared.settings.clock.now().floor_to_millis();
    let mut state = shared.state();
    if state.streams.len() >= shared.settings.streams_max {
        let message = "You have reached the maximum number of event streams for your account";
        return Err(Refusal::new(StatusCode::CONFLICT, message, "event_streams_limit_reached"));
    }
    let id = state.id("est_");
    let name = said.name.unwrap_or_else(|| id.clone());
    check_name(&state, &name, &id)?;
    let event_types = event_types(said.subscriptions.unwrap_or_default())?;
    if event_types.is_empty() {
        return Err(Refusal::body("subscriptions: too few items"));
    }
    let wanted = said.destination.ok_or_else(|| Refusal::body("destination is required"))?;
    let destination = match wanted {
        SaidDestination::Webhook(webhook) => to_webhook(webhook, None)?,
        SaidDestination::Eventbridge(bridge) => to_eventbridge(shared, &mut state, bridge)?,
    };
    let stream = Stream {
        id,
        name,
        enabled: said.status != Some(Status::Disabled),
        event_types,
        destination,
        created_at: now,
        updated_at: now,
        standing: Standing::default(),
        failed: Vec::new(),
        losing: 0,
        lane: Arc::new(Semaphore::new(1)),
    };
    let told = stream.document();
    state.streams.push(stream);
    Ok(json_answer(StatusCode::CREATED, &told))
}

/// `PATCH /event-streams/{id}`
pub(super) fn update(shared: &Shared, id: &str, body: &[u8]) -> Answer {
    let said = said(body)?;
    let now = shared.settings.clock.now().floor_to_millis();
    let mut state = shared.state();
    if let Some(name) = &said.name {
        check_name(&state, name, id)?;
    }
    let failures_max = shared.settings.rules.failures_max;
    let stream = state.stream(id).ok_or_else(Refusal::no_stream)?;
    let destination = match (said.destination, &stream.destination) {
        (None, _) => None,
        (Some(SaidDestination::Webhook(webhook)), Destination::Webhook { .. }) => {
            Some(to_webhook(webhook, Some(&stream.destination))?)
        }
        // Reference, `EventStreamDestinationPatch`: of EventBridge nothing can be changed.
        (Some(_), _) => return Err(Refusal::body("destination can't be changed to that")),
    };
    let event_types = said.subscriptions.map(event_types).transpose()?;
    let flush = match said.status {
        Some(Status::Enabled) if !stream.enabled => {
            // Auth0 docs, "Auto-disable mechanism"; the status of the refusal is not documented.
            if stream.failures() >= failures_max {
                let message = "The event stream has too many failed events to be enabled";
                return Err(Refusal::new(StatusCode::CONFLICT, message, "too_many_failures"));
            }
            stream.enabled = true;
            stream.standing = Standing::switched_on();
            true
        }
        Some(Status::Disabled) => {
            stream.enabled = false;
            false
        }
        Some(Status::Enabled) | None => false,
    };
    stream.name = said.name.unwrap_or_else(|| stream.name.clone());
    stream.event_types = event_types.unwrap_or_else(|| stream.event_types.clone());
    stream.destination = destination.unwrap_or_else(|| stream.destination.clone());
    stream.updated_at = now;
    let told = stream.document();
    let again: Vec<String> = stream.failed.iter().map(|failed| failed.id.clone()).collect();
    drop(state);
    if flush {
        // What failed before goes out first: old events arrive in a storm.
        for event in again {
            shared.order(Job::Again { stream: id.to_owned(), event })?;
        }
    }
    Ok(json_answer(StatusCode::OK, &told))
}

/// `DELETE /event-streams/{id}`
pub(super) fn delete(shared: &Shared, id: &str) -> Answer {
    let mut state = shared.state();
    let at = state.streams.iter().position(|stream| stream.id == id);
    let stream = state.streams.remove(at.ok_or_else(Refusal::no_stream)?);
    drop(state);
    if let (Destination::Eventbridge { source, .. }, Some(aws)) =
        (&stream.destination, &shared.settings.aws)
    {
        aws.withdraw_partner_source(source);
    }
    Ok(empty(StatusCode::NO_CONTENT))
}

/// `POST /event-streams/{id}/test`
pub(super) fn test(shared: &Shared, id: &str, body: &[u8]) -> Answer {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Said {
        event_type: String,
        data: Option<Map<String, Value>>,
    }
    let said: Said = serde_json::from_slice(body).map_err(Refusal::body)?;
    let kind = EVENT_TYPES.into_iter().find(|kind| *kind == said.event_type);
    let kind = kind.ok_or_else(|| Refusal::body("event_type is none of ours"))?;
    let now = shared.settings.clock.now();
    let tenant = shared.tenant().to_owned();
    let mut state = shared.state();
    let event_id = state.id("evt_");
    let stream = state.stream(id).ok_or_else(Refusal::no_stream)?;
    if !stream.enabled {
        // Auth0 docs, "Test the event stream"; the status is not documented.
        let message = "The event stream is disabled";
        return Err(Refusal::new(StatusCode::CONFLICT, message, "event_stream_disabled"));
    }
    drop(state);
    let data = said.data.map_or_else(|| sample(&event_id), Value::Object);
    let event = json!({
        "id": event_id, "source": format!("urn:auth0:{}", shared.settings.domain),
        "specversion": "1.0", "type": kind, "time": now.floor_to_millis(), "data": data,
        "a0tenant": tenant, "a0stream": id, "a0purpose": "test",
    });
    let letter = Letter { kind, json: event.to_string().into() };
    shared.order(Job::New { stream: id.to_owned(), event: event_id.clone(), letter })?;
    let told = json!({
        "id": event_id, "event_stream_id": id, "status": "pending", "event_type": kind,
        "attempts": [], "event": event,
    });
    Ok(json_answer(StatusCode::ACCEPTED, &told))
}

/// Something of everything, so that it is about somebody whatever its type.
fn sample(id: &str) -> Value {
    let own = |prefix: &str| format!("{prefix}_{}", id.trim_start_matches("evt_"));
    json!({ "object": {
        "id": own("obj"), "user_id": format!("auth0|{}", own("test")), "name": "test",
        "email": "test@example.com", "identities": [],
        "organization": { "id": own("org") }, "user": { "user_id": format!("auth0|{}", own("test")) },
        "role": { "id": own("rol") }, "connection": { "id": own("con") },
        "group": { "id": own("grp") }, "member": { "id": own("mem") },
    } })
}

fn said(body: &[u8]) -> Result<Said, Refusal> {
    serde_json::from_slice(body).map_err(Refusal::body)
}

fn check_name(state: &State, name: &str, id: &str) -> Result<(), Refusal> {
    if !(1..=128).contains(&name.chars().count()) {
        return Err(Refusal::body("name has 1 to 128 characters"));
    }
    if state.streams.iter().any(|other| other.name == name && other.id != id) {
        let message = "Event stream name already in use";
        return Err(Refusal::new(StatusCode::CONFLICT, message, "event_stream_name_in_use"));
    }
    Ok(())
}

fn event_types(subscriptions: Vec<Subscription>) -> Result<Vec<String>, Refusal> {
    let types: Vec<String> = subscriptions.into_iter().map(|one| one.event_type).collect();
    match types.iter().find(|kind| !EVENT_TYPES.contains(&kind.as_str())) {
        Some(odd) => Err(Refusal::body(format_args!("event_type {odd} is none of ours"))),
        None => Ok(types),
    }
}

/// A webhook; where it says no secret, the one before stays. What Auth0 does then is not documented.
fn to_webhook(said: SaidWebhook, before: Option<&Destination>) -> Result<Destination, Refusal> {
    let SaidWebhook { webhook_endpoint: endpoint, webhook_authorization } = said;
    if !endpoint.starts_with("https://") {
        return Err(Refusal::body("webhook_endpoint: String does not match pattern ^https://.*"));
    }
    let (told, authorization) = match webhook_authorization {
        SaidAuthorization::Bearer { token } => {
            (json!({ "method": "bearer" }), token.map(|token| Authorization::bearer(&token)))
        }
        SaidAuthorization::Basic { username, password } => {
            let told = json!({ "method": "basic", "username": username });
            let both = |password: SecretString| {
                let password = secrecy::ExposeSecret::expose_secret(&password).to_owned();
                Authorization::basic(&SecretString::from(format!("{username}:{password}")))
            };
            (told, password.map(both))
        }
        SaidAuthorization::CustomHeader { header_key, header_value } => {
            let told = json!({ "method": "custom_header", "header_key": header_key });
            (told, header_value.map(|value| Authorization::header(&header_key, &value)))
        }
    };
    let (had, old) = match before {
        Some(Destination::Webhook { told, authorization, .. }) => (Some(told), Some(authorization)),
        Some(Destination::Eventbridge { .. }) | None => (None, None),
    };
    let authorization = match (authorization, old) {
        (Some(authorization), _) => authorization.map_err(Refusal::body)?,
        (None, Some(old)) if had == Some(&told) => old.clone(),
        (None, _) => return Err(Refusal::body("webhook_authorization has no secret")),
    };
    Ok(Destination::Webhook { endpoint, told, authorization, before: old.cloned() })
}

/// An EventBridge destination: a partner event source appears in the account, pending.
fn to_eventbridge(
    shared: &Shared,
    state: &mut State,
    said: SaidEventbridge,
) -> Result<Destination, Refusal> {
    let SaidEventbridge { aws_account_id: account, aws_region: region } = said;
    if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refusal::body("aws_account_id has 12 digits"));
    }
    let is_region = region.split('-').count() >= 3
        && region.bytes().all(|byte| byte == b'-' || byte.is_ascii_alphanumeric());
    if !is_region {
        return Err(Refusal::body("aws_region is none of ours"));
    }
    let source = format!("aws.partner/auth0.com/{}-{}/auth0.events", shared.tenant(), state.uuid());
    if let Some(aws) = &shared.settings.aws {
        aws.offer_partner_source(&source).map_err(Refusal::body)?;
    }
    Ok(Destination::Eventbridge { account, region, source: source.into() })
}
