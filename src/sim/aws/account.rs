//! One account: its queues, and what a message goes through in them. All state of the endpoint
//! lives in here, behind one lock; the time is handed in.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;

use super::archives::Archives;
use super::attributes::{QueueSettings, Texts};
use super::bus::Buses;
use super::faults::Dice;
use super::message::{BYTES_MAX, Incoming, Message, MessageId, hex};
use super::moves::Moves;
use super::queue::{Ask, Deleted, Queue, Receipt};
use super::refusal::{Code, Refusal};
use super::sources::Sources;
use super::truth::{Fate, Origin, Record, Truth};
use super::{Limits, Names};
use crate::event::Timestamp;

/// SQS: a FIFO queue takes one message of a deduplication id in 5 minutes (developer guide,
/// "Exactly-once processing").
const DEDUPLICATION_INTERVAL: Duration = Duration::from_mins(5);

/// The account.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) names: Names,
    pub(super) limits: Limits,
    pub(super) queues: BTreeMap<Arc<str>, Held>,
    /// When a queue of this name was deleted.
    pub(super) deleted: BTreeMap<Arc<str>, Timestamp>,
    pub(super) buses: Buses,
    pub(super) sources: Sources,
    pub(super) archives: Archives,
    /// Which operations were called so far, as permissions name them: `events:PutRule`.
    pub(super) asked: BTreeSet<String>,
    pub(super) moves: Moves,
    pub(super) dice: Dice,
    pub(super) truth: Truth,
    pub(super) next_queue: u64,
}

/// A queue with what surrounds it.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) name: Arc<str>,
    pub(super) arn: Arc<str>,
    /// Part of each receipt handle, so that those of a deleted queue don't fit its successor.
    pub(super) number: u64,
    pub(super) settings: QueueSettings,
    pub(super) queue: Queue,
    pub(super) created: Timestamp,
    pub(super) modified: Timestamp,
    pub(super) purged: Option<Timestamp>,
    /// Wakes long polls.
    pub(super) wake: Arc<Notify>,
    pub(super) recent: Recent,
    pub(super) tags: Texts,
}

/// What a FIFO queue remembers of the last 5 minutes.
#[derive(Debug, Default)]
pub(super) struct Recent {
    sent: HashMap<Arc<str>, Sent>,
    order: VecDeque<(Timestamp, Arc<str>)>,
}

/// What the sender of a message learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) id: MessageId,
    /// Of a FIFO queue.
    pub(super) sequence: Option<u64>,
}

impl Account {
    pub(super) fn new(names: Names, limits: Limits, dice: Dice, truth: Truth) -> Self {
        Self {
            names,
            limits,
            queues: BTreeMap::new(),
            deleted: BTreeMap::new(),
            buses: Buses::default(),
            sources: Sources::default(),
            archives: Archives::default(),
            asked: BTreeSet::new(),
            moves: Moves::default(),
            dice,
            truth,
            next_queue: 0,
        }
    }

    pub(super) fn queue(&mut self, name: &str) -> Result<&mut Held, Refusal> {
        self.queues.get_mut(name).ok_or_else(no_such_queue)
    }

    /// Takes a message in, or loses it, or takes it twice: as the dice fall.
    pub(super) fn send(
        &mut self,
        queue: &str,
        incoming: Incoming,
        origin: Origin,
        now: Timestamp,
    ) -> Result<Sent, Refusal> {
        let held = self.queues.get(queue).ok_or_else(no_such_queue)?;
        incoming.check()?;
        if incoming.bytes() > held.settings.message_bytes_max.min(BYTES_MAX) {
            return Err(Refusal::new(
                Code::InvalidParameterValue,
                format_args!(
                    "One or more parameters are invalid. Reason: Message must be shorter than {} \
                     bytes.",
                    held.settings.message_bytes_max
                ),
            ));
        }
        if held.queue.len() >= self.limits.messages_max
            || held.queue.bytes().saturating_add(incoming.body.len()) > self.limits.bytes_max
        {
            return Err(Refusal::new(Code::OverLimit, "The simulator's queue is full."));
        }
        self.accept(queue, incoming, origin, now)
    }

    fn accept(
        &mut self,
        queue: &str,
        mut incoming: Incoming,
        origin: Origin,
        now: Timestamp,
    ) -> Result<Sent, Refusal> {
        let held = self.queues.get_mut(queue).ok_or_else(no_such_queue)?;
        held.settings.check_grouping(&mut incoming)?;
        let is_fifo = held.settings.is_fifo;
        let deduplication = incoming.deduplication.clone().filter(|_| is_fifo);
        if let Some(sent) = deduplication.as_ref().and_then(|id| held.recent.find(id, now)) {
            return Ok(sent);
        }
        let delay = incoming.delay.unwrap_or(held.settings.delay);
        let message = Message::new(MessageId::new(self.dice.uuid()), incoming, now);
        let id = message.id;
        let copy = (!is_fifo && self.dice.copies()).then(|| {
            let id = MessageId::new(self.dice.uuid());
            message.clone().renewed(id, now)
        });
        let sequence = self.enter(queue, message, (origin, delay), now)?;
        if let Some(copy) = copy {
            self.enter(queue, copy, (Origin::Copy, delay), now)?;
        }
        let sent = Sent { id, sequence: is_fifo.then_some(sequence) };
        if let Some(deduplication) = deduplication {
            self.queue(queue)?.recent.remember(deduplication, sent, now);
        }
        Ok(sent)
    }

    /// Puts a message into a queue, unless it is lost, and wakes a long poll. Gives its sequence
    /// number, which a lost message has as well: its sender must not notice.
    pub(super) fn enter(
        &mut self,
        queue: &str,
        mut message: Message,
        (origin, delay): (Origin, Duration),
        now: Timestamp,
    ) -> Result<u64, Refusal> {
        let held = self.queues.get_mut(queue).ok_or_else(no_such_queue)?;
        let came_from_outside = matches!(origin, Origin::Sent | Origin::Rule | Origin::Copy);
        let is_lost = came_from_outside && self.dice.loses();
        message.record = self.truth.came(Record {
            queue: Arc::clone(&held.name),
            message_id: message.id,
            body: Arc::clone(&message.body),
            origin,
            sent: message.sent,
            received: 0,
            fate: if is_lost { Fate::Lost } else { Fate::Waiting },
        });
        if is_lost {
            return Ok(held.queue.skip().number());
        }
        let mut visible_at = now.plus(delay);
        if came_from_outside {
            visible_at = visible_at.plus(self.dice.delay());
            if !held.settings.is_fifo {
                visible_at = visible_at.plus(self.dice.hold());
            }
        }
        let key = held.queue.add(message, visible_at, now);
        held.wake.notify_one();
        Ok(key.number())
    }

    /// Receives, at most so many messages.
    pub(super) fn receive(
        &mut self,
        queue: &str,
        (count, visibility): (usize, Option<Duration>),
        now: Timestamp,
    ) -> Result<Vec<(String, Message)>, Refusal> {
        self.advance(queue, now)?;
        let dead_letters = self.dead_letter_queue(queue);
        let held = self.queues.get_mut(queue).ok_or_else(no_such_queue)?;
        let receives_max = held.settings.redrive.as_ref().map(|redrive| redrive.receives_max);
        let ask = Ask {
            count: self.dice.receive_count(count),
            visibility: visibility.unwrap_or(held.settings.visibility),
            receives_max: receives_max.filter(|_| dead_letters.is_some()),
        };
        let received = held.queue.receive(&ask, now);
        let mut repeats = Vec::new();
        let mut messages = Vec::with_capacity(received.messages.len());
        for (receipt, message) in received.messages {
            self.truth.received(&held.name, message.record);
            if !held.settings.is_fifo && !message.is_repeat && self.dice.repeats() {
                repeats.push(Message { is_repeat: true, ..message.clone() });
            }
            messages.push((receipt.to_handle(held.number), message));
        }
        for repeat in repeats {
            self.enter(queue, repeat, (Origin::Repeat, Duration::ZERO), now)?;
        }
        if let Some(to) = dead_letters {
            self.bury(queue, &to, received.dead, now)?;
        }
        let held = self.queues.get(queue).ok_or_else(no_such_queue)?;
        if !messages.is_empty() && held.queue.depth().visible > 0 {
            // One wake-up may stand for a batch: pass on what is left of it.
            held.wake.notify_one();
        }
        Ok(messages)
    }

    fn bury(
        &mut self,
        from: &str,
        to: &Arc<str>,
        dead: Vec<Message>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        for mut message in dead {
            let held = self.queues.get(from).ok_or_else(no_such_queue)?;
            let fate = Fate::DeadLettered { at: now, to: Arc::clone(to) };
            self.truth.ended(&held.name, message.record, fate);
            message.source_arn = Some(Arc::clone(&held.arn));
            message.receives_before = message.receives;
            message.is_repeat = false;
            if held.settings.is_fifo {
                // A standard queue's dead letters keep their age, a FIFO queue's begin anew
                // (developer guide, "Dead-letter queues", on retention).
                message.sent = now;
                // Two messages of one id must not drop each other there (developer guide,
                // "Dead-letter queue redrive", on FIFO queues).
                message.deduplication = Some(message.id.to_string().into());
            }
            self.enter(to, message, (Origin::DeadLetter, Duration::ZERO), now)?;
        }
        Ok(())
    }

    /// Deletes by receipt handle. A handle whose message is gone, or was received again since, is
    /// answered as a success; see [`Queue::delete`].
    pub(super) fn delete(
        &mut self,
        queue: &str,
        handle: &str,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        self.advance(queue, now)?;
        let held = self.queues.get_mut(queue).ok_or_else(no_such_queue)?;
        let receipt = Receipt::parse(handle, held.number)?;
        match held.queue.delete(receipt) {
            Deleted::Now(message) => {
                self.truth.ended(&held.name, message.record, Fate::Deleted { at: now });
                // It may have held up the rest of its group.
                if held.settings.is_fifo && held.queue.depth().visible > 0 {
                    held.wake.notify_one();
                }
            }
            Deleted::Before => {}
            Deleted::Stale => self.truth.stale_delete(&held.name),
        }
        Ok(())
    }

    pub(super) fn change_visibility(
        &mut self,
        queue: &str,
        (handle, visibility): (&str, Duration),
        now: Timestamp,
    ) -> Result<(), Refusal> {
        self.advance(queue, now)?;
        let held = self.queue(queue)?;
        let receipt = Receipt::parse(handle, held.number)?;
        held.queue.change_visibility(receipt, visibility, now)?;
        // A long poll may be asleep until later than the message now becomes visible.
        held.wake.notify_waiters();
        Ok(())
    }

    /// Moves a queue's time on.
    pub(super) fn advance(&mut self, queue: &str, now: Timestamp) -> Result<(), Refusal> {
        let held = self.queues.get_mut(queue).ok_or_else(no_such_queue)?;
        let expired = held.queue.advance(now, held.settings.retention);
        end_all(&mut self.truth, &held.name, expired, &Fate::Expired);
        Ok(())
    }

    /// The queue's dead-letter queue, where it has one that exists.
    fn dead_letter_queue(&self, queue: &str) -> Option<Arc<str>> {
        let redrive = self.queues.get(queue)?.settings.redrive.as_ref()?;
        let name = self.names.queue_of_arn(&redrive.target_arn)?;
        self.queues.get_key_value(name).map(|(name, _)| Arc::clone(name))
    }
}

impl QueueSettings {
    /// Checks group and deduplication id, and fills in the latter (API reference, `SendMessage`).
    fn check_grouping(&self, incoming: &mut Incoming) -> Result<(), Refusal> {
        if !self.is_fifo {
            return if incoming.deduplication.is_some() {
                Err(Refusal::new(
                    Code::InvalidParameterValue,
                    "The parameter MessageDeduplicationId is only valid for FIFO queues.",
                ))
            } else {
                Ok(())
            };
        }
        if incoming.group.is_none() {
            return Err(Refusal::new(
                Code::MissingParameter,
                "The request must contain the parameter MessageGroupId.",
            ));
        }
        if incoming.delay.is_some_and(|delay| !delay.is_zero()) {
            return Err(Refusal::new(
                Code::InvalidParameterValue,
                "DelaySeconds cannot be set per message on a FIFO queue.",
            ));
        }
        incoming.delay = None;
        if incoming.deduplication.is_none() {
            if !self.deduplicates_by_content {
                return Err(Refusal::new(
                    Code::InvalidParameterValue,
                    "The queue should either have ContentBasedDeduplication enabled or \
                     MessageDeduplicationId provided explicitly.",
                ));
            }
            let digest = Sha256::digest(incoming.body.as_bytes());
            incoming.deduplication = Some(hex(&digest).into());
        }
        Ok(())
    }
}

impl Recent {
    fn find(&mut self, id: &str, now: Timestamp) -> Option<Sent> {
        while let Some((_, old)) =
            self.order.pop_front_if(|(at, _)| at.plus(DEDUPLICATION_INTERVAL) <= now)
        {
            self.sent.remove(&old);
        }
        self.sent.get(id).copied()
    }

    fn remember(&mut self, id: Arc<str>, sent: Sent, now: Timestamp) {
        self.order.push_back((now, Arc::clone(&id)));
        self.sent.insert(id, sent);
    }
}

pub(super) fn no_such_queue() -> Refusal {
    Refusal::new(Code::QueueDoesNotExist, "The specified queue does not exist.")
}

pub(super) fn end_all(truth: &mut Truth, queue: &Arc<str>, messages: Vec<Message>, fate: &Fate) {
    for message in messages {
        truth.ended(queue, message.record, fate.clone());
    }
}
