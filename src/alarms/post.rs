//! Telling it: one poster for each destination, so that one that hangs holds up no other.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::Destination;
use crate::outbound::{self, NoClient};
use crate::telemetry::{Chain, Metrics};

/// One request may take so long.
const WITHIN: Duration = Duration::from_secs(10);
/// The pauses before further tries.
const PAUSES: [Duration; 3] =
    [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(30)];
/// Messages that wait for a destination; above it, the newest is dropped and counted.
pub(super) const WAITING_MAX: usize = 64;

/// Posts to one destination.
#[derive(Debug, Clone)]
pub struct Poster {
    name: Arc<str>,
    client: reqwest::Client,
    url: url::Url,
}

/// What a destination answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posted {
    /// The HTTP status.
    pub status: u16,
}

/// Why a message was not taken. Says nothing of the address, which is a secret.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The address is none.
    #[error("the address is no http:// or https:// URL")]
    Url,
    /// The bearer token can't stand in a header.
    #[error("the bearer token has characters that no header may have")]
    Bearer,
    /// The HTTP client could not be set up.
    #[error(transparent)]
    Client(#[from] NoClient),
    /// No answer.
    #[error("no answer")]
    Unreachable(#[source] reqwest::Error),
    /// It was refused.
    #[error("HTTP {0}")]
    Refused(u16),
}

impl PostError {
    /// Whether another try may help.
    const fn is_temporary(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Refused(408 | 425 | 429 | 500..) => true,
            Self::Url | Self::Bearer | Self::Client(_) | Self::Refused(_) => false,
        }
    }
}

impl Poster {
    /// # Errors
    /// When the destination can't be used.
    pub fn new(destination: &Destination) -> Result<Self, PostError> {
        let url = url::Url::parse(destination.url.expose_secret()).map_err(|_| PostError::Url)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(PostError::Url);
        }
        let mut headers = HeaderMap::new();
        if let Some(bearer) = &destination.bearer {
            let value = format!("Bearer {}", bearer.expose_secret());
            let mut value = HeaderValue::from_str(&value).map_err(|_| PostError::Bearer)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let client =
            outbound::client(&url, |client| client.timeout(WITHIN).default_headers(headers))?;
        Ok(Self { name: Arc::clone(&destination.name), client, url })
    }

    /// The destination's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Posts one message, once.
    ///
    /// # Errors
    /// When it was not taken.
    pub async fn post(&self, message: &Value) -> Result<Posted, PostError> {
        let request = self.client.post(self.url.clone());
        let request = request.header("content-type", "application/json").body(message.to_string());
        let answer = request.send().await;
        // An error of reqwest names the address.
        let answer = answer.map_err(|error| PostError::Unreachable(error.without_url()))?;
        let status = answer.status().as_u16();
        if answer.status().is_success() {
            Ok(Posted { status })
        } else {
            Err(PostError::Refused(status))
        }
    }

    /// Posts what comes until `stop`, each a few times if need be.
    pub(super) async fn run(
        self,
        mut messages: mpsc::Receiver<Value>,
        metrics: Metrics,
        stop: CancellationToken,
    ) {
        let work = async {
            while let Some(message) = messages.recv().await {
                let sent = self.post_patiently(&message).await;
                metrics.alarm_told(sent);
            }
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = work => {}
        }
    }

    async fn post_patiently(&self, message: &Value) -> bool {
        let mut pauses = PAUSES.iter();
        loop {
            let error = match self.post(message).await {
                Ok(Posted { .. }) => return true,
                Err(error) => error,
            };
            let pause = pauses.next().filter(|_| error.is_temporary());
            let Some(pause) = pause else {
                warn!(destination = %self.name, error = %Chain(&error), "an alarm was not told");
                return false;
            };
            tokio::time::sleep(*pause).await;
        }
    }
}
