//! Dead letters, wherever they lie: the list, and one of them.

pub(super) mod choice;
pub(super) mod one;

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

pub(super) use self::choice::Choice;
use super::live::{self, Part};
use super::moment::Moment;
use super::query::Asked;
use super::session::Visitor;
use super::{Desk, Layout, Tab, assets, shown, unreadable, words};
use crate::dead_letters::{DeadLetter, List, ListError, QueueLook};
use crate::event::legible;
use crate::journal::ReadError;

/// Letters of the journal on a page.
const PAGE: usize = 50;
const EVERY: Duration = Duration::from_secs(1);
/// The longest reason in a table, in characters.
const REASON_MAX: usize = 160;

/// The whole page.
#[derive(Debug, Template)]
#[template(path = "letters.html")]
struct Letters {
    layout: Layout,
    choice: Choice,
    /// What is wrong with the filter.
    wrong: Option<String>,
    targets: Vec<String>,
    routes: Vec<String>,
    rows: Vec<Row>,
    remarks: Vec<String>,
    older: Option<String>,
    newest: Option<String>,
    now: Now,
    live: String,
    redrive_all: String,
    discard_all: String,
}

/// One letter, in a table.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) letter: String,
    pub(super) name: String,
    pub(super) lies_in: &'static str,
    pub(super) kind: String,
    pub(super) subject: String,
    pub(super) died_at: Option<Moment>,
    pub(super) way: String,
    pub(super) attempts: String,
    pub(super) remark: Option<String>,
    pub(super) why: String,
}

impl Row {
    pub(super) fn of(letter: &DeadLetter) -> Self {
        let text = |text: &Option<String>| text.as_deref().map_or_else(|| "–".into(), legible);
        let before = match letter.redrives {
            0 => None,
            1 => Some("put back once".to_owned()),
            times => Some(format!("put back {times} times")),
        };
        let gone = letter.route_gone.then(|| "its route is gone".to_owned());
        let remark: Vec<String> = gone.into_iter().chain(before).collect();
        let why = legible(&letter.reason);
        Self {
            name: legible(letter.id.as_deref().unwrap_or(&letter.letter)),
            letter: letter.letter.clone(),
            lies_in: letter.source.as_str(),
            kind: text(&letter.kind),
            subject: text(&letter.subject),
            died_at: letter.died_at.map(Moment::of),
            way: legible(&letter.way()),
            attempts: letter.attempts.map_or_else(|| "–".into(), |n| words::count(n.into())),
            remark: (!remark.is_empty()).then(|| remark.join("; ")),
            why: match why.char_indices().nth(REASON_MAX) {
                None => why,
                Some(_) => why.chars().take(REASON_MAX - 1).chain(['…']).collect(),
            },
        }
    }
}

/// How many lie in the journal now.
#[derive(Debug, Template)]
#[template(path = "letters_now.html")]
struct Now {
    dead: u64,
    said: String,
    /// They were more or fewer when the page was loaded.
    has_changed: bool,
}

impl Now {
    const fn has_some(&self) -> bool {
        self.dead > 0
    }

    async fn read(desk: &Desk, then: Option<u64>) -> Result<(Self, Vec<String>), ReadError> {
        let counts = desk.sources.reader.counts().await?;
        let dead = counts.pending.iter().map(|route| route.dead).sum();
        let routes = counts.pending.into_iter().map(|route| route.route).collect();
        let said = match dead {
            0 => "None lie in the journal.".to_owned(),
            1 => "1 lies in the journal.".to_owned(),
            _ => format!("{} lie in the journal.", words::count(dead)),
        };
        let has_changed = then.is_some_and(|then| then != dead);
        Ok((Self { dead, said, has_changed }, routes))
    }
}

pub(super) async fn page(
    State(desk): State<Desk>,
    visitor: Visitor,
    Asked(choice): Asked<Choice>,
) -> Response {
    let choice = choice.trimmed();
    match whole(&desk, visitor.clone(), choice).await {
        Ok(page) => {
            let is_wrong = page.wrong.is_some();
            shown(if is_wrong { StatusCode::BAD_REQUEST } else { StatusCode::OK }, &page)
        }
        Err(error) => unreadable(&desk, visitor, &error),
    }
}

async fn whole(desk: &Desk, visitor: Visitor, choice: Choice) -> Result<Letters, ReadError> {
    let sources = &desk.sources;
    let (now, routes) = Now::read(desk, None).await?;
    let listed = match choice.filter(sources.clock.now()) {
        Err(wrong) => Err(wrong),
        Ok(filter) => match sources.letters.list(&filter, choice.before, PAGE).await {
            Ok(list) => Ok(list),
            Err(ListError::Read(error)) => return Err(error),
            Err(wrong @ ListError::Pattern(_)) => Err(wrong.to_string()),
        },
    };
    let (wrong, list) = match listed {
        Ok(list) => (None, list),
        Err(wrong) => (Some(wrong), List { letters: Vec::new(), next: None, queues: Vec::new() }),
    };
    let all = if choice.is_filter() { String::new() } else { "on".to_owned() };
    let all = Choice { all, ..choice.filter_only() };
    let with = |before| Choice { before, ..choice.filter_only() }.url("/dead-letters");
    let mut remarks: Vec<String> = list.queues.iter().filter_map(QueueLook::remark).collect();
    let is_of_queue = matches!(choice.source.as_str(), "queue" | "rule");
    if is_of_queue && list.queues.is_empty() && wrong.is_none() && choice.before.is_none() {
        remarks.push(NO_QUEUE.to_owned());
    }
    Ok(Letters {
        layout: Layout::new(desk, Tab::DeadLetters, visitor),
        targets: sources.targets.iter().map(ToString::to_string).collect(),
        routes,
        rows: list.letters.iter().map(Row::of).collect(),
        remarks,
        older: list.next.map(|next| with(Some(next))),
        newest: choice.before.map(|_| with(None)),
        live: format!("/dead-letters/live?then={}", now.dead),
        redrive_all: all.url("/orders/redrive"),
        discard_all: all.url("/orders/discard"),
        now,
        wrong,
        choice,
    })
}

const NO_QUEUE: &str = "the gateway looks into no such queue: its mode is \"webhook\", or \
                        eventbridge.rule_dead_letter_queue_url is not set";

#[derive(Debug, Deserialize)]
pub(super) struct Then {
    /// How many there were when the page was loaded.
    then: Option<u64>,
}

pub(super) async fn live(State(desk): State<Desk>, Asked(then): Asked<Then>) -> Response {
    let (source, then) = (desk.clone(), then.then);
    live::stream(&desk, EVERY, move || {
        let desk = source.clone();
        async move {
            let (now, _) = Now::read(&desk, then).await.ok()?;
            Some(vec![Part { id: "letters-now", html: now.render().ok()? }])
        }
    })
}
