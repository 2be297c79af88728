//! Sending events to a queue, in the envelope that EventBridge puts around them.

use std::sync::Arc;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata as _;
use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Answer, BusCarrier, Letter, Unreachable, refused};
use crate::event::Timestamp;

/// Sends events to a queue as a rule of EventBridge would.
#[derive(Debug, Clone)]
pub struct QueueCarrier {
    client: Client,
    url: Arc<str>,
    source: Arc<str>,
}

/// What EventBridge sends to a target (user guide, "AWS service event metadata").
#[derive(Serialize)]
struct Envelope<'a> {
    version: &'static str,
    id: String,
    #[serde(rename = "detail-type")]
    detail_type: &'a str,
    source: &'a str,
    account: &'static str,
    time: Timestamp,
    region: &'static str,
    resources: [&'static str; 0],
    detail: &'a RawValue,
}

impl QueueCarrier {
    /// Sends to the queue of this URL. The client must not repeat calls by itself.
    pub fn new(client: Client, url: &str) -> Self {
        Self { client, url: url.into(), source: BusCarrier::SOURCE.into() }
    }

    /// Gives all envelopes this source.
    #[must_use]
    pub fn source(self, source: &str) -> Self {
        Self { source: source.into(), ..self }
    }

    pub(super) async fn reach(&self) -> Result<(), Unreachable> {
        let call = self.client.get_queue_attributes().queue_url(&*self.url);
        let asked = call.attribute_names(QueueAttributeName::QueueArn).send().await;
        let Err(error) = asked else { return Ok(()) };
        let there = || format!("the queue {}", self.url);
        let is_missing = error.code().is_some_and(|code| {
            code.ends_with("QueueDoesNotExist") || code.ends_with("NonExistentQueue")
        });
        match refused::of_call(&error) {
            _ if is_missing => Err(Unreachable { what: there(), why: "it does not exist".into() }),
            Answer::NotSent(why) | Answer::Unanswered(why) => {
                Err(Unreachable { what: there(), why: why.to_string() })
            }
            // No right to look, say. Sending may be allowed all the same.
            Answer::Status(_) | Answer::Taken | Answer::Busy(_) | Answer::Refused(_) => Ok(()),
        }
    }

    pub(super) async fn send(&self, letters: &[Letter], now: Timestamp) -> Vec<Answer> {
        let mut answers = vec![Answer::Refused("no JSON".into()); letters.len()];
        let mut entries = Vec::with_capacity(letters.len());
        for (position, letter) in letters.iter().enumerate() {
            if let Some(entry) = self.entry(position, letter, now)
                && let Some(answer) = answers.get_mut(position)
            {
                *answer = Answer::Unanswered("no answer".into());
                entries.push(entry);
            }
        }
        let call = self.client.send_message_batch().queue_url(&*self.url);
        let sent = match call.set_entries(Some(entries)).send().await {
            Ok(sent) => sent,
            Err(error) => return vec![refused::of_call(&error); letters.len()],
        };
        let taken = sent.successful().iter().map(|entry| (entry.id(), Answer::Taken));
        let failed = sent.failed().iter().map(|entry| (entry.id(), refused::of_code(entry.code())));
        for (id, answer) in taken.chain(failed) {
            let place = id.parse::<usize>().ok().and_then(|position| answers.get_mut(position));
            if let Some(place) = place {
                *place = answer;
            }
        }
        answers
    }

    fn entry(
        &self,
        position: usize,
        letter: &Letter,
        now: Timestamp,
    ) -> Option<SendMessageBatchRequestEntry> {
        let id = uuid();
        let body = envelope(letter, &self.source, id.clone(), now)?;
        let entry =
            SendMessageBatchRequestEntry::builder().id(position.to_string()).message_body(body);
        let entry = if self.url.ends_with(".fifo") {
            entry.message_group_id("auth0").message_deduplication_id(id)
        } else {
            entry
        };
        entry.build().ok()
    }
}

fn envelope(letter: &Letter, source: &str, id: String, now: Timestamp) -> Option<String> {
    let envelope = Envelope {
        version: "0",
        id,
        detail_type: letter.kind,
        source,
        account: "000000000000",
        // EventBridge's have whole seconds.
        time: Timestamp::from_millis(now.as_seconds().saturating_mul(1_000)),
        region: "us-east-1",
        resources: [],
        detail: serde_json::from_str(&letter.json).ok()?,
    };
    serde_json::to_string(&envelope).ok()
}

/// EventBridge's own id of an event, in the form of a UUID; nobody pairs by it.
fn uuid() -> String {
    let number = fastrand::u128(..);
    let hex = format!("{number:032x}");
    let part = |from, to| hex.get(from..to).unwrap_or_default();
    let (low, middle, high) = (part(0, 8), part(8, 12), part(13, 16));
    format!("{low}-{middle}-4{high}-8{}-{}", part(17, 20), part(20, 32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_envelope_is_eventbridges() {
        let detail = r#"{"id": "evt_1",  "n": 1.50}"#;
        let letter = Letter { kind: "user.updated", json: detail.into() };
        let now = Timestamp::from_millis(1_772_356_544_960);
        let body = envelope(&letter, "a-source", "an-id".into(), now).unwrap();
        assert_eq!(
            body,
            format!(
                r#"{{"version":"0","id":"an-id","detail-type":"user.updated","source":"a-source","account":"000000000000","time":"2026-03-01T09:15:44Z","region":"us-east-1","resources":[],"detail":{detail}}}"#
            ),
            "the event's own bytes are left alone"
        );
        let broken = Letter { json: "{".into(), ..letter };
        assert_eq!(envelope(&broken, "a-source", String::new(), now), None);
    }

    #[test]
    fn ids_look_like_uuids() {
        let id = uuid();
        let lengths: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_ne!(id, uuid());
    }
}
