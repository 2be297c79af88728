//! What the writer knows without asking the file.

use std::collections::{HashMap, HashSet};

use rusqlite::Connection;

use super::content::Content;
use super::counts::Tally;
use super::ids::IdIndex;
use super::latest::Latest;
use super::{RouteNo, Rules};
use crate::event::RouteOrder;
use crate::summary::Book;

/// What the writer knows without asking the file.
#[derive(Debug)]
pub(super) struct Shelf {
    pub ids: IdIndex,
    pub rule: Rules,
    /// What is kept of events' content.
    pub content: Content,
    /// The order of each route of the configuration.
    pub orders: HashMap<RouteNo, RouteOrder>,
    /// How far the table `told` has been swept.
    pub told_swept: Option<(i64, i64)>,
    /// Events with a delivery that ended, or waits, by the transaction under way.
    pub moved_on: Vec<i64>,
    /// Events whose SQS message is in this process's hand, where the queue retries: a delivery of them
    /// that fails may wait for that message. Of others none may come: they came in another mode, or
    /// out of the quarantine, or a crash is just over.
    pub in_hand: HashSet<i64>,
    /// An order was given in the transaction under way that is carried out step by step.
    pub ordered: bool,
    /// What the transaction under way erases.
    pub erasure: Erasure,
    /// The first event that has not expired.
    pub first_seq: Provisional,
    /// The number that the next event gets.
    pub next_seq: Provisional,
    /// The last event that is in the summaries.
    pub summed: Provisional,
    /// What the transaction under way changes in the summaries.
    pub book: Book,
    /// Differences of payloads at these JSON pointers are none.
    pub ignore: Vec<String>,
    /// The latest times that came by each path.
    pub latest: Latest,
    /// What happened before this may have been forgotten: what comes of it is too late to be judged.
    pub forgotten: Provisional,
    /// What the transaction under way adds to the counts.
    pub tally: Tally,
    /// Whether Auth0 was ever asked to send something once more: who comes by webhook is looked up then.
    pub has_rescues: bool,
    /// Whether deliveries may have become due in the transaction under way.
    pub woke: bool,
}

/// An erasure, in the transaction under way.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Erasure {
    /// What is deleted is overwritten, until the end of the transaction.
    pub deletes_securely: bool,
    /// The write-ahead log is to be emptied after the commit.
    pub truncate_log: bool,
    /// It was to be emptied, and could not be yet: somebody was reading.
    pub truncation_due: bool,
}

/// A number that moves within a transaction, and goes back if that fails.
#[derive(Debug, Clone, Copy)]
pub(super) struct Provisional {
    committed: i64,
    current: i64,
}

impl Provisional {
    const fn new(number: i64) -> Self {
        Self { committed: number, current: number }
    }

    pub(super) const fn get(self) -> i64 {
        self.current
    }

    pub(super) const fn set(&mut self, number: i64) {
        self.current = number;
    }

    const fn committed(&mut self) {
        self.committed = self.current;
    }

    const fn rolled_back(&mut self) {
        self.current = self.committed;
    }
}

impl Shelf {
    /// Returns whether deliveries may have become due.
    pub(super) fn committed(&mut self) -> bool {
        self.first_seq.committed();
        self.next_seq.committed();
        self.summed.committed();
        self.forgotten.committed();
        self.latest.committed();
        self.ids.committed(self.first_seq.get(), self.next_seq.get());
        std::mem::take(&mut self.woke)
    }

    pub(super) fn rolled_back(&mut self) {
        self.first_seq.rolled_back();
        self.next_seq.rolled_back();
        self.summed.rolled_back();
        self.forgotten.rolled_back();
        self.latest.rolled_back();
        self.book = Book::default();
        let next = self.next_seq.get();
        self.in_hand.retain(|seq| *seq < next);
        self.ids.rolled_back();
        self.tally.clear();
        self.woke = false;
        self.moved_on.clear();
        self.ordered = false;
        self.erasure.truncate_log = false;
    }

    /// From here to the end of the transaction, what is deleted is overwritten with zeros, whole pages
    /// too; at other times only where that costs no further write (`FAST`).
    pub(super) fn secure_delete(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if !std::mem::replace(&mut self.erasure.deletes_securely, true) {
            connection.pragma_update(None, "secure_delete", "ON")?;
        }
        Ok(())
    }
}

/// Everything before it has expired.
pub(super) fn first_seq(connection: &Connection) -> rusqlite::Result<Provisional> {
    super::meta(connection, super::FIRST_SEQ).map(|first| Provisional::new(first.unwrap_or(0)))
}

/// Everything up to it is in the summaries.
pub(super) fn summed(connection: &Connection) -> rusqlite::Result<Provisional> {
    super::meta(connection, super::summaries::SUMMED)
        .map(|last| Provisional::new(last.unwrap_or(0)))
}

/// When the last event that is gone was stored, in nanoseconds.
pub(super) fn forgotten(connection: &Connection) -> rusqlite::Result<Provisional> {
    super::meta(connection, super::FORGOTTEN).map(|last| Provisional::new(last.unwrap_or(i64::MIN)))
}

/// Numbers are never used twice, even when all events have expired.
pub(super) fn next_seq(connection: &Connection) -> rusqlite::Result<Provisional> {
    let last: Option<i64> =
        connection.query_row("SELECT max(seq) FROM events", [], |row| row.get(0))?;
    let first = super::meta(connection, super::FIRST_SEQ)?.unwrap_or(1);
    Ok(Provisional::new(last.map_or(1, |last| last + 1).max(first).max(1)))
}
