//! The vocabulary: ids, paths, times, the event, its arrivals, its outcomes. Pure values that every
//! other module speaks in; nothing here does I/O or reads a clock.

mod arrival;
mod digest;
mod flags;
mod id;
mod identity;
mod legible;
mod observation;
mod outcome;
mod path;
mod per_path;
mod time;
mod turn;
mod types;

pub use arrival::{Arrival, EVENTS_API, Hops, QueueHops};
pub use digest::Digest;
pub use flags::{Flag, FlagRules, Flags};
pub use id::{EventId, EventIdError};
pub use identity::{Candidate, Newcomer, Pairing, PairingRule};
pub use legible::{legible, legible_lines};
pub use observation::{HopTimes, Observation, PairedBy, Repeats, Sighting};
pub use outcome::{ArrivalOutcome, DeliveryOutcome, RepeatKind};
pub use path::{Path, PathSet};
pub use per_path::PerPath;
pub use time::{Timestamp, TimestampError};
pub use turn::{Candidacy, Known, Moment, RouteOrder, Told, Turn, TurnRule, Watched};
pub use types::EVENT_TYPES;

/// One change in Auth0, understood: a CloudEvent with the fields that twinstream decides by.
///
/// Made only by `normalize`; the payload is the sender's text, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The CloudEvent's `id`, as the path that brought it spells it.
    pub id: EventId,
    /// The CloudEvent's `type`, such as `user.updated`. Unknown types are carried like known ones.
    pub kind: Box<str>,
    /// Auth0's extension attribute `a0tenant`; empty where the event has none.
    pub tenant: Box<str>,
    /// What the event is about, in the form `normalize::subject` writes.
    pub subject: Box<str>,
    /// The CloudEvent's `time`: when the change happened, by Auth0's clock.
    pub time: Timestamp,
    /// Why Auth0 sent it.
    pub purpose: Purpose,
    /// Digest of the canonical `data.object`; breaks ties between events that agree in all else.
    pub object_digest: Digest,
    /// Digest of the canonical CloudEvent without `a0stream`; equal on both paths unless Auth0
    /// sends different payloads.
    pub payload_digest: Digest,
    /// The CloudEvent's JSON text, unchanged.
    pub payload: Box<str>,
}

/// Why Auth0 sent an event (extension attribute `a0purpose`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Something happened in the tenant.
    Live,
    /// Somebody pressed "send test event": `a0purpose` is `test`. Kept out of the statistics, and
    /// never paired across streams.
    Test,
}
