//! Failed deliveries for the tests.

use super::Failed;
use crate::event::{EventId, Timestamp};

/// One that Auth0 has given up on.
pub(super) fn failed(id: &str) -> Failed {
    let time = Some(Timestamp::from_millis(0));
    Failed {
        id: EventId::parse(id).unwrap(),
        kind: "user.updated".into(),
        time,
        first_attempt: time,
        last_attempt: time,
        has_ended: true,
        error: None,
    }
}

impl Failed {
    pub(super) fn tried_at(self, at: Timestamp) -> Self {
        Self { last_attempt: Some(at), ..self }
    }
}
