//! Tokens and scopes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axum::body::Body;
use http::{HeaderMap, Response, StatusCode};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::json;

use super::refusal::{Refusal, json_answer};
use super::{Settings, Shared};
use crate::event::Timestamp;

/// All scopes that the calls here ask for.
pub(super) const SCOPES: [&str; 7] = [
    "read:event_streams",
    "create:event_streams",
    "update:event_streams",
    "delete:event_streams",
    "read:event_deliveries",
    "update:event_deliveries",
    "read:events",
];

/// Who may do what.
#[derive(Debug)]
pub(super) struct Access {
    pub scopes: BTreeSet<String>,
    life: Duration,
    tokens: BTreeMap<String, Grant>,
    issued: u64,
}

#[derive(Debug)]
struct Grant {
    scopes: BTreeSet<String>,
    until: Timestamp,
}

impl Access {
    pub(super) fn new(settings: &Settings) -> Self {
        let scopes = settings.scopes.iter().cloned().collect();
        Self { scopes, life: settings.token_life, tokens: BTreeMap::new(), issued: 0 }
    }

    /// How many tokens were issued.
    pub(super) const fn issued(&self) -> u64 {
        self.issued
    }

    /// No token that was issued is good any more.
    pub(super) fn revoke(&mut self) {
        self.tokens.clear();
    }

    fn issue(&mut self, now: Timestamp) -> String {
        self.issued += 1;
        let token = format!("token-{}-{:016x}", self.issued, fastrand::u64(..));
        self.tokens.retain(|_, grant| now < grant.until);
        let grant = Grant { scopes: self.scopes.clone(), until: now.plus(self.life) };
        self.tokens.insert(token.clone(), grant);
        token
    }

    /// Whether these headers may do what takes any of these scopes.
    pub(super) fn check(
        &self,
        headers: &HeaderMap,
        any_of: &[&str],
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let unauthorized =
            |message: &str| Refusal::new(StatusCode::UNAUTHORIZED, message, "invalid_token");
        let header = headers.get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(|value| value.strip_prefix("Bearer "));
        let token = token.ok_or_else(|| unauthorized("Missing authentication"))?;
        let grant = self.tokens.get(token).ok_or_else(|| unauthorized("Invalid token"))?;
        if now >= grant.until {
            return Err(unauthorized("Expired token received for JSON Web Token validation"));
        }
        if any_of.iter().any(|scope| grant.scopes.contains(*scope)) {
            Ok(())
        } else {
            Err(Refusal::scope(any_of))
        }
    }
}

#[derive(Deserialize)]
struct Asked {
    grant_type: String,
    client_id: String,
    client_secret: String,
    audience: String,
}

/// `POST /oauth/token`
pub(super) fn token(shared: &Shared, body: &[u8]) -> Response<Body> {
    let refuse = |status: StatusCode, error: &str, why: &str| {
        json_answer(status, &json!({ "error": error, "error_description": why }))
    };
    let asked: Asked = match serde_json::from_slice(body) {
        Ok(asked) => asked,
        Err(error) => {
            return refuse(StatusCode::BAD_REQUEST, "invalid_request", &error.to_string());
        }
    };
    let settings = &shared.settings;
    if asked.grant_type != "client_credentials" {
        return refuse(StatusCode::FORBIDDEN, "unsupported_grant_type", "Unsupported grant type");
    }
    if asked.client_id != settings.client_id
        || asked.client_secret != settings.client_secret.expose_secret()
    {
        return refuse(StatusCode::UNAUTHORIZED, "access_denied", "Unauthorized");
    }
    if asked.audience != format!("https://{}/api/v2/", settings.domain) {
        let why = format!("Service not found: {}", asked.audience);
        return refuse(StatusCode::FORBIDDEN, "access_denied", &why);
    }
    let mut state = shared.state();
    let token = state.access.issue(settings.clock.now());
    let scopes: Vec<&str> = state.access.scopes.iter().map(String::as_str).collect();
    let answer = json!({
        "access_token": token,
        "scope": scopes.join(" "),
        "expires_in": settings.token_life.as_secs(),
        "token_type": "Bearer",
    });
    json_answer(StatusCode::OK, &answer)
}
