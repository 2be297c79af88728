//! One receipt of an event by one path.

use super::{Flags, Path, Timestamp};

/// What stands for a stream where an event was taken in from Auth0's Events API. Auth0's own are named `est_…`.
pub const EVENTS_API: &str = "events-api";

/// One receipt of an event by one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// When this host had the whole of it: the request's body read, or the SQS call answered.
    pub at: Timestamp,
    /// Auth0's stream that carried it (`a0stream`, `est_…`), where the event names one.
    pub stream: Option<Box<str>>,
    /// What the path told of the way.
    pub hops: Hops,
    /// Why its time says nothing about the path; the door decides.
    pub flags: Flags,
}

/// What a path tells of the way an event took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hops {
    /// A webhook tells nothing beyond its arrival.
    Webhook,
    /// EventBridge and SQS stamp times on the way.
    Eventbridge(QueueHops),
}

/// The times that EventBridge and SQS stamp on an event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueueHops {
    /// The envelope's `time`: whole seconds, of an unknown clock. A hint only.
    pub envelope_time: Option<Timestamp>,
    /// SQS `SentTimestamp`, in milliseconds: when the queue took the message.
    pub sent: Option<Timestamp>,
    /// SQS `ApproximateFirstReceiveTimestamp`, in milliseconds.
    pub first_received: Option<Timestamp>,
    /// SQS `ApproximateReceiveCount`, from 1. Over 1 the message was received before and came
    /// back, so that its latency says nothing about the path.
    pub receive_count: u32,
    /// It had been in a dead-letter queue and was put back by a redrive: its latency says nothing
    /// about the path.
    pub redriven: bool,
    /// EventBridge replayed it from an archive.
    pub replayed: bool,
    /// SQS `MessageId`: equal for redeliveries of one message.
    pub message_id: Box<str>,
}

impl QueueHops {
    /// The SQS message attribute that marks a message put back from a dead-letter queue.
    pub const REDRIVEN_ATTRIBUTE: &str = "twinstream-redriven";
}

impl Arrival {
    /// The path it came by.
    pub const fn path(&self) -> Path {
        match self.hops {
            Hops::Webhook => Path::Webhook,
            Hops::Eventbridge(_) => Path::Eventbridge,
        }
    }
}
