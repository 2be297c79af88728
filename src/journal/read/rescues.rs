//! What Auth0 was asked for, and since when the journal would know what came.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::super::sqlite::path_code;
use super::super::{FORGOTTEN, RESTORED, ReadError, ids, meta};
use super::Reader;
use crate::event::{Digest, EventId, Path, Timestamp};

/// How often Auth0 was asked for an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AskedFor {
    /// Tries, with those that Auth0 refused.
    pub tries: u32,
    /// Tries that it refused.
    pub refused: u32,
    /// When it was asked last.
    pub at: Timestamp,
}

impl Reader {
    /// How often Auth0 was asked for each of these; those that it was never asked for are not there.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn asked_for(
        &self,
        ids: Vec<EventId>,
    ) -> Result<HashMap<EventId, AskedFor>, ReadError> {
        self.run(move |connection| asked_for(connection, ids).map_err(ReadError::Sqlite)).await
    }

    /// Those of these ids that came by webhook from `since` on, for the first time or again.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn came_by_webhook(
        &self,
        ids: Vec<EventId>,
        since: Timestamp,
    ) -> Result<HashSet<EventId>, ReadError> {
        self.run(move |connection| came(connection, ids, since).map_err(ReadError::Sqlite)).await
    }

    /// What happened from then on and came would be known. What happened before may have come, and have been
    /// forgotten: it is older than `keep`, or than the last that retention has deleted; or it happened before
    /// a door was open for the first time, or before this journal took the place of another.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn remembers_since(
        &self,
        keep: Duration,
        now: Timestamp,
    ) -> Result<Timestamp, ReadError> {
        self.run(move |connection| memory(connection, keep, now).map_err(ReadError::Sqlite)).await
    }
}

fn asked_for(
    connection: &Connection,
    ids: Vec<EventId>,
) -> rusqlite::Result<HashMap<EventId, AskedFor>> {
    let mut statement =
        connection.prepare_cached("SELECT tries, refused, at FROM rescues WHERE digest = ?")?;
    let mut found = HashMap::new();
    for id in ids {
        let digest = Digest::of(id.as_str().as_bytes());
        let asked = statement.query_row([digest], |row| {
            Ok(AskedFor { tries: row.get(0)?, refused: row.get(1)?, at: row.get(2)? })
        });
        found.extend(asked.optional()?.map(|asked| (id, asked)));
    }
    Ok(found)
}

fn came(
    connection: &Connection,
    ids: Vec<EventId>,
    since: Timestamp,
) -> rusqlite::Result<HashSet<EventId>> {
    let mut statement = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM events WHERE seq = ?1 AND webhook_at >= ?2)
             OR EXISTS (SELECT 1 FROM repeats WHERE seq = ?1 AND path = ?3 AND at >= ?2)",
    )?;
    let webhook = path_code(Path::Webhook);
    let mut found = HashSet::new();
    for id in ids {
        let Some(seq) = ids::find_by_reading(connection, &id)? else { continue };
        if statement.query_row(params![seq, since, webhook], |row| row.get(0))? {
            found.insert(id);
        }
    }
    Ok(found)
}

/// An open door is looked for that often, and written down a moment later.
const NOTED_WITHIN: Duration = Duration::from_secs(1);

fn memory(connection: &Connection, keep: Duration, now: Timestamp) -> rusqlite::Result<Timestamp> {
    let opened: Option<Timestamp> =
        connection.query_row("SELECT min(since) FROM coverage", [], |row| row.get(0))?;
    // No door was ever open: nothing can have come.
    let opened = opened.map_or(now, |opened| opened.minus(NOTED_WITHIN));
    let mut since = now.minus(keep).max(opened);
    for key in [FORGOTTEN, RESTORED] {
        since = since.max(meta(connection, key)?.map_or(since, Timestamp::from_nanos));
    }
    Ok(since)
}
