//! An HTTP target.

use std::time::Duration;

use http::header::{HeaderMap, HeaderName, RETRY_AFTER};
use secrecy::{ExposeSecret as _, SecretString};

use super::body::Message;
use super::classify::{Answer, Meaning, retry_after};
use super::excerpt::{READ_BYTES_MAX, excerpt};
use super::headers;
use super::public::{NotPublic, PublicOnly, check_literal};
use super::{SigningSecret, Target};
use crate::outbound::{self, NoClient};
use crate::telemetry::Chain;

/// The part of an answer's body that is read, so that the connection can be used again.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Where and how requests are made.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// The address.
    pub url: url::Url,
    /// Whether only public addresses are spoken to: whatever the URL's host resolves to, loopback,
    /// private and all other special ones are not.
    pub public_only: bool,
    /// Signs what is sent (Standard Webhooks).
    pub signing_secret: Option<SigningSecret>,
    /// Sent as `Authorization: Bearer …`.
    pub bearer: Option<SecretString>,
    /// Sent with each request; no name of them is reserved.
    pub headers: Vec<(HeaderName, SecretString)>,
}

/// Sends to one HTTP target.
#[derive(Debug, Clone)]
pub struct HttpTarget {
    client: reqwest::Client,
    settings: HttpSettings,
    /// Those of the target, credentials among them.
    headers: HeaderMap,
    retry_on: Box<[u16]>,
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
        source: NoClient,
    },
    /// A secret can't stand in a header.
    #[error("the {header} of the target `{target}` has characters that no header may have")]
    Header {
        /// The target.
        target: String,
        /// The header.
        header: String,
    },
    /// The URL names an address that may not be spoken to.
    #[error("the target `{target}` may only be at a public address, and {why}")]
    NotPublic {
        /// The target.
        target: String,
        /// Which address, and what it is.
        why: NotPublic,
    },
}

impl HttpTarget {
    /// # Errors
    /// When the settings can't be used.
    pub fn new(target: &Target, settings: HttpSettings) -> Result<Self, BuildError> {
        let name = || target.name.to_string();
        if settings.public_only {
            // The resolver is not asked for a host that is an address. As nothing leads away from
            // this URL, to look at it once is to look at it each time.
            check_literal(&settings.url)
                .map_err(|why| BuildError::NotPublic { target: name(), why })?;
        }
        let client = outbound::client(&settings.url, |client| {
            let client = client
                .timeout(target.timeout)
                .connect_timeout(target.timeout.min(Duration::from_secs(5)))
                .pool_max_idle_per_host(target.limits.concurrency)
                .tcp_nodelay(true);
            if settings.public_only { client.dns_resolver(PublicOnly) } else { client }
        });
        let client = client.map_err(|source| BuildError::Client { target: name(), source })?;
        let headers = own_headers(&settings)
            .map_err(|header| BuildError::Header { target: name(), header })?;
        let retry_on = target.retry_on.clone();
        Ok(Self { client, settings, headers, retry_on })
    }

    /// One attempt. Always ends, within the target's time-out.
    pub(super) async fn send(&self, message: &Message<'_>) -> Answer {
        let secret = self.settings.signing_secret.as_ref();
        let request = self
            .client
            .post(self.settings.url.clone())
            .headers(headers::headers(message, secret, &self.headers))
            .body(message.body.bytes.clone());
        match request.send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                let pause = response.headers().get(RETRY_AFTER);
                let pause = pause.and_then(|value| retry_after(value.to_str().ok()?, message.at));
                let mut answer = Answer::of(status, pause, &self.retry_on);
                let beginning = read_to_end(response).await;
                if answer.meaning != Meaning::Delivered {
                    answer.excerpt = excerpt(&beginning);
                }
                answer
            }
            // Without the address: it may hold a token.
            Err(error) => Answer::failed(Chain(&error.without_url()).to_string().into()),
        }
    }
}

/// The headers that are the same in each request, or the name of one that can't be sent.
fn own_headers(settings: &HttpSettings) -> Result<HeaderMap, String> {
    let own = settings.headers.iter().map(|(name, value)| {
        headers::secret(name, value.expose_secret()).ok_or_else(|| format!("header `{name}`"))
    });
    let bearer = settings.bearer.iter().map(|token| {
        headers::bearer(token.expose_secret()).ok_or_else(|| "bearer token".to_owned())
    });
    own.chain(bearer).collect()
}

/// The status decides, and the beginning is kept; the rest is read only so that the connection is free
/// for the next event.
async fn read_to_end(mut response: reqwest::Response) -> Vec<u8> {
    let (mut beginning, mut read) = (Vec::new(), 0);
    while let Ok(Some(chunk)) = response.chunk().await {
        // One byte more than is shown tells that there is more.
        let wanted = (READ_BYTES_MAX + 1).saturating_sub(beginning.len()).min(chunk.len());
        beginning.extend_from_slice(chunk.get(..wanted).unwrap_or_default());
        read += chunk.len();
        if read > ANSWER_BYTES_MAX {
            break;
        }
    }
    beginning
}
