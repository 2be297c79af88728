//! Which event has this id? Exact at any size and after any crash, in bounded memory.
//!
//! Ids are random, so an index over them is the one structure of the journal that is not
//! append-only: each insert would rewrite a page of 16 KiB somewhere. Instead, new ids gather in
//! memory (`recent`, some tens of thousands), and each commit moves a run of neighbours into the
//! table `ids`: a sweep goes through the ids in their order, and comes round again. A page of the
//! table so takes many ids whenever it is rewritten. Now and then a sweep also takes the ids of
//! expired events out of the pages it rewrites.
//!
//! What is in memory can be told again from the tables after a crash: a finished sweep has taken
//! everything that was there when it began, and that mark is stored (`meta`, `ids_swept_seq`). So a
//! start reads the events since the mark, at most about twice `RECENT_MAX`.

use std::collections::BTreeSet;
use std::ops::Bound;

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::event::{Digest, EventId};

/// How many ids gather before a sweep begins; each takes some 40 bytes of memory.
const RECENT_MAX: usize = 32_768;
/// How many ids a sweep moves for each one that came: more than one, so that it gets done.
const MOVED_FOR_EACH: usize = 2;
/// A sweep cleans once the expired ids are this fraction of the others. To clean, it reads every
/// entry between two ids that it moves (67 ns each: at 10 million events, 20 µs for each id moved).
const CLEANED_FRACTION: i64 = 32;

#[derive(Debug)]
pub(super) struct IdIndex {
    /// Ids not yet certain to be in the table.
    recent: BTreeSet<(Digest, i64)>,
    recent_max: usize,
    sweep: Option<Sweep>,
    /// Entries of events before this one have been deleted from the table.
    cleaned_seq: i64,
    /// The number that the next row of `aliases` gets.
    next_alias: i64,
    /// What the transaction under way adds; `committed` or `rolled_back` ends it.
    adding: Vec<(Digest, i64)>,
    adding_aliases: i64,
    moving: Option<Moved>,
}

/// A pass through the ids in their order.
#[derive(Debug, Clone, Copy)]
struct Sweep {
    /// The last id moved; the next run begins behind it.
    after: Option<(Digest, i64)>,
    /// The first event that came after this sweep began: it may have missed that one's id.
    since_seq: i64,
    /// The same for the rows of `aliases`.
    since_alias: i64,
    /// Delete the entries of events before this one on the way.
    cleans: Option<i64>,
}

#[derive(Debug)]
struct Moved {
    ids: Vec<(Digest, i64)>,
    sweep: Option<Sweep>,
}

impl IdIndex {
    /// Tells again what is not certain to be in the table.
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let seq = super::meta(connection, SWEPT_SEQ)?.unwrap_or(0);
        let mut recent = BTreeSet::new();
        let mut events = connection.prepare("SELECT id, seq FROM events WHERE seq >= ?")?;
        let mut rows = events.query([seq])?;
        while let Some(row) = rows.next()? {
            recent.insert((Digest::of(row.get_ref(0)?.as_str()?.as_bytes()), row.get(1)?));
        }
        let mut next_alias = 0;
        let mut aliases = connection.prepare("SELECT digest, seq, no FROM aliases ORDER BY no")?;
        let mut rows = aliases.query([])?;
        while let Some(row) = rows.next()? {
            recent.insert((row.get(0)?, row.get(1)?));
            next_alias = row.get::<_, i64>(2)? + 1;
        }
        Ok(Self {
            recent,
            recent_max: RECENT_MAX,
            sweep: None,
            cleaned_seq: 0,
            next_alias,
            adding: Vec::new(),
            adding_aliases: 0,
            moving: None,
        })
    }

    /// The event with this id. Entries of events before `first_seq`, which have expired, don't count.
    pub(super) fn find(
        &self,
        connection: &Connection,
        digest: Digest,
        first_seq: i64,
    ) -> rusqlite::Result<Option<i64>> {
        let adding = self.adding.iter().find(|(other, seq)| *other == digest && *seq >= first_seq);
        let adding = adding.map(|(_, seq)| *seq);
        let known = adding.or_else(|| {
            let mut same = self.recent.range((digest, first_seq)..=(digest, i64::MAX));
            same.next().map(|(_, seq)| *seq)
        });
        match known {
            Some(seq) => Ok(Some(seq)),
            None => find_in_table(connection, digest, first_seq),
        }
    }

    /// A new event, in the transaction under way.
    pub(super) fn add(&mut self, digest: Digest, seq: i64) {
        self.adding.push((digest, seq));
    }

    /// Another id of a known event, in the transaction under way.
    pub(super) fn add_alias(
        &mut self,
        connection: &Connection,
        digest: Digest,
        seq: i64,
    ) -> rusqlite::Result<()> {
        let no = self.next_alias + self.adding_aliases;
        connection
            .prepare_cached("INSERT INTO aliases (no, digest, seq) VALUES (?, ?, ?)")?
            .execute(params![no, digest, seq])?;
        self.adding_aliases += 1;
        self.adding.push((digest, seq));
        Ok(())
    }

    /// Moves the next run of ids into the table, as the last step of a transaction.
    pub(super) fn move_some(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let Some(sweep) = self.sweep else { return Ok(()) };
        let limit = self.adding.len().saturating_mul(MOVED_FOR_EACH).max(MOVED_FOR_EACH);
        let behind = sweep.after.map_or(Bound::Unbounded, Bound::Excluded);
        let ids: Vec<_> =
            self.recent.range((behind, Bound::Unbounded)).take(limit).copied().collect();
        let mut insert =
            connection.prepare_cached("INSERT OR IGNORE INTO ids (digest, seq) VALUES (?, ?)")?;
        for (digest, seq) in &ids {
            insert.execute(params![digest, seq])?;
        }
        let finished = ids.len() < limit;
        let last = ids.last().copied().filter(|_| !finished);
        if let Some(first_seq) = sweep.cleans {
            delete_expired(connection, sweep.after, last, first_seq)?;
        }
        if finished {
            // The sweep has passed over every id that was there when it began.
            super::set_meta(connection, SWEPT_SEQ, sweep.since_seq)?;
            connection
                .prepare_cached("DELETE FROM aliases WHERE no < ?")?
                .execute([sweep.since_alias])?;
        }
        let sweep = (!finished).then_some(Sweep { after: last, ..sweep });
        self.moving = Some(Moved { ids, sweep });
        Ok(())
    }

    /// The transaction is on disk. Events from `first_seq` on have not expired; `next_seq` is the
    /// number that the next one will get.
    pub(super) fn committed(&mut self, first_seq: i64, next_seq: i64) {
        self.recent.extend(self.adding.drain(..));
        self.next_alias += std::mem::take(&mut self.adding_aliases);
        if let Some(moved) = self.moving.take() {
            for id in &moved.ids {
                self.recent.remove(id);
            }
            if moved.sweep.is_none()
                && let Some(cleaned_seq) = self.sweep.and_then(|sweep| sweep.cleans)
            {
                self.cleaned_seq = cleaned_seq;
            }
            self.sweep = moved.sweep;
        }
        if self.sweep.is_none() && self.recent.len() >= self.recent_max {
            let expired = first_seq - self.cleaned_seq;
            let is_due = expired > 0 && expired >= (next_seq - first_seq) / CLEANED_FRACTION;
            self.sweep = Some(Sweep {
                after: None,
                since_seq: next_seq,
                since_alias: self.next_alias,
                cleans: is_due.then_some(first_seq),
            });
        }
    }

    /// The transaction never was.
    pub(super) fn rolled_back(&mut self) {
        self.adding.clear();
        self.adding_aliases = 0;
        self.moving = None;
    }
}

/// The mark in `meta`: ids of all events before it are in the table.
const SWEPT_SEQ: &str = "ids_swept_seq";

/// Looks into the table alone.
fn find_in_table(
    connection: &Connection,
    digest: Digest,
    first_seq: i64,
) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT seq FROM ids WHERE digest = ? AND seq >= ? ORDER BY seq LIMIT 1")?
        .query_row(params![digest, first_seq], |row| row.get(0))
        .optional()
}

/// The event with this id, for a connection that does not share the writer's memory: what is not in
/// the table is among the events since the mark, or the aliases.
pub(super) fn find_by_reading(
    connection: &Connection,
    id: &EventId,
) -> rusqlite::Result<Option<i64>> {
    let first_seq = super::meta(connection, super::FIRST_SEQ)?.unwrap_or(0);
    let digest = Digest::of(id.as_str().as_bytes());
    if let Some(seq) = find_in_table(connection, digest, first_seq)? {
        return Ok(Some(seq));
    }
    let swept = super::meta(connection, SWEPT_SEQ)?.unwrap_or(0);
    let recent = connection
        .prepare_cached("SELECT seq FROM events WHERE seq >= ? AND id = ? LIMIT 1")?
        .query_row(params![swept, id.as_str()], |row| row.get(0))
        .optional()?;
    if recent.is_some() {
        return Ok(recent);
    }
    connection
        .prepare_cached("SELECT seq FROM aliases WHERE digest = ? AND seq >= ? LIMIT 1")?
        .query_row(params![digest, first_seq], |row| row.get(0))
        .optional()
}

/// Deletes the entries of expired events between two ids (from the first, to the last, where there is
/// none), on pages that are rewritten anyway.
fn delete_expired(
    connection: &Connection,
    after: Option<(Digest, i64)>,
    last: Option<(Digest, i64)>,
    first_seq: i64,
) -> rusqlite::Result<()> {
    let from = after.map_or(Digest::from_bytes([0; 16]), |(digest, _)| digest);
    let to = last.map_or(Digest::from_bytes([0xff; 16]), |(digest, _)| digest);
    connection
        .prepare_cached("DELETE FROM ids WHERE digest > ? AND digest < ? AND seq < ?")?
        .execute(params![from, to, first_seq])?;
    Ok(())
}

#[cfg(test)]
mod tests;
