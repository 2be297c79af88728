//! A dead letter, wherever it lies.

use std::collections::HashMap;

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName as System};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::Timestamp;
use crate::journal::{Letter, LetterFilter, LetterSource};
use crate::normalize;
use crate::routing::Pattern;

/// A dead letter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Where it lies.
    pub source: LetterSource,
    /// Names it there: the event's id and the route, or the SQS `MessageId`.
    pub letter: String,
    /// The event's id; none when a message can't be understood.
    pub id: Option<String>,
    /// The CloudEvent's type.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// What it is about.
    pub subject: Option<String>,
    /// When it happened, by Auth0's clock.
    pub time: Option<Timestamp>,
    /// The route, or the ARN of the rule.
    pub route: Option<String>,
    /// The route is not in the configuration any more: the letter can't be put back.
    pub route_gone: bool,
    /// The target, or the ARN of the rule's target.
    pub target: Option<String>,
    /// Why it is dead.
    pub reason: String,
    /// Since when; of a message, when it was sent to the queue that it came from.
    pub died_at: Option<Timestamp>,
    /// Attempts, or receives before it was dead.
    pub attempts: Option<u32>,
    /// How often it was put back before.
    pub redrives: u32,
    /// The last answer's HTTP status.
    pub status: Option<u16>,
    /// What went wrong at the last attempt; EventBridge's error code.
    pub error: Option<String>,
    /// The beginning of the last answer, with secrets taken out.
    pub answer: Option<String>,
}

impl DeadLetter {
    /// One of the journal. `routes` are the names of the configuration's routes.
    pub(super) fn in_journal(letter: Letter, routes: &[String]) -> Self {
        Self {
            route_gone: !routes.contains(&letter.route),
            source: LetterSource::Journal,
            letter: format!("{}/{}", letter.id, letter.route),
            id: Some(letter.id),
            kind: Some(letter.kind),
            subject: Some(letter.subject),
            time: Some(letter.time),
            route: Some(letter.route),
            target: Some(letter.target),
            reason: letter.reason,
            died_at: Some(letter.died_at),
            attempts: Some(letter.attempts),
            redrives: letter.redrives,
            status: letter.status,
            error: letter.error,
            answer: letter.answer,
        }
    }

    /// Its way, `route → target`, with ARNs as what they name; `–` when nobody knows it.
    pub fn way(&self) -> String {
        let name = |name: &Option<String>| name.as_deref().map_or("", last_part).to_owned();
        match (name(&self.route), name(&self.target)) {
            (route, target) if route.is_empty() && target.is_empty() => "–".to_owned(),
            (route, target) => format!("{route} → {target}"),
        }
    }
}

/// Of an ARN, the last part: `name` of `arn:aws:events:<region>:<account>:rule/<bus>/name` (IAM user
/// guide, "Amazon Resource Names").
fn last_part(name: &str) -> &str {
    let parts = |name| str::rsplit(name, [':', '/']);
    if name.starts_with("arn:") { parts(name).next().unwrap_or(name) } else { name }
}

/// A letter found in a queue.
#[derive(Debug)]
pub(super) struct Found {
    pub letter: DeadLetter,
    pub body: String,
    /// The CloudEvent in it; null when there is none.
    pub event: Value,
    /// Names this receipt of the message towards SQS.
    pub handle: String,
    /// The group of a FIFO queue's message.
    pub group: Option<String>,
}

/// The attributes that EventBridge puts on a dead letter of a rule's target (user guide, "Using
/// dead-letter queues to process undelivered events").
const RULE_ARN: &str = "RULE_ARN";
const TARGET_ARN: &str = "TARGET_ARN";
const ERROR_CODE: &str = "ERROR_CODE";
const ERROR_MESSAGE: &str = "ERROR_MESSAGE";
const RETRY_ATTEMPTS: &str = "RETRY_ATTEMPTS";

impl Found {
    /// Reads a message of the SDK; `None` if it has no receipt handle, which SQS always gives.
    pub(super) fn read(source: LetterSource, message: Message) -> Option<Self> {
        let handle = message.receipt_handle?;
        let body = message.body.unwrap_or_default();
        let system = message.attributes.unwrap_or_default();
        let own: HashMap<String, String> = message
            .message_attributes
            .unwrap_or_default()
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.string_value?)))
            .collect();
        let sent = system.get(&System::SentTimestamp).and_then(|text| text.parse().ok());
        let attempts = own.get(RETRY_ATTEMPTS).and_then(|text| text.parse().ok());
        let mut letter = DeadLetter {
            source,
            letter: message.message_id.unwrap_or_default(),
            id: None,
            kind: None,
            subject: None,
            time: None,
            route: own.get(RULE_ARN).cloned(),
            route_gone: false,
            target: own.get(TARGET_ARN).cloned(),
            reason: reason(source, &own),
            died_at: sent.map(Timestamp::from_millis),
            attempts,
            redrives: 0,
            status: None,
            error: own.get(ERROR_CODE).cloned(),
            answer: None,
        };
        let mut event = Value::Null;
        if let Ok(understood) = normalize::queue_message(body.as_bytes()) {
            let understood = understood.event;
            event = serde_json::from_str(&understood.payload).unwrap_or_default();
            letter.id = Some(understood.id.as_str().to_owned());
            letter.kind = Some(understood.kind.into());
            letter.subject = Some(understood.subject.into());
            letter.time = Some(understood.time);
        }
        let group = system.get(&System::MessageGroupId).cloned();
        Some(Self { letter, body, event, handle, group })
    }

    /// Whether the filter leaves it. Of a message nobody knows whether it was given up or refused for good.
    pub(super) fn is_left_by(&self, filter: &LetterFilter, pattern: &Pattern) -> bool {
        let letter = &self.letter;
        let is =
            |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
        let subject = letter.subject.as_deref().unwrap_or_default();
        let of_subject = |wanted: &str| {
            wanted == subject || subject.split_once(':').is_some_and(|(_, name)| name == wanted)
        };
        let has = |part: &str| {
            letter.reason.contains(part)
                || letter.error.as_ref().is_some_and(|error| error.contains(part))
        };
        let is_named =
            |name: &Option<String>| name.as_ref().is_some_and(|name| filter.ids.contains(name));
        (filter.ids.is_empty() || filter.ids.contains(&letter.letter) || is_named(&letter.id))
            && is(&filter.target, &letter.target)
            && is(&filter.route, &letter.route)
            && is(&filter.kind, &letter.kind)
            && filter.subject.as_deref().is_none_or(of_subject)
            && filter.error.as_deref().is_none_or(has)
            && filter.from.is_none_or(|from| letter.died_at.is_some_and(|died| died >= from))
            && filter.to.is_none_or(|to| letter.died_at.is_some_and(|died| died < to))
            && (matches!(pattern, Pattern::Every) || pattern.matches(&self.event))
    }
}

fn reason(source: LetterSource, own: &HashMap<String, String>) -> String {
    match (own.get(ERROR_CODE), own.get(ERROR_MESSAGE)) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(text), None) | (None, Some(text)) => text.clone(),
        (None, None) if source == LetterSource::Rule => {
            "EventBridge could not put it into the queue".to_owned()
        }
        (None, None) => "received from the queue too often without being deleted".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::types::MessageAttributeValue;
    use serde_json::json;

    use super::*;

    fn found(source: LetterSource, body: &str, attributes: &[(&str, &str)]) -> Found {
        let mut message = Message::builder()
            .message_id("m-1")
            .receipt_handle("r-1")
            .body(body)
            .attributes(System::SentTimestamp, "1700000000123");
        for (name, value) in attributes {
            let value = MessageAttributeValue::builder().data_type("String").string_value(*value);
            message = message.message_attributes(*name, value.build().unwrap());
        }
        Found::read(source, message.build()).unwrap()
    }

    fn body() -> String {
        let event = json!({
            "id": "evt_1", "specversion": "1.0", "type": "user.updated",
            "source": "urn:auth0:acme", "time": "2026-03-01T09:15:44.96Z", "a0tenant": "acme",
            "data": {"object": {"user_id": "auth0|1", "blocked": true}}
        });
        json!({"version": "0", "detail-type": "x", "source": "aws.partner/auth0.com/a/auth0.events",
            "detail": event})
        .to_string()
    }

    #[test]
    fn a_letter_of_a_rule_says_what_event_bridge_said() {
        let attributes = [
            ("ERROR_CODE", "NO_PERMISSIONS"),
            ("ERROR_MESSAGE", "not allowed"),
            ("RULE_ARN", "arn:aws:events:::rule/r"),
            ("TARGET_ARN", "arn:aws:sqs:::q"),
            ("RETRY_ATTEMPTS", "185"),
        ];
        let letter = found(LetterSource::Rule, &body(), &attributes).letter;
        assert_eq!(letter.reason, "NO_PERMISSIONS: not allowed");
        assert_eq!(letter.error.as_deref(), Some("NO_PERMISSIONS"));
        assert_eq!(letter.route.as_deref(), Some("arn:aws:events:::rule/r"));
        assert_eq!(letter.target.as_deref(), Some("arn:aws:sqs:::q"));
        assert_eq!((letter.attempts, letter.id.as_deref()), (Some(185), Some("evt_1")));
        assert_eq!(letter.died_at, Some(Timestamp::from_millis(1_700_000_000_123)));
    }

    #[test]
    fn an_arn_is_shortened_to_what_it_names() {
        for (name, expected) in [
            ("arn:aws:events:eu-west-1:123456789012:rule/aws.partner/a/users", "users"),
            ("arn:aws:sqs:eu-west-1:123456789012:q", "q"),
            ("to-app", "to-app"),
            ("a:b/c", "a:b/c"),
        ] {
            assert_eq!(last_part(name), expected);
        }
    }

    #[track_caller]
    fn check(filter: &LetterFilter, pattern: &Value, expected: bool) {
        let pattern = Pattern::parse(pattern).unwrap();
        let found = found(LetterSource::Queue, &body(), &[]);
        assert_eq!(found.is_left_by(filter, &pattern), expected, "{filter:?}");
    }

    #[test]
    fn filters_leave_what_they_ask_for() {
        let every = json!({"id": [{"exists": true}]});
        let none = LetterFilter::default;
        let some = |text: &str| Some(text.to_owned());
        check(&none(), &every, true);
        check(&none(), &json!({"data": {"object": {"blocked": [false]}}}), false);
        check(&LetterFilter { ids: vec!["evt_1".into()], ..none() }, &every, true);
        check(&LetterFilter { ids: vec!["m-1".into()], ..none() }, &every, true);
        check(&LetterFilter { ids: vec!["evt_2".into()], ..none() }, &every, false);
        check(&LetterFilter { kind: some("user.updated"), ..none() }, &every, true);
        check(&LetterFilter { kind: some("user.deleted"), ..none() }, &every, false);
        check(&LetterFilter { subject: some("auth0|1"), ..none() }, &every, true);
        check(&LetterFilter { subject: some("user:auth0|1"), ..none() }, &every, true);
        check(&LetterFilter { subject: some("auth0|2"), ..none() }, &every, false);
        check(&LetterFilter { error: some("too often"), ..none() }, &every, true);
        check(&LetterFilter { error: some("403"), ..none() }, &every, false);
        check(&LetterFilter { target: some("app"), ..none() }, &every, false);
        let at = Timestamp::from_millis(1_700_000_000_123);
        check(&LetterFilter { from: Some(at), ..none() }, &every, true);
        check(&LetterFilter { to: Some(at), ..none() }, &every, false);
    }

    #[test]
    fn what_is_no_event_is_a_letter_all_the_same() {
        let found = found(LetterSource::Queue, "no json", &[]);
        assert_eq!((found.letter.id.as_deref(), found.event.is_null()), (None, true));
        assert!(found.is_left_by(&LetterFilter::default(), &Pattern::Every));
    }
}
