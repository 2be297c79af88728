//! What Auth0's Events API told, and what the journal knows of it.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::super::sqlite::{path_code, path_of};
use super::super::witness::{
    HOUR_NS, Judgement, SettledWitness, Witnessed, fingerprint, is_rescued,
};
use super::super::{ReadError, ids};
use super::Reader;
use crate::event::{Digest, EventId, Flag, Flags, Path, PerPath, Timestamp};

impl Reader {
    /// How far the Events API was read, and when.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn feed_offset(&self) -> Result<Option<(String, Timestamp)>, ReadError> {
        self.run(|connection| offset(connection).map_err(ReadError::Sqlite)).await
    }

    /// Witnessed events of which both the time and the telling are before `until`, and whose number is above
    /// `after`: the first ones first, in the order in which they were told.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn settled_witnesses(
        &self,
        until: Timestamp,
        after: i64,
        limit: usize,
    ) -> Result<Vec<SettledWitness>, ReadError> {
        let settled = move |connection: &Connection| {
            settled(connection, until, after, limit).map_err(ReadError::Sqlite)
        };
        self.run(settled).await
    }

    /// What came of the witnessed events that happened from `from` on, to the hour, and of how many; and
    /// how many are not judged yet.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn judged(&self, from: Timestamp) -> Result<(Vec<(Judgement, u64)>, u64), ReadError> {
        self.run(move |connection| {
            let read = || Ok((judged(connection, from)?, waiting(connection)?));
            read().map_err(ReadError::Sqlite)
        })
        .await
    }

    /// Those of these ids under which the journal knows an event.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn known(&self, ids: Vec<EventId>) -> Result<HashSet<EventId>, ReadError> {
        self.run(move |connection| known(connection, ids).map_err(ReadError::Sqlite)).await
    }

    /// When the last of the latest thousand events came by this path. What `reconcile` had Auth0 deliver once more
    /// did come by it, and shows that it works; what was taken in from the Events API did not.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn last_arrival(&self, path: Path) -> Result<Option<Timestamp>, ReadError> {
        self.run(move |connection| last_arrival(connection, path).map_err(ReadError::Sqlite)).await
    }
}

/// How far the Events API was read, and when.
fn offset(connection: &Connection) -> rusqlite::Result<Option<(String, Timestamp)>> {
    connection
        .prepare_cached("SELECT offset, at FROM feed WHERE no = 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

/// Witnessed events after a number whose time and telling are both before `until`, the first ones first.
fn settled(
    connection: &Connection,
    until: Timestamp,
    after: i64,
    limit: usize,
) -> rusqlite::Result<Vec<SettledWitness>> {
    // In the order of the primary key, whatever an index on the time would promise: few are too young.
    let mut statement = connection.prepare_cached(
        "SELECT no, id, time_ns, fingerprint, before, kind, told_at FROM witnessed NOT INDEXED
         WHERE no > ?3 AND time_ns < ?1 AND told_at < ?1 ORDER BY no LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![until, limit, after])?;
    let mut settled = Vec::new();
    while let Some(row) = rows.next()? {
        let id: String = row.get(1)?;
        let Ok(id) = EventId::parse(&id) else { continue };
        let (time, fingerprint, before) = (row.get(2)?, row.get(3)?, row.get(4)?);
        let event = Witnessed { id, kind: row.get(5)?, time, fingerprint, before };
        let (seen, is_known) = seen(connection, &event)?;
        let open = open(connection, time)?;
        let asked_for = is_rescued(connection, Digest::of(event.id.as_str().as_bytes()))?;
        let (no, told_at) = (row.get(0)?, row.get(6)?);
        settled.push(SettledWitness { no, event, told_at, seen, is_known, open, asked_for });
    }
    Ok(settled)
}

/// Which paths brought it by themselves, under its own id or under another; and whether the journal has it at
/// all, be it rescued.
fn seen(connection: &Connection, event: &Witnessed) -> rusqlite::Result<(PerPath<bool>, bool)> {
    const COLUMNS: &str = "webhook_at, webhook_flags, eventbridge_at, tenant, kind, subject";
    let by_itself = |row: &rusqlite::Row<'_>| -> rusqlite::Result<PerPath<bool>> {
        let webhook: Option<Timestamp> = row.get(0)?;
        let is_rescued = Flags::from_bits(row.get(1)?).has(Flag::Rescued);
        let eventbridge: Option<Timestamp> = row.get(2)?;
        let webhook = webhook.is_some() && !is_rescued;
        Ok(PerPath { webhook, eventbridge: eventbridge.is_some() })
    };
    let (mut seen, mut is_known) = (PerPath { webhook: false, eventbridge: false }, false);
    if let Some(seq) = ids::find_by_reading(connection, &event.id)? {
        let sql = format!("SELECT {COLUMNS} FROM events WHERE seq = ?");
        let found = connection.prepare_cached(&sql)?.query_row([seq], by_itself).optional()?;
        is_known = found.is_some();
        seen = found.unwrap_or(seen);
    }
    // One path may carry another id, and be an event of its own.
    let sql = format!("SELECT {COLUMNS} FROM events WHERE time_ns = ?");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([event.time])?;
    while let Some(row) = rows.next()? {
        let names: (String, String, String) = (row.get(3)?, row.get(4)?, row.get(5)?);
        if fingerprint((&names.0, &names.1, &names.2), event.time) == event.fingerprint {
            let also = by_itself(row)?;
            is_known = true;
            seen.webhook |= also.webhook;
            seen.eventbridge |= also.eventbridge;
        }
    }
    Ok((seen, is_known))
}

fn open(connection: &Connection, time: Timestamp) -> rusqlite::Result<PerPath<bool>> {
    let mut open = PerPath { webhook: false, eventbridge: false };
    let mut statement = connection
        .prepare_cached("SELECT DISTINCT path FROM coverage WHERE since <= ?1 AND until >= ?1")?;
    let mut rows = statement.query([time])?;
    while let Some(row) = rows.next()? {
        *open.of_mut(path_of(row.get(0)?)?) = true;
    }
    Ok(open)
}

/// What came of the events that happened from `from` on, to the hour, and of how many.
fn judged(connection: &Connection, from: Timestamp) -> rusqlite::Result<Vec<(Judgement, u64)>> {
    connection
        .prepare_cached(
            "SELECT fate, sum(events) FROM judged WHERE hour >= ? GROUP BY fate ORDER BY fate",
        )?
        .query_map([from.as_nanos().saturating_sub(HOUR_NS - 1)], |row| {
            Ok((Judgement::of_code(row.get(0)?), row.get(1)?))
        })?
        .collect()
}

/// Witnessed events that are not judged yet.
fn waiting(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row("SELECT count(*) FROM witnessed", [], |row| row.get(0))
}

/// Those of these ids that the journal knows, under any path.
fn known(connection: &Connection, ids: Vec<EventId>) -> rusqlite::Result<HashSet<EventId>> {
    let mut known = HashSet::new();
    for id in ids {
        if ids::find_by_reading(connection, &id)?.is_some() {
            known.insert(id);
        }
    }
    Ok(known)
}

fn last_arrival(connection: &Connection, path: Path) -> rusqlite::Result<Option<Timestamp>> {
    // The last few events: the last arrival is among them unless the path has been silent for long.
    connection.query_row(
        "SELECT max(CASE ?1 WHEN 0 THEN iif(webhook_flags & ?2, NULL, webhook_at) ELSE eventbridge_at END)
         FROM (SELECT webhook_at, webhook_flags, eventbridge_at FROM events
            ORDER BY seq DESC LIMIT 1000)",
        params![path_code(path), Flags::NONE.with(Flag::Backfilled).bits()],
        |row| row.get(0),
    )
}
