//! The two paths against each other: rows of events in, one document out. Pure: the caller reads
//! the clock and the configuration; [`run()`] alone reads the journal.
//!
//! The journal sums events up as they settle ([`crate::summary`]); a comparison merges what was summed
//! up of the window, so that it takes as long for ten million events as for ten thousand. The [`Document`]
//! is what `compare --json`, the API and every [`report`] show. What counts and what does not:
//!
//! - Test events are left out, and counted as [`Excluded`].
//! - So are **unsettled** events: until an event and its first arrival are older than the grace
//!   period, its absence on a path says nothing.
//! - An arrival that was **flagged** counts as seen, but its time says nothing about the path: it is left
//!   out of latency and difference, and counted by its reason ([`LatencyFlagged`]).
//! - A path was **open** when its door was open at some time in the window, or when it saw an event.
//!   Only with both open can one witness what the other missed; else losses are `None`. The verdict goes
//!   by the events that happened while both doors were open ([`CoveredLoss`]).
//!
//! A number that cannot be computed is `None` (JSON: `null`), never 0 and never NaN.

mod binomial;
mod bootstrap;
mod comparison;
mod costs;
mod coverage;
mod criteria;
mod difference;
mod document;
#[cfg(test)]
pub(crate) mod fixture;
mod loss;
mod notes;
mod normal;
mod number;
mod plan;
mod planner;
mod proportion;
#[cfg(test)]
mod reference;
pub mod report;
mod run;
#[cfg(test)]
mod simulation;
mod slots;
mod student;
mod verdict;
pub mod words;

use std::time::Duration;

pub use costs::Prices;
pub use coverage::{Coverage, Window, WindowAsked, WindowError, covered_seconds};
pub use difference::{DifferenceSummary, WebhookFirst};
pub use document::{
    Bin, CostItem, Costs, CoveredLoss, Document, DuplicateKinds, Events, Excluded, Hop,
    LatencyFlagged, LatencySummary, Method, Need, PairRules, Pairs, PathCost, PathReport, Paths,
    Payloads, Plan, PointerCount, Scope, SettledWindow, Slot, SlotPath,
};
pub use loss::McNemar;
pub use proportion::{Interval, Share};
pub use run::run;
pub use verdict::{Choice, Criterion, Expect, Expectation, Outcome, Verdict};

/// How the paths are compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// How long the slower path may take before an event's absence counts as a loss.
    pub grace: Duration,
    /// Of every interval, from 0.8 to 0.999.
    pub confidence: f64,
    /// A path is good enough when its loss is shown to be at most this share, from 0 to 1,
    pub loss_max: f64,
    /// and 99 of 100 of its latencies at most this, where it is set,
    pub p99_max: Option<Duration>,
    /// and it costs at most this in a month, in the prices' currency, where it is set.
    pub cost_max: Option<f64>,
    /// A path is called faster when the median difference is shown to be over this, in
    /// milliseconds.
    pub difference_min_ms: f64,
    /// What is asserted.
    pub expect: Expect,
    /// What things cost; without it nothing is said of costs.
    pub prices: Option<Prices>,
    /// Payloads that differ at these JSON pointers, or below, do not.
    pub ignore: Vec<String>,
    /// SQS receivers that work at once.
    pub receivers: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            grace: Duration::from_mins(15),
            confidence: 0.95,
            loss_max: 0.001,
            p99_max: None,
            cost_max: None,
            difference_min_ms: 100.0,
            expect: Expect::Either,
            prices: None,
            ignore: Vec::new(),
            receivers: 1,
        }
    }
}

impl Settings {
    /// [`Settings::p99_max`] in milliseconds.
    fn p99_max_ms(&self) -> Option<f64> {
        self.p99_max.map(|limit| limit.as_secs_f64() * 1e3)
    }
}
