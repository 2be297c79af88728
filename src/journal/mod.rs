//! The durable store: every event, every arrival, every delivery, on disk before anybody is told.
//!
//! One thread owns the one connection that writes. It takes whatever waits, puts it into one
//! transaction, and answers all of it after the commit (group commit): alone, an event waits for
//! nobody; under load, many share one flush. Readers have connections of their own.
//!
//! The file is SQLite in WAL mode with `synchronous = FULL`. Only this module knows SQL.

mod accept;
mod backup;
mod claim;
mod content;
mod counts;
mod differences;
mod due;
mod end;
mod entries;
mod erase;
mod error;
mod ids;
mod latest;
mod ordering;
mod orders;
mod payload;
mod quarantine;
mod read;
mod release;
mod repeats;
mod retain;
mod settle;
mod shelf;
mod sqlite;
mod summaries;
mod told;
mod witness;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::event::{
    Arrival, Digest, Event, EventId, PairingRule, Path, RouteOrder, Timestamp, TurnRule,
};

pub use accept::{Accepted, Arrived, NewDelivery};
pub use backup::{BackupError, Contents, backup, check, restore};
pub use claim::{Backlog, Claim, Claimed};
pub use content::Content;
pub use counts::{Counts, DeliveryStates};
pub use due::Due;
pub use end::EventEnd;
pub use erase::Eraser;
pub use error::{JournalError, OpenError, ReadError};
pub use ordering::{OrderDesk, StepError};
pub use orders::{LetterNo, LetterPlan, OrderKind, OrderNo, Ordered, Person};
pub use quarantine::Quarantined;
pub use read::{
    Answer, ArrivalStory, AskedFor, AttemptStory, Cause, ContentLeft, DeliveryStory, EventFilter,
    EventStory, EventSummary, Lately, Letter, LetterFilter, LetterSource, Letters, Naming,
    NamingPage, ObservedAfter, ObservedEvent, ObservedPage, OrderState, OrderStory, Page,
    PausedTarget, QuarantineFilter, QuarantinedBytes, QuarantinedSummary, Question, Reader, about,
};
pub use retain::Retained;
pub use settle::{Attempt, Settlement, Verdict, given_up};
pub use summaries::Summarized;
pub use witness::{Fate, Judgement, SettledWitness, Witnessed};
pub use writer::Writer;

use writer::{Op, Wake};

/// Where and how the journal keeps things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The file. Its folder is made when it is missing.
    pub path: PathBuf,
    /// Requests to the writer that may wait; above it, callers are told to come back.
    pub queue_max: usize,
    /// Requests that may share one commit.
    pub batch_max: usize,
    /// How long the writer waits for a lock that another process holds on the file.
    pub busy_timeout: Duration,
    /// Events older than this, by their arrival, are deleted.
    pub keep: Duration,
    /// Above this size of the file, in bytes, the oldest events are deleted.
    pub size_bytes_max: u64,
    /// What is kept of the content of events once they are delivered.
    pub content: Content,
    /// What is kept for the comparison when events are gone.
    pub summaries: SummarySettings,
    /// Whether the SQS queue is what retries (`eventbridge.delete_after = "delivery"`): deliveries may
    /// then wait for their message.
    pub queue_retries: bool,
}

/// What is kept for the comparison when events are gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SummarySettings {
    /// An event is summed up when it and its first arrival are older than this: its absence on a path may
    /// then be called a loss. At least 15 s are waited, until all is written down of when doors were open.
    pub grace: Duration,
    /// Summaries, and when doors were open, are deleted when they are older than this.
    pub keep: Duration,
    /// Payloads that differ at these JSON pointers, or below them, do not differ.
    pub ignore: Vec<String>,
}

impl SummarySettings {
    /// Events that are older are summed up.
    pub(crate) fn settle_after(&self) -> Duration {
        self.grace.max(SETTLE_AFTER_MIN)
    }
}

impl Default for SummarySettings {
    fn default() -> Self {
        let (grace, keep) = (Duration::from_mins(15), Duration::from_hours(24 * 400));
        Self { grace, keep, ignore: Vec::new() }
    }
}

/// What the journal is told of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteSpec {
    /// Its name.
    pub name: String,
    /// Where it delivers.
    pub target: String,
    /// What it does with events that come after newer ones.
    pub order: RouteOrder,
}

/// The decisions that the journal asks others for, in the middle of a transaction.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Whether two arrivals are one event.
    pub pair: PairingRule,
    /// Whether it is an event's turn on a route.
    pub turn: TurnRule,
}

/// A number that stands for the name of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RouteNo(i64);

/// Proof that something is on disk. Only the journal makes one, after the commit.
///
/// ```compile_fail
/// let forged = twinstream::journal::Committed(());
/// ```
#[derive(Debug)]
#[must_use = "what is on disk must be acknowledged to its sender"]
pub struct Committed(());

/// The handle: cheap to clone, asks the writer.
#[derive(Debug, Clone)]
pub struct Journal {
    ops: mpsc::Sender<Op>,
    wakeups: watch::Receiver<u64>,
    orders_given: watch::Receiver<u64>,
    path: Arc<PathBuf>,
    content: Arc<Content>,
}

impl Journal {
    /// Opens the file, and returns the handle together with the writer, which must be run on a
    /// thread of its own.
    ///
    /// # Errors
    /// When the file can't be opened, belongs to another process that serves, or is of a later
    /// version than this program.
    pub fn open(
        settings: &Settings,
        rule: Rules,
        clock: crate::clock::Clock,
    ) -> Result<(Self, Writer), OpenError> {
        let (ops, waiting) = mpsc::channel(settings.queue_max);
        let ((due, wakeups), (orders, orders_given)) = (watch::channel(0), watch::channel(0));
        let wake = Wake { due, orders };
        let writer = Writer::open(settings, rule, clock, (waiting, wake))?;
        let path = Arc::new(settings.path.clone());
        let content = Arc::new(settings.content.clone());
        Ok((Self { ops, wakeups, orders_given, path, content }, writer))
    }

    /// Connections for reading.
    ///
    /// # Errors
    /// When the file can't be opened.
    pub fn reader(&self) -> Result<Reader, OpenError> {
        Reader::open(&self.path)
    }

    /// Told whenever deliveries may have become due. Carries no data: who misses one loses time,
    /// never events.
    pub fn wakeups(&self) -> watch::Receiver<u64> {
        self.wakeups.clone()
    }

    /// Told whenever an order was given that is carried out step by step. Carries no data.
    pub fn orders_given(&self) -> watch::Receiver<u64> {
        self.orders_given.clone()
    }

    /// Stores an arrival; if its event is new, the event and its deliveries as well, all in one
    /// transaction. Returns after the commit.
    ///
    /// # Errors
    /// When it is not stored: the sender must not be told that it was.
    ///
    /// # Cancel safety
    /// Dropped, it may or may not have stored the arrival; nobody has been told that it did.
    pub async fn accept(&self, mut arrived: Arrived) -> Result<Accepted, JournalError> {
        arrived.redacted = self.content.redacted(&arrived.event.payload);
        self.ask(|reply| Op::Accept(Box::new(arrived), reply)).await
    }

    /// Keeps bytes that could not be understood. Returns after the commit.
    ///
    /// # Errors
    /// When they are not stored: the sender must not be told that they were.
    pub async fn quarantine(&self, quarantined: Quarantined) -> Result<Committed, JournalError> {
        self.ask(|reply| Op::Quarantine(Box::new(quarantined), reply)).await
    }

    /// Leases deliveries that are due, at most one for each subject and route.
    ///
    /// # Errors
    /// When nothing was leased.
    pub async fn claim(&self, claim: Claim) -> Result<Claimed, JournalError> {
        self.ask(|reply| Op::Claim(claim, reply)).await
    }

    /// Records how an attempt ended, and what comes of its delivery.
    ///
    /// # Errors
    /// When it is not recorded; the delivery stays leased until its lease ends.
    pub async fn settle(&self, settlement: Settlement) -> Result<Committed, JournalError> {
        self.ask(|reply| Op::Settle(Box::new(settlement), reply)).await
    }

    /// Records that the door of this path is open now. `opened` begins a new interval; otherwise
    /// the last one is stretched.
    ///
    /// # Errors
    /// When it is not recorded.
    pub async fn door_is_open(&self, path: Path, opened: bool) -> Result<Committed, JournalError> {
        self.ask(|reply| Op::DoorIsOpen(path, opened, reply)).await
    }

    /// Deletes some of what has expired, few enough to disturb nobody.
    ///
    /// # Errors
    /// When nothing was deleted.
    pub async fn retain(&self) -> Result<Retained, JournalError> {
        self.ask(Op::Retain).await
    }

    /// Remembers that Auth0 is about to be asked to send these once more: what comes of them by webhook
    /// is no arrival of the path.
    ///
    /// # Errors
    /// When it is not remembered: Auth0 must not be asked then.
    pub async fn rescue(&self, ids: Vec<EventId>) -> Result<Committed, JournalError> {
        self.ask(|reply| Op::Rescue(witness::Rescue::Asked(ids), reply)).await
    }

    /// Remembers that Auth0 would not send this one, which [`Self::rescue`] told of: what comes of it by
    /// webhook is an arrival of the path.
    ///
    /// # Errors
    /// When it is not remembered.
    pub async fn rescue_refused(&self, id: EventId) -> Result<Committed, JournalError> {
        self.ask(|reply| Op::Rescue(witness::Rescue::Refused(id), reply)).await
    }

    /// Remembers that Auth0 was not asked for this one after all, of which [`Self::rescue`] told.
    ///
    /// # Errors
    /// When it is not remembered.
    pub async fn rescue_taken_back(&self, id: EventId) -> Result<Committed, JournalError> {
        self.ask(|reply| Op::Rescue(witness::Rescue::TakenBack(id), reply)).await
    }

    /// Keeps what the Events API told, and how far it was read.
    ///
    /// # Errors
    /// When it is not kept.
    pub async fn witness(
        &self,
        told: Vec<Witnessed>,
        offset: Option<String>,
    ) -> Result<Committed, JournalError> {
        self.ask(|reply| Op::Witness(told, offset, reply)).await
    }

    /// Counts what came of witnessed events, by the journal's number and the event's time, and forgets
    /// them.
    ///
    /// # Errors
    /// When it is not counted.
    pub async fn judge(
        &self,
        judged: Vec<(i64, Timestamp, Judgement)>,
    ) -> Result<Committed, JournalError> {
        self.ask(|reply| Op::Judge(judged, reply)).await
    }

    /// Sums up some of the events that have settled, few enough to disturb nobody.
    ///
    /// # Errors
    /// When nothing was summed up.
    pub async fn summarize(&self) -> Result<Summarized, JournalError> {
        self.ask(Op::Summarize).await
    }

    /// Sums up what settles, until `stop`.
    pub async fn keep_summaries(self, stop: CancellationToken) {
        loop {
            let pause = match self.summarize().await {
                Ok(Summarized { more: true, .. }) => SUMMARIZE_AGAIN_AFTER,
                // A journal that can't commit says so itself.
                Ok(Summarized { more: false, .. }) | Err(_) => SUMMARIZE_EVERY,
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Deletes what expires, until `stop`: a small step now and then, more when there is more.
    pub async fn keep_house(self, stop: CancellationToken) {
        loop {
            let pause = match self.retain().await {
                Ok(Retained { more: true, .. }) => RETAIN_AGAIN_AFTER,
                // A journal that can't commit says so itself.
                Ok(Retained { more: false, .. }) | Err(_) => RETAIN_EVERY,
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Whether the writer can commit: makes it commit something.
    ///
    /// # Errors
    /// Why it can't.
    pub async fn probe(&self) -> Result<Committed, JournalError> {
        self.ask(Op::Probe).await
    }

    /// Requests that wait for the writer, and the most that may.
    pub fn queue_depth(&self) -> (usize, usize) {
        (self.ops.max_capacity() - self.ops.capacity(), self.ops.max_capacity())
    }

    async fn ask<T>(
        &self,
        op: impl FnOnce(oneshot::Sender<Result<T, JournalError>>) -> Op,
    ) -> Result<T, JournalError> {
        let (reply, answer) = oneshot::channel();
        self.ops.try_send(op(reply)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => JournalError::Busy,
            mpsc::error::TrySendError::Closed(_) => JournalError::Stopped,
        })?;
        answer.await.map_err(|_| JournalError::Stopped)?
    }
}

/// Longer than a door may be open without its being written down.
const SETTLE_AFTER_MIN: Duration = Duration::from_secs(15);
/// How often it is looked for what has settled.
const SUMMARIZE_EVERY: Duration = Duration::from_secs(2);
/// The pause between two steps while there is more: half the writer's time at most is spent on them.
const SUMMARIZE_AGAIN_AFTER: Duration = Duration::from_millis(20);
/// How often it is looked for what has expired.
const RETAIN_EVERY: Duration = Duration::from_secs(10);
/// The pause between two steps while there is more: leaves the writer to the doors most of the time.
const RETAIN_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// The lane of a subject: deliveries of one route and lane are attempted one at a time. Two subjects
/// share a lane with a chance of 1 in 2⁶⁴; they would then count as one.
fn lane(event: &Event) -> i64 {
    let digest = Digest::of(format!("{}\n{}", event.tenant, event.subject).as_bytes());
    let mut short = [0; 8];
    short.copy_from_slice(&digest.as_bytes()[..8]);
    i64::from_le_bytes(short)
}

/// The name in `meta` of the first event that has not expired.
const FIRST_SEQ: &str = "first_seq";
/// The name in `meta` of the time at which the last event that is gone was stored.
const FORGOTTEN: &str = "forgotten";
/// The name in `meta` of the time at which a copy of a journal was first opened in its place.
const RESTORED: &str = "restored";

fn meta(connection: &Connection, key: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT value FROM meta WHERE key = ?")?
        .query_row([key], |row| row.get(0))
        .optional()
}

fn set_meta(connection: &Connection, key: &str, value: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO meta (key, value) VALUES (?, ?)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )?
        .execute(params![key, value])?;
    Ok(())
}

/// What an accepted arrival needs on disk, made ready by the caller: the writer neither parses,
/// hashes nor compresses.
impl Arrived {
    /// Makes it ready. `deliveries` are those that the event gets, should it be new.
    pub fn new(event: Event, arrival: Arrival, deliveries: Vec<NewDelivery>) -> Self {
        let id_digest = Digest::of(event.id.as_str().as_bytes());
        let payload = payload::encode(event.payload.as_bytes());
        let lane = lane(&event);
        Self { event, arrival, deliveries, id_digest, payload, redacted: None, lane }
    }
}

#[cfg(test)]
mod tests;
