//! Copies of a journal, made while a server writes to it, and put back.
//!
//! A copy is what one read transaction sees: everything acknowledged before it began, nothing by halves.
//! The server goes on writing meanwhile; its write-ahead log can't be taken back until the copy is done.
//! What was erased is not in the copy, since only what is in use is copied.

use std::fs::File;
use std::io;
use std::path::{Path as FilePath, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::{OpenError, sqlite, writer};
use crate::event::Timestamp;

/// Why a journal was not copied, checked or put back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The journal or the copy can't be opened.
    #[error(transparent)]
    Open(OpenError),
    /// There is something already.
    #[error("{} is there already; nothing is overwritten, name another file", .0.display())]
    Exists(PathBuf),
    /// There is nothing.
    #[error("there is no file {}", .0.display())]
    Missing(PathBuf),
    /// SQLite failed.
    #[error("{what} {}", path.display())]
    Sqlite {
        /// What was being done.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// A file could not be written or moved.
    #[error("{what} {}", path.display())]
    File {
        /// What was being done.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is damaged.
    #[error("{} is damaged: {first}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The first thing that is wrong with it, as SQLite says.
        first: String,
    },
}

impl From<OpenError> for BackupError {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

/// What a whole journal holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Contents {
    /// Events.
    pub events: u64,
    /// When the last of them was stored; none in an empty journal.
    pub last_stored_at: Option<Timestamp>,
    /// Bytes of the file; what waits in its write-ahead log is not counted.
    pub bytes: u64,
}

/// Copies the journal at `from` to a new file `to`, whole or not at all, and checks the copy. Takes as long
/// as reading and writing it; to be called where that may block.
///
/// # Errors
/// When `to` is there already, or either can't be read or written.
pub fn backup(from: &FilePath, to: &FilePath) -> Result<Contents, BackupError> {
    if to.exists() {
        return Err(BackupError::Exists(to.into()));
    }
    // Says what is wrong with a journal of another version.
    drop(sqlite::open_reader(from)?);
    let part = beside(to, ".part");
    remove(&part)?;
    let copied = copy(from, &part).and_then(|()| check(&part)).and_then(|contents| {
        sync(&part)?;
        rename(&part, to)?;
        Ok(contents)
    });
    if copied.is_err() {
        drop(remove(&part));
    }
    copied
}

fn copy(from: &FilePath, to: &FilePath) -> Result<(), BackupError> {
    let at = |source| BackupError::Sqlite { what: "copying", path: from.into(), source };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(from, flags).map_err(at)?;
    connection.busy_timeout(sqlite::READER_WAITS).map_err(at)?;
    sqlite::make_private(to).map_err(|source| BackupError::File {
        what: "making",
        path: to.into(),
        source,
    })?;
    let to = to.to_str().ok_or_else(|| BackupError::File {
        what: "naming",
        path: to.into(),
        source: io::Error::new(io::ErrorKind::InvalidInput, "the name is not UTF-8"),
    })?;
    connection.execute("VACUUM INTO ?1", [to]).map_err(at)?;
    Ok(())
}

/// Looks through a whole journal for damage; one that a server uses too.
///
/// # Errors
/// When it is damaged, or can't be read.
pub fn check(path: &FilePath) -> Result<Contents, BackupError> {
    if !path.exists() {
        return Err(BackupError::Missing(path.into()));
    }
    let connection = sqlite::open_reader(path)?;
    let at = |source| BackupError::Sqlite { what: "checking", path: path.into(), source };
    let found: String =
        connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(at)?;
    if found != "ok" {
        return Err(BackupError::Damaged { path: path.into(), first: found });
    }
    let events: i64 =
        connection.query_row("SELECT count(*) FROM events", [], |row| row.get(0)).map_err(at)?;
    let last = "SELECT coalesce(webhook_stored_at, eventbridge_stored_at) FROM events
                ORDER BY seq DESC LIMIT 1";
    let last_stored_at =
        connection.query_row(last, [], |row| row.get(0)).optional().map_err(at)?.flatten();
    let bytes = std::fs::metadata(path)
        .map_err(|source| BackupError::File { what: "looking at", path: path.into(), source })?
        .len();
    Ok(Contents { events: events.unsigned_abs(), last_stored_at, bytes })
}

/// Puts a copy in the place of the journal at `to`, which no server may be using. What was there is kept
/// beside it; its new name is returned with what the copy holds.
///
/// # Errors
/// When a server uses the journal, the copy is damaged, or a file can't be written. Whatever fails, the
/// journal is the old one or the new one, and the old one is still there.
pub fn restore(
    from: &FilePath,
    to: &FilePath,
    now: Timestamp,
) -> Result<(Contents, Option<PathBuf>), BackupError> {
    let contents = check(from)?;
    if let Some(folder) = folder_of(to) {
        std::fs::create_dir_all(folder).map_err(|source| BackupError::File {
            what: "making",
            path: folder.into(),
            source,
        })?;
    }
    // Held to the end: no server starts in between.
    let _lock = writer::lock(to)?;
    let part = beside(to, ".part");
    remove(&part)?;
    let copied = copy(from, &part).and_then(|()| check(&part)).and_then(|_| sync(&part));
    if let Err(error) = copied {
        drop(remove(&part));
        return Err(error);
    }
    let aside = set_aside(to, now)?;
    rename(&part, to)?;
    Ok((contents, aside))
}

/// Moves a journal away with what its last server may have left beside it: parts of one whole.
fn set_aside(journal: &FilePath, now: Timestamp) -> Result<Option<PathBuf>, BackupError> {
    if !journal.exists() {
        return Ok(None);
    }
    // What waits in its log goes into the file, unless the file is damaged: then both are moved.
    if let Ok(connection) = Connection::open(journal) {
        drop(connection.pragma_update(None, "wal_checkpoint", "TRUNCATE"));
    }
    let stamp = now.floor_to_millis().to_string().replace([':', '.'], "-");
    let aside = beside(journal, &format!(".before-{stamp}"));
    // The log first: the new file must never be beside the old one's.
    for suffix in ["-wal", "-shm", ""] {
        let from = beside(journal, suffix);
        if from.exists() {
            rename(&from, &beside(&aside, suffix))?;
        }
    }
    Ok(Some(aside))
}

fn rename(from: &FilePath, to: &FilePath) -> Result<(), BackupError> {
    let at = |source| BackupError::File { what: "moving", path: from.into(), source };
    std::fs::rename(from, to).map_err(at)?;
    // The new name is on disk when its folder is.
    let folder = folder_of(to).unwrap_or(FilePath::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(at)
}

fn sync(path: &FilePath) -> Result<(), BackupError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|source| BackupError::File {
        what: "flushing",
        path: path.into(),
        source,
    })
}

fn remove(path: &FilePath) -> Result<(), BackupError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(BackupError::File { what: "removing", path: path.into(), source: error })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn folder_of(path: &FilePath) -> Option<&FilePath> {
    path.parent().filter(|folder| !folder.as_os_str().is_empty())
}

fn beside(path: &FilePath, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
