//! What an answer means.

use std::time::Duration;

use crate::event::Timestamp;

/// What a target answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// An HTTP status, with the pause that `Retry-After` asks for.
    Status(u16, Option<Duration>),
    /// No whole answer: refused, broken off, too slow. The event may have reached the target.
    Failed(Box<str>),
}

/// What comes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The target has it.
    Delivered,
    /// Another try may succeed, not before this pause.
    Retry(Option<Duration>),
    /// No other try would.
    Refused,
}

/// 2XX: delivered. 408, 425, 429, 5XX and broken connections: again later. All else, redirects
/// included: the target will never take it.
pub(super) fn classify(answer: &Answer) -> Meaning {
    match answer {
        Answer::Status(200..=299, _) => Meaning::Delivered,
        Answer::Status(408 | 425 | 429 | 500..=599, pause) => Meaning::Retry(*pause),
        Answer::Status(_, _) => Meaning::Refused,
        Answer::Failed(_) => Meaning::Retry(None),
    }
}

/// `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date.
pub(super) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    let date = date.duration_since(std::time::UNIX_EPOCH).ok()?;
    let now = Duration::from_nanos(u64::try_from(now.as_nanos()).ok()?);
    Some(date.saturating_sub(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, expected: Meaning) {
        assert_eq!(classify(&Answer::Status(status, None)), expected);
    }

    #[test]
    fn statuses() {
        for status in [200, 201, 202, 204, 299] {
            check(status, Meaning::Delivered);
        }
        for status in [408, 425, 429, 500, 502, 503, 504, 599] {
            check(status, Meaning::Retry(None));
        }
        for status in [100, 301, 302, 307, 308, 400, 401, 403, 404, 409, 410, 413, 422, 600] {
            check(status, Meaning::Refused);
        }
        assert_eq!(classify(&Answer::Failed("reset".into())), Meaning::Retry(None));
    }

    #[track_caller]
    fn check_retry_after(value: &str, expected: Option<u64>) {
        let now = Timestamp::parse("2026-03-01T09:00:00Z").unwrap();
        assert_eq!(retry_after(value, now), expected.map(Duration::from_secs), "{value}");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        check_retry_after("120", Some(120));
        check_retry_after(" 0 ", Some(0));
        check_retry_after("Sun, 01 Mar 2026 09:01:30 GMT", Some(90));
        check_retry_after("Sun, 01 Mar 2026 08:00:00 GMT", Some(0));
        check_retry_after("-5", None);
        check_retry_after("soon", None);
        let pause = Some(Duration::from_secs(7));
        assert_eq!(classify(&Answer::Status(503, pause)), Meaning::Retry(pause));
    }
}
