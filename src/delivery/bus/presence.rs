//! Whether the bus is there: AWS says that it took what it drops for want of a bus.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::error::ProvideErrorMetadata;
use tokio::time::{Instant, timeout};
use tracing::{info, warn};

use super::settings::EventBus;

/// What is known of the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// It is there.
    There,
    /// It is not.
    Missing,
    /// Nobody said; what is put will tell.
    Unknown,
    /// We may not ask, or the bus may be of another account, which need not tell us.
    Hidden,
}

impl Seen {
    fn of_answer<E: ProvideErrorMetadata>(answer: Result<(), E>) -> Self {
        match answer {
            Ok(()) => Self::There,
            Err(error) => match error.code() {
                Some("ResourceNotFoundException") => Self::Missing,
                Some("AccessDeniedException") => Self::Hidden,
                _ => Self::Unknown,
            },
        }
    }

    /// How long that is believed; `None`: for ever.
    const fn lasts(self) -> Option<Duration> {
        match self {
            // Somebody may take the bus away; then this long's worth of events at most is dropped.
            Self::There | Self::Unknown => Some(Duration::from_mins(1)),
            Self::Missing => Some(Duration::from_secs(2)),
            Self::Hidden => None,
        }
    }
}

/// How long the look may hold up a call that would do without.
const LOOK_WITHIN: Duration = Duration::from_secs(2);

/// What was last seen of the bus, and when to look again.
#[derive(Debug)]
pub(super) struct Presence {
    seen: Mutex<(Seen, Option<Instant>)>,
}

impl Presence {
    pub(super) fn new(bus: &EventBus) -> Self {
        let first = if bus.is_name() { Seen::Unknown } else { Seen::Hidden };
        let look_at = bus.is_name().then(Instant::now);
        Self { seen: Mutex::new((first, look_at)) }
    }

    /// Whether the bus is known to be missing. Looks when it is time to.
    pub(super) async fn is_missing(&self, client: &Client, bus: &EventBus) -> bool {
        let (seen, look_at) = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if look_at.is_none_or(|look_at| Instant::now() < look_at) {
            return seen == Seen::Missing;
        }
        let now_seen = look(client, bus).await;
        let look_at = now_seen.lasts().map(|lasts| Instant::now() + lasts);
        let mut last = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (before, _) = std::mem::replace(&mut *last, (now_seen, look_at));
        drop(last);
        tell_change(bus, before, now_seen);
        now_seen == Seen::Missing
    }
}

async fn look(client: &Client, bus: &EventBus) -> Seen {
    let call = client.describe_event_bus().name(bus.as_str()).send();
    match timeout(LOOK_WITHIN, call).await {
        Ok(answer) => Seen::of_answer(answer.map(drop)),
        Err(_) => Seen::Unknown,
    }
}

fn tell_change(bus: &EventBus, before: Seen, now: Seen) {
    let bus = bus.as_str();
    match now {
        _ if now == before => {}
        Seen::Missing => warn!(
            event_bus = bus,
            "there is no such event bus; nothing is put, because EventBridge would drop it unsaid"
        ),
        Seen::Hidden => info!(
            event_bus = bus,
            "without events:DescribeEventBus nobody can tell whether the event bus exists"
        ),
        Seen::There if before == Seen::Missing => info!(event_bus = bus, "the event bus is there"),
        Seen::There | Seen::Unknown => {}
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_eventbridge::error::ErrorMetadata;

    use super::*;

    #[track_caller]
    fn check(code: Option<&str>, expected: Seen) {
        let error = |code| ErrorMetadata::builder().code(code).build();
        let answer = code.map_or(Ok(()), |code| Err(error(code)));
        assert_eq!(Seen::of_answer(answer), expected);
    }

    #[test]
    fn only_eventbridge_itself_says_that_a_bus_is_missing() {
        check(None, Seen::There);
        check(Some("ResourceNotFoundException"), Seen::Missing);
        check(Some("AccessDeniedException"), Seen::Hidden);
        check(Some("ThrottlingException"), Seen::Unknown);
        check(Some("InternalException"), Seen::Unknown);
        assert_eq!(Seen::of_answer(Err(ErrorMetadata::builder().build())), Seen::Unknown);
    }
}
