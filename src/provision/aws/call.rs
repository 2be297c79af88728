//! What goes wrong with one call of AWS, and what to do.

use std::error::Error;
use std::fmt;

use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};

/// A call, as permissions name it, and what it was about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    /// Such as `events:PutRule`.
    permission: &'static str,
    /// An ARN or a name.
    on: String,
}

impl Call {
    pub(super) fn new(permission: &'static str, on: impl Into<String>) -> Self {
        Self { permission, on: on.into() }
    }

    /// Why it failed.
    pub(super) fn failed<E, R>(self, error: SdkError<E, R>) -> CallError
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
        R: fmt::Debug + Send + Sync + 'static,
    {
        let trouble = match &error {
            SdkError::ServiceError(answered) => {
                let code = answered.err().code().unwrap_or_default().to_owned();
                let message = answered.err().message().unwrap_or_default().to_owned();
                Trouble::of(code, message)
            }
            _ => Trouble::NoAnswer(error.into()),
        };
        CallError { call: self, trouble }
    }

    /// It would do harm by now.
    pub(super) fn not_made(self, why: String) -> CallError {
        CallError { call: self, trouble: Trouble::NotMade(why) }
    }

    /// AWS answered, and not as its reference says.
    pub(super) fn answered_oddly(self, what: &str) -> CallError {
        CallError { call: self, trouble: Trouble::of(String::new(), what.to_owned()) }
    }
}

/// A call that failed.
#[derive(Debug, thiserror::Error)]
#[error("{}", told(call, trouble))]
pub struct CallError {
    call: Call,
    #[source]
    trouble: Trouble,
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The permission is missing.
    #[error("{0}")]
    Denied(String),
    /// The thing is not there.
    #[error("{0}")]
    NotFound(String),
    /// SQS keeps a deleted queue's name for 60 seconds (API reference, `DeleteQueue`).
    #[error("{0}")]
    DeletedRecently(String),
    /// It would have done harm, and AWS was not asked.
    #[error("{0}")]
    NotMade(String),
    /// AWS refuses it for another reason.
    #[error("{code}: {message}")]
    Refused {
        /// AWS's code.
        code: String,
        /// In its words.
        message: String,
    },
    /// AWS could not be asked, or did not answer: no network, no credentials, another address.
    #[error("no answer")]
    NoAnswer(#[source] Box<dyn Error + Send + Sync>),
}

impl Trouble {
    /// Of AWS's code. SQS has an older and a newer name for some.
    fn of(code: String, message: String) -> Self {
        let name = code.rsplit(['.', '#']).next().unwrap_or_default();
        match name {
            "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => {
                Self::Denied(message)
            }
            "ResourceNotFoundException" | "QueueDoesNotExist" | "NonExistentQueue" => {
                Self::NotFound(message)
            }
            "QueueDeletedRecently" => Self::DeletedRecently(message),
            _ => Self::Refused { code, message },
        }
    }
}

fn told(Call { permission, on }: &Call, trouble: &Trouble) -> String {
    match trouble {
        Trouble::Denied(_) => format!("the permission {permission} on {on} is missing"),
        Trouble::NotFound(_) => format!("{permission} on {on}: there is no such thing"),
        Trouble::DeletedRecently(_) => format!(
            "{permission} on {on}: a queue of this name was deleted less than a minute ago; wait a minute, \
             and run this again"
        ),
        Trouble::NotMade(_) | Trouble::Refused { .. } | Trouble::NoAnswer(_) => {
            format!("{permission} on {on}")
        }
    }
}

impl CallError {
    /// Why.
    pub const fn trouble(&self) -> &Trouble {
        &self.trouble
    }

    /// The permission that the call takes, such as `events:PutRule`.
    pub const fn permission(&self) -> &'static str {
        self.call.permission
    }

    /// Whether the permission is missing.
    pub const fn is_denied(&self) -> bool {
        matches!(self.trouble, Trouble::Denied(_))
    }

    /// Whether the same call may do in a few seconds: what was made or deleted right before it is not known
    /// everywhere at once (API references of both services: `CreateQueue`, "wait at least one second";
    /// `DeleteRule`, "allow a short period of time").
    pub fn may_be_too_early(&self, after_another: bool) -> bool {
        match &self.trouble {
            Trouble::NotFound(_) => after_another,
            Trouble::Refused { code, .. } => {
                after_another || code.ends_with("ConcurrentModificationException")
            }
            Trouble::Denied(_)
            | Trouble::DeletedRecently(_)
            | Trouble::NotMade(_)
            | Trouble::NoAnswer(_) => false,
        }
    }
}

#[cfg(test)]
impl CallError {
    /// One whose permission is missing, for tests.
    pub(crate) fn denied(permission: &'static str) -> Self {
        let trouble = Trouble::Denied("no".to_owned());
        Self { call: Call::new(permission, "*"), trouble }
    }
}

/// Nothing instead of what is not there.
pub(super) fn present<T>(result: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(CallError { trouble: Trouble::NotFound(_), .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Chain;

    #[track_caller]
    fn check(code: &str, expected: &str) {
        let call = Call::new("events:PutRule", "arn:x");
        let error = CallError { call, trouble: Trouble::of(code.into(), "so it is".into()) };
        assert_eq!(Chain(&error).to_string(), expected);
    }

    #[test]
    fn an_error_says_what_is_missing_and_what_to_do() {
        let denied = "the permission events:PutRule on arn:x is missing: so it is";
        check("AccessDeniedException", denied);
        check("AccessDenied", denied);
        check("ValidationException", "events:PutRule on arn:x: ValidationException: so it is");
        let gone = "events:PutRule on arn:x: there is no such thing: so it is";
        check("AWS.SimpleQueueService.NonExistentQueue", gone);
        check("ResourceNotFoundException", gone);
        let recent = "events:PutRule on arn:x: a queue of this name was deleted less than a minute ago; \
                      wait a minute, and run this again: so it is";
        check("AWS.SimpleQueueService.QueueDeletedRecently", recent);
    }

    #[track_caller]
    fn check_early(code: &str, at_first: bool, after_another: bool) {
        let call = Call::new("events:PutRule", "arn:x");
        let error = CallError { call, trouble: Trouble::of(code.into(), String::new()) };
        let found = [false, true].map(|after| error.may_be_too_early(after));
        assert_eq!(found, [at_first, after_another], "{code}");
    }

    #[test]
    fn what_follows_on_something_new_may_come_too_early() {
        check_early("ConcurrentModificationException", true, true);
        check_early("InvalidParameterValue", false, true);
        check_early("AWS.SimpleQueueService.NonExistentQueue", false, true);
        check_early("AccessDeniedException", false, false);
        check_early("AWS.SimpleQueueService.QueueDeletedRecently", false, false);
    }
}
