//! Instants.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant in UTC, to the nanosecond, from 1677-09-21 to 2262-04-11.
///
/// Shown as RFC 3339 without trailing zeros, as Auth0 writes its own times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

/// Why a text is no instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    /// Not a date and time with an offset from UTC (RFC 3339, 0 to 9 digits of a second).
    #[error("not an RFC 3339 time")]
    Malformed,
    /// A real instant, but one that a 64-bit count of nanoseconds cannot hold.
    #[error("a time outside the years 1678 to 2261")]
    OutOfRange,
}

impl Timestamp {
    /// From nanoseconds since 1970-01-01T00:00:00Z.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From milliseconds since 1970-01-01T00:00:00Z, the unit of the SQS message attributes. An
    /// instant out of range becomes the nearest one in range.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970-01-01T00:00:00Z, rounded down.
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000_000)
    }

    /// Reads RFC 3339, with 0 to 9 digits of a second: Auth0 drops trailing zeros.
    ///
    /// # Errors
    /// [`TimestampError`] when it is not one, or out of range.
    pub fn parse(text: &str) -> Result<Self, TimestampError> {
        let instant: jiff::Timestamp = text.parse().map_err(|_| TimestampError::Malformed)?;
        i64::try_from(instant.as_nanosecond()).map(Self).map_err(|_| TimestampError::OutOfRange)
    }

    /// The whole millisecond at or before it.
    #[must_use]
    pub const fn floor_to_millis(self) -> Self {
        Self(self.0.saturating_sub(self.0.rem_euclid(1_000_000)))
    }

    /// Nanoseconds from `earlier` to `self`; negative when `self` is the earlier one.
    pub const fn nanos_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Milliseconds from `earlier` to `self`; negative when `self` is the earlier one.
    #[expect(
        clippy::as_conversions,
        clippy::cast_precision_loss,
        reason = "a difference in milliseconds keeps its microseconds for 285 years"
    )]
    pub fn millis_since(self, earlier: Self) -> f64 {
        self.nanos_since(earlier) as f64 / 1e6
    }

    /// This much later; the end of the range at most.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// This much earlier; the start of the range at least.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = i128::from(self.0);
        // Every i64 count of nanoseconds is inside jiff's range of the years -9999 to 9999.
        let instant = jiff::Timestamp::from_nanosecond(nanos).map_err(|_| fmt::Error)?;
        f.pad(&instant.to_string())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, TimestampError>) {
        let shown = Timestamp::parse(text).map(|instant| instant.to_string());
        assert_eq!(shown, expected.map(str::to_owned));
    }

    #[test]
    fn rfc_3339_with_any_number_of_digits() {
        check("2026-03-01T09:15:44.96Z", Ok("2026-03-01T09:15:44.96Z"));
        check("2026-03-01T09:15:44Z", Ok("2026-03-01T09:15:44Z"));
        check("2026-03-01T09:15:44.123456789Z", Ok("2026-03-01T09:15:44.123456789Z"));
        check("2026-03-01T18:15:44.9600+09:00", Ok("2026-03-01T09:15:44.96Z"));
        check("1969-12-31T23:59:59.5Z", Ok("1969-12-31T23:59:59.5Z"));
        check("yesterday", Err(TimestampError::Malformed));
        check("2026-03-01", Err(TimestampError::Malformed));
        check("2026-03-01T09:15:44", Err(TimestampError::Malformed));
        check("3000-01-01T00:00:00Z", Err(TimestampError::OutOfRange));
    }

    #[test]
    fn seconds_round_down_before_the_epoch_too() {
        assert_eq!(Timestamp::from_nanos(-1).as_seconds(), -1);
        assert_eq!(Timestamp::from_millis(1_999).as_seconds(), 1);
    }
}
