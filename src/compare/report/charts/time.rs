//! Event time on a line.

use crate::event::Timestamp;

/// Seconds between ticks: what people call round.
const STEPS: [i64; 19] = [
    1, 5, 15, 30, 60, 300, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800,
    604_800, 1_209_600, 2_592_000, 7_776_000,
];
const DAY: i64 = 86_400;

/// An axis of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct TimeAxis {
    from: Timestamp,
    to: Timestamp,
    span: (f64, f64),
}

impl TimeAxis {
    /// From one instant to another, from one place of the picture to another.
    pub(super) const fn new(from: Timestamp, to: Timestamp, span: (f64, f64)) -> Self {
        Self { from, to, span }
    }

    /// Where an instant is.
    pub(super) fn at(&self, instant: Timestamp) -> f64 {
        let whole = self.to.millis_since(self.from);
        let share = if whole > 0.0 { instant.millis_since(self.from) / whole } else { 0.0 };
        let (start, end) = self.span;
        start + share.clamp(0.0, 1.0) * (end - start)
    }

    /// Round instants in UTC, so many at most, with what they are called.
    pub(super) fn ticks(&self, most: usize) -> Vec<(f64, String)> {
        let (from, to) = (self.from.as_seconds(), self.to.as_seconds());
        let most = i64::try_from(most.max(1)).unwrap_or(1);
        let fits = |step: &&i64| (to - from) / **step < most;
        let step = STEPS.iter().find(fits).copied().unwrap_or((to - from) / most + 1);
        let first = from.div_euclid(step) * step;
        let mut ticks = Vec::new();
        let mut second = first;
        while second <= to {
            let instant = Timestamp::from_millis(second.saturating_mul(1_000));
            if second >= from {
                ticks.push((self.at(instant), called(instant, step)));
            }
            second += step;
        }
        ticks
    }
}

/// `12:30`, or the day where that is enough: `03-01`.
fn called(instant: Timestamp, step: i64) -> String {
    let text = instant.to_string();
    let is_midnight = instant.as_seconds().rem_euclid(DAY) == 0;
    let part = match step {
        _ if step >= 31 * DAY => text.get(..10),
        _ if is_midnight || step >= DAY => text.get(5..10),
        _ if step < 60 => text.get(11..19),
        _ => text.get(11..16),
    };
    part.unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(from: &str, to: &str, most: usize, expected: &[&str]) {
        let [from, to] = [from, to].map(|text| Timestamp::parse(text).unwrap());
        let ticks = TimeAxis::new(from, to, (0.0, 100.0)).ticks(most);
        let names: Vec<&str> = ticks.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(names, expected);
        assert!(ticks.iter().all(|(x, _)| (0.0..=100.0).contains(x)), "{ticks:?}");
        assert!(ticks.len() <= most + 1, "{ticks:?}");
    }

    #[test]
    fn ticks_are_at_round_times() {
        let day = ["03-01", "06:00", "12:00", "18:00", "03-02"];
        check("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z", 5, &day);
        let hour = ["12:15", "12:30", "12:45", "13:00"];
        check("2026-03-01T12:10:00Z", "2026-03-01T13:10:00Z", 5, &hour);
        let minute = ["12:00:00", "12:00:15", "12:00:30", "12:00:45", "12:01:00"];
        check("2026-03-01T12:00:00Z", "2026-03-01T12:01:00Z", 5, &minute);
        let weeks = ["03-05", "03-12", "03-19", "03-26"];
        check("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z", 5, &weeks);
        check("2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z", 5, &["03-01"]);
        check(
            "1990-01-01T00:00:00Z",
            "2200-01-01T00:00:00Z",
            3,
            &["2040-01-01", "2110-01-01", "2180-01-01"],
        );
    }
}
