//! Who may ask.

use std::fmt;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::api;

/// Checks the token; without one, that the request was not made by a web page.
#[derive(Clone)]
pub(super) struct Guard(Option<Arc<[u8; 32]>>);

/// Without the digest, by which a weak token could be guessed.
impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Guard").field(&self.0.is_some()).finish()
    }
}

impl Guard {
    pub(super) fn new(token: Option<&SecretString>) -> Self {
        Self(token.map(|token| Arc::new(digest(token.expose_secret().as_bytes()))))
    }

    /// Whether the sender may be told more than a probe needs to know.
    pub(super) fn admits(&self, headers: &HeaderMap) -> bool {
        self.refusal(headers).is_none()
    }

    fn refusal(&self, headers: &HeaderMap) -> Option<(StatusCode, &'static str)> {
        match &self.0 {
            Some(expected) => {
                let presented = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
                let presented = presented.and_then(|value| value.strip_prefix(b"Bearer "));
                let matches = presented.is_some_and(|token| {
                    bool::from(digest(token).as_slice().ct_eq(expected.as_slice()))
                });
                (!matches).then_some((
                    StatusCode::UNAUTHORIZED,
                    "send the token of admin.token as `Authorization: Bearer …`",
                ))
            }
            // A page anywhere can have its own host name point at loopback and read what is served
            // there; an address, or localhost, it can't.
            None if !is_plain_host(headers) => Some((
                StatusCode::FORBIDDEN,
                "without admin.token, ask by address or localhost, not by another host name",
            )),
            None => None,
        }
    }
}

/// Whether the host is asked for by an address or as localhost.
pub(super) fn is_plain_host(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else {
        return true;
    };
    let Ok(url) = url::Url::parse(&format!("http://{host}/")) else { return false };
    match url.host() {
        Some(url::Host::Ipv4(_) | url::Host::Ipv6(_)) => true,
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// An order must not be given by a page that somebody else made the browser show: it is JSON, which no
/// page may send elsewhere without being asked first (Fetch, "CORS-safelisted request-header"), and a
/// browser that says where the page is from says this very place.
fn is_foreign_order(method: &Method, headers: &HeaderMap) -> Option<(StatusCode, &'static str)> {
    if matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let is_json = text(header::CONTENT_TYPE).is_some_and(|kind| {
        kind.split(';').next().unwrap_or_default().trim() == "application/json"
    });
    if !is_json {
        let what = "send orders as JSON, with `Content-Type: application/json`";
        return Some((StatusCode::UNSUPPORTED_MEDIA_TYPE, what));
    }
    comes_from_another_site(headers)
        .then_some((StatusCode::FORBIDDEN, "orders are not taken from the pages of other sites"))
}

/// Whether a browser says that the request was made by a page of another site.
pub(super) fn comes_from_another_site(headers: &HeaderMap) -> bool {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST).unwrap_or_default();
    let from_here = text(header::ORIGIN).is_none_or(|origin| {
        origin.split_once("://").is_some_and(|(_, origin_host)| origin_host == host)
    });
    let site = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
    let same_site = site.is_none_or(|site| matches!(site, "same-origin" | "none"));
    !from_here || !same_site
}

pub(super) async fn check(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let foreign = || is_foreign_order(request.method(), request.headers());
    match guard.refusal(request.headers()).or_else(foreign) {
        None => next.run(request).await,
        Some((status, what)) => {
            let mut response = api::error(status, what);
            if status == StatusCode::UNAUTHORIZED {
                let challenge = HeaderValue::from_static("Bearer realm=\"twinstream admin\"");
                response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            }
            response
        }
    }
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(token: Option<&str>, headers: &[(&'static str, &str)], expected: Option<u16>) {
        let token = token.map(|token| SecretString::from(token.to_owned()));
        let headers =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let headers: HeaderMap = headers.collect();
        let refusal = Guard::new(token.as_ref()).refusal(&headers);
        assert_eq!(refusal.map(|(status, _)| status.as_u16()), expected);
    }

    #[test]
    fn a_token_is_demanded_where_there_is_one() {
        check(Some("t"), &[], Some(401));
        check(Some("t"), &[("authorization", "Bearer x")], Some(401));
        check(Some("t"), &[("authorization", "t")], Some(401));
        check(Some("t"), &[("authorization", "Bearer t")], None);
        check(Some("t"), &[("authorization", "Bearer t"), ("host", "gateway.example")], None);
    }

    #[test]
    fn without_a_token_other_host_names_are_refused() {
        check(None, &[], None);
        check(None, &[("host", "127.0.0.1:9400")], None);
        check(None, &[("host", "[::1]:9400")], None);
        check(None, &[("host", "localhost:9400")], None);
        check(None, &[("host", "rebound.example:9400")], Some(403));
        check(None, &[("host", "localhost.example")], Some(403));
    }

    #[track_caller]
    fn check_order(method: &Method, headers: &[(&'static str, &str)], expected: Option<u16>) {
        let headers =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let headers: HeaderMap = headers.collect();
        let refusal = is_foreign_order(method, &headers);
        assert_eq!(refusal.map(|(status, _)| status.as_u16()), expected);
    }

    #[test]
    fn orders_are_json_from_here() {
        let json = ("content-type", "application/json");
        let host = ("host", "127.0.0.1:9400");
        check_order(&Method::GET, &[("origin", "https://elsewhere.example")], None);
        check_order(&Method::POST, &[host], Some(415));
        check_order(&Method::POST, &[host, ("content-type", "text/plain")], Some(415));
        check_order(&Method::POST, &[host, json], None);
        let with_charset = ("content-type", "application/json; charset=utf-8");
        check_order(&Method::POST, &[host, with_charset], None);
        check_order(&Method::POST, &[host, json, ("origin", "http://127.0.0.1:9400")], None);
        for origin in ["https://elsewhere.example", "null", "http://127.0.0.1:1"] {
            check_order(&Method::POST, &[host, json, ("origin", origin)], Some(403));
        }
        check_order(&Method::POST, &[host, json, ("sec-fetch-site", "same-origin")], None);
        check_order(&Method::POST, &[host, json, ("sec-fetch-site", "cross-site")], Some(403));
    }
}
