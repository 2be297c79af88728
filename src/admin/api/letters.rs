//! Dead letters: the list, one of them, and the orders to put them back or give them up.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Asked, Body, Named, PAGE, PAGE_MAX, error, unreadable};
use crate::admin::Sources;
use crate::admin::orders::letters::{Matching, matching, order};
use crate::admin::orders::{Refusal, person};
use crate::dead_letters::DeadLetter;
use crate::event::{EventId, Timestamp};
use crate::journal::{EventStory, LetterFilter, LetterPlan, LetterSource, OrderKind, ReadError};

/// Letters shown of what an order would touch.
const SAMPLE: usize = 20;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct LettersQuery {
    id: Option<String>,
    target: Option<String>,
    route: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    subject: Option<String>,
    error: Option<String>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    source: Option<LetterSource>,
    /// An event pattern, as JSON.
    pattern: Option<String>,
    before: Option<i64>,
    limit: Option<usize>,
}

/// What the filter leaves, the last events first; the queues' letters are on the first page.
pub(in crate::admin) async fn list(
    State(sources): State<Sources>,
    Asked(query): Asked<LettersQuery>,
) -> Response {
    let limit = query.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
    let filter = LetterFilter {
        ids: query.id.into_iter().collect(),
        target: query.target,
        route: query.route,
        kind: query.kind,
        subject: query.subject,
        error: query.error,
        from: query.from,
        to: query.to,
        given_up: false,
        source: query.source,
        pattern: query.pattern.map(Into::into),
    };
    match sources.letters.list(&filter, query.before, limit).await {
        Ok(list) => Json(list).into_response(),
        Err(failed) => Refusal::from(failed).into_response(),
    }
}

#[derive(Debug, Serialize)]
struct Shown {
    /// The event, with every attempt; `null` when the journal does not have it.
    event: Option<EventStory>,
    /// Messages in dead-letter queues.
    messages: Vec<Message>,
}

#[derive(Debug, Serialize)]
struct Message {
    #[serde(flatten)]
    letter: DeadLetter,
    body: String,
}

/// All that is known of a letter, by the event's id, the letter's own name or the message's id.
pub(in crate::admin) async fn show(
    State(sources): State<Sources>,
    Named(id): Named<String>,
) -> Response {
    let event = match story(&sources, &id).await {
        Ok(event) => event,
        Err(error) => return unreadable(&error),
    };
    let messages = sources.letters.in_queues(&id).await;
    let messages: Vec<Message> =
        messages.into_iter().map(|(letter, body)| Message { letter, body }).collect();
    if event.is_none() && messages.is_empty() {
        let what = "no event of this id, and no such message among those that were looked at";
        return error(StatusCode::NOT_FOUND, what);
    }
    Json(Shown { event, messages }).into_response()
}

/// The event of this id, or of a letter of this name: `<id>/<route>`.
pub(in crate::admin) async fn story(
    sources: &Sources,
    name: &str,
) -> Result<Option<EventStory>, ReadError> {
    let before_the_route = name.rsplit_once('/').map(|(id, _)| id);
    for id in [Some(name), before_the_route].into_iter().flatten() {
        if let Ok(id) = EventId::parse(id)
            && let Some(story) = sources.reader.event(id).await?
        {
            return Ok(Some(story));
        }
    }
    Ok(None)
}

/// An order for dead letters. Who only asks what would be done need not say who and why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct LetterOrder {
    #[serde(default)]
    filter: LetterFilter,
    #[serde(default = "LetterPlan::rate_default")]
    rate: f64,
    #[serde(default)]
    who: String,
    #[serde(default)]
    why: String,
    /// Only say what would be done.
    #[serde(default)]
    dry_run: bool,
}

/// Puts letters back.
pub(in crate::admin) async fn redrive(
    State(sources): State<Sources>,
    Body(order): Body<LetterOrder>,
) -> Result<Response, Refusal> {
    take(&sources, OrderKind::Redrive, order).await
}

/// Gives letters up.
pub(in crate::admin) async fn discard(
    State(sources): State<Sources>,
    Body(order): Body<LetterOrder>,
) -> Result<Response, Refusal> {
    take(&sources, OrderKind::Discard, order).await
}

async fn take(sources: &Sources, kind: OrderKind, asked: LetterOrder) -> Result<Response, Refusal> {
    let LetterOrder { filter, rate, who, why, dry_run } = asked;
    let plan = LetterPlan { filter, rate };
    if dry_run {
        let mut matching = matching(sources, kind, &plan, SAMPLE).await?;
        let letters = std::mem::take(&mut matching.sample);
        let mut answer = document(&matching);
        answer["dry_run"] = json!(true);
        answer["letters"] = json!(letters);
        return Ok(Json(answer).into_response());
    }
    let (order, matching) = order(sources, kind, &plan, person(who, why)?).await?;
    let mut answer = document(&matching);
    answer["order"] = json!(order);
    Ok((StatusCode::ACCEPTED, Json(answer)).into_response())
}

fn document(matching: &Matching) -> serde_json::Value {
    let Matching { matched, at_least, routeless, unknown, queues, sample: _ } = matching;
    json!({
        "matched": matched, "at_least": at_least, "routeless": routeless, "unknown": unknown,
        "queues": queues,
    })
}
