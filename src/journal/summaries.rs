//! Keeping the summaries: every settled event is in them once, and what is learnt of it later amends
//! them, in the transaction that stores it.

use rusqlite::{Connection, OptionalExtension as _, params};
use tracing::warn;

use super::entries::{COLUMNS, Entries};
use super::shelf::Shelf;
use crate::event::Timestamp;
use crate::summary::{Book, Cell, Entry, Key, Scale};
use crate::telemetry::Chain;

/// Events summed in one step: some milliseconds of work.
const STEP: usize = 500;
/// Of those that were set aside, so many are looked at in one step.
const SET_ASIDE_STEP: i64 = 100;

/// The name in `meta` of the last event that is summed, or set aside.
pub(super) const SUMMED: &str = "summed";

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summarized {
    /// Events summed.
    pub events: usize,
    /// Whether another step is worth while.
    pub more: bool,
}

/// Sums some of the events that have settled by this instant.
pub(super) fn step(
    connection: &Connection,
    shelf: &mut Shelf,
    settled_until: Timestamp,
    now: Timestamp,
) -> rusqlite::Result<Summarized> {
    let aside = sum_set_aside(connection, shelf, settled_until)?;
    let sql = format!("SELECT {COLUMNS} FROM events WHERE seq > ? ORDER BY seq LIMIT ?");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![shelf.summed.get(), STEP])?;
    let ignore = std::mem::take(&mut shelf.ignore);
    let mut entries = Entries::new(connection, &ignore);
    let mut events = 0;
    let mut sum = || -> rusqlite::Result<()> {
        while let Some(row) = rows.next()? {
            let seq: i64 = row.get(0)?;
            let entry = entries.read(row)?;
            // An arrival of a time to come, from before the clock was set back, holds up nobody.
            let is_young = |first| first > settled_until && first <= now;
            if entry.event.first_arrival().is_none_or(is_young) {
                break;
            }
            if entry.event.has_settled_by(settled_until) {
                shelf.book.add(&entry);
            } else {
                set_aside(connection, seq)?;
            }
            shelf.summed.set(seq);
            events += 1;
        }
        Ok(())
    };
    let done = sum();
    shelf.ignore = ignore;
    done?;
    if events > 0 {
        super::set_meta(connection, SUMMED, shelf.summed.get())?;
    }
    Ok(Summarized { events: events + aside, more: events == STEP })
}

/// An event whose own time, or whose arrival's, is still to come by this host's clock.
fn set_aside(connection: &Connection, seq: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("INSERT INTO set_aside (seq) VALUES (?)")?.execute([seq]).map(drop)
}

fn sum_set_aside(
    connection: &Connection,
    shelf: &mut Shelf,
    settled_until: Timestamp,
) -> rusqlite::Result<usize> {
    // CROSS JOIN: from the few that are set aside to their events, never through all events by their time.
    let waiting: Vec<i64> = connection
        .prepare_cached(
            "SELECT seq FROM set_aside CROSS JOIN events USING (seq) WHERE time_ns <= ?1
                AND min(coalesce(webhook_at, eventbridge_at), coalesce(eventbridge_at, webhook_at)) <= ?1
             LIMIT ?2",
        )?
        .query_map(params![settled_until, SET_ASIDE_STEP], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for seq in &waiting {
        sum_now(connection, shelf, *seq)?;
    }
    Ok(waiting.len())
}

fn sum_now(connection: &Connection, shelf: &mut Shelf, seq: i64) -> rusqlite::Result<()> {
    let entry = Entries::new(connection, &shelf.ignore).one(seq)?;
    shelf.book.add(&entry);
    connection.prepare_cached("DELETE FROM set_aside WHERE seq = ?")?.execute([seq]).map(drop)
}

/// Sums what was set aside of these events, which are about to be deleted.
pub(super) fn sum_before_deletion(
    connection: &Connection,
    shelf: &mut Shelf,
    (first, last): (i64, i64),
) -> rusqlite::Result<()> {
    let waiting: Vec<i64> = connection
        .prepare_cached("SELECT seq FROM set_aside WHERE seq BETWEEN ? AND ?")?
        .query_map([first, last], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    waiting.into_iter().try_for_each(|seq| sum_now(connection, shelf, seq))
}

/// The event as it is summed now; `None` while it is not.
pub(super) fn as_summed(
    connection: &Connection,
    shelf: &Shelf,
    seq: i64,
) -> rusqlite::Result<Option<Entry>> {
    if seq > shelf.summed.get() || is_set_aside(connection, seq)? {
        return Ok(None);
    }
    Entries::new(connection, &shelf.ignore).one(seq).map(Some)
}

fn is_set_aside(connection: &Connection, seq: i64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM set_aside WHERE seq = ?)")?
        .query_row([seq], |row| row.get(0))
}

/// An event that was summed as `before` has come once more, or by its other path.
pub(super) fn amend(
    connection: &Connection,
    shelf: &mut Shelf,
    seq: i64,
    before: &Entry,
) -> rusqlite::Result<()> {
    let after = Entries::new(connection, &shelf.ignore).one(seq)?;
    shelf.book.amend(before, &after);
    Ok(())
}

/// Writes the changes, as one of the last steps of the transaction.
pub(super) fn flush(connection: &Connection, book: &mut Book) -> rusqlite::Result<()> {
    for (key, change) in book.take() {
        let cell = match stored(connection, &key)? {
            None => change,
            Some(mut cell) => {
                cell.merge(&change);
                cell
            }
        };
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO summaries
                    (scale, kind, start, webhook_stream, eventbridge_stream, cell)
                 VALUES (?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                scale_code(key.scale),
                key.kind,
                key.start,
                key.webhook_stream,
                key.eventbridge_stream,
                cell.encode()
            ])?;
    }
    Ok(())
}

fn stored(connection: &Connection, key: &Key) -> rusqlite::Result<Option<Cell>> {
    let bytes: Option<Vec<u8>> = connection
        .prepare_cached(
            "SELECT cell FROM summaries WHERE scale = ? AND kind = ? AND start = ?
                AND webhook_stream = ? AND eventbridge_stream = ?",
        )?
        .query_row(
            params![
                scale_code(key.scale),
                key.kind,
                key.start,
                key.webhook_stream,
                key.eventbridge_stream
            ],
            |row| row.get(0),
        )
        .optional()?;
    let Some(bytes) = bytes else { return Ok(None) };
    match Cell::decode(&bytes) {
        Ok(cell) => Ok(Some(cell)),
        // A damaged summary must not keep events out: it begins anew.
        Err(error) => {
            warn!(start = %key.start, kind = &*key.kind, error = %Chain(&error), "a summary is damaged");
            Ok(None)
        }
    }
}

/// So many stretches of each scale and type are deleted in one step.
const EXPIRE_STEP: i64 = 500;

/// Deletes some of what begins before this instant, of each scale and type.
pub(super) fn expire(connection: &Connection, cutoff: Timestamp) -> rusqlite::Result<()> {
    for scale in Scale::ALL {
        let mut kind = Some(String::new());
        while let Some(of) = kind {
            connection
                .prepare_cached(
                    "DELETE FROM summaries WHERE scale = ?1 AND kind = ?2 AND start < min(?3,
                        (SELECT min(start) FROM summaries WHERE scale = ?1 AND kind = ?2) + ?4)",
                )?
                .execute(params![scale_code(scale), of, cutoff, EXPIRE_STEP * scale.nanos()])?;
            kind = next_kind(connection, scale, &of)?;
        }
    }
    Ok(())
}

/// The type after this one, in alphabetical order.
pub(super) fn next_kind(
    connection: &Connection,
    scale: Scale,
    kind: &str,
) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT min(kind) FROM summaries WHERE scale = ? AND kind > ?")?
        .query_row(params![scale_code(scale), kind], |row| row.get(0))
}

pub(super) const fn scale_code(scale: Scale) -> i64 {
    match scale {
        Scale::Minute => 0,
        Scale::TenMinutes => 1,
        Scale::Hour => 2,
        Scale::Day => 3,
    }
}
