//! The two conversions between counts and floating point that the statistics need.

/// A count as floating point: exact up to 2⁵³, which no window of events reaches.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a statistic over more than 2^53 events may be off in its sixteenth digit"
)]
pub(super) fn as_f64(count: u64) -> f64 {
    count as f64
}

/// The smallest count that is not below `value`; `None` when no count of sane size is (negative,
/// not a number, 10¹⁵ and more).
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the range is checked first"
)]
pub(super) fn count_from(value: f64) -> Option<u64> {
    (0.0..1e15).contains(&value).then(|| value.ceil() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: f64, expected: Option<u64>) {
        assert_eq!(count_from(value), expected, "{value}");
    }

    #[test]
    fn only_what_a_count_can_hold_becomes_one() {
        check(0.0, Some(0));
        check(2_999.000_1, Some(3_000));
        check(3_000.0, Some(3_000));
        check(-0.5, None);
        check(f64::NAN, None);
        check(f64::INFINITY, None);
    }
}
