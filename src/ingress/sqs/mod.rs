//! The SQS door: the end of EventBridge's path.
//!
//! Receivers poll the queue; a message is deleted only with the proof that it is on disk. While the
//! journal can't commit, what was received is held and kept invisible, and no more is asked for: to
//! let it go would burn its receives, and after `maxReceiveCount` of them SQS moves a message to
//! the queue's dead-letter queue, for no fault of its own. Where the queue is what retries, messages
//! are held until their events are delivered: see `until_delivered`.

mod held;
mod message;
mod queue;
mod until_delivered;

use std::time::Duration;

use futures_util::future::join_all;
use serde::Deserialize;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::held::{Held, Stored};
use self::message::Message;
use self::queue::{Attributes, Queue};
use super::Intake;
use crate::event::Path;
use crate::telemetry::{Chain, DoorState, Health};

/// What the door does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The queue.
    pub queue_url: String,
    /// Receivers that poll side by side.
    pub receivers: usize,
    /// How long an empty poll waits, in whole seconds; SQS takes 0 to 20.
    pub wait: Duration,
    /// When a message is deleted.
    pub delete_after: DeleteAfter,
}

/// When an SQS message is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeleteAfter {
    /// As soon as it is on disk: the journal retries.
    Journal,
    /// When its event is delivered: the queue retries.
    Delivery,
}

/// Takes events in from an SQS queue.
#[derive(Debug)]
pub struct QueueDoor {
    queue: Queue,
    settings: Settings,
    intake: Intake,
    health: Health,
}

/// The shortest and the longest pause after a failure.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));

/// How long a batch in hand at a stop may take to be stored and deleted, before what is left of it is
/// let go.
const STORE_WITHIN_AT_STOP: Duration = Duration::from_secs(1);

/// A pause that doubles with each failure in a row, with jitter.
#[derive(Debug, Default)]
struct BackOff {
    failures: u32,
}

impl BackOff {
    fn next(&mut self) -> Duration {
        let ceiling = PAUSE.0.saturating_mul(1 << self.failures.min(10)).min(PAUSE.1);
        self.failures = self.failures.saturating_add(1);
        ceiling.mul_f64(fastrand::f64().mul_add(0.5, 0.5))
    }
}

impl QueueDoor {
    /// A door at this queue.
    pub fn new(
        client: aws_sdk_sqs::Client,
        settings: Settings,
        intake: Intake,
        health: Health,
    ) -> Self {
        health.set_door(Path::Eventbridge, DoorState::Opening { waiting_for: None });
        let queue = Queue::new(
            client,
            settings.queue_url.clone(),
            intake.clock.clone(),
            intake.metrics.clone(),
        );
        Self { queue, settings, intake, health }
    }

    /// Takes events in until `stop`. If the process dies, undeleted messages come again; what was
    /// stored of them is then a duplicate.
    pub async fn run(self, stop: CancellationToken) {
        let Some(attributes) = self.open(&stop).await else { return };
        info!(
            queue.fifo = attributes.fifo,
            queue.visibility_s = attributes.visibility.as_secs(),
            "the SQS door is open"
        );
        if self.settings.delete_after == DeleteAfter::Delivery && !attributes.dead_letters {
            warn!(
                "the queue has no dead-letter queue: what can't be delivered ends with its retention"
            );
        }
        let receivers = (0..self.settings.receivers).map(|_| self.receive(attributes, &stop));
        join_all(receivers).await;
        self.health.set_door(Path::Eventbridge, DoorState::Closed);
    }

    /// Waits for the queue to be there, for as long as it takes.
    async fn open(&self, stop: &CancellationToken) -> Option<Attributes> {
        let mut back_off = BackOff::default();
        loop {
            let asked = tokio::select! {
                biased;
                () = stop.cancelled() => return None,
                asked = self.queue.attributes() => asked,
            };
            match asked {
                Ok(attributes) => {
                    self.set_open();
                    return Some(attributes);
                }
                Err(error) => {
                    let waiting_for = Chain(&error).to_string();
                    warn!(error = %waiting_for, "the queue can't be reached yet, will be tried again");
                    let state = DoorState::Opening { waiting_for: Some(waiting_for) };
                    self.health.set_door(Path::Eventbridge, state);
                }
            }
            pause(back_off.next(), stop).await;
        }
    }

    async fn receive(&self, attributes: Attributes, stop: &CancellationToken) {
        let mut back_off = BackOff::default();
        while !stop.is_cancelled() {
            // Cut off in the middle, a poll may leave messages that SQS was just handing out
            // invisible for the visibility time-out. They come back.
            let received = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                received = self.queue.receive(self.settings.wait) => received,
            };
            match received {
                Ok(messages) => {
                    back_off = BackOff::default();
                    self.set_open();
                    match self.settings.delete_after {
                        _ if messages.is_empty() => {}
                        DeleteAfter::Journal => self.take(messages, attributes, stop).await,
                        DeleteAfter::Delivery => {
                            self.take_until_delivered(messages, attributes, stop).await;
                        }
                    }
                }
                Err(error) => {
                    self.set_failing(&Chain(&error).to_string());
                    pause(back_off.next(), stop).await;
                }
            }
        }
    }

    /// Stores and deletes a batch, keeping it invisible meanwhile.
    async fn take(&self, messages: Vec<Message>, attributes: Attributes, stop: &CancellationToken) {
        let held = Held::new(&messages);
        tokio::select! {
            biased;
            () = self.store_and_delete(messages, &held, stop) => {}
            () = self.keep_invisible(&held, attributes) => {}
            () = too_late(stop) => {}
        }
        // After a stop nobody here will store them; somebody else may, at once.
        self.queue.set_visibility(&held.handles(), Duration::ZERO).await;
    }

    /// Beside the storing and deleting, for as long as that takes. A call that hangs is given up when
    /// the next one is due; it holds up nothing else.
    async fn keep_invisible(&self, held: &Held, attributes: Attributes) {
        let every = attributes.heartbeat();
        let mut beats = beats(every);
        loop {
            beats.tick().await;
            self.beat(&held.handles(), attributes.visibility, every).await;
        }
    }

    async fn beat(&self, handles: &[String], visibility: Duration, within: Duration) {
        let call = self.queue.set_visibility(handles, visibility);
        if timeout(within, call).await.is_err() {
            warn!("no answer in time to a call that keeps messages invisible");
        }
    }

    /// Returns when every message is deleted, or a stop found some that can't be stored.
    async fn store_and_delete(
        &self,
        mut messages: Vec<Message>,
        held: &Held,
        stop: &CancellationToken,
    ) {
        let mut back_off = BackOff::default();
        while !messages.is_empty() {
            let (stored, left) = self.store(messages).await;
            if !stored.is_empty() {
                self.queue.delete(&stored).await;
                held.forget(stored.iter().map(|stored| &stored.handle));
            }
            messages = left;
            if messages.is_empty() || stop.is_cancelled() {
                return;
            }
            pause(back_off.next(), stop).await;
        }
    }

    /// Stores what can be stored. Messages of one FIFO group go in order, and those behind one that
    /// failed wait with it.
    async fn store(&self, messages: Vec<Message>) -> (Vec<Stored>, Vec<Message>) {
        let chains = message::in_chains(messages).into_iter().map(|chain| self.store_chain(chain));
        let mut stored = Vec::new();
        let mut left = Vec::new();
        for (of_chain, left_of_chain) in join_all(chains).await {
            stored.extend(of_chain);
            left.extend(left_of_chain);
        }
        (stored, left)
    }

    async fn store_chain(&self, chain: Vec<Message>) -> (Vec<Stored>, Vec<Message>) {
        let mut stored = Vec::new();
        let mut rest = chain.into_iter();
        while let Some(message) = rest.next() {
            let body = message.body.as_bytes();
            match self.intake.take_message(body, message.at, &message.hops).await {
                Ok(taken) => {
                    stored.push(Stored::new(message.handle, taken.into_committed()));
                }
                Err(_) => return (stored, std::iter::once(message).chain(rest).collect()),
            }
        }
        (stored, Vec::new())
    }

    fn set_open(&self) {
        let before = self.health.door(Path::Eventbridge);
        if let Some(DoorState::Failing { .. }) = before {
            info!("the queue can be polled again");
        }
        if !before.is_some_and(|door| door.is_open()) {
            let since = self.intake.clock.now();
            self.health.set_door(Path::Eventbridge, DoorState::Open { since });
        }
    }

    fn set_failing(&self, error: &str) {
        let before = self.health.door(Path::Eventbridge);
        let since = if let Some(DoorState::Failing { since, .. }) = before {
            since
        } else {
            warn!(error, "the queue can't be polled, will be tried again");
            self.intake.clock.now()
        };
        let state = DoorState::Failing { since, error: error.to_owned() };
        self.health.set_door(Path::Eventbridge, state);
    }
}

fn beats(every: Duration) -> Interval {
    let mut beats = interval_at(Instant::now() + every, every);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beats
}

/// After a stop, storing and deleting may take no longer than leaves time to let go of the rest.
async fn too_late(stop: &CancellationToken) {
    stop.cancelled().await;
    sleep(STORE_WITHIN_AT_STOP).await;
}

async fn pause(length: Duration, stop: &CancellationToken) {
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = sleep(length) => {}
    }
}
