//! What the paths lost, each witnessed by the other (capture and recapture).
//!
//! All of it takes the paths' losses as independent. What Auth0 loses before the paths part hits
//! both and is seen by neither, so "seen by neither" is a lower bound.

use serde::Serialize;

use super::number::as_f64;
use super::proportion::{Interval, Share};
use super::{binomial, normal};
use crate::event::Path;

/// With no miss among n, the share is below this over n with the confidence: (1 − share)ⁿ is at most
/// e^(−n·share), which is what confidence leaves. 2.996 for 95 %: the rule of three.
///
/// Never too narrow: the exact bound 1 − (1 − confidence)^(1/n) is a little lower. Source: Hanley and
/// Lippman-Hand, If nothing goes wrong, is everything all right?, JAMA 249 (1983), 1743-1745, before they
/// round it to 3.
pub(super) fn most_unseen(confidence: f64) -> f64 {
    -(1.0 - confidence).ln()
}

/// Settled events, by the paths that saw them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sightings {
    /// Seen by both paths: m.
    pub both: u64,
    /// Seen by the webhook alone: b.
    pub webhook_only: u64,
    /// Seen by EventBridge alone: c.
    pub eventbridge_only: u64,
}

/// Whether the paths lose unequally.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct McNemar {
    /// Probability of a difference at least this large between paths that lose equally, two-sided,
    /// from 0 to 1.
    pub p_value: f64,
}

impl Sightings {
    /// All events.
    pub(super) const fn total(self) -> u64 {
        self.both + self.webhook_only + self.eventbridge_only
    }

    /// Events that the path saw.
    pub(super) const fn seen(self, path: Path) -> u64 {
        match path {
            Path::Webhook => self.both + self.webhook_only,
            Path::Eventbridge => self.both + self.eventbridge_only,
        }
    }

    /// Events that the path missed though the other one saw them, of all that the other one saw.
    pub(super) const fn missing(self, path: Path) -> Share {
        let part = match path {
            Path::Webhook => self.eventbridge_only,
            Path::Eventbridge => self.webhook_only,
        };
        Share { part, whole: self.seen(path.other()) }
    }

    /// Loss of a path, from 0 to 1, as [`loss`] shows it.
    pub(super) fn loss(self, path: Path, confidence: f64) -> Option<Interval> {
        loss(self.missing(path), confidence)
    }

    /// Number of events that reached neither path: Chapman's estimate b·c/(m+1) with a log-normal
    /// interval. `None` when a path saw nothing, because nothing was recaptured then.
    ///
    /// Where b or c is 0 the estimate is 0 and the log-normal has no scale; the upper end is then
    /// the one that the rule of three's events in the place of the 0 would give. Sources: Chapman,
    /// Some properties of the hypergeometric distribution with applications to zoological sample
    /// censuses (1951); the interval: Chao, Estimating the population size for capture-recapture
    /// data with unequal catchability, Biometrics 43 (1987), 783-791. At 95 % it holds the true number in 92
    /// to 95 of 100 cases where ten or more are expected; where one or less is, far more rarely: such
    /// numbers are not known.
    pub(super) fn unseen(self, confidence: f64) -> Option<Interval> {
        if self.seen(Path::Webhook) == 0 || self.seen(Path::Eventbridge) == 0 {
            return None;
        }
        if self.webhook_only > 0 && self.eventbridge_only > 0 {
            return Some(self.recapture().log_normal(confidence));
        }
        let least = self.recapture().without_zeros(most_unseen(confidence));
        let high = least.log_normal(confidence).high;
        Some(Interval { estimate: 0.0, low: 0.0, high })
    }

    fn recapture(self) -> Recapture {
        Recapture {
            both: as_f64(self.both),
            webhook_only: as_f64(self.webhook_only),
            eventbridge_only: as_f64(self.eventbridge_only),
        }
    }

    /// Exact two-sided test of "both paths lose equally much": given b + c events that one path
    /// missed, the smaller of b and c is binomial with probability ½. 1 when there are none;
    /// `None` without a single event.
    ///
    /// Source: `McNemar`, Note on the sampling error of the difference between correlated
    /// proportions or percentages, Psychometrika 12 (1947), 153-157, in its exact form.
    pub(super) fn mcnemar(self) -> Option<McNemar> {
        let one_sided = self.webhook_only + self.eventbridge_only;
        if self.both + one_sided == 0 {
            return None;
        }
        let fewer = self.webhook_only.min(self.eventbridge_only);
        Some(McNemar { p_value: (2.0 * binomial::lower_tail(fewer, one_sided)).min(1.0) })
    }
}

/// The loss that so many misses of so many witnessed events show, from 0 to 1: Wilson's interval,
/// but with no miss at all from 0 to 2.996/n at 95 % (rule of three, 1 at most). `None` without a witness.
pub(super) fn loss(missing: Share, confidence: f64) -> Option<Interval> {
    let interval = missing.wilson(confidence)?;
    if missing.part > 0 {
        return Some(interval);
    }
    let high = (most_unseen(confidence) / as_f64(missing.whole)).min(1.0);
    Some(Interval { estimate: 0.0, low: 0.0, high })
}

/// [`Sightings`] as the formulas take them.
#[derive(Debug, Clone, Copy)]
struct Recapture {
    both: f64,
    webhook_only: f64,
    eventbridge_only: f64,
}

impl Recapture {
    /// Chapman's estimate of the events in neither path.
    fn estimate(self) -> f64 {
        self.webhook_only * self.eventbridge_only / (self.both + 1.0)
    }

    /// The estimate's variance. Source: Seber, The effects of trap response on tag recapture
    /// estimates, Biometrics 26 (1970), 13-22.
    fn variance(self) -> f64 {
        let webhook = self.both + self.webhook_only;
        let eventbridge = self.both + self.eventbridge_only;
        let recaptured = self.both + 1.0;
        (webhook + 1.0) * (eventbridge + 1.0) * self.webhook_only * self.eventbridge_only
            / (recaptured * recaptured * (self.both + 2.0))
    }

    /// With the most events that may hide behind a 0 in its place.
    fn without_zeros(self, most: f64) -> Self {
        let most = |count: f64| if count > 0.0 { count } else { most };
        Self {
            both: self.both,
            webhook_only: most(self.webhook_only),
            eventbridge_only: most(self.eventbridge_only),
        }
    }

    /// The estimate divided and multiplied by exp(z·√ln(1 + variance/estimate²)), so that the
    /// interval never reaches below 0. Both counts have to be over 0.
    fn log_normal(self, confidence: f64) -> Interval {
        let estimate = self.estimate();
        let relative = self.variance() / (estimate * estimate);
        let factor = (normal::deviations(confidence) * relative.ln_1p().sqrt()).exp();
        Interval { estimate, low: estimate / factor, high: estimate * factor }
    }
}

#[cfg(test)]
mod tests {
    use super::super::reference::{check_close, table};
    use super::*;

    #[track_caller]
    fn check_loss(part: u64, whole: u64, expected: Option<Interval>) {
        assert_eq!(loss(Share { part, whole }, 0.95), expected);
    }

    #[test]
    fn without_a_miss_the_rule_of_three_is_the_bound() {
        check_loss(0, 0, None);
        check_loss(0, 2, Some(Interval { estimate: 0.0, low: 0.0, high: 1.0 }));
        check_loss(1, 3_000, Share { part: 1, whole: 3_000 }.wilson(0.95));
        for case in &table().no_miss {
            let high = loss(Share { part: 0, whole: case.whole }, case.confidence).unwrap().high;
            check_close(high, case.high);
            assert!(case.exact <= high && high < case.exact * (1.0 + 4.0 / as_f64(case.whole)));
        }
    }

    #[test]
    fn each_path_is_witnessed_by_the_other() {
        let sightings = Sightings { both: 90, webhook_only: 7, eventbridge_only: 2 };
        assert_eq!(sightings.missing(Path::Webhook), Share { part: 2, whole: 92 });
        assert_eq!(sightings.missing(Path::Eventbridge), Share { part: 7, whole: 97 });
    }

    #[test]
    fn seen_by_neither_is_the_reference_s() {
        for case in &table().chapman {
            let sightings = Sightings {
                both: case.both,
                webhook_only: case.only_first,
                eventbridge_only: case.only_second,
            };
            let unseen = sightings.unseen(case.confidence).unwrap();
            check_close(unseen.estimate, case.estimate);
            check_close(unseen.low, case.low);
            check_close(unseen.high, case.high);
            check_close(sightings.recapture().variance(), case.variance);
        }
    }

    #[test]
    fn seen_by_neither_is_bounded_without_a_miss_and_unknown_without_a_witness() {
        let clean = Sightings { both: 3_000, ..Sightings::default() };
        let unseen = clean.unseen(0.95).unwrap();
        check_close(unseen.estimate, 0.0);
        assert!(unseen.high > 0.0 && unseen.high < 1.0, "{unseen:?}");
        assert_eq!(Sightings { webhook_only: 5, ..Sightings::default() }.unseen(0.95), None);
    }

    #[test]
    fn mcnemar_is_the_reference_s() {
        for case in &table().mcnemar {
            let sightings =
                Sightings { both: 7, webhook_only: case.first, eventbridge_only: case.second };
            check_close(sightings.mcnemar().unwrap().p_value, case.p_value);
        }
    }

    #[test]
    fn mcnemar_has_nothing_against_paths_without_a_miss() {
        assert_eq!(Sightings::default().mcnemar(), None);
        let clean = Sightings { both: 1, ..Sightings::default() };
        assert_eq!(clean.mcnemar(), Some(McNemar { p_value: 1.0 }));
    }

    /// Events that really happened, and what each path let through; the truth is known.
    fn simulate(random: &mut fastrand::Rng, events: u64, loss: [f64; 2]) -> (Sightings, u64) {
        let mut sightings = Sightings::default();
        let mut neither = 0;
        for _ in 0..events {
            match loss.map(|probability| random.f64() >= probability) {
                [true, true] => sightings.both += 1,
                [true, false] => sightings.webhook_only += 1,
                [false, true] => sightings.eventbridge_only += 1,
                [false, false] => neither += 1,
            }
        }
        (sightings, neither)
    }

    #[track_caller]
    fn check_chapman(events: u64, loss: [f64; 2], confidence: f64, expected: std::ops::Range<f64>) {
        const RUNS: u64 = 1_000;
        let mut random = fastrand::Rng::with_seed(7);
        let mut error = 0.0;
        let mut held = 0;
        for _ in 0..RUNS {
            let (sightings, neither) = simulate(&mut random, events, loss);
            let unseen = sightings.unseen(confidence).unwrap();
            error += unseen.estimate - as_f64(neither);
            held += u64::from((unseen.low..=unseen.high).contains(&as_f64(neither)));
        }
        let error = error / as_f64(RUNS);
        let expected_neither = as_f64(events) * loss[0] * loss[1];
        assert!(error.abs() < 0.05 * expected_neither, "mean error {error}");
        let held = as_f64(held) / as_f64(RUNS);
        assert!(expected.contains(&held), "held in {held} of runs");
    }

    #[test]
    fn chapman_hits_the_truth_on_average_and_its_interval_as_often_as_documented() {
        check_chapman(1_000, [0.2, 0.3], 0.95, 0.92..0.97);
        check_chapman(1_000, [0.2, 0.3], 0.8, 0.76..0.84);
        check_chapman(2_000, [0.1, 0.1], 0.95, 0.91..0.965);
    }
}
