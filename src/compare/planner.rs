//! Temporary.
use super::loss::{self, RULE_OF_THREE};
use super::number::count_from;
use super::proportion::{Share, Z_95};

pub(super) enum Needed {
    Enough,
    More(u64),
    Never,
}

pub(super) fn events_needed(missing: Share, loss_max: f64, confidence: f64) -> Needed {
    let more = |needed: f64| {
        count_from(needed).map_or(Needed::Never, |needed| {
            Needed::More(needed.saturating_sub(missing.whole).max(1))
        })
    };
    let Some(interval) = loss::loss(missing, confidence) else {
        return more((RULE_OF_THREE / loss_max).max(1.0));
    };
    if interval.high <= loss_max {
        return Needed::Enough;
    }
    if missing.part == 0 {
        return more(RULE_OF_THREE / loss_max);
    }
    let gap = interval.estimate - loss_max;
    more(Z_95 * Z_95 * loss_max * (1.0 - loss_max) / (gap * gap))
}
