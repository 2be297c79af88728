//! One event as the comparison sees it.

use serde::Serialize;

use super::{Path, Timestamp};

/// When one event was seen by which path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    /// The CloudEvent's `time`.
    pub time: Timestamp,
    /// Sent by the Management API's test call: enters no statistic.
    pub test: bool,
    /// The first arrival by webhook.
    pub webhook: Option<Sighting>,
    /// The first arrival by EventBridge.
    pub eventbridge: Option<Sighting>,
    /// How the two were found to be one event; `Some` when both paths saw it.
    pub paired_by: Option<PairedBy>,
    /// Further arrivals by webhook.
    pub webhook_repeats: u32,
    /// Further arrivals by EventBridge.
    pub eventbridge_repeats: u32,
}

/// The first arrival of an event by a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    /// When this host had it.
    pub at: Timestamp,
    /// How often SQS had handed the message out, this time included; 1 for a webhook.
    pub receive_count: u32,
    /// It came out of a dead-letter queue.
    pub redriven: bool,
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

    /// Arrivals by this path after the first.
    pub const fn repeats(&self, path: Path) -> u32 {
        match path {
            Path::Webhook => self.webhook_repeats,
            Path::Eventbridge => self.eventbridge_repeats,
        }
    }

    /// The first arrival by any path.
    pub fn first_arrival(&self) -> Option<Timestamp> {
        Path::ALL.into_iter().filter_map(|path| self.sighting(path)).map(|seen| seen.at).min()
    }
}

impl Sighting {
    /// Whether its time says nothing about the path: the queue had delivered the message before,
    /// so that it waited out a visibility time-out of ours, or a person put it back into the queue.
    pub const fn is_flagged(self) -> bool {
        self.receive_count > 1 || self.redriven
    }
}
