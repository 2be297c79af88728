//! The messages of a batch while they are in hand.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::message::Message;
use crate::event::Timestamp;
use crate::journal::Committed;

/// A message that is on disk and may be deleted. There is no other way to make one.
#[derive(Debug)]
pub(super) struct Stored {
    pub handle: String,
    _proof: Committed,
}

impl Stored {
    pub(super) fn new(handle: String, proof: Committed) -> Self {
        Self { handle, _proof: proof }
    }
}

/// The receipt handles of a batch that are neither deleted nor let go.
#[derive(Debug)]
pub(super) struct Held {
    messages: Mutex<BTreeMap<String, Plan>>,
    changed: Notify,
    /// When the batch was received, or soon after.
    since: Instant,
}

/// What is to become of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plan {
    Keep,
    /// It is to be let go, and to come again then.
    LetGo(Timestamp),
}

/// SQS: a message is invisible for at most 12 hours from its receive, however often that is changed
/// (developer guide, "Visibility timeout"). A minute less, since the receive was before we know of it.
const INVISIBLE_MAX: Duration = Duration::from_mins(12 * 60 - 1);

impl Held {
    pub(super) fn new(messages: &[Message]) -> Self {
        let messages = messages.iter().map(|message| (message.handle.clone(), Plan::Keep));
        Self {
            messages: Mutex::new(messages.collect()),
            changed: Notify::new(),
            since: Instant::now(),
        }
    }

    /// Those that are to be kept invisible.
    pub(super) fn handles(&self) -> Vec<String> {
        let messages = self.lock();
        let kept = messages.iter().filter(|(_, plan)| **plan == Plan::Keep);
        kept.map(|(handle, _)| handle.clone()).collect()
    }

    /// They are deleted.
    pub(super) fn forget<'a>(&self, handles: impl IntoIterator<Item = &'a String>) {
        let mut messages = self.lock();
        for handle in handles {
            messages.remove(handle);
        }
        self.changed.notify_one();
    }

    /// It is to be let go, and to come again at this time.
    pub(super) fn let_go(&self, handle: &str, again_at: Timestamp) {
        if let Some(plan) = self.lock().get_mut(handle) {
            *plan = Plan::LetGo(again_at);
            self.changed.notify_one();
        }
    }

    /// Returns when something has changed since the last time. For one caller.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Those that are to be let go, and after how long each is to come again.
    pub(super) fn leaving(&self, now: Timestamp) -> Vec<(String, Duration)> {
        let messages = self.lock();
        let leaving = messages.iter().filter(|(_, plan)| **plan != Plan::Keep);
        leaving.map(|(handle, plan)| (handle.clone(), self.hidden_for(*plan, now))).collect()
    }

    /// All of them, to be let go: those that are kept so far come again at once.
    pub(super) fn all(&self, now: Timestamp) -> Vec<(String, Duration)> {
        let messages = self.lock();
        let all = messages.iter();
        all.map(|(handle, plan)| (handle.clone(), self.hidden_for(*plan, now))).collect()
    }

    fn hidden_for(&self, plan: Plan, now: Timestamp) -> Duration {
        match plan {
            Plan::Keep => Duration::ZERO,
            Plan::LetGo(again_at) => self.hideable_for(whole_seconds(again_at, now)),
        }
    }

    /// How long its messages can be made invisible, if so long is wanted.
    pub(super) fn hideable_for(&self, wanted: Duration) -> Duration {
        wanted.min(INVISIBLE_MAX.saturating_sub(self.since.elapsed()))
    }

    /// When its messages can't be held any longer.
    pub(super) fn ends_at(&self) -> Instant {
        self.since + INVISIBLE_MAX
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Plan>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// From now to then in whole seconds, as SQS counts: rather late than early.
fn whole_seconds(then: Timestamp, now: Timestamp) -> Duration {
    let nanos = u64::try_from(then.nanos_since(now)).unwrap_or(0);
    Duration::from_secs(nanos.div_ceil(1_000_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::QueueHops;

    const NOW: Timestamp = Timestamp::from_millis(1_772_356_544_000);

    fn held() -> Held {
        let message = |handle: &str| Message {
            handle: handle.into(),
            body: String::new(),
            at: NOW,
            hops: QueueHops::default(),
            group: None,
        };
        Held::new(&["a", "b", "c"].map(message))
    }

    /// How long a message stays invisible that is to come again after so many milliseconds.
    #[track_caller]
    fn check(held: &Held, again_after_ms: i64, expected: Duration) {
        held.let_go("a", Timestamp::from_millis(NOW.as_nanos() / 1_000_000 + again_after_ms));
        assert_eq!(held.leaving(NOW), [("a".to_owned(), expected)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_comes_again_in_whole_seconds_and_not_too_early() {
        let (held, seconds) = (held(), Duration::from_secs);
        check(&held, 0, seconds(0));
        check(&held, -5_000, seconds(0));
        check(&held, 1, seconds(1));
        check(&held, 1_000, seconds(1));
        check(&held, 1_001, seconds(2));
        check(&held, 24 * 3_600 * 1_000, INVISIBLE_MAX);
        // What SQS gives counts from the receive.
        tokio::time::advance(Duration::from_hours(11)).await;
        check(&held, 24 * 3_600 * 1_000, Duration::from_mins(59));
        check(&held, 60_000, seconds(60));
        tokio::time::advance(Duration::from_hours(2)).await;
        check(&held, 60_000, seconds(0));
    }

    #[tokio::test(start_paused = true)]
    async fn what_leaves_is_not_kept_and_what_is_gone_is_neither() {
        let held = held();
        held.let_go("a", NOW.plus(Duration::from_secs(3)));
        held.forget([&"b".to_owned()]);
        // Too late: it is gone.
        held.let_go("b", NOW);
        assert_eq!(held.handles(), ["c"]);
        assert_eq!(held.leaving(NOW), [("a".to_owned(), Duration::from_secs(3))]);
        let all = [("a".to_owned(), Duration::from_secs(3)), ("c".to_owned(), Duration::ZERO)];
        assert_eq!(held.all(NOW), all);
        held.changed().await;
        held.forget([&"a".to_owned(), &"c".to_owned()]);
        held.changed().await;
        assert!(held.is_empty());
    }
}
