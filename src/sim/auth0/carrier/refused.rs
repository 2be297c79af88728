//! What AWS's error codes mean to a sender.

use std::sync::Arc;

use aws_sdk_eventbridge::config::http::HttpResponse;
use aws_sdk_eventbridge::error::{ProvideErrorMetadata, SdkError};

use super::Answer;

/// A code that says "not now". What AWS answers with a 5XX is tried again too; everything else is
/// taken like a 4XX.
fn is_busy(code: &str) -> bool {
    code.contains("Throttl")
        || code.starts_with("Internal")
        || matches!(code, "ServiceUnavailable" | "RequestLimitExceeded" | "OverLimit")
}

/// What one entry's error code says.
pub(super) fn of_code(code: &str) -> Answer {
    let is_name = code.bytes().all(|sign| sign.is_ascii_alphanumeric() || b"._-".contains(&sign));
    let shown: Arc<str> = if is_name && (1..=64).contains(&code.len()) { code } else { "?" }.into();
    if is_busy(code) { Answer::Busy(shown) } else { Answer::Refused(shown) }
}

/// What the failure of a whole call says of each of its entries.
pub(super) fn of_call<E>(error: &SdkError<E, HttpResponse>) -> Answer
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let status = error.raw_response().map(|response| response.status().as_u16());
    match (error, error.code(), status) {
        (_, Some(code), Some(500..)) => match of_code(code) {
            Answer::Refused(code) => Answer::Busy(code),
            other => other,
        },
        (_, Some(code), _) => of_code(code),
        (_, None, Some(status)) => Answer::Busy(format!("HTTP {status}").into()),
        (SdkError::ConstructionFailure(_), None, None) => {
            Answer::NotSent("no request could be made".into())
        }
        (SdkError::DispatchFailure(failure), None, None) => {
            // No credentials, or no region: nothing was sent.
            let is_ours = !failure.is_io() && !failure.is_timeout();
            if is_ours || was_refused(error) {
                Answer::NotSent(if is_ours { "no credentials" } else { "no connection" }.into())
            } else if failure.is_timeout() {
                Answer::Unanswered("time-out".into())
            } else {
                Answer::Unanswered("connection broke".into())
            }
        }
        _ => Answer::Unanswered("no answer".into()),
    }
}

/// Whether no connection was made. The SDK does not say; what the system said is at the end of the
/// chain.
fn was_refused(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<std::io::Error>()
            && io.kind() == std::io::ErrorKind::ConnectionRefused
        {
            return true;
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: &str, expected: &Answer) {
        assert_eq!(&of_code(code), expected);
    }

    #[test]
    fn what_is_throttled_or_broken_is_tried_again_and_what_is_wrong_is_not() {
        for code in ["ThrottlingException", "RequestThrottled", "InternalFailure", "OverLimit"] {
            check(code, &Answer::Busy(code.into()));
        }
        for code in ["ValidationException", "AccessDeniedException", "MalformedDetail"] {
            check(code, &Answer::Refused(code.into()));
        }
        check("a message with kim@example.com", &Answer::Refused("?".into()));
        check("", &Answer::Refused("?".into()));
    }
}
