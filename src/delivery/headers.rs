//! The headers of a request to a target.

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST,
    HeaderMap, HeaderName, HeaderValue, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};

use super::SigningSecret;
use super::body::Message;
use crate::event::EVENTS_API;
use crate::journal::Due;

/// Names that a target's own headers can't have: the client's, and those with a meaning of ours.
/// `Authorization` is the target's own to have when it has no bearer token.
const OURS: [HeaderName; 10] = [
    CONNECTION,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    EXPECT,
    HOST,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];
/// The same by how they begin: Standard Webhooks, ours, CloudEvents in binary mode, proxies' and
/// HTTP's own.
const OUR_PREFIXES: [&str; 5] = ["webhook-", "twinstream-", "ce-", "proxy-", "keep-"];

/// Whether a name is one that a target's own headers can't have.
pub fn is_reserved(name: &HeaderName) -> bool {
    OURS.contains(name) || OUR_PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix))
}

/// All headers of one request. `own` are those of the target, its credentials among them.
pub(super) fn headers(
    message: &Message<'_>,
    secret: Option<&SigningSecret>,
    own: &HeaderMap,
) -> HeaderMap {
    let due = message.due;
    let mut headers = own.clone();
    let timestamp = message.at.as_seconds();
    let id = due.event_id.as_str();
    let signature = secret.map(|secret| secret.sign(id, timestamp, &message.body.bytes));
    let texts = [
        ("webhook-id", Some(id)),
        ("webhook-timestamp", Some(&*timestamp.to_string())),
        ("webhook-signature", signature.as_deref()),
        ("twinstream-path", Some(came_by(due))),
        ("twinstream-route", Some(&message.route.name)),
        ("twinstream-late", due.late.then_some("true")),
    ];
    for (name, text) in texts {
        if let Some(value) = text.and_then(|text| HeaderValue::from_str(text).ok()) {
            headers.insert(name, value);
        }
    }
    headers.insert(CONTENT_TYPE, message.body.content_type.clone());
    headers
        .entry(USER_AGENT)
        .or_insert(HeaderValue::from_static(concat!("twinstream/", env!("CARGO_PKG_VERSION"))));
    headers
}

/// What brought the bytes: a path, or where none did, Auth0's Events API. What `reconcile` had Auth0 deliver once
/// more did come by webhook.
const fn came_by(due: &Due) -> &'static str {
    if due.backfilled { EVENTS_API } else { due.first_path.as_str() }
}

/// The value of `Authorization` for a bearer token, if the token can stand in a header.
pub(super) fn bearer(token: &str) -> Option<(HeaderName, HeaderValue)> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
    value.set_sensitive(true);
    Some((AUTHORIZATION, value))
}

/// A header that is not shown, if its value can stand in one.
pub(super) fn secret(name: &HeaderName, value: &str) -> Option<(HeaderName, HeaderValue)> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some((name.clone(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expected: bool) {
        assert_eq!(is_reserved(&name.parse().unwrap()), expected, "{name}");
    }

    #[test]
    fn what_has_a_meaning_of_ours_can_not_be_set() {
        for name in [
            "Webhook-Id",
            "webhook-signature",
            "Twinstream-Late",
            "Host",
            "Content-Length",
            "Content-Type",
            "Transfer-Encoding",
            "Connection",
            "Keep-Alive",
            "Proxy-Authorization",
            "TE",
            "Upgrade",
            "Expect",
            "ce-id",
        ] {
            check(name, true);
        }
        for name in ["X-App", "Authorization", "User-Agent", "Accept", "x-webhook-id", "cookie"] {
            check(name, false);
        }
    }
}
