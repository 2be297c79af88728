//! What comes of a delivery after an attempt. Pure.

use std::time::Duration;

use super::Retry;
use super::classify::Meaning;
use super::schedule::{Failed, Next};
use crate::event::Timestamp;
use crate::journal::Verdict;

/// What repeats a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retries {
    /// The journal: it knows when, how often and for how long.
    Journal,
    /// The SQS queue that the event came from: it brings the message back, counts, and gives up.
    Queue,
}

/// An attempt that has ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ended<'a> {
    pub meaning: &'a Meaning,
    /// The attempts that count, this one included.
    pub attempts: u32,
    /// The age of the delivery counts from here.
    pub since: Timestamp,
    /// When the target was down, how long it is left alone; then the attempt does not count.
    pub outage: Option<Duration>,
}

/// SQS: a message is invisible for 12 hours at most (developer guide, "Amazon SQS visibility timeout").
const RETURN_WITHIN: Duration = Duration::from_hours(12);

impl Retries {
    /// The verdict on a delivery after an attempt at it. `draw` is from 0 to 1.
    pub(super) fn judge(
        self,
        ended: &Ended<'_>,
        rule: &Retry,
        now: Timestamp,
        draw: f64,
    ) -> Verdict {
        let (retry_after, refusal) = match ended.meaning {
            Meaning::Delivered => return Verdict::Delivered,
            Meaning::Refused(reason) => (None, Some(reason)),
            Meaning::Retry(retry_after) => (*retry_after, None),
        };
        let failed = Failed { since: ended.since, attempts: ended.attempts, retry_after };
        match (self, refusal, ended.outage) {
            // Whatever it was: the queue counts, and sends to its own dead letters.
            (Self::Queue, _, outage) => {
                let pause = rule.pause(&failed, draw).max(outage.unwrap_or_default());
                Verdict::Return(now.plus(pause.min(RETURN_WITHIN)))
            }
            (Self::Journal, Some(reason), _) => Verdict::Dead(reason.clone()),
            (Self::Journal, None, Some(outage)) => {
                let asked = retry_after.unwrap_or_default().min(rule.max_age);
                Verdict::RetryUncounted(now.plus(outage.max(asked)))
            }
            (Self::Journal, None, None) => match rule.next(&failed, now, draw) {
                Next::At(at) => Verdict::Retry(at),
                Next::GiveUp(reason) => Verdict::Dead(reason.into()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Retry = Retry {
        max_age: Duration::from_secs(1_000),
        max_attempts: 5,
        pause_min: Duration::from_secs(2),
        pause_max: Duration::from_mins(10),
    };

    const FAILED: Meaning = Meaning::Retry(None);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(0).plus(Duration::from_secs(seconds))
    }

    /// After an attempt at 100 s that counts as the second one; outages in seconds.
    #[track_caller]
    fn check(retries: Retries, meaning: &Meaning, outage: Option<u64>, expected: &Verdict) {
        let outage = outage.map(Duration::from_secs);
        let ended = Ended { meaning, attempts: 2, since: at(0), outage };
        assert_eq!(&retries.judge(&ended, &RULE, at(100), 1.0), expected);
    }

    #[test]
    fn the_journal_repeats_by_the_schedule() {
        let refused = Meaning::Refused("no".into());
        check(Retries::Journal, &Meaning::Delivered, None, &Verdict::Delivered);
        check(Retries::Journal, &refused, None, &Verdict::Dead("no".into()));
        check(Retries::Journal, &FAILED, None, &Verdict::Retry(at(104)));
        let asked = Meaning::Retry(Some(Duration::from_secs(50)));
        check(Retries::Journal, &asked, None, &Verdict::Retry(at(150)));
    }

    #[test]
    fn an_attempt_at_a_target_that_is_down_does_not_count() {
        check(Retries::Journal, &FAILED, Some(7), &Verdict::RetryUncounted(at(107)));
        let asked = |seconds| Meaning::Retry(Some(Duration::from_secs(seconds)));
        check(Retries::Journal, &asked(50), Some(7), &Verdict::RetryUncounted(at(150)));
        check(Retries::Journal, &asked(9_999), Some(7), &Verdict::RetryUncounted(at(1_100)));
        // What it takes or refuses, it takes or refuses.
        check(Retries::Journal, &Meaning::Delivered, Some(7), &Verdict::Delivered);
        let refused = Meaning::Refused("no".into());
        check(Retries::Journal, &refused, Some(7), &Verdict::Dead("no".into()));
    }

    #[test]
    fn no_attempts_and_no_age_are_burnt_while_a_target_is_down() {
        let outage = Some(Duration::ZERO);
        let ended = Ended { meaning: &FAILED, attempts: 99, since: at(0), outage };
        let verdict = Retries::Journal.judge(&ended, &RULE, at(1_000_000), 1.0);
        assert_eq!(verdict, Verdict::RetryUncounted(at(1_000_000)));
    }

    #[test]
    fn the_journal_gives_up_by_attempts_and_by_age() {
        for (attempts, now, reason) in
            [(5, 1, "every attempt failed"), (2, 1_000, "too old for another attempt")]
        {
            let ended = Ended { meaning: &FAILED, attempts, since: at(0), outage: None };
            let verdict = Retries::Journal.judge(&ended, &RULE, at(now), 1.0);
            assert_eq!(verdict, Verdict::Dead(reason.into()));
        }
    }

    #[test]
    fn the_queue_gets_everything_back_that_failed() {
        let refused = Meaning::Refused("no".into());
        check(Retries::Queue, &Meaning::Delivered, None, &Verdict::Delivered);
        check(Retries::Queue, &FAILED, None, &Verdict::Return(at(104)));
        check(Retries::Queue, &refused, None, &Verdict::Return(at(104)));
        check(Retries::Queue, &FAILED, Some(60), &Verdict::Return(at(160)));
        let day = Meaning::Retry(Some(Duration::from_hours(24)));
        check(Retries::Queue, &day, None, &Verdict::Return(at(100 + 12 * 3_600)));
        let ended = Ended { meaning: &FAILED, attempts: 99, since: at(0), outage: None };
        let verdict = Retries::Queue.judge(&ended, &RULE, at(1_000_000), 0.0);
        assert_eq!(
            verdict,
            Verdict::Return(at(1_000_000)),
            "it neither counts nor looks at the age"
        );
    }
}
