//! A share of a whole, and how sure it is.

use serde::Serialize;

use super::normal;
use super::number::as_f64;

/// So many of so many events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Share {
    /// Those that had the property.
    pub part: u64,
    /// All that were looked at; `part` is among them.
    pub whole: u64,
}

/// A number that was estimated, and the ends of its interval at the confidence that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The most likely value.
    pub estimate: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

impl Share {
    /// The share, from 0 to 1; `None` of nothing.
    pub fn ratio(self) -> Option<f64> {
        (self.whole > 0 && self.part <= self.whole).then(|| as_f64(self.part) / as_f64(self.whole))
    }

    /// The share with Wilson's score interval, from 0 to 1; `None` of nothing.
    ///
    /// Events count as independent of each other: losses that come in bursts make the true
    /// interval wider. At 95 % it holds the truth in 91 to 98 of 100 samples where one event or more
    /// and one other or more are expected, and in 84 at worst where fewer are (`docs/STATISTICS.md`). Source: Wilson, Probable inference, the law of succession, and statistical
    /// inference, JASA 22 (1927), 209-212.
    pub fn wilson(self, confidence: f64) -> Option<Interval> {
        let ratio = self.ratio()?;
        let (low, high) = score_interval(ratio, as_f64(self.whole), confidence);
        // At the ends the formula gives 0 and 1 but for rounding.
        let low = if self.part == 0 { 0.0 } else { low.max(0.0) };
        let high = if self.part == self.whole { 1.0 } else { high.min(1.0) };
        Some(Interval { estimate: ratio, low, high })
    }
}

/// Wilson's interval around a share of so many trials, which may be what is expected of more to come.
pub(super) fn score_interval(ratio: f64, trials: f64, confidence: f64) -> (f64, f64) {
    let z = normal::deviations(confidence);
    let shrink = 1.0 + z * z / trials;
    let centre = (ratio + z * z / (2.0 * trials)) / shrink;
    let spread = ratio * (1.0 - ratio) / trials + z * z / (4.0 * trials * trials);
    let half = z * spread.sqrt() / shrink;
    (centre - half, centre + half)
}

#[cfg(test)]
mod tests {
    use super::super::reference::{check_close, table};
    use super::*;

    /// How often the interval of a sample holds the truth, by the binomial's own probabilities.
    fn exact_coverage(trials: u64, truth: f64) -> f64 {
        let mut mass = (1.0 - truth).powi(i32::try_from(trials).unwrap());
        let mut covered = 0.0;
        for part in 0..=trials {
            if holds(part, trials, truth) {
                covered += mass;
            }
            mass *= as_f64(trials - part) / as_f64(part + 1) * truth / (1.0 - truth);
        }
        covered
    }

    fn holds(part: u64, whole: u64, truth: f64) -> bool {
        let interval = Share { part, whole }.wilson(0.95).unwrap();
        (interval.low..=interval.high).contains(&truth)
    }

    #[test]
    fn wilson_holds_the_truth_as_often_as_the_binomial_says() {
        const RUNS: u64 = 2_000;
        let mut random = fastrand::Rng::with_seed(20_260_301);
        for case in &table().wilson_coverage {
            let expected = exact_coverage(case.trials, case.truth);
            check_close(expected, case.coverage);
            assert!(expected > 0.83, "{case:?}");
            assert!(expected > 0.91 || as_f64(case.trials) * case.truth < 1.0, "{case:?}");
            if case.trials > 1_000 {
                continue;
            }
            let mut draw = || (0..case.trials).map(|_| u64::from(random.f64() < case.truth)).sum();
            let held = (0..RUNS).filter(|_| holds(draw(), case.trials, case.truth)).count();
            let simulated = as_f64(u64::try_from(held).unwrap()) / as_f64(RUNS);
            let error = (expected * (1.0 - expected) / as_f64(RUNS)).sqrt();
            assert!((simulated - expected).abs() < 4.0 * error, "{simulated} in {case:?}");
        }
    }

    #[test]
    fn wilson_is_the_reference_s() {
        for case in &table().wilson {
            let share = Share { part: case.part, whole: case.whole };
            let interval = share.wilson(case.confidence).unwrap();
            check_close(interval.low, case.low);
            check_close(interval.high, case.high);
        }
    }

    #[test]
    fn nothing_has_no_share() {
        assert_eq!(Share::default().wilson(0.95), None);
        assert_eq!(Share { part: 2, whole: 1 }.wilson(0.95), None);
    }
}
