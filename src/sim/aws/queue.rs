//! One queue's state machine: no I/O, no clock, no chance; time and faults are handed in.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use super::fifo::Groups;
use super::message::Message;
use super::refusal::{Code, Refusal};
use crate::event::Timestamp;

/// SQS: a message is invisible for at most 12 hours from its receive (developer guide,
/// "Visibility timeout").
pub(super) const VISIBILITY_MAX: Duration = Duration::from_hours(12);
/// SQS: at most 120,000 messages in flight (developer guide, "Message quotas").
pub(super) const IN_FLIGHT_MAX: usize = 120_000;

/// A message's number within its queue, in the order in which the messages came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key(u64);

impl Key {
    pub(super) const fn number(self) -> u64 {
        self.0
    }
}

/// What a receipt handle stands for: one receive of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Receipt {
    key: u64,
    receive: u64,
}

impl Receipt {
    /// The receipt handle. `queue` is a number that no other queue has, past ones included.
    pub(super) fn to_handle(self, queue: u64) -> String {
        format!("{queue:08x}.{:016x}.{:016x}", self.key, self.receive)
    }

    pub(super) fn parse(handle: &str, queue: u64) -> Result<Self, Refusal> {
        let mut parts = handle.split('.').map(|part| u64::from_str_radix(part, 16).ok());
        let mut part = || parts.next().flatten();
        match (part(), part(), part(), part()) {
            (Some(of), Some(key), Some(receive), None) if of == queue => Ok(Self { key, receive }),
            _ => Err(Refusal::new(
                Code::ReceiptHandleIsInvalid,
                "The input receipt handle is not a valid receipt handle of this queue.",
            )),
        }
    }
}

/// Where a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Ready,
    Delayed(Timestamp),
    InFlight(Timestamp),
}

#[derive(Debug)]
struct Entry {
    message: Message,
    place: Place,
    /// The latest receive: only its receipt is valid.
    receive: Option<u64>,
}

#[derive(Debug)]
enum Order {
    /// As it comes. Holds each ready message once, and maybe some that are gone.
    Standard(VecDeque<Key>),
    Fifo(Groups),
}

/// How many messages are where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Depth {
    /// Can be received now.
    pub visible: usize,
    /// Received, and neither deleted nor visible again.
    pub in_flight: usize,
    /// Not yet visible for the first time.
    pub delayed: usize,
}

/// What a delete did.
#[derive(Debug)]
pub(super) enum Deleted {
    Now(Box<Message>),
    /// Nothing: the message was deleted before.
    Before,
    /// Nothing: the message was received again since.
    Stale,
}

/// How to receive.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask {
    pub(super) count: usize,
    pub(super) visibility: Duration,
    /// After so many receives a message is dead. `None` without a dead-letter queue.
    pub(super) receives_max: Option<u32>,
}

/// What a receive gives.
#[derive(Debug, Default)]
pub(super) struct Received {
    pub(super) messages: Vec<(Receipt, Message)>,
    /// Messages that were received too often before: gone from the queue.
    pub(super) dead: Vec<Message>,
}

/// A queue's messages.
#[derive(Debug)]
pub(super) struct Queue {
    entries: BTreeMap<Key, Entry>,
    order: Order,
    /// What becomes visible, and when.
    hidden: BTreeSet<(Timestamp, Key)>,
    in_flight: usize,
    delayed: usize,
    bytes: usize,
    next_key: u64,
    next_receive: u64,
}

impl Queue {
    pub(super) fn new(is_fifo: bool) -> Self {
        let order =
            if is_fifo { Order::Fifo(Groups::default()) } else { Order::Standard(VecDeque::new()) };
        Self {
            entries: BTreeMap::new(),
            order,
            hidden: BTreeSet::new(),
            in_flight: 0,
            delayed: 0,
            bytes: 0,
            next_key: 0,
            next_receive: 0,
        }
    }

    pub(super) fn depth(&self) -> Depth {
        let hidden = self.in_flight + self.delayed;
        Depth {
            visible: self.entries.len() - hidden,
            in_flight: self.in_flight,
            delayed: self.delayed,
        }
    }

    /// Messages of any kind.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes of all bodies.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// All messages, in the order in which they came.
    pub(super) fn messages(&self) -> impl Iterator<Item = &Message> {
        self.entries.values().map(|entry| &entry.message)
    }

    /// When the next hidden message becomes visible.
    pub(super) fn next_change(&self) -> Option<Timestamp> {
        self.hidden.first().map(|(at, _)| *at)
    }

    /// Takes a message in.
    pub(super) fn add(
        &mut self,
        mut message: Message,
        visible_at: Timestamp,
        now: Timestamp,
    ) -> Key {
        let key = self.skip();
        self.bytes += message.body.len();
        message.sequence = Some(key.0);
        if let (Order::Fifo(groups), Some(group)) = (&mut self.order, &message.group) {
            groups.add(group, key);
        }
        let place = if visible_at > now { Place::Delayed(visible_at) } else { Place::Ready };
        self.entries.insert(key, Entry { message, place, receive: None });
        self.entered(key, place);
        self.refresh(key);
        key
    }

    /// Passes over a number, for a message that never comes in. Gives the number.
    pub(super) const fn skip(&mut self) -> Key {
        let key = Key(self.next_key);
        self.next_key += 1;
        key
    }

    /// Moves time on: hidden messages become visible, and messages older than `retention` go.
    pub(super) fn advance(&mut self, now: Timestamp, retention: Duration) -> Vec<Message> {
        while let Some((_, key)) = self.hidden.first().copied().filter(|(at, _)| *at <= now) {
            self.put(key, Place::Ready);
        }
        let mut expired = Vec::new();
        // A message moved here from another queue keeps its age, so an old one may stand behind a
        // younger one for a while; SQS gives no exact time either.
        while let Some(oldest) = self.entries.first_entry()
            && oldest.get().message.sent.plus(retention) <= now
        {
            let key = *oldest.key();
            expired.extend(self.remove(key));
        }
        expired
    }

    /// Receives messages, in order, and sorts out those that were received too often.
    pub(super) fn receive(&mut self, ask: &Ask, now: Timestamp) -> Received {
        let mut received = Received::default();
        let mut last = None;
        let until = now.plus(ask.visibility);
        while received.messages.len() < ask.count && self.in_flight < IN_FLIGHT_MAX {
            let Some((key, group)) = self.next_ready(last.take()) else { break };
            last = group.map(|group| (key, group));
            let Some(entry) = self.entries.get_mut(&key) else { continue };
            let count = entry.message.receives.saturating_sub(entry.message.receives_before);
            if ask.receives_max.is_some_and(|most| count >= most) {
                received.dead.extend(self.remove(key));
                continue;
            }
            entry.message.receives = entry.message.receives.saturating_add(1);
            entry.message.first_received.get_or_insert(now);
            entry.message.last_received = Some(now);
            entry.receive = Some(self.next_receive);
            let receipt = Receipt { key: key.0, receive: self.next_receive };
            self.next_receive += 1;
            received.messages.push((receipt, entry.message.clone()));
            self.put(key, Place::InFlight(until));
        }
        if until <= now {
            // A visibility timeout of zero leaves them visible; only now, lest this receive give
            // one of them twice.
            for (receipt, _) in &received.messages {
                self.put(Key(receipt.key), Place::Ready);
            }
        }
        received
    }

    /// Deletes by receipt. Only the latest receipt deletes, even when the message has become
    /// visible again since; SQS promises neither the one nor the other (API reference,
    /// `DeleteMessage`: with an old receipt the request may succeed and the message may stay).
    /// FIFO queues do the same here, where SQS would refuse a receipt whose time is over.
    pub(super) fn delete(&mut self, receipt: Receipt) -> Deleted {
        let key = Key(receipt.key);
        match self.entries.get(&key).map(|entry| entry.receive) {
            None => Deleted::Before,
            Some(latest) if latest == Some(receipt.receive) => match self.remove(key) {
                Some(message) => Deleted::Now(Box::new(message)),
                None => Deleted::Before,
            },
            Some(_) => Deleted::Stale,
        }
    }

    /// Sets anew how long a message in flight stays invisible, from now.
    pub(super) fn change_visibility(
        &mut self,
        receipt: Receipt,
        visibility: Duration,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let key = Key(receipt.key);
        let entry = self.entries.get(&key).filter(|entry| {
            entry.receive == Some(receipt.receive) && matches!(entry.place, Place::InFlight(_))
        });
        let Some(entry) = entry else {
            return Err(Refusal::new(
                Code::MessageNotInflight,
                "The message is not in flight by this receipt handle.",
            ));
        };
        let until = now.plus(visibility);
        if entry.message.last_received.is_some_and(|at| until > at.plus(VISIBILITY_MAX)) {
            return Err(Refusal::new(
                Code::InvalidParameterValue,
                "Total VisibilityTimeout for the message is beyond the limit [43200 seconds].",
            ));
        }
        self.put(key, if until > now { Place::InFlight(until) } else { Place::Ready });
        Ok(())
    }

    /// Takes the next visible message out of the queue, for a move.
    pub(super) fn take(&mut self) -> Option<Message> {
        let (key, _) = self.next_ready(None)?;
        self.remove(key)
    }

    /// Removes everything.
    pub(super) fn clear(&mut self) -> Vec<Message> {
        let empty = Self::new(matches!(self.order, Order::Fifo(_)));
        let Self { entries, next_key, next_receive, .. } = mem::replace(self, empty);
        // Receipts given before must not fit messages to come.
        (self.next_key, self.next_receive) = (next_key, next_receive);
        entries.into_values().map(|entry| entry.message).collect()
    }

    /// The next message to receive. In a FIFO queue one receive takes as many of a group as it
    /// can before it goes on to the next: `last` is the message taken before.
    fn next_ready(&mut self, last: Option<(Key, Arc<str>)>) -> Option<(Key, Option<Arc<str>>)> {
        match &mut self.order {
            Order::Standard(ready) => loop {
                let key = ready.pop_front()?;
                if self.entries.get(&key).is_some_and(|entry| entry.place == Place::Ready) {
                    return Some((key, None));
                }
            },
            Order::Fifo(groups) => {
                let next = last.and_then(|(key, group)| {
                    let next = groups.after(&group, key)?;
                    let entry = self.entries.get(&next)?;
                    (entry.place == Place::Ready).then_some((next, group))
                });
                next.or_else(|| groups.first()).map(|(key, group)| (key, Some(group)))
            }
        }
    }

    fn put(&mut self, key: Key, to: Place) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let from = mem::replace(&mut entry.place, to);
        self.left(key, from);
        self.entered(key, to);
        self.refresh(key);
    }

    fn remove(&mut self, key: Key) -> Option<Message> {
        let Entry { message, place, .. } = self.entries.remove(&key)?;
        self.bytes = self.bytes.saturating_sub(message.body.len());
        self.uncount(key, place);
        if let (Order::Fifo(groups), Some(group)) = (&mut self.order, &message.group) {
            groups.remove(group, key);
            if matches!(place, Place::InFlight(_)) {
                groups.landed(group);
            }
            let entries = &self.entries;
            groups.refresh(group, |key| is_ready(entries, key));
        }
        Some(message)
    }

    fn left(&mut self, key: Key, place: Place) {
        self.uncount(key, place);
        if matches!(place, Place::InFlight(_))
            && let Some((groups, group)) = self.group_of(key)
        {
            groups.landed(&group);
        }
    }

    /// Takes a message that leaves a place out of what is counted and timed there.
    fn uncount(&mut self, key: Key, place: Place) {
        match place {
            // Its key stays in the standard order until that comes by it.
            Place::Ready => {}
            Place::Delayed(at) => {
                self.delayed -= 1;
                self.hidden.remove(&(at, key));
            }
            Place::InFlight(until) => {
                self.in_flight -= 1;
                self.hidden.remove(&(until, key));
            }
        }
    }

    fn entered(&mut self, key: Key, place: Place) {
        match place {
            Place::Ready => {
                if let Order::Standard(ready) = &mut self.order {
                    ready.push_back(key);
                }
            }
            Place::Delayed(at) => {
                self.delayed += 1;
                self.hidden.insert((at, key));
            }
            Place::InFlight(until) => {
                self.in_flight += 1;
                self.hidden.insert((until, key));
                if let Some((groups, group)) = self.group_of(key) {
                    groups.took_flight(&group);
                }
            }
        }
    }

    fn group_of(&mut self, key: Key) -> Option<(&mut Groups, Arc<str>)> {
        match &mut self.order {
            Order::Standard(_) => None,
            Order::Fifo(groups) => {
                let group = self.entries.get(&key)?.message.group.as_ref()?;
                Some((groups, Arc::clone(group)))
            }
        }
    }

    fn refresh(&mut self, key: Key) {
        let entries = &self.entries;
        if let Order::Fifo(groups) = &mut self.order
            && let Some(group) = entries.get(&key).and_then(|entry| entry.message.group.as_ref())
        {
            groups.refresh(group, |key| is_ready(entries, key));
        }
    }
}

fn is_ready(entries: &BTreeMap<Key, Entry>, key: Key) -> bool {
    entries.get(&key).is_some_and(|entry| entry.place == Place::Ready)
}
