//! The two paths against each other.

mod binomial;
mod coverage;
mod difference;
mod latency;
mod loss;
mod number;
mod proportion;
#[cfg(test)]
mod reference;

pub use coverage::{Coverage, Window, covered_seconds};
pub use difference::{DifferenceSummary, Differences, WebhookFirst};
pub use latency::{Latency, LatencySummary};
pub use loss::{McNemar, Sightings, loss};
pub use proportion::{Interval, Share};
