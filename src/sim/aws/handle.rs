//! The endpoint seen from Rust: faults, ground truth, and events without the public protocol.

use std::sync::Arc;

use super::attributes::Texts;
use super::bus::{NewEvent, Routed, Target};
use super::events::parse_detail;
use super::faults::Faults;
use super::message::{Incoming, MessageId};
use super::queue::Depth;
use super::refusal::{Code, Refusal};
use super::server::Shared;
use super::truth::{Fate, Origin, Record, Totals};

/// A cheap handle to a running endpoint. It works whether or not [`super::Aws::run`] runs, and
/// outages and throttling do not touch it: they are the network's.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(super) shared: Arc<Shared>,
}

impl Handle {
    /// The endpoint's URL, for the clients' `endpoint_url`.
    pub fn url(&self) -> String {
        self.shared.lock().names.url().to_owned()
    }

    /// The URL of a queue of this name, whether it exists or not.
    pub fn queue_url(&self, queue: &str) -> String {
        self.shared.lock().names.queue_url(queue)
    }

    /// The ARN of a queue of this name, whether it exists or not.
    pub fn queue_arn(&self, queue: &str) -> String {
        self.shared.lock().names.queue_arn(queue)
    }

    /// The faults now in force.
    pub fn faults(&self) -> Faults {
        self.shared.lock().dice.faults().clone()
    }

    /// Sets the faults, from the next call on. Long polls notice an outage at once.
    pub fn set_faults(&self, faults: Faults) {
        let mut account = self.shared.lock();
        account.dice.set(faults);
        for held in account.queues.values() {
            held.wake.notify_waiters();
        }
    }

    /// Changes some of the faults, and leaves the rest.
    pub fn change_faults(&self, change: impl FnOnce(&mut Faults)) {
        let mut faults = self.faults();
        change(&mut faults);
        self.set_faults(faults);
    }

    /// Makes a queue with these attributes, as `CreateQueue` does. Gives its URL.
    ///
    /// # Errors
    /// As SQS would refuse it.
    pub fn create_queue(
        &self,
        queue: &str,
        attributes: &[(&str, &str)],
    ) -> Result<String, Refusal> {
        let now = self.shared.clock.now();
        let own = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        let texts: Texts = attributes.iter().map(own).collect();
        let mut account = self.shared.lock();
        account.create_queue(queue, &texts, now)?;
        Ok(account.names.queue_url(queue))
    }

    /// Sends a message to a standard queue, faults included.
    ///
    /// # Errors
    /// As SQS would refuse it.
    pub fn send(&self, queue: &str, body: impl Into<Arc<str>>) -> Result<MessageId, Refusal> {
        let now = self.shared.clock.now();
        let incoming = Incoming::of(body);
        self.shared.lock().send(queue, incoming, Origin::Sent, now).map(|sent| sent.id)
    }

    /// Lets all rules of this account send to a queue, whatever its policy said before.
    ///
    /// # Errors
    /// When the queue does not exist.
    pub fn admit_rules(&self, queue: &str) -> Result<(), Refusal> {
        let now = self.shared.clock.now();
        let mut account = self.shared.lock();
        let policy = serde_json::json!({
            "Version": "2012-10-17",
            "Statement": {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": account.names.queue_arn(queue),
                "Condition": {"StringEquals": {"aws:SourceAccount": account.names.account()}},
            },
        });
        let texts = Texts::from([("Policy".to_owned(), policy.to_string())]);
        account.set_attributes(queue, &texts, now)
    }

    /// A partner offers this account an event source, as Auth0 does for each stream to EventBridge. It is
    /// pending until a bus of its name is made, and what is sent to it meanwhile is dropped. Once more is
    /// no error.
    ///
    /// # Errors
    /// When the name is none of a partner's source.
    pub fn offer_partner_source(&self, name: &str) -> Result<(), Refusal> {
        let now = self.shared.clock.now();
        self.shared.lock().sources.offer(name, now)
    }

    /// The partner deletes a source, as Auth0 does with its stream: its bus gets nothing any more.
    pub fn withdraw_partner_source(&self, name: &str) {
        self.shared.lock().sources.withdraw(name);
    }

    /// The operations that were called so far and not denied, as permissions name them:
    /// `events:PutRule`.
    pub fn operations(&self) -> Vec<String> {
        self.shared.lock().asked.iter().cloned().collect()
    }

    /// Associates a partner's event source with a bus, and lets a rule send all of a partner's
    /// events on it to a queue: what a user sets up in AWS for Auth0. The bus has the source's
    /// name. A FIFO queue, with deduplication by content, gets all in one group. Does nothing when
    /// it is done already.
    ///
    /// # Errors
    /// As EventBridge would refuse it; when the queue does not exist.
    pub fn connect_partner(&self, source: &str, queue: &str) -> Result<(), Refusal> {
        const RULE: &str = "all-of-auth0";
        const PATTERN: &str = r#"{"source": [{"prefix": "aws.partner/auth0.com/"}]}"#;
        self.admit_rules(queue)?;
        self.offer_partner_source(source)?;
        let mut account = self.shared.lock();
        let held = account.queue(queue)?;
        let group = held.settings.is_fifo.then(|| Arc::from(source));
        let arn = held.arn.to_string();
        match account.buses.create(source, true) {
            Err(refusal) if refusal.code() != Code::ResourceAlreadyExists => return Err(refusal),
            Ok(()) | Err(_) => {}
        }
        let bus = account.buses.get(source)?;
        bus.put_rule(RULE, (PATTERN, None), true)?;
        bus.rule(RULE)?.put_target(queue, Target { arn, group, dead_letter_arn: None, retry: None })
    }

    /// Puts an event as the partner itself does: `bus` is also the event's source
    /// (`aws.partner/auth0.com/<tenant>-<uuid>/auth0.events`), which the public `PutEvents`
    /// refuses. `detail` is a JSON object; its bytes arrive unchanged. While the source is not active,
    /// the event goes nowhere.
    ///
    /// # Errors
    /// When `detail` is no JSON object.
    pub fn put_partner_event(
        &self,
        bus: &str,
        detail_type: &str,
        detail: &str,
    ) -> Result<Routed, Refusal> {
        let Some(detail) = parse_detail(detail) else {
            return Err(Refusal::new(Code::Validation, "Detail is malformed."));
        };
        let now = self.shared.clock.now();
        let event = NewEvent { source: bus, detail_type, detail, resources: &[], time: now };
        Ok(self.shared.lock().put_event(bus, &event, now))
    }

    /// How many messages of a queue are where; `None` without such a queue.
    pub fn depth(&self, queue: &str) -> Option<Depth> {
        let now = self.shared.clock.now();
        let mut account = self.shared.lock();
        account.advance(queue, now).ok()?;
        account.queues.get(queue).map(|held| held.queue.depth())
    }

    /// The bodies of all messages in a queue, in flight or not, in the order in which they came.
    pub fn bodies(&self, queue: &str) -> Vec<Arc<str>> {
        let account = self.shared.lock();
        let messages = account.queues.get(queue).map(|held| held.queue.messages());
        messages.into_iter().flatten().map(|message| Arc::clone(&message.body)).collect()
    }

    /// What has happened in a queue, in numbers. They outlive the queue.
    pub fn totals(&self, queue: &str) -> Totals {
        self.shared.lock().truth.totals(queue)
    }

    /// What has happened to each message, as far as it was recorded, the oldest first.
    pub fn records(&self) -> Vec<Record> {
        self.shared.lock().truth.records().cloned().collect()
    }

    /// The bodies of a queue's messages that were deleted, as far as they were recorded, in the
    /// order in which they were sent. A copy or repeat that a fault made counts as a message.
    pub fn deleted_bodies(&self, queue: &str) -> Vec<Arc<str>> {
        let account = self.shared.lock();
        let records = account.truth.records();
        let deleted = records.filter(|record| {
            *record.queue == *queue && matches!(record.fate, Fate::Deleted { .. })
        });
        deleted.map(|record| Arc::clone(&record.body)).collect()
    }
}
