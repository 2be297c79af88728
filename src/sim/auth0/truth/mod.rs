//! What really happened, so that a comparison can be checked against it.
//!
//! The file has one JSON object a line: one for each event, written once nothing can happen to it any
//! more, so not always in the order of `event`; and a last one with the totals.
//!
//! | key of an event | meaning |
//! | --- | --- |
//! | `event` | its number, from 1, in the order in which the events happened |
//! | `type`, `subject`, `time`, `test` | as the event says; `subject` as the gateway names subjects, `test` for test calls |
//! | `webhook`, `eventbridge` | what became of it on that path; `null` when the path was not driven |
//!
//! | key of a path | meaning |
//! | --- | --- |
//! | `id` | the event's id on it |
//! | `fate` | how it ended there, see below |
//! | `last` | what the last attempt was answered, where it was not delivered |
//! | `copies` | how often the door accepted it; all but the first are duplicates |
//! | `unanswered` | attempts that may have arrived, though no answer came |
//! | `attempts` | each attempt: `status` (an HTTP status, `"taken"` by AWS, an error code of AWS, or why there was none) and `ms` until the answer; the first 32 |
//! | `sent`, `accepted` | when it was first sent, and when the door's first acceptance was known (RFC 3339, by this host's clock) |
//! | `sequence` | which arrival of the path that acceptance was, from 1, copies counted |
//! | `out_of_order` | a later event had been accepted before it, by the same path |
//! | `flushed`, `redelivered` | sent again when its stream was switched on; by order |
//!
//! | `fate` | |
//! | --- | --- |
//! | `delivered` | the door accepted it |
//! | `lost` | a fault: it was never sent |
//! | `failed` | sent, and not accepted |
//! | `unknown` | not accepted as far as anybody knows, but an answer was lost: it may have arrived |
//! | `stream_off` | it happened while its stream was switched off |
//! | `unsent` | no place to wait was left in the simulator |
//! | `pending` | the play ended before it was sent, or before its attempts were over |
//!
//! The last line is `{"totals": …}`, see [`Totals`]. Its `paths.*.seen`, `missing`, `duplicates` and
//! `out_of_order`, and its `pairs`, are the numbers of the same name in the comparison's document, where
//! `doubts` is empty, the journal had nothing before, and whatever is behind the door (a queue) neither
//! loses, repeats nor reorders. `test` is the comparison's `excluded.test`.

mod record;
mod totals;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path as FilePath, PathBuf};

use serde_json::json;

pub use totals::{Doubt, PairTotals, PathTotals, Totals};

use self::record::Record;
pub(super) use self::record::{Copy, Planned, Repeat};
use super::tenant::Change;
use crate::event::{Path, PerPath, Timestamp};

/// Why the truth could not be written.
#[derive(Debug, thiserror::Error)]
#[error("writing what really happened to {}", .file.display())]
pub struct TruthError {
    file: PathBuf,
    source: io::Error,
}

/// What really happened. Events stay in memory while something can still happen to them.
#[derive(Debug, Default)]
pub struct Truth {
    file: Option<(PathBuf, BufWriter<File>)>,
    open: BTreeMap<u64, Record>,
    lanes: PerPath<Counted>,
    totals: Totals,
    happened: u64,
}

/// What is counted of a path as arrivals come.
#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    sequence: u64,
    /// The latest `time` of all accepted events that are no tests.
    latest: Option<Timestamp>,
}

impl Truth {
    /// Totals alone.
    pub fn totals_only() -> Self {
        Self::default()
    }

    /// Writes to this file, which is made, or emptied.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn to_file(path: &FilePath) -> Result<Self, TruthError> {
        let made = File::create(path);
        let file = made.map_err(|source| TruthError { file: path.to_owned(), source })?;
        Ok(Self { file: Some((path.to_owned(), BufWriter::new(file))), ..Self::default() })
    }

    /// These paths are driven.
    pub(super) fn drive(&mut self, paths: PerPath<bool>) {
        self.totals.paths = PerPath::from_fn(|path| paths.of(path).then(PathTotals::default));
    }

    /// Something makes the totals less than exact.
    pub(super) fn doubt(&mut self, doubt: Doubt) {
        self.totals.doubts.insert(doubt);
    }

    /// An event happened; `planned` is what becomes of it on each path. Gives its number.
    pub(super) fn happened(
        &mut self,
        change: &Change,
        planned: PerPath<Option<Planned>>,
    ) -> Result<u64, TruthError> {
        self.happened += 1;
        self.totals.events += 1;
        self.open.insert(self.happened, Record::new(self.happened, change, planned));
        self.close(self.happened)?;
        Ok(self.happened)
    }

    /// The sending of one copy is over, for now.
    pub(super) fn sent(&mut self, path: Path, event: u64, copy: &Copy) -> Result<(), TruthError> {
        if let Some(record) = self.open.get_mut(&event) {
            if copy.was_unanswered() {
                self.totals.doubts.insert(Doubt::AnswerLost);
            }
            if copy.had_server_error() {
                self.totals.doubts.insert(Doubt::ServerError);
            }
            if copy.accepted.is_some() {
                let counted = self.lanes.of_mut(path);
                counted.sequence += 1;
                let late = counted.latest.is_some_and(|latest| latest > record.time);
                let first = record.accept(path, counted.sequence, late);
                if !record.test {
                    counted.latest = counted.latest.max(Some(record.time));
                }
                self.totals.arrived(path, record.test, first, late);
            }
            record.sent(path, copy);
        }
        self.close(event)
    }

    /// Sends it again.
    pub(super) fn repeats(&mut self, path: Path, event: u64, why: Repeat) {
        if let Some(record) = self.open.get_mut(&event) {
            record.repeats(path, why);
        }
    }

    /// A failed event is no longer listed for redelivery.
    pub(super) fn forgotten(&mut self, path: Path, event: u64) -> Result<(), TruthError> {
        if let Some(record) = self.open.get_mut(&event) {
            record.forget(path);
        }
        self.close(event)
    }

    /// Ends it: what is still open is counted as it is. Writes the totals.
    ///
    /// # Errors
    /// When the file can't be written.
    pub(super) fn finish(mut self) -> Result<Totals, TruthError> {
        while let Some((_, record)) = self.open.pop_first() {
            self.end(&record)?;
        }
        self.totals.compare_paths();
        let line = json!({ "totals": self.totals });
        self.write(&line)?;
        match &mut self.file {
            None => {}
            Some((path, file)) => {
                let flushed = file.flush();
                flushed.map_err(|source| TruthError { file: path.clone(), source })?;
            }
        }
        Ok(self.totals)
    }

    /// What has been counted so far; `missing` is counted at the end.
    pub const fn so_far(&self) -> &Totals {
        &self.totals
    }

    /// Ends an event to which nothing can happen any more.
    fn close(&mut self, event: u64) -> Result<(), TruthError> {
        if self.open.get(&event).is_some_and(Record::is_over)
            && let Some(record) = self.open.remove(&event)
        {
            self.end(&record)?;
        }
        Ok(())
    }

    fn end(&mut self, record: &Record) -> Result<(), TruthError> {
        self.totals.ended(record);
        if self.file.is_some() {
            self.write(&record.line())?;
        }
        Ok(())
    }

    fn write(&mut self, line: &serde_json::Value) -> Result<(), TruthError> {
        match &mut self.file {
            None => Ok(()),
            Some((path, file)) => {
                writeln!(file, "{line}").map_err(|source| TruthError { file: path.clone(), source })
            }
        }
    }
}

#[cfg(test)]
mod tests;
