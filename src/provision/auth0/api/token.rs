//! The token, by client credentials.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::PoisonError;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use super::call::below;
use super::transport::whole;
use super::{Api, ApiError};

/// A token that is to end within this time is not used any more.
const SPARE: Duration = Duration::from_mins(1);

/// A token, and for how long it is good.
#[derive(Clone)]
pub(super) struct Token {
    access: SecretString,
    scope: Option<String>,
    good_until: Instant,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("scope", &self.scope).finish_non_exhaustive()
    }
}

impl Token {
    pub(super) fn text(&self) -> &str {
        self.access.expose_secret()
    }

    pub(super) fn scopes(&self) -> Option<BTreeSet<String>> {
        let scope = self.scope.as_ref()?;
        Some(scope.split_whitespace().map(str::to_owned).collect())
    }
}

/// Auth0's answer (reference of the Authentication API, "Client Credentials Flow").
#[derive(Deserialize)]
struct Granted {
    access_token: SecretString,
    scope: Option<String>,
    /// Seconds.
    expires_in: u64,
}

impl Api {
    /// A token that is good for a while yet.
    pub(super) async fn token(&self) -> Result<Token, ApiError> {
        let kept = self.0.token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(token) = kept
            && Instant::now() < token.good_until
        {
            return Ok(token);
        }
        // Two who ask at once fetch two: harmless, and nobody waits with a lock in hand.
        let token = self.fetch_token().await?;
        *self.0.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
        Ok(token)
    }

    /// The API does not take this token any more. Leaves alone another that came in the meantime.
    pub(super) fn forget_token(&self, refused: &Token) {
        let mut kept = self.0.token.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.as_ref().is_some_and(|kept| kept.text() == refused.text()) {
            *kept = None;
        }
    }

    async fn fetch_token(&self) -> Result<Token, ApiError> {
        const WHAT: &str = "getting a token";
        let settings = &self.0.settings;
        let url = below(&self.0.base, ["oauth", "token"]);
        let body = json!({
            "grant_type": "client_credentials",
            "client_id": settings.client_id,
            "client_secret": settings.client_secret.expose_secret(),
            // The tenant's own domain, whatever address is asked (Auth0 docs, "Get Management API access
            // tokens for production").
            "audience": format!("https://{}/api/v2/", settings.domain),
        });
        let request = self.0.client.post(url).body(body.to_string());
        let request = request.header(http::header::CONTENT_TYPE, "application/json");
        let asked_at = Instant::now();
        // A token more than is used does no harm.
        let body = self.try_often(WHAT, true, &request, whole).await;
        let body = body.map_err(|error| match error {
            ApiError::Refused { refusal, .. } if refusal.status < 500 && refusal.status != 429 => {
                ApiError::Credentials(refusal)
            }
            other => other,
        })?;
        let granted: Granted = serde_json::from_slice(&body)
            .map_err(|source| ApiError::Unclear { what: WHAT.to_owned(), source })?;
        let life = Duration::from_secs(granted.expires_in);
        let good_for = life.saturating_sub(SPARE.min(life / 10));
        let good_until = asked_at.checked_add(good_for).unwrap_or(asked_at);
        Ok(Token { access: granted.access_token, scope: granted.scope, good_until })
    }
}
