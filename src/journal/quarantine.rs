//! Keeping bytes that could not be understood.

use rusqlite::{Connection, params};

use super::accept::Shelf;
use super::payload::{self, Stored};
use super::sqlite::path_code;
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
