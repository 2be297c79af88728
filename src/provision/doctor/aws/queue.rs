//! The queue, and its dead-letter queue.

use std::time::Duration;

use serde_json::Value;

use super::{Facts, SETUP, not_read};
use crate::provision::aws::{self, FoundQueue};
use crate::provision::doctor::Check;

/// A queue that keeps messages for less loses a weekend.
const RETENTION_GOOD: Duration = aws::RETENTION;

pub(super) fn checks(facts: &Facts, queue: &FoundQueue) -> Vec<Check> {
    vec![
        visibility(facts, queue),
        long_poll(queue),
        retention(queue),
        encryption(queue),
        backlog(queue),
        dead_letters(facts, queue),
    ]
}

fn visibility(facts: &Facts, queue: &FoundQueue) -> Check {
    const WHAT: &str = "visibility time-out";
    let visibility = seconds(queue, "VisibilityTimeout");
    let found = format!("{} s", visibility.as_secs());
    if visibility <= facts.work {
        let advice = format!(
            "A message may be worked on for {} s: it comes again before that, counts as received twice, and \
             ends in the dead-letter queue while all is well.",
            facts.work.as_secs()
        );
        return Check::bad(WHAT, found, advice).mended_by(SETUP);
    }
    if visibility < aws::VISIBILITY / 3 {
        let advice = "The door keeps messages hidden while it works; a short time-out leaves it little to \
                      do so in. 90 s is good.";
        return Check::look(WHAT, found, advice).mended_by(SETUP);
    }
    Check::good(WHAT, found)
}

fn long_poll(queue: &FoundQueue) -> Check {
    const WHAT: &str = "long polling";
    let wait = seconds(queue, "ReceiveMessageWaitTimeSeconds");
    let found = format!("{} s", wait.as_secs());
    if wait.is_zero() {
        let advice = "The gateway asks for long polls itself (eventbridge.wait); whoever else takes from \
                      this queue polls without a pause, and pays for it.";
        return Check::look(WHAT, "off", advice).mended_by(SETUP);
    }
    Check::good(WHAT, found)
}

fn retention(queue: &FoundQueue) -> Check {
    const WHAT: &str = "retention of the queue";
    let retention = seconds(queue, "MessageRetentionPeriod");
    if retention < RETENTION_GOOD {
        let advice =
            "What the gateway has not taken by then is gone. 4 days survive a long weekend.";
        return Check::look(WHAT, spoken(retention), advice).mended_by(SETUP);
    }
    Check::good(WHAT, spoken(retention))
}

fn encryption(queue: &FoundQueue) -> Check {
    const WHAT: &str = "encryption at rest";
    let by_sqs = queue.attribute("SqsManagedSseEnabled") == Some("true");
    if let Some(check) = unreadable(queue, WHAT.to_owned()) {
        return check;
    }
    match queue.attribute("KmsMasterKeyId") {
        Some(key) => {
            let advice = "Its policy must allow events.amazonaws.com kms:GenerateDataKey and kms:Decrypt, and \
                          whoever receives needs kms:Decrypt. That can't be seen from here.";
            Check::look(WHAT, format!("by the key {key}"), advice)
        }
        None if by_sqs => Check::good(WHAT, "by SQS"),
        None => {
            let advice = "Messages hold personal data of your users.";
            Check::look(WHAT, "none", advice).mended_by(SETUP)
        }
    }
}

/// Under AWS's own key no service may send: its policy can't be changed (SQS developer guide, "Configure KMS
/// permissions for AWS services").
pub(super) fn unreadable(queue: &FoundQueue, what: String) -> Option<Check> {
    let key = queue.attribute("KmsMasterKeyId").filter(|key| key.ends_with("alias/aws/sqs"))?;
    let advice = "EventBridge can't send under AWS's own key. SQS's own encryption, or a key of yours, lets it.";
    Some(Check::bad(what, format!("by the key {key}"), advice).mended_by(SETUP))
}

/// For how long a queue keeps messages.
pub(super) fn kept(queue: &FoundQueue) -> Duration {
    seconds(queue, "MessageRetentionPeriod")
}

/// More than this waits longer than a poll or two.
const BACKLOG_GOOD: u64 = 1_000;

fn backlog(queue: &FoundQueue) -> Check {
    let messages = queue.messages();
    let found = format!("about {messages} messages");
    if messages > BACKLOG_GOOD {
        let advice =
            "More comes than is taken. Is a gateway running on this queue, and its journal quick?";
        return Check::look("queue", found, advice).mended_by("twinstream healthcheck");
    }
    Check::good("queue", found)
}

fn dead_letters(facts: &Facts, queue: &FoundQueue) -> Check {
    const WHAT: &str = "dead-letter queue of the queue";
    let redrive = queue.attribute("RedrivePolicy");
    let redrive: Option<Value> = redrive.and_then(|text| serde_json::from_str(text).ok());
    let Some(redrive) = redrive else {
        let advice = "A message that can't be taken comes again until the queue's retention is over, and is \
                      then gone without a trace.";
        return Check::bad(WHAT, "none", advice).mended_by(SETUP);
    };
    let most = &redrive["maxReceiveCount"];
    // A number, or as text: the console writes one, tools the other.
    let most = most.as_u64().or_else(|| most.as_str()?.parse().ok()).unwrap_or(0);
    if most <= 1 {
        let advice = "A message that is received once and not deleted, as when the gateway is stopped at the \
                      wrong moment, is a dead letter at once.";
        return Check::bad(WHAT, format!("after {most} receive"), advice).mended_by(SETUP);
    }
    match &facts.survey.dead_letters {
        Some(Ok(Some(letters))) => letters_of(WHAT, letters, queue, most),
        Some(Err(error)) => not_read(WHAT, error),
        Some(Ok(None)) | None => {
            let advice =
                "Its redrive policy names a queue that is not there: SQS keeps receiving in vain.";
            Check::bad(WHAT, "named, and not there", advice).mended_by(SETUP)
        }
    }
}

fn letters_of(what: &str, letters: &FoundQueue, queue: &FoundQueue, receives: u64) -> Check {
    if let Some(check) = shut_out(what, letters, queue) {
        return check;
    }
    let (in_letters, of_queue) = (kept(letters), kept(queue));
    let found = format!(
        "after {receives} receives, kept for {}, about {} messages",
        spoken(in_letters),
        letters.messages()
    );
    if in_letters <= of_queue {
        // SQS: a message keeps the time at which it came to the first queue (developer guide, "Dead-letter
        // queues").
        let advice = "Not longer than the queue itself keeps messages: the time in the queue counts, so \
                      that a dead letter may be gone as it gets there. 14 days are good.";
        // The longest that there is: the queue could only keep less.
        if in_letters >= aws::DEAD_LETTER_RETENTION {
            return Check::look(what, found, advice);
        }
        return Check::bad(what, found, advice).mended_by(SETUP);
    }
    if letters.messages() > 0 {
        let advice = "See what they are, and put them back.";
        return Check::look(what, found, advice).mended_by("twinstream dead-letters list");
    }
    Check::good(what, found)
}

/// A redrive-allow policy that keeps this queue's letters out (API reference, `SetQueueAttributes`).
fn shut_out(what: &str, letters: &FoundQueue, queue: &FoundQueue) -> Option<Check> {
    let allow: Value = serde_json::from_str(letters.attribute("RedriveAllowPolicy")?).ok()?;
    let own = queue.attribute("QueueArn")?;
    let found = match allow["redrivePermission"].as_str()? {
        "denyAll" => "takes letters of no queue",
        "byQueue" => {
            let sources = allow["sourceQueueArns"].as_array();
            let is_named = sources.is_some_and(|all| all.iter().any(|arn| arn == own));
            (!is_named).then_some("takes letters of other queues alone")?
        }
        _ => return None,
    };
    let advice =
        "SQS can't move a message there that was received too often: it comes again and again.";
    Some(Check::bad(what, found, advice).mended_by(SETUP))
}

fn seconds(queue: &FoundQueue, attribute: &str) -> Duration {
    let text = queue.attribute(attribute);
    Duration::from_secs(text.and_then(|text| text.parse().ok()).unwrap_or(0))
}

fn spoken(time: Duration) -> String {
    let hours = time.as_secs() / 3_600;
    if hours >= 48 { format!("{} days", hours / 24) } else { format!("{hours} h") }
}
