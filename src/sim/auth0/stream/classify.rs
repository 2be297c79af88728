//! What an answer means to a stream.

use super::super::carrier::Answer;

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// The event is delivered.
    Taken,
    /// It is tried again, while attempts are left.
    Again,
    /// It failed, and is not tried again.
    Failed,
}

impl Class {
    /// Auth0: any 2XX is success; any 4XX fails the event at once; a 5XX and a network error are
    /// retried. The rest is not documented, and retried here.
    pub(super) const fn of(answer: &Answer) -> Self {
        match answer {
            Answer::Taken | Answer::Status(200..=299) => Self::Taken,
            Answer::Refused(_) | Answer::Status(400..=499) => Self::Failed,
            Answer::Status(_) | Answer::Busy(_) | Answer::NotSent(_) | Answer::Unanswered(_) => {
                Self::Again
            }
        }
    }
}
