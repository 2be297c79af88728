//! A delivery to attempt now, with all that an attempt needs.

use rusqlite::Connection;

use super::{RouteNo, payload};
use crate::event::{EventId, Flag, Flags, Path, Timestamp};

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
    /// When the change happened, by Auth0's clock.
    pub time: Timestamp,
    /// The path that brought the event first.
    pub first_path: Path,
    /// No path had brought it: it was taken in from Auth0's Events API.
    pub backfilled: bool,
    /// The CloudEvent's JSON text.
    pub payload: Vec<u8>,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// Which of those that a limit counts, from 1: attempts before a redrive, and those that failed
    /// because the target was down, are not among them.
    pub counted: u32,
    /// When the event was accepted, or its delivery put back by the last redrive: its age counts from
    /// here.
    pub since: Timestamp,
    /// When the event was accepted.
    pub accepted_at: Timestamp,
    /// A newer event of its subject was delivered or attempted before.
    pub late: bool,
}

/// A delivery as it waits.
pub(super) struct Row {
    pub seq: i64,
    pub lane: i64,
    pub attempts: u32,
    pub uncounted: u32,
    pub since: Timestamp,
    pub watched: Option<Vec<u8>>,
}

impl Row {
    pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            lane: row.get(1)?,
            attempts: row.get(2)?,
            uncounted: row.get(3)?,
            since: row.get(4)?,
            watched: row.get(5)?,
        })
    }
}

/// When the change happened.
pub(super) fn time_of(connection: &Connection, seq: i64) -> rusqlite::Result<Timestamp> {
    connection
        .prepare_cached("SELECT time_ns FROM events WHERE seq = ?")?
        .query_row([seq], |row| row.get(0))
}

/// All that an attempt needs.
pub(super) fn read_due(
    connection: &Connection,
    route: RouteNo,
    row: &Row,
    late: bool,
) -> rusqlite::Result<Due> {
    connection
        .prepare_cached(
            "SELECT id, kind, first_path, encoding, body, time_ns,
                coalesce(backfilled_at,
                    CASE first_path WHEN 0 THEN webhook_stored_at ELSE eventbridge_stored_at END),
                backfilled_at IS NOT NULL, webhook_flags
             FROM events JOIN payloads USING (seq) WHERE seq = ?",
        )?
        .query_row([row.seq], |event| {
            let payload = payload::decode(event.get(3)?, event.get(4)?).map_err(damaged)?;
            let id: String = event.get(0)?;
            let is_backfill = Flags::from_bits(event.get(8)?).has(Flag::Backfilled);
            Ok(Due {
                seq: row.seq,
                route,
                event_id: EventId::parse(&id).map_err(damaged)?,
                kind: event.get(1)?,
                time: event.get(5)?,
                first_path: super::sqlite::path_of(event.get(2)?)?,
                backfilled: is_backfill || event.get(7)?,
                payload,
                attempt: row.attempts + 1,
                counted: row.attempts.saturating_sub(row.uncounted) + 1,
                since: row.since,
                accepted_at: event.get(6)?,
                late,
            })
        })
}

/// A stored value that cannot be what was written.
pub(super) fn damaged(error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, Box::new(error))
}

/// Whether reading failed by what is stored, rather than by the store.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error,
        rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::QueryReturnedNoRows
    )
}
