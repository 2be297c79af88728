//! EventBridge and SQS, around the queue of the configuration.

mod rule;

use std::fmt::Display;
use std::time::Duration;

use serde_json::Value;

use super::Check;
use crate::event::Timestamp;
use crate::provision::aws::{self, CallError, FoundQueue, SourceStanding, SourceState, Survey};
use crate::routing::Pattern;
use crate::telemetry::Chain;

/// What is so at AWS, and what the configuration wants of it.
#[derive(Debug)]
pub struct Facts {
    /// The time now.
    pub now: Timestamp,
    /// What was found.
    pub survey: Survey,
    /// The longest that a message may be worked on before it is deleted.
    pub work: Duration,
    /// The routes, by name.
    pub routes: Vec<(String, Pattern)>,
}

/// The command that sets things right.
const SETUP: &str = "twinstream setup aws";
/// A queue that keeps messages for less loses a weekend.
const RETENTION_GOOD: Duration = aws::RETENTION;

/// All checks at AWS.
pub fn checks(facts: &Facts) -> Vec<Check> {
    let mut checks = sources(facts);
    let queue = match &facts.survey.queue {
        Ok(Some(queue)) => queue,
        Ok(None) => {
            let advice = "The door of eventbridge has nothing to take from.";
            checks.push(Check::bad("queue", "there is none at this URL", advice).mended_by(SETUP));
            return checks;
        }
        Err(error) => {
            checks.push(not_read("queue", error));
            return checks;
        }
    };
    checks.extend(of_queue(facts, queue));
    checks.push(dead_letters(facts, queue));
    checks.extend(rule::checks(facts, queue));
    checks
}

/// A call that failed: a permission that is missing is named.
fn not_read(what: impl Display, error: &CallError) -> Check {
    if error.is_denied() {
        let advice = format!(
            "Give it to whoever runs this: config/iam/doctor.json has all that looking takes. Without {}, \
             this can't be looked at.",
            error.permission()
        );
        return Check::bad(what.to_string(), Chain(error).to_string(), advice);
    }
    let advice = "Are the region, the credentials and the network right?";
    Check::not_asked(what.to_string(), Chain(error).to_string(), advice)
}

fn sources(facts: &Facts) -> Vec<Check> {
    const WHAT: &str = "partner event source";
    let listed = match &facts.survey.sources {
        Ok(listed) => listed,
        Err(error) => return vec![not_read(WHAT, error)],
    };
    if listed.is_empty() {
        let advice = "Auth0 has no EventBridge stream for this account and region, or this is another \
                      account or region.";
        return vec![Check::bad(WHAT, "none", advice).mended_by("twinstream setup auth0 streams")];
    }
    listed.iter().map(|source| one_source(facts, source)).collect()
}

fn one_source(facts: &Facts, source: &SourceStanding) -> Check {
    let what = format!("partner event source {}", source.name);
    let found = source.state.words(facts.now);
    if source.name.ends_with("/auth0.logs") {
        let advice = "It is of a log stream, another product of Auth0; events of users come by one that \
                      ends in /auth0.events.";
        return Check::look(what, found, advice);
    }
    match &source.state {
        SourceState::Active => Check::good(what, found),
        SourceState::Pending { .. } => {
            let advice =
                "No bus is associated with it: everything that Auth0 sends is dropped, and gone.";
            Check::bad(what, found, advice).mended_by(format!("{SETUP} --source {}", source.name))
        }
        SourceState::Deleted => {
            let advice = "Auth0's stream is gone; its bus and rule bring nothing any more.";
            Check::look(what, found, advice).mended_by("twinstream setup auth0 streams")
        }
        SourceState::Unknown(_) => {
            Check::look(what, found, "Whether its events come can't be told from this.")
        }
    }
}

fn of_queue(facts: &Facts, queue: &FoundQueue) -> Vec<Check> {
    vec![
        visibility(facts, queue),
        long_poll(queue),
        retention(queue),
        encryption(queue),
        backlog(queue),
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
    match queue.attribute("KmsMasterKeyId") {
        Some(key) => Check::good(WHAT, format!("by the key {key}")),
        None if by_sqs => Check::good(WHAT, "by SQS"),
        None => {
            let advice = "Messages hold personal data of your users.";
            Check::look(WHAT, "none", advice).mended_by(SETUP)
        }
    }
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
    let (kept, of_queue) =
        (seconds(letters, "MessageRetentionPeriod"), seconds(queue, "MessageRetentionPeriod"));
    let found = format!(
        "after {receives} receives, kept for {}, about {} messages",
        spoken(kept),
        letters.messages()
    );
    if kept <= of_queue {
        // SQS: a message keeps the time at which it came to the first queue (developer guide, "Dead-letter
        // queues").
        let advice = "Not longer than the queue itself keeps messages: the time in the queue counts, so \
                      that a dead letter may be gone as it gets there. 14 days are good.";
        return Check::bad(what, found, advice).mended_by(SETUP);
    }
    if letters.messages() > 0 {
        let advice = "See what they are, and put them back.";
        return Check::look(what, found, advice).mended_by("twinstream dead-letters list");
    }
    Check::good(what, found)
}

fn seconds(queue: &FoundQueue, attribute: &str) -> Duration {
    let text = queue.attribute(attribute);
    Duration::from_secs(text.and_then(|text| text.parse().ok()).unwrap_or(0))
}

fn spoken(time: Duration) -> String {
    let hours = time.as_secs() / 3_600;
    if hours >= 48 { format!("{} days", hours / 24) } else { format!("{hours} h") }
}

#[cfg(test)]
mod tests;
