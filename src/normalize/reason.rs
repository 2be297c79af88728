//! Why bytes are no event.

use std::fmt;

use serde_json::error::Category;

/// Why bytes were quarantined. The name is stable: it is a label and a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// Not UTF-8, not JSON, cut off, or nested too deeply to be read.
    NotJson,
    /// JSON, but an array or a single value.
    NotAnObject,
    /// From an Auth0 log stream, which is another product (`detail-type` "Auth0 log").
    LogStream,
    /// An object without the attributes of a CloudEvent 1.0.
    NotACloudEvent,
    /// A CloudEvent that is not Auth0's.
    ForeignSource,
    /// No `id`, or one that cannot name an event.
    BadId,
    /// No `type`, or one that is no text of 1 to 255 bytes.
    BadType,
    /// No `time`, or one that is no instant: nothing could be ordered or measured by it.
    BadTime,
}

impl Reason {
    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::NotAnObject => "not_an_object",
            Self::LogStream => "log_stream",
            Self::NotACloudEvent => "not_a_cloud_event",
            Self::ForeignSource => "foreign_source",
            Self::BadId => "bad_id",
            Self::BadType => "bad_type",
            Self::BadTime => "bad_time",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Bytes that are no event, and why. Holds nothing of the bytes themselves, so it may be logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct Rejection {
    /// The stable name of the reason.
    pub reason: Reason,
    /// What exactly, where.
    pub detail: Box<str>,
}

impl Rejection {
    pub(super) fn new(reason: Reason, detail: impl Into<Box<str>>) -> Self {
        Self { reason, detail: detail.into() }
    }

    /// A parser's error, told by place and kind: its own text may quote the body.
    pub(super) fn json(error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let (reason, what) = match error.classify() {
            Category::Eof => (Reason::NotJson, "the JSON ends too early"),
            Category::Syntax | Category::Io => (Reason::NotJson, "no JSON that can be read"),
            Category::Data => (Reason::NotAnObject, "not an object with each attribute once"),
        };
        Self::new(reason, format!("{what}, at line {line}, column {column}"))
    }
}
