//! Dead letters: the list, one of them, and the orders to put them back or give them up.

use axum::Json;
use axum::extract::{Path as UrlPath, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::orders::{self, Given};
use super::{Asked, Body, PAGE, PAGE_MAX, error, unreadable};
use crate::admin::Sources;
use crate::dead_letters::{DeadLetter, ListError};
use crate::event::{EventId, Timestamp};
use crate::journal::{EventStory, LetterFilter, LetterPlan, LetterSource, OrderKind};

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
        Err(failed) => refuse(&failed),
    }
}

fn refuse(failed: &ListError) -> Response {
    match failed {
        ListError::Read(failed) => unreadable(failed),
        ListError::Pattern(_) => error(StatusCode::BAD_REQUEST, &failed.to_string()),
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

/// All that is known of a letter, by the event's id or the message's.
pub(in crate::admin) async fn show(
    State(sources): State<Sources>,
    UrlPath(id): UrlPath<String>,
) -> Response {
    let event = match EventId::parse(&id) {
        Ok(id) => match sources.reader.event(id).await {
            Ok(event) => event,
            Err(error) => return unreadable(&error),
        },
        Err(_) => None,
    };
    let messages = sources.letters.in_queues(&id).await;
    let messages: Vec<Message> =
        messages.into_iter().map(|(letter, body)| Message { letter, body }).collect();
    if event.is_none() && messages.is_empty() {
        return error(StatusCode::NOT_FOUND, "no event and no message of this id");
    }
    Json(Shown { event, messages }).into_response()
}

/// An order for dead letters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct LetterOrder {
    #[serde(default)]
    filter: LetterFilter,
    #[serde(default = "LetterPlan::rate_default")]
    rate: f64,
    who: String,
    why: String,
    /// Only say what would be done.
    #[serde(default)]
    dry_run: bool,
}

/// Puts letters back.
pub(in crate::admin) async fn redrive(
    State(sources): State<Sources>,
    Body(order): Body<LetterOrder>,
) -> Response {
    take(&sources, OrderKind::Redrive, order).await
}

/// Gives letters up.
pub(in crate::admin) async fn discard(
    State(sources): State<Sources>,
    Body(order): Body<LetterOrder>,
) -> Response {
    take(&sources, OrderKind::Discard, order).await
}

/// The fastest rate, in letters a second.
const RATE_MAX: f64 = 10_000.0;

async fn take(sources: &Sources, kind: OrderKind, order: LetterOrder) -> Response {
    let LetterOrder { filter, rate, who, why, dry_run } = order;
    if !(rate > 0.0 && rate <= RATE_MAX) {
        return error(StatusCode::BAD_REQUEST, "`rate` is over 0 and at most 10000 a second");
    }
    let matched = match sources.letters.count(&filter).await {
        Ok(matched) => matched,
        Err(failed) => return refuse(&failed),
    };
    if dry_run {
        return match sources.letters.list(&filter, None, SAMPLE).await {
            Ok(list) => Json(json!({
                "dry_run": true, "matched": matched,
                "letters": list.letters.into_iter().take(SAMPLE).collect::<Vec<_>>(),
                "queues": list.queues,
            }))
            .into_response(),
            Err(failed) => refuse(&failed),
        };
    }
    let plan = LetterPlan { filter, rate };
    let detail = serde_json::to_string(&plan).unwrap_or_default();
    orders::give(sources, Given { kind, who, why, detail, matched }).await
}
