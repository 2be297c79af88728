//! What the rules judge.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::compare::Criterion;
use crate::event::{PathSet, PerPath, Timestamp};
use crate::telemetry::{DoorState, StreamState, TargetState};

/// What is known at one moment.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The doors that the configuration opens.
    pub mode: Option<PathSet>,
    /// The state of each.
    pub doors: BTreeMap<crate::event::Path, DoorState>,
    /// The targets that routes lead to.
    pub targets: BTreeMap<Arc<str>, TargetState>,
    /// Arrivals by each path since [`Limits::silent_for`](super::Limits) ago,
    pub came_lately: PerPath<u64>,
    /// as far back as has been watched: shorter just after a start.
    pub watched_for: Duration,
    /// Requests with a wrong secret, lately.
    pub refused: u64,
    /// Arrivals that were not understood, lately.
    pub quarantined: u64,
    /// Deliveries that failed for good, lately.
    pub died: u64,
    /// The age of the oldest delivery that has not ended, by target.
    pub oldest_pending: BTreeMap<String, Duration>,
    /// Messages in each queue: `main`, `dead_letters` and `rule_dead_letters`.
    pub queues: BTreeMap<&'static str, u64>,
    /// How long ago the oldest message of the last receive had been sent.
    pub queue_age: Option<Duration>,
    /// Why the journal does not commit, when it does not.
    pub no_commit: Option<String>,
    /// The size of the journal's file, and the most that it may have, in bytes.
    pub journal_bytes: (u64, u64),
    /// What each path has to keep, measured over the last day.
    pub criteria: Vec<Criterion>,
    /// What Auth0 says of its streams, where it is asked.
    pub streams: BTreeMap<crate::event::Path, StreamState>,
    /// For how long the Events API has not been heard, where it is followed, and why, where that is known.
    pub unheard: Option<(Duration, Option<Box<str>>)>,
    /// Arrivals of the last day before their own event.
    pub negative_latencies: u64,
}

/// What is counted, to be told how much it grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counted {
    pub came: PerPath<u64>,
    pub refused: u64,
    pub quarantined: u64,
    pub died: u64,
}

/// What was counted lately, in bounded memory.
#[derive(Debug, Default)]
pub(super) struct Tape(VecDeque<(Timestamp, Counted)>);

/// Looks that are remembered of the time that is kept, about.
const LOOKS: u32 = 1_000;

impl Tape {
    /// Remembers a look, and forgets what is older than `keep`, but for the last before that. Of looks that
    /// follow each other closely the last is remembered.
    pub(super) fn push(&mut self, at: Timestamp, counted: Counted, keep: Duration) {
        let before_last = self.0.iter().rev().nth(1);
        if before_last.is_some_and(|(before, _)| at < before.plus(keep / LOOKS)) {
            self.0.pop_back();
        }
        self.0.push_back((at, counted));
        let horizon = at.minus(keep);
        while self.0.get(1).is_some_and(|(next, _)| *next <= horizon) {
            self.0.pop_front();
        }
    }

    /// How far back it goes.
    pub(super) fn length(&self) -> Duration {
        let ends = self.0.front().zip(self.0.back());
        let nanos = ends.map_or(0, |((first, _), (last, _))| last.nanos_since(*first));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
    }

    /// How much a number has grown within so long before the last look, as far as is remembered: step by
    /// step, since what people put back takes it down again, and hides nothing that way.
    pub(super) fn growth(&self, within: Duration, of: impl Fn(&Counted) -> u64) -> u64 {
        let Some((at, _)) = self.0.back() else { return 0 };
        let horizon = at.minus(within);
        let before = self.0.iter().rposition(|(then, _)| *then <= horizon).unwrap_or(0);
        let looks = self.0.iter().skip(before).map(|(_, counted)| of(counted));
        looks.clone().zip(looks.skip(1)).map(|(before, after)| after.saturating_sub(before)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(looks: &[(i64, u64)], within: u64, expected: u64) {
        let mut tape = Tape::default();
        for (seconds, refused) in looks {
            let counted = Counted { refused: *refused, ..Counted::default() };
            let at = Timestamp::from_millis(seconds * 1_000);
            tape.push(at, counted, Duration::from_mins(10));
        }
        let growth = tape.growth(Duration::from_secs(within), |counted| counted.refused);
        assert_eq!(growth, expected);
    }

    #[test]
    fn what_is_remembered_has_a_length() {
        let mut tape = Tape::default();
        assert_eq!(tape.length(), Duration::ZERO);
        for seconds in [5, 20, 95] {
            let at = Timestamp::from_millis(seconds * 1_000);
            tape.push(at, Counted::default(), Duration::from_mins(10));
        }
        assert_eq!(tape.length(), Duration::from_secs(90));
    }

    #[test]
    fn however_often_it_is_looked_little_is_remembered() {
        let (mut tape, keep) = (Tape::default(), Duration::from_mins(10));
        for tenths in 0..20_000_u32 {
            let counted = Counted { refused: tenths.into(), ..Counted::default() };
            tape.push(Timestamp::from_millis(i64::from(tenths) * 100), counted, keep);
        }
        assert!(tape.0.len() < 1_500, "{}", tape.0.len());
        assert!(tape.length() >= keep);
        let growth = tape.growth(Duration::from_mins(1), |counted| counted.refused);
        assert!((590..=610).contains(&growth), "{growth}");
    }

    #[test]
    fn growth_is_of_the_time_asked_for() {
        check(&[], 60, 0);
        check(&[(0, 5)], 60, 0);
        check(&[(0, 5), (30, 7), (60, 8), (90, 12)], 60, 5);
        check(&[(0, 5), (30, 7), (60, 8), (90, 12)], 600, 7);
        check(&[(0, 5), (700, 7), (1_400, 8)], 600, 1);
        check(&[(0, 5), (30, 0)], 60, 0);
        check(&[(0, 5), (30, 9), (40, 2), (50, 3)], 60, 5);
    }
}
