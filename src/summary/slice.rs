//! How time is cut into stretches that have a cell each.

use crate::event::Timestamp;

/// The length of the stretches: each is whole within one of the next longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scale {
    /// From minute to minute.
    Minute = 0,
    /// From ten minutes to ten minutes.
    TenMinutes = 1,
    /// From hour to hour.
    Hour = 2,
    /// From midnight to midnight, UTC.
    Day = 3,
}

impl Scale {
    /// All of them, the shortest first.
    pub const ALL: [Self; 4] = [Self::Minute, Self::TenMinutes, Self::Hour, Self::Day];

    /// The length of a stretch, in nanoseconds.
    pub const fn nanos(self) -> i64 {
        const MINUTE: i64 = 60_000_000_000;
        match self {
            Self::Minute => MINUTE,
            Self::TenMinutes => 10 * MINUTE,
            Self::Hour => 60 * MINUTE,
            Self::Day => 24 * 60 * MINUTE,
        }
    }

    /// The first instant of the stretch that an instant lies in.
    pub const fn floor(self, instant: Timestamp) -> Timestamp {
        let nanos = instant.as_nanos();
        Timestamp::from_nanos(nanos.saturating_sub(nanos.rem_euclid(self.nanos())))
    }

    /// The first instant of a stretch that is not before this one.
    pub const fn ceil(self, instant: Timestamp) -> Timestamp {
        let floor = self.floor(instant);
        if floor.as_nanos() == instant.as_nanos() {
            return floor;
        }
        Timestamp::from_nanos(floor.as_nanos().saturating_add(self.nanos()))
    }

    /// The longest that cuts a window of this length, in nanoseconds, into enough stretches to show its
    /// course, and into few enough to be read at once: minutes up to 4 hours, ten minutes up to 2 days,
    /// hours up to 62 days, days beyond.
    pub const fn for_window(nanos: i64) -> Self {
        if nanos <= 4 * Self::Hour.nanos() {
            Self::Minute
        } else if nanos <= 2 * Self::Day.nanos() {
            Self::TenMinutes
        } else if nanos <= 62 * Self::Day.nanos() {
            Self::Hour
        } else {
            Self::Day
        }
    }
}

/// A run of stretches of one scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The length of each.
    pub scale: Scale,
    /// The first instant of the first.
    pub from: Timestamp,
    /// The first instant after the last.
    pub to: Timestamp,
}

/// Cuts the whole minutes from `from` to `to` into runs, of `longest` where they fit and of shorter ones
/// at the edges; in order of time.
pub fn cut(from: Timestamp, to: Timestamp, longest: Scale) -> Vec<Run> {
    let mut runs = Vec::new();
    cut_into(from, to, longest, &mut runs);
    runs
}

fn cut_into(from: Timestamp, to: Timestamp, scale: Scale, runs: &mut Vec<Run>) {
    if from >= to {
        return;
    }
    let (first, last) = (scale.ceil(from), scale.floor(to));
    let shorter = Scale::ALL.into_iter().rev().find(|shorter| *shorter < scale);
    match shorter {
        // Only whole minutes are asked for.
        None => runs.push(Run { scale, from: scale.floor(from), to: scale.ceil(to) }),
        Some(shorter) if first < last => {
            cut_into(from, first, shorter, runs);
            runs.push(Run { scale, from: first, to: last });
            cut_into(last, to, shorter, runs);
        }
        Some(shorter) => cut_into(from, to, shorter, runs),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::*;

    const fn minute(number: i64) -> Timestamp {
        Timestamp::from_nanos(number * Scale::Minute.nanos())
    }

    #[track_caller]
    fn check((from, to): (i64, i64), longest: Scale, expected: &[(Scale, i64, i64)]) {
        let runs = cut(minute(from), minute(to), longest);
        let expected: Vec<Run> = expected
            .iter()
            .map(|(scale, from, to)| Run { scale: *scale, from: minute(*from), to: minute(*to) })
            .collect();
        assert_eq!(runs, expected);
    }

    #[test]
    fn the_edges_are_shorter_than_the_middle() {
        use Scale::{Day, Hour, Minute, TenMinutes};
        check((0, 0), Day, &[]);
        check((3, 7), Day, &[(Minute, 3, 7)]);
        check((58, 181), Hour, &[(Minute, 58, 60), (Hour, 60, 180), (Minute, 180, 181)]);
        let edges =
            [(Minute, 48, 50), (TenMinutes, 50, 60), (Hour, 60, 120), (TenMinutes, 120, 130)];
        check((48, 130), Hour, &edges);
        check((0, 2_880), Day, &[(Day, 0, 2_880)]);
        check(
            (1_380, 2_941),
            Day,
            &[
                (Hour, 1_380, 1_440),
                (Day, 1_440, 2_880),
                (Hour, 2_880, 2_940),
                (Minute, 2_940, 2_941),
            ],
        );
        check((0, 2_880), Minute, &[(Minute, 0, 2_880)]);
    }

    proptest! {
        #[test]
        fn runs_follow_each_other_without_a_gap(from in -5_000..5_000_i64, length in 1..10_000_i64) {
            for longest in Scale::ALL {
                let runs = cut(minute(from), minute(from + length), longest);
                prop_assert_eq!(runs.first().map(|run| run.from), Some(minute(from)));
                prop_assert_eq!(runs.last().map(|run| run.to), Some(minute(from + length)));
                for pair in runs.windows(2) {
                    prop_assert_eq!(pair[0].to, pair[1].from);
                }
                for run in runs {
                    prop_assert!(run.scale <= longest && run.from < run.to);
                    prop_assert_eq!(run.scale.floor(run.from), run.from);
                    prop_assert_eq!(run.scale.floor(run.to), run.to);
                }
            }
        }
    }
}
