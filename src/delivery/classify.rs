//! What an answer means.

use std::time::Duration;

use crate::event::Timestamp;

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// What comes of it for the delivery.
    pub meaning: Meaning,
    /// What it tells of the target.
    pub sign: Sign,
    /// The HTTP status, if one came.
    pub status: Option<u16>,
    /// Why there was no whole answer. The event may have reached the target.
    pub error: Option<Box<str>>,
    /// The beginning of an answer that is no success, redacted.
    pub excerpt: Option<Box<str>>,
}

/// What comes of an attempt for its delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The target has it.
    Delivered,
    /// Another try may succeed, not before this pause.
    Retry(Option<Duration>),
    /// No other try would, for this reason.
    Refused(Box<str>),
}

/// What an attempt tells of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// It works, whatever it thinks of this event.
    Up,
    /// It answers, but has had enough: 408, 425, 429.
    Unclear,
    /// It does not answer, or fails whatever it is sent: 5XX.
    Down,
}

impl Answer {
    /// An answer with this status. `retry_on` are statuses that are tried again though they are
    /// refusals.
    pub(super) fn of(status: u16, retry_after: Option<Duration>, retry_on: &[u16]) -> Self {
        let (meaning, sign) = classify(status, retry_after, retry_on);
        Self { meaning, sign, status: Some(status), error: None, excerpt: None }
    }

    /// No whole answer: refused, broken off, too slow.
    pub(super) fn failed(error: Box<str>) -> Self {
        let (meaning, sign) = (Meaning::Retry(None), Sign::Down);
        Self { meaning, sign, status: None, error: Some(error), excerpt: None }
    }
}

/// 2XX: delivered. 408, 425, 429, 5XX, and the statuses of `retry_on`: again later. All else,
/// redirects included: the target will never take it. A refusal tells that the target is up: who
/// says 404 is there.
fn classify(status: u16, retry_after: Option<Duration>, retry_on: &[u16]) -> (Meaning, Sign) {
    match status {
        200..=299 => (Meaning::Delivered, Sign::Up),
        500..=599 => (Meaning::Retry(retry_after), Sign::Down),
        408 | 425 | 429 => (Meaning::Retry(retry_after), Sign::Unclear),
        _ if retry_on.contains(&status) => (Meaning::Retry(retry_after), Sign::Up),
        300..=399 => {
            let reason = format!("the target answered {status}; redirects are not followed");
            (Meaning::Refused(reason.into()), Sign::Up)
        }
        _ => (Meaning::Refused(format!("the target answered {status}").into()), Sign::Up),
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

    fn refused(reason: &str) -> Meaning {
        Meaning::Refused(reason.into())
    }

    #[track_caller]
    fn check(status: u16, meaning: Meaning, sign: Sign) {
        assert_eq!(classify(status, None, &[]), (meaning, sign), "{status}");
    }

    #[test]
    fn statuses() {
        for status in [200, 201, 202, 204, 299] {
            check(status, Meaning::Delivered, Sign::Up);
        }
        for status in [408, 425, 429] {
            check(status, Meaning::Retry(None), Sign::Unclear);
        }
        for status in [500, 502, 503, 504, 599] {
            check(status, Meaning::Retry(None), Sign::Down);
        }
        for status in [100, 400, 401, 403, 404, 409, 410, 413, 422, 600] {
            check(status, refused(&format!("the target answered {status}")), Sign::Up);
        }
        for status in [300, 301, 302, 307, 308, 399] {
            let reason = format!("the target answered {status}; redirects are not followed");
            check(status, refused(&reason), Sign::Up);
        }
    }

    #[test]
    fn no_answer_may_be_one_the_next_time() {
        let failed = Answer::failed("reset".into());
        assert_eq!((failed.meaning, failed.sign), (Meaning::Retry(None), Sign::Down));
    }

    #[test]
    fn refusals_can_be_made_to_be_repeated() {
        let pause = Some(Duration::from_secs(7));
        for (status, meaning, sign) in [
            (404, Meaning::Retry(pause), Sign::Up),
            (409, Meaning::Retry(pause), Sign::Up),
            (410, refused("the target answered 410"), Sign::Up),
            (204, Meaning::Delivered, Sign::Up),
            (429, Meaning::Retry(pause), Sign::Unclear),
            (503, Meaning::Retry(pause), Sign::Down),
        ] {
            assert_eq!(classify(status, pause, &[404, 409]), (meaning, sign), "{status}");
        }
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
    }
}
