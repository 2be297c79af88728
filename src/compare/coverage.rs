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

impl Window {
    /// The window when none is asked for.
    pub const DEFAULT_LENGTH: Duration = Duration::from_hours(24);

    /// Reads a start and an end, each a time (RFC 3339) or a duration before `now`; the last
    /// [`Window::DEFAULT_LENGTH`] by default.
    ///
    /// # Errors
    /// When a text can't be understood, or nothing lies between them.
    pub fn parse(
        from: Option<&str>,
        to: Option<&str>,
        now: Timestamp,
    ) -> Result<Self, WindowError> {
        let now = now.floor_to_millis();
        let to = to.map_or(Ok(now), |text| instant(text, now))?;
        let from = match from {
            Some(text) => instant(text, now)?,
            None => to.minus(Self::DEFAULT_LENGTH),
        };
        if from >= to {
            return Err(WindowError::Empty);
        }
        Ok(Self { from, to })
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

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{prop_assert, proptest};

    use super::*;

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
