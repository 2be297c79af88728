//! Leasing what is due.
//!
//! Deliveries of one route and subject go one at a time and in the order of their arrival. What is
//! due but has an earlier one before it, under way or waiting for a retry, is parked: it leaves the
//! list of what is due, so that a claim never wades through a busy subject's backlog, and comes
//! back when the one before it has ended (`settle`).

use rusqlite::{Connection, params};

use super::{RouteNo, payload};
use crate::event::{EventId, Path, Timestamp};

/// What to lease.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Deliveries of these routes.
    pub routes: Vec<RouteNo>,
    /// This many at most.
    pub limit: usize,
    /// How long they are leased. An attempt must be over by then.
    pub lease: std::time::Duration,
}

/// What was leased.
#[derive(Debug, Default)]
pub struct Claimed {
    /// The deliveries, oldest first within each route.
    pub due: Vec<Due>,
    /// When the next one of these routes will be due, if one is waiting.
    pub next_due: Option<Timestamp>,
}

/// A delivery to attempt now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The journal's number of the event.
    pub seq: i64,
    /// The route.
    pub route: RouteNo,
    /// The event's id.
    pub event_id: EventId,
    /// The event's type.
    pub kind: Box<str>,
    /// The path that brought the event first.
    pub first_path: Path,
    /// The CloudEvent's JSON text.
    pub payload: Vec<u8>,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// When the event was accepted.
    pub created_at: Timestamp,
}

/// Rows looked at for each delivery wanted, before the claim is content with fewer: bounds the work
/// of one transaction when a single subject floods.
const ROWS_FOR_EACH: usize = 8;

pub(super) fn claim(
    connection: &Connection,
    claim: &Claim,
    now: Timestamp,
) -> rusqlite::Result<Claimed> {
    let mut claimed = Claimed::default();
    let mut cut_short = false;
    for route in &claim.routes {
        let wanted = claim.limit - claimed.due.len();
        if wanted == 0 {
            cut_short = true;
            break;
        }
        let rows = due_rows(connection, *route, now, wanted * ROWS_FOR_EACH)?;
        cut_short |= rows.len() == wanted * ROWS_FOR_EACH;
        for row in rows {
            if claimed.due.len() == claim.limit {
                cut_short = true;
                break;
            }
            if is_blocked(connection, *route, &row)? {
                park(connection, *route, row.seq)?;
            } else {
                claimed.due.push(lease(connection, *route, &row, now.plus(claim.lease))?);
            }
        }
    }
    claimed.next_due = if cut_short { Some(now) } else { next_due(connection, &claim.routes)? };
    Ok(claimed)
}

struct Row {
    seq: i64,
    lane: i64,
    attempts: u32,
    created_at: Timestamp,
}

fn due_rows(
    connection: &Connection,
    route: RouteNo,
    now: Timestamp,
    limit: usize,
) -> rusqlite::Result<Vec<Row>> {
    connection
        .prepare_cached(
            "SELECT seq, lane, attempts, created_at FROM deliveries INDEXED BY deliveries_due
             WHERE route = ? AND state IN (0, 3) AND due_at <= ? ORDER BY due_at, seq LIMIT ?",
        )?
        .query_map(params![route.0, now, limit], |row| {
            Ok(Row {
                seq: row.get(0)?,
                lane: row.get(1)?,
                attempts: row.get(2)?,
                created_at: row.get(3)?,
            })
        })?
        .collect()
}

/// Whether another delivery of the lane is under way or waits for a retry, or an earlier one is
/// parked.
fn is_blocked(connection: &Connection, route: RouteNo, row: &Row) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM deliveries INDEXED BY deliveries_lane
                WHERE route = ?1 AND lane = ?2 AND state IN (1, 2, 3) AND seq <> ?3
                AND (state <> 1 OR seq < ?3))",
        )?
        .query_row(params![route.0, row.lane, row.seq], |row| row.get(0))
}

fn park(connection: &Connection, route: RouteNo, seq: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE deliveries SET state = 1 WHERE seq = ? AND route = ?")?
        .execute(params![seq, route.0])?;
    Ok(())
}

fn lease(
    connection: &Connection,
    route: RouteNo,
    row: &Row,
    until: Timestamp,
) -> rusqlite::Result<Due> {
    connection
        .prepare_cached(
            "UPDATE deliveries SET state = 2, attempts = attempts + 1, due_at = ?
             WHERE seq = ? AND route = ?",
        )?
        .execute(params![until, row.seq, route.0])?;
    connection
        .prepare_cached(
            "SELECT id, kind, first_path, encoding, body
             FROM events JOIN payloads USING (seq) WHERE seq = ?",
        )?
        .query_row([row.seq], |event| {
            let payload = payload::decode(event.get(3)?, event.get(4)?).map_err(damaged)?;
            let id: String = event.get(0)?;
            Ok(Due {
                seq: row.seq,
                route,
                event_id: EventId::parse(&id).map_err(damaged)?,
                kind: event.get(1)?,
                first_path: super::sqlite::path_of(event.get(2)?)?,
                payload,
                attempt: row.attempts + 1,
                created_at: row.created_at,
            })
        })
}

/// A stored value that cannot be what was written.
pub(super) fn damaged(error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, Box::new(error))
}

fn next_due(connection: &Connection, routes: &[RouteNo]) -> rusqlite::Result<Option<Timestamp>> {
    let mut soonest: Option<Timestamp> = None;
    let mut ask = connection.prepare_cached(
        "SELECT min(due_at) FROM deliveries INDEXED BY deliveries_due
         WHERE route = ? AND state IN (0, 3)",
    )?;
    for route in routes {
        let due: Option<Timestamp> = ask.query_row([route.0], |row| row.get(0))?;
        soonest = [soonest, due].into_iter().flatten().min();
    }
    Ok(soonest)
}

/// Takes back what the process before this one had under way. It may have reached its target; it is
/// attempted again, under the same id.
pub(super) fn release_leases(connection: &Connection, now: Timestamp) -> rusqlite::Result<usize> {
    connection.execute(
        "UPDATE deliveries INDEXED BY deliveries_lane SET state = 3, due_at = ?
         WHERE state IN (1, 2, 3) AND state = 2",
        [now],
    )
}

/// Takes back leases that ended without a word: the attempt's end could not be recorded.
pub(super) fn release_ended_leases(
    connection: &Connection,
    now: Timestamp,
) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "UPDATE deliveries INDEXED BY deliveries_lane SET state = 3
             WHERE state IN (1, 2, 3) AND state = 2 AND due_at < ?",
        )?
        .execute([now])
}
