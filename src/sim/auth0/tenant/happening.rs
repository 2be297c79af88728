//! What a change is, before streams carry it.

use std::time::Duration;

use serde_json::Value;

use super::dice::Dice;
use crate::event::Timestamp;

/// Something that happened in the tenant.
#[derive(Debug)]
pub(super) struct Happening {
    /// The event's type.
    pub kind: &'static str,
    /// What it is about, as the gateway names subjects. No id here has a `/` or `%` in it, which a
    /// subject of several parts would have to escape.
    pub subject: String,
    /// `data.object`.
    pub object: Value,
    /// The object before the change, where it is an update.
    pub previous: Option<Value>,
}

impl Happening {
    /// A happening with nothing before it.
    pub(super) fn new(kind: &'static str, subject: String, object: Value) -> Self {
        Self { kind, subject, object, previous: None }
    }

    /// A change of something that was there before.
    pub(super) fn after(self, previous: Value) -> Self {
        Self { previous: Some(previous), ..self }
    }
}

/// When the write was made that an event of `time` tells of: a few milliseconds before.
pub(super) fn write_before(time: Timestamp, dice: &mut Dice) -> Timestamp {
    time.floor_to_millis().minus(Duration::from_millis(u64::from(1 + dice.below(9))))
}
