//! Keeping bytes that could not be understood.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::payload::{self, Stored};
use super::shelf::Shelf;
use super::sqlite::{path_code, path_of};
use crate::event::{ArrivalOutcome, Path, Timestamp};

/// Bytes that could not be understood.
#[derive(Debug)]
pub struct Quarantined {
    path: Path,
    at: Timestamp,
    reason: &'static str,
    detail: Box<str>,
    message_id: Option<Box<str>>,
    body: Stored,
}

impl Quarantined {
    /// Makes them ready. `reason` is the stable name, `detail` says what exactly.
    pub fn new(
        path: Path,
        at: Timestamp,
        (reason, detail): (&'static str, &str),
        body: &[u8],
    ) -> Self {
        let body = payload::encode(body);
        Self { path, at, reason, detail: detail.into(), message_id: None, body }
    }

    /// The path they came by.
    pub const fn path(&self) -> Path {
        self.path
    }

    /// The stable name of the reason.
    pub const fn reason(&self) -> &'static str {
        self.reason
    }

    /// Adds the SQS `MessageId` they came under.
    #[must_use]
    pub fn with_message_id(mut self, message_id: &str) -> Self {
        self.message_id = Some(message_id.into());
        self
    }
}

pub(super) fn quarantine(
    connection: &Connection,
    shelf: &mut Shelf,
    quarantined: &Quarantined,
) -> rusqlite::Result<()> {
    let Quarantined { path, at, reason, detail, message_id, body } = quarantined;
    connection
        .prepare_cached(
            "INSERT INTO quarantine (at, path, reason, detail, message_id, encoding, body)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            at,
            path_code(*path),
            reason,
            detail,
            message_id,
            body.encoding,
            body.body
        ])?;
    shelf.tally.arrival(*path, ArrivalOutcome::Quarantined);
    Ok(())
}

/// Gives up rows, and returns how many there were.
pub(super) fn drop_these(connection: &Connection, numbers: &[i64]) -> rusqlite::Result<u64> {
    let mut delete = connection.prepare_cached("DELETE FROM quarantine WHERE no = ?")?;
    let mut deleted = 0;
    for number in numbers {
        deleted += u64::try_from(delete.execute([number])?).unwrap_or_default();
    }
    Ok(deleted)
}

/// Takes out a row whose bytes are understood now: its arrival has not ended as quarantined.
/// Returns whether it was there.
pub(super) fn take_out(
    connection: &Connection,
    shelf: &mut Shelf,
    number: i64,
) -> rusqlite::Result<bool> {
    let path: Option<i64> = connection
        .prepare_cached("DELETE FROM quarantine WHERE no = ? RETURNING path")?
        .query_row([number], |row| row.get(0))
        .optional()?;
    let Some(path) = path else { return Ok(false) };
    shelf.tally.take_back_arrival(path_of(path)?, ArrivalOutcome::Quarantined);
    Ok(true)
}
