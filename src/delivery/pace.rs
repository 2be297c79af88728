//! How fast: buckets of tokens, and the share of retries. Pure; the time is an argument.

use std::time::Duration;

use tokio::time::Instant;

/// So many a second, on average, with bursts up to what it holds.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    /// The time in which one token comes.
    interval: Duration,
    /// Tokens as the time in which they come.
    credit: Duration,
    credit_max: Duration,
    at: Instant,
}

impl Bucket {
    /// A full bucket that holds what comes in the time of `burst`, and one token at least.
    /// `per_second` is a positive number.
    pub(super) fn new(per_second: f64, burst: Duration, now: Instant) -> Self {
        let interval = Duration::try_from_secs_f64(per_second.recip()).unwrap_or(Duration::MAX);
        let interval = interval.max(Duration::from_nanos(1));
        let credit_max = burst.max(interval);
        Self { interval, credit: credit_max, credit_max, at: now }
    }

    /// Tokens that are there.
    pub(super) fn available(&mut self, now: Instant) -> usize {
        let came = now.saturating_duration_since(self.at);
        self.credit = self.credit.saturating_add(came).min(self.credit_max);
        self.at = self.at.max(now);
        usize::try_from(self.credit.as_nanos() / self.interval.as_nanos()).unwrap_or(usize::MAX)
    }

    /// Takes tokens that are there.
    pub(super) fn take(&mut self, tokens: usize) {
        self.credit = self.credit.saturating_sub(self.worth(tokens));
    }

    /// When so many will be there, or as many as it holds.
    pub(super) fn ready(&mut self, tokens: usize, now: Instant) -> Instant {
        self.available(now);
        now + self.worth(tokens).min(self.credit_max).saturating_sub(self.credit)
    }

    /// Tokens that come in this time, one at least.
    pub(super) fn within(&self, time: Duration) -> usize {
        let tokens = time.as_nanos() / self.interval.as_nanos();
        usize::try_from(tokens).unwrap_or(usize::MAX).max(1)
    }

    fn worth(&self, tokens: usize) -> Duration {
        self.interval.saturating_mul(u32::try_from(tokens).unwrap_or(u32::MAX))
    }
}

/// The share of retries: new deliveries come first, and yet one place in so many is a retry's, so that
/// a flood of new ones does not hold them up for ever.
#[derive(Debug, Clone, Default)]
pub(super) struct Share {
    /// Places given away since a retry last had one.
    places: usize,
}

impl Share {
    const OF: usize = 8;

    /// How many of the next `limit` places are for retries, if as many are due.
    pub(super) const fn retries_min(&self, limit: usize) -> usize {
        (self.places + limit) / Self::OF
    }

    /// So many places were given away, so many of them to retries, when `retries_min` were for these.
    pub(super) fn given(&mut self, places: usize, retries: usize, retries_min: usize) {
        self.places = if retries < retries_min {
            // No more were due. What nobody wanted is not saved up.
            0
        } else {
            let places = (self.places + places).saturating_sub(retries.saturating_mul(Self::OF));
            // Nor is what they were not let have, but for a few.
            places.min(Self::OF * Self::OF)
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Takes all there is at each of these times, in milliseconds.
    #[track_caller]
    fn check(per_second: f64, burst: Duration, taken: &[(u64, usize)]) {
        let start = Instant::now();
        let mut bucket = Bucket::new(per_second, burst, start);
        for (millis, expected) in taken {
            let available = bucket.available(start + Duration::from_millis(*millis));
            assert_eq!(available, *expected, "at {millis} ms of {taken:?}");
            bucket.take(available);
        }
    }

    #[test]
    fn a_bucket_gives_a_burst_and_then_its_rate() {
        check(10.0, SECOND, &[(0, 10), (0, 0), (99, 0), (100, 1), (350, 2), (400, 1)]);
        check(10.0, SECOND, &[(0, 10), (60_000, 10), (60_050, 0), (60_100, 1)]);
        check(100.0, SECOND / 10, &[(0, 10), (50, 5), (1_000, 10)]);
    }

    #[test]
    fn a_rate_below_one_a_second_has_one_token_at_least() {
        check(0.5, SECOND, &[(0, 1), (1_999, 0), (2_000, 1), (9_000, 1), (11_000, 1)]);
    }

    #[test]
    fn rates_beyond_all_reason_do_no_harm() {
        check(1e-30, SECOND, &[(0, 1), (1_000_000, 0)]);
        check(1e30, SECOND, &[(0, 1_000_000_000)]);
    }

    #[test]
    fn a_time_before_the_last_one_gives_nothing() {
        check(10.0, SECOND, &[(1_000, 10), (0, 0), (1_100, 1)]);
    }

    #[test]
    fn it_says_when_so_many_will_be_there() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10.0, SECOND, start);
        assert_eq!(bucket.ready(10, start), start);
        bucket.take(10);
        assert_eq!(bucket.ready(1, start), start + SECOND / 10);
        assert_eq!(bucket.ready(4, start), start + SECOND * 4 / 10);
        // More than it holds are never there.
        assert_eq!(bucket.ready(50, start), start + SECOND);
        let later = start + SECOND * 2 / 10;
        assert_eq!(bucket.ready(4, later), start + SECOND * 4 / 10);
        assert_eq!((bucket.within(SECOND), bucket.within(SECOND / 100)), (10, 1));
    }

    /// Claims with these limits; `due` retries are there all along. Returns the retries of each.
    fn claims(limits: &[usize], mut due: usize) -> Vec<usize> {
        let mut share = Share::default();
        let mut given = Vec::new();
        for limit in limits {
            let retries_min = share.retries_min(*limit);
            assert!(retries_min <= *limit);
            let retries = retries_min.min(due);
            due -= retries;
            share.given(*limit, retries, retries_min);
            given.push(retries);
        }
        given
    }

    #[test]
    fn of_eight_places_one_is_a_retrys() {
        assert_eq!(claims(&[16, 16], 100), [2, 2]);
        assert_eq!(claims(&[1; 17], 100), [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
        assert_eq!(claims(&[5, 5, 5, 5], 100), [0, 1, 0, 1]);
        assert_eq!(claims(&[7, 100], 100), [0, 13]);
    }

    #[test]
    fn places_that_no_retry_wanted_are_not_saved_up() {
        let mut share = Share::default();
        share.given(16, 0, 2);
        assert_eq!(share.retries_min(7), 0);
        // Nor is more than its share held against it.
        share.given(16, 16, 2);
        assert_eq!(share.retries_min(8), 1);
        for _ in 0..1_000 {
            share.given(16, 0, 0);
        }
        assert_eq!(share.retries_min(16), 10);
    }
}
