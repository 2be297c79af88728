//! Signing in: the token of `admin.token` and a name, kept in a cookie that only this server can make.

use std::fmt;
use std::time::Duration;

use askama::Template;
use axum::extract::{FromRequestParts, Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::{Extension, Form};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cookie::{Cookie, SameSite};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, StatusCode, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::guard::Ordered;
use super::{Desk, assets, shown};
use crate::admin::guard::comes_from_another_site;
use crate::event::Timestamp;

const COOKIE: &str = "twinstream_session";
/// Signed in for a working day.
const LASTS: Duration = Duration::from_hours(12);
/// Far over any name.
const NAME_CHARS_MAX: usize = 100;

/// Makes and checks the cookies. Keeps none of them: what a cookie says is signed.
#[derive(Clone)]
pub(super) struct Sessions {
    /// Of `admin.token`, so that a session outlives a restart, and ends when the token is changed; else
    /// drawn at the start.
    key: Option<[u8; 32]>,
    token: Option<[u8; 32]>,
}

/// Without the key and the digest.
impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

/// Who looks at a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Visitor {
    /// The name that they signed in with.
    pub(super) name: Option<String>,
    /// Goes into each form of a page, and comes back with the order: no other page can know it.
    pub(super) csrf: String,
}

impl Visitor {
    /// Whether a form with this text was made for this visitor.
    pub(super) fn gave(&self, csrf: &str) -> bool {
        !self.csrf.is_empty() && bool::from(self.csrf.as_bytes().ct_eq(csrf.as_bytes()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = StatusCode;

    async fn from_request_parts(
        parts: &mut http::request::Parts,
        state: &S,
    ) -> Result<Self, StatusCode> {
        let visitor = Extension::<Self>::from_request_parts(parts, state).await;
        visitor.map(|Extension(visitor)| visitor).map_err(|_| StatusCode::FORBIDDEN)
    }
}

impl Sessions {
    pub(super) fn new(token: Option<&SecretString>) -> Self {
        let Some(token) = token else {
            let mut key = [0; 32];
            // Without randomness the key would be known; then no form is taken at all.
            return Self { key: getrandom::fill(&mut key).is_ok().then_some(key), token: None };
        };
        let token = token.expose_secret().as_bytes();
        let key = Sha256::new().chain_update("twinstream session\0").chain_update(token);
        Self { key: Some(key.finalize().into()), token: Some(Sha256::digest(token).into()) }
    }

    pub(super) const fn demands_token(&self) -> bool {
        self.token.is_some()
    }

    /// Who sent these headers; `None` when they have to sign in.
    pub(super) fn visitor(&self, headers: &HeaderMap, now: Timestamp) -> Option<Visitor> {
        if !self.demands_token() {
            return Some(Visitor { name: None, csrf: self.mac(&["form", ""]) });
        }
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|all| all.to_str().ok());
        let mut sessions = cookies
            .flat_map(Cookie::split_parse)
            .filter_map(Result::ok)
            .filter(|cookie| cookie.name() == COOKIE);
        sessions.find_map(|cookie| {
            let name = self.name_in(cookie.value(), now)?;
            Some(Visitor { name: Some(name), csrf: self.mac(&["form", cookie.value()]) })
        })
    }

    fn accepts(&self, token: &str) -> bool {
        let presented: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        self.token.is_some_and(|token| bool::from(presented.as_slice().ct_eq(token.as_slice())))
    }

    /// `name.until.mac`, the first and the last in base64.
    fn session(&self, name: &str, now: Timestamp) -> String {
        let name = URL_SAFE_NO_PAD.encode(name);
        let until = now.plus(LASTS).as_nanos() / 1_000_000_000;
        let mac = self.mac(&["session", &name, &until.to_string()]);
        format!("{name}.{until}.{mac}")
    }

    fn name_in(&self, session: &str, now: Timestamp) -> Option<String> {
        let (name, rest) = session.split_once('.')?;
        let (until, mac) = rest.split_once('.')?;
        let expected = self.mac(&["session", name, until]);
        if !bool::from(expected.as_bytes().ct_eq(mac.as_bytes())) {
            return None;
        }
        let until: i64 = until.parse().ok()?;
        if now.as_nanos() / 1_000_000_000 >= until {
            return None;
        }
        String::from_utf8(URL_SAFE_NO_PAD.decode(name).ok()?).ok()
    }

    fn mac(&self, parts: &[&str]) -> String {
        let mac = self.key.and_then(|key| Hmac::<Sha256>::new_from_slice(&key).ok());
        let Some(mut mac) = mac else { return String::new() };
        for part in parts {
            mac.update(part.as_bytes());
            mac.update(b"\0");
        }
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }
}

/// The page on which people sign in.
#[derive(Debug, Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    next: String,
    name: String,
    refused: Option<&'static str>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    next: String,
}

pub(super) async fn form(State(desk): State<Desk>, Query(wanted): Query<Wanted>) -> Response {
    if !desk.sessions.demands_token() {
        return Redirect::to("/").into_response();
    }
    let form = SignIn { next: local(&wanted.next), name: String::new(), refused: None };
    shown(StatusCode::OK, &form)
}

#[derive(Deserialize)]
pub(super) struct Presented {
    token: SecretString,
    name: String,
    #[serde(default)]
    next: String,
}

pub(super) async fn sign_in(
    State(desk): State<Desk>,
    headers: HeaderMap,
    Form(presented): Form<Presented>,
) -> Response {
    let Presented { token, name, next } = presented;
    let next = local(&next);
    let name: String = name.trim().chars().take(NAME_CHARS_MAX).collect();
    let refused = if comes_from_another_site(&headers) {
        Some("Sign in on this page itself.")
    } else if !desk.sessions.accepts(token.expose_secret()) {
        Some("That is not the token of admin.token.")
    } else if name.is_empty() {
        Some("A name is needed: orders are signed with it.")
    } else {
        None
    };
    if refused.is_some() {
        return shown(StatusCode::FORBIDDEN, &SignIn { next, name, refused });
    }
    let session = desk.sessions.session(&name, desk.sources.clock.now());
    with_cookie(&headers, session, LASTS, &next)
}

/// A form that says no more than who gave it.
#[derive(Debug, Deserialize)]
pub(super) struct NothingMore {}

pub(super) async fn sign_out(headers: HeaderMap, _: Ordered<NothingMore>) -> Response {
    with_cookie(&headers, String::new(), Duration::ZERO, "/sign-in")
}

fn with_cookie(headers: &HeaderMap, value: String, lasts: Duration, next: &str) -> Response {
    let forwarded = headers.get("x-forwarded-proto").is_some_and(|proto| proto == "https");
    let cookie = Cookie::build((COOKIE, value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(forwarded)
        .max_age(lasts.try_into().unwrap_or_default());
    ([(header::SET_COOKIE, cookie.to_string())], Redirect::to(next)).into_response()
}

/// A path of this very place; what leads elsewhere leads to the front page.
fn local(next: &str) -> String {
    let is_local = next.starts_with('/') && !next.starts_with("//") && !next.contains('\\');
    // Browsers leave out tabs and line breaks, and would read two slashes.
    let is_local = is_local && !next.chars().any(char::is_control);
    if is_local { next.to_owned() } else { "/".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_millis(1_772_356_544_960)
    }

    fn sessions(token: &str) -> Sessions {
        Sessions::new(Some(&SecretString::from(token.to_owned())))
    }

    fn cookie(value: &str) -> HeaderMap {
        let value = format!("other=1; {COOKIE}={value}").parse().unwrap();
        HeaderMap::from_iter([(header::COOKIE, value)])
    }

    #[track_caller]
    fn check(session: &str, at: Timestamp, expected: Option<&str>) {
        let visitor = sessions("t").visitor(&cookie(session), at);
        assert_eq!(visitor.and_then(|visitor| visitor.name).as_deref(), expected);
    }

    #[test]
    fn a_session_names_who_signed_in() {
        let session = sessions("t").session("Kim, on call", now());
        check(&session, now(), Some("Kim, on call"));
        check(&session, now().plus(LASTS), None);
        check(&sessions("another").session("Kim", now()), now(), None);
        check("", now(), None);
        let (name, rest) = session.split_once('.').unwrap();
        check(&format!("{name}x.{rest}"), now(), None);
        let later = rest.replacen('1', "2", 1);
        check(&format!("{name}.{later}"), now(), None);
    }

    #[test]
    fn a_form_is_good_for_the_session_it_was_made_for() {
        let sessions = sessions("t");
        let visitor = |name: &str| {
            let session = sessions.session(name, now());
            sessions.visitor(&cookie(&session), now()).unwrap()
        };
        let (kim, lee) = (visitor("Kim"), visitor("Lee"));
        assert!(kim.gave(&kim.csrf));
        assert!(!kim.gave(&lee.csrf));
        assert!(!Visitor::default().gave(""));
    }

    #[test]
    fn without_a_token_everybody_here_is_a_visitor() {
        let open = Sessions::new(None);
        let visitor = open.visitor(&HeaderMap::new(), now()).unwrap();
        assert_eq!(visitor.name, None);
        assert!(visitor.gave(&visitor.csrf));
        assert_ne!(Sessions::new(None).visitor(&HeaderMap::new(), now()), Some(visitor));
    }

    #[test]
    fn nobody_is_led_elsewhere() {
        assert_eq!(local("/events?type=user.updated"), "/events?type=user.updated");
        for elsewhere in
            ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example", ""]
        {
            assert_eq!(local(elsewhere), "/");
        }
    }
}
