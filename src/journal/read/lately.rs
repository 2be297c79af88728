//! What came in the last moments, thinned out when it is much.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::events::{EventSummary, SUMMARY, summary};
use crate::event::{Flag, Flags, Path, Timestamp};

/// The events whose first arrival is of the last moments, or one in so many of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lately {
    /// In the order in which they came.
    pub events: Vec<EventSummary>,
    /// How many came in all.
    pub came: u64,
    /// One in so many is in the list: 1, 2, 4, and so on. By the journal's number, so that the same
    /// events are picked each time.
    pub one_in: u64,
    /// When webhook and EventBridge brought a new event last, among the last thousand events.
    pub last_arrivals: (Option<Timestamp>, Option<Timestamp>),
}

impl Lately {
    /// When this path brought a new event last, among the last thousand events.
    pub const fn last_arrival(&self, path: Path) -> Option<Timestamp> {
        match path {
            Path::Webhook => self.last_arrivals.0,
            Path::Eventbridge => self.last_arrivals.1,
        }
    }
}

pub(super) fn lately(
    connection: &Connection,
    since: Timestamp,
    most: u64,
) -> rusqlite::Result<Lately> {
    let last_arrivals = last_arrivals(connection)?;
    let Some((first, last)) = numbers_since(connection, since)? else {
        return Ok(Lately { one_in: 1, last_arrivals, ..Lately::default() });
    };
    let came = u64::try_from(last - first).unwrap_or(0) + 1;
    let one_in = came.div_ceil(most.max(1)).next_power_of_two();
    let step = i64::try_from(one_in).unwrap_or(i64::MAX);
    let events = connection
        .prepare_cached(&format!(
            "SELECT {SUMMARY} FROM events WHERE seq >= ? AND seq % ? = 0 ORDER BY seq"
        ))?
        .query_map(params![first, step], summary)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Lately { events, came, one_in, last_arrivals })
}

/// What `reconcile` asked for, or took in, is none of the path's: it would hide that its own traffic has ended.
/// Without an index on either, no further back than a moment's reading goes.
fn last_arrivals(
    connection: &Connection,
) -> rusqlite::Result<(Option<Timestamp>, Option<Timestamp>)> {
    connection
        .prepare_cached(
            "SELECT max(webhook_at) FILTER (WHERE webhook_flags & ? = 0), max(eventbridge_at)
             FROM (SELECT webhook_at, webhook_flags, eventbridge_at FROM events
                ORDER BY seq DESC LIMIT 1000)",
        )?
        .query_row([Flags::NONE.with(Flag::Rescued).bits()], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// The first number of an event that came then or later, and the last of all. Numbers are given as
/// events come, so that halving finds it, in a journal of any size.
fn numbers_since(
    connection: &Connection,
    since: Timestamp,
) -> rusqlite::Result<Option<(i64, i64)>> {
    let ends: (Option<i64>, Option<i64>) = connection
        .prepare_cached("SELECT (SELECT min(seq) FROM events), (SELECT max(seq) FROM events)")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (Some(mut from), Some(last)) = ends else { return Ok(None) };
    let mut came_at = connection.prepare_cached(
        "SELECT seq, coalesce(backfilled_at, min(webhook_at, eventbridge_at), webhook_at, eventbridge_at)
         FROM events WHERE seq >= ? ORDER BY seq LIMIT 1",
    )?;
    // What is sought lies in from..to; numbers may be missing.
    let mut to = last + 1;
    while from < to {
        let middle = from + (to - from) / 2;
        let found: Option<(i64, Option<Timestamp>)> =
            came_at.query_row([middle], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        match found {
            Some((seq, Some(at))) if at < since => from = seq + 1,
            _ => to = middle,
        }
    }
    Ok((from <= last).then_some((from, last)))
}
