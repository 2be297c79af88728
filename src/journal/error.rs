//! What can go wrong.

use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::ErrorCode;

/// Why a request to the writer was not carried out. All of these are temporary for the sender of
/// an event: it must come back.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JournalError {
    /// As many requests wait as may wait.
    #[error("too many requests wait for the journal")]
    Busy,
    /// The writer has stopped, or is stopping.
    #[error("the journal is closed")]
    Stopped,
    /// The transaction was rolled back.
    #[error("commit of {requests} requests")]
    Commit {
        /// How many requests were in it.
        requests: usize,
        /// Shared by all of them.
        source: Arc<rusqlite::Error>,
    },
}

/// A coarse cause, for labels.
impl JournalError {
    /// The stable name of the cause.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Stopped => "stopped",
            Self::Commit { source, .. } => match source.sqlite_error_code() {
                Some(ErrorCode::DiskFull) => "disk_full",
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "locked",
                Some(_) | None => "store",
            },
        }
    }
}

/// Why the journal could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its folder can't be made.
    #[error("making the folder {path} for the journal")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file can't be made.
    #[error("making the journal {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another process serves from it.
    #[error("the journal {path} is in use by another twinstream; one journal has one server")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The lock file beside it can't be used.
    #[error("locking the journal by {path}")]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// SQLite can't open it.
    #[error("opening the journal {path}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// It could not be brought to the current version.
    #[error("bringing the journal {path} to version {to}")]
    Migrate {
        /// The file.
        path: PathBuf,
        /// The version that failed.
        to: usize,
        /// Why.
        source: rusqlite::Error,
    },
    /// It is of another version than this program reads.
    #[error(
        "the journal {path} has version {found}, this program knows version {known}; \
         serve from it once with a program of the right version"
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: usize,
        /// Ours.
        known: usize,
    },
}

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// SQLite failed.
    #[error("reading the journal")]
    Sqlite(#[source] rusqlite::Error),
    /// A payload in it is damaged.
    #[error("reading the payload of event {seq}")]
    Payload {
        /// The event's number.
        seq: i64,
        /// Why.
        source: std::io::Error,
    },
    /// Quarantined bytes in it are damaged.
    #[error("reading the quarantined bytes {no}")]
    Quarantined {
        /// Their number.
        no: i64,
        /// Why.
        source: std::io::Error,
    },
    /// A summary in it is damaged.
    #[error("reading the summary of the events from {start} on")]
    Summary {
        /// The first instant of what it sums up.
        start: crate::event::Timestamp,
    },
    /// A connection for it could not be opened.
    #[error(transparent)]
    Open(OpenError),
    /// The work was cut off because the process stops.
    #[error("the read was cut off")]
    CutOff,
}
