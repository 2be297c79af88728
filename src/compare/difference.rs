//! How much later the same event came by EventBridge than by the webhook.

use serde::Serialize;

use super::binomial;
use super::proportion::Share;

/// The sample is drawn with this seed, so that the same events give the same document.
const SEED: u64 = 0x5477_696e;

/// Differences between the arrivals of one event, in bounded memory.
///
/// Every value is kept up to a maximum number of pairs. Beyond it the values are a uniform random
/// sample of that many (reservoir sampling, algorithm R: Vitter, Random sampling with a reservoir,
/// ACM TOMS 11 (1985), 37-57), which leaves the interval valid and makes it a little wider. Which
/// path came first is counted of all pairs.
#[derive(Debug, Clone)]
pub struct Differences {
    sample_ms: Vec<f64>,
    sample_max: usize,
    pairs: u64,
    webhook_first: u64,
    same_instant: u64,
    random: fastrand::Rng,
}

/// EventBridge's arrival minus the webhook's, in milliseconds by this host's clock: positive where
/// the webhook came first.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct DifferenceSummary {
    /// Pairs that were measured.
    pub count: u64,
    /// Pairs that the numbers below are from: all, or a random sample when there were too many.
    pub sampled: u64,
    /// Median; between the two middle values where their number is even.
    pub median: f64,
    /// Lower end of the median's interval of 95 % or more; `None` below 6 pairs.
    ///
    /// By order statistics: no assumption on the distribution, but that the differences are
    /// independent. Arrivals that follow each other closely are not, which makes the interval too
    /// narrow; a block bootstrap is to replace it.
    pub low: Option<f64>,
    /// Upper end of the median's interval.
    pub high: Option<f64>,
    /// 5 of 100 pairs are below, by linear interpolation (Hyndman and Fan's type 7).
    pub p5: f64,
    /// 5 of 100 pairs are above.
    pub p95: f64,
}

/// How often the webhook's arrival was the first of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct WebhookFirst {
    /// Share of the pairs, from 0 to 1.
    pub share: f64,
    /// Lower end of its 95 % interval (Wilson).
    pub low: f64,
    /// Upper end of its 95 % interval (Wilson).
    pub high: f64,
    /// Pairs in which both arrived at the same instant: nobody was first.
    pub same_instant: u64,
}

impl Differences {
    /// None yet; keeps this many values at most.
    pub fn new(sample_max: usize) -> Self {
        Self {
            sample_ms: Vec::new(),
            sample_max,
            pairs: 0,
            webhook_first: 0,
            same_instant: 0,
            random: fastrand::Rng::with_seed(SEED),
        }
    }

    /// Adds one pair: EventBridge's arrival minus the webhook's, in milliseconds.
    pub fn add(&mut self, difference_ms: f64) {
        self.pairs += 1;
        if difference_ms > 0.0 {
            self.webhook_first += 1;
        } else if difference_ms >= 0.0 {
            self.same_instant += 1;
        }
        if self.sample_ms.len() < self.sample_max {
            self.sample_ms.push(difference_ms);
            return;
        }
        let place = usize::try_from(self.random.u64(..self.pairs)).ok();
        if let Some(kept) = place.and_then(|index| self.sample_ms.get_mut(index)) {
            *kept = difference_ms;
        }
    }

    /// How often the webhook was first; `None` without a pair.
    pub fn webhook_first(&self) -> Option<WebhookFirst> {
        let wilson = Share { part: self.webhook_first, whole: self.pairs }.wilson(0.95)?;
        Some(WebhookFirst {
            share: wilson.estimate,
            low: wilson.low,
            high: wilson.high,
            same_instant: self.same_instant,
        })
    }

    /// The numbers that reports show; `None` without a pair.
    pub fn summary(mut self) -> Option<DifferenceSummary> {
        self.sample_ms.sort_unstable_by(f64::total_cmp);
        let sorted = self.sample_ms.as_slice();
        let sampled = u64::try_from(sorted.len()).ok()?;
        let rank = binomial::ranks(sampled, 0.5, 0.95);
        let rank = rank.and_then(|(rank, _)| usize::try_from(rank).ok());
        Some(DifferenceSummary {
            count: self.pairs,
            sampled,
            median: percentile(sorted, 50)?,
            low: rank.and_then(|rank| sorted.get(rank - 1).copied()),
            high: rank.and_then(|rank| sorted.get(sorted.len() - rank).copied()),
            p5: percentile(sorted, 5)?,
            p95: percentile(sorted, 95)?,
        })
    }
}

/// The value below which `percent` of the sorted values lie, by linear interpolation between the
/// ranks around (n − 1) · `percent` / 100.
fn percentile(sorted: &[f64], percent: u8) -> Option<f64> {
    let position = sorted.len().checked_sub(1)? * usize::from(percent);
    let below = *sorted.get(position / 100)?;
    let above = sorted.get(position / 100 + 1).copied().unwrap_or(below);
    let fraction = f64::from(u32::try_from(position % 100).ok()?) / 100.0;
    Some(below + (above - below) * fraction)
}

#[cfg(test)]
mod tests {
    use super::super::number::as_f64;
    use super::super::reference::{check_close, table};
    use super::*;

    fn differences(values: impl IntoIterator<Item = f64>, sample_max: usize) -> Differences {
        let mut differences = Differences::new(sample_max);
        for value in values {
            differences.add(value);
        }
        differences
    }

    #[test]
    fn quantiles_are_the_reference_s() {
        for case in table().quantiles {
            let summary = differences(case.values, 1_000).summary().unwrap();
            check_close(summary.p5, case.p5);
            check_close(summary.median, case.median);
            check_close(summary.p95, case.p95);
        }
    }

    #[track_caller]
    fn check_interval(pairs: u32, expected: (Option<f64>, Option<f64>)) {
        let values = (1..=pairs).rev().map(f64::from);
        let summary = differences(values, 1_000).summary();
        assert_eq!(summary.map_or((None, None), |summary| (summary.low, summary.high)), expected);
    }

    #[test]
    fn the_interval_s_ends_are_values_that_were_measured() {
        check_interval(0, (None, None));
        check_interval(5, (None, None));
        check_interval(6, (Some(1.0), Some(6.0)));
        check_interval(9, (Some(2.0), Some(8.0)));
        check_interval(100, (Some(40.0), Some(61.0)));
    }

    #[test]
    fn nobody_was_first_at_the_same_instant() {
        let first = differences([-1.0, 0.0, 2.0, 3.0], 10).webhook_first().unwrap();
        check_close(first.share, 0.5);
        assert_eq!(first.same_instant, 1);
        assert_eq!(Differences::new(10).webhook_first(), None);
    }

    #[test]
    fn the_interval_holds_the_true_median_of_independent_values_in_95_percent() {
        const RUNS: u64 = 3_000;
        let mut random = fastrand::Rng::with_seed(95);
        for pairs in [6, 25, 60] {
            let held = (0..RUNS).filter(|_| {
                // Exponential with median 1: as skewed as latencies are.
                let values = (0..pairs).map(|_| -(1.0 - random.f64()).log2());
                let summary = differences(values, 1_000).summary().unwrap();
                (summary.low.unwrap()..=summary.high.unwrap()).contains(&1.0)
            });
            let held = as_f64(u64::try_from(held.count()).unwrap()) / as_f64(RUNS);
            // 95 % or a little more, less three deviations of 0.4 % of the simulation.
            assert!((0.938..0.99).contains(&held), "held in {held} of runs of {pairs} pairs");
        }
    }

    #[test]
    fn beyond_the_maximum_a_random_sample_stands_for_all() {
        let summary = differences((0..20_000).map(f64::from), 1_000).summary().unwrap();
        assert_eq!((summary.count, summary.sampled), (20_000, 1_000));
        assert!((summary.median - 10_000.0).abs() < 1_000.0, "{summary:?}");
        assert!((summary.p5 - 1_000.0).abs() < 500.0, "{summary:?}");
        assert!((summary.p95 - 19_000.0).abs() < 500.0, "{summary:?}");
    }
}
