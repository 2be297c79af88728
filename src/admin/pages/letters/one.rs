//! One dead letter: every attempt with its answer, or the message with its body.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use serde_json::Value;

use super::Row;
use crate::admin::api::letters as api;
use crate::admin::pages::json;
use crate::admin::pages::moment::{self, Moment};
use crate::admin::pages::session::Visitor;
use crate::admin::pages::story::{self, Orders};
use crate::admin::pages::{Desk, Layout, Tab, assets, message, shown, unreadable};
use crate::dead_letters::DeadLetter;
use crate::event::{legible, legible_lines};
use crate::journal::{AttemptStory, DeliveryStory, EventStory, LetterSource};

/// The whole page.
#[derive(Debug, Template)]
#[template(path = "letter.html")]
struct Letter {
    layout: Layout,
    name: String,
    event: Option<Event>,
    messages: Vec<Message>,
}

#[derive(Debug)]
struct Event {
    id: String,
    id_shown: String,
    kind: String,
    subject: String,
    subject_shown: String,
    time: Moment,
    deliveries: Vec<Delivery>,
    orders: Orders,
}

#[derive(Debug)]
struct Delivery {
    way: String,
    state: story::State,
    since: Option<Moment>,
    reason: Option<String>,
    redrives: Option<String>,
    attempts: Vec<Attempt>,
    left_out: usize,
}

#[derive(Debug)]
struct Attempt {
    number: u32,
    at: Moment,
    took: String,
    status: Option<u16>,
    error: Option<String>,
    answer: Option<String>,
}

/// A message in a dead-letter queue.
#[derive(Debug)]
struct Message {
    row: Row,
    letter: String,
    place: &'static str,
    is_of_rule: bool,
    event: Option<String>,
    reason: String,
    sent: Option<Moment>,
    rule: Option<String>,
    target: Option<String>,
    document: Option<json::Shown>,
    body: String,
}

/// Attempts shown of one delivery: the last ones.
const ATTEMPTS: usize = 200;
/// Characters shown of a body that is no JSON.
const BODY_MAX: usize = 100_000;

pub(in crate::admin::pages) async fn page(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(name): Path<String>,
) -> Response {
    let event = match api::story(&desk.sources, &name).await {
        Ok(event) => event,
        Err(error) => return unreadable(&desk, visitor, &error),
    };
    let messages = desk.sources.letters.in_queues(&name).await;
    if event.is_none() && messages.is_empty() {
        let text = "No event of this id, and no such message among those that were looked at.";
        return message(&desk, visitor, StatusCode::NOT_FOUND, "No such dead letter", text);
    }
    let mut layout = Layout::new(&desk, Tab::DeadLetters, visitor.clone());
    layout.title = format!("Dead letter {}", legible(&name));
    let event = event.map(|story| Event::of(&story, &name, visitor));
    let messages = messages.iter().map(Message::of).collect();
    shown(StatusCode::OK, &Letter { layout, name: legible(&name), event, messages })
}

impl Event {
    /// Of the letter `<id>/<route>` its own delivery alone.
    fn of(story: &EventStory, name: &str, visitor: Visitor) -> Self {
        let summary = &story.summary;
        let route = name.rsplit_once('/').map(|(_, route)| route);
        let is_meant =
            |delivery: &&DeliveryStory| route.is_none_or(|route| route == delivery.route);
        let meant: Vec<&DeliveryStory> = story.deliveries.iter().filter(is_meant).collect();
        let all: Vec<&DeliveryStory> = story.deliveries.iter().collect();
        let meant = if meant.is_empty() { all } else { meant };
        let of_these = EventStory {
            deliveries: meant.iter().map(|delivery| (*delivery).clone()).collect(),
            ..story.clone()
        };
        Self {
            id_shown: legible(&summary.id),
            id: summary.id.clone(),
            kind: legible(&summary.kind),
            subject_shown: legible(&summary.subject),
            subject: summary.subject.clone(),
            time: Moment::of(summary.time),
            deliveries: meant.into_iter().map(Delivery::of).collect(),
            orders: Orders::of(&of_these, visitor),
        }
    }
}

impl Delivery {
    fn of(delivery: &DeliveryStory) -> Self {
        let left_out = delivery.attempts.len().saturating_sub(ATTEMPTS);
        Self {
            way: format!("{} → {}", legible(&delivery.route), legible(&delivery.target)),
            state: story::state(delivery.state),
            since: delivery.settled_at.map(Moment::of),
            reason: delivery.reason.as_deref().map(legible),
            redrives: match delivery.redrives {
                0 => None,
                1 => Some("put back once".to_owned()),
                times => Some(format!("put back {times} times")),
            },
            attempts: delivery.attempts.iter().skip(left_out).map(Attempt::of).collect(),
            left_out,
        }
    }
}

impl Attempt {
    fn of(attempt: &AttemptStory) -> Self {
        let took = std::time::Duration::from_micros(attempt.took_us.unsigned_abs());
        Self {
            number: attempt.attempt,
            at: Moment::of(attempt.started_at),
            took: moment::span(took.as_secs_f64() * 1e3),
            status: attempt.status,
            error: attempt.error.as_deref().map(legible),
            answer: attempt.answer.as_deref().map(legible_lines),
        }
    }
}

impl Message {
    fn of((letter, body): &(DeadLetter, String)) -> Self {
        let document: Option<Value> = serde_json::from_str(body).ok();
        Self {
            row: Row::of(letter),
            letter: letter.letter.clone(),
            place: letter.source.place(),
            is_of_rule: letter.source == LetterSource::Rule,
            event: letter.id.clone(),
            reason: legible(&letter.reason),
            sent: letter.died_at.map(Moment::of),
            rule: letter.route.as_deref().map(legible),
            target: letter.target.as_deref().map(legible),
            document: document.map(|document| json::shown(&document, &[])),
            body: legible_lines(&body.chars().take(BODY_MAX).collect::<String>()),
        }
    }
}
