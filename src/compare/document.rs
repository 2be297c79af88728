//! The document: the result of a comparison, the same in JSON, API and reports.
//!
//! Its field names are an interface: scripts read them. Times are RFC 3339 in UTC, durations
//! milliseconds as numbers, shares from 0 to 1, and what cannot be computed is `null`.

use serde::Serialize;

use super::difference::{DifferenceSummary, WebhookFirst};
use super::loss::McNemar;
use super::proportion::Interval;
use super::verdict::{Expectation, Verdict};
use crate::event::{Path, Timestamp};
use crate::summary::Sketch;

pub use crate::summary::Scope;

/// The two paths compared over a window of event time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Document {
    /// What was looked at.
    pub window: SettledWindow,
    /// Which events of it.
    pub scope: Scope,
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
    /// Events whose payloads were not the same on both paths.
    pub payloads: Payloads,
    /// What to do.
    pub verdict: Verdict,
    /// Whether what is expected of the paths holds.
    pub expectation: Expectation,
    /// What each path costs at the rate measured; `None` without prices, or without a rate.
    pub costs: Option<Costs>,
    /// How many more events would show losses below some common thresholds.
    pub plan: Vec<Plan>,
    /// What was not counted, and how many.
    pub excluded: Excluded,
    /// The window in slots of equal length, the first first; 200 at most.
    pub timeline: Vec<Slot>,
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
    /// The same of events that happened while both doors were open: what the verdict goes by.
    pub covered: CoveredLoss,
    /// Arrivals of events that it had brought already.
    pub duplicates: u64,
    /// The duplicates by kind; their sum is `duplicates`.
    pub duplicates_by: DuplicateKinds,
    /// Events that arrived after a later one did; `None` when its door was not open.
    pub out_of_order: Option<u64>,
    /// From the event's `time` to its first arrival.
    pub latency_ms: LatencySummary,
    /// The latency that one arrival of 100 exceeds, with its interval (block bootstrap).
    pub p99_ms: Option<Interval>,
    /// The latencies as a histogram, the shortest first; 100 bins at most.
    pub distribution: Vec<Bin>,
    /// The way in its stretches, as far as the path tells them.
    pub hops: Vec<Hop>,
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
    /// Events that somebody sent as a test.
    pub test: u64,
    /// Events too young to be judged.
    pub unsettled: u64,
    /// Events that came when what the journal knew of their time had expired: an arrival by the other
    /// path may have been forgotten.
    pub too_late: u64,
    /// Events that neither path brought, and that came because twinstream asked Auth0 for them
    /// (`reconcile`). An event of which one path lost its arrival, and got it so, is missing on that path.
    pub rescued: u64,
    /// Arrivals that are not in a latency.
    pub latency_flagged: LatencyFlagged,
    /// Pairs that are not in the difference, because an arrival of theirs is not in a latency.
    pub difference_flagged: u64,
}

impl Excluded {
    /// Events that were left out altogether.
    pub const fn events(&self) -> u64 {
        self.test + self.unsettled + self.too_late + self.rescued
    }
}

/// Arrivals of settled events that are not in a latency, by reason. An arrival with several reasons
/// is counted under the first of them in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct LatencyFlagged {
    /// The queue had delivered the message before.
    pub receive_count: u64,
    /// It was put back from a dead-letter queue.
    pub redriven: u64,
    /// EventBridge replayed it from an archive.
    pub replayed: u64,
    /// Auth0 sent it long after it happened: a stream that was switched on again, or a redelivery.
    pub backlog: u64,
    /// It happened before the door was open, or came in the first seconds after.
    pub startup: u64,
}

impl LatencyFlagged {
    /// All of them.
    pub const fn total(&self) -> u64 {
        self.receive_count + self.redriven + self.replayed + self.backlog + self.startup
    }
}

/// Loss while both doors were open: the gateway's own absence is in no loss here.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct CoveredLoss {
    /// Events that the other path saw.
    pub witnessed: u64,
    /// Those of them that this path missed.
    pub missing: u64,
    /// The share, from 0 to 1.
    pub loss: Option<Interval>,
}

/// Arrivals of events that had come by the path already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct DuplicateKinds {
    /// Auth0 sent the request again.
    pub webhook_retry: u64,
    /// SQS handed out the same message again.
    pub same_message: u64,
    /// Another message brought the same event.
    pub other_message: u64,
}

impl DuplicateKinds {
    /// All of them.
    pub const fn total(&self) -> u64 {
        self.webhook_retry + self.same_message + self.other_message
    }
}

/// The latencies of a path, in milliseconds; negative where this host's clock is behind Auth0's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LatencySummary {
    /// Arrivals that were measured.
    pub count: u64,
    /// Median, within 1 % of its value, as all of these are.
    pub p50: Option<f64>,
    /// Exceeded by one arrival of 10.
    pub p90: Option<f64>,
    /// Exceeded by one arrival of 100.
    pub p99: Option<f64>,
    /// Exceeded by one arrival of 1000.
    pub p999: Option<f64>,
    /// The longest, exact.
    pub max: Option<f64>,
    /// Arrivals before their own event: a clock alarm. They are in the quantiles too.
    pub negative: u64,
    /// Arrivals that say nothing about the path's latency and were left out.
    pub flagged: u64,
}

impl LatencySummary {
    /// The numbers of a sketch, of a path with so many arrivals left out.
    pub(super) fn of(latency: &Sketch, flagged: u64) -> Self {
        Self {
            count: latency.count(),
            p50: latency.quantile(0.5),
            p90: latency.quantile(0.9),
            p99: latency.quantile(0.99),
            p999: latency.quantile(0.999),
            max: latency.max(),
            negative: latency.negative(),
            flagged,
        }
    }
}

/// A bin of a histogram.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bin {
    /// Its lower end, in milliseconds.
    pub low_ms: f64,
    /// Its upper end, in milliseconds.
    pub high_ms: f64,
    /// Arrivals in it.
    pub count: u64,
}

/// A stretch of a path's way. Its ends are told by different clocks, so that it can be negative.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Hop {
    /// Where it begins: `event`, `envelope`, `sent`, `received` or `request`.
    pub from: &'static str,
    /// Where it ends: `envelope`, `sent`, `received`, `request` or `commit`.
    pub to: &'static str,
    /// Arrivals that told both ends and are in the latency.
    pub count: u64,
    /// Median, in milliseconds.
    pub p50: f64,
    /// Exceeded by one arrival of 10, in milliseconds.
    pub p90: f64,
    /// Exceeded by one arrival of 100, in milliseconds.
    pub p99: f64,
}

/// Events whose payloads were not the same on both paths, but for the pointers that are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Payloads {
    /// Events.
    pub differing: u64,
    /// Where they differ, the most frequent first; 20 at most.
    pub pointers: Vec<PointerCount>,
    /// Differences at other places than those.
    pub elsewhere: u64,
}

/// A place where payloads differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PointerCount {
    /// The JSON pointer (RFC 6901).
    pub pointer: String,
    /// Events that differ there.
    pub events: u64,
}

/// What each path costs, at the measured rate and by the prices of the configuration.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Costs {
    /// The day of the prices, as configured.
    pub as_of: String,
    /// The currency of the amounts.
    pub currency: String,
    /// Events in a month of 30 days, at the rate measured.
    pub events_per_month: f64,
    /// The webhook's.
    pub webhook: PathCost,
    /// EventBridge's.
    pub eventbridge: PathCost,
}

impl Costs {
    /// Those of one path.
    pub const fn of(&self, path: Path) -> &PathCost {
        match path {
            Path::Webhook => &self.webhook,
            Path::Eventbridge => &self.eventbridge,
        }
    }
}

/// What one path costs in a month.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PathCost {
    /// All of it.
    pub per_month: f64,
    /// What it is made of.
    pub items: Vec<CostItem>,
}

/// One priced item.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CostItem {
    /// What is paid for.
    pub name: &'static str,
    /// How many in a month; 1 of what has a fixed price.
    pub quantity: f64,
    /// The price of one.
    pub price: f64,
    /// Their product.
    pub amount: f64,
}

/// How many more events would show that losses are at most a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Plan {
    /// The threshold, from 0 to 1.
    pub loss_max: f64,
    /// For the webhook.
    pub webhook: Need,
    /// For EventBridge.
    pub eventbridge: Need,
}

impl Plan {
    /// For one path.
    pub const fn of(&self, path: Path) -> Need {
        match path {
            Path::Webhook => self.webhook,
            Path::Eventbridge => self.eventbridge,
        }
    }
}

/// What it takes to show that a loss is at most a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "needs", rename_all = "snake_case")]
pub enum Need {
    /// Nothing: it is shown.
    Nothing,
    /// About so many more settled events, if things go on as they went.
    Events {
        /// How many.
        events: u64,
        /// In how many days, at the rate measured.
        days: Option<f64>,
    },
    /// More than any number of events: the loss seen is at the threshold or over it.
    Unreachable,
}

/// A stretch of the window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Slot {
    /// Its first instant.
    pub from: Timestamp,
    /// The first instant after it.
    pub to: Timestamp,
    /// The webhook in it.
    pub webhook: SlotPath,
    /// EventBridge in it.
    pub eventbridge: SlotPath,
    /// Median of EventBridge's arrival minus the webhook's, in milliseconds.
    pub difference_ms: Option<f64>,
}

impl Slot {
    /// One path in it.
    pub const fn of(&self, path: Path) -> &SlotPath {
        match path {
            Path::Webhook => &self.webhook,
            Path::Eventbridge => &self.eventbridge,
        }
    }
}

/// One path in a stretch of the window.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct SlotPath {
    /// Settled events that it brought.
    pub seen: u64,
    /// Settled events that only the other path brought.
    pub missing: u64,
    /// Seconds in which its door was open.
    pub covered_seconds: f64,
    /// Events that arrived after a later one did.
    pub out_of_order: u64,
    /// Median latency, in milliseconds.
    pub p50: Option<f64>,
    /// Latency that one arrival of 100 exceeds, in milliseconds.
    pub p99: Option<f64>,
}

/// The rules and thresholds behind the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Method {
    /// Of every interval, from 0 to 1.
    pub confidence: f64,
    /// A latency quantile is off by at most this share of itself.
    pub latency_relative_error: f64,
    /// A quantile of the difference likewise.
    pub difference_relative_error: f64,
    /// How long an absence has to last to be a loss.
    pub grace_ms: u64,
    /// Loss up to which a path is good enough, from 0 to 1.
    pub loss_max: f64,
    /// 99 of 100 latencies have to be at most this, in milliseconds; `None` where any will do.
    pub p99_max_ms: Option<f64>,
    /// What a path may cost in a month; `None` where any will do.
    pub cost_max: Option<f64>,
    /// Median difference up to which no path is called faster, in milliseconds.
    pub difference_min_ms: f64,
    /// SQS receivers that work at once: more than one can swap what they take at the same moment, which
    /// then counts as out of order.
    pub receivers: u32,
}
