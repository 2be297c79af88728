//! The protocol of SQS, AWS JSON 1.0: queues and move tasks.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::account::{Account, Held, no_such_queue};
use super::attributes::{self, Texts};
use super::moves::{Move, MoveOrder, MoveStatus};
use super::refusal::{Code, Refusal};
use super::sqs::{missing, queue_name};
use super::wire::decode;
use crate::event::Timestamp;

/// SQS: up to 1,000 results a page (API reference, `ListQueues`).
const PAGE_MAX: usize = 1_000;
/// SQS: up to 10 tasks a list, 1 by default (API reference, `ListMessageMoveTasks`).
const TASKS_PAGE_MAX: usize = 10;

/// The parameters of all operations here: each uses some.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameters {
    #[serde(default)]
    queue_url: String,
    #[serde(default)]
    queue_name: String,
    #[serde(rename = "QueueOwnerAWSAccountId")]
    owner: Option<String>,
    #[serde(default)]
    attributes: Texts,
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    queue_name_prefix: String,
    max_results: Option<usize>,
    next_token: Option<String>,
    #[serde(default)]
    source_arn: String,
    destination_arn: Option<String>,
    max_number_of_messages_per_second: Option<u32>,
    #[serde(default)]
    task_handle: String,
    /// As `CreateQueue` names them…
    #[serde(default, rename = "tags")]
    tags_of_new: Texts,
    /// …and `TagQueue`.
    #[serde(default)]
    tags: Texts,
}

/// Answers one call.
pub(super) fn answer(
    account: &mut Account,
    operation: &str,
    body: &[u8],
    now: Timestamp,
) -> Result<Value, Refusal> {
    let call: Parameters = decode(body)?;
    let queue = || queue_name(&call.queue_url);
    match operation {
        "CreateQueue" => {
            if call.queue_name.is_empty() {
                return Err(missing("QueueName"));
            }
            let is_new = !account.queues.contains_key(call.queue_name.as_str());
            account.create_queue(&call.queue_name, &call.attributes, now)?;
            if is_new {
                account.queue(&call.queue_name)?.tags = call.tags_of_new;
            }
            Ok(json!({"QueueUrl": account.names.queue_url(&call.queue_name)}))
        }
        "GetQueueUrl" => get_url(account, &call),
        "GetQueueAttributes" => {
            let name = queue()?;
            account.advance(name, now)?;
            get_attributes(account.queue(name)?, &call.attribute_names)
        }
        "SetQueueAttributes" => {
            account.set_attributes(queue()?, &call.attributes, now).map(|()| json!({}))
        }
        "DeleteQueue" => account.delete_queue(queue()?, now).map(|()| json!({})),
        "TagQueue" => {
            account.queue(queue()?)?.tags.extend(call.tags);
            Ok(json!({}))
        }
        "ListQueueTags" => Ok(json!({"Tags": account.queue(queue()?)?.tags})),
        "PurgeQueue" => account.purge_queue(queue()?, now).map(|()| json!({})),
        "ListQueues" => {
            let names = account.queues.keys().filter(|n| n.starts_with(&call.queue_name_prefix));
            Ok(page(account, names, &call, "QueueUrls"))
        }
        "ListDeadLetterSourceQueues" => {
            let arn = Arc::clone(&account.queue(queue()?)?.arn);
            Ok(page(account, account.sources_of(&arn), &call, "queueUrls"))
        }
        "StartMessageMoveTask" => {
            let order = MoveOrder {
                source_arn: call.source_arn,
                destination_arn: call.destination_arn,
                rate: call.max_number_of_messages_per_second,
            };
            let handle = account.start_move(order, now)?;
            Ok(json!({"TaskHandle": handle}))
        }
        "CancelMessageMoveTask" => {
            account.advance_moves(now);
            let moved = account.cancel_move(&call.task_handle)?;
            Ok(json!({"ApproximateNumberOfMessagesMoved": moved}))
        }
        "ListMessageMoveTasks" => {
            account.advance_moves(now);
            account.name_of(&call.source_arn)?;
            let most = call.max_results.unwrap_or(1).clamp(1, TASKS_PAGE_MAX);
            let tasks = account.moves_of(&call.source_arn).take(most).map(move_json);
            Ok(json!({"Results": tasks.collect::<Vec<_>>()}))
        }
        _ => Err(Refusal::new(
            Code::UnknownOperation,
            format_args!("The simulator does not know the operation {operation}."),
        )),
    }
}

fn get_url(account: &mut Account, call: &Parameters) -> Result<Value, Refusal> {
    if call.owner.as_ref().is_some_and(|owner| owner != account.names.account()) {
        return Err(no_such_queue());
    }
    let name = Arc::clone(&account.queue(&call.queue_name)?.name);
    Ok(json!({"QueueUrl": account.names.queue_url(&name)}))
}

fn get_attributes(held: &Held, names: &[String]) -> Result<Value, Refusal> {
    /// Attributes that a queue may lack.
    const OPTIONAL: [&str; 5] =
        ["Policy", "RedrivePolicy", "RedriveAllowPolicy", "FifoQueue", "ContentBasedDeduplication"];
    let depth = held.queue.depth();
    let mut texts = held.settings.texts();
    let mut set = |name: &str, text: String| drop(texts.insert(name.to_owned(), text));
    set("QueueArn", held.arn.to_string());
    set("ApproximateNumberOfMessages", depth.visible.to_string());
    set("ApproximateNumberOfMessagesNotVisible", depth.in_flight.to_string());
    set("ApproximateNumberOfMessagesDelayed", depth.delayed.to_string());
    set("CreatedTimestamp", held.created.as_seconds().to_string());
    set("LastModifiedTimestamp", held.modified.as_seconds().to_string());
    if !names.iter().any(|name| name == "All") {
        for name in names {
            if !texts.contains_key(name) && !OPTIONAL.contains(&name.as_str()) {
                return Err(attributes::unknown(name));
            }
        }
        texts.retain(|name, _| names.contains(name));
    }
    Ok(if texts.is_empty() { json!({}) } else { json!({"Attributes": texts}) })
}

/// A page of URLs; the token is the last name of the page before.
fn page<'a>(
    account: &'a Account,
    names: impl Iterator<Item = &'a Arc<str>>,
    call: &Parameters,
    key: &str,
) -> Value {
    let most = call.max_results.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX);
    let after = call.next_token.as_deref();
    let mut names = names.filter(|name| after.is_none_or(|after| ***name > *after)).peekable();
    let (mut urls, mut last) = (Vec::new(), None);
    while urls.len() < most
        && let Some(name) = names.next()
    {
        urls.push(account.names.queue_url(name));
        last = Some(name);
    }
    let mut answer = BTreeMap::from([(key.to_owned(), json!(urls))]);
    if names.peek().is_some() {
        answer.insert("NextToken".to_owned(), json!(last.map(|name| &**name)));
    }
    json!(answer)
}

fn move_json(task: &Move) -> Value {
    let mut shown = json!({
        "Status": task.status.as_str(),
        "SourceArn": *task.source_arn,
        "ApproximateNumberOfMessagesMoved": task.moved,
        "ApproximateNumberOfMessagesToMove": task.total,
        "StartedTimestamp": task.started.as_nanos().div_euclid(1_000_000),
    });
    if let Some(arn) = &task.destination_arn {
        shown["DestinationArn"] = json!(**arn);
    }
    if let Some(rate) = task.rate {
        shown["MaxNumberOfMessagesPerSecond"] = json!(rate);
    }
    match &task.status {
        // Only a running task has a handle to cancel it by (API reference,
        // `ListMessageMoveTasksResultEntry`).
        MoveStatus::Running => shown["TaskHandle"] = json!(task.handle),
        MoveStatus::Failed(reason) => shown["FailureReason"] = json!(reason),
        MoveStatus::Completed | MoveStatus::Cancelled => {}
    }
    shown
}
