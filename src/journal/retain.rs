//! Deleting what has expired, in small steps beside the load.

use rusqlite::{Connection, params};
use tracing::warn;

use super::shelf::Shelf;
use super::told::Lane;
use super::{RouteNo, Settings, counts, end, release, summaries, told, witness};
use crate::event::{DeliveryOutcome, Timestamp};

/// Events deleted in one step: some milliseconds of work.
const STEP: i64 = 500;

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retained {
    /// Events deleted.
    pub events: usize,
    /// Quarantined bytes deleted.
    pub quarantined: usize,
    /// Whether more has expired: another step is worth while.
    pub more: bool,
}

pub(super) fn step(
    connection: &Connection,
    shelf: &mut Shelf,
    settings: &Settings,
    now: Timestamp,
) -> rusqlite::Result<Retained> {
    shelf.woke |= release::release_ended_leases(connection, now)? > 0;
    let cutoff = now.minus(settings.keep);
    let too_big = file_bytes_used(connection)? > settings.size_bytes_max;
    let range = expired(connection, shelf.summed.get(), cutoff, too_big)?;
    // When the file is too big, what is quarantined goes as far back as events do; or all of it, where it
    // is all that there is. Events that may not go yet are no reason to throw it away.
    let horizon = match range {
        Some((_, _, stored_at)) if too_big => stored_at.max(cutoff),
        None if too_big && !has_events(connection)? => now,
        Some(_) | None => cutoff,
    };
    let quarantined = delete_quarantined(connection, horizon)?;
    let summaries_cutoff = now.minus(settings.summaries.keep.max(settings.keep));
    summaries::expire(connection, summaries_cutoff)?;
    witness::expire(connection, cutoff, summaries_cutoff)?;
    connection
        .prepare_cached("DELETE FROM coverage WHERE until < ?")?
        .execute([summaries_cutoff.minus(counts::SILENCE_MAX)])?;
    connection.prepare_cached("DELETE FROM orders WHERE ended_at < ?")?.execute([cutoff])?;
    // An event may come by its second path when it has nearly expired, and is then kept once more as
    // long: of what was attempted before, none outlives what was told since.
    shelf.told_swept = told::sweep(connection, shelf.told_swept, cutoff.minus(settings.keep))?;
    let Some((first, last, stored_at)) = range else {
        return Ok(Retained { events: 0, quarantined, more: quarantined > 0 });
    };
    let events = delete_events(connection, shelf, first, last)?;
    super::set_meta(connection, super::FIRST_SEQ, last + 1)?;
    shelf.first_seq.set(last + 1);
    let forgotten = shelf.forgotten.get().max(stored_at.as_nanos());
    super::set_meta(connection, super::FORGOTTEN, forgotten)?;
    shelf.forgotten.set(forgotten);
    shelf.in_hand.retain(|seq| *seq > last);
    Ok(Retained { events, quarantined, more: true })
}

fn has_events(connection: &Connection) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM events)")?
        .query_row([], |row| row.get(0))
}

/// Pages in use, in bytes: freed pages are used again before the file grows.
fn file_bytes_used(connection: &Connection) -> rusqlite::Result<u64> {
    let ask = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, u64>(0));
    let used = ask("page_count")?.saturating_sub(ask("freelist_count")?);
    Ok(used.saturating_mul(ask("page_size")?))
}

/// The oldest events that may go, and when the last of them was stored: those older than the cutoff,
/// unless an attempt is under way, or they are not in the summaries yet; when the file is too big, the oldest whose deliveries have all
/// ended.
fn expired(
    connection: &Connection,
    summed: i64,
    cutoff: Timestamp,
    too_big: bool,
) -> rusqlite::Result<Option<(i64, i64, Timestamp)>> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, max(coalesce(webhook_stored_at, 0), coalesce(eventbridge_stored_at, 0)),
            EXISTS (SELECT 1 FROM deliveries WHERE deliveries.seq = events.seq AND state < 5),
            EXISTS (SELECT 1 FROM deliveries WHERE deliveries.seq = events.seq AND state = 2)
         FROM events WHERE seq <= ? ORDER BY seq LIMIT ?",
    )?;
    let mut rows = statement.query([summed, STEP])?;
    let mut range: Option<(i64, i64, Timestamp)> = None;
    while let Some(row) = rows.next()? {
        let (seq, stored_at): (i64, Timestamp) = (row.get(0)?, row.get(1)?);
        let (pending, leased): (bool, bool) = (row.get(2)?, row.get(3)?);
        let goes = (stored_at < cutoff && !leased) || (too_big && !pending);
        if !goes {
            break;
        }
        range = Some((range.map_or(seq, |(first, ..)| first), seq, stored_at));
    }
    Ok(range)
}

fn delete_events(
    connection: &Connection,
    shelf: &mut Shelf,
    first: i64,
    last: i64,
) -> rusqlite::Result<usize> {
    let range = params![first, last];
    summaries::sum_before_deletion(connection, shelf, (first, last))?;
    let (expired, lanes) = expire_deliveries(connection, shelf, first, last)?;
    for sql in [
        "DELETE FROM payloads WHERE seq BETWEEN ? AND ?",
        "DELETE FROM redacted_payloads WHERE seq BETWEEN ? AND ?",
        "DELETE FROM rival_payloads WHERE seq BETWEEN ? AND ?",
        "DELETE FROM repeats WHERE seq BETWEEN ? AND ?",
        "DELETE FROM attempts WHERE seq BETWEEN ? AND ?",
        "DELETE FROM deliveries WHERE seq BETWEEN ? AND ?",
    ] {
        connection.prepare_cached(sql)?.execute(range)?;
    }
    for lane in lanes {
        end::promote(connection, shelf, lane)?;
    }
    if expired > 0 {
        warn!(
            deliveries = expired,
            "expired events had deliveries that never ended; is a route or target gone, or down \
             for longer than journal.keep?"
        );
    }
    connection.prepare_cached("DELETE FROM events WHERE seq BETWEEN ? AND ?")?.execute(range)
}

/// Counts the deliveries that had not ended: they vanish with their events, by a stated rule. Returns
/// how many, and the lanes of those that were not parked: others may be parked behind them.
fn expire_deliveries(
    connection: &Connection,
    shelf: &mut Shelf,
    first: i64,
    last: i64,
) -> rusqlite::Result<(usize, Vec<Lane>)> {
    let mut statement = connection.prepare_cached(
        "SELECT route, lane, state <> 1, seq FROM deliveries WHERE seq BETWEEN ? AND ? AND state < 5",
    )?;
    let mut rows = statement.query(params![first, last])?;
    let (mut expired, mut lanes) = (0, Vec::new());
    while let Some(row) = rows.next()? {
        let route = RouteNo(row.get(0)?);
        shelf.tally.delivery(route, DeliveryOutcome::Expired);
        shelf.moved_on.push(row.get(3)?);
        expired += 1;
        if row.get(2)? {
            lanes.push(Lane { route, lane: row.get(1)? });
        }
    }
    Ok((expired, lanes))
}

/// Looks at the oldest few alone: they were stored in the order of their arrival, or nearly.
fn delete_quarantined(connection: &Connection, horizon: Timestamp) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "DELETE FROM quarantine WHERE no IN
                (SELECT no FROM (SELECT no, at FROM quarantine ORDER BY no LIMIT ?) WHERE at < ?)",
        )?
        .execute(params![STEP, horizon])
}
