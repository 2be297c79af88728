//! An EventBridge bus as a target.
//!
//! Each attempt is one entry that waits for its own answer; a [`BusBatcher`] takes what waits into
//! calls of `PutEvents`, up to ten entries to a call. Nobody waits for company: while fewer calls are
//! under way than may be, what is there goes at once, and what comes while all are goes with the next.
//! An entry that fails fails alone, so that the dispatcher repeats that one and no other.
//!
//! | EventBridge says | the answer |
//! | --- | --- |
//! | an event id | taken |
//! | throttled, at fault itself, nothing, something not understood | again later |
//! | not permitted, or who are you | again later: people mend it, and until then the bus is as good as down |
//! | this entry is wrong, or events of this type may not be put | refused: no other try would end better |
//!
//! AWS takes events for a bus that does not exist, says so with an event id, and drops them (user guide,
//! "Sending events with `PutEvents`"). So before the first call, and now and then, the bus is looked for;
//! until it is there nothing is put.

mod answer;
mod batch;
mod batcher;
mod entry;
mod presence;
mod settings;

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

pub use answer::BusAnswer;
pub use batcher::BusBatcher;
pub use entry::Entry;
pub use settings::{EventBus, EventBusError, EventSource, EventSourceError, Settings};

use self::batch::Queued;

/// Entries that may wait for the batcher; above it, senders wait for a place. They are few in any
/// case: as many as their dispatcher has attempts under way.
const QUEUE_MAX: usize = 256;

/// Sends entries to one bus. Cheap to clone.
#[derive(Debug, Clone)]
pub struct BusTarget {
    settings: Arc<Settings>,
    queue: mpsc::Sender<Queued>,
}

impl BusTarget {
    /// A target, and the part that makes its calls: nothing is sent before [`BusBatcher::run`].
    pub fn open(settings: Settings) -> (Self, BusBatcher) {
        let settings = Arc::new(settings);
        let (sender, queue) = mpsc::channel(QUEUE_MAX);
        let batcher = BusBatcher::new(Arc::clone(&settings), queue);
        (Self { settings, queue: sender }, batcher)
    }

    /// One attempt. Always ends, within the target's time-out.
    ///
    /// # Cancel safety
    /// Dropped, the entry is not sent if it was still waiting; one that was under way may have reached
    /// the bus.
    pub async fn send(&self, entry: Entry) -> BusAnswer {
        let (source, bytes_max) = (&self.settings.source, self.settings.entry_bytes_max);
        let entry = match entry.check(source, bytes_max) {
            Ok(entry) => entry,
            Err(error) => return BusAnswer::Refused { reason: error.to_string().into() },
        };
        let (answer, answered) = oneshot::channel();
        let sent = async {
            self.queue.send(Queued { entry, answer }).await.ok()?;
            answered.await.ok()
        };
        match timeout(self.settings.timeout, sent).await {
            Ok(Some(answer)) => answer,
            Ok(None) => BusAnswer::again("cut off by a stop"),
            Err(_) => BusAnswer::again("no answer from EventBridge in time"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_attempt_ends_in_time_even_if_nobody_makes_calls() {
        let (target, batcher) = BusTarget::open(Settings {
            event_bus: EventBus::parse("orders").unwrap(),
            source: EventSource::parse("twinstream").unwrap(),
            region: None,
            endpoint_url: None,
            entry_bytes_max: Settings::ENTRY_BYTES_MAX,
            timeout: Duration::from_secs(10),
            concurrency: 16,
        });
        let entry = Entry { detail_type: "user.updated".into(), time: None, detail: "{}".into() };
        let too_late = BusAnswer::again("no answer from EventBridge in time");
        for _ in 0..=QUEUE_MAX {
            let attempt = timeout(Duration::from_secs(11), target.send(entry.clone()));
            assert_eq!(attempt.await.unwrap(), too_late);
        }
        drop(batcher);
        assert_eq!(target.send(entry).await, BusAnswer::again("cut off by a stop"));
    }
}
