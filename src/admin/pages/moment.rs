//! Instants and spans as pages say them.

use std::time::Duration;

use super::words;
use crate::event::Timestamp;

/// An instant for a `<time>` element: the day apart from the clock, so that a row of them can be read
/// down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moment {
    /// In full, RFC 3339.
    pub(super) iso: String,
    /// `2026-03-01`.
    pub(super) day: String,
    /// `09:15:44.960`, in UTC.
    pub(super) clock: String,
}

impl Moment {
    pub(super) fn of(at: Timestamp) -> Self {
        let shown = at.floor_to_millis().to_string();
        let (day, clock) = shown.split_once('T').unwrap_or((&shown, ""));
        let clock = clock.trim_end_matches('Z');
        let (seconds, fraction) = clock.split_once('.').unwrap_or((clock, ""));
        Self {
            iso: at.to_string(),
            day: day.to_owned(),
            clock: format!("{seconds}.{fraction:0<3}"),
        }
    }
}

/// A span in milliseconds: `0.4 ms`, `84 ms`, `1.24 s`, `3 min 20 s`; what is negative has its sign.
pub(super) fn span(ms: f64) -> String {
    let sign = if ms < 0.0 { "−" } else { "" };
    let length = ms.abs();
    if length < 9.95 {
        return format!("{sign}{length:.1} ms");
    }
    let length = Duration::try_from_secs_f64(length / 1e3).unwrap_or(Duration::MAX);
    // Whole milliseconds, rounded and not cut off.
    format!("{sign}{}", words::duration(length + Duration::from_micros(500)))
}

/// How long after an event something was: `+84 ms`.
pub(super) fn after(ms: f64) -> String {
    if ms < 0.0 { span(ms) } else { format!("+{}", span(ms)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_its_milliseconds() {
        let moment = |text| Moment::of(Timestamp::parse(text).unwrap());
        let one = moment("2026-03-01T09:15:44.96Z");
        assert_eq!((one.day.as_str(), one.clock.as_str()), ("2026-03-01", "09:15:44.960"));
        assert_eq!(one.iso, "2026-03-01T09:15:44.96Z");
        assert_eq!(moment("2026-03-01T09:15:44Z").clock, "09:15:44.000");
        assert_eq!(moment("2026-03-01T09:15:44.123456789Z").clock, "09:15:44.123");
    }

    #[track_caller]
    fn check(ms: f64, expected: &str) {
        assert_eq!(after(ms), expected);
    }

    #[test]
    fn spans_have_the_unit_that_fits_and_their_sign() {
        check(0.0, "+0.0 ms");
        check(0.44, "+0.4 ms");
        check(84.4, "+84 ms");
        check(84.6, "+85 ms");
        check(-12.0, "−12 ms");
        check(1_240.0, "+1.24 s");
        check(200_000.0, "+3 min 20 s");
        assert_eq!(span(-3.0), "−3.0 ms");
    }
}
