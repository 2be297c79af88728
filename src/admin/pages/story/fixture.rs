//! Stories for tests.

use crate::event::{Path, Timestamp};
use crate::journal::{
    ArrivalStory, AttemptStory, ContentLeft, DeliveryStory, EventStory, EventSummary,
};

/// This many milliseconds after the event.
pub(in crate::admin::pages) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(1_772_356_544_000 + ms)
}

/// `user.updated` that came by neither path.
pub(in crate::admin::pages) fn story() -> EventStory {
    EventStory {
        summary: EventSummary {
            seq: 1,
            id: "evt_1".to_owned(),
            kind: "user.updated".to_owned(),
            subject: "user:auth0|1".to_owned(),
            time: at(0),
            test: false,
            first_path: Path::Webhook,
            webhook_at: None,
            eventbridge_at: None,
            rescued: false,
            backfilled: false,
            rescued_at: None,
            duplicates: 0,
        },
        tenant: "acme".to_owned(),
        paired_by: None,
        payload_differences: Vec::new(),
        arrivals: Vec::new(),
        deliveries: Vec::new(),
        content: ContentLeft::Whole,
        payload: serde_json::json!({"id": "evt_1"}),
    }
}

/// A first arrival, so many milliseconds after the event.
pub(in crate::admin::pages) fn arrival(path: Path, ms: i64) -> ArrivalStory {
    let of_queue = |ms| (path == Path::Eventbridge).then(|| at(ms));
    ArrivalStory {
        path,
        duplicate: None,
        rescued: false,
        backfilled: false,
        id: None,
        stream: None,
        envelope_time: of_queue(0),
        sent_at: of_queue(ms - 20),
        first_received_at: of_queue(ms - 10),
        receive_count: (path == Path::Eventbridge).then_some(1),
        redriven: false,
        message_id: None,
        at: at(ms),
        stored_at: at(ms + 1),
    }
}

/// Without attempts.
pub(in crate::admin::pages) fn delivery(state: &'static str) -> DeliveryStory {
    DeliveryStory {
        route: "to-app".to_owned(),
        target: "app".to_owned(),
        state,
        reason: None,
        late: false,
        redrives: 0,
        due_at: None,
        settled_at: None,
        attempts: Vec::new(),
    }
}

/// One that took 10 ms.
pub(in crate::admin::pages) fn attempt(attempt: u32, ms: i64, status: Option<u16>) -> AttemptStory {
    let error = status.is_none().then(|| "connection refused".to_owned());
    AttemptStory { attempt, started_at: at(ms), took_us: 10_000, status, error, answer: None }
}
