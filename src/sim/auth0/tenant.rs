//! A tenant whose users change.

use serde_json::{Value, json};

use crate::event::{Path, Timestamp};

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

/// One change in the tenant, as each of the two streams carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The CloudEvent's type.
    pub kind: &'static str,
    /// What it is about, as the gateway names subjects: `user:auth0|…`.
    pub subject: String,
    /// When it happened, by Auth0's clock.
    pub time: Timestamp,
    /// Sent by the Management API's test call (`a0purpose`).
    pub test: bool,
    /// As the webhook stream posts it.
    pub webhook: CloudEvent,
    /// As the EventBridge stream puts it into the envelope.
    pub eventbridge: CloudEvent,
}

/// A change as one stream carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudEvent {
    /// Its id on this stream.
    pub id: String,
    /// The event in JSON.
    pub json: String,
}

impl Change {
    /// As the stream of this path carries it.
    pub const fn on(&self, path: Path) -> &CloudEvent {
        match path {
            Path::Webhook => &self.webhook,
            Path::Eventbridge => &self.eventbridge,
        }
    }
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
                attributes.insert("id".into(), id.clone().into());
                attributes.insert("a0stream".into(), stream.into());
            }
            CloudEvent { id, json: event.to_string() }
        };
        Change {
            kind: "user.updated",
            subject: format!("user:auth0|{user:024x}"),
            time: now,
            test: false,
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
        for change in changes(1, Ids::Same) {
            assert_eq!(change.webhook.id, change.eventbridge.id);
        }
        for change in changes(1, Ids::Different) {
            assert_ne!(change.webhook.id, change.eventbridge.id);
        }
    }
}
