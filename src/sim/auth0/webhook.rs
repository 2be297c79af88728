//! Auth0's way of posting webhooks.

use std::time::Duration;

use reqwest::StatusCode;

/// Auth0's webhook delivery: one event at a time, 4 attempts, the retries 1 s, 2 s and 4 s apart;
/// a 4XX is never retried.
#[derive(Debug, Clone)]
pub struct WebhookStream {
    client: reqwest::Client,
    url: String,
    token: String,
}

/// How the posting of an event ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posted {
    /// Whether any attempt was answered with 2XX.
    pub accepted: bool,
    /// Attempts made.
    pub attempts: u32,
}

/// The pauses between the attempts.
const PAUSES: [Duration; 3] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];
/// Auth0's own time-out is not documented.
const ATTEMPT_WITHIN: Duration = Duration::from_secs(10);

impl WebhookStream {
    /// A stream that posts to this URL with this bearer token.
    ///
    /// # Errors
    /// When the HTTP client can't be set up.
    pub fn new(url: String, token: String) -> reqwest::Result<Self> {
        let client = reqwest::Client::builder().no_proxy().timeout(ATTEMPT_WITHIN).build()?;
        Ok(Self { client, url, token })
    }

    /// Posts an event, as often as Auth0 would.
    pub async fn post(&self, event: &str) -> Posted {
        let mut pauses = PAUSES.iter();
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.attempt(event).await {
                Some(status) if status.is_success() => return Posted { accepted: true, attempts },
                Some(status) if status.is_client_error() => {
                    return Posted { accepted: false, attempts };
                }
                Some(_) | None => {}
            }
            match pauses.next() {
                Some(pause) => tokio::time::sleep(*pause).await,
                None => return Posted { accepted: false, attempts },
            }
        }
    }

    async fn attempt(&self, event: &str) -> Option<StatusCode> {
        let request = self.client.post(&self.url).bearer_auth(&self.token);
        let request = request.header("content-type", "application/json").body(event.to_owned());
        request.send().await.ok().map(|response| response.status())
    }
}
