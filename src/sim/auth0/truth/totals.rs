//! What really happened, in numbers, in the words of the comparison's document.

use std::collections::BTreeSet;

use serde::Serialize;

use super::record::{Fate, Record};
use crate::event::{Path, PerPath};

/// What really happened, in numbers. Test events are in `events` and `test`, and in nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Totals {
    /// Events that happened, tests included.
    pub events: u64,
    /// Test events that arrived; one that arrived under two ids is two.
    pub test: u64,
    /// Each path; `None` where it was not driven.
    pub paths: PerPath<Option<PathTotals>>,
    /// Events by the paths that brought them.
    pub pairs: PairTotals,
    /// Events that no path brought.
    pub neither: u64,
    /// Why the numbers may differ from a comparison's; empty when they may not.
    pub doubts: BTreeSet<Doubt>,
}

/// One path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct PathTotals {
    /// Events that its door accepted.
    pub seen: u64,
    /// Events that only the other path brought.
    pub missing: u64,
    /// Acceptances of events that it had brought already.
    pub duplicates: u64,
    /// Events that were accepted after a later one was.
    pub out_of_order: u64,
    /// Events that a fault lost.
    pub lost: u64,
    /// Events that were sent and not accepted.
    pub failed: u64,
    /// Events that may have arrived or not: an answer was lost.
    pub unknown: u64,
    /// Events that happened while the stream was switched off.
    pub stream_off: u64,
    /// Events for which the simulator had no place to wait.
    pub unsent: u64,
    /// Events that were not sent when the play ended.
    pub pending: u64,
}

/// Events by the paths that brought them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct PairTotals {
    /// Both.
    pub both: u64,
    /// The webhook alone.
    pub webhook_only: u64,
    /// EventBridge alone.
    pub eventbridge_only: u64,
}

/// Why the totals may differ from a comparison's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// An answer was lost: what was sent may have arrived.
    AnswerLost,
    /// A server said that it failed; it may have accepted what was sent all the same.
    ServerError,
    /// Several events were sent at a time: which arrived first is not known.
    SentAtOnce,
}

impl Totals {
    /// A copy arrived; `first` of its event by this path, and `late` after a later one.
    pub(super) const fn arrived(&mut self, path: Path, test: bool, first: bool, late: bool) {
        if test {
            return;
        }
        if let Some(path) = self.paths.of_mut(path) {
            if first {
                path.seen += 1;
                path.out_of_order += if late { 1 } else { 0 };
            } else {
                path.duplicates += 1;
            }
        }
    }

    /// Nothing can happen to this event any more.
    pub(super) fn ended(&mut self, record: &Record) {
        let came = PerPath::from_fn(|path| record.fate(path) == Some(Fate::Delivered));
        if record.test {
            let arrived = u64::from(came.webhook) + u64::from(came.eventbridge);
            self.test += if record.one_id { arrived.min(1) } else { arrived };
            return;
        }
        for path in Path::ALL {
            if let (Some(totals), Some(fate)) = (self.paths.of_mut(path), record.fate(path)) {
                totals.ended(fate);
            }
        }
        match (came.webhook, came.eventbridge) {
            (true, true) => self.pairs.both += 1,
            (true, false) => self.pairs.webhook_only += 1,
            (false, true) => self.pairs.eventbridge_only += 1,
            (false, false) => self.neither += 1,
        }
    }

    /// What one path missed is what the other alone brought.
    pub(super) const fn compare_paths(&mut self) {
        if let (Some(webhook), Some(eventbridge)) =
            (&mut self.paths.webhook, &mut self.paths.eventbridge)
        {
            webhook.missing = self.pairs.eventbridge_only;
            eventbridge.missing = self.pairs.webhook_only;
        }
    }
}

impl PathTotals {
    const fn ended(&mut self, fate: Fate) {
        let counted = match fate {
            // Counted as it arrived.
            Fate::Delivered => return,
            Fate::Lost => &mut self.lost,
            Fate::Failed => &mut self.failed,
            Fate::Unknown => &mut self.unknown,
            Fate::StreamOff => &mut self.stream_off,
            Fate::Unsent => &mut self.unsent,
            Fate::Pending => &mut self.pending,
        };
        *counted += 1;
    }
}
