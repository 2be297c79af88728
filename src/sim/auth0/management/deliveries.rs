//! What could not be delivered, and redelivery.

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Shared;
use super::refusal::{Refusal, empty, json_answer};
use super::send::Job;
use super::server::{Answer, Asked};
use super::state::{Failed, ListShape};
use crate::event::Timestamp;

/// Which of them.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    date_from: Option<Timestamp>,
    date_to: Option<Timestamp>,
    statuses: Option<Vec<String>>,
    event_types: Option<Vec<String>>,
}

impl Filter {
    fn takes(&self, failed: &Failed) -> bool {
        let is_in = |texts: &Option<Vec<String>>, text: &str| {
            texts.as_ref().is_none_or(|texts| texts.iter().any(|one| one == text))
        };
        self.date_from.is_none_or(|from| failed.at >= from)
            // Reference: "inclusive" and "exclusive". What is compared is not documented; here when it was tried.
            && self.date_to.is_none_or(|to| failed.at < to)
            && is_in(&self.statuses, failed.status)
            && is_in(&self.event_types, failed.letter.kind)
    }
}

/// `GET /event-streams/{id}/deliveries`
pub(super) fn list(shared: &Shared, id: &str, asked: &Asked) -> Answer {
    let date = |name: &str| match asked.parameter(name) {
        None => Ok(None),
        Some(text) if text.len() > 20 => Err(Refusal::query(format_args!("{name} is too long"))),
        Some(text) => Timestamp::parse(text).map(Some).map_err(Refusal::query),
    };
    let texts = |name: &str| {
        let text = asked.parameter(name)?;
        Some(text.split(',').map(str::to_owned).collect())
    };
    let filter = Filter {
        date_from: date("date_from")?,
        date_to: date("date_to")?,
        statuses: texts("statuses"),
        event_types: texts("event_types"),
    };
    let take = asked.take()?;
    let mut state = shared.state();
    let shape = state.list_shape;
    let stream = state.stream(id).ok_or_else(Refusal::no_stream)?;
    let after = asked.parameter("from");
    let start = match after.map(|after| stream.failed.iter().position(|one| one.id == after)) {
        None => 0,
        Some(Some(at)) => at + 1,
        Some(None) => return Err(Refusal::query("from is none of ours")),
    };
    let mut rest = stream.failed.iter().skip(start).filter(|failed| filter.takes(failed));
    let page: Vec<&Failed> = rest.by_ref().take(take).collect();
    let next = rest.next().and(page.last()).map(|last| last.id.clone());
    let page: Vec<Value> = page.into_iter().map(|failed| failed.document(id)).collect();
    let answer = match shape {
        ListShape::Bare => json!(page),
        ListShape::Next => json!({ "deliveries": page, "next": next }),
        ListShape::NextPageToken => json!({ "deliveries": page, "nextPageToken": next }),
    };
    Ok(json_answer(StatusCode::OK, &answer))
}

/// `GET /event-streams/{id}/deliveries/{event_id}`
pub(super) fn one(shared: &Shared, id: &str, event: &str) -> Answer {
    let mut state = shared.state();
    let stream = state.stream(id).ok_or_else(Refusal::no_stream)?;
    let failed = stream.failed(event).ok_or_else(no_delivery)?;
    Ok(json_answer(StatusCode::OK, &failed.document(id)))
}

/// `POST /event-streams/{id}/redeliver/{event_id}`
///
/// Of a stream that is switched off, too (Auth0 docs, "Auto-disable mechanism": "you must use the Redelivery API to
/// process any failed events" before it can be enabled).
pub(super) fn redeliver(shared: &Shared, id: &str, event: &str) -> Answer {
    let mut state = shared.state();
    if let Some(status) = state.trouble.refused.get(event) {
        return Err(Refusal::new(*status, "on demand", "on_demand"));
    }
    let stream = state.stream(id).ok_or_else(Refusal::no_stream)?;
    let failed = stream.failed(event).ok_or_else(no_delivery)?;
    if failed.status != "failed" {
        let message = "The event is not in a state that allows redelivery.";
        return Err(Refusal::new(StatusCode::CONFLICT, message, "invalid_delivery_state"));
    }
    failed.status = "pending";
    drop(state);
    shared.order(Job::Again { stream: id.to_owned(), event: event.to_owned() })?;
    Ok(empty(StatusCode::ACCEPTED))
}

/// `POST /event-streams/{id}/redeliver`
pub(super) fn redeliver_all(shared: &Shared, id: &str, body: &[u8]) -> Answer {
    let said: Value = match body {
        [] => json!({}),
        body => serde_json::from_slice(body).map_err(Refusal::body)?,
    };
    let filter: Filter = serde_json::from_value(said.clone()).map_err(Refusal::body)?;
    let mut state = shared.state();
    let stream = state.stream(id).ok_or_else(Refusal::no_stream)?;
    let mut again = Vec::new();
    for failed in stream.failed.iter_mut().filter(|failed| failed.status == "failed") {
        if filter.takes(failed) {
            failed.status = "pending";
            again.push(failed.id.clone());
        }
    }
    drop(state);
    for event in again {
        shared.order(Job::Again { stream: id.to_owned(), event })?;
    }
    Ok(json_answer(StatusCode::ACCEPTED, &said))
}

fn no_delivery() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "The delivery does not exist.", "inexistent_delivery")
}
