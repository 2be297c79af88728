//! One event as the comparison sees it.

use serde::Serialize;

use super::{Flags, Path, Timestamp};

/// When one event was seen by which path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    /// The CloudEvent's `time`.
    pub time: Timestamp,
    /// Sent by the Management API's test call: enters no statistic.
    pub test: bool,
    /// It came when what the journal knew of its time had expired: its other arrival may be forgotten.
    pub too_late: bool,
    /// The first arrival by webhook.
    pub webhook: Option<Sighting>,
    /// The first arrival by EventBridge.
    pub eventbridge: Option<Sighting>,
    /// When it came because twinstream asked for it, and by no path of itself.
    pub rescued: Option<Timestamp>,
    /// How the two were found to be one event; `Some` when both paths saw it.
    pub paired_by: Option<PairedBy>,
    /// Further arrivals.
    pub repeats: Repeats,
    /// The payloads of its arrivals are not all the same.
    pub payload_differs: bool,
}

/// Number of arrivals of an event after the first by the same path, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Repeats {
    /// Auth0 sent the request again.
    pub webhook_retry: u32,
    /// SQS handed out the same message again.
    pub same_message: u32,
    /// Another message brought the event.
    pub other_message: u32,
}

/// The first arrival of an event by a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    /// When this host had it.
    pub at: Timestamp,
    /// When it was committed.
    pub stored_at: Timestamp,
    /// Why `at` says nothing about the path.
    pub flags: Flags,
    /// A later event had come by the same path before.
    pub out_of_order: bool,
    /// What EventBridge and SQS stamped on it.
    pub hops: HopTimes,
}

/// The instants that EventBridge and SQS told of an arrival's way, each by its own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HopTimes {
    /// The envelope's `time`, in whole seconds.
    pub envelope: Option<Timestamp>,
    /// SQS `SentTimestamp`.
    pub sent: Option<Timestamp>,
    /// SQS `ApproximateFirstReceiveTimestamp`.
    pub first_received: Option<Timestamp>,
}

/// How two arrivals were found to be one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PairedBy {
    /// Both carried the same `id`.
    Id,
    /// They agreed in tenant, type, subject and time, and no other event did.
    Fallback,
    /// As [`PairedBy::Fallback`], but other events agreed as well.
    Ambiguous,
}

impl Observation {
    /// The first arrival by this path.
    pub const fn sighting(&self, path: Path) -> Option<Sighting> {
        match path {
            Path::Webhook => self.webhook,
            Path::Eventbridge => self.eventbridge,
        }
    }

    /// The first arrival by any path, or as it was asked for.
    pub fn first_arrival(&self) -> Option<Timestamp> {
        let seen = Path::ALL.into_iter().filter_map(|path| self.sighting(path));
        seen.map(|seen| seen.at).chain(self.rescued).min()
    }

    /// Whether its absence on a path may be called a loss: neither it nor its first arrival is after
    /// this instant.
    pub fn has_settled_by(&self, instant: Timestamp) -> bool {
        self.time <= instant && self.first_arrival().is_some_and(|first| first <= instant)
    }
}

impl Sighting {
    /// An arrival that was stored at once and is not flagged.
    pub const fn plain(at: Timestamp) -> Self {
        let hops = HopTimes { envelope: None, sent: None, first_received: None };
        Self { at, stored_at: at, flags: Flags::NONE, out_of_order: false, hops }
    }

    /// Whether its time says nothing about the path.
    pub const fn is_flagged(self) -> bool {
        !self.flags.is_empty()
    }
}
