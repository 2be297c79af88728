//! This host's clock against those of others.

use super::Check;
use crate::event::Timestamp;

/// What another clock said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    /// In whole seconds, at some moment between the other two.
    pub said: Timestamp,
    /// When it was asked, by this host's clock.
    pub asked_at: Timestamp,
    /// When the answer was there, by this host's clock.
    pub heard_at: Timestamp,
}

/// Latencies of seconds are what is compared: a clock that is off by more spoils them.
const OFF_MAX_MS: f64 = 1_000.0;

/// Whether this host's clock agrees with that of `whose`, as far as whole seconds can tell.
pub fn check(whose: &str, answered: Option<Answered>) -> Check {
    let what = format!("clock against {whose}'s");
    let Some(Answered { said, asked_at, heard_at }) = answered else {
        let why = format!("{whose} answered nothing that tells the time");
        return Check::not_asked(what, why, "Latencies by path are right only with a right clock.");
    };
    // Theirs was between `said` and a second later, at some moment between asking and hearing.
    let ahead = asked_at.millis_since(said) - 1e3;
    let behind = said.millis_since(heard_at);
    let off = ahead.max(behind).max(0.0);
    if off <= OFF_MAX_MS {
        return Check::good(what, "they agree to the second, as far as its answers tell");
    }
    let direction = if ahead > behind { "ahead of" } else { "behind" };
    Check::bad(
        what,
        format!("this host is at least {:.0} s {direction} it", off / 1e3),
        "Every latency is wrong by as much; the difference between the two paths is not.",
    )
    .mended_by("timedatectl set-ntp true")
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[track_caller]
    fn check_at((asked, heard): (i64, i64), expected: State, part: &str) {
        let at = Timestamp::from_millis;
        let said = at(1_000_000);
        let answered = Answered { said, asked_at: at(asked), heard_at: at(heard) };
        let found = check("Auth0", Some(answered));
        assert_eq!(found.found_to_be, expected, "{found:?}");
        assert!(found.found.contains(part), "{found:?}");
    }

    #[test]
    fn a_second_and_the_way_there_and_back_are_no_skew() {
        check_at((1_000_000, 1_000_100), State::Good, "agree");
        check_at((1_001_999, 1_002_100), State::Good, "agree");
        check_at((999_000, 999_100), State::Good, "agree");
        check_at((990_000, 1_020_000), State::Good, "agree");
    }

    #[test]
    fn a_clock_that_is_off_is_told_by_how_much_and_where_to() {
        check_at((1_005_000, 1_005_100), State::Bad, "at least 4 s ahead of");
        check_at((990_000, 990_100), State::Bad, "at least 10 s behind");
        assert_eq!(check("AWS", None).found_to_be, State::NotAsked);
    }
}
