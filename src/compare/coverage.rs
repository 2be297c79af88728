//! When a path's door was open.

use std::time::Duration;

use serde::Serialize;

use crate::event::{Path, Timestamp};

/// A stretch of time: its first instant belongs to it, its end does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Window {
    /// The first instant in it.
    pub from: Timestamp,
    /// The first instant after it.
    pub to: Timestamp,
}

impl Window {
    /// Whether the instant is in it.
    pub fn contains(self, instant: Timestamp) -> bool {
        (self.from..self.to).contains(&instant)
    }

    /// How long it lasts, in seconds; 0 when it ends before it starts.
    pub fn seconds(self) -> f64 {
        self.to.millis_since(self.from).max(0.0) / 1e3
    }
}

/// Why a window can't be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// A start or an end that is neither a time nor a duration.
    #[error(
        "`{0}` is neither a time such as 2026-03-01T00:00:00Z nor a duration such as 24h or 7d"
    )]
    Malformed(String),
    /// It ends before it starts.
    #[error("the window ends before it starts")]
    Empty,
}

/// The window that somebody asks for; each end may be left open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowAsked {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    now: Timestamp,
}

impl WindowAsked {
    /// Reads a start and an end, each a time (RFC 3339) or a duration before `now`.
    ///
    /// # Errors
    /// When a text can't be understood.
    pub fn parse(
        from: Option<&str>,
        to: Option<&str>,
        now: Timestamp,
    ) -> Result<Self, WindowError> {
        let now = now.floor_to_millis();
        let read = |text: Option<&str>| text.map(|text| instant(text, now)).transpose();
        Ok(Self { from: read(from)?, to: read(to)?, now })
    }

    /// The ends that are not open.
    pub const fn ends(self) -> (Option<Timestamp>, Option<Timestamp>) {
        (self.from, self.to)
    }

    /// Fills an open end with that of what there is: `held` is the `time` of the first and the last
    /// event. The end is never before now, so that an event with a `time` to come is counted too,
    /// as one that has not settled.
    ///
    /// # Errors
    /// When nothing lies between the ends.
    pub fn of(self, held: Option<(Timestamp, Timestamp)>) -> Result<Window, WindowError> {
        let millisecond = Duration::from_millis(1);
        let last = held.map_or(self.now, |(_, last)| last.floor_to_millis().plus(millisecond));
        let to = self.to.unwrap_or(last.max(self.now));
        let first = held.map_or(to.minus(millisecond), |(first, _)| first.floor_to_millis());
        let from = self.from.unwrap_or(first);
        if from >= to {
            return Err(WindowError::Empty);
        }
        Ok(Window { from, to })
    }
}

fn instant(text: &str, now: Timestamp) -> Result<Timestamp, WindowError> {
    if let Ok(instant) = Timestamp::parse(text) {
        return Ok(instant);
    }
    let before = text.parse::<jiff::Span>().ok();
    let before =
        before.and_then(|span| span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok());
    let before = before.and_then(|duration| Duration::try_from(duration).ok());
    before.map(|before| now.minus(before)).ok_or_else(|| WindowError::Malformed(text.to_owned()))
}

/// When each path's door was open. The stretches may overlap and come in any order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coverage {
    /// When the webhook listener took requests.
    pub webhook: Vec<Window>,
    /// When the SQS receivers polled.
    pub eventbridge: Vec<Window>,
}

impl Coverage {
    /// When the door of this path was open.
    pub fn of(&self, path: Path) -> &[Window] {
        match path {
            Path::Webhook => &self.webhook,
            Path::Eventbridge => &self.eventbridge,
        }
    }
}

/// Seconds of `window` that at least one of the stretches covers.
pub fn covered_seconds(stretches: &[Window], window: Window) -> f64 {
    let mut inside: Vec<Window> = stretches
        .iter()
        .map(|open| Window { from: open.from.max(window.from), to: open.to.min(window.to) })
        .collect();
    inside.sort_unstable_by_key(|open| open.from);
    let mut covered_until = window.from;
    let mut seconds = 0.0;
    for open in inside {
        let new = Window { from: open.from.max(covered_until), to: open.to };
        seconds += new.seconds();
        covered_until = covered_until.max(open.to);
    }
    seconds
}

/// Seconds of `window` in which both doors were open: what each covers, less what only one of them does.
pub(super) fn both_open_seconds(coverage: &Coverage, window: Window) -> f64 {
    let (webhook, eventbridge) = (coverage.of(Path::Webhook), coverage.of(Path::Eventbridge));
    let either = covered_seconds(&[webhook, eventbridge].concat(), window);
    covered_seconds(webhook, window) + covered_seconds(eventbridge, window) - either
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{prop_assert, proptest};

    use super::*;

    const DAY: &str = "2026-03-01T12:00:00Z";
    const NOW: &str = "2026-03-02T12:00:00Z";

    #[track_caller]
    fn check_asked(
        (from, to): (Option<&str>, Option<&str>),
        held: Option<(&str, &str)>,
        expected: Result<(&str, &str), WindowError>,
    ) {
        let at = |text| Timestamp::parse(text).unwrap();
        let held = held.map(|(first, last)| (at(first), at(last)));
        let window = WindowAsked::parse(from, to, at(NOW)).and_then(|asked| asked.of(held));
        let shown = window.map(|window| (window.from.to_string(), window.to.to_string()));
        assert_eq!(shown, expected.map(|(from, to)| (from.to_owned(), to.to_owned())));
    }

    #[test]
    fn a_window_is_two_times_or_durations_before_now() {
        check_asked((Some("24h"), None), None, Ok((DAY, NOW)));
        check_asked((Some("1d"), None), None, Ok((DAY, NOW)));
        let february = "2026-02-01T00:00:00Z";
        check_asked((Some(february), Some("1d")), None, Ok((february, DAY)));
        check_asked((Some("1h"), Some("2h")), None, Err(WindowError::Empty));
        check_asked((Some("soon"), None), None, Err(WindowError::Malformed("soon".into())));
    }

    #[test]
    fn an_open_end_takes_in_all_there_is_and_now() {
        let (first, last) = ("2026-01-05T08:00:00.1234Z", "2026-02-01T00:00:00Z");
        let from = "2026-01-05T08:00:00.123Z";
        check_asked((None, None), Some((first, last)), Ok((from, NOW)));
        check_asked((None, Some("1d")), Some((first, last)), Ok((from, DAY)));
        // A clock ahead of ours, by Auth0's or by this host's fault.
        let ahead = Some((DAY, "2026-03-02T12:00:01.5Z"));
        check_asked((None, None), ahead, Ok((DAY, "2026-03-02T12:00:01.501Z")));
        check_asked((None, None), None, Ok(("2026-03-02T11:59:59.999Z", NOW)));
    }

    fn window((from, to): (i64, i64)) -> Window {
        Window {
            from: Timestamp::from_millis(from * 1_000),
            to: Timestamp::from_millis(to * 1_000),
        }
    }

    fn covered(stretches: &[(i64, i64)], within: (i64, i64)) -> f64 {
        let stretches: Vec<Window> = stretches.iter().copied().map(window).collect();
        covered_seconds(&stretches, window(within))
    }

    #[track_caller]
    fn check(stretches: &[(i64, i64)], expected: f64) {
        let seconds = covered(stretches, (100, 200));
        assert!((seconds - expected).abs() < 1e-9, "{seconds} s instead of {expected} s");
    }

    #[test]
    fn every_second_of_the_window_counts_once() {
        check(&[], 0.0);
        check(&[(0, 300)], 100.0);
        check(&[(0, 50), (250, 300)], 0.0);
        check(&[(90, 110), (190, 210)], 20.0);
        check(&[(150, 160), (100, 155), (152, 153)], 60.0);
        check(&[(110, 120), (120, 130), (110, 120)], 20.0);
    }

    #[test]
    fn a_stretch_that_ends_before_it_starts_covers_nothing() {
        check(&[(160, 150)], 0.0);
        check(&[(160, 150), (110, 120)], 10.0);
    }

    proptest! {
        #[test]
        fn merged_stretches_cover_the_seconds_that_are_in_any_of_them(
            stretches in vec((0..60_i64, 0..60_i64), 0..12),
        ) {
            let inside = |second: &i64| {
                stretches.iter().any(|(from, to)| (*from..*to).contains(second))
            };
            let expected = (10..50_i64).filter(inside).map(|_| 1.0).sum::<f64>();
            prop_assert!((covered(&stretches, (10, 50)) - expected).abs() < 1e-9);
        }
    }
}
