//! Copies of a journal, made while a server writes to it, and put back.
//!
//! A copy is what one read transaction sees: everything acknowledged before it began, nothing by halves.
//! The server goes on writing meanwhile; its write-ahead log can't be taken back until the copy is done.
//! What was erased is not in the copy, since only what is in use is copied.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path as FilePath, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _};

use super::{OpenError, sqlite, writer};
use crate::event::Timestamp;

/// How long a restore waits for whoever reads the old journal.
const LOG_WAITS: Duration =
    if cfg!(test) { Duration::from_millis(20) } else { sqlite::READER_WAITS };

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
    /// What waits in the old journal's log can't be put into it.
    #[error("{} is being read by another program, so that its log can't be emptied; end that first", .0.display())]
    Busy(PathBuf),
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
    let part = new_part(to)?;
    let copied = checked_copy(from, &part).and_then(|contents| {
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
/// When a server uses the journal, somebody else reads it, the copy is damaged, or a file can't be written.
/// Whatever fails, and even if the process is killed, the journal is the old one or the new one, whole.
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
    let swap = Swap::new(to, new_part(to)?, now);
    let was_there = to.exists();
    let swapped = checked_copy(from, &swap.part)
        .and_then(|_| Swap::STEPS.into_iter().try_for_each(|step| step(&swap)));
    if let Err(error) = swapped {
        drop(remove(&swap.part));
        return Err(error);
    }
    Ok((contents, was_there.then_some(swap.aside)))
}

/// A new file about to take a journal's place. After each of the steps the journal is whole: the old one, or
/// after the last the new one.
pub(super) struct Swap {
    journal: PathBuf,
    part: PathBuf,
    aside: PathBuf,
}

type Step = fn(&Swap) -> Result<(), BackupError>;

impl Swap {
    /// What is done, in this order.
    pub(super) const STEPS: [Step; 4] =
        [Self::empty_log, Self::keep_old, Self::drop_log, Self::take_place];

    pub(super) fn new(journal: &FilePath, part: PathBuf, now: Timestamp) -> Self {
        let stamp = now.floor_to_millis().to_string().replace([':', '.'], "-");
        let aside = beside(journal, &format!(".before-{stamp}"));
        Self { journal: journal.into(), part, aside }
    }

    fn log(&self) -> PathBuf {
        beside(&self.journal, "-wal")
    }

    /// Puts what waits in the write-ahead log into the journal's file. The log of a damaged file is left.
    fn empty_log(&self) -> Result<(), BackupError> {
        if !self.journal.exists() {
            return Ok(());
        }
        let busy = || BackupError::Busy(self.journal.clone());
        match checkpoint(&self.journal) {
            Ok(false) if has_content(&self.log()) => Err(busy()),
            Ok(false) => Ok(()),
            Ok(true) => Err(busy()),
            Err(source) => match source.sqlite_error_code() {
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Err(busy()),
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Ok(()),
                Some(_) | None => Err(BackupError::Sqlite {
                    what: "emptying the log of",
                    path: self.journal.clone(),
                    source,
                }),
            },
        }
    }

    /// Gives the old journal a second name, and what could not be taken out of its log. If the process is killed
    /// now, that is a name of the journal that is in use.
    fn keep_old(&self) -> Result<(), BackupError> {
        for (from, to) in
            [(self.journal.clone(), self.aside.clone()), (self.log(), beside(&self.aside, "-wal"))]
        {
            let is_log = from != self.journal;
            if from.exists() && (!is_log || has_content(&from)) {
                std::fs::hard_link(&from, &to).map_err(|source| BackupError::File {
                    what: "keeping",
                    path: from,
                    source,
                })?;
            }
        }
        sync_folder(&self.journal)
    }

    /// SQLite would put a log into whatever file it lies beside: its removal must be on disk before the new
    /// file is there. It is empty, or that of a damaged file, and kept.
    fn drop_log(&self) -> Result<(), BackupError> {
        remove(&self.log())?;
        remove(&beside(&self.journal, "-shm"))?;
        sync_folder(&self.journal)
    }

    /// At no instant is there no journal: a server would begin an empty one.
    fn take_place(&self) -> Result<(), BackupError> {
        rename(&self.part, &self.journal)
    }
}

/// Has SQLite empty the log into the file. Whether a reader is in the way.
fn checkpoint(journal: &FilePath) -> rusqlite::Result<bool> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(journal, flags)?;
    connection.busy_timeout(LOG_WAITS)?;
    // What can't be put into a damaged file must not go when this ends.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
}

fn has_content(path: &FilePath) -> bool {
    path.metadata().is_ok_and(|file| file.len() > 0)
}

/// Makes an empty file beside `to` for the copy, under a name that nobody has.
fn new_part(to: &FilePath) -> Result<PathBuf, BackupError> {
    loop {
        let part = beside(to, &format!(".part-{:016x}", fastrand::u64(..)));
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part);
        match made {
            Ok(_) => return Ok(part),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(BackupError::File { what: "making", path: part, source }),
        }
    }
}

/// A copy that is whole and on disk.
fn checked_copy(from: &FilePath, to: &FilePath) -> Result<Contents, BackupError> {
    copy(from, to)?;
    let contents = check(to)?;
    sync(to)?;
    Ok(contents)
}

fn rename(from: &FilePath, to: &FilePath) -> Result<(), BackupError> {
    let at = |source| BackupError::File { what: "moving", path: from.into(), source };
    std::fs::rename(from, to).map_err(at)?;
    sync_folder(to)
}

/// A new name is on disk when its folder is.
fn sync_folder(of: &FilePath) -> Result<(), BackupError> {
    sync(folder_of(of).unwrap_or(FilePath::new(".")))
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
