//! A share of a whole, and how sure it is.

use serde::Serialize;

use super::number::as_f64;

/// The 97.5 % point of the standard normal distribution: 95 % lie within this many deviations.
pub(super) const Z_95: f64 = 1.959_963_984_540_054;

/// So many of so many events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Share {
    /// Those that had the property.
    pub part: u64,
    /// All that were looked at; `part` is among them.
    pub whole: u64,
}

/// A number that was estimated, and the ends of its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The most likely value.
    pub estimate: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end of the 95 % interval.
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
    /// interval wider. Source: Wilson, Probable inference, the law of succession, and statistical
    /// inference, JASA 22 (1927), 209-212.
    pub fn wilson(self, _confidence: f64) -> Option<Interval> {
        let ratio = self.ratio()?;
        let trials = as_f64(self.whole);
        let z_squared = Z_95 * Z_95;
        let shrink = 1.0 + z_squared / trials;
        let centre = (ratio + z_squared / (2.0 * trials)) / shrink;
        let spread = ratio * (1.0 - ratio) / trials + z_squared / (4.0 * trials * trials);
        let half = Z_95 * spread.sqrt() / shrink;
        // At the ends the formula gives 0 and 1 but for rounding.
        let low = if self.part == 0 { 0.0 } else { (centre - half).max(0.0) };
        let high = if self.part == self.whole { 1.0 } else { (centre + half).min(1.0) };
        Some(Interval { estimate: ratio, low, high })
    }
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

    #[track_caller]
    fn check_coverage(trials: u64, truth: f64) {
        const RUNS: u64 = 4_000;
        let mut random = fastrand::Rng::with_seed(20_260_301);
        let mut draw = || (0..trials).map(|_| u64::from(random.f64() < truth)).sum();
        let covered = (0..RUNS).filter(|_| holds(draw(), trials, truth)).count();
        let simulated = as_f64(u64::try_from(covered).unwrap()) / as_f64(RUNS);
        let expected = exact_coverage(trials, truth);
        let error = (expected * (1.0 - expected) / as_f64(RUNS)).sqrt();
        assert!((simulated - expected).abs() < 4.0 * error, "{simulated} instead of {expected}");
        assert!(expected > 0.92, "{expected} is not near 95 %");
    }

    #[test]
    fn wilson_is_the_reference_s() {
        for case in &table().wilson {
            let interval = Share { part: case.part, whole: case.whole }.wilson(0.95).unwrap();
            check_close(interval.low, case.low);
            check_close(interval.high, case.high);
        }
    }

    #[test]
    fn nothing_has_no_share() {
        assert_eq!(Share::default().wilson(0.95), None);
        assert_eq!(Share { part: 2, whole: 1 }.wilson(0.95), None);
    }

    #[test]
    fn wilson_holds_the_truth_as_often_as_the_binomial_says() {
        check_coverage(20, 0.5);
        check_coverage(50, 0.1);
        check_coverage(200, 0.01);
    }
}
