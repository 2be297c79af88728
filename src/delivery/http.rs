//! An HTTP target.

use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT};
use reqwest::redirect::Policy;
use secrecy::ExposeSecret as _;

use super::Target;
use super::classify::{Answer, retry_after};
use crate::event::Timestamp;
use crate::journal::Due;
use crate::telemetry::Chain;

/// The part of an answer's body that is read, so that the connection can be used again.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// CloudEvents, HTTP protocol binding 1.0, section 3.2: structured mode.
const STRUCTURED_MODE: &str = "application/cloudevents+json; charset=UTF-8";

/// Sends to one HTTP target.
#[derive(Debug, Clone)]
pub struct HttpTarget {
    client: reqwest::Client,
    target: Target,
    authorization: Option<HeaderValue>,
}

/// Why a target can't be used.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The HTTP client could not be set up.
    #[error("setting up the HTTP client for the target `{target}`")]
    Client {
        /// The target.
        target: String,
        /// Why.
        source: reqwest::Error,
    },
    /// The bearer token can't stand in a header.
    #[error("the bearer token of the target `{target}` has characters that no header may have")]
    Bearer {
        /// The target.
        target: String,
    },
}

impl HttpTarget {
    /// # Errors
    /// When the target's settings can't be used.
    pub fn new(target: Target) -> Result<Self, BuildError> {
        let client = reqwest::Client::builder()
            // A redirect would carry the event, signed, to a place that nobody configured.
            .redirect(Policy::none())
            .no_proxy()
            .timeout(target.timeout)
            .connect_timeout(target.timeout.min(Duration::from_secs(5)))
            .pool_max_idle_per_host(target.concurrency)
            .tcp_nodelay(true)
            .build()
            .map_err(|source| BuildError::Client { target: target.name.to_string(), source })?;
        let authorization = target.bearer.as_ref().map(|token| {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
                .map_err(|_| BuildError::Bearer { target: target.name.to_string() })?;
            value.set_sensitive(true);
            Ok(value)
        });
        let authorization = authorization.transpose()?;
        Ok(Self { client, target, authorization })
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// One attempt. Always ends, within the target's time-out.
    pub(super) async fn send(&self, due: &Due, route: &str, now: Timestamp) -> Answer {
        let request = self
            .client
            .post(self.target.url.clone())
            .headers(self.headers(due, route, now))
            .body(due.payload.clone());
        match request.send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                let pause = response.headers().get(RETRY_AFTER);
                let pause = pause.and_then(|value| retry_after(value.to_str().ok()?, now));
                read_to_end(response).await;
                Answer::Status(status, pause)
            }
            // Without the address: it may hold a token.
            Err(error) => Answer::Failed(Chain(&error.without_url()).to_string().into()),
        }
    }

    fn headers(&self, due: &Due, route: &str, now: Timestamp) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let timestamp = now.as_seconds();
        let signature = self
            .target
            .signing_secret
            .as_ref()
            .map(|secret| secret.sign(due.event_id.as_str(), timestamp, &due.payload));
        let texts = [
            ("webhook-id", Some(due.event_id.as_str())),
            ("webhook-timestamp", Some(&*timestamp.to_string())),
            ("webhook-signature", signature.as_deref()),
            ("twinstream-path", Some(due.first_path.as_str())),
            ("twinstream-route", Some(route)),
        ];
        for (name, text) in texts {
            if let Some(value) = text.and_then(|text| HeaderValue::from_str(text).ok()) {
                headers.insert(name, value);
            }
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(STRUCTURED_MODE));
        headers.insert(
            USER_AGENT,
            HeaderValue::from_static(concat!("twinstream/", env!("CARGO_PKG_VERSION"))),
        );
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        headers
    }
}

/// The status decides; the rest is read only so that the connection is free for the next event.
async fn read_to_end(mut response: reqwest::Response) {
    let mut read = 0;
    while let Ok(Some(chunk)) = response.chunk().await {
        read += chunk.len();
        if read > ANSWER_BYTES_MAX {
            return;
        }
    }
}
