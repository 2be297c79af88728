//! What an answer of EventBridge means.

use aws_sdk_eventbridge::config::http::HttpResponse;
use aws_sdk_eventbridge::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_eventbridge::types::PutEventsResultEntry;

use crate::telemetry::Chain;

/// How an attempt to put an entry ended. The reasons are ours and EventBridge's codes, never its
/// messages: those may quote what was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BusAnswer {
    /// The bus has it.
    Taken,
    /// Another try may succeed. The entry may have reached the bus all the same.
    Retry {
        /// Why.
        reason: Box<str>,
    },
    /// No other try would.
    Refused {
        /// Why.
        reason: Box<str>,
    },
}

impl BusAnswer {
    pub(super) fn again(reason: &str) -> Self {
        Self::Retry { reason: reason.into() }
    }
}

/// What an error code means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// EventBridge could not, this time.
    Later,
    /// We may not, until people change a policy, credentials or a clock. Every event would be turned
    /// away alike, so it is as if the bus were down: tried again until `max_age`, though AWS calls these
    /// not retryable. Dead letters for each event of an afternoon would be worse.
    NotPermitted,
    /// The bus's owner takes no events of this type. That is a decision about this event, not the state
    /// of the bus.
    TypeNotPermitted,
    /// The entry is wrong.
    Wrong,
}

/// API reference, `PutEventsResultEntry` and "Common Errors". What stands in neither is tried again:
/// it comes to an end all the same, by age or by attempts.
fn meaning(code: &str) -> Meaning {
    match code {
        "AccessDenied"
        | "AccessDeniedException"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "InvalidAccountIdException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "NotAuthorized"
        | "NotAuthorizedForSource"
        | "NotAuthorizedForSourceException"
        | "OptInRequired"
        | "RequestExpired"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => Meaning::NotPermitted,
        "NotAuthorizedForDetailType" | "NotAuthorizedForDetailTypeException" => {
            Meaning::TypeNotPermitted
        }
        "InvalidArgument"
        | "MalformedDetail"
        | "RedactionFailure"
        | "RequestEntityTooLargeException"
        | "SerializationException"
        | "ValidationError"
        | "ValidationException" => Meaning::Wrong,
        _ => Meaning::Later,
    }
}

fn of_code(code: &str) -> BusAnswer {
    let shown = shown(code);
    match meaning(code) {
        Meaning::Later => {
            BusAnswer::Retry { reason: format!("EventBridge answered {shown}").into() }
        }
        Meaning::NotPermitted => {
            let reason = format!(
                "EventBridge answered {shown}: these credentials may not put events of this source \
                 on this bus"
            );
            BusAnswer::Retry { reason: reason.into() }
        }
        Meaning::TypeNotPermitted => {
            let reason = format!(
                "EventBridge answered {shown}: the bus's policy allows no events of this type"
            );
            BusAnswer::Refused { reason: reason.into() }
        }
        Meaning::Wrong => {
            BusAnswer::Refused { reason: format!("EventBridge refused it: {shown}").into() }
        }
    }
}

/// A code is a name; whatever else a stranger answers is not shown.
fn shown(code: &str) -> &str {
    let is_name = |sign: u8| sign.is_ascii_alphanumeric() || b"._-".contains(&sign);
    let fits = (1..=64).contains(&code.len()) && code.bytes().all(is_name);
    if fits { code } else { "an error without a name" }
}

/// One entry's own answer.
pub(super) fn of_entry(entry: &PutEventsResultEntry) -> BusAnswer {
    match (entry.error_code(), entry.event_id()) {
        (Some(code), _) => of_code(code),
        (None, Some(_)) => BusAnswer::Taken,
        (None, None) => BusAnswer::again("EventBridge did not say what became of it"),
    }
}

/// HTTP's own word for a body that is too large.
const CONTENT_TOO_LARGE: u16 = 413;

/// The answer of all entries of a call that failed as a whole.
pub(super) fn of_failed_call<E>(error: &SdkError<E, HttpResponse>) -> BusAnswer
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let status = error.raw_response().map(|response| response.status().as_u16());
    match (error, error.code(), status) {
        (_, Some(code), _) => of_code(code),
        (_, None, Some(CONTENT_TOO_LARGE)) => of_code("RequestEntityTooLargeException"),
        (_, None, Some(status)) => {
            let reason = format!("EventBridge, or what stands before it, answered {status}");
            BusAnswer::Retry { reason: reason.into() }
        }
        // Nothing of an answer is in these.
        (SdkError::DispatchFailure(_) | SdkError::TimeoutError(_), None, None) => {
            let reason = format!("EventBridge can't be reached: {}", Chain(error));
            BusAnswer::Retry { reason: short(&reason) }
        }
        (_, None, None) => BusAnswer::again("the call of EventBridge failed"),
    }
}

/// The SDK's errors have lists and advice in them.
const REASON_CHARS_MAX: usize = 300;

/// One line, and not too long.
fn short(text: &str) -> Box<str> {
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    one_line.chars().take(REASON_CHARS_MAX).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: Option<&str>, code: Option<&str>) -> PutEventsResultEntry {
        PutEventsResultEntry::builder()
            .set_event_id(id.map(Into::into))
            .set_error_code(code.map(Into::into))
            .error_message("a message that quotes secret@example.com")
            .build()
    }

    #[track_caller]
    fn check(id: Option<&str>, code: Option<&str>, expected: &BusAnswer) {
        assert_eq!(&of_entry(&entry(id, code)), expected);
    }

    #[track_caller]
    fn check_again(code: &str, reason: &str) {
        check(None, Some(code), &BusAnswer::again(reason));
    }

    #[track_caller]
    fn check_refused(code: &str, reason: &str) {
        check(None, Some(code), &BusAnswer::Refused { reason: reason.into() });
    }

    #[test]
    fn an_event_id_is_what_says_that_it_was_taken() {
        check(Some("e0d7"), None, &BusAnswer::Taken);
        check(None, None, &BusAnswer::again("EventBridge did not say what became of it"));
        let throttled = BusAnswer::again("EventBridge answered ThrottlingException");
        check(Some("e0d7"), Some("ThrottlingException"), &throttled);
    }

    #[test]
    fn what_is_eventbridges_own_fault_or_not_known_is_tried_again() {
        for code in [
            "ThrottlingException",
            "InternalFailure",
            "InternalException",
            "InternalServerError",
            "ServiceUnavailable",
            "RequestTimeoutException",
            "SomethingNew",
        ] {
            check_again(code, &format!("EventBridge answered {code}"));
        }
    }

    #[test]
    fn what_people_mend_is_tried_again() {
        for code in [
            "AccessDeniedException",
            "NotAuthorizedForSourceException",
            "InvalidAccountIdException",
            "ExpiredTokenException",
            "UnrecognizedClientException",
            "RequestExpired",
        ] {
            let reason = format!(
                "EventBridge answered {code}: these credentials may not put events of this source \
                 on this bus"
            );
            check_again(code, &reason);
        }
    }

    #[test]
    fn what_is_wrong_with_the_entry_is_refused() {
        for code in
            ["MalformedDetail", "InvalidArgument", "RedactionFailure", "ValidationException"]
        {
            check_refused(code, &format!("EventBridge refused it: {code}"));
        }
        let reason = "EventBridge answered NotAuthorizedForDetailTypeException: the bus's policy \
                      allows no events of this type";
        check_refused("NotAuthorizedForDetailTypeException", reason);
    }

    #[test]
    fn what_is_no_name_is_not_shown() {
        for code in ["", "secret@example.com", "two words", &"x".repeat(65)] {
            check_again(code, "EventBridge answered an error without a name");
        }
    }

    #[test]
    fn a_reason_is_one_line_and_not_too_long() {
        assert_eq!(
            &*short("Attempted:\n  Environment\n\tProfile"),
            "Attempted: Environment Profile"
        );
        assert_eq!(&*short(&"ö".repeat(301)), "ö".repeat(300));
    }
}
