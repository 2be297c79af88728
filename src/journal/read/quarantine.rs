//! Bytes that could not be understood.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row, params_from_iter};
use serde::{Deserialize, Serialize};

use crate::event::{Path, Timestamp};
use crate::journal::sqlite::path_of;
use crate::journal::{ReadError, payload};

/// Which of them to list. What is not given leaves all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QuarantineFilter {
    /// Only for this reason, by its stable name.
    pub reason: Option<String>,
    /// Only those before this number: the last one of the page before.
    pub before: Option<i64>,
    /// This many at most.
    pub limit: usize,
}

/// Bytes in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantinedSummary {
    /// Their number.
    pub no: i64,
    /// When they came.
    pub at: Timestamp,
    /// The path they came by.
    pub path: Path,
    /// The stable name of the reason.
    pub reason: String,
    /// What exactly was wrong.
    pub detail: String,
    /// The SQS `MessageId` they came under.
    pub message_id: Option<String>,
    /// How many there are as stored, compressed where that makes them fewer.
    pub stored_bytes: u64,
}

/// One of them, with the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantinedBytes {
    /// As in a list.
    pub summary: QuarantinedSummary,
    /// As they came.
    pub body: Vec<u8>,
}

const SUMMARY: &str = "no, at, path, reason, detail, message_id, length(body)";

fn summary(row: &Row<'_>) -> rusqlite::Result<QuarantinedSummary> {
    Ok(QuarantinedSummary {
        no: row.get(0)?,
        at: row.get(1)?,
        path: path_of(row.get(2)?)?,
        reason: row.get(3)?,
        detail: row.get(4)?,
        message_id: row.get(5)?,
        stored_bytes: row.get(6)?,
    })
}

pub(super) fn list(
    connection: &Connection,
    filter: &QuarantineFilter,
) -> rusqlite::Result<Vec<QuarantinedSummary>> {
    let mut sql = format!("SELECT {SUMMARY} FROM quarantine WHERE no < ?");
    let mut values = vec![Value::from(filter.before.unwrap_or(i64::MAX))];
    if let Some(reason) = &filter.reason {
        sql.push_str(" AND reason = ?");
        values.push(reason.clone().into());
    }
    sql.push_str(" ORDER BY no DESC LIMIT ?");
    values.push(i64::try_from(filter.limit).unwrap_or(i64::MAX).into());
    connection.prepare_cached(&sql)?.query_map(params_from_iter(values), summary)?.collect()
}

/// Those of these numbers that are there.
pub(super) fn among(
    connection: &Connection,
    numbers: &[i64],
) -> rusqlite::Result<Vec<QuarantinedSummary>> {
    let sql = format!("SELECT {SUMMARY} FROM quarantine WHERE no = ?");
    let mut statement = connection.prepare_cached(&sql)?;
    let found = numbers.iter().map(|number| statement.query_row([number], summary).optional());
    found.filter_map(Result::transpose).collect()
}

pub(super) fn bytes(
    connection: &Connection,
    number: i64,
) -> Result<Option<QuarantinedBytes>, ReadError> {
    let read = || {
        connection
            .prepare_cached(&format!(
                "SELECT {SUMMARY}, encoding, body FROM quarantine WHERE no = ?"
            ))?
            .query_row([number], |row| {
                let (encoding, body): (i64, Vec<u8>) = (row.get(7)?, row.get(8)?);
                Ok((summary(row)?, encoding, body))
            })
            .optional()
    };
    let Some((summary, encoding, body)) = read().map_err(ReadError::Sqlite)? else {
        return Ok(None);
    };
    let body = payload::decode(encoding, body)
        .map_err(|source| ReadError::Quarantined { no: number, source })?;
    Ok(Some(QuarantinedBytes { summary, body }))
}
