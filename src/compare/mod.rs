//! The two paths against each other: rows of events in, one document out. Pure: the caller reads
//! the clock and the configuration; [`run()`] alone reads the journal.
//!
//! [`Comparison`] takes one [`Observation`] per event and keeps bounded memory whatever their
//! number; [`Comparison::finish`] makes the [`Document`] that `compare --json`, the API and every
//! [`report`] show. What counts and what does not:
//!
//! - Events with a `time` outside of the window, test events and events that nobody saw are left
//!   out, and counted as [`Excluded`].
//! - So are **unsettled** events: until an event and its first arrival are older than the grace
//!   period, its absence on a path says nothing.
//! - An arrival that was **flagged** (SQS had delivered its message before) counts as seen, but its
//!   time says nothing about the path: it is left out of latency and difference, and counted.
//! - A path was **open** when its door was open at some time in the window, or when it saw an event.
//!   Only with both open can one witness what the other missed; else losses are `None`.
//!
//! A number that cannot be computed is `None` (JSON: `null`), never 0 and never NaN.

mod binomial;
#[cfg(test)]
mod bootstrap;
mod comparison;
mod coverage;
mod difference;
mod document;
#[cfg(test)]
mod fixture;
mod latency;
mod loss;
mod normal;
mod notes;
mod number;
mod order;
#[cfg_attr(not(test), expect(dead_code, reason = "the plan of a document is not made yet"))]
mod planner;
mod proportion;
#[cfg(test)]
mod reference;
pub mod report;
mod run;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod student;
mod verdict;
pub mod words;

use std::time::Duration;

pub use crate::event::{Observation, PairedBy, Sighting};

pub use comparison::Comparison;
pub use coverage::{Coverage, Window, WindowAsked, WindowError, covered_seconds};
pub use difference::{DifferenceSummary, Differences, WebhookFirst};
pub use document::{
    Bin, CostItem, Costs, CoveredLoss, Document, DuplicateKinds, Events, Excluded, Hop,
    LatencyFlagged, Method, Need, PairRules, Pairs, PathCost, PathReport, Paths, Payloads, Plan,
    PointerCount, Scope, SettledWindow, Slot, SlotPath,
};
pub use latency::{Latency, LatencySummary};
pub use loss::{McNemar, Sightings, loss};
pub use proportion::{Interval, Share};
pub use run::run;
pub use verdict::{Choice, Criterion, Evidence, Expect, Expectation, Outcome, Verdict};

/// How the paths are compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// How long the slower path may take before an event's absence counts as a loss.
    pub grace: Duration,
    /// A path is good enough when its loss is shown to be at most this share, from 0 to 1.
    pub loss_max: f64,
    /// A path is called faster when the median difference is shown to be over this, in
    /// milliseconds.
    pub difference_min_ms: f64,
    /// Most pairs whose differences are kept, 8 bytes each; beyond it a random sample of so many.
    pub difference_pairs_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            grace: Duration::from_mins(15),
            loss_max: 0.001,
            difference_min_ms: 100.0,
            difference_pairs_max: 200_000,
        }
    }
}
