//! Keeping a rate.

use std::time::Duration;

use tokio::time::Instant;

/// Says when the next letters may be touched, so that a rate is kept however long each takes.
#[derive(Debug)]
pub(super) struct Pace {
    each: Duration,
    next: Instant,
}

/// What was late by no more than this is caught up; what is later is let go, so that no burst follows a
/// stall.
const CAUGHT_UP_MAX: Duration = Duration::from_millis(100);

/// Slower is as good as never.
const EACH_MAX: Duration = Duration::from_hours(24);

impl Pace {
    /// So many letters a second, from now on.
    pub(super) fn new(rate: f64, now: Instant) -> Self {
        let each = Duration::try_from_secs_f64(rate.recip()).unwrap_or(EACH_MAX).min(EACH_MAX);
        Self { each, next: now }
    }

    /// When it goes on after so many letters.
    pub(super) fn after(&mut self, letters: u64, now: Instant) -> Instant {
        let letters = u32::try_from(letters).unwrap_or(u32::MAX);
        let earliest = now.checked_sub(CAUGHT_UP_MAX).unwrap_or(now);
        self.next = self.next.max(earliest) + self.each.saturating_mul(letters).min(EACH_MAX);
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Touches letters that take `took` each, and returns how long all of it takes.
    fn all(rate: f64, letters: u32, took: Duration) -> Duration {
        let start = Instant::now();
        let (mut now, mut pace) = (start, Pace::new(rate, start));
        for _ in 0..letters {
            now += took;
            now = now.max(pace.after(1, now));
        }
        now - start
    }

    #[track_caller]
    fn check(rate: f64, took_ms: u64, expected_ms: u128) {
        let ms = all(rate, 100, Duration::from_millis(took_ms)).as_millis();
        assert_eq!(ms, expected_ms, "100 letters at {rate} a second, {took_ms} ms each");
    }

    #[test]
    fn a_rate_is_kept_however_long_a_letter_takes() {
        check(50.0, 0, 2_000);
        check(50.0, 7, 2_000);
        check(50.0, 20, 2_000);
        check(0.5, 7, 200_000);
    }

    #[test]
    fn what_can_not_be_kept_is_no_debt() {
        check(50.0, 30, 3_000);
        let start = Instant::now();
        let mut pace = Pace::new(50.0, start);
        let late = start + Duration::from_mins(1);
        assert_eq!(pace.after(1, late), late - Duration::from_millis(80));
        assert_eq!(pace.after(10, late), late + Duration::from_millis(120));
    }
}
