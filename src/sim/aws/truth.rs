//! The ground truth: what really happened to every message, faults included.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::message::MessageId;
use crate::event::Timestamp;

/// How much of the ground truth is kept. Totals are always kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recording {
    /// Totals only, for load.
    Off,
    /// The last so many records.
    Last(usize),
}

/// One message in one queue, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record {
    /// The queue.
    #[serde(serialize_with = "as_text")]
    pub queue: Arc<str>,
    /// SQS's id of the message; equal for a message and its repeats.
    pub message_id: MessageId,
    /// What it says.
    #[serde(serialize_with = "as_text")]
    pub body: Arc<str>,
    /// How it came to be.
    pub origin: Origin,
    /// When the queue took it.
    pub sent: Timestamp,
    /// How often it was received from this queue.
    pub received: u32,
    /// How it ended, so far.
    pub fate: Fate,
}

/// How a message came into a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// By `SendMessage`, `SendMessageBatch` or directly.
    Sent,
    /// By a rule of a bus.
    Rule,
    /// A second message of the same content, made by a fault.
    Copy,
    /// A second receive of the same message, made by a fault.
    Repeat,
    /// It failed in another queue.
    DeadLetter,
    /// A message move task brought it back.
    Redrive,
}

/// How a message in a queue ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Fate {
    /// It is still there.
    Waiting,
    /// A fault lost it: it was never there, though its sender was told so.
    Lost,
    /// It was deleted with a valid receipt.
    Deleted {
        /// When.
        at: Timestamp,
    },
    /// It was received too often, and went to the queue's dead-letter queue.
    DeadLettered {
        /// When.
        at: Timestamp,
        /// The dead-letter queue.
        #[serde(serialize_with = "as_text")]
        to: Arc<str>,
    },
    /// A message move task took it to another queue.
    Moved {
        /// When.
        at: Timestamp,
        /// The other queue.
        #[serde(serialize_with = "as_text")]
        to: Arc<str>,
    },
    /// The queue's retention period ended.
    Expired,
    /// The queue was purged or deleted.
    Purged,
}

/// Totals of one queue, faults included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Totals {
    /// Messages that came in, of any [`Origin`], the lost ones included.
    pub sent: u64,
    /// Of these, lost by a fault.
    pub lost: u64,
    /// Of these, second messages of the same content, made by a fault.
    pub copies: u64,
    /// Of these, second receives of the same message, made by a fault.
    pub repeats: u64,
    /// Receives.
    pub received: u64,
    /// Deletes with a valid receipt.
    pub deleted: u64,
    /// Deletes with a receipt that a later receive had made stale: without effect.
    pub stale_deletes: u64,
    /// Messages that went to the dead-letter queue.
    pub dead_lettered: u64,
    /// Messages that a move task took away.
    pub moved: u64,
    /// Messages over their retention period.
    pub expired: u64,
    /// Messages gone with a purge or with the queue.
    pub purged: u64,
}

impl Totals {
    /// How many messages must still be there. Every message that came in is waiting, or ended in
    /// exactly one way.
    pub const fn waiting(&self) -> u64 {
        let gone =
            self.lost + self.deleted + self.dead_lettered + self.moved + self.expired + self.purged;
        self.sent.saturating_sub(gone)
    }
}

/// The number of a record, from 0 in the order in which messages came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecordNumber(u64);

/// Records and totals.
#[derive(Debug)]
pub(super) struct Truth {
    recording: Recording,
    records: VecDeque<Record>,
    /// The number of the first record kept.
    first: u64,
    totals: BTreeMap<Arc<str>, Totals>,
}

impl Truth {
    pub(super) const fn new(recording: Recording) -> Self {
        Self { recording, records: VecDeque::new(), first: 0, totals: BTreeMap::new() }
    }

    pub(super) fn totals(&self, queue: &str) -> Totals {
        self.totals.get(queue).copied().unwrap_or_default()
    }

    pub(super) fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.iter()
    }

    /// A message came in.
    pub(super) fn came(&mut self, record: Record) -> Option<RecordNumber> {
        let totals = self.of(&record.queue);
        totals.sent += 1;
        match record.origin {
            Origin::Copy => totals.copies += 1,
            Origin::Repeat => totals.repeats += 1,
            Origin::Sent | Origin::Rule | Origin::DeadLetter | Origin::Redrive => {}
        }
        count_end(totals, &record.fate);
        let Recording::Last(most @ 1..) = self.recording else { return None };
        if self.records.len() >= most {
            self.records.pop_front();
            self.first += 1;
        }
        self.records.push_back(record);
        u64::try_from(self.records.len()).ok().map(|kept| RecordNumber(self.first + kept - 1))
    }

    /// A message was received.
    pub(super) fn received(&mut self, queue: &Arc<str>, record: Option<RecordNumber>) {
        self.of(queue).received += 1;
        if let Some(record) = self.record(record) {
            record.received = record.received.saturating_add(1);
        }
    }

    /// A message left its queue.
    pub(super) fn ended(&mut self, queue: &Arc<str>, record: Option<RecordNumber>, fate: Fate) {
        count_end(self.of(queue), &fate);
        if let Some(record) = self.record(record) {
            record.fate = fate;
        }
    }

    /// A delete came with a stale receipt.
    pub(super) fn stale_delete(&mut self, queue: &Arc<str>) {
        self.of(queue).stale_deletes += 1;
    }

    fn of(&mut self, queue: &Arc<str>) -> &mut Totals {
        self.totals.entry(Arc::clone(queue)).or_default()
    }

    fn record(&mut self, number: Option<RecordNumber>) -> Option<&mut Record> {
        let index = number?.0.checked_sub(self.first)?;
        self.records.get_mut(usize::try_from(index).ok()?)
    }
}

/// Shared texts have no `Serialize` without a feature of serde's.
fn as_text<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

fn count_end(totals: &mut Totals, fate: &Fate) {
    match fate {
        Fate::Waiting => {}
        Fate::Lost => totals.lost += 1,
        Fate::Deleted { .. } => totals.deleted += 1,
        Fate::DeadLettered { .. } => totals.dead_lettered += 1,
        Fate::Moved { .. } => totals.moved += 1,
        Fate::Expired => totals.expired += 1,
        Fate::Purged => totals.purged += 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(body: &str) -> Record {
        Record {
            queue: "q".into(),
            message_id: MessageId::new(1),
            body: body.into(),
            origin: Origin::Sent,
            sent: Timestamp::from_millis(0),
            received: 0,
            fate: Fate::Waiting,
        }
    }

    #[track_caller]
    fn check(recording: Recording, kept: &[&str]) {
        let mut truth = Truth::new(recording);
        let queue: Arc<str> = "q".into();
        for body in ["a", "b", "c"] {
            let number = truth.came(record(body));
            truth.received(&queue, number);
            truth.ended(&queue, number, Fate::Expired);
        }
        assert_eq!(truth.records().map(|record| &*record.body).collect::<Vec<_>>(), kept);
        assert!(truth.records().all(|record| record.fate == Fate::Expired && record.received == 1));
        let totals = Totals { sent: 3, received: 3, expired: 3, ..Totals::default() };
        assert_eq!(truth.totals("q"), totals);
        assert_eq!(totals.waiting(), 0);
    }

    #[test]
    fn the_last_records_are_kept_and_all_are_counted() {
        check(Recording::Last(10), &["a", "b", "c"]);
        check(Recording::Last(2), &["b", "c"]);
        check(Recording::Last(0), &[]);
        check(Recording::Off, &[]);
    }
}
