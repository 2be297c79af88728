//! Why a call came to nothing.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use crate::event::legible;
use crate::outbound::NoClient;

/// Why a call came to nothing. Holds no secret.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The tenant's domain makes no address.
    #[error("`{0}` is no domain of a tenant")]
    Domain(String),
    /// The HTTP client could not be set up.
    #[error(transparent)]
    Client(#[from] NoClient),
    /// Auth0 gives no token for these client credentials.
    #[error("Auth0 gives no token for this client id and secret: {0}")]
    Credentials(Box<Refusal>),
    /// No answer, or not the whole of it.
    #[error("{what}: no answer from Auth0")]
    Unanswered {
        /// What was asked.
        what: String,
        /// Why.
        source: reqwest::Error,
    },
    /// No answer in time.
    #[error("{what}: no answer from Auth0 within {} s", within.as_secs())]
    TooLate {
        /// What was asked.
        what: String,
        /// How long was waited.
        within: Duration,
    },
    /// An answer, and not the one hoped for.
    #[error("{what}: {refusal}")]
    Refused {
        /// What was asked.
        what: String,
        /// What was answered.
        refusal: Box<Refusal>,
    },
    /// An answer that can't be understood.
    #[error("{what}: Auth0's answer can't be understood")]
    Unclear {
        /// What was asked.
        what: String,
        /// Why.
        source: serde_json::Error,
    },
    /// An answer longer than any should be.
    #[error("{what}: Auth0's answer is longer than {bytes_max} bytes")]
    TooLong {
        /// What was asked.
        what: String,
        /// The bound, in bytes.
        bytes_max: usize,
    },
    /// An offset that can't stand in a header, so that no offset of Auth0's is meant.
    #[error("the offset has characters that Auth0's have not")]
    Offset,
    /// Events from this offset on are not kept any more.
    #[error("the offset has expired: Auth0 keeps no events from so long ago")]
    OffsetExpired,
}

/// An answer that is no success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// Auth0's `message`, or `error_description`; empty where it said nothing.
    pub message: String,
    /// Auth0's `errorCode`, or `error`.
    pub code: Option<String>,
    /// When it may be asked again, where it said so.
    pub retry_after: Option<Duration>,
}

/// The words of Auth0 are cut off after so many characters.
const SAID_MAX: usize = 500;

impl Refusal {
    /// Reads the body of an answer: `{"statusCode", "error", "message", "errorCode"}` of the Management API,
    /// `{"error", "error_description"}` of the token endpoint, or anything.
    pub(super) fn read(status: u16, body: &[u8], retry_after: Option<Duration>) -> Self {
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Said {
            message: Option<String>,
            #[serde(rename = "errorCode")]
            error_code: Option<String>,
            error: Option<String>,
            error_description: Option<String>,
        }
        let said: Said = serde_json::from_slice(body).unwrap_or_default();
        let cut = |text: String| legible(&text).chars().take(SAID_MAX).collect();
        let message = said.message.or(said.error_description).map(cut).unwrap_or_default();
        let code = said.error_code.or(said.error).map(cut);
        Self { status, message, code, retry_after }
    }

    /// The scopes of which the token has none. Auth0 names them in its message alone: `Insufficient scope,
    /// expected any of: read:event_streams`.
    pub fn missing_scopes(&self) -> Vec<&str> {
        let listed = self.message.split_once("expected any of:").map_or("", |(_, listed)| listed);
        if self.status != 403 {
            return Vec::new();
        }
        let scopes = listed.split([',', ' ']).map(|scope| scope.trim_end_matches('.'));
        scopes.filter(|scope| !scope.is_empty()).collect()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.status)?;
        match (self.message.as_str(), self.code.as_deref()) {
            ("", None) => Ok(()),
            ("", Some(code)) => write!(f, " ({code})"),
            (message, None) => write!(f, ": {message}"),
            (message, Some(code)) => write!(f, ": {message} ({code})"),
        }
    }
}

impl ApiError {
    /// What was answered, where anything was.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused { refusal, .. } | Self::Credentials(refusal) => Some(refusal),
            Self::Domain(_)
            | Self::Client(_)
            | Self::Unanswered { .. }
            | Self::TooLate { .. }
            | Self::Unclear { .. }
            | Self::TooLong { .. }
            | Self::Offset
            | Self::OffsetExpired => None,
        }
    }

    /// The HTTP status, where there was an answer.
    pub fn status(&self) -> Option<u16> {
        self.refusal().map(|refusal| refusal.status)
    }

    /// The scopes of which one is missing; empty where that is not why.
    pub fn missing_scopes(&self) -> Vec<&str> {
        self.refusal().map(Refusal::missing_scopes).unwrap_or_default()
    }

    /// Whether what was asked for is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { refusal, .. } if refusal.status == 404)
    }

    /// Whether it may be otherwise a while later, with nothing changed by anybody.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unanswered { .. } | Self::TooLate { .. } => true,
            Self::Refused { refusal, .. } | Self::Credentials(refusal) => {
                refusal.status == 429 || refusal.status >= 500
            }
            Self::Domain(_)
            | Self::Client(_)
            | Self::Unclear { .. }
            | Self::TooLong { .. }
            | Self::Offset
            | Self::OffsetExpired => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, body: &str, shown: &str, missing: &[&str]) {
        let refusal = Refusal::read(status, body.as_bytes(), None);
        assert_eq!(refusal.to_string(), shown);
        assert_eq!(refusal.missing_scopes(), missing);
    }

    #[test]
    fn what_auth0_says_is_read() {
        check(
            403,
            r#"{"statusCode":403,"error":"Forbidden","message":"Insufficient scope, expected any of: read:event_streams,read:event_deliveries","errorCode":"insufficient_scope"}"#,
            "HTTP 403: Insufficient scope, expected any of: read:event_streams,read:event_deliveries (insufficient_scope)",
            &["read:event_streams", "read:event_deliveries"],
        );
        check(
            403,
            r#"{"message":"Insufficient scope; expected any of: read:events."}"#,
            "HTTP 403: Insufficient scope; expected any of: read:events.",
            &["read:events"],
        );
        check(
            401,
            r#"{"error":"access_denied","error_description":"Unauthorized"}"#,
            "HTTP 401: Unauthorized (access_denied)",
            &[],
        );
        check(409, r#"{"error":"Conflict"}"#, "HTTP 409 (Conflict)", &[]);
        check(502, "<html>", "HTTP 502", &[]);
        check(400, r#"{"message":"a\u001b[2Jb"}"#, "HTTP 400: a\\u{1b}[2Jb", &[]);
        check(400, r#"{"message":"expected any of: a"}"#, "HTTP 400: expected any of: a", &[]);
    }

    #[test]
    fn long_words_are_cut_off() {
        let body = serde_json::json!({ "message": "ä".repeat(2_000) }).to_string();
        let refusal = Refusal::read(400, body.as_bytes(), None);
        assert_eq!(refusal.message.chars().count(), SAID_MAX);
    }
}
