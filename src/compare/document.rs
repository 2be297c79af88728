//! The document: the result of a comparison, the same in JSON, API and reports.
//!
//! Its field names are an interface: scripts read them. Times are RFC 3339 in UTC, durations
//! milliseconds as numbers, shares from 0 to 1, and what cannot be computed is `null`.

use serde::Serialize;

use super::difference::{DifferenceSummary, WebhookFirst};
use super::latency::LatencySummary;
use super::loss::McNemar;
use super::proportion::Interval;
use super::verdict::Verdict;
use crate::event::{Path, Timestamp};

/// The two paths compared over a window of event time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Document {
    /// What was looked at.
    pub window: SettledWindow,
    /// How many events that were.
    pub events: Events,
    /// Each path by itself.
    pub paths: Paths,
    /// The events that both saw.
    pub pairs: Pairs,
    /// Number of events that reached neither path; a lower bound, because what Auth0 loses before
    /// the paths part is seen by nobody.
    pub unseen: Option<Interval>,
    /// Whether the paths lose unequally.
    pub mcnemar: Option<McNemar>,
    /// What to do.
    pub verdict: Verdict,
    /// What was not counted, and how many.
    pub excluded: Excluded,
    /// By which rules the numbers came about.
    pub method: Method,
    /// What a reader has to know beside the numbers, in sentences.
    pub notes: Vec<String>,
}

/// The window of event time, and how far it can be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SettledWindow {
    /// The first instant in it.
    pub from: Timestamp,
    /// The first instant after it.
    pub to: Timestamp,
    /// Events after this instant may still arrive by the other path.
    pub settled_until: Timestamp,
}

/// Number of events; `observed` is `settled` and all that is [`Excluded`] together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Events {
    /// Events that were looked at.
    pub observed: u64,
    /// Events that the comparison counts.
    pub settled: u64,
}

/// Both paths.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Paths {
    /// HTTPS POST from Auth0.
    pub webhook: PathReport,
    /// Partner event bus, rule, SQS queue.
    pub eventbridge: PathReport,
}

impl Paths {
    /// The report of one of them.
    pub const fn of(&self, path: Path) -> &PathReport {
        match path {
            Path::Webhook => &self.webhook,
            Path::Eventbridge => &self.eventbridge,
        }
    }
}

/// One path, over the settled events of the window.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PathReport {
    /// Whether its door was open at some time.
    pub open: bool,
    /// Events that it brought.
    pub seen: u64,
    /// Events that only the other path brought; `None` unless both doors were open.
    pub missing: Option<u64>,
    /// Share of the other path's events that it missed, from 0 to 1.
    pub loss: Option<Interval>,
    /// Arrivals of events that it had brought already.
    pub duplicates: u64,
    /// Events that arrived after a later one did.
    pub out_of_order: Option<u64>,
    /// From the event's `time` to its first arrival.
    pub latency_ms: LatencySummary,
    /// Seconds of the window in which its door was open.
    pub covered_seconds: f64,
}

/// The settled events by the paths that saw them, and the two arrivals of those that both saw.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pairs {
    /// Seen by both paths.
    pub both: u64,
    /// Seen by the webhook alone.
    pub webhook_only: u64,
    /// Seen by EventBridge alone.
    pub eventbridge_only: u64,
    /// How the arrivals were found to be one event.
    pub paired_by: PairRules,
    /// How often the webhook was first.
    pub webhook_first: Option<WebhookFirst>,
    /// EventBridge's arrival minus the webhook's.
    pub difference_ms: Option<DifferenceSummary>,
}

/// Number of pairs by the rule that made them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct PairRules {
    /// By the same id.
    pub id: u64,
    /// By the same tenant, type, subject and time.
    pub fallback: u64,
    /// By the same, though others would have done as well.
    pub ambiguous: u64,
}

/// What was left out, and how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Excluded {
    /// Events with a `time` outside of the window.
    pub outside_window: u64,
    /// Events without an arrival by either path.
    pub no_arrival: u64,
    /// Events that somebody sent as a test.
    pub test: u64,
    /// Events too young to be judged.
    pub unsettled: u64,
    /// Arrivals that are not in a latency.
    pub latency_flagged: LatencyFlagged,
    /// Pairs that are not in the difference, because an arrival of theirs is not in a latency.
    pub difference_flagged: u64,
}

impl Excluded {
    /// Events that were left out altogether.
    pub const fn events(&self) -> u64 {
        self.outside_window + self.no_arrival + self.test + self.unsettled
    }
}

/// Arrivals of settled events that are not in a latency, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct LatencyFlagged {
    /// The queue had delivered the message before.
    pub receive_count: u64,
}

/// The rules and thresholds behind the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Method {
    /// Of every interval, from 0 to 1.
    pub confidence: f64,
    /// A latency quantile is off by at most this share of itself.
    pub latency_relative_error: f64,
    /// How long an absence has to last to be a loss.
    pub grace_ms: u64,
    /// Loss up to which a path is good enough, from 0 to 1.
    pub loss_max: f64,
    /// Median difference up to which no path is called faster, in milliseconds.
    pub difference_min_ms: f64,
}
