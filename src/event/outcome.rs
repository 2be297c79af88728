//! How arrivals and deliveries end.

use std::fmt;

use serde::Serialize;

/// How an arrival ended. Each ends in exactly one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ArrivalOutcome {
    /// The event's first arrival by this path.
    Accepted,
    /// The event had come by this path before.
    Duplicate,
    /// It could not be understood; the bytes are kept.
    Quarantined,
}

impl ArrivalOutcome {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Accepted, Self::Duplicate, Self::Quarantined];

    /// The name used in labels and documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Quarantined => "quarantined",
        }
    }
}

impl fmt::Display for ArrivalOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How a delivery ended. Each ends in exactly one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryOutcome {
    /// The target answered 2XX.
    Delivered,
    /// It said nothing new of what its route watches.
    Filtered,
    /// A newer event of its subject was delivered or attempted before it, on a route with
    /// `order = "latest"`.
    Superseded,
    /// It failed for good, and is kept for redrive: a dead letter.
    Dead,
    /// A person ordered that it is not to be delivered; who and why is kept.
    Discarded,
    /// It had not ended when its event expired: its route or target was gone, or down, for longer
    /// than the journal keeps events.
    Expired,
}

impl DeliveryOutcome {
    /// The name used in labels and documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Filtered => "filtered",
            Self::Superseded => "superseded",
            Self::Dead => "dead",
            Self::Discarded => "discarded",
            Self::Expired => "expired",
        }
    }
}

impl fmt::Display for DeliveryOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What kind of duplicate an arrival is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RepeatKind {
    /// The same event by webhook again: Auth0's retry, or a redelivery that somebody else asked for.
    WebhookRetry,
    /// The same event by webhook again, because `reconcile` asked for it: no fault of the path's.
    AskedFor,
    /// The same SQS message again: it was not deleted in time, or SQS delivered it twice.
    SameMessage,
    /// Another SQS message with the same event: a repeat before the queue.
    OtherMessage,
}

impl RepeatKind {
    /// The name used in labels and documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WebhookRetry => "webhook_retry",
            Self::AskedFor => "asked_for",
            Self::SameMessage => "same_message",
            Self::OtherMessage => "other_message",
        }
    }
}

impl fmt::Display for RepeatKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
