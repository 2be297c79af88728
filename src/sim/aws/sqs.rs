//! The protocol of SQS, AWS JSON 1.0: messages.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::account::{Account, Sent};
use super::message::{
    Attributes, BYTES_MAX, Incoming, Message, attributes_md5, body_md5, bytes_of,
};
use super::queue::{IN_FLIGHT_MAX, VISIBILITY_MAX};
use super::refusal::{Code, Refusal};
use super::sqs_queues;
use super::truth::Origin;
use super::wire::decode;
use crate::event::Timestamp;

/// SQS: 10 messages a call, sent, received or deleted (API reference).
const BATCH_MAX: usize = 10;
/// SQS: a long poll lasts up to 20 s (API reference, `ReceiveMessage`).
const WAIT_SECONDS_MAX: u64 = 20;
/// SQS: a message is delayed by up to 15 min (API reference, `SendMessage`).
const DELAY_SECONDS_MAX: u64 = 900;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Single<T> {
    #[serde(default)]
    queue_url: String,
    #[serde(flatten)]
    entry: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound = "T: serde::de::DeserializeOwned")]
struct Batch<T> {
    #[serde(default)]
    queue_url: String,
    #[serde(default)]
    entries: Vec<Identified<T>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Identified<T> {
    #[serde(default)]
    id: String,
    #[serde(flatten)]
    entry: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Send {
    #[serde(default)]
    message_body: String,
    #[serde(default)]
    message_attributes: Attributes,
    message_group_id: Option<String>,
    message_deduplication_id: Option<String>,
    delay_seconds: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Delete {
    #[serde(default)]
    receipt_handle: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Change {
    #[serde(default)]
    receipt_handle: String,
    visibility_timeout: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReceiveCall {
    #[serde(default)]
    queue_url: String,
    max_number_of_messages: Option<usize>,
    visibility_timeout: Option<u64>,
    wait_time_seconds: Option<u64>,
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
    #[serde(default)]
    message_attribute_names: Vec<String>,
}

/// Answers one call, other than `ReceiveMessage`.
pub(super) fn answer(
    account: &mut Account,
    operation: &str,
    body: &[u8],
    now: Timestamp,
) -> Result<Value, Refusal> {
    match operation {
        "SendMessage" => {
            let call: Single<Send> = decode(body)?;
            send(account, queue_name(&call.queue_url)?, call.entry, now)
        }
        "SendMessageBatch" => {
            let call: Batch<Send> = decode(body)?;
            let bytes = call.entries.iter().map(|entry| entry.entry.bytes()).sum::<usize>();
            if bytes > BYTES_MAX {
                return Err(Refusal::new(
                    Code::BatchRequestTooLong,
                    format_args!(
                        "Batch requests cannot be longer than {BYTES_MAX} bytes. You have sent \
                         {bytes} bytes."
                    ),
                ));
            }
            batch(account, call, |account, queue, entry| send(account, queue, entry, now))
        }
        "DeleteMessage" => {
            let call: Single<Delete> = decode(body)?;
            delete(account, queue_name(&call.queue_url)?, &call.entry, now)
        }
        "DeleteMessageBatch" => batch(account, decode(body)?, |account, queue, entry: Delete| {
            delete(account, queue, &entry, now)
        }),
        "ChangeMessageVisibility" => {
            let call: Single<Change> = decode(body)?;
            change(account, queue_name(&call.queue_url)?, &call.entry, now)
        }
        "ChangeMessageVisibilityBatch" => {
            batch(account, decode(body)?, |account, queue, entry: Change| {
                change(account, queue, &entry, now)
            })
        }
        _ => sqs_queues::answer(account, operation, body, now),
    }
}

/// The queue of a URL: its last part, whatever host name the client knows the endpoint by.
pub(super) fn queue_name(url: &str) -> Result<&str, Refusal> {
    match url.rsplit('/').next() {
        Some(name) if !name.is_empty() => Ok(name),
        _ => Err(missing("QueueUrl")),
    }
}

pub(super) fn missing(parameter: &str) -> Refusal {
    Refusal::new(
        Code::MissingParameter,
        format_args!("The request must contain the parameter {parameter}."),
    )
}

fn invalid(parameter: &str, reason: &str) -> Refusal {
    Refusal::new(
        Code::InvalidParameterValue,
        format_args!("Value for parameter {parameter} is invalid. Reason: {reason}."),
    )
}

impl Send {
    fn bytes(&self) -> usize {
        bytes_of(&self.message_body, &self.message_attributes)
    }
}

fn send(account: &mut Account, queue: &str, call: Send, now: Timestamp) -> Result<Value, Refusal> {
    if call.delay_seconds.is_some_and(|seconds| seconds > DELAY_SECONDS_MAX) {
        return Err(invalid("DelaySeconds", "Must be between 0 and 900"));
    }
    let incoming = Incoming {
        body: call.message_body.into(),
        attributes: call.message_attributes.into(),
        group: call.message_group_id.map(Into::into),
        deduplication: call.message_deduplication_id.map(Into::into),
        delay: call.delay_seconds.map(Duration::from_secs),
    };
    let (body, attributes) = (Arc::clone(&incoming.body), Arc::clone(&incoming.attributes));
    let Sent { id, sequence } = account.send(queue, incoming, Origin::Sent, now)?;
    let mut answer = json!({"MessageId": id, "MD5OfMessageBody": body_md5(&body)});
    if let Some(md5) = attributes_md5(attributes.iter()) {
        answer["MD5OfMessageAttributes"] = md5.into();
    }
    if let Some(sequence) = sequence {
        answer["SequenceNumber"] = sequence_number(sequence).into();
    }
    Ok(answer)
}

/// A sequence number has 20 digits (API reference, `SendMessage`).
fn sequence_number(sequence: u64) -> String {
    format!("{sequence:020}")
}

fn delete(
    account: &mut Account,
    queue: &str,
    call: &Delete,
    now: Timestamp,
) -> Result<Value, Refusal> {
    account.delete(queue, &call.receipt_handle, now).map(|()| json!({}))
}

fn change(
    account: &mut Account,
    queue: &str,
    call: &Change,
    now: Timestamp,
) -> Result<Value, Refusal> {
    let visibility = call
        .visibility_timeout
        .map(visibility)
        .transpose()?
        .ok_or_else(|| missing("VisibilityTimeout"))?;
    account.change_visibility(queue, (&call.receipt_handle, visibility), now).map(|()| json!({}))
}

fn visibility(seconds: u64) -> Result<Duration, Refusal> {
    let visibility = Duration::from_secs(seconds);
    if visibility > VISIBILITY_MAX {
        return Err(invalid("VisibilityTimeout", "Must be between 0 and 43200"));
    }
    Ok(visibility)
}

/// Does the same to each entry; each succeeds or fails alone.
fn batch<T>(
    account: &mut Account,
    call: Batch<T>,
    mut one: impl FnMut(&mut Account, &str, T) -> Result<Value, Refusal>,
) -> Result<Value, Refusal> {
    let queue = queue_name(&call.queue_url)?;
    account.queue(queue)?;
    check_batch(&call.entries)?;
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for Identified { id, entry } in call.entries {
        let result = if account.dice.fails_entry() {
            Err(Refusal::new(Code::InternalFailure, "The simulator was told to fail."))
        } else {
            one(account, queue, entry)
        };
        match result {
            Ok(mut answer) => {
                answer["Id"] = id.into();
                successful.push(answer);
            }
            Err(refusal) => failed.push(json!({
                "Id": id,
                "SenderFault": !refusal.code().is_service_fault(),
                "Code": refusal.code().query_name(),
                "Message": refusal.message(),
            })),
        }
    }
    let mut answer = json!({"Successful": successful});
    if !failed.is_empty() {
        answer["Failed"] = failed.into();
    }
    Ok(answer)
}

fn check_batch<T>(entries: &[Identified<T>]) -> Result<(), Refusal> {
    if entries.is_empty() {
        return Err(Refusal::new(
            Code::EmptyBatchRequest,
            "There should be at least one entry in the request.",
        ));
    }
    if entries.len() > BATCH_MAX {
        return Err(Refusal::new(
            Code::TooManyEntriesInBatchRequest,
            format_args!(
                "Maximum number of entries per request are {BATCH_MAX}. You have sent {}.",
                entries.len()
            ),
        ));
    }
    let mut ids = HashSet::new();
    for Identified { id, .. } in entries {
        // 1 to 80 of these characters (API reference, `SendMessageBatchRequestEntry`).
        let fits = (1..=80).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !fits {
            return Err(Refusal::new(
                Code::InvalidBatchEntryId,
                "A batch entry id can only contain alphanumeric characters, hyphens and \
                 underscores. It can be at most 80 letters long.",
            ));
        }
        if !ids.insert(id) {
            return Err(Refusal::new(
                Code::BatchEntryIdsNotDistinct,
                format_args!("Id {id} repeated."),
            ));
        }
    }
    Ok(())
}

/// `ReceiveMessage`, checked.
#[derive(Debug)]
pub(super) struct Receive {
    pub(super) queue: String,
    count: usize,
    visibility: Option<Duration>,
    /// Instead of the queue's own.
    wait: Option<Duration>,
    system_attributes: Vec<String>,
    attributes: Vec<String>,
}

impl Receive {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let call: ReceiveCall = decode(body)?;
        let count = call.max_number_of_messages.unwrap_or(1);
        if !(1..=BATCH_MAX).contains(&count) {
            return Err(invalid("MaxNumberOfMessages", "Must be between 1 and 10, if provided"));
        }
        if call.wait_time_seconds.is_some_and(|seconds| seconds > WAIT_SECONDS_MAX) {
            return Err(invalid("WaitTimeSeconds", "Must be between 0 and 20, if provided"));
        }
        let mut system_attributes = call.attribute_names;
        system_attributes.extend(call.message_system_attribute_names);
        Ok(Self {
            queue: queue_name(&call.queue_url)?.to_owned(),
            count,
            visibility: call.visibility_timeout.map(visibility).transpose()?,
            wait: call.wait_time_seconds.map(Duration::from_secs),
            system_attributes,
            attributes: call.message_attribute_names,
        })
    }

    /// How long it waits for messages.
    pub(super) fn wait(&self, account: &mut Account) -> Result<Duration, Refusal> {
        let own = account.queue(&self.queue)?.settings.wait;
        Ok(self.wait.unwrap_or(own))
    }

    /// Receives what there is now; `None` when there is nothing.
    pub(super) fn try_now(
        &self,
        account: &mut Account,
        now: Timestamp,
    ) -> Result<Option<Value>, Refusal> {
        let messages = account.receive(&self.queue, (self.count, self.visibility), now)?;
        if messages.is_empty() {
            return Ok(None);
        }
        let sender = account.names.account();
        let messages = messages.iter().map(|(handle, message)| self.show(handle, message, sender));
        Ok(Some(json!({"Messages": messages.collect::<Vec<_>>()})))
    }

    /// The answer of a poll that found nothing. When too many messages are in flight a short poll
    /// is told so, and a long one is not (developer guide, "Message quotas").
    pub(super) fn nothing(&self, account: &mut Account, is_long: bool) -> Result<Value, Refusal> {
        if !is_long && account.queue(&self.queue)?.queue.depth().in_flight >= IN_FLIGHT_MAX {
            return Err(Refusal::new(
                Code::OverLimit,
                "The maximum number of in flight messages is reached.",
            ));
        }
        Ok(json!({}))
    }

    fn show(&self, handle: &str, message: &Message, sender: &str) -> Value {
        let mut shown = json!({
            "MessageId": message.id,
            "ReceiptHandle": handle,
            "MD5OfBody": body_md5(&message.body),
            "Body": &*message.body,
        });
        let system = self.system_attributes_of(message, sender);
        if !system.is_empty() {
            shown["Attributes"] = json!(system);
        }
        let wanted = message.attributes.iter().filter(|(name, _)| self.wants_attribute(name));
        let wanted: BTreeMap<_, _> = wanted.collect();
        if let Some(md5) = attributes_md5(wanted.iter().map(|(name, value)| (*name, *value))) {
            shown["MD5OfMessageAttributes"] = md5.into();
            shown["MessageAttributes"] = json!(wanted);
        }
        shown
    }

    fn system_attributes_of(
        &self,
        message: &Message,
        sender: &str,
    ) -> BTreeMap<&'static str, String> {
        let is_fifo = message.deduplication.is_some();
        let attributes = [
            ("SentTimestamp", Some(millis(message.sent))),
            ("ApproximateFirstReceiveTimestamp", message.first_received.map(millis)),
            ("ApproximateReceiveCount", Some(message.receives.to_string())),
            ("SenderId", Some(sender.to_owned())),
            ("MessageGroupId", message.group.as_deref().map(str::to_owned)),
            ("MessageDeduplicationId", message.deduplication.as_deref().map(str::to_owned)),
            ("SequenceNumber", message.sequence.filter(|_| is_fifo).map(sequence_number)),
            ("DeadLetterQueueSourceArn", message.source_arn.as_deref().map(str::to_owned)),
        ];
        let wants = |name: &str| {
            self.system_attributes.iter().any(|wanted| wanted == "All" || wanted == name)
        };
        let wanted = attributes.into_iter().filter(|(name, _)| wants(name));
        wanted.filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// `All`, `.*`, a name, or `prefix.*` (API reference, `ReceiveMessage`).
    fn wants_attribute(&self, name: &str) -> bool {
        self.attributes.iter().any(|wanted| match wanted.strip_suffix(".*") {
            Some(prefix) => name.starts_with(prefix),
            None => wanted == "All" || wanted == name,
        })
    }
}

/// SQS gives times in milliseconds since 1970.
fn millis(time: Timestamp) -> String {
    time.as_nanos().div_euclid(1_000_000).to_string()
}
