//! How near Auth0 is to switching a stream off.

use super::Failed;
use crate::event::Timestamp;

/// Auth0: a stream is switched off after so many failures in a row …
pub const IN_A_ROW_MAX: u64 = 500;
/// … or so many in all (documentation of Event Streams, as of August 2026).
pub const IN_ALL_MAX: u64 = 5_000;

/// Failures of a stream, as its list of failed deliveries tells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Failures {
    /// Since the last one that came.
    pub in_a_row: u64,
    /// All that are listed.
    pub in_all: u64,
}

impl Failures {
    /// Counts what Auth0 lists. What was given up on after the last arrival is in a row.
    pub fn of(failed: &[Failed], last_arrival: Option<Timestamp>) -> Self {
        let ended = failed.iter().filter(|failed| failed.has_ended);
        let is_later = |failed: &&Failed| match (failed.last_attempt, last_arrival) {
            (Some(attempt), Some(arrival)) => attempt > arrival,
            // Nothing has come, or nobody knows when it was tried: the worse is assumed.
            (Some(_) | None, None) | (None, Some(_)) => true,
        };
        let count = |failures: usize| u64::try_from(failures).unwrap_or(u64::MAX);
        Self {
            in_a_row: count(ended.clone().filter(is_later).count()),
            in_all: count(ended.count()),
        }
    }

    /// How many more would switch the stream off, by the nearer of the two limits.
    pub fn left(self) -> u64 {
        let in_a_row = IN_A_ROW_MAX.saturating_sub(self.in_a_row);
        in_a_row.min(IN_ALL_MAX.saturating_sub(self.in_all))
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::failed;
    use super::*;

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    #[track_caller]
    fn check(attempts: &[i64], last_arrival: Option<i64>, expected: (u64, u64)) {
        let failed: Vec<_> =
            attempts.iter().map(|seconds| failed("evt_1").tried_at(at(*seconds))).collect();
        let failures = Failures::of(&failed, last_arrival.map(at));
        assert_eq!((failures.in_a_row, failures.in_all), expected);
    }

    #[test]
    fn what_failed_after_the_last_arrival_failed_in_a_row() {
        check(&[], None, (0, 0));
        check(&[10, 20, 30], Some(20), (1, 3));
        check(&[10, 20, 30], Some(40), (0, 3));
        check(&[10, 20, 30], None, (3, 3));
    }

    #[test]
    fn what_auth0_still_tries_has_not_failed() {
        let still = Failed { has_ended: false, ..failed("evt_1") };
        assert_eq!(Failures::of(&[still], None), Failures::default());
    }

    #[test]
    fn the_nearer_limit_is_what_is_left() {
        let left = |in_a_row, in_all| Failures { in_a_row, in_all }.left();
        assert_eq!(left(0, 0), 500);
        assert_eq!(left(499, 499), 1);
        assert_eq!(left(0, 4_990), 10);
        assert_eq!(left(700, 6_000), 0);
    }
}
