//! What came of a play.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::lane::{Lane, Parcel};
use super::timing::Quantiles;
use crate::event::{Path, PerPath, Timestamp};
use crate::sim::auth0::Change;
use crate::sim::auth0::carrier::Letter;
use crate::sim::auth0::truth::Totals;

/// What came of a play.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Played {
    /// Events that happened.
    pub happened: u64,
    /// The earliest `time` of its events, for the window of a comparison.
    pub from: Timestamp,
    /// How long events happened, in seconds.
    #[serde(rename = "happening_seconds", serialize_with = "seconds")]
    pub happening: Duration,
    /// How long it took to send them too, in seconds.
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub took: Duration,
    /// Whether it was stopped before its end.
    pub was_stopped: bool,
    /// What a comparison should say.
    pub totals: Totals,
    /// Each path that was driven.
    pub paths: PerPath<Option<PathPlayed>>,
}

/// What came of one path.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PathPlayed {
    /// Deliveries that succeeded, copies and redeliveries counted.
    pub accepted: u64,
    /// Deliveries that failed, the same.
    pub failed: u64,
    /// How many attempts got which answer.
    pub answers: BTreeMap<String, u64>,
    /// From the instant at which a copy was due to its acceptance, in milliseconds: free of coordinated
    /// omission.
    pub due_to_accepted_ms: Option<Quantiles>,
    /// From the sending of an attempt to its answer, in milliseconds.
    pub sent_to_answered_ms: Option<Quantiles>,
    /// Whether the stream was on at the end.
    pub is_on: bool,
}

impl PathPlayed {
    pub(super) fn of(lane: Lane) -> Self {
        let (due_to_accepted_ms, sent_to_answered_ms) =
            (lane.timing.due_to_accepted(), lane.timing.sent_to_answered());
        Self {
            accepted: lane.counts.accepted,
            failed: lane.counts.failed,
            answers: lane.timing.answers(),
            due_to_accepted_ms,
            sent_to_answered_ms,
            is_on: lane.standing.is_on(),
        }
    }
}

impl Parcel {
    pub(super) fn new(event: u64, change: &Change, path: Path, due: tokio::time::Instant) -> Self {
        let carried = change.on(path);
        let letter = Letter { kind: change.kind, json: carried.json.as_str().into() };
        Self { event, id: carried.id.as_str().into(), letter, due }
    }
}

fn seconds<S: Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(took.as_secs_f64())
}
