//! How counts went up over the last minutes.

use std::collections::VecDeque;
use std::time::Duration;

use crate::event::{Path, PerPath, Timestamp};

/// What was counted at one moment, since the journal or the process began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::admin::pages) struct Sample {
    /// When.
    pub(in crate::admin::pages) at: Timestamp,
    /// Arrivals of whatever outcome.
    pub(in crate::admin::pages) came: PerPath<u64>,
    /// Arrivals that were put into quarantine.
    pub(in crate::admin::pages) quarantined: u64,
    /// Webhook requests with a wrong secret.
    pub(in crate::admin::pages) refused: u64,
    /// Deliveries that ended as dead letters.
    pub(in crate::admin::pages) died: u64,
}

/// Every sample is kept for so long; of older ones, one in [`COARSE`].
const FINE_FOR: Duration = Duration::from_secs(200);
const COARSE: Duration = Duration::from_secs(10);
/// Older samples are dropped.
pub(in crate::admin::pages) const KEPT_FOR: Duration = Duration::from_mins(15);

/// The samples of the last quarter of an hour, the first first: some 300 at most.
#[derive(Debug, Clone, Default)]
pub(in crate::admin::pages) struct Tape(VecDeque<Sample>);

impl Tape {
    pub(super) fn push(&mut self, sample: Sample) {
        // The clock was set back: what is on the tape can't be told from what will be.
        if self.0.back().is_some_and(|last| last.at >= sample.at) {
            self.0.clear();
        }
        self.0.push_back(sample);
        let (oldest, fine_from) = (sample.at.minus(KEPT_FOR), sample.at.minus(FINE_FOR));
        let mut kept: Option<Timestamp> = None;
        self.0.retain(|sample| {
            let is_kept = sample.at >= fine_from
                || (sample.at >= oldest && kept.is_none_or(|kept| sample.at >= kept.plus(COARSE)));
            if is_kept {
                kept = Some(sample.at);
            }
            is_kept
        });
    }

    /// Arrivals a second over the last `over`, or since the first sample if that is later; `None`
    /// when nothing was sampled for at least a part of it.
    pub(in crate::admin::pages) fn rate(&self, path: Path, over: Duration) -> Option<f64> {
        let last = self.0.back()?;
        let first = self.since(over)?;
        let seconds = last.at.millis_since(first.at) / 1e3;
        let came = last.came.of(path).saturating_sub(*first.came.of(path));
        (seconds > 0.0).then(|| small(came) / seconds)
    }

    /// Arrivals a second in each of `bins` stretches of `width` that end now, the first first; `None`
    /// where nothing was sampled.
    pub(in crate::admin::pages) fn rates(
        &self,
        path: Path,
        bins: u32,
        width: Duration,
    ) -> Vec<Option<f64>> {
        let Some(last) = self.0.back() else { return Vec::new() };
        let edge = |bins_ago: u32| self.came_by(path, last.at.minus(width * bins_ago));
        (0..bins)
            .rev()
            .map(|bins_ago| {
                let (before, after) = (edge(bins_ago + 1)?, edge(bins_ago)?);
                Some((after - before) / width.as_secs_f64())
            })
            .collect()
    }

    /// How much a count went up over the last `over`, or since the first sample.
    pub(in crate::admin::pages) fn growth(
        &self,
        over: Duration,
        count: impl Fn(&Sample) -> u64,
    ) -> u64 {
        let ends = self.0.back().zip(self.since(over));
        ends.map_or(0, |(last, first)| count(last).saturating_sub(count(first)))
    }

    fn since(&self, over: Duration) -> Option<&Sample> {
        let from = self.0.back()?.at.minus(over);
        self.0.iter().find(|sample| sample.at >= from)
    }

    /// Arrivals since the first sample, up to this instant: between two samples, in proportion.
    fn came_by(&self, path: Path, instant: Timestamp) -> Option<f64> {
        let next = self.0.iter().position(|sample| sample.at >= instant)?;
        let (first, after) = (self.0.front()?, self.0.get(next)?);
        let came =
            |sample: &Sample| small(sample.came.of(path).saturating_sub(*first.came.of(path)));
        if after.at == instant {
            return Some(came(after));
        }
        let before = self.0.get(next.checked_sub(1)?)?;
        let share = instant.millis_since(before.at) / after.at.millis_since(before.at);
        Some(came(before) + share * (came(after) - came(before)))
    }
}

/// A count of what came within minutes, as floating point.
fn small(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_772_356_544_000).plus(Duration::from_secs(seconds))
    }

    fn sample(seconds: u64, came: u64) -> Sample {
        let came = PerPath { webhook: came, eventbridge: 0 };
        Sample { at: at(seconds), came, quarantined: 0, refused: came.webhook, died: 0 }
    }

    fn tape(samples: impl IntoIterator<Item = (u64, u64)>) -> Tape {
        let mut tape = Tape::default();
        samples.into_iter().for_each(|(seconds, came)| tape.push(sample(seconds, came)));
        tape
    }

    #[track_caller]
    fn check(samples: &[(u64, u64)], rate: Option<f64>, rates: &[Option<f64>]) {
        let tape = tape(samples.iter().copied());
        assert_eq!(tape.rate(Path::Webhook, Duration::from_secs(4)), rate);
        assert_eq!(tape.rates(Path::Webhook, 3, Duration::from_secs(2)), rates);
    }

    #[test]
    fn a_rate_is_told_from_two_samples_on() {
        check(&[], None, &[]);
        check(&[(0, 1_000)], None, &[None, None, None]);
        check(&[(0, 1_000), (2, 1_010)], Some(5.0), &[None, None, Some(5.0)]);
    }

    #[test]
    fn each_stretch_has_its_own_rate_whenever_samples_were_taken() {
        let (zero, five) = (Some(0.0), Some(5.0));
        check(&[(0, 0), (2, 10), (4, 10), (6, 20)], Some(2.5), &[five, zero, five]);
        check(&[(0, 0), (6, 30)], None, &[five, five, five]);
    }

    #[test]
    fn a_clock_that_is_set_back_begins_anew() {
        check(&[(10, 5), (2, 10), (4, 12)], Some(1.0), &[None, None, Some(1.0)]);
    }

    #[test]
    fn growth_is_told_of_the_time_asked_for() {
        let tape = tape([(0, 1), (100, 4), (110, 9)]);
        let grown = |seconds| tape.growth(Duration::from_secs(seconds), |sample| sample.refused);
        assert_eq!((grown(10), grown(60), grown(600)), (5, 5, 8));
        assert_eq!(Tape::default().growth(Duration::MAX, |sample| sample.refused), 0);
    }

    #[test]
    fn the_tape_is_no_longer_however_long_it_runs() {
        let tape = tape((0..5_000).map(|second| (second, second * 3)));
        assert!((200..300).contains(&tape.0.len()), "{}", tape.0.len());
        let kept = KEPT_FOR.as_secs() - 10;
        assert!(tape.growth(KEPT_FOR, |sample| sample.refused) >= 3 * kept);
        assert_eq!(tape.rate(Path::Webhook, KEPT_FOR), Some(3.0));
    }
}
