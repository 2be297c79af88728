//! The two paths against each other: rows of events in, one document out. Pure: the caller reads
//! the journal, the clock and the configuration.
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
mod comparison;
mod coverage;
mod difference;
mod document;
#[cfg(test)]
mod fixture;
mod latency;
mod loss;
mod notes;
mod number;
mod order;
mod proportion;
#[cfg(test)]
mod reference;
pub mod report;
mod verdict;
mod words;

use std::time::Duration;

use crate::event::{Path, Timestamp};

pub use comparison::Comparison;
pub use coverage::{Coverage, Window, covered_seconds};
pub use difference::{DifferenceSummary, Differences, WebhookFirst};
pub use document::{
    Document, Events, Excluded, LatencyFlagged, Method, PairRules, Pairs, PathReport, Paths,
    SettledWindow,
};
pub use latency::{Latency, LatencySummary};
pub use loss::{McNemar, Sightings, loss};
pub use proportion::{Interval, Share};
pub use verdict::{Choice, Evidence, Verdict};

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

/// One event as the comparison sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The event's own `time`, by Auth0's clock.
    pub time: Timestamp,
    /// Whether somebody sent it as a test.
    pub test: bool,
    /// How the webhook brought it, if it did.
    pub webhook: Option<Sighting>,
    /// How EventBridge brought it, if it did.
    pub eventbridge: Option<Sighting>,
    /// How its two arrivals were found to be one event; `Some` when both paths saw it.
    pub paired_by: Option<PairedBy>,
    /// Arrivals by the webhook after the first.
    pub webhook_repeats: u32,
    /// Arrivals by EventBridge after the first.
    pub eventbridge_repeats: u32,
}

/// The first arrival of an event by one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    /// When it arrived, by this host's clock.
    pub at: Timestamp,
    /// How often the queue had delivered the message by then, from 1; always 1 for the webhook.
    pub receive_count: u32,
}

/// How two arrivals were found to be one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PairedBy {
    /// They carry the same id.
    Id,
    /// They agree in tenant, type, subject and time.
    Fallback,
    /// They agree, but others would have done as well; the oldest was taken.
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

    fn first_arrival(&self) -> Option<Timestamp> {
        Path::ALL.into_iter().filter_map(|path| self.sighting(path)).map(|seen| seen.at).min()
    }
}

impl Sighting {
    /// Whether its time says nothing about the path: the queue had delivered the message before,
    /// so that it waited out a visibility time-out of ours.
    pub const fn is_flagged(self) -> bool {
        self.receive_count > 1
    }
}
