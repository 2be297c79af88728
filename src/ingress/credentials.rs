//! Who may post: the three ways in which Auth0 authenticates a webhook.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

use crate::event::Timestamp;

/// How a request proves itself; chosen for each stream in Auth0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    /// `Authorization: Bearer <secret>`.
    Bearer,
    /// `Authorization: Basic <base64 of username:secret>`.
    Basic {
        /// The user's name.
        username: String,
    },
    /// A header of the operator's choice, its value the secret.
    Header(HeaderName),
}

/// One accepted secret. Several at once make a rotation without a gap.
#[derive(Debug, Clone)]
pub struct Secret {
    /// Its name in logs and pages.
    pub label: String,
    /// The text that Auth0 sends.
    pub value: SecretString,
    /// From then on it is refused.
    pub not_after: Option<Timestamp>,
}

/// Checks requests. Keeps digests only: they all have one length, so that comparing them tells
/// nothing of the secrets, not even how long they are.
#[derive(Debug, Clone)]
pub struct Credentials {
    method: Method,
    known: Vec<Known>,
}

#[derive(Clone)]
struct Known {
    label: String,
    digest: [u8; 32],
    not_after: Option<Timestamp>,
}

impl Known {
    fn counts_at(&self, now: Timestamp) -> bool {
        self.not_after.is_none_or(|end| now < end)
    }
}

/// Without the digest, by which a weak secret could be guessed.
impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Known").field("label", &self.label).finish_non_exhaustive()
    }
}

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checked<'a> {
    /// The secret with this label matched.
    Match(&'a str),
    /// The secret with this label matched, but its time is over.
    Expired(&'a str),
    /// The request has no credentials of the method.
    Missing,
    /// The request has credentials, and none matched.
    Wrong,
}

impl Credentials {
    /// The secrets by label, and from when on each is refused.
    pub fn labels(&self) -> impl Iterator<Item = (&str, Option<Timestamp>)> {
        self.known.iter().map(|known| (known.label.as_str(), known.not_after))
    }

    /// Any of the secrets, by this method.
    pub fn new(method: Method, secrets: &[Secret]) -> Self {
        let known = secrets.iter().map(|secret| Known {
            label: secret.label.clone(),
            digest: digest(&presented_for(&method, secret.value.expose_secret())),
            not_after: secret.not_after,
        });
        let known = known.collect();
        Self { method, known }
    }

    /// Checks a request's headers. Takes as long for every secret, matched or not.
    pub(super) fn check(&self, headers: &HeaderMap, now: Timestamp) -> Checked<'_> {
        let Some(presented) = self.presented(headers) else { return Checked::Missing };
        let presented = digest(&presented);
        let mut matched = None;
        for known in &self.known {
            let same: Choice = known.digest.ct_eq(&presented);
            // One value under two labels counts for as long as either of them does.
            if bool::from(same) && !matched.is_some_and(|found: &Known| found.counts_at(now)) {
                matched = Some(known);
            }
        }
        match matched {
            None => Checked::Wrong,
            Some(known) if known.counts_at(now) => Checked::Match(&known.label),
            Some(known) => Checked::Expired(&known.label),
        }
    }

    /// The value of `WWW-Authenticate` for a refusal (RFC 9110, section 11.6.1).
    pub(super) fn challenge(&self) -> HeaderValue {
        HeaderValue::from_static(match self.method {
            Method::Bearer => "Bearer realm=\"twinstream\"",
            Method::Basic { .. } => "Basic realm=\"twinstream\", charset=\"UTF-8\"",
            Method::Header(_) => "Header realm=\"twinstream\"",
        })
    }

    fn presented(&self, headers: &HeaderMap) -> Option<Vec<u8>> {
        match &self.method {
            Method::Bearer => after_scheme(headers.get(AUTHORIZATION)?.as_bytes(), b"bearer"),
            Method::Basic { .. } => {
                let encoded = after_scheme(headers.get(AUTHORIZATION)?.as_bytes(), b"basic")?;
                STANDARD.decode(encoded).ok()
            }
            Method::Header(name) => Some(headers.get(name)?.as_bytes().to_vec()),
        }
    }
}

/// What follows the scheme, whose case does not matter (RFC 9110, section 11.1).
fn after_scheme(value: &[u8], scheme: &[u8]) -> Option<Vec<u8>> {
    let (start, rest) = value.split_at_checked(scheme.len())?;
    let spaced = start.eq_ignore_ascii_case(scheme) && rest.first() == Some(&b' ');
    spaced.then(|| rest.trim_ascii().to_vec())
}

fn presented_for(method: &Method, secret: &str) -> Vec<u8> {
    match method {
        Method::Bearer | Method::Header(_) => secret.as_bytes().to_vec(),
        Method::Basic { username } => format!("{username}:{secret}").into_bytes(),
    }
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn credentials(method: Method) -> Credentials {
        let secret = |label: &str, value: &str, not_after| Secret {
            label: label.into(),
            value: value.to_owned().into(),
            not_after,
        };
        Credentials::new(
            method,
            &[
                secret("old", "old-token", Some(NOW)),
                secret("new", "new-token", None),
                secret("next", "next token with spaces", Some(Timestamp::from_millis(1_000_001))),
            ],
        )
    }

    #[track_caller]
    fn check(method: &Method, header: Option<(&'static str, &str)>, expected: Checked<'_>) {
        let mut headers = HeaderMap::new();
        if let Some((name, value)) = header {
            headers.insert(name, value.parse().unwrap());
        }
        assert_eq!(credentials(method.clone()).check(&headers, NOW), expected);
    }

    #[test]
    fn bearer() {
        let check = |value, expected| check(&Method::Bearer, value, expected);
        check(Some(("authorization", "Bearer new-token")), Checked::Match("new"));
        check(Some(("authorization", "bearer  new-token ")), Checked::Match("new"));
        check(Some(("authorization", "Bearer next token with spaces")), Checked::Match("next"));
        check(Some(("authorization", "Bearer old-token")), Checked::Expired("old"));
        check(Some(("authorization", "Bearer new-toke")), Checked::Wrong);
        check(Some(("authorization", "Bearer new-token2")), Checked::Wrong);
        check(Some(("authorization", "Bearer ")), Checked::Wrong);
        check(Some(("authorization", "Bearernew-token")), Checked::Missing);
        check(Some(("authorization", "new-token")), Checked::Missing);
        check(Some(("authorization", "Basic new-token")), Checked::Missing);
        check(Some(("x-token", "new-token")), Checked::Missing);
        check(None, Checked::Missing);
    }

    #[test]
    fn one_value_under_two_labels_counts_while_one_of_them_does() {
        let secret = |label: &str, not_after| Secret {
            label: label.into(),
            value: "token".to_owned().into(),
            not_after,
        };
        let (ended, lasting) = (secret("ended", Some(NOW)), secret("lasting", None));
        for secrets in [[ended.clone(), lasting.clone()], [lasting, ended]] {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, "Bearer token".parse().unwrap())]);
            let credentials = Credentials::new(Method::Bearer, &secrets);
            assert_eq!(credentials.check(&headers, NOW), Checked::Match("lasting"));
            assert!(!format!("{credentials:?}").contains("digest"));
        }
    }

    #[test]
    fn basic() {
        let method = Method::Basic { username: "auth0".into() };
        let check_pair = |value: &str, expected| {
            let encoded = format!("Basic {}", STANDARD.encode(value));
            check(&method, Some(("authorization", &encoded)), expected);
        };
        check_pair("auth0:new-token", Checked::Match("new"));
        check_pair("auth0:old-token", Checked::Expired("old"));
        check_pair("other:new-token", Checked::Wrong);
        check_pair("auth0new-token", Checked::Wrong);
        let no_base64 = Some(("authorization", "Basic ???"));
        check(&method, no_base64, Checked::Missing);
    }

    #[test]
    fn custom_header() {
        let method = Method::Header(HeaderName::from_static("x-stream-key"));
        check(&method, Some(("x-stream-key", "new-token")), Checked::Match("new"));
        check(&method, Some(("x-stream-key", "Bearer new-token")), Checked::Wrong);
        check(&method, Some(("authorization", "new-token")), Checked::Missing);
    }
}
