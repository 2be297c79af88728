//! Leasing what is due.
//!
//! Deliveries of one route and subject (a lane) go one at a time and in the order of their arrival.
//! A lane is busy while one of them is under way or waits for a retry. What is due behind that one
//! is parked: it leaves the list of what is due, so that a claim never wades through a busy
//! subject's backlog, and comes back when the one before it has ended (`settle`).

use std::time::Duration;

use rusqlite::{Connection, params};
use tracing::error;

use super::accept::Shelf;
use super::{RouteNo, payload, settle};
use crate::event::{EventId, Path, Timestamp};
use crate::telemetry::Chain;

/// What to lease.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Deliveries of these routes.
    pub routes: Vec<RouteNo>,
    /// This many at most; above a thousand or so, fewer.
    pub limit: usize,
    /// How long they are leased. An attempt must be over by then.
    pub lease: Duration,
}

/// What was leased.
#[derive(Debug, Default)]
pub struct Claimed {
    /// The deliveries. Within a route, those that waited for a retry come before new ones, and the
    /// oldest first of each.
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

/// Deliveries leased by one claim at most, whatever it wants.
const LEASES_MAX: usize = 1_024;

/// New deliveries looked at for each one wanted, before the claim is content with fewer: bounds the
/// work of one transaction when a single subject floods.
const ROWS_FOR_EACH: usize = 8;
/// So many may be looked at in any case: about a millisecond.
const ROWS_MIN: usize = 256;

pub(super) fn claim(
    connection: &Connection,
    shelf: &mut Shelf,
    claim: &Claim,
    now: Timestamp,
) -> rusqlite::Result<Claimed> {
    let limit = claim.limit.min(LEASES_MAX);
    let mut due = Vec::new();
    for (index, route) in claim.routes.iter().enumerate() {
        // A fair share of what is left: a route with a backlog does not starve those behind it.
        let wanted = (limit - due.len()).div_ceil(claim.routes.len() - index);
        let mut leasing = Leasing { connection, shelf, route: *route, now, lease: claim.lease };
        leasing.claim(wanted, &mut due)?;
    }
    Ok(Claimed { due, next_due: next_due(connection, &claim.routes, now)? })
}

/// The leasing of one route's deliveries.
struct Leasing<'a> {
    connection: &'a Connection,
    shelf: &'a mut Shelf,
    route: RouteNo,
    now: Timestamp,
    lease: Duration,
}

struct Row {
    seq: i64,
    lane: i64,
    attempts: u32,
    created_at: Timestamp,
}

impl Row {
    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            lane: row.get(1)?,
            attempts: row.get(2)?,
            created_at: row.get(3)?,
        })
    }
}

impl Leasing<'_> {
    /// Up to half of what is wanted are retries if as many are due, so that neither a flood of new
    /// deliveries nor one of retries starves the other.
    fn claim(&mut self, wanted: usize, due: &mut Vec<Due>) -> rusqlite::Result<()> {
        let full = due.len() + wanted;
        let mut fresh_max = wanted.saturating_mul(ROWS_FOR_EACH).max(ROWS_MIN);
        let mut retries = self.retries(wanted)?.into_iter();
        for row in retries.by_ref().take(wanted.div_ceil(2)) {
            due.extend(self.lease(&row)?);
        }
        while due.len() < full && fresh_max > 0 {
            let rows = self.fresh(fresh_max.min(full - due.len()))?;
            if rows.is_empty() {
                break;
            }
            fresh_max -= rows.len();
            for row in rows {
                if self.is_busy(row.lane)? {
                    self.park(row.seq)?;
                } else {
                    due.extend(self.lease(&row)?);
                }
            }
        }
        for row in retries.take(full - due.len()) {
            due.extend(self.lease(&row)?);
        }
        Ok(())
    }

    /// These hold their lanes: nothing else of the lane is under way.
    fn retries(&self, wanted: usize) -> rusqlite::Result<Vec<Row>> {
        self.connection
            .prepare_cached(
                "SELECT seq, lane, attempts, created_at FROM deliveries INDEXED BY deliveries_retry
                 WHERE route = ? AND state = 3 AND due_at <= ? ORDER BY due_at LIMIT ?",
            )?
            .query_map(params![self.route.0, self.now, wanted], Row::read)?
            .collect()
    }

    fn fresh(&self, wanted: usize) -> rusqlite::Result<Vec<Row>> {
        self.connection
            .prepare_cached(
                "SELECT seq, lane, attempts, created_at FROM deliveries INDEXED BY deliveries_fresh
                 WHERE route = ? AND state = 0 ORDER BY seq LIMIT ?",
            )?
            .query_map(params![self.route.0, wanted], Row::read)?
            .collect()
    }

    fn is_busy(&self, lane: i64) -> rusqlite::Result<bool> {
        self.connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM deliveries INDEXED BY deliveries_busy
                    WHERE route = ? AND lane = ? AND state IN (2, 3))",
            )?
            .query_row(params![self.route.0, lane], |row| row.get(0))
    }

    fn park(&self, seq: i64) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("UPDATE deliveries SET state = 1 WHERE seq = ? AND route = ?")?
            .execute(params![seq, self.route.0])?;
        Ok(())
    }

    /// A delivery whose event can't be read any more is dead: were it an error, this claim, and
    /// every request that shares its transaction, would fail for ever.
    fn lease(&mut self, row: &Row) -> rusqlite::Result<Option<Due>> {
        let due = match read_due(self.connection, self.route, row) {
            Ok(due) => due,
            Err(error) if is_damage(&error) => {
                error!(event.seq = row.seq, error = %Chain(&error), "a stored event is damaged");
                let lane = (self.route, row.lane);
                settle::bury(self.connection, self.shelf, (row.seq, lane), self.now)?;
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        self.connection
            .prepare_cached(
                "UPDATE deliveries SET state = 2, attempts = attempts + 1, due_at = ?
                 WHERE seq = ? AND route = ?",
            )?
            .execute(params![self.now.plus(self.lease), row.seq, self.route.0])?;
        Ok(Some(due))
    }
}

fn read_due(connection: &Connection, route: RouteNo, row: &Row) -> rusqlite::Result<Due> {
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

/// Whether reading failed by what is stored, rather than by the store.
fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error,
        rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::QueryReturnedNoRows
    )
}

fn next_due(
    connection: &Connection,
    routes: &[RouteNo],
    now: Timestamp,
) -> rusqlite::Result<Option<Timestamp>> {
    let mut fresh = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM deliveries INDEXED BY deliveries_fresh
            WHERE route = ? AND state = 0)",
    )?;
    let mut retry = connection.prepare_cached(
        "SELECT min(due_at) FROM deliveries INDEXED BY deliveries_retry
         WHERE route = ? AND state = 3",
    )?;
    let mut soonest: Option<Timestamp> = None;
    for route in routes {
        let due = if fresh.query_row([route.0], |row| row.get(0))? {
            Some(now)
        } else {
            retry.query_row([route.0], |row| row.get(0))?
        };
        soonest = [soonest, due].into_iter().flatten().min();
    }
    Ok(soonest)
}

/// Takes back what the process before this one had under way. It may have reached its target; it is
/// attempted again, under the same id.
pub(super) fn release_leases(connection: &Connection, now: Timestamp) -> rusqlite::Result<usize> {
    connection.execute(
        "UPDATE deliveries INDEXED BY deliveries_busy SET state = 3, due_at = ?
         WHERE state IN (2, 3) AND state = 2",
        [now],
    )
}

/// Takes back leases that ended without a word: the attempt's end could not be recorded. Reads the
/// index alone, one entry for each busy lane.
pub(super) fn release_ended_leases(
    connection: &Connection,
    now: Timestamp,
) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "UPDATE deliveries SET state = 3 WHERE (seq, route) IN
                (SELECT seq, route FROM deliveries INDEXED BY deliveries_busy
                 WHERE state IN (2, 3) AND state = 2 AND due_at < ?)",
        )?
        .execute([now])
}
