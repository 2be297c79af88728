//! Numbers and times as pages say them.

use std::time::Duration;

pub(super) use crate::compare::words::count;
use crate::event::Timestamp;

/// `84 ms`, `1.24 s`, `3 min 20 s`, `5 h 12 min`, `3 days`.
pub(super) fn duration(length: Duration) -> String {
    let (millis, seconds) = (length.as_millis(), length.as_secs());
    match seconds {
        0 => format!("{millis} ms"),
        1..10 => format!("{:.2} s", length.as_secs_f64()),
        10..60 => format!("{:.1} s", length.as_secs_f64()),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..172_800 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// `340 KiB`, `1.2 GiB`.
pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = UNITS.into_iter().find(|(size, _)| bytes >= *size);
    let Some((size, name)) = unit else { return format!("{bytes} bytes") };
    // Tenths, in whole numbers.
    let tenths = bytes.saturating_mul(10) / size;
    match tenths % 10 {
        0 => format!("{} {name}", tenths / 10),
        tenth => format!("{}.{tenth} {name}", tenths / 10),
    }
}

/// `12.4 s ago`; `in 3 s` for what is to come.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> String {
    let nanos = now.nanos_since(at);
    let distance = Duration::from_nanos(nanos.unsigned_abs());
    if nanos < 0 {
        format!("in {}", duration(distance))
    } else {
        format!("{} ago", duration(distance))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_unit_that_fits() {
        for (number, expected) in [
            (512, "512 bytes"),
            (1_024, "1 KiB"),
            (348_160, "340 KiB"),
            (10 << 30, "10 GiB"),
            (1_288_490_189, "1.2 GiB"),
        ] {
            assert_eq!(bytes(number), expected);
        }
    }

    #[test]
    fn durations_have_the_unit_that_fits() {
        for (millis, expected) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_240, "1.24 s"),
            (12_400, "12.4 s"),
            (200_000, "3 min 20 s"),
            (18_720_000, "5 h 12 min"),
            (300_000_000, "3 days"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), expected);
        }
    }
}
