//! The calls to SQS.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::SdkError;
use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry,
    DeleteMessageBatchRequestEntry, MessageSystemAttributeName, QueueAttributeName,
};
use tracing::warn;

use super::Stored;
use super::message::{self, Message};
use crate::clock::Clock;
use crate::event::QueueHops;
use crate::telemetry::{Chain, Metrics};

/// SQS: at most 10 messages a call, API reference, `ReceiveMessage`.
const BATCH_MAX: i32 = 10;
/// Tries to delete a message, or to let it go, before it is left to come back when its visibility
/// time-out is over.
const TRIES: u32 = 6;
/// The pause before the second try; it doubles with each.
const PAUSE: Duration = Duration::from_millis(100);
/// SQS: a message is invisible for at most 12 hours, API reference, `ChangeMessageVisibility`.
const VISIBILITY_MAX: Duration = Duration::from_hours(12);

/// What the queue says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attributes {
    /// How long a received message stays invisible.
    pub visibility: Duration,
    pub fifo: bool,
    /// Whether a message goes to a dead-letter queue after so many receives.
    pub dead_letters: bool,
}

impl Attributes {
    /// How often held messages are made invisible anew: early enough for one call to fail.
    pub(super) fn heartbeat(self) -> Duration {
        (self.visibility / 3).max(Duration::from_millis(500))
    }
}

/// Why SQS was of no use.
#[derive(Debug, thiserror::Error)]
pub(super) enum QueueError {
    #[error("asking for the attributes of the queue {url}")]
    Attributes {
        url: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("receiving from the queue {url}")]
    Receive {
        url: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

#[derive(Debug, Clone)]
pub(super) struct Queue {
    client: Client,
    url: String,
    clock: Clock,
    metrics: Metrics,
}

impl Queue {
    pub(super) fn new(client: Client, url: String, clock: Clock, metrics: Metrics) -> Self {
        Self { client, url, clock, metrics }
    }

    pub(super) async fn attributes(&self) -> Result<Attributes, QueueError> {
        let call = self.client.get_queue_attributes().queue_url(&self.url);
        let answer = call.attribute_names(QueueAttributeName::All).send().await;
        let answer = self.observe("get_queue_attributes", answer);
        let attributes = answer
            .map_err(|source| QueueError::Attributes { url: self.url.clone(), source })?
            .attributes
            .unwrap_or_default();
        let seconds = attributes.get(&QueueAttributeName::VisibilityTimeout);
        let seconds = seconds.and_then(|seconds| seconds.parse().ok()).unwrap_or(30);
        let fifo =
            attributes.get(&QueueAttributeName::FifoQueue).is_some_and(|fifo| fifo == "true");
        let dead_letters = attributes.contains_key(&QueueAttributeName::RedrivePolicy);
        Ok(Attributes { visibility: Duration::from_secs(seconds), fifo, dead_letters })
    }

    pub(super) async fn receive(&self, wait: Duration) -> Result<Vec<Message>, QueueError> {
        let answer = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(BATCH_MAX)
            .wait_time_seconds(seconds(wait))
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names(QueueHops::REDRIVEN_ATTRIBUTE)
            .send()
            .await;
        let at = self.clock.now();
        let messages = self
            .observe("receive_message", answer)
            .map_err(|source| QueueError::Receive { url: self.url.clone(), source })?
            .messages
            .unwrap_or_default();
        let messages: Vec<Message> =
            messages.into_iter().filter_map(|sdk| message::read(sdk, at)).collect();
        let age = |sent| u64::try_from(at.nanos_since(sent)).unwrap_or(0);
        let oldest = messages.iter().filter_map(|message| message.hops.sent.map(age)).max();
        self.metrics.received(Duration::from_nanos(oldest.unwrap_or(0)));
        Ok(messages)
    }

    /// Deletes messages that are on disk. What can't be deleted comes back, is found to be known,
    /// and is deleted then.
    pub(super) async fn delete(&self, stored: &[Stored]) {
        let mut handles: Vec<&str> = stored.iter().map(|stored| stored.handle.as_str()).collect();
        let mut pause = PAUSE;
        let mut error = String::new();
        for attempt in 1..=TRIES {
            (handles, error) = self.try_to_delete(&handles).await;
            if handles.is_empty() {
                return;
            }
            if attempt < TRIES {
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
        }
        let messages = handles.len();
        warn!(
            messages,
            error, "stored messages could not be deleted; they will come again as duplicates"
        );
    }

    /// Returns the handles for which another try may help, and why one is needed.
    async fn try_to_delete<'a>(&self, handles: &[&'a str]) -> (Vec<&'a str>, String) {
        let entries = handles.iter().enumerate().filter_map(|(position, handle)| {
            let entry = DeleteMessageBatchRequestEntry::builder();
            entry.id(position.to_string()).receipt_handle(*handle).build().ok()
        });
        let call = self.client.delete_message_batch().queue_url(&self.url);
        let answer = call.set_entries(Some(entries.collect())).send().await;
        match self.observe("delete_message_batch", answer) {
            Err(error) => (handles.to_vec(), Chain(&*error).to_string()),
            Ok(answer) => again(handles, &answer.failed),
        }
    }

    /// Sets how long messages stay invisible from now on. A failure is no more than a message that
    /// comes back sooner or later than it need.
    pub(super) async fn set_visibility(&self, handles: &[String], visibility: Duration) {
        let messages: Vec<_> = handles.iter().map(|handle| (handle.as_str(), visibility)).collect();
        let (left, error) = self.try_to_hide(&messages).await;
        if !left.is_empty() {
            warn!(messages = left.len(), error, "could not change the visibility of messages");
        }
    }

    /// Lets messages go: each comes again after its own time. What can't be let go comes again when
    /// its visibility time-out is over.
    pub(super) async fn let_go(&self, messages: &[(String, Duration)]) {
        let mut left: Vec<_> =
            messages.iter().map(|(handle, after)| (handle.as_str(), *after)).collect();
        let mut pause = PAUSE;
        let mut error = String::new();
        for attempt in 1..=TRIES {
            (left, error) = self.try_to_hide(&left).await;
            if left.is_empty() {
                return;
            }
            if attempt < TRIES {
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
        }
        let messages = left.len();
        warn!(messages, error, "messages could not be let go; they come again on their own time");
    }

    /// Returns the messages for which another try may help, and why one is needed.
    async fn try_to_hide<'a>(
        &self,
        messages: &[(&'a str, Duration)],
    ) -> (Vec<(&'a str, Duration)>, String) {
        if messages.is_empty() {
            return (Vec::new(), String::new());
        }
        let entries = messages.iter().enumerate().filter_map(|(position, (handle, hidden_for))| {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder();
            let entry = entry.id(position.to_string()).receipt_handle(*handle);
            let visibility = seconds((*hidden_for).min(VISIBILITY_MAX));
            entry.visibility_timeout(visibility).build().ok()
        });
        let call = self.client.change_message_visibility_batch().queue_url(&self.url);
        let answer = call.set_entries(Some(entries.collect())).send().await;
        match self.observe("change_message_visibility_batch", answer) {
            Err(error) => (messages.to_vec(), Chain(&*error).to_string()),
            Ok(answer) => again(messages, &answer.failed),
        }
    }

    fn observe<T, E, R>(
        &self,
        call: &'static str,
        answer: Result<T, SdkError<E, R>>,
    ) -> Result<T, Box<dyn std::error::Error + Send + Sync>>
    where
        E: std::error::Error + Send + Sync + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        self.metrics.sqs_called(call, answer.is_ok());
        answer.map_err(Into::into)
    }
}

/// What of a batch, whose entries are named by their positions, is worth another try, and why it needs
/// one.
fn again<T: Copy>(batch: &[T], failed: &[BatchResultErrorEntry]) -> (Vec<T>, String) {
    // The sender's fault is a receipt that no longer counts: no other try mends it.
    let again = failed.iter().filter(|failed| !failed.sender_fault);
    let why = again.clone().map(|failed| failed.code.clone()).next_back();
    let entry = |id: &str| batch.get(id.parse::<usize>().ok()?).copied();
    let left = again.filter_map(|failed| entry(&failed.id)).collect();
    (left, why.unwrap_or_default())
}

fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}
