//! Connections: pragmas, migrations, conversions between values and columns.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path as FilePath;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::OpenError;
use crate::event::{Digest, Path, Timestamp};

/// One migration for each version of the file; `PRAGMA user_version` counts those applied.
const MIGRATIONS: [&str; 1] = [include_str!("migrations/0001_journal.sql")];

/// Pages of the write-ahead log between two checkpoints, 16 MiB: small and often keeps the stalls
/// of a checkpoint short (measured: ten times this stalled for 80 to 180 ms).
const CHECKPOINT_PAGES: i64 = 1_000;

/// How long a reader waits for a lock.
pub(super) const READER_WAITS: Duration = Duration::from_secs(5);

/// How many prepared statements a connection keeps; above the number of different ones.
const STATEMENTS_CACHED: usize = 128;

/// Makes the file, where there is none, for its owner alone: events hold personal data, whatever the umask is.
/// SQLite gives its log and its index the rights of the file.
pub(super) fn make_private(path: &FilePath) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Opens the file for the writer: creates it in its folder, brings it to the current version.
pub(super) fn open_writer(
    path: &FilePath,
    busy: Duration,
    now: Timestamp,
) -> Result<Connection, OpenError> {
    make_private(path).map_err(|source| OpenError::File { path: path.into(), source })?;
    let at = |source| OpenError::Open { path: path.into(), source };
    let mut connection = Connection::open(path).map_err(at)?;
    connection.busy_timeout(busy).map_err(at)?;
    // Must come before the first table: measured at 64 connections, 16 KiB pages take twice the
    // events of 4 KiB pages.
    connection.pragma_update(None, "page_size", 16_384).map_err(at)?;
    note_restored(&connection, now).map_err(at)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(at)?;
    // A commit is on disk when it returns. NORMAL would lose the last commits at a power loss.
    connection.pragma_update(None, "synchronous", "FULL").map_err(at)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES).map_err(at)?;
    // A new id has to be looked for in the table of ids: 24 MiB hold that of a million events.
    connection.pragma_update(None, "cache_size", -24_576).map_err(at)?;
    connection.pragma_update(None, "secure_delete", "FAST").map_err(at)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    keep_statements_prepared(&connection).map_err(at)?;
    migrate(&mut connection, path)?;
    Ok(connection)
}

/// Notes that this is a copy, opened for the first time: what happened before may have been in the journal
/// whose place it takes. A copy is made by `VACUUM INTO`, whose result has no write-ahead log; a journal that
/// was ever written to has one (SQLite: "WAL mode is persistent").
fn note_restored(connection: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    let ask = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, String>(0));
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version > 0 && ask("journal_mode")? != "wal" {
        super::set_meta(connection, super::RESTORED, now.as_nanos())?;
    }
    Ok(())
}

/// Opens the file for reading only. It may belong to a running server.
pub(super) fn open_reader(path: &FilePath) -> Result<Connection, OpenError> {
    let at = |source| OpenError::Open { path: path.into(), source };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(at)?;
    connection.busy_timeout(READER_WAITS).map_err(at)?;
    connection.pragma_update(None, "cache_size", -2_048).map_err(at)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    keep_statements_prepared(&connection).map_err(at)?;
    let version = version(&connection, path)?;
    if version != MIGRATIONS.len() {
        return Err(OpenError::Version {
            path: path.into(),
            found: version,
            known: MIGRATIONS.len(),
        });
    }
    Ok(connection)
}

/// Has SQLite plan a statement once, whatever is bound to it later (query planner stability).
/// Otherwise it looks at what is bound to a LIMIT or a range, and prepares the statement anew each
/// time that changes: measured, a third of the writer's time.
fn keep_statements_prepared(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

fn version(connection: &Connection, path: &FilePath) -> Result<usize, OpenError> {
    connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(|source| OpenError::Open { path: path.into(), source })
}

fn migrate(connection: &mut Connection, path: &FilePath) -> Result<(), OpenError> {
    let found = version(connection, path)?;
    if found > MIGRATIONS.len() {
        return Err(OpenError::Version { path: path.into(), found, known: MIGRATIONS.len() });
    }
    for (applied, sql) in MIGRATIONS.iter().enumerate().skip(found) {
        let to = applied + 1;
        let at = |source| OpenError::Migrate { path: path.into(), to, source };
        let transaction = connection.transaction().map_err(at)?;
        transaction.execute_batch(sql).map_err(at)?;
        transaction.pragma_update(None, "user_version", to).map_err(at)?;
        transaction.commit().map_err(at)?;
    }
    Ok(())
}

/// The column value of a path.
pub(super) const fn path_code(path: Path) -> i64 {
    match path {
        Path::Webhook => 0,
        Path::Eventbridge => 1,
    }
}

/// The path of a column value.
pub(super) fn path_of(code: i64) -> rusqlite::Result<Path> {
    match code {
        0 => Ok(Path::Webhook),
        1 => Ok(Path::Eventbridge),
        other => Err(rusqlite::Error::IntegralValueOutOfRange(0, other)),
    }
}

impl rusqlite::ToSql for Timestamp {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(self.as_nanos().into())
    }
}

impl rusqlite::types::FromSql for Timestamp {
    fn column_result(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
        value.as_i64().map(Self::from_nanos)
    }
}

impl rusqlite::ToSql for Digest {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(self.as_bytes().as_slice().into())
    }
}

impl rusqlite::types::FromSql for Digest {
    fn column_result(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
        <[u8; 16]>::column_result(value).map(Self::from_bytes)
    }
}
