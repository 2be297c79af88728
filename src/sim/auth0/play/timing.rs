//! How long the receivers took, and what they answered.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::super::carrier::Answer;

/// Times of one path, to three digits, from a microsecond to an hour.
#[derive(Debug, Clone)]
pub(super) struct Timing {
    /// From the instant at which a copy was due to the answer that accepted it; what waited behind a slow
    /// answer waits in here too, so that nothing is left out where the receiver holds up the sender
    /// (no coordinated omission).
    due: Histogram<u64>,
    /// From the real sending of an attempt to its answer.
    sent: Histogram<u64>,
    answers: BTreeMap<String, u64>,
}

/// Quantiles, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quantiles {
    /// How many were measured.
    pub count: u64,
    /// Half took no longer.
    pub p50: f64,
    /// 90 % took no longer.
    pub p90: f64,
    /// 99 % took no longer.
    pub p99: f64,
    /// 99.9 % took no longer.
    pub p999: f64,
    /// The longest.
    pub max: f64,
}

/// Different answers that are counted by themselves; AWS has some dozens of codes.
const ANSWERS_MAX: usize = 64;

const LONGEST_US: u64 = 3_600_000_000;

impl Timing {
    #[expect(clippy::expect_used, reason = "the bounds are constants that fit")]
    pub(super) fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST_US, 3)
            .expect("from 1 to more than 2, with up to 5 digits");
        Self { due: histogram.clone(), sent: histogram, answers: BTreeMap::new() }
    }

    /// An attempt was answered so.
    pub(super) fn answered(&mut self, answer: &Answer, took: Duration) {
        let name = match answer {
            Answer::Status(status) => status.to_string(),
            Answer::Taken => "taken".to_owned(),
            Answer::Busy(what)
            | Answer::Refused(what)
            | Answer::NotSent(what)
            | Answer::Unanswered(what) => what.to_string(),
        };
        if self.answers.len() < ANSWERS_MAX || self.answers.contains_key(&name) {
            *self.answers.entry(name).or_default() += 1;
        } else {
            *self.answers.entry("others".to_owned()).or_default() += 1;
        }
        if !matches!(answer, Answer::NotSent(_) | Answer::Unanswered(_)) {
            self.sent.saturating_record(micros(took));
        }
    }

    /// A copy that was due so long before was accepted.
    pub(super) fn accepted(&mut self, after: Duration) {
        self.due.saturating_record(micros(after));
    }

    pub(super) fn due_to_accepted(&self) -> Option<Quantiles> {
        quantiles(&self.due)
    }

    pub(super) fn sent_to_answered(&self) -> Option<Quantiles> {
        quantiles(&self.sent)
    }

    pub(super) fn answers(self) -> BTreeMap<String, u64> {
        self.answers
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(LONGEST_US).clamp(1, LONGEST_US)
}

fn quantiles(histogram: &Histogram<u64>) -> Option<Quantiles> {
    let ms = |us: u64| Duration::from_micros(us).as_secs_f64() * 1e3;
    let at = |quantile| ms(histogram.value_at_quantile(quantile));
    (!histogram.is_empty()).then(|| Quantiles {
        count: histogram.len(),
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        p999: at(0.999),
        max: ms(histogram.max()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_kept_to_three_digits() {
        let mut timing = Timing::new();
        assert_eq!(timing.due_to_accepted(), None);
        for ms in 1..=1_000 {
            timing.accepted(Duration::from_millis(ms));
        }
        let told = timing.due_to_accepted().unwrap();
        assert_eq!(told.count, 1_000);
        for (measured, expected) in
            [(told.p50, 500.0), (told.p90, 900.0), (told.p99, 990.0), (told.max, 1_000.0)]
        {
            assert!((measured - expected).abs() <= expected / 1e3, "{measured} {expected}");
        }
    }

    #[test]
    fn answers_are_counted_and_those_that_never_came_are_not_timed() {
        let mut timing = Timing::new();
        let took = Duration::from_millis(5);
        timing.answered(&Answer::Status(204), took);
        timing.answered(&Answer::Status(204), took);
        timing.answered(&Answer::Unanswered("time-out".into()), took);
        assert_eq!(timing.sent_to_answered().unwrap().count, 2);
        for status in 300..400 {
            timing.answered(&Answer::Status(status), took);
        }
        let answers = timing.answers();
        assert_eq!((answers["204"], answers["time-out"]), (2, 1));
        assert_eq!((answers.len(), answers["others"]), (ANSWERS_MAX + 1, 38));
    }
}
