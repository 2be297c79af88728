//! One of Auth0's streams: sends an event, as often as Auth0 would, and keeps the books that switch it
//! off.
//!
//! The rules are those that Auth0 documents for webhooks, and are kept for EventBridge too:
//! one event at a time, so that a failing event holds up those behind it; 4 attempts, the retries 1 s,
//! 2 s and 4 s apart; a 4XX is never retried; a stream that fails too often is switched off.
//! A 3XX and a time-out are undocumented: here they are failures that are retried.

mod classify;
mod deliver;
mod standing;

use std::time::Duration;

use classify::Class;
pub(super) use deliver::{Attempt, Batch, Sent, deliver};
pub use standing::Standing;

/// How Auth0 sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// The pauses before the second attempt and each one after; attempts end with them.
    pub pauses: Vec<Duration>,
    /// So many events in a row whose delivery failed switch the stream off.
    pub failures_in_a_row_max: u64,
    /// So many failed in all, since it was switched on, do the same.
    pub failures_max: u64,
    /// So many failed events are listed for redelivery; the oldest are forgotten. Auth0's own bound is
    /// not documented.
    pub listed_max: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            pauses: [1, 2, 4].map(Duration::from_secs).to_vec(),
            failures_in_a_row_max: 500,
            failures_max: 5_000,
            listed_max: 10_000,
        }
    }
}

#[cfg(test)]
mod tests;
