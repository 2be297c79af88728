//! Posting events to a webhook door.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue, header};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

use super::{Answer, Letter, Unreachable};
use crate::outbound::{self, NoClient};
use crate::telemetry::Chain;

/// How a webhook stream says who it is: the three ways of Auth0.
#[derive(Clone)]
pub struct Authorization {
    name: HeaderName,
    value: HeaderValue,
}

/// Why there is no such authorization.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizationError {
    /// A header that HTTP does not allow.
    #[error("`{0}` is no name of an HTTP header")]
    Name(String),
    /// A secret with signs that a header can't have.
    #[error("the secret has signs that an HTTP header can't have")]
    Secret,
}

impl Authorization {
    /// `Authorization: Bearer <token>`.
    ///
    /// # Errors
    /// When the token can't stand in a header.
    pub fn bearer(token: &SecretString) -> Result<Self, AuthorizationError> {
        Self::of(header::AUTHORIZATION, &format!("Bearer {}", token.expose_secret()))
    }

    /// `Authorization: Basic …`, of `user:password`.
    ///
    /// # Errors
    /// None at present: whatever the password is, base 64 can stand in a header.
    pub fn basic(user_and_password: &SecretString) -> Result<Self, AuthorizationError> {
        let encoded = STANDARD.encode(user_and_password.expose_secret());
        Self::of(header::AUTHORIZATION, &format!("Basic {encoded}"))
    }

    /// A header of the customer's own.
    ///
    /// # Errors
    /// When the name or the value can't be a header's.
    pub fn header(name: &str, value: &SecretString) -> Result<Self, AuthorizationError> {
        let name = name.parse().map_err(|_| AuthorizationError::Name(name.to_owned()))?;
        Self::of(name, value.expose_secret())
    }

    fn of(name: HeaderName, value: &str) -> Result<Self, AuthorizationError> {
        let mut value: HeaderValue = value.parse().map_err(|_| AuthorizationError::Secret)?;
        value.set_sensitive(true);
        Ok(Self { name, value })
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Authorization").field(&self.name).finish_non_exhaustive()
    }
}

/// Why events can't be posted.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// Not a URL of HTTP.
    #[error("`{0}` is no http:// or https:// URL")]
    Url(String),
    /// A URL with a name or a password in it, which would be shown.
    #[error("the URL has a name or a password in it; they go into the secret, as user:password")]
    Secret,
    /// The client could not be set up.
    #[error(transparent)]
    Client(#[from] NoClient),
}

/// Posts events.
#[derive(Debug, Clone)]
pub struct WebhookCarrier {
    client: reqwest::Client,
    url: Url,
    authorization: Authorization,
}

/// Auth0's own time-out is not documented.
const ATTEMPT_WITHIN: Duration = Duration::from_secs(10);
/// Nobody has to say more than a status; for more, the connection is given up.
const BODY_BYTES_MAX: usize = 64 * 1_024;
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

impl WebhookCarrier {
    /// Posts to this URL. Follows no redirect; what Auth0 does with one is not documented.
    ///
    /// # Errors
    /// When that is no URL, or the client can't be set up.
    pub fn new(url: &str, authorization: Authorization) -> Result<Self, WebhookError> {
        let wrong = || WebhookError::Url(url.to_owned());
        let parsed: Url = url.parse().map_err(|_| wrong())?;
        if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
            return Err(wrong());
        }
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(WebhookError::Secret);
        }
        let client = outbound::client(&parsed, |client| {
            client.connect_timeout(CONNECT_WITHIN).timeout(ATTEMPT_WITHIN)
        })?;
        Ok(Self { client, url: parsed, authorization })
    }

    /// Where it posts to.
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Whether anybody listens there.
    pub(super) async fn reach(&self) -> Result<(), Unreachable> {
        let host = self.url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let port = self.url.port_or_known_default().unwrap_or(443);
        let why = match timeout(CONNECT_WITHIN, TcpStream::connect((host, port))).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => Chain(&error).to_string(),
            Err(_) => format!("no connection within {} s", CONNECT_WITHIN.as_secs()),
        };
        Err(Unreachable { what: format!("nobody takes webhooks at {host}:{port}"), why })
    }

    pub(super) async fn post(&self, letter: &Letter) -> Answer {
        let Authorization { name, value } = &self.authorization;
        let request = self.client.post(self.url.clone()).header(name, value);
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let sent = request.body(letter.json.as_bytes().to_vec()).send().await;
        match sent {
            Ok(response) => {
                let status = response.status().as_u16();
                read(response).await;
                Answer::Status(status)
            }
            Err(error) => without_answer(&error),
        }
    }
}

/// Reads what comes with a status, so that the connection can be used again. The status alone is the
/// answer, whatever becomes of the rest.
async fn read(mut response: reqwest::Response) {
    let mut left = BODY_BYTES_MAX;
    while let Ok(Some(chunk)) = response.chunk().await {
        match left.checked_sub(chunk.len()) {
            Some(less) => left = less,
            None => return,
        }
    }
}

fn without_answer(error: &reqwest::Error) -> Answer {
    let why: Arc<str> = if error.is_connect() {
        return Answer::NotSent("no connection".into());
    } else if error.is_builder() {
        return Answer::NotSent("no request could be made".into());
    } else if error.is_timeout() {
        "time-out".into()
    } else {
        "connection broke".into()
    };
    Answer::Unanswered(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(made: Result<Authorization, AuthorizationError>, expected: (&str, &str)) {
        let made = made.unwrap();
        let shown = format!("{made:?}");
        assert_eq!((made.name.as_str(), made.value.to_str().unwrap()), expected);
        assert!(!shown.contains(expected.1), "{shown}");
    }

    #[test]
    fn all_three_ways_to_authenticate_can_be_had() {
        let secret = SecretString::from("kim:secret");
        check(Authorization::bearer(&secret), ("authorization", "Bearer kim:secret"));
        check(Authorization::basic(&secret), ("authorization", "Basic a2ltOnNlY3JldA=="));
        check(Authorization::header("X-Hook", &secret), ("x-hook", "kim:secret"));
        let wrong = Authorization::header("X Hook", &secret).unwrap_err();
        assert_eq!(wrong, AuthorizationError::Name("X Hook".into()));
        let broken = SecretString::from("a\nb");
        assert_eq!(Authorization::bearer(&broken).unwrap_err(), AuthorizationError::Secret);
    }

    #[test]
    fn only_http_can_be_posted_to() {
        let authorization = || Authorization::bearer(&SecretString::from("x")).unwrap();
        for url in ["", "example.com/hook", "ftp://example.com/", "http://kim:secret@localhost/"] {
            assert!(WebhookCarrier::new(url, authorization()).is_err(), "{url}");
        }
        assert!(WebhookCarrier::new("http://[::1]:8080/x", authorization()).is_ok());
    }
}
