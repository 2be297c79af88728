//! The list of events, with its search.

mod lanes;

use std::collections::BTreeMap;
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use self::lanes::Lanes;
use super::live::{self, Part};
use super::moment::Moment;
use super::query::Asked;
use super::session::Visitor;
use super::story::{self, State as DeliveryState};
use super::{Desk, Layout, Tab, assets, shown, unreadable, words};
use crate::event::{EVENT_TYPES, EventId, Timestamp, legible};
use crate::journal::{EventFilter, EventSummary, ReadError};

/// Events on a page.
const PAGE: usize = 50;
/// Events that a search looks at for one page: none reads the whole journal.
const LOOKED_AT: i64 = 100_000;
/// New events are counted up to here.
const NEW_MAX: usize = 1_000;
const EVERY: Duration = Duration::from_secs(1);

/// What is looked for.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub(super) struct Search {
    /// An event's id, or a subject.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    q: String,
    #[serde(default, rename = "type", skip_serializing_if = "String::is_empty")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<i64>,
    /// The list moves with the events.
    #[serde(skip_serializing_if = "Option::is_none")]
    follow: Option<String>,
}

impl Search {
    fn trimmed(self) -> Self {
        Self { q: self.q.trim().to_owned(), kind: self.kind.trim().to_owned(), ..self }
    }

    fn is_filter(&self) -> bool {
        !self.q.is_empty() || !self.kind.is_empty()
    }

    fn follows(&self) -> bool {
        self.follow.is_some() && self.before.is_none()
    }

    fn filter(&self, limit: usize) -> EventFilter {
        let given = |text: &String| (!text.is_empty()).then(|| text.clone());
        EventFilter {
            kind: given(&self.kind),
            subject: given(&self.q),
            before: self.before,
            after: self.after,
            limit,
        }
    }

    fn url(&self, path: &str) -> String {
        let query = serde_html_form::to_string(self).unwrap_or_default();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }
}

/// The whole page.
#[derive(Debug, Template)]
#[template(path = "events.html")]
struct Events {
    layout: Layout,
    search: Search,
    types: &'static [&'static str],
    list: List,
    new: New,
    live: Option<String>,
    /// Switches following on or off.
    follow: String,
}

/// One page of the list.
#[derive(Debug, Template)]
#[template(path = "events_list.html")]
struct List {
    rows: Vec<Row>,
    is_filtered: bool,
    /// Leads to the events before these.
    older: Option<String>,
    newest: Option<String>,
    /// The search has not looked at all there is.
    looked_at: Option<String>,
    /// The highest number on it.
    last: i64,
}

#[derive(Debug)]
struct Row {
    id: String,
    time: Moment,
    kind: String,
    subject: String,
    subject_shown: String,
    lanes: Lanes,
    again: Option<String>,
    test: bool,
    state: DeliveryState,
}

/// What came since the list was made.
#[derive(Debug, Template)]
#[template(path = "events_new.html")]
struct New {
    count: usize,
    shown: String,
    url: String,
}

pub(super) async fn page(
    State(desk): State<Desk>,
    visitor: Visitor,
    Asked(search): Asked<Search>,
) -> Response {
    let search = search.trimmed();
    match whole(&desk, &search, visitor.clone()).await {
        Ok(Ok(page)) => shown(StatusCode::OK, &page),
        Ok(Err(found)) => found,
        Err(error) => unreadable(&desk, visitor, &error),
    }
}

async fn whole(
    desk: &Desk,
    search: &Search,
    visitor: Visitor,
) -> Result<Result<Events, Response>, ReadError> {
    if let Some(found) = by_id(desk, search).await? {
        return Ok(Err(found));
    }
    let list = list(desk, search).await?;
    let is_first = search.before.is_none();
    let follows = search.follows();
    let live = Search { after: (!follows).then_some(list.last), ..search.clone() };
    let switched = (!follows).then(|| "on".to_owned());
    Ok(Ok(Events {
        layout: Layout::new(desk, Tab::Events, visitor),
        types: &EVENT_TYPES,
        new: New::of(0, search),
        live: is_first.then(|| live.url("/events/live")),
        follow: Search { follow: switched, before: None, ..search.clone() }.url("/events"),
        search: search.clone(),
        list,
    }))
}

/// An id leads straight to its event.
async fn by_id(desk: &Desk, search: &Search) -> Result<Option<Response>, ReadError> {
    let Ok(id) = EventId::parse(&search.q) else { return Ok(None) };
    let Some(story) = desk.sources.reader.event(id).await? else { return Ok(None) };
    let url = format!("/events/{}", path_part(&story.summary.id));
    Ok(Some(Redirect::to(&url).into_response()))
}

/// Text as one part of a URL's path.
pub(super) fn path_part(text: &str) -> String {
    let encoded = askama::filters::urlencode_strict(text);
    encoded.map(|encoded| encoded.to_string()).unwrap_or_default()
}

/// The number after which a search looks, where that is not all there is: `held` are the first and the
/// last number.
fn horizon(before: Option<i64>, held: (i64, i64)) -> Option<i64> {
    let (first, last) = held;
    let before = before.unwrap_or(i64::MAX).min(last.saturating_add(1));
    let horizon = before.saturating_sub(LOOKED_AT).saturating_sub(1);
    (horizon >= first).then_some(horizon)
}

async fn list(desk: &Desk, search: &Search) -> Result<List, ReadError> {
    let reader = &desk.sources.reader;
    let held = reader.event_numbers().await?.unwrap_or_default();
    let horizon = horizon(search.before, held);
    let mut filter = search.filter(PAGE + 1);
    filter.after = if search.is_filter() { horizon } else { None };
    let mut events = reader.events(filter).await?;
    let more = events.len() > PAGE;
    events.truncate(PAGE);
    let seqs = events.iter().map(|event| event.seq).collect();
    let states = reader.delivery_states(seqs).await?;
    let further = horizon.filter(|_| !more && search.is_filter()).map(|looked_at| looked_at + 1);
    let next = if more { events.last().map(|event| event.seq) } else { further };
    let url = |before| Search { before, follow: None, ..search.clone() }.url("/events");
    let settings = (desk.sources.mode, desk.sources.compare.grace);
    let now = desk.sources.clock.now();
    Ok(List {
        is_filtered: search.is_filter(),
        older: next.map(|next| url(Some(next))),
        newest: search.before.map(|_| url(None)),
        looked_at: further.map(|_| words::count(LOOKED_AT.unsigned_abs())),
        last: held.1,
        rows: events.iter().map(|event| row(event, &states, (settings, now))).collect(),
    })
}

type Settings = (crate::event::PathSet, Duration);

fn row(
    event: &EventSummary,
    states: &BTreeMap<i64, Vec<&'static str>>,
    ((mode, grace), now): (Settings, Timestamp),
) -> Row {
    let first = event.first_at();
    let is_settled = first.is_none_or(|first| now >= first.plus(grace));
    Row {
        id: event.id.clone(),
        time: Moment::of(event.time),
        kind: legible(&event.kind),
        subject: event.subject.clone(),
        subject_shown: legible(&event.subject),
        lanes: Lanes::of(event, mode, is_settled),
        again: (event.duplicates > 0).then(|| words::count(event.duplicates.into())),
        test: event.test,
        state: became(states.get(&event.seq).map_or(&[], Vec::as_slice)),
    }
}

/// What became of an event, in a word: the worst of its deliveries' states.
fn became(states: &[&'static str]) -> DeliveryState {
    let order = [
        "dead",
        "retrying",
        "returned",
        "in_flight",
        "waiting",
        "parked",
        "discarded",
        "delivered",
        "superseded",
        "filtered",
    ];
    let worst = order.into_iter().find(|state| states.contains(state));
    worst.map_or_else(|| DeliveryState { word: "no route".to_owned(), class: "" }, story::state)
}

impl New {
    fn of(count: usize, search: &Search) -> Self {
        let shown = match count {
            1 => "1 new event".to_owned(),
            NEW_MAX.. => "over 1,000 new events".to_owned(),
            _ => format!("{count} new events"),
        };
        let url = Search { after: None, before: None, ..search.clone() }.url("/events");
        Self { count, shown, url }
    }
}

pub(super) async fn live(State(desk): State<Desk>, Asked(search): Asked<Search>) -> Response {
    let (source, search) = (desk.clone(), search.trimmed());
    live::stream(&desk, EVERY, move || {
        let (desk, search) = (source.clone(), search.clone());
        async move {
            if search.follows() {
                let html = list(&desk, &search).await.ok()?.render().ok()?;
                return Some(vec![Part { id: "events-list", html }]);
            }
            let reader = &desk.sources.reader;
            let (_, last) = reader.event_numbers().await.ok()?.unwrap_or_default();
            let mut filter = search.filter(NEW_MAX);
            // A page that is open for days asks for no more than any search.
            filter.after = filter.after.max(Some(last.saturating_sub(LOOKED_AT)));
            let new = reader.events(filter).await.ok()?;
            let html = New::of(new.len(), &search).render().ok()?;
            Some(vec![Part { id: "events-new", html }])
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(states: &[&'static str], expected: &str) {
        assert_eq!(became(states).word, expected);
    }

    #[test]
    fn an_event_is_as_bad_as_its_worst_delivery() {
        check(&[], "no route");
        check(&["delivered", "dead"], "dead letter");
        check(&["filtered", "delivered"], "delivered");
        check(&["delivered", "retrying"], "will be tried again");
        check(&["filtered"], "filtered");
    }

    #[track_caller]
    fn check_horizon(before: Option<i64>, held: (i64, i64), expected: Option<i64>) {
        assert_eq!(horizon(before, held), expected);
    }

    #[test]
    fn a_search_looks_at_a_bounded_part_and_says_where_it_ends() {
        check_horizon(None, (0, 0), None);
        check_horizon(None, (1, LOOKED_AT), None);
        // The numbers from 2 on are as many as are looked at.
        check_horizon(None, (1, LOOKED_AT + 1), Some(1));
        check_horizon(Some(2), (1, LOOKED_AT + 1), None);
        check_horizon(Some(1_000_000), (1, 2_000_000), Some(999_999 - LOOKED_AT));
        check_horizon(None, (1_900_000, 2_000_000 - 1), None);
    }

    #[test]
    fn a_search_is_a_link() {
        let search = Search { q: "user:auth0|1".into(), before: Some(7), ..Search::default() };
        assert_eq!(search.url("/events"), "/events?q=user%3Aauth0%7C1&before=7");
        assert_eq!(Search::default().url("/events"), "/events");
    }

    #[test]
    fn new_events_are_counted_up_to_a_bound() {
        let said = |count| New::of(count, &Search::default()).shown;
        assert_eq!(said(1), "1 new event");
        assert_eq!(said(999), "999 new events");
        assert_eq!(said(1_000), "over 1,000 new events");
    }
}
