//! How a queue is to be, and in what it differs.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::found::{FoundQueue, Place};
use super::policy::{self, Merged};
use super::{DEAD_LETTER_RETENTION, Names, Setting, WAIT, Wanted};

/// Attribute texts by name, as `SetQueueAttributes` takes them.
pub(super) type Attributes = BTreeMap<String, String>;

/// How one queue is to be.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct WantedQueue {
    pub(super) name: String,
    /// In whole seconds, by their names.
    numbers: Vec<(&'static str, Setting<u64>)>,
    /// The dead-letter queue's ARN, and after how many receives.
    redrive: Option<(String, Setting<u32>)>,
    /// Our statements of the policy.
    statements: Vec<Value>,
}

/// In what a queue differs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Difference {
    /// What is to be set.
    pub(super) attributes: Attributes,
    /// The same for people, one line each.
    pub(super) lines: Vec<String>,
}

impl WantedQueue {
    /// The queue that the SQS door takes from.
    pub(super) fn main(wanted: &Wanted, place: &Place) -> Self {
        let Names { queue, dead_letters, rule, .. } = &wanted.names;
        let rule_arn = place.rule(wanted.source.as_str(), rule);
        Self {
            name: queue.clone(),
            numbers: vec![
                ("VisibilityTimeout", seconds(wanted.visibility)),
                (RETENTION_NAME, seconds(wanted.retention)),
                ("ReceiveMessageWaitTimeSeconds", seconds(Setting::new(None, WAIT))),
            ],
            redrive: Some((place.queue(dead_letters), wanted.receives_max)),
            statements: policy::statements(&place.queue(queue), Some(&rule_arn)),
        }
    }

    /// The queue's dead-letter queue. SQS itself moves messages there, and needs no statement for it.
    pub(super) fn dead_letters(wanted: &Wanted, place: &Place) -> Self {
        let name = wanted.names.dead_letters.clone();
        let statements = policy::statements(&place.queue(&name), None);
        Self { name, numbers: vec![kept(DEAD_LETTER_RETENTION)], redrive: None, statements }
    }

    /// The dead-letter queue of the rule's target.
    pub(super) fn undelivered(wanted: &Wanted, place: &Place) -> Self {
        let name = wanted.names.undelivered.clone();
        let rule_arn = place.rule(wanted.source.as_str(), &wanted.names.rule);
        let statements = policy::statements(&place.queue(&name), Some(&rule_arn));
        Self { name, numbers: vec![kept(DEAD_LETTER_RETENTION)], redrive: None, statements }
    }

    /// All attributes of a new queue.
    pub(super) fn fresh(&self) -> Difference {
        self.difference(&FoundQueue::default())
    }

    /// In what this queue differs.
    pub(super) fn difference(&self, found: &FoundQueue) -> Difference {
        let mut difference = Difference::default();
        for (name, wanted) in &self.numbers {
            let held = found.attribute(name);
            if let Some(wanted) = wanted.instead_of(held) {
                difference.tell(name, held, &wanted.to_string());
                let is_shorter =
                    held.and_then(|held| held.parse().ok()).is_some_and(|held: u64| wanted < held);
                if *name == RETENTION_NAME && is_shorter {
                    let lost = format!("messages older than {wanted} s are DELETED by that");
                    difference.lines.push(lost);
                }
                difference.attributes.insert((*name).to_owned(), wanted.to_string());
            }
        }
        encryption(found, &mut difference);
        self.redrive(found, &mut difference);
        self.policy(found, &mut difference);
        difference
    }

    /// In what a queue of somebody else's differs from what EventBridge needs of it.
    pub(super) fn needs(&self, found: &FoundQueue) -> Difference {
        let mut difference = Difference::default();
        // Without a rule that sends there it needs nothing.
        if self.statements.len() > 1 {
            self.policy(found, &mut difference);
        }
        difference
    }

    fn policy(&self, found: &FoundQueue, difference: &mut Difference) {
        if let Merged::Changed { text, others } =
            policy::merged(found.attribute("Policy"), &self.statements)
        {
            let sender = match policy::senders_of(&text) {
                0 => String::new(),
                1 => "this rule alone may send, ".to_owned(),
                several => format!("this rule and {} more that it let in may send, ", several - 1),
            };
            let kept = match others {
                0 => String::new(),
                others => format!("; {others} of other statements kept"),
            };
            difference.lines.push(format!("Policy: {sender}TLS only{kept}"));
            difference.attributes.insert("Policy".into(), text);
        }
    }

    fn redrive(&self, found: &FoundQueue, difference: &mut Difference) {
        const NAME: &str = "RedrivePolicy";
        let text = found.attribute(NAME);
        let Some((arn, receives_max)) = &self.redrive else {
            // A dead-letter queue is looked into by receiving; letters must not move on by that.
            if text.is_some() {
                difference.tell(NAME, text, "none");
                difference.attributes.insert(NAME.into(), String::new());
            }
            return;
        };
        let held: Value = text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let (held_arn, held_max) =
            (text_of(&held["deadLetterTargetArn"]), text_of(&held["maxReceiveCount"]));
        let wanted_max = receives_max.instead_of(held_max.as_deref());
        if held_arn.as_ref() == Some(arn) && wanted_max.is_none() {
            return;
        }
        if held_arn.as_ref() != Some(arn) {
            difference.tell("deadLetterTargetArn", held_arn.as_deref(), arn);
        }
        if let Some(wanted_max) = wanted_max {
            difference.tell("maxReceiveCount", held_max.as_deref(), &wanted_max.to_string());
        }
        let stays = held_max.and_then(|held| held.parse().ok()).unwrap_or(receives_max.value);
        let receives_max = wanted_max.unwrap_or(stays);
        let policy = json!({"deadLetterTargetArn": arn, "maxReceiveCount": receives_max});
        difference.attributes.insert(NAME.into(), policy.to_string());
    }
}

impl Difference {
    fn tell(&mut self, name: &str, found: Option<&str>, wanted: &str) {
        self.lines.push(match found {
            Some(found) => format!("{name}: {found} → {wanted}"),
            None => format!("{name}: {wanted}"),
        });
    }
}

impl<T: Copy + Ord + std::str::FromStr> Setting<T> {
    /// What is to be set where this is held; `None` where that may stay.
    fn instead_of(&self, held: Option<&str>) -> Option<T> {
        let held: Option<T> = held.and_then(|held| held.parse().ok());
        let stays =
            held.is_some_and(
                |held| {
                    if self.is_asked { held == self.value } else { held >= self.value }
                },
            );
        (!stays).then_some(self.value)
    }
}

/// A key of the user's own is stricter, and stays. Under AWS's own key no service may send: its policy can't be
/// changed (SQS developer guide, "Configure KMS permissions for AWS services").
fn encryption(found: &FoundQueue, difference: &mut Difference) {
    const NAME: &str = "SqsManagedSseEnabled";
    const KEY: &str = "KmsMasterKeyId";
    let key = found.attribute(KEY);
    if let Some(key) = key.filter(|key| key.ends_with("alias/aws/sqs")) {
        difference
            .lines
            .push(format!("{KEY}: {key} → none, since EventBridge can't send under it"));
        difference.attributes.insert(KEY.into(), String::new());
    } else if key.is_some() {
        return;
    }
    if found.attribute(NAME) != Some("true") {
        difference.tell(NAME, found.attribute(NAME), "true");
        difference.attributes.insert(NAME.into(), "true".into());
    }
}

const RETENTION_NAME: &str = "MessageRetentionPeriod";

fn kept(time: Duration) -> (&'static str, Setting<u64>) {
    (RETENTION_NAME, seconds(Setting::new(None, time)))
}

fn seconds(span: Setting<Duration>) -> Setting<u64> {
    Setting { value: span.value.as_secs(), is_asked: span.is_asked }
}

/// A number may come as text.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Which queues may use a dead-letter queue: this one, beside those of others that are named there already.
/// `None` where it is so.
pub(super) fn redrive_allow(dead_letters: Option<&FoundQueue>, queue_arn: &str) -> Option<String> {
    let text = dead_letters.and_then(|found| found.attribute("RedriveAllowPolicy"));
    let held: Value = text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let sources = held["sourceQueueArns"].as_array().cloned().unwrap_or_default();
    let is_by_queue = held["redrivePermission"] == "byQueue";
    let is_named = sources.iter().any(|arn| arn == queue_arn);
    if is_by_queue && is_named {
        return None;
    }
    // Without a word of it all may come, those of others too, who would be shut out (`SetQueueAttributes`).
    let lets_all_in = text.is_none() || held["redrivePermission"] == "allowAll";
    if lets_all_in && dead_letters.is_some_and(|found| !found.is_ours) {
        return None;
    }
    let mut sources = if is_by_queue { sources } else { Vec::new() };
    sources.push(json!(queue_arn));
    Some(json!({"redrivePermission": "byQueue", "sourceQueueArns": sources}).to_string())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{place, wanted};
    use super::*;

    fn as_wanted(queue: &WantedQueue) -> FoundQueue {
        FoundQueue { attributes: queue.fresh().attributes, ..FoundQueue::default() }
    }

    /// A queue as it should be but for one attribute.
    #[track_caller]
    fn check(queue: &WantedQueue, change: (&str, &str), expected: &[&str]) {
        let mut found = as_wanted(queue);
        assert_eq!(queue.difference(&found), Difference::default());
        found.attributes.insert(change.0.into(), change.1.into());
        let difference = queue.difference(&found);
        assert_eq!(difference.lines, expected);
        found.attributes.extend(difference.attributes);
        assert_eq!(queue.difference(&found), Difference::default(), "it is settled then");
    }

    #[test]
    fn each_attribute_is_mended_alone() {
        let queue = WantedQueue::main(&wanted(), &place());
        check(&queue, ("VisibilityTimeout", "30"), &["VisibilityTimeout: 30 → 90"]);
        check(&queue, ("MessageRetentionPeriod", "60"), &["MessageRetentionPeriod: 60 → 345600"]);
        let wait = "ReceiveMessageWaitTimeSeconds: 0 → 20";
        check(&queue, ("ReceiveMessageWaitTimeSeconds", "0"), &[wait]);
        check(&queue, ("SqsManagedSseEnabled", "false"), &["SqsManagedSseEnabled: false → true"]);
        check(&queue, ("DelaySeconds", "5"), &[]);
        check(&queue, ("Policy", ""), &["Policy: this rule alone may send, TLS only"]);
        let arn = place().queue("auth0-events-dead-letters");
        let policy = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"1"}}"#);
        check(&queue, ("RedrivePolicy", &policy), &["maxReceiveCount: 1 → 3"]);
        let policy = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"3"}}"#);
        check(&queue, ("RedrivePolicy", &policy), &[]);
        let policy = r#"{"deadLetterTargetArn":"other","maxReceiveCount":3}"#;
        let line = format!("deadLetterTargetArn: other → {arn}");
        check(&queue, ("RedrivePolicy", policy), &[&line]);
    }

    #[test]
    fn a_key_of_the_users_own_stays() {
        let queue = WantedQueue::main(&wanted(), &place());
        let mut found = as_wanted(&queue);
        found.attributes.insert("SqsManagedSseEnabled".into(), "false".into());
        found.attributes.insert("KmsMasterKeyId".into(), "alias/mine".into());
        assert_eq!(queue.difference(&found), Difference::default());
    }

    #[test]
    fn dead_letters_are_kept_for_long_and_move_nowhere() {
        for queue in [
            WantedQueue::dead_letters(&wanted(), &place()),
            WantedQueue::undelivered(&wanted(), &place()),
        ] {
            assert_eq!(queue.fresh().attributes["MessageRetentionPeriod"], "1209600");
            check(&queue, ("RedrivePolicy", "{}"), &["RedrivePolicy: {} → none"]);
        }
        let undelivered = WantedQueue::undelivered(&wanted(), &place());
        assert_eq!(undelivered.statements.len(), 2, "the rule puts letters there");
    }

    #[track_caller]
    fn check_allow(text: &str, expected: Option<&[&str]>) {
        let attributes = [("RedriveAllowPolicy".to_owned(), text.to_owned())].into();
        let found = FoundQueue { attributes, is_ours: true, ..FoundQueue::default() };
        let allow = redrive_allow(Some(&found), "q");
        let sources = allow.map(|text| {
            let policy: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(policy["redrivePermission"], "byQueue");
            serde_json::from_value::<Vec<String>>(policy["sourceQueueArns"].clone()).unwrap()
        });
        assert_eq!(sources, expected.map(|arns| arns.iter().map(|&arn| arn.into()).collect()));
    }

    #[test]
    fn a_dead_letter_queue_is_for_those_that_are_named() {
        check_allow("", Some(&["q"]));
        check_allow(r#"{"redrivePermission":"denyAll"}"#, Some(&["q"]));
        check_allow(
            r#"{"redrivePermission":"byQueue","sourceQueueArns":["other"]}"#,
            Some(&["other", "q"]),
        );
        check_allow(r#"{"redrivePermission":"byQueue","sourceQueueArns":["q"]}"#, None);
        // Of somebody else's, all may use it, those too who do.
        assert_eq!(redrive_allow(Some(&FoundQueue::default()), "q"), None);
    }
}
