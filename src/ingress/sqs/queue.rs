//! The calls to SQS.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::SdkError;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry,
    MessageSystemAttributeName, QueueAttributeName,
};
use tracing::warn;

use super::Stored;
use super::message::{self, Message};
use crate::clock::Clock;
use crate::event::QueueHops;
use crate::telemetry::{Chain, Metrics};

/// SQS: at most 10 messages a call, API reference, `ReceiveMessage`.
const BATCH_MAX: i32 = 10;
/// Tries to delete before a message is left to come back as a duplicate.
const DELETE_TRIES: u32 = 6;
/// The pause before the second try; it doubles with each.
const DELETE_PAUSE: Duration = Duration::from_millis(100);
/// SQS: a message is invisible for at most 12 hours, API reference, `ChangeMessageVisibility`.
const VISIBILITY_MAX: Duration = Duration::from_hours(12);

/// What the queue says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attributes {
    /// How long a received message stays invisible.
    pub visibility: Duration,
    pub fifo: bool,
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
        Ok(Attributes { visibility: Duration::from_secs(seconds), fifo })
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
        Ok(messages.into_iter().filter_map(|sdk| message::read(sdk, at)).collect())
    }

    /// Deletes messages that are on disk. What can't be deleted comes back, is found to be known,
    /// and is deleted then.
    pub(super) async fn delete(&self, stored: &[Stored]) {
        let mut handles: Vec<&str> = stored.iter().map(|stored| stored.handle.as_str()).collect();
        let mut pause = DELETE_PAUSE;
        let mut error = String::new();
        for attempt in 1..=DELETE_TRIES {
            (handles, error) = self.try_to_delete(&handles).await;
            if handles.is_empty() {
                return;
            }
            if attempt < DELETE_TRIES {
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
            Ok(answer) => {
                // The sender's fault is a receipt that no longer counts: no other try mends it.
                let again = answer.failed.iter().filter(|failed| !failed.sender_fault);
                let why = again.clone().map(|failed| failed.code.clone()).next_back();
                let handle = |id: &str| handles.get(id.parse::<usize>().ok()?).copied();
                let left = again.filter_map(|failed| handle(&failed.id)).collect();
                (left, why.unwrap_or_default())
            }
        }
    }

    /// Sets how long messages stay invisible from now on. A failure is no more than a message that
    /// comes back sooner or later than it need.
    pub(super) async fn set_visibility(&self, handles: &[String], visibility: Duration) {
        if handles.is_empty() {
            return;
        }
        let visibility = seconds(visibility.min(VISIBILITY_MAX));
        let entries = handles.iter().enumerate().filter_map(|(position, handle)| {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder();
            let entry = entry.id(position.to_string()).receipt_handle(handle);
            entry.visibility_timeout(visibility).build().ok()
        });
        let call = self.client.change_message_visibility_batch().queue_url(&self.url);
        let answer = call.set_entries(Some(entries.collect())).send().await;
        if let Err(error) = self.observe("change_message_visibility_batch", answer) {
            warn!(error = %Chain(&*error), "could not change the visibility of messages");
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

fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}
