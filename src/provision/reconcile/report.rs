//! What reconciling came to, for the API and the command line.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::pass::count;
use super::{Choice, Failed};
use crate::event::{EventId, PerPath, Timestamp};

/// How it stands.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Status {
    /// Tells this process from the one before: tickets begin anew with it.
    pub start: String,
    /// Passes that have ended, since the start.
    pub passes: u64,
    /// The pass under way.
    pub running: Option<Running>,
    /// The last that has ended.
    pub last: Option<Pass>,
    /// The last few that somebody ordered, and that have ended; the newest first.
    pub ordered: VecDeque<Pass>,
    /// The Events API, where it is followed.
    pub following: Option<Following>,
}

/// So many passes that were ordered are told of.
const ORDERED_MAX: usize = 8;

impl Status {
    /// A pass has ended.
    pub(super) fn end(&mut self, pass: Pass) {
        self.passes = pass.number;
        self.running = None;
        if pass.ticket > 0 {
            self.ordered.push_front(pass.clone());
            self.ordered.truncate(ORDERED_MAX);
        }
        self.last = Some(pass);
    }
}

/// A pass under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Running {
    /// Its number.
    pub number: u64,
    /// What it does.
    pub phase: Phase,
    /// How far it is with that …
    pub done: usize,
    /// … of so many, where that is known.
    pub of: usize,
}

/// What a pass does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It reads what failed.
    Listing,
    /// It asks for redeliveries.
    Asking,
    /// It judges what the Events API told of.
    Judging,
}

/// What Auth0 says of one of its streams.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StreamReport {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it is switched on.
    pub enabled: bool,
    /// Failed deliveries since the last arrival.
    pub failures_in_a_row: u64,
    /// Failed deliveries that Auth0 lists; at least so many, where there are more than are read.
    pub failures: u64,
    /// How many more would have it switched off.
    pub failures_left: u64,
}

/// What was done about failed deliveries of the webhook stream. The numbers add up to `listed`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Asked {
    /// Failed deliveries that were read.
    pub listed: u64,
    /// There are more.
    pub more: bool,
    /// The journal has the event.
    pub known: u64,
    /// Auth0 still tries by itself.
    pub still_tried: u64,
    /// Not among what was selected.
    pub not_selected: u64,
    /// So old that the journal may have had it and have forgotten it.
    pub too_old: u64,
    /// What happened from then on and came, the journal would know.
    pub known_since: Option<Timestamp>,
    /// Asked for too often already.
    pub given_up: u64,
    /// Left for the next pass.
    pub left: u64,
    /// Lacking, and chosen to be asked for.
    pub chosen: u64,
    /// The journal has it, and it is chosen nevertheless: so that Auth0's list gets shorter.
    pub shortening: u64,
    /// Of those, asked for; on a dry run, all.
    pub shortened: u64,
    /// Those that were chosen, the oldest first; the first few.
    pub lacking: Vec<Lacking>,
    /// Those that were asked for; on a dry run, that would be.
    pub ids: Vec<String>,
    /// Those of which Auth0 would not hear, with its words; the first few.
    pub refused: Vec<(String, String)>,
    /// How many these were.
    pub refusals: u64,
    /// Why nothing, or nothing more, was asked for.
    pub held_back: Option<String>,
}

/// Refusals that are told one by one.
const REFUSED_MAX: usize = 20;
/// Lacking events that are told one by one.
const TOLD_MAX: usize = 100;

impl Asked {
    /// What is done about each failed delivery.
    pub(super) fn chose(&mut self, failed: &[Failed], choice: &Choice, since: Timestamp) {
        self.listed = count(failed.len());
        self.known = choice.known;
        self.still_tried = choice.still_tried;
        self.not_selected = choice.not_selected;
        self.too_old = choice.too_old;
        self.known_since = Some(since);
        self.given_up = choice.given_up;
        self.left = choice.left;
        self.chosen = count(choice.ask.len());
        self.shortening = count(choice.shorten.len());
        self.lacking = lacking(failed, &choice.ask);
    }

    /// Auth0 would not send this one.
    pub(super) fn refuse(&mut self, id: &EventId, why: String) {
        self.refusals += 1;
        if self.refused.len() < REFUSED_MAX {
            self.refused.push((id.as_str().to_owned(), why));
        }
    }
}

/// What is told of those that are lacking.
fn lacking(failed: &[Failed], ids: &[EventId]) -> Vec<Lacking> {
    let of = |id: &EventId| {
        let failed = failed.iter().find(|failed| failed.id == *id)?;
        Some(Lacking {
            id: id.as_str().to_owned(),
            kind: failed.kind.to_string(),
            time: failed.time,
            error: failed.error.as_deref().map(str::to_owned),
        })
    };
    ids.iter().take(TOLD_MAX).filter_map(of).collect()
}

/// An event that the journal does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lacking {
    /// Its id.
    pub id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened, where Auth0 says so.
    pub time: Option<Timestamp>,
    /// Why it failed last, in Auth0's words.
    pub error: Option<String>,
}

/// What came of what the Events API told of, over the last day.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Witnesses {
    /// Events.
    pub events: u64,
    /// By path: how many were `seen`, `lost_auth0`, `lost_eventbridge`, `lost_queue`, `lost_us`, `unused`.
    pub fates: PerPath<BTreeMap<&'static str, u64>>,
    /// Lost by every path in use.
    pub lost: u64,
    /// Of these, taken in from the Events API.
    pub backfilled: u64,
    /// Told of, and not judged yet.
    pub waiting: u64,
}

/// What a pass came to.
#[derive(Debug, Clone, Serialize)]
pub struct Pass {
    /// Its number, since the start.
    pub number: u64,
    /// That of its order; 0 where nobody ordered it.
    pub ticket: u64,
    /// When it began.
    pub began_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Nothing was asked for.
    pub dry_run: bool,
    /// Why it could not be made to its end.
    pub error: Option<String>,
    /// The streams that were found, by path.
    pub streams: PerPath<Option<StreamReport>>,
    /// What was done about failed deliveries.
    pub asked: Asked,
    /// Witnessed events that were judged by this pass.
    pub judged: u64,
    /// Of these, taken in from the Events API.
    pub backfilled: u64,
    /// Of these, lost by both, and not to be had any more.
    pub not_to_be_had: u64,
    /// Why nothing, or nothing more, could be had from the Events API.
    pub not_fetched: Option<String>,
    /// What came of the last day's, this pass's included.
    pub witnesses: Option<Witnesses>,
}

impl Pass {
    pub(super) fn new((number, ticket): (u64, u64), began_at: Timestamp, dry_run: bool) -> Self {
        Self {
            number,
            ticket,
            began_at,
            ended_at: began_at,
            dry_run,
            error: None,
            streams: PerPath::default(),
            asked: Asked::default(),
            judged: 0,
            backfilled: 0,
            not_to_be_had: 0,
            not_fetched: None,
            witnesses: None,
        }
    }
}

/// How the Events API is followed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Following {
    /// Whether it is being heard.
    pub connected: bool,
    /// Events that it told of, since the start.
    pub events: u64,
    /// When it was last heard, or its connection was good without.
    pub heard_at: Option<Timestamp>,
    /// Why it is not heard, or was not the last time.
    pub error: Option<String>,
    /// Until when something that it told may have been missed: it could not be taken up where it broke off.
    pub gap_until: Option<Timestamp>,
}
