//! CloudEvents as Auth0 sends them, with synthetic values.

use serde_json::{Value, json};

/// A CloudEvent that can be changed before it is sent.
#[derive(Debug, Clone)]
pub(crate) struct CloudEvent(pub(crate) Value);

/// `user.updated` of user `user`, with the given id, at a time that follows from `number`.
pub(crate) fn event(id: &str, user: u32, number: u64) -> CloudEvent {
    let time = twinstream::event::Timestamp::from_millis(
        1_772_356_544_000 + i64::try_from(number).unwrap(),
    );
    CloudEvent(json!({
        "id": id, "specversion": "1.0", "type": "user.updated",
        "source": "urn:auth0:acme.auth0.com", "time": time,
        "data": {"object": {
            "user_id": format!("auth0|{user}"), "email": format!("user{user}@example.com"),
            "blocked": number.is_multiple_of(2), "updated_at": time,
        }},
        "a0tenant": "acme", "a0stream": "est_webhook"
    }))
}

impl CloudEvent {
    pub(crate) fn with(mut self, attribute: &str, value: impl Into<Value>) -> Self {
        self.0[attribute] = value.into();
        self
    }

    /// With another value in the object.
    pub(crate) fn having(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.0["data"]["object"][field] = value.into();
        self
    }

    /// As the other stream carries it.
    pub(crate) fn by_eventbridge(self) -> Self {
        self.with("a0stream", "est_eventbridge")
    }

    pub(crate) fn body(&self) -> String {
        self.0.to_string()
    }

    /// Inside EventBridge's envelope.
    pub(crate) fn envelope(&self) -> String {
        json!({
            "version": "0", "id": "00000000-0000-0000-0000-000000000001",
            "detail-type": "some type", "source": "aws.partner/auth0.com/acme-1/auth0.events",
            "account": "000000000000", "time": "2026-03-01T09:15:45Z", "region": "us-east-1",
            "resources": [], "detail": self.0
        })
        .to_string()
    }
}
