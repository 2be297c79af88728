//! How long a path takes from the change in Auth0 to this host.

use std::fmt;

use serde::Serialize;
use sketches_ddsketch::{Config, DDSketch};

/// A quantile is off by 1 % of its own value at most.
pub(super) const RELATIVE_ERROR: f64 = 0.01;

/// Latencies closer to zero than this, in milliseconds, count as zero.
const SMALLEST_MS: f64 = 0.001;

/// Enough for every value from [`SMALLEST_MS`] to the 292 years that a timestamp can span (1842
/// bins of 2 % each), so that bins are never merged and the error holds for every quantile.
const BINS_MAX: u32 = 2_048;

/// Latencies in bounded memory (32 KiB at most): a DDSketch, which can be merged with others.
///
/// Source: Masson, Rim, Lee, DDSketch, PVLDB 12 (2019), 2195-2205. Negative latencies (the clock
/// of this host is behind Auth0's) are values like any other, kept in the sketch's negative half.
#[derive(Clone)]
pub struct Latency {
    sketch: DDSketch,
    negative: u64,
}

/// The latencies of a path, in milliseconds; negative where this host's clock is behind Auth0's.
///
/// A quantile q of n values is the one of rank ⌊q·(n−1)⌋, counted from 0, within 1 % of its value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LatencySummary {
    /// Arrivals that were measured.
    pub count: u64,
    /// Median.
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

impl Latency {
    /// None yet.
    pub fn new() -> Self {
        let config = Config::new(RELATIVE_ERROR, BINS_MAX, SMALLEST_MS);
        Self { sketch: DDSketch::new(config), negative: 0 }
    }

    /// Adds one latency, in milliseconds.
    pub fn add(&mut self, latency_ms: f64) {
        self.sketch.add(latency_ms);
        self.negative += u64::from(latency_ms < 0.0);
    }

    /// Adds all of another one's.
    ///
    /// # Panics
    /// Never: only sketches of unequal configuration cannot be merged, and there is one.
    #[expect(clippy::expect_used, reason = "fails only for sketches of unequal configuration")]
    pub fn merge(&mut self, other: &Self) {
        self.sketch.merge(&other.sketch).expect("every Latency has the same configuration");
        self.negative += other.negative;
    }

    /// The quantile of this probability, in milliseconds, within 1 %; `None` without a value or
    /// for a probability outside of 0 to 1.
    pub fn quantile(&self, probability: f64) -> Option<f64> {
        let (min, max) = (self.sketch.min()?, self.sketch.max()?);
        let value = self.sketch.quantile(probability).ok().flatten()?;
        // The middle of the outermost bin may lie beyond the outermost value.
        Some(value.clamp(min, max))
    }

    /// The numbers that reports show, of a path with so many arrivals left out.
    pub fn summary(&self, flagged: u64) -> LatencySummary {
        LatencySummary {
            count: u64::try_from(self.sketch.count()).unwrap_or(u64::MAX),
            p50: self.quantile(0.5),
            p90: self.quantile(0.9),
            p99: self.quantile(0.99),
            p999: self.quantile(0.999),
            max: self.sketch.max(),
            negative: self.negative,
            flagged,
        }
    }
}

impl Default for Latency {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Latency")
            .field("count", &self.sketch.count())
            .field("negative", &self.negative)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{any, proptest};

    use super::*;
    use crate::event::Timestamp;

    fn latency_of(values: &[f64]) -> Latency {
        let mut latency = Latency::new();
        for value in values {
            latency.add(*value);
        }
        latency
    }

    /// Against the sorted values themselves, for the quantiles 0 %, 1 %, … 100 %.
    #[track_caller]
    fn check(latency: &Latency, values: &[f64]) {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        for percent in 0..=100_u32 {
            let rank = (sorted.len() - 1) * usize::try_from(percent).unwrap() / 100;
            // The sketch takes the rank in floating point, which may come out one lower.
            let near = [rank.saturating_sub(1), rank, (rank + 1).min(sorted.len() - 1)];
            let shown = latency.quantile(f64::from(percent) / 100.0).unwrap();
            let close = |index: usize| {
                let exact = sorted[index];
                (shown - exact).abs() <= exact.abs() * 0.010_001 + SMALLEST_MS
            };
            assert!(near.into_iter().any(close), "p{percent} shown as {shown}");
        }
        assert_eq!(latency.summary(0).max, sorted.last().copied());
    }

    #[test]
    fn negative_latencies_are_counted_and_stay_what_they_are() {
        let values = [-120.0, -3.5, 0.0, 0.2, 80.0, 95.0, 1_000.0];
        let latency = latency_of(&values);
        check(&latency, &values);
        assert_eq!(latency.summary(0).negative, 2);
        check(&latency_of(&[-7.0]), &[-7.0]);
    }

    #[test]
    fn without_a_value_there_is_no_quantile() {
        let summary = Latency::new().summary(3);
        assert_eq!((summary.p50, summary.max), (None, None));
        assert_eq!((summary.count, summary.negative, summary.flagged), (0, 0, 3));
    }

    #[test]
    fn the_whole_range_of_timestamps_fits_without_losing_precision() {
        let longest = Timestamp::from_nanos(i64::MAX).millis_since(Timestamp::from_nanos(0));
        let decades: Vec<f64> =
            (0..16).map(|power| (0.002 * 10_f64.powi(power)).min(longest)).collect();
        let mut values: Vec<f64> = decades.iter().map(|value| -value).collect();
        values.extend(decades);
        values.extend([longest, -longest]);
        check(&latency_of(&values), &values);
    }

    proptest! {
        #[test]
        fn quantiles_of_merged_halves_are_within_one_percent(
            left in vec(any::<i32>(), 1..300), right in vec(any::<i32>(), 1..300),
        ) {
            let as_ms = |values: Vec<i32>| -> Vec<f64> {
                values.into_iter().map(|value| f64::from(value) / 1_000.0).collect()
            };
            let (left, right) = (as_ms(left), as_ms(right));
            let mut merged = latency_of(&left);
            merged.merge(&latency_of(&right));
            check(&merged, &[left, right].concat());
        }
    }
}
