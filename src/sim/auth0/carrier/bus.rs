//! Putting events on an event bus.

use std::sync::Arc;

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::error::ProvideErrorMetadata as _;
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, PutEventsResultEntry};

use super::{Answer, Letter, Unreachable, refused};
use crate::event::Timestamp;

/// Puts events on an event bus, as Auth0 would if the bus were its partner's. AWS lets nobody else put
/// events of a source that begins with `aws.`, so the source is another.
#[derive(Debug, Clone)]
pub struct BusCarrier {
    client: Client,
    bus: Arc<str>,
    source: Arc<str>,
    detail_type: Option<Arc<str>>,
}

impl BusCarrier {
    /// The source of its events unless another is given.
    pub const SOURCE: &str = "auth0.com/simulated/auth0.events";

    /// Puts on the bus of this name or ARN. The client must not repeat calls by itself.
    pub fn new(client: Client, bus: &str, source: &str) -> Self {
        Self { client, bus: bus.into(), source: source.into(), detail_type: None }
    }

    /// Gives all events this `detail-type`. What Auth0's is, is not documented; it is the event's type
    /// otherwise.
    #[must_use]
    pub fn detail_type(self, detail_type: &str) -> Self {
        Self { detail_type: Some(detail_type.into()), ..self }
    }

    /// AWS takes events for a bus that does not exist, and drops them (user guide, "Sending events with
    /// `PutEvents`"); so the bus is looked for first.
    pub(super) async fn reach(&self) -> Result<(), Unreachable> {
        let looked = self.client.describe_event_bus().name(&*self.bus).send().await;
        let Err(error) = looked else { return Ok(()) };
        let there = || format!("the event bus {}", self.bus);
        match refused::of_call(&error) {
            _ if error.code() == Some("ResourceNotFoundException") => {
                Err(Unreachable { what: there(), why: "it does not exist".into() })
            }
            Answer::NotSent(why) | Answer::Unanswered(why) => {
                Err(Unreachable { what: there(), why: why.to_string() })
            }
            // No right to look, say. Putting may be allowed all the same.
            Answer::Status(_) | Answer::Taken | Answer::Busy(_) | Answer::Refused(_) => Ok(()),
        }
    }

    pub(super) async fn put(&self, letters: &[Letter], now: Timestamp) -> Vec<Answer> {
        let entries = letters.iter().map(|letter| self.entry(letter, now)).collect();
        let put = self.client.put_events().set_entries(Some(entries)).send().await;
        let answers: Vec<Answer> = match put {
            Ok(put) => put.entries().iter().map(of_entry).collect(),
            Err(error) => vec![refused::of_call(&error); letters.len()],
        };
        let missing = letters.len().saturating_sub(answers.len());
        let unknown = std::iter::repeat_n(Answer::Unanswered("no answer".into()), missing);
        answers.into_iter().chain(unknown).take(letters.len()).collect()
    }

    fn entry(&self, letter: &Letter, now: Timestamp) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(&*self.bus)
            .source(&*self.source)
            .detail_type(self.detail_type.as_deref().unwrap_or(letter.kind))
            .detail(&*letter.json)
            .time(DateTime::from_secs(now.as_seconds()))
            .build()
    }
}

fn of_entry(entry: &PutEventsResultEntry) -> Answer {
    match (entry.error_code(), entry.event_id()) {
        (Some(code), _) => refused::of_code(code),
        (None, Some(_)) => Answer::Taken,
        (None, None) => Answer::Unanswered("no answer".into()),
    }
}
