//! Why a call is refused, in the words of the two services.

use std::fmt;

/// An error that a call is answered with: AWS's code and a message for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    code: Code,
    message: Box<str>,
}

impl Refusal {
    pub(super) fn new(code: Code, message: impl fmt::Display) -> Self {
        Self { code, message: message.to_string().into() }
    }

    /// The error's kind.
    pub const fn code(&self) -> Code {
        self.code
    }

    /// What is wrong, for people.
    pub const fn message(&self) -> &str {
        &self.message
    }
}

/// The errors of both services that the simulator knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The caller lacks a permission.
    AccessDenied,
    /// A batch where two entries have one id.
    BatchEntryIdsNotDistinct,
    /// A batch over 1 MiB.
    BatchRequestTooLong,
    /// EventBridge: a change of the same thing is still under way.
    ConcurrentModification,
    /// A batch without entries.
    EmptyBatchRequest,
    /// A fault of the service's own.
    InternalFailure,
    /// A queue attribute that does not exist.
    InvalidAttributeName,
    /// A queue attribute with an impossible value.
    InvalidAttributeValue,
    /// A batch entry's id with other characters than letters, digits, `-`, `_`, or over 80.
    InvalidBatchEntryId,
    /// An event pattern that is no pattern, or uses what the simulator cannot match.
    InvalidEventPattern,
    /// A body with characters that SQS does not carry.
    InvalidMessageContents,
    /// A parameter with an impossible value.
    InvalidParameterValue,
    /// EventBridge: a limit is reached.
    LimitExceeded,
    /// Visibility of a message that is not in flight.
    MessageNotInflight,
    /// A partner event source that is deleted or has expired.
    InvalidState,
    /// A required parameter is absent.
    MissingParameter,
    /// SQS: a limit is reached, of its own or of the simulator's.
    OverLimit,
    /// The queue was purged in the last 60 seconds.
    PurgeQueueInProgress,
    /// A queue of that name was deleted in the last 60 seconds.
    QueueDeletedRecently,
    /// No such queue.
    QueueDoesNotExist,
    /// A queue of that name exists, with other attributes.
    QueueNameExists,
    /// Not a receipt handle of this queue.
    ReceiptHandleIsInvalid,
    /// SQS: too many calls.
    RequestThrottled,
    /// A bus or rule that exists already.
    ResourceAlreadyExists,
    /// No such bus, rule, task or source queue.
    ResourceNotFound,
    /// The body is not the JSON of the operation.
    Serialization,
    /// EventBridge: too many calls.
    Throttling,
    /// A batch with over ten entries.
    TooManyEntriesInBatchRequest,
    /// No such operation, as far as the simulator goes.
    UnknownOperation,
    /// Something the service, or the simulator, does not do.
    UnsupportedOperation,
    /// EventBridge: a request that breaks a constraint.
    Validation,
}

impl Code {
    /// The shape's name: what stands in `__type`.
    ///
    /// Source: the "Errors" sections of the two API references.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "AccessDeniedException",
            Self::BatchEntryIdsNotDistinct => "BatchEntryIdsNotDistinct",
            Self::BatchRequestTooLong => "BatchRequestTooLong",
            Self::ConcurrentModification => "ConcurrentModificationException",
            Self::EmptyBatchRequest => "EmptyBatchRequest",
            Self::InternalFailure => "InternalFailure",
            Self::InvalidAttributeName => "InvalidAttributeName",
            Self::InvalidAttributeValue => "InvalidAttributeValue",
            Self::InvalidBatchEntryId => "InvalidBatchEntryId",
            Self::InvalidEventPattern => "InvalidEventPatternException",
            Self::InvalidMessageContents => "InvalidMessageContents",
            Self::InvalidParameterValue => "InvalidParameterValueException",
            Self::InvalidState => "InvalidStateException",
            Self::LimitExceeded => "LimitExceededException",
            Self::MessageNotInflight => "MessageNotInflight",
            Self::MissingParameter => "MissingRequiredParameterException",
            Self::OverLimit => "OverLimit",
            Self::PurgeQueueInProgress => "PurgeQueueInProgress",
            Self::QueueDeletedRecently => "QueueDeletedRecently",
            Self::QueueDoesNotExist => "QueueDoesNotExist",
            Self::QueueNameExists => "QueueNameExists",
            Self::ReceiptHandleIsInvalid => "ReceiptHandleIsInvalid",
            Self::RequestThrottled => "RequestThrottled",
            Self::ResourceAlreadyExists => "ResourceAlreadyExistsException",
            Self::ResourceNotFound => "ResourceNotFoundException",
            Self::Serialization => "SerializationException",
            Self::Throttling => "ThrottlingException",
            Self::TooManyEntriesInBatchRequest => "TooManyEntriesInBatchRequest",
            Self::UnknownOperation => "UnknownOperationException",
            Self::UnsupportedOperation => "UnsupportedOperation",
            Self::Validation => "ValidationException",
        }
    }

    /// The name the same error has in the older query protocol of SQS. It goes out as the header
    /// `x-amzn-query-error`, and where a client finds that header it tells errors apart by it.
    ///
    /// Source: SQS developer guide, "AWS JSON protocol", and the trait `awsQueryError` of the
    /// service's published model.
    pub const fn query_name(self) -> &'static str {
        match self {
            Self::BatchEntryIdsNotDistinct => "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
            Self::BatchRequestTooLong => "AWS.SimpleQueueService.BatchRequestTooLong",
            Self::EmptyBatchRequest => "AWS.SimpleQueueService.EmptyBatchRequest",
            Self::InvalidBatchEntryId => "AWS.SimpleQueueService.InvalidBatchEntryId",
            Self::InvalidParameterValue => "InvalidParameterValue",
            Self::MessageNotInflight => "AWS.SimpleQueueService.MessageNotInflight",
            Self::MissingParameter => "MissingParameter",
            Self::PurgeQueueInProgress => "AWS.SimpleQueueService.PurgeQueueInProgress",
            Self::QueueDeletedRecently => "AWS.SimpleQueueService.QueueDeletedRecently",
            Self::QueueDoesNotExist => "AWS.SimpleQueueService.NonExistentQueue",
            Self::QueueNameExists => "QueueAlreadyExists",
            Self::TooManyEntriesInBatchRequest => {
                "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"
            }
            Self::UnsupportedOperation => "AWS.SimpleQueueService.UnsupportedOperation",
            Self::AccessDenied
            | Self::ConcurrentModification
            | Self::InternalFailure
            | Self::InvalidState
            | Self::InvalidAttributeName
            | Self::InvalidAttributeValue
            | Self::InvalidEventPattern
            | Self::InvalidMessageContents
            | Self::LimitExceeded
            | Self::OverLimit
            | Self::ReceiptHandleIsInvalid
            | Self::RequestThrottled
            | Self::ResourceAlreadyExists
            | Self::ResourceNotFound
            | Self::Serialization
            | Self::Throttling
            | Self::UnknownOperation
            | Self::Validation => self.as_str(),
        }
    }

    /// Whether the service, not the caller, is at fault.
    pub const fn is_service_fault(self) -> bool {
        matches!(self, Self::InternalFailure)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
