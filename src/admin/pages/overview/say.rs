//! Numbers and times as the overview says them: coarse enough to be read while they change.

use std::time::Duration;

use crate::admin::pages::words;
use crate::compare::words as compare_words;
use crate::event::Timestamp;

/// A state in a word; the kind is the style sheet's: `good`, `warn`, `bad` or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pill {
    pub(super) kind: &'static str,
    pub(super) word: &'static str,
}

pub(super) const fn pill(kind: &'static str, word: &'static str) -> Pill {
    Pill { kind, word }
}

/// `just now`, `4 s ago`, `3 min ago`, `5 h 12 min ago`.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> String {
    match now.nanos_since(at) / 1_000_000_000 {
        ..=0 => "just now".to_owned(),
        _ => format!("{} ago", lasted(at, now)),
    }
}

/// `4 s`, `3 min`, `5 h 12 min`, `3 days`.
pub(super) fn lasted(from: Timestamp, now: Timestamp) -> String {
    let seconds = u64::try_from(now.nanos_since(from) / 1_000_000_000).unwrap_or(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        _ => words::duration(Duration::from_secs(seconds)),
    }
}

/// A number and the unit that suits it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rate {
    pub(super) number: String,
    pub(super) unit: &'static str,
}

/// `18.4 /s`, `240 /s`, `12 /min`.
pub(super) fn rate(per_second: f64) -> Rate {
    let (number, unit) = match per_second {
        _ if per_second >= 99.95 => (format!("{per_second:.0}"), "/s"),
        _ if per_second >= 0.95 => (format!("{per_second:.1}"), "/s"),
        _ if per_second > 0.0 => (format!("{:.0}", (per_second * 60.0).max(1.0)), "/min"),
        _ => ("0".to_owned(), "/s"),
    };
    Rate { number, unit }
}

/// `12.4 MB`, in powers of a thousand.
pub(super) fn bytes(bytes: u64) -> String {
    // Tenths of the unit below, so that no floating point is needed.
    let tenths = |unit: u64| format!("{}.{}", bytes / unit, bytes % unit / (unit / 10));
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", tenths(1_000)),
        1_000_000..1_000_000_000 => format!("{} MB", tenths(1_000_000)),
        _ => format!("{} GB", tenths(1_000_000_000)),
    }
}

/// `8.4 ms`, `851 ms`, `2.31 s`: as long as it changes each second, no more digits than that.
pub(super) fn latency(ms: f64) -> String {
    if (99.5..999.5).contains(&ms) { format!("{ms:.0} ms") } else { compare_words::duration(ms) }
}

/// `21:53:10`.
pub(super) fn time_of_day(at: Timestamp) -> String {
    at.to_string().get(11..19).unwrap_or_default().to_owned()
}

/// `1 event`, `1,234 events`.
pub(super) fn counted(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", words::count(number))
}

/// The middle one; of an even number the lower of the two.
pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_coarse_as_they_are_long_ago() {
        let now = Timestamp::from_millis(1_772_356_544_000);
        for (millis, expected) in [
            (0, "just now"),
            (900, "just now"),
            (1_900, "1 s ago"),
            (200_000, "3 min ago"),
            (18_720_000, "5 h 12 min ago"),
        ] {
            assert_eq!(ago(now.minus(Duration::from_millis(millis)), now), expected);
        }
        assert_eq!(ago(now.plus(Duration::from_secs(5)), now), "just now");
        assert_eq!(lasted(now.plus(Duration::from_secs(5)), now), "0 s");
    }

    #[test]
    fn a_rate_has_the_unit_in_which_it_says_something() {
        for (per_second, number, unit) in [
            (0.0, "0", "/s"),
            (0.001, "1", "/min"),
            (0.2, "12", "/min"),
            (1.0, "1.0", "/s"),
            (18.44, "18.4", "/s"),
            (240.4, "240", "/s"),
        ] {
            assert_eq!(rate(per_second), Rate { number: number.to_owned(), unit });
        }
    }

    #[test]
    fn sizes_are_in_the_unit_that_fits() {
        for (size, expected) in
            [(999, "999 B"), (1_250, "1.2 kB"), (12_490_000, "12.4 MB"), (3_000_000_000, "3.0 GB")]
        {
            assert_eq!(bytes(size), expected);
        }
    }

    #[test]
    fn latencies_have_three_digits() {
        for (ms, expected) in
            [(8.44, "8.4 ms"), (99.6, "100 ms"), (850.5, "850 ms"), (2_314.0, "2.31 s")]
        {
            assert_eq!(latency(ms), expected);
        }
        assert_eq!(time_of_day(Timestamp::from_millis(1_772_356_544_960)), "09:15:44");
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0]), Some(1.0));
    }
}
