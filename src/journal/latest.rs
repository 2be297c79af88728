//! Which arrivals come out of order: after one with a later `time`, by the same path.

use std::time::Duration;

use rusqlite::{Connection, params};

use super::sqlite::{path_code, path_of};
use crate::event::{Path, PerPath, Timestamp};

/// The latest times that came by a path. What arrived in one instant (one answer of SQS, say) has no
/// order among itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Mark {
    /// Of all that arrived before `last`.
    before: Option<Timestamp>,
    /// The last instant of an arrival, and the latest time of those that arrived then.
    last: Option<(Timestamp, Timestamp)>,
}

impl Mark {
    /// Takes the next arrival in. Whether a later event had arrived before.
    fn overtakes(&mut self, at: Timestamp, time: Timestamp) -> bool {
        match self.last {
            Some((last, latest)) if at == last => self.last = Some((last, latest.max(time))),
            Some((last, _)) if at < last => {
                let overtaken = self.before.is_some_and(|before| before > time);
                self.before = self.before.max(Some(time));
                return overtaken;
            }
            last => {
                self.before = self.before.max(last.map(|(_, latest)| latest));
                self.last = Some((at, time));
            }
        }
        self.before.is_some_and(|before| before > time)
    }

    fn latest(self) -> Option<Timestamp> {
        self.before.max(self.last.map(|(_, latest)| latest))
    }
}

/// Clocks of hosts that are in use are not further apart.
const AHEAD_MAX: Duration = Duration::from_mins(5);

/// The marks of both paths. They move within a transaction, and go back if that fails.
#[derive(Debug, Default)]
pub(super) struct Latest {
    committed: PerPath<Mark>,
    current: PerPath<Mark>,
}

impl Latest {
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let mut marks = PerPath::<Mark>::default();
        let mut statement = connection.prepare("SELECT path, time_ns FROM latest")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            marks.of_mut(path_of(row.get(0)?)?).before = Some(row.get(1)?);
        }
        Ok(Self { committed: marks, current: marks })
    }

    /// Takes an arrival of a live event in. Whether it is out of order. One from far in the future is in no
    /// order, or everything until then would come after it.
    pub(super) fn overtakes(&mut self, path: Path, at: Timestamp, time: Timestamp) -> bool {
        if time > at.plus(AHEAD_MAX) {
            return false;
        }
        self.current.of_mut(path).overtakes(at, time)
    }

    /// Writes what has changed, as one of the last steps of the transaction.
    pub(super) fn flush(&self, connection: &Connection) -> rusqlite::Result<()> {
        for path in Path::ALL {
            let (then, now) = (self.committed.of(path).latest(), self.current.of(path).latest());
            if let Some(latest) = now.filter(|_| now != then) {
                connection
                    .prepare_cached("INSERT OR REPLACE INTO latest (path, time_ns) VALUES (?, ?)")?
                    .execute(params![path_code(path), latest])?;
            }
        }
        Ok(())
    }

    pub(super) const fn committed(&mut self) {
        self.committed = self.current;
    }

    pub(super) const fn rolled_back(&mut self) {
        self.current = self.committed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Arrivals as (at, time), in the order in which they are stored; which are out of order.
    #[track_caller]
    fn check(arrivals: &[(i64, i64)], expected: &[bool]) {
        let mut mark = Mark::default();
        let at = Timestamp::from_millis;
        let found: Vec<bool> = arrivals
            .iter()
            .map(|(arrived, time)| mark.overtakes(at(*arrived), at(*time)))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn an_arrival_after_a_later_event_is_out_of_order() {
        check(&[(1, 10), (2, 20), (3, 15), (4, 20), (5, 21)], &[false, false, true, false, false]);
        check(&[(1, 10), (2, 9), (3, 8)], &[false, true, true]);
    }

    #[test]
    fn an_event_from_far_in_the_future_overtakes_nothing() {
        let mut latest = Latest::default();
        let at = |minutes: i64| Timestamp::from_millis(minutes * 60_000);
        let mut overtakes = |arrived, time| latest.overtakes(Path::Webhook, at(arrived), at(time));
        assert!(!overtakes(1, 1));
        assert!(!overtakes(2, 10_000));
        assert!(!overtakes(3, 3));
        assert!(!overtakes(4, 9));
        assert!(overtakes(5, 5));
    }

    #[test]
    fn what_arrives_at_once_has_no_order() {
        check(&[(1, 10), (1, 5), (1, 7), (2, 9)], &[false, false, false, true]);
    }

    #[test]
    fn what_arrived_before_and_is_stored_after_is_held_against_what_came_before_both() {
        check(&[(1, 10), (3, 30), (2, 20), (2, 5)], &[false, false, false, true]);
        check(&[(3, 30), (2, 20), (4, 10)], &[false, false, true]);
    }
}
