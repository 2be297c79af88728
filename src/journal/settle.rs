//! Recording how an attempt ended, and what comes of its delivery.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::RouteNo;
use super::accept::Shelf;
use crate::event::{DeliveryOutcome, Timestamp};

/// How a leased delivery goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The journal's number of the event.
    pub seq: i64,
    /// The route.
    pub route: RouteNo,
    /// The attempt, if one was made.
    pub attempt: Option<Attempt>,
    /// What comes of it.
    pub verdict: Verdict,
}

/// One try to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Which, from 1.
    pub number: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// The answer's HTTP status, if one came.
    pub status: Option<u16>,
    /// What went wrong, in short.
    pub error: Option<Box<str>>,
}

/// What comes of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The target has it.
    Delivered,
    /// It failed for good; the reason is kept with the dead letter.
    Dead(Box<str>),
    /// It is tried again at this time.
    Retry(Timestamp),
}

/// Returns whether another delivery became due by it.
pub(super) fn settle(
    connection: &Connection,
    shelf: &mut Shelf,
    settlement: &Settlement,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let Settlement { seq, route, attempt, verdict } = settlement;
    if let Some(attempt) = attempt {
        record(connection, *seq, *route, attempt)?;
    }
    let (state, due_at, settled_at, reason) = match verdict {
        Verdict::Delivered => (4, now, Some(now), None),
        Verdict::Dead(reason) => (5, now, Some(now), Some(reason)),
        Verdict::Retry(at) => (3, *at, None, None),
    };
    // Only a leased delivery is settled: a lease that was taken back belongs to another attempt.
    let settled: Option<i64> = connection
        .prepare_cached(
            "UPDATE deliveries SET state = ?, due_at = ?, settled_at = ?, reason = ?
             WHERE seq = ? AND route = ? AND state = 2 RETURNING lane",
        )?
        .query_row(params![state, due_at, settled_at, reason, seq, route.0], |row| row.get(0))
        .optional()?;
    let Some(lane) = settled else { return Ok(false) };
    match verdict {
        Verdict::Delivered => shelf.tally.delivery(*route, DeliveryOutcome::Delivered),
        Verdict::Dead(_) => shelf.tally.delivery(*route, DeliveryOutcome::Dead),
        Verdict::Retry(_) => return Ok(false),
    }
    promote(connection, *route, lane)
}

fn record(
    connection: &Connection,
    seq: i64,
    route: RouteNo,
    attempt: &Attempt,
) -> rusqlite::Result<()> {
    let took_ns = i64::try_from(attempt.took.as_nanos()).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO attempts (seq, route, attempt, started_at, took_ns, status,
                error) VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            seq,
            route.0,
            attempt.number,
            attempt.started_at,
            took_ns,
            attempt.status,
            attempt.error
        ])?;
    Ok(())
}

/// The earliest delivery parked in this lane is due again.
fn promote(connection: &Connection, route: RouteNo, lane: i64) -> rusqlite::Result<bool> {
    let promoted = connection
        .prepare_cached(
            "UPDATE deliveries SET state = 0 WHERE route = ?1 AND seq =
                (SELECT min(seq) FROM deliveries INDEXED BY deliveries_lane
                 WHERE route = ?1 AND lane = ?2 AND state IN (1, 2, 3) AND state = 1)",
        )?
        .execute(params![route.0, lane])?;
    Ok(promoted > 0)
}
