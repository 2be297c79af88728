//! Whether a call is tried again, and when.

use std::time::Duration;

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};

use crate::event::Timestamp;

/// How often, and how long, a call is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Tries of one call in all.
    pub tries_max: u32,
    /// The pause after the first try that nobody said a pause for; each further one is twice as long.
    pub first_pause: Duration,
    /// Whoever asks for a longer pause is not waited for.
    pub pause_max: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            tries_max: 4,
            first_pause: Duration::from_millis(500),
            pause_max: Duration::from_mins(1),
        }
    }
}

/// What came of one try that was no success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Try {
    /// This status, and how long to wait, where that was said.
    Status(u16, Option<Duration>),
    /// It never went out.
    NotSent,
    /// It may have been done.
    Unanswered,
    /// It was done, and what was answered is too long.
    TooLong,
}

impl Patience {
    /// How long to wait before the next try, after this many; `None` to give up.
    pub(super) fn pause(self, tried: u32, came: Try, is_repeatable: bool) -> Option<Duration> {
        if tried >= self.tries_max {
            return None;
        }
        let (again, asked) = match came {
            // Refused before anything was done.
            Try::Status(429, asked) => (true, asked),
            Try::Status(500..=599, asked) => (is_repeatable, asked),
            Try::Status(..) | Try::TooLong => (false, None),
            Try::NotSent => (true, None),
            Try::Unanswered => (is_repeatable, None),
        };
        let doubled = 1_u32.checked_shl(tried.saturating_sub(1)).unwrap_or(u32::MAX);
        let pause = asked.unwrap_or_else(|| self.first_pause.saturating_mul(doubled));
        (again && pause <= self.pause_max).then_some(pause)
    }
}

/// How long Auth0 asks to wait: `Retry-After` in seconds (Events API), else until `x-ratelimit-reset`, in
/// seconds since 1970 (rate limit policy). The latter is Auth0's time, so that the clock it is held against is
/// the answer's `Date`; this host's only where that is missing.
pub(super) fn asked_pause(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    if let Some(seconds) = number(RETRY_AFTER.as_str()) {
        return Some(Duration::from_secs(seconds));
    }
    let reset = number("x-ratelimit-reset").and_then(|reset| i64::try_from(reset).ok())?;
    let now = date(headers).unwrap_or(now);
    let left = reset.saturating_sub(now.as_seconds());
    // Both are cut down to whole seconds: one more is surely enough.
    Some(Duration::from_secs(u64::try_from(left).unwrap_or_default().saturating_add(1)))
}

/// The `Date` of an answer (RFC 9110, section 6.6.1), in whole seconds.
pub(super) fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let date = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    let since = date.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Timestamp::from_millis(i64::try_from(since.as_millis()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(tried: u32, came: Try, is_repeatable: bool, expected_ms: Option<u64>) {
        let pause = Patience::default().pause(tried, came, is_repeatable);
        assert_eq!(pause, expected_ms.map(Duration::from_millis), "{tried} {came:?}");
    }

    #[test]
    fn what_was_not_done_is_tried_again_and_what_may_have_been_only_where_that_is_harmless() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        check(1, Try::Status(429, seconds(7)), false, Some(7_000));
        check(1, Try::Status(429, None), false, Some(500));
        check(3, Try::Status(429, None), false, Some(2_000));
        check(4, Try::Status(429, seconds(1)), true, None);
        check(1, Try::Status(429, seconds(61)), true, None);
        check(1, Try::Status(503, seconds(2)), true, Some(2_000));
        check(1, Try::Status(503, seconds(2)), false, None);
        check(2, Try::Unanswered, true, Some(1_000));
        check(2, Try::Unanswered, false, None);
        check(2, Try::NotSent, false, Some(1_000));
        check(4, Try::NotSent, true, None);
        check(1, Try::TooLong, true, None);
        for status in [400, 401, 403, 404, 409, 410] {
            check(1, Try::Status(status, seconds(1)), true, None);
        }
    }

    #[track_caller]
    fn check_asked(headers: &[(&'static str, &str)], expected: Option<u64>) {
        let headers = headers
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()));
        // A minute ahead of the answer's date below.
        let now = Timestamp::parse("2026-03-01T09:01:00Z").unwrap();
        let asked = asked_pause(&headers.collect(), now);
        assert_eq!(asked, expected.map(Duration::from_secs));
    }

    #[test]
    fn the_pause_is_counted_on_auth0s_own_clock() {
        let date = ("date", "Sun, 01 Mar 2026 09:00:00 GMT");
        // 2026-03-01T09:00:05Z
        let reset = ("x-ratelimit-reset", "1772355605");
        check_asked(&[], None);
        check_asked(&[("retry-after", "3"), reset, date], Some(3));
        check_asked(&[reset, date], Some(6));
        check_asked(&[reset], Some(1));
        check_asked(&[("x-ratelimit-reset", "soon")], None);
        check_asked(&[("x-ratelimit-reset", "99999999999999999999")], None);
    }
}
