//! Dead-letter queues. SQS has no way to look at messages without receiving them: what is looked at is
//! invisible to others for a moment, and is let go again.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, MessageAttributeValue, MessageSystemAttributeName,
    QueueAttributeName,
};
use futures_util::future::join_all;
use tokio::sync::{Mutex, OnceCell};
use tracing::warn;

use super::letter::Found;
use super::{QueueLook, Settings, SharedClient};
use crate::event::QueueHops;
use crate::journal::LetterSource;
use crate::telemetry::Chain;

/// Messages looked at for one list.
const LOOKED_AT_MAX: usize = 1_000;
/// Bytes of their bodies: one message may have a MiB.
const LOOKED_AT_BYTES_MAX: usize = 32 * 1024 * 1024;
/// For how long what is looked at is invisible to others, should letting it go fail.
pub(super) const HELD_BY_A_LOOK: Duration = Duration::from_secs(30);
/// How long an empty receive waits: SQS asks all its servers then (developer guide, "Long polling").
const WAIT_SECONDS: i32 = 1;
/// SQS: at most 10 messages a call, API reference, `ReceiveMessage` and `ChangeMessageVisibilityBatch`.
pub(super) const BATCH: usize = 10;
/// Calls under way at once, to let go of messages or to hold them for longer.
const CALLS_MAX: usize = 16;

/// Why a queue can't be used.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The credentials are not there yet.
    #[error("AWS's credentials are not there yet")]
    NoClient,
    /// The queue names no dead-letter queue.
    #[error("the queue {0} has no redrive policy, so no dead-letter queue")]
    NoRedrivePolicy(String),
    /// A call failed.
    #[error("{call} on {url}")]
    Call {
        /// Which call.
        call: &'static str,
        /// On which queue.
        url: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A dead-letter queue, and the queue that its letters are put back into. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    source: LetterSource,
    client: SharedClient,
    /// Where letters are put back.
    home_url: Arc<str>,
    url: Arc<OnceCell<String>>,
    /// One look at a time: two would hide messages from each other.
    looking: Arc<Mutex<()>>,
}

impl Queue {
    /// Those that are known; the queue's own is found by its redrive policy.
    pub(super) fn of(client: &SharedClient, settings: &Settings) -> Vec<Self> {
        let queue = |source, url: Option<&String>| Self {
            source,
            client: Arc::clone(client),
            home_url: settings.home.as_str().into(),
            url: Arc::new(url.map_or_else(OnceCell::new, |url| OnceCell::from(url.clone()))),
            looking: Arc::default(),
        };
        let mut queues = vec![queue(LetterSource::Queue, settings.queue_letters.as_ref())];
        if let Some(url) = &settings.rule_letters {
            queues.push(queue(LetterSource::Rule, Some(url)));
        }
        queues
    }

    pub(super) const fn source(&self) -> LetterSource {
        self.source
    }

    /// Looks at the messages, and lets them go again.
    pub(super) async fn look(&self) -> (Vec<Found>, QueueLook) {
        let mut found = Vec::new();
        let gathered = self.gather(&mut found).await;
        let url = self.url.get().cloned().unwrap_or_default();
        let mut look = QueueLook {
            source: self.source,
            looked_at: found.len(),
            messages: None,
            more: false,
            error: None,
            url,
        };
        match gathered {
            Ok(Gathered { messages, more }) => {
                // In a FIFO queue, those of a group are hidden behind ten of it that are looked at.
                let behind = is_fifo(&look.url)
                    && messages.is_some_and(|messages| messages > as_u64(found.len()));
                look = QueueLook { messages, more: more || behind, ..look };
            }
            Err(error) => look.error = Some(Chain(&error).to_string()),
        }
        (found, look)
    }

    async fn gather(&self, found: &mut Vec<Found>) -> Result<Gathered, QueueError> {
        let _one_at_a_time = self.looking.lock().await;
        let gathered = self.gather_until_enough(found).await;
        let handles: Vec<&str> = found.iter().map(|found| found.handle.as_str()).collect();
        self.set_hidden(&handles, Duration::ZERO).await;
        gathered
    }

    async fn gather_until_enough(&self, found: &mut Vec<Found>) -> Result<Gathered, QueueError> {
        let mut bytes = 0;
        let mut more = true;
        while found.len() < LOOKED_AT_MAX && bytes < LOOKED_AT_BYTES_MAX {
            let messages = self.receive(HELD_BY_A_LOOK, BATCH).await?;
            if messages.is_empty() {
                more = false;
                break;
            }
            bytes += messages.iter().map(|found| found.body.len()).sum::<usize>();
            found.extend(messages);
        }
        // Nobody needs to know it exactly, or at all.
        let messages = self.messages().await.ok();
        Ok(Gathered { messages, more })
    }

    /// The same as [`Queue::receive`], but not in the middle of a look of ours, which hides messages for a
    /// moment.
    pub(super) async fn receive_apart(
        &self,
        hidden_for: Duration,
        max: usize,
    ) -> Result<Vec<Found>, QueueError> {
        let _no_look = self.looking.lock().await;
        self.receive(hidden_for, max).await
    }

    /// Up to `max` messages; none when there are no more that are visible.
    async fn receive(&self, hidden_for: Duration, max: usize) -> Result<Vec<Found>, QueueError> {
        let url = self.url().await?;
        let answer = self
            .client()?
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(i32::try_from(max).unwrap_or(1))
            .wait_time_seconds(WAIT_SECONDS)
            .visibility_timeout(seconds(hidden_for))
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All")
            .send()
            .await;
        let answer = answer.map_err(|source| failed("ReceiveMessage", url, source))?;
        let messages = answer.messages.unwrap_or_default().into_iter();
        Ok(messages.filter_map(|message| Found::read(self.source, message)).collect())
    }

    /// How many messages there are, hidden ones too. SQS knows it only about (developer guide,
    /// "Determining the approximate number of messages").
    pub(super) async fn messages(&self) -> Result<u64, QueueError> {
        self.messages_of(self.url().await?).await
    }

    /// The same of the queue that letters are put back into.
    pub(super) async fn messages_at_home(&self) -> Result<u64, QueueError> {
        self.messages_of(&self.home_url).await
    }

    async fn messages_of(&self, url: &str) -> Result<u64, QueueError> {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let call = self.client()?.get_queue_attributes().queue_url(url);
        let answer = call.set_attribute_names(Some(names.to_vec())).send().await;
        let answer = answer.map_err(|source| failed("GetQueueAttributes", url, source))?;
        let attributes = answer.attributes.unwrap_or_default();
        let number = |name| attributes.get(name)?.parse::<u64>().ok();
        Ok(names.iter().filter_map(number).sum())
    }

    /// Hides messages from others for so long from now on; for no time at all lets them go. What fails is
    /// visible again when the time is over for which it was hidden before.
    pub(super) async fn set_hidden(&self, handles: &[&str], hidden_for: Duration) {
        for several in handles.chunks(BATCH * CALLS_MAX) {
            let calls = several.chunks(BATCH).map(|batch| self.set_batch_hidden(batch, hidden_for));
            let failures = join_all(calls).await.into_iter().filter_map(Result::err);
            let failures: Vec<String> = failures.map(|error| Chain(&error).to_string()).collect();
            if let Some(error) = failures.first() {
                let calls = failures.len();
                warn!(calls, error, "the visibility of dead letters could not be changed");
            }
        }
    }

    async fn set_batch_hidden(
        &self,
        handles: &[&str],
        hidden_for: Duration,
    ) -> Result<(), QueueError> {
        let (client, url) = (self.client()?, self.url().await?);
        let entries = handles.iter().enumerate().filter_map(|(position, handle)| {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder();
            let entry = entry.id(position.to_string()).receipt_handle(*handle);
            entry.visibility_timeout(seconds(hidden_for)).build().ok()
        });
        let call = client.change_message_visibility_batch().queue_url(url);
        let answer = call.set_entries(Some(entries.collect())).send().await;
        answer.map_err(|source| failed("ChangeMessageVisibilityBatch", url, source))?;
        Ok(())
    }

    /// Puts a letter back into the queue, then deletes it here: if that fails it is there twice, and the
    /// second is found to be a duplicate.
    pub(super) async fn put_back(&self, found: &Found) -> Result<(), QueueError> {
        let client = self.client()?;
        let marked = MessageAttributeValue::builder().data_type("String").string_value("true");
        let mut call = client
            .send_message()
            .queue_url(&*self.home_url)
            .message_body(&found.body)
            .set_message_attributes(
                marked
                    .build()
                    .ok()
                    .map(|marked| [(QueueHops::REDRIVEN_ATTRIBUTE.to_owned(), marked)].into()),
            );
        if is_fifo(&self.home_url) {
            let group = found.group.clone().unwrap_or_else(|| "dead-letters".to_owned());
            call = call.message_group_id(group).message_deduplication_id(&found.letter.letter);
        }
        call.send().await.map_err(|source| failed("SendMessage", &self.home_url, source))?;
        self.delete(found).await
    }

    /// Deletes a letter.
    pub(super) async fn delete(&self, found: &Found) -> Result<(), QueueError> {
        let url = self.url().await?;
        let call = self.client()?.delete_message().queue_url(url).receipt_handle(&found.handle);
        call.send().await.map_err(|source| failed("DeleteMessage", url, source))?;
        Ok(())
    }

    /// Whether there is such a queue: a queue without a redrive policy has no dead-letter queue.
    pub(super) async fn is_there(&self) -> Result<bool, QueueError> {
        match self.url().await {
            Ok(_) => Ok(true),
            Err(QueueError::NoRedrivePolicy(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn client(&self) -> Result<&Client, QueueError> {
        self.client.get().ok_or(QueueError::NoClient)
    }

    async fn url(&self) -> Result<&str, QueueError> {
        let url = self.url.get_or_try_init(|| self.find()).await?;
        Ok(url)
    }

    /// The queue's redrive policy names its dead-letter queue by ARN:
    /// `arn:aws:sqs:<region>:<account>:<name>` (developer guide, "Dead-letter queues").
    async fn find(&self) -> Result<String, QueueError> {
        let (client, url) = (self.client()?, &*self.home_url);
        let call = client.get_queue_attributes().queue_url(url);
        let answer = call.attribute_names(QueueAttributeName::RedrivePolicy).send().await;
        let answer = answer.map_err(|source| failed("GetQueueAttributes", url, source))?;
        let policy = answer.attributes.unwrap_or_default();
        let policy = policy.get(&QueueAttributeName::RedrivePolicy).and_then(|policy| {
            let policy: serde_json::Value = serde_json::from_str(policy).ok()?;
            Some(policy.get("deadLetterTargetArn")?.as_str()?.to_owned())
        });
        let arn = policy.ok_or_else(|| QueueError::NoRedrivePolicy(url.to_owned()))?;
        let mut parts = arn.rsplit(':');
        let (name, account) = (parts.next().unwrap_or_default(), parts.next());
        let call = client.get_queue_url().queue_name(name);
        let call = call.set_queue_owner_aws_account_id(account.map(ToOwned::to_owned));
        let answer = call.send().await.map_err(|source| failed("GetQueueUrl", name, source))?;
        answer.queue_url.ok_or_else(|| QueueError::NoRedrivePolicy(url.to_owned()))
    }
}

/// What gathering brought, beside the messages.
struct Gathered {
    /// How many there are, about.
    messages: Option<u64>,
    /// There were more than enough.
    more: bool,
}

/// The name of a FIFO queue ends so, and only that of one (API reference, `CreateQueue`).
fn is_fifo(url: &str) -> bool {
    url.strip_suffix(".fifo").is_some()
}

fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}

fn as_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn failed(
    call: &'static str,
    url: &str,
    source: impl std::error::Error + Send + Sync + 'static,
) -> QueueError {
    QueueError::Call { call, url: url.to_owned(), source: Box::new(source) }
}
