//! How many more events would show that a loss is small, or would show where it stands at all.
//!
//! "If things go on as they went" is meant literally: of n events n·p are missed, p being the share of
//! those so far. A miss more than that, and it takes longer; half of the time it does.

use super::loss::{loss, most_unseen};
use super::normal;
use super::number::{as_f64, count_from};
use super::proportion::Share;

/// What it takes to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needed {
    /// Nothing: it is known.
    Enough,
    /// So many more events that the other path witnesses, at least one.
    More(u64),
    /// No number of events is enough.
    Never,
}

/// What it takes to claim that the loss is at most `loss_max`, from over 0 to below 1: that the upper end
/// of the interval [`loss`] is.
///
/// Never, where the share missed so far is not below. The upper end of Wilson's interval is L exactly
/// when (p − L)² = z²·L·(1 − L)/n; with no miss it is −ln(1 − confidence)/n.
pub(super) fn events_needed(missing: Share, loss_max: f64, confidence: f64) -> Needed {
    let known = loss(missing, confidence);
    if known.is_some_and(|interval| interval.high <= loss_max) {
        return Needed::Enough;
    }
    if known.is_some_and(|interval| interval.estimate >= loss_max) {
        return Needed::Never;
    }
    more(missing, loss_max, confidence)
}

/// What it takes to tell whether the loss is at most `loss_max` or over it: that one end of the interval
/// [`loss`] reaches it. Never, where the share missed so far is exactly that.
pub(super) fn events_to_decide(missing: Share, loss_max: f64, confidence: f64) -> Needed {
    let known = loss(missing, confidence);
    if known.is_some_and(|interval| interval.high <= loss_max || interval.low > loss_max) {
        return Needed::Enough;
    }
    more(missing, loss_max, confidence)
}

fn more(missing: Share, loss_max: f64, confidence: f64) -> Needed {
    let needed = if missing.part == 0 {
        (most_unseen(confidence) / loss_max).max(1.0)
    } else {
        let gap = missing.ratio().unwrap_or(loss_max) - loss_max;
        let z = normal::deviations(confidence);
        (z * z * loss_max * (1.0 - loss_max) / (gap * gap)).max(as_f64(missing.whole))
    };
    count_from(needed)
        .map_or(Needed::Never, |needed| Needed::More(needed.saturating_sub(missing.whole).max(1)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, proptest};

    use super::super::proportion::score_interval;
    use super::super::reference::table;
    use super::*;

    #[track_caller]
    fn check(part: u64, whole: u64, loss_max: f64, expected: Needed) {
        assert_eq!(events_needed(Share { part, whole }, loss_max, 0.95), expected);
    }

    #[test]
    fn a_plan_is_what_trying_every_number_finds() {
        for case in &table().plan {
            let missing = Share { part: case.part, whole: case.whole };
            let expected = match case.more {
                None => Needed::Never,
                Some(0) => Needed::Enough,
                Some(more) => Needed::More(more),
            };
            let needed = events_needed(missing, case.loss_max, case.confidence);
            assert_eq!(needed, expected, "{case:?}");
        }
    }

    #[test]
    fn what_loses_too_much_already_is_never_shown_to_lose_little() {
        check(2, 1_000, 0.001, Needed::Never);
        check(1, 1_000, 0.001, Needed::Never);
        check(0, 0, 0.001, Needed::More(2_996));
        let over = Share { part: 2, whole: 1_000 };
        assert!(matches!(events_to_decide(over, 0.001, 0.95), Needed::More(_)));
        let at = Share { part: 1, whole: 1_000 };
        assert_eq!(events_to_decide(at, 0.001, 0.95), Needed::Never);
        let far_over = Share { part: 100, whole: 1_000 };
        assert_eq!(events_to_decide(far_over, 0.001, 0.95), Needed::Enough);
    }

    proptest! {
        #[test]
        fn so_many_events_are_enough_and_one_less_is_not(
            part in 0..50_u64, more in 0..50_000_u64, loss_max in 0.000_01..0.2_f64, confidence in 0.8..0.999_f64,
        ) {
            let missing = Share { part, whole: part + more };
            if let Needed::More(needed) = events_needed(missing, loss_max, confidence) {
                let high = |trials: u64| match missing.ratio() {
                    Some(ratio) if ratio > 0.0 => score_interval(ratio, as_f64(trials), confidence).1,
                    _ => most_unseen(confidence) / as_f64(trials),
                };
                let trials = missing.whole + needed;
                prop_assert!(high(trials) <= loss_max * (1.0 + 1e-9));
                prop_assert!(needed == 1 || high(trials - 1) > loss_max * (1.0 - 1e-9));
            }
        }
    }
}
