//! When a failed attempt is repeated, and when no more.

use std::time::Duration;

use crate::event::Timestamp;
use crate::journal::given_up;

/// The rule of one target. The defaults are EventBridge's own: 24 hours, 185 attempts (EventBridge
/// user guide, "How EventBridge retries delivering events").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// From the event's acceptance, or, if later, from its last redrive, from the end of the target's
    /// last outage or pause, or from the start of the process: while nobody could try, nothing ages. The
    /// last attempt is made then, if none succeeded before.
    pub max_age: Duration,
    /// Attempts in all.
    pub max_attempts: u32,
    /// The longest pause after the first failure; it doubles with each.
    pub pause_min: Duration,
    /// The longest pause of all.
    pub pause_max: Duration,
}

/// What to do after a failed attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    At(Timestamp),
    GiveUp(&'static str),
}

/// A delivery that failed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failed {
    /// Its age counts from here.
    pub since: Timestamp,
    /// Attempts made that count, this one included.
    pub attempts: u32,
    /// What the target's `Retry-After` asked for.
    pub retry_after: Option<Duration>,
}

impl Retry {
    /// When there is another attempt, if there is one. `draw` is from 0 to 1.
    pub(super) fn next(&self, failed: &Failed, now: Timestamp, draw: f64) -> Next {
        if failed.attempts >= self.max_attempts {
            return Next::GiveUp(given_up::ATTEMPTS);
        }
        let deadline = failed.since.plus(self.max_age);
        if now >= deadline {
            return Next::GiveUp(given_up::AGE);
        }
        // A target that asks for an hour gets its hour; one that asks for a year gets its last
        // attempt at the age limit.
        Next::At(now.plus(self.pause(failed, draw)).min(deadline))
    }

    /// Exponential back-off with full jitter: a pause drawn evenly from zero to the ceiling, so that
    /// deliveries that failed together don't come back together. `Retry-After` is the least.
    pub(super) fn pause(&self, failed: &Failed, draw: f64) -> Duration {
        let doublings = failed.attempts.saturating_sub(1).min(30);
        let ceiling = self.pause_min.saturating_mul(1 << doublings).min(self.pause_max);
        ceiling.mul_f64(draw.clamp(0.0, 1.0)).max(failed.retry_after.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETRY: Retry = Retry {
        max_age: Duration::from_secs(1_000),
        max_attempts: 5,
        pause_min: Duration::from_secs(1),
        pause_max: Duration::from_secs(4),
    };

    /// All times in seconds after the event's acceptance.
    #[track_caller]
    fn check((attempts, now, draw): (u32, u64, f64), retry_after: Option<u64>, expected: &Next) {
        let since = Timestamp::from_millis(0);
        let retry_after = retry_after.map(Duration::from_secs);
        let failed = Failed { since, attempts, retry_after };
        let now = since.plus(Duration::from_secs(now));
        assert_eq!(&RETRY.next(&failed, now, draw), expected);
    }

    fn at(seconds: f64) -> Next {
        Next::At(Timestamp::from_millis(0).plus(Duration::from_secs_f64(seconds)))
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_are_drawn_from_zero_up() {
        check((1, 0, 1.0), None, &at(1.0));
        check((1, 0, 0.25), None, &at(0.25));
        check((1, 0, 0.0), None, &at(0.0));
        check((2, 10, 1.0), None, &at(12.0));
        check((3, 10, 1.0), None, &at(14.0));
        check((4, 10, 1.0), None, &at(14.0));
    }

    #[test]
    fn retry_after_is_the_least_pause() {
        check((1, 0, 0.5), Some(30), &at(30.0));
        check((3, 0, 1.0), Some(1), &at(4.0));
    }

    #[test]
    fn it_ends_by_attempts_or_by_age() {
        check((5, 0, 0.0), None, &Next::GiveUp("every attempt failed"));
        check((1, 999, 1.0), None, &at(1_000.0));
        check((2, 999, 1.0), None, &at(1_000.0));
        check((1, 0, 0.0), Some(100_000), &at(1_000.0));
        check((1, 1_000, 0.0), None, &Next::GiveUp("too old for another attempt"));
    }
}
