//! How deliveries end, and what follows from it: the next of the lane has its turn, the content may
//! go, whoever waits for the event is told.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::content::Content;
use super::shelf::Shelf;
use super::told::Lane;
use super::{Arrived, RouteNo};
use crate::event::{DeliveryOutcome, Path, RouteOrder, Timestamp};

/// The column value of a delivery that waits for its SQS message to come again.
pub(super) const RETURNED: i64 = 4;

/// How a delivery ends.
#[derive(Debug)]
pub(super) enum Ending<'a> {
    Delivered,
    /// With the reason.
    Dead(&'a str),
    /// By the event with this number.
    Superseded {
        newer: i64,
    },
    Filtered,
    /// With who ordered it, and why.
    Discarded(&'a str),
}

impl Ending<'_> {
    pub(super) const fn outcome(&self) -> DeliveryOutcome {
        match self {
            Self::Delivered => DeliveryOutcome::Delivered,
            Self::Dead(_) => DeliveryOutcome::Dead,
            Self::Superseded { .. } => DeliveryOutcome::Superseded,
            Self::Filtered => DeliveryOutcome::Filtered,
            Self::Discarded(_) => DeliveryOutcome::Discarded,
        }
    }

    fn reason(&self, connection: &Connection) -> rusqlite::Result<Option<String>> {
        Ok(match self {
            Self::Delivered => None,
            Self::Dead(reason) | Self::Discarded(reason) => Some((*reason).to_owned()),
            Self::Filtered => Some("it says nothing new of what the route watches".to_owned()),
            Self::Superseded { newer } => {
                let id: Option<String> = connection
                    .prepare_cached("SELECT id FROM events WHERE seq = ?")?
                    .query_row([newer], |row| row.get(0))
                    .optional()?;
                let newer = id.unwrap_or_else(|| "one that has expired".to_owned());
                Some(format!("a newer event of its subject went before it: {newer}"))
            }
        })
    }
}

/// The column value of an outcome. [`DeliveryOutcome::Expired`] has none: its row is gone.
const fn state_code(outcome: DeliveryOutcome) -> i64 {
    match outcome {
        DeliveryOutcome::Delivered => 5,
        DeliveryOutcome::Dead | DeliveryOutcome::Expired => 6,
        DeliveryOutcome::Superseded => 7,
        DeliveryOutcome::Filtered => 8,
        DeliveryOutcome::Discarded => 9,
    }
}

/// Ends a delivery that has not ended, or that is dead.
pub(super) fn end(
    connection: &Connection,
    shelf: &mut Shelf,
    (seq, lane): (i64, Lane),
    ending: &Ending<'_>,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let outcome = ending.outcome();
    connection
        .prepare_cached(
            "UPDATE deliveries SET state = ?, due_at = ?3, settled_at = ?3, reason = ?2
             WHERE seq = ?4 AND route = ?5",
        )?
        .execute(params![
            state_code(outcome),
            ending.reason(connection)?,
            now,
            seq,
            lane.route.0
        ])?;
    shelf.tally.delivery(lane.route, outcome);
    promote(connection, shelf, lane)?;
    content_may_go(connection, shelf, seq)?;
    shelf.moved_on.push(seq);
    Ok(())
}

/// The earliest delivery parked in this lane is due again.
pub(super) fn promote(
    connection: &Connection,
    shelf: &mut Shelf,
    lane: Lane,
) -> rusqlite::Result<()> {
    let promoted = connection
        .prepare_cached(
            "UPDATE deliveries SET state = 0 WHERE route = ?1 AND seq =
                (SELECT min(seq) FROM deliveries INDEXED BY deliveries_parked
                 WHERE route = ?1 AND lane = ?2 AND state = 1)",
        )?
        .execute(params![lane.route.0, lane.lane])?;
    shelf.woke |= promoted > 0;
    Ok(())
}

/// Where the content is not kept, it goes when the last delivery of its event has ended well: a dead
/// letter needs it for a redrive.
fn content_may_go(connection: &Connection, shelf: &Shelf, seq: i64) -> rusqlite::Result<()> {
    if shelf.content == Content::Keep {
        return Ok(());
    }
    connection
        .prepare_cached(
            "DELETE FROM payloads WHERE seq = ?1 AND NOT EXISTS
                (SELECT 1 FROM deliveries WHERE seq = ?1 AND state IN (0, 1, 2, 3, 4, 6))",
        )?
        .execute([seq])?;
    Ok(())
}

/// What became of all deliveries of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventEnd {
    /// When the last of those that wait for its SQS message is to be tried again; `None` when all have
    /// ended.
    pub again_at: Option<Timestamp>,
}

/// `None` while any of its deliveries goes on by itself. Those on a route that is not configured any
/// more do not: nobody delivers them.
pub(super) fn event_end(
    connection: &Connection,
    routes: &HashMap<RouteNo, RouteOrder>,
    seq: i64,
) -> rusqlite::Result<Option<EventEnd>> {
    let mut statement = connection.prepare_cached(
        "SELECT route, state, due_at FROM deliveries WHERE seq = ? AND state < 5",
    )?;
    let mut rows = statement.query([seq])?;
    let mut end = EventEnd { again_at: None };
    while let Some(row) = rows.next()? {
        if !routes.contains_key(&RouteNo(row.get(0)?)) {
            continue;
        }
        let (state, due_at): (i64, Timestamp) = (row.get(1)?, row.get(2)?);
        if state != RETURNED {
            return Ok(None);
        }
        end.again_at = end.again_at.max(Some(due_at));
    }
    Ok(Some(end))
}

/// Notes that the SQS message of this event is in hand, for as long as one of its deliveries may need
/// it.
pub(super) fn take_in_hand(
    connection: &Connection,
    shelf: &mut Shelf,
    arrived: &Arrived,
    seq: i64,
) -> rusqlite::Result<()> {
    if arrived.arrival.path() == Path::Eventbridge
        && event_end(connection, &shelf.orders, seq)?.is_none()
    {
        shelf.in_hand.insert(seq);
    }
    Ok(())
}

/// The route and lane of a row.
pub(super) fn lane_of(
    row: &rusqlite::Row<'_>,
    route: usize,
    lane: usize,
) -> rusqlite::Result<Lane> {
    Ok(Lane { route: RouteNo(row.get(route)?), lane: row.get(lane)? })
}
