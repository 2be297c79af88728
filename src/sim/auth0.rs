//! A tenant whose users change, and Auth0's way of posting webhooks.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::event::Timestamp;

/// A tenant whose users change. The same seed makes the same changes.
#[derive(Debug)]
pub struct Tenant {
    random: fastrand::Rng,
    ids: Ids,
    blocked: Vec<bool>,
}

/// Whether Auth0's two streams carry one id for one event; it is not documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    /// The same on both.
    Same,
    /// One for each stream.
    Different,
}

/// One change in the tenant, as each of the two streams carries it: a CloudEvent in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// As the webhook stream posts it.
    pub webhook: String,
    /// As the EventBridge stream puts it into the envelope.
    pub eventbridge: String,
}

/// The tenant's name.
pub const TENANT: &str = "acme-demo";
/// The users that the tenant has.
const USERS: usize = 40;
/// The alphabet of Auth0's ids.
const BASE_58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

impl Tenant {
    /// A tenant with some users.
    pub fn new(seed: u64, ids: Ids) -> Self {
        Self { random: fastrand::Rng::with_seed(seed), ids, blocked: vec![false; USERS] }
    }

    /// The next change: now and then an administrator blocks or unblocks a user, else somebody
    /// changes a profile.
    pub fn next_change(&mut self, now: Timestamp) -> Change {
        let user = self.random.usize(..USERS);
        if self.random.u8(..4) == 0
            && let Some(blocked) = self.blocked.get_mut(user)
        {
            *blocked = !*blocked;
        }
        let id = self.id();
        let other = match self.ids {
            Ids::Same => id.clone(),
            Ids::Different => self.id(),
        };
        let event = self.event(user, now);
        let carried = |id: String, stream: &str| {
            let mut event = event.clone();
            if let Value::Object(attributes) = &mut event {
                attributes.insert("id".into(), id.into());
                attributes.insert("a0stream".into(), stream.into());
            }
            event.to_string()
        };
        Change {
            webhook: carried(id, "est_webhook000000000000001"),
            eventbridge: carried(other, "est_eventbridge0000000001"),
        }
    }

    fn event(&mut self, user: usize, now: Timestamp) -> Value {
        let email = format!("user{user:02}@example.com");
        json!({
            "specversion": "1.0", "type": "user.updated",
            "source": format!("urn:auth0:{TENANT}.auth0.com"),
            "time": now, "a0tenant": TENANT,
            "data": { "object": {
                "user_id": format!("auth0|{user:024x}"), "email": email, "email_verified": true,
                "blocked": self.blocked.get(user), "name": email, "nickname": format!("user{user:02}"),
                "picture": "https://example.com/picture.png",
                "created_at": "2026-01-12T08:00:00.000Z", "updated_at": now,
                "identities": [{
                    "connection": "Username-Password-Authentication", "isSocial": false,
                    "provider": "auth0", "user_id": format!("{user:024x}")
                }],
                "app_metadata": { "plan": if self.random.bool() { "team" } else { "free" } },
                "user_metadata": { "seen": self.random.u32(..1_000) }
            } }
        })
    }

    fn id(&mut self) -> String {
        let mut letter = || self.random.choice(BASE_58).map_or('1', |byte| char::from(*byte));
        let letters: String = (0..22).map(|_| letter()).collect();
        format!("evt_{letters}")
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_changes() {
        let now = Timestamp::from_millis(1_772_356_544_960);
        let changes = |seed, ids| {
            let mut tenant = Tenant::new(seed, ids);
            [tenant.next_change(now), tenant.next_change(now)]
        };
        assert_eq!(changes(1, Ids::Same), changes(1, Ids::Same));
        assert_ne!(changes(1, Ids::Same), changes(2, Ids::Same));
        let id = |event: &str| serde_json::from_str::<Value>(event).unwrap()["id"].clone();
        for change in changes(1, Ids::Same) {
            assert_eq!(id(&change.webhook), id(&change.eventbridge));
        }
        for change in changes(1, Ids::Different) {
            assert_ne!(id(&change.webhook), id(&change.eventbridge));
        }
    }
}
