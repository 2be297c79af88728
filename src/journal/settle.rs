//! Recording how an attempt ended, and what comes of its delivery.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::end::{self, Ending};
use super::shelf::Shelf;
use super::told::{self, Lane};
use super::{RouteNo, erase};
use crate::event::{Candidacy, Moment, RouteOrder, Timestamp};

/// The reasons of deliveries that were given up after attempts that might have succeeded. All others
/// were refused, and would be again.
pub mod given_up {
    /// As many attempts failed as may.
    pub const ATTEMPTS: &str = "every attempt failed";
    /// The last one failed later than any may be made.
    pub const AGE: &str = "too old for another attempt";
}

/// How a leased delivery goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The journal's number of the event.
    pub seq: i64,
    /// The route.
    pub route: RouteNo,
    /// The attempt that it was leased for, from 1: another's lease is not touched.
    pub attempt_number: u32,
    /// The attempt, if one was made.
    pub attempt: Option<Attempt>,
    /// What comes of it.
    pub verdict: Verdict,
}

/// One try to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// The answer's HTTP status, if one came.
    pub status: Option<u16>,
    /// What went wrong, in short.
    pub error: Option<Box<str>>,
    /// The beginning of an answer that was no success, as text, with secrets taken out.
    pub answer: Option<Box<str>>,
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
    /// The same, but the attempt does not count: the target was down.
    RetryUncounted(Timestamp),
    /// It waits for its SQS message, which is to be visible again at this time. Where no message of it
    /// is in hand, so that none may come, it is tried again at this time.
    Return(Timestamp),
    /// No attempt was made: it is due at once, as if it had not been leased.
    GiveBack,
}

/// A delivery as it was leased.
struct Leased {
    lane: Lane,
    watched: Option<Vec<u8>>,
}

pub(super) fn settle(
    connection: &Connection,
    shelf: &mut Shelf,
    settlement: &Settlement,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let Settlement { seq, attempt, verdict, .. } = settlement;
    if let Some(attempt) = attempt {
        record(connection, settlement, attempt)?;
    }
    let Some(leased) = leased(connection, settlement)? else { return Ok(()) };
    let lane = leased.lane;
    if erase::is_erased(connection, *seq)? {
        let ending = match verdict {
            Verdict::Delivered => Ending::Delivered,
            Verdict::Dead(_)
            | Verdict::Retry(_)
            | Verdict::RetryUncounted(_)
            | Verdict::Return(_)
            | Verdict::GiveBack => Ending::Discarded(erase::ERASED_MEANWHILE),
        };
        return erase::end_erased(connection, shelf, (*seq, lane), &ending, now);
    }
    match verdict {
        Verdict::Delivered => {
            acknowledged(connection, shelf, *seq, &leased, now)?;
            end::end(connection, shelf, (*seq, lane), &Ending::Delivered, now)
        }
        Verdict::Dead(reason) => {
            end::end(connection, shelf, (*seq, lane), &Ending::Dead(reason), now)
        }
        Verdict::Retry(at) => wait(connection, shelf, (*seq, lane), &Wait::retry(*at)),
        Verdict::RetryUncounted(at) => {
            let wait_for = Wait { uncounted: 1, ..Wait::retry(*at) };
            wait(connection, shelf, (*seq, lane), &wait_for)
        }
        Verdict::Return(at) => {
            let in_hand = shelf.in_hand.contains(seq);
            let state = if in_hand { end::RETURNED } else { RETRY };
            let wait_for = Wait { state, ..Wait::retry(*at) };
            wait(connection, shelf, (*seq, lane), &wait_for)
        }
        Verdict::GiveBack => {
            let wait_for = Wait { unmade: 1, ..Wait::retry(now) };
            wait(connection, shelf, (*seq, lane), &wait_for)
        }
    }
}

/// Only this attempt's own lease is settled: one that ended belongs to another attempt by now.
fn leased(connection: &Connection, settlement: &Settlement) -> rusqlite::Result<Option<Leased>> {
    connection
        .prepare_cached(
            "SELECT route, lane, watched FROM deliveries
             WHERE seq = ? AND route = ? AND state = 2 AND attempts = ?",
        )?
        .query_row(params![settlement.seq, settlement.route.0, settlement.attempt_number], |row| {
            Ok(Leased { lane: end::lane_of(row, 0, 1)?, watched: row.get(2)? })
        })
        .optional()
}

/// The target is sure to know now what it was sent.
fn acknowledged(
    connection: &Connection,
    shelf: &Shelf,
    seq: i64,
    leased: &Leased,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let Some(watched) = &leased.watched else { return Ok(()) };
    // Damaged since it was leased: then nothing is sure.
    let Ok(watched) = told::watched(watched) else { return Ok(()) };
    let Some(before) = told::read(connection, leased.lane)? else { return Ok(()) };
    let time = connection
        .prepare_cached("SELECT time_ns FROM events WHERE seq = ?")?
        .query_row([seq], |row| row.get(0))?;
    let event = Candidacy { moment: Moment { time, seq }, watched: Some(&watched) };
    match (shelf.rule.turn.acknowledged)(&before, event) {
        Some(told) => told::write(connection, leased.lane, &told, now),
        None => Ok(()),
    }
}

const RETRY: i64 = 3;

/// How a delivery waits.
struct Wait {
    state: i64,
    due_at: Timestamp,
    /// Attempts that do not count from now on.
    uncounted: u32,
    /// Attempts that were not made.
    unmade: u32,
}

impl Wait {
    const fn retry(due_at: Timestamp) -> Self {
        Self { state: RETRY, due_at, uncounted: 0, unmade: 0 }
    }
}

fn wait(
    connection: &Connection,
    shelf: &mut Shelf,
    (seq, lane): (i64, Lane),
    wait: &Wait,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE deliveries SET state = ?, due_at = ?, uncounted = uncounted + ?,
                attempts = attempts - ? WHERE seq = ? AND route = ?",
        )?
        .execute(params![
            wait.state,
            wait.due_at,
            wait.uncounted,
            wait.unmade,
            seq,
            lane.route.0
        ])?;
    // What waits for a message holds up nobody: it may never come. Neither does a retry, where what
    // is newer goes first.
    let order = shelf.orders.get(&lane.route).copied().unwrap_or_default();
    if wait.state == end::RETURNED || order == RouteOrder::Latest {
        end::promote(connection, shelf, lane)?;
    }
    shelf.moved_on.push(seq);
    Ok(())
}

/// Keeps the attempt with its delivery, unless that has expired meanwhile; what was answered about an
/// event that was erased meanwhile is not kept.
fn record(
    connection: &Connection,
    settlement: &Settlement,
    attempt: &Attempt,
) -> rusqlite::Result<()> {
    let took_ns = i64::try_from(attempt.took.as_nanos()).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO attempts (seq, route, attempt, started_at, took_ns, status,
                error, answer)
             SELECT seq, route, ?3, ?4, ?5, ?6, ?7, iif(erased, NULL, ?8)
             FROM deliveries JOIN events USING (seq) WHERE seq = ?1 AND route = ?2",
        )?
        .execute(params![
            settlement.seq,
            settlement.route.0,
            settlement.attempt_number,
            attempt.started_at,
            took_ns,
            attempt.status,
            attempt.error,
            attempt.answer
        ])?;
    Ok(())
}
