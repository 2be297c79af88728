//! Calling the Management API: token, limits, retries, errors.

mod call;
mod error;
mod patience;
mod token;
mod transport;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use url::Url;

pub(super) use call::Call;
pub use error::{ApiError, Refusal};
pub use patience::Patience;

use super::Settings;
use crate::clock::Clock;
use crate::event::Timestamp;
use crate::outbound;
use token::Token;

/// The scopes that twinstream uses, each with what for (Management API reference, each call's scopes).
pub const SCOPES: [(&str, &str); 6] = [
    ("read:event_streams", "look at the event streams"),
    ("create:event_streams", "create them"),
    ("update:event_streams", "change, enable, disable and test them"),
    ("read:event_deliveries", "list failed deliveries"),
    ("update:event_deliveries", "ask for redelivery"),
    ("read:events", "follow the Events API"),
];

/// A connection that is not there after this long is given up.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// An answer that is not whole after this long is given up.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// A followed stream that sends nothing for this long, not even a heartbeat, is given up. How often those
/// come is not documented.
const SILENT_MAX: Duration = Duration::from_mins(3);

/// A tenant's Management API. Cheap to clone; all clones share one token.
#[derive(Debug, Clone)]
pub struct Api(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: Settings,
    base: Url,
    clock: Clock,
    patience: Patience,
    client: reqwest::Client,
    /// Without a time-out of the whole answer, for what never ends.
    streaming: reqwest::Client,
    token: Mutex<Option<Token>>,
    server_date: Mutex<Option<ServerDate>>,
}

/// The `Date` of an answer, for the skew between Auth0's clock and this host's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerDate {
    /// What Auth0's clock showed, in whole seconds, at some moment between the other two.
    pub said: Timestamp,
    /// When the request went out, by this host's clock.
    pub asked_at: Timestamp,
    /// When the head of the answer was there, by this host's clock.
    pub heard_at: Timestamp,
}

impl Api {
    /// Asks nothing yet.
    ///
    /// # Errors
    /// When the HTTP client can't be set up, or the domain makes no address.
    pub fn new(settings: Settings, clock: Clock) -> Result<Self, ApiError> {
        Self::with_patience(settings, clock, Patience::default())
    }

    /// The same with other pauses.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_patience(
        settings: Settings,
        clock: Clock,
        patience: Patience,
    ) -> Result<Self, ApiError> {
        let base = match &settings.endpoint_url {
            Some(url) => url.clone(),
            None => Url::parse(&format!("https://{}", settings.domain))
                .map_err(|_| ApiError::Domain(settings.domain.clone()))?,
        };
        let streaming = outbound::client(&base, |client| {
            client.connect_timeout(CONNECT_WITHIN).read_timeout(SILENT_MAX)
        })?;
        let client = outbound::client(&base, |client| {
            client.connect_timeout(CONNECT_WITHIN).timeout(ANSWER_WITHIN)
        })?;
        let (token, server_date) = (Mutex::new(None), Mutex::new(None));
        let inner =
            Inner { settings, base, clock, patience, client, streaming, token, server_date };
        Ok(Self(Arc::new(inner)))
    }

    /// What it was made of.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The scopes that the token has; fetches one where there is none. `None` where Auth0 did not say: then
    /// they are those that were asked for, and that is all that the application may.
    ///
    /// # Errors
    /// When no token can be had.
    pub async fn granted_scopes(&self) -> Result<Option<BTreeSet<String>>, ApiError> {
        Ok(self.token().await?.scopes())
    }

    /// The `Date` of the last answer, whatever it was; `None` before there was one that had it.
    pub fn server_date(&self) -> Option<ServerDate> {
        *self.0.server_date.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Seconds and date of `date` and `date-time` in queries: 20 characters at most (reference, `date_from`).
pub(super) fn whole_seconds(at: Timestamp) -> String {
    Timestamp::from_millis(at.as_seconds().saturating_mul(1_000)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_queries_have_20_characters() {
        let at = Timestamp::parse("2026-03-01T09:15:44.96Z").unwrap();
        assert_eq!(whole_seconds(at), "2026-03-01T09:15:44Z");
        assert_eq!(whole_seconds(at).len(), 20);
    }
}
