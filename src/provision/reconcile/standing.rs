//! How near Auth0 is to switching a stream off, and whether that allows asking for redeliveries.

use std::collections::HashMap;

use super::Failed;
use super::report::StreamReport;
use crate::event::{EventId, Timestamp};
use crate::journal::AskedFor;

/// Auth0: a stream is switched off after so many failures in a row …
pub const IN_A_ROW_MAX: u64 = 500;
/// … or so many in all (documentation of Event Streams, as of August 2026).
pub const IN_ALL_MAX: u64 = 5_000;
/// So many failures of what is left are not used up by asking: below that the alarm `stream` rings.
pub const RESERVE: u64 = 250;
/// When more than that is listed, known events are asked for too, so that the list gets shorter: nothing but
/// a redelivery takes an event off it.
pub const LONG_LIST: u64 = IN_ALL_MAX / 2;

/// Failures of a stream, as its list of failed deliveries tells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Failures {
    /// Since the last one that came.
    pub in_a_row: u64,
    /// All that are listed.
    pub in_all: u64,
}

impl Failures {
    /// Counts what Auth0 lists. What was given up on after the last arrival is in a row, and so is each
    /// redelivery of it that was asked for since: Auth0 lists it once, however often it fails.
    pub fn of(
        failed: &[Failed],
        last_arrival: Option<Timestamp>,
        asked: &HashMap<EventId, AskedFor>,
    ) -> Self {
        // Where nothing has come, or nobody knows when it was tried, the worse is assumed.
        let is_later = |at: Option<Timestamp>| {
            at.is_none_or(|at| last_arrival.is_none_or(|arrival| at > arrival))
        };
        let ended = failed.iter().filter(|failed| failed.has_ended);
        let in_a_row = ended.clone().filter(|failed| is_later(failed.last_attempt)).map(|failed| {
            let asked = asked.get(&failed.id).filter(|asked| is_later(Some(asked.at)));
            1 + asked.map_or(0, |asked| u64::from(asked.tries.saturating_sub(asked.refused)))
        });
        Self { in_a_row: in_a_row.sum(), in_all: u64::try_from(ended.count()).unwrap_or(u64::MAX) }
    }

    /// How many more would switch the stream off, by the nearer of the two limits.
    pub fn left(self) -> u64 {
        let in_a_row = IN_A_ROW_MAX.saturating_sub(self.in_a_row);
        in_a_row.min(IN_ALL_MAX.saturating_sub(self.in_all))
    }
}

/// How many may be asked for, should each of them fail. Whoever insists takes the risk.
pub(super) fn askable(stream: &StreamReport, insists: bool) -> usize {
    if insists {
        return usize::MAX;
    }
    usize::try_from(stream.failures_left.saturating_sub(RESERVE)).unwrap_or(usize::MAX)
}

/// Why nothing may be asked for as the stream stands; `more` where Auth0 lists more than was read.
pub(super) fn obstacle(stream: &StreamReport, more: bool, insists: bool) -> Option<String> {
    let is_full = more || stream.failures >= IN_ALL_MAX;
    match (stream.enabled, is_full) {
        // Auth0 docs, "Auto-disable mechanism": a stream that was switched off is redelivered to, and can't be
        // enabled before its failures are fewer.
        (false, true) if insists => None,
        (false, true) => Some(format!(
            "the stream is switched off, and Auth0 enables it only when it lists fewer than {IN_ALL_MAX} \
             failures: mend the door, ask for redeliveries with --force, and then `twinstream setup auth0 \
             enable`"
        )),
        (false, false) => {
            Some("the stream is switched off; `twinstream setup auth0 enable` first".to_owned())
        }
        (true, _) if askable(stream, insists) == 0 => Some(format!(
            "after {} more failures Auth0 switches the stream off, and {RESERVE} are kept in reserve: each \
             redelivery that fails counts; --force asks nevertheless",
            stream.failures_left
        )),
        (true, _) => None,
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
        let failures = Failures::of(&failed, last_arrival.map(at), &HashMap::new());
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
        assert_eq!(Failures::of(&[still], None, &HashMap::new()), Failures::default());
    }

    #[test]
    fn each_redelivery_that_came_to_nothing_is_a_failure_in_a_row() {
        let in_a_row = |tried_at, asked_at, last_arrival: Option<i64>| {
            let asked = AskedFor { tries: 3, refused: 1, at: at(asked_at) };
            let failed = failed("evt_1").tried_at(at(tried_at));
            let asked = HashMap::from([(failed.id.clone(), asked)]);
            Failures::of(&[failed], last_arrival.map(at), &asked).in_a_row
        };
        assert_eq!(in_a_row(30, 20, None), 3, "it failed, and so did two redeliveries");
        assert_eq!(in_a_row(30, 20, Some(10)), 3);
        assert_eq!(in_a_row(30, 20, Some(25)), 1, "they were before the last arrival");
        assert_eq!(in_a_row(30, 20, Some(40)), 0);
    }

    #[test]
    fn the_nearer_limit_is_what_is_left() {
        let left = |in_a_row, in_all| Failures { in_a_row, in_all }.left();
        assert_eq!(left(0, 0), 500);
        assert_eq!(left(499, 499), 1);
        assert_eq!(left(0, 4_990), 10);
        assert_eq!(left(700, 6_000), 0);
    }

    fn stream(enabled: bool, failures: u64, failures_left: u64) -> StreamReport {
        let (id, name) = ("est_1".to_owned(), "hook".to_owned());
        StreamReport { id, name, enabled, failures_in_a_row: 0, failures, failures_left }
    }

    #[test]
    fn what_is_left_above_the_reserve_may_be_asked_for() {
        assert_eq!(askable(&stream(true, 0, 500), false), 250);
        assert_eq!(askable(&stream(true, 0, 251), false), 1);
        assert_eq!(askable(&stream(true, 0, 250), false), 0);
        assert_eq!(askable(&stream(true, 0, 0), false), 0);
        assert_eq!(askable(&stream(true, 0, 0), true), usize::MAX);
    }

    #[track_caller]
    fn check_obstacle(stream: &StreamReport, more: bool, (plain, forced): (&str, &str)) {
        for (insists, expected) in [(false, plain), (true, forced)] {
            let why = obstacle(stream, more, insists).unwrap_or_default();
            assert_eq!(why.is_empty(), expected.is_empty(), "{why}");
            assert!(why.contains(expected), "{why}");
        }
    }

    #[test]
    fn a_stream_is_not_asked_of_while_it_is_off_or_near_it() {
        check_obstacle(&stream(true, 10, 251), false, ("", ""));
        check_obstacle(&stream(true, 10, 250), false, ("after 250 more failures", ""));
        check_obstacle(&stream(false, 10, 490), false, ("enable` first", "enable` first"));
    }

    #[test]
    fn a_stream_that_failed_too_often_is_redelivered_to_while_it_is_off() {
        check_obstacle(&stream(false, 5_000, 0), false, ("fewer than 5000", ""));
        check_obstacle(&stream(false, 4_999, 1), false, ("enable` first", "enable` first"));
        check_obstacle(&stream(false, 4_990, 10), true, ("fewer than 5000", ""));
    }
}
