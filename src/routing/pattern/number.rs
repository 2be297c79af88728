//! Numbers as EventBridge compares them.

use serde_json::Number;

/// EventBridge's limit, inclusive, in millionths.
const MAX: i64 = 5_000_000_000 * MILLION;
const MILLION: i64 = 1_000_000;
/// Digits after the point that are compared.
const SCALE_MAX: i32 = 6;

/// A number in millionths, from -5e9 to 5e9.
///
/// "Numeric matching is limited to value between -5.0e9 and +5.0e9 inclusive, with 15 digits of
/// precision, that is to say 6 digits to the right of the decimal point": README of
/// `aws/event-ruler`, and EventBridge's user guide, "Comparison operators", numeric matching. What
/// has more digits is not rounded but not compared at all: `ComparableNumber` of event-ruler since
/// its pull request 166.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Decimal(i64);

impl Decimal {
    /// The number, if it can be compared.
    ///
    /// JSON's text is gone by now, but nothing is lost by that: doubles up to 5e9 are less than a
    /// millionth apart, so at most one decimal of 6 digits after the point belongs to each, and
    /// that is the shortest text of the double.
    pub(super) fn of(number: &Number) -> Option<Self> {
        let millionths = match number.as_i64() {
            Some(whole) => whole.checked_mul(MILLION),
            None if number.is_f64() => millionths(&number.to_string()),
            None => None,
        };
        millionths.filter(|millionths| (-MAX..=MAX).contains(millionths)).map(Self)
    }
}

/// Of a number in JSON's spelling, such as `-1.5e-3`.
fn millionths(text: &str) -> Option<i64> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let mut digits = format!("{whole}{fraction}");
    let mut scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    while scale > SCALE_MAX && digits.ends_with('0') {
        digits.pop();
        scale -= 1;
    }
    if matches!(digits.as_str(), "" | "-") {
        return Some(0);
    }
    let shift = u32::try_from(SCALE_MAX.checked_sub(scale)?).ok()?;
    digits.parse::<i64>().ok()?.checked_mul(10_i64.checked_pow(shift)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<i64>) {
        let number: Number = serde_json::from_str(text).unwrap();
        assert_eq!(Decimal::of(&number).map(|decimal| decimal.0), expected, "{text}");
    }

    #[test]
    fn numbers_are_compared_in_millionths() {
        check("0", Some(0));
        check("-0.0", Some(0));
        check("0.0e5", Some(0));
        check("300", Some(300_000_000));
        check("300.0", Some(300_000_000));
        check("3.0e2", Some(300_000_000));
        check("0.000001", Some(1));
        check("-1.5E-3", Some(-1_500));
        check("10e-7", Some(1));
        check("0.3", Some(300_000));
    }

    #[test]
    fn what_is_too_big_or_too_fine_is_not_compared() {
        check("5000000000", Some(MAX));
        check("-5e9", Some(-MAX));
        check("4999999999.999999", Some(MAX - 1));
        check("5000000000.000001", None);
        check("5000000001", None);
        check("-9223372036854775808", None);
        check("18446744073709551615", None);
        check("1e300", None);
        check("1e-7", None);
        check("0.1234567", None);
        check("5e-324", None);
    }
}
