//! Dead-letter queues. SQS has no way to look at messages without receiving them: what is looked at is
//! invisible to others for a moment, and is let go again.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, MessageAttributeValue, MessageSystemAttributeName,
    QueueAttributeName,
};
use tokio::sync::{Mutex, OnceCell};
use tracing::warn;

use super::letter::Found;
use super::{QueueLook, Settings, SharedClient};
use crate::event::QueueHops;
use crate::journal::LetterSource;
use crate::telemetry::Chain;

/// Messages looked at for one list.
const LOOKED_AT_MAX: usize = 1_000;
/// For how long what is looked at is invisible to others, should letting it go fail.
const HELD_FOR: Duration = Duration::from_secs(30);
/// How long an empty receive waits: SQS asks all its servers then (developer guide, "Long polling").
const WAIT_SECONDS: i32 = 1;
/// SQS: at most 10 messages a call, API reference, `ReceiveMessage`.
const BATCH: i32 = 10;

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
        let error = self.gather(&mut found).await.err().map(|error| Chain(&error).to_string());
        let look = QueueLook {
            source: self.source,
            url: self.url.get().cloned().unwrap_or_default(),
            looked_at: found.len(),
            more: found.len() >= LOOKED_AT_MAX,
            error,
        };
        (found, look)
    }

    async fn gather(&self, found: &mut Vec<Found>) -> Result<(), QueueError> {
        let _one_at_a_time = self.looking.lock().await;
        let mut result = Ok(());
        while found.len() < LOOKED_AT_MAX {
            match self.receive().await {
                Ok(messages) if messages.is_empty() => break,
                Ok(messages) => found.extend(messages),
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        let handles: Vec<String> = found.iter().map(|found| found.handle.clone()).collect();
        self.let_go(&handles).await;
        result
    }

    /// Up to ten messages; none when there are no more that are visible.
    pub(super) async fn receive(&self) -> Result<Vec<Found>, QueueError> {
        let url = self.url().await?;
        let answer = self
            .client()?
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(BATCH)
            .wait_time_seconds(WAIT_SECONDS)
            .visibility_timeout(i32::try_from(HELD_FOR.as_secs()).unwrap_or(i32::MAX))
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All")
            .send()
            .await;
        let answer = answer.map_err(|source| failed("ReceiveMessage", url, source))?;
        let messages = answer.messages.unwrap_or_default().into_iter();
        Ok(messages.filter_map(|message| Found::read(self.source, message)).collect())
    }

    /// Makes messages visible again. What fails is visible again a little later.
    pub(super) async fn let_go(&self, handles: &[String]) {
        let (Ok(client), Some(url)) = (self.client(), self.url.get()) else { return };
        for handles in handles.chunks(10) {
            let entries = handles.iter().enumerate().filter_map(|(position, handle)| {
                let entry = ChangeMessageVisibilityBatchRequestEntry::builder();
                let entry = entry.id(position.to_string()).receipt_handle(handle);
                entry.visibility_timeout(0).build().ok()
            });
            let call = client.change_message_visibility_batch().queue_url(url);
            if let Err(error) = call.set_entries(Some(entries.collect())).send().await {
                warn!(error = %Chain(&error), "dead letters that were looked at stay hidden a while");
            }
        }
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
        if self.home_url.ends_with(".fifo") {
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

fn failed(
    call: &'static str,
    url: &str,
    source: impl std::error::Error + Send + Sync + 'static,
) -> QueueError {
    QueueError::Call { call, url: url.to_owned(), source: Box::new(source) }
}
