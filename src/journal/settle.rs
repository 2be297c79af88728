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

pub(super) fn settle(
    connection: &Connection,
    shelf: &mut Shelf,
    settlement: &Settlement,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let Settlement { seq, route, attempt, verdict } = settlement;
    if let Some(attempt) = attempt {
        record(connection, *seq, *route, attempt)?;
    }
    let (state, due_at, settled_at, reason) = match verdict {
        Verdict::Delivered => (DELIVERED, now, Some(now), None),
        Verdict::Dead(reason) => (DEAD, now, Some(now), Some(reason)),
        Verdict::Retry(at) => (RETRY, *at, None, None),
    };
    // Given back without an attempt, as when the target's circuit opened meanwhile: burns none.
    let given_back = attempt.is_none() && state == RETRY;
    // Only this attempt's own lease is settled: one that ended belongs to another attempt by now.
    let settled: Option<i64> = connection
        .prepare_cached(
            "UPDATE deliveries SET state = ?, due_at = ?, settled_at = ?, reason = ?,
                attempts = attempts - ?
             WHERE seq = ? AND route = ? AND state = 2 AND attempts = coalesce(?, attempts)
             RETURNING lane",
        )?
        .query_row(
            params![
                state,
                due_at,
                settled_at,
                reason,
                given_back,
                seq,
                route.0,
                attempt.as_ref().map(|attempt| attempt.number)
            ],
            |row| row.get(0),
        )
        .optional()?;
    let Some(lane) = settled else { return Ok(()) };
    match verdict {
        Verdict::Delivered => shelf.tally.delivery(*route, DeliveryOutcome::Delivered),
        Verdict::Dead(_) => shelf.tally.delivery(*route, DeliveryOutcome::Dead),
        Verdict::Retry(_) => return Ok(()),
    }
    promote(connection, shelf, (*route, lane))
}

const RETRY: i64 = 3;
const DELIVERED: i64 = 4;
const DEAD: i64 = 5;

/// Ends a delivery whose event can't be read.
pub(super) fn bury(
    connection: &Connection,
    shelf: &mut Shelf,
    (seq, lane): (i64, (RouteNo, i64)),
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE deliveries SET state = 5, settled_at = ?, reason = 'the stored event is damaged'
             WHERE seq = ? AND route = ?",
        )?
        .execute(params![now, seq, lane.0.0])?;
    shelf.tally.delivery(lane.0, DeliveryOutcome::Dead);
    promote(connection, shelf, lane)
}

/// Keeps the attempt with its delivery, unless that has expired meanwhile.
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
                error)
             SELECT seq, route, ?3, ?4, ?5, ?6, ?7 FROM deliveries WHERE seq = ?1 AND route = ?2",
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
pub(super) fn promote(
    connection: &Connection,
    shelf: &mut Shelf,
    (route, lane): (RouteNo, i64),
) -> rusqlite::Result<()> {
    let promoted = connection
        .prepare_cached(
            "UPDATE deliveries SET state = 0 WHERE route = ?1 AND seq =
                (SELECT min(seq) FROM deliveries INDEXED BY deliveries_parked
                 WHERE route = ?1 AND lane = ?2 AND state = 1)",
        )?
        .execute(params![route.0, lane])?;
    shelf.woke |= promoted > 0;
    Ok(())
}
