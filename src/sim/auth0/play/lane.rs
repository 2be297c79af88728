//! One path while it is played: what waits, what is under way, what failed.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::super::carrier::{Carrier, Letter};
use super::super::faults::{Dice, Faults};
use super::super::stream::{Batch, Rules, Standing};
use super::super::truth::Planned;
use super::timing::Timing;
use crate::event::{Path, Timestamp};

/// Copies that wait to be sent, at most; for more there is no place, which is told.
const WAITING_MAX: usize = 50_000;

/// One path while it is played.
#[derive(Debug)]
pub(super) struct Lane {
    pub path: Path,
    pub carrier: Carrier,
    pub rules: Arc<Rules>,
    pub faults: Arc<Faults>,
    pub dice: Dice,
    pub at_once: NonZeroUsize,
    /// In the order in which they are due; the number keeps those of one instant in order.
    waiting: BTreeMap<(Instant, u64), Parcel>,
    next_number: u64,
    /// What is sent again goes before everything else.
    again: VecDeque<Parcel>,
    pub under_way: usize,
    pub standing: Standing,
    /// When it was switched off.
    pub off_since: Option<Instant>,
    failed: VecDeque<Failed>,
    pub timing: Timing,
    pub counts: Counts,
}

/// What is counted for people who watch.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub accepted: u64,
    pub failed: u64,
    pub lost: u64,
    pub stream_off: u64,
    pub unsent: u64,
}

/// One copy of an event that is to be sent.
#[derive(Debug, Clone)]
pub(super) struct Parcel {
    pub event: u64,
    pub id: Arc<str>,
    pub letter: Letter,
    pub due: Instant,
}

/// An event that failed, listed for redelivery.
#[derive(Debug)]
struct Failed {
    event: u64,
    id: Arc<str>,
    letter: Letter,
}

impl Lane {
    pub(super) fn new(path: Path, dice: Dice, carrier: Carrier, rules: Arc<Rules>) -> Self {
        Self {
            path,
            carrier,
            rules,
            faults: Arc::new(dice.faults().clone()),
            dice,
            at_once: NonZeroUsize::MIN,
            waiting: BTreeMap::new(),
            next_number: 0,
            again: VecDeque::new(),
            under_way: 0,
            standing: Standing::default(),
            off_since: None,
            failed: VecDeque::new(),
            timing: Timing::new(),
            counts: Counts::default(),
        }
    }

    /// Plans an event that happens now: what becomes of it, and when its copies are due. Dice are thrown
    /// whatever the stream's state, so that what comes after does not hang on it.
    pub(super) fn plan(&mut self, happens: Duration) -> (Planned, Vec<Duration>) {
        let due = self.dice.plan(happens).due;
        if !self.standing.is_on() {
            self.counts.stream_off += 1;
            return (Planned::StreamOff, Vec::new());
        }
        if due.is_empty() {
            self.counts.lost += 1;
            return (Planned::Lost, due);
        }
        let free = WAITING_MAX.saturating_sub(self.waiting.len());
        let due: Vec<Duration> = due.into_iter().take(free).collect();
        if due.is_empty() {
            self.counts.unsent += 1;
            return (Planned::Unsent, due);
        }
        (Planned::Sent(u32::try_from(due.len()).unwrap_or(u32::MAX)), due)
    }

    pub(super) fn wait(&mut self, parcel: Parcel) {
        self.waiting.insert((parcel.due, self.next_number), parcel);
        self.next_number += 1;
    }

    /// When there is something to send; none while it is full or switched off.
    pub(super) fn next_due(&self, now: Instant) -> Option<Instant> {
        if !self.may_send() {
            return None;
        }
        if !self.again.is_empty() {
            return Some(now);
        }
        self.waiting.first_key_value().map(|((due, _), _)| *due)
    }

    const fn may_send(&self) -> bool {
        self.standing.is_on() && self.under_way < self.at_once.get()
    }

    /// What goes next, in order; nothing while it is full, switched off, or nothing is due.
    pub(super) fn take(&mut self, now: Instant) -> Vec<Parcel> {
        let mut parcels = Vec::new();
        if !self.may_send() {
            return parcels;
        }
        let max = self.carrier.batch_max();
        while parcels.len() < max
            && let Some(parcel) = self.again.pop_front()
        {
            parcels.push(parcel);
        }
        while parcels.len() < max
            && let Some(first) = self.waiting.first_entry()
            && first.key().0 <= now
        {
            parcels.push(first.remove());
        }
        parcels
    }

    /// What the stream is to do with these.
    pub(super) fn batch(&self, parcels: &[Parcel], began: (Instant, Timestamp)) -> Batch {
        Batch {
            path: self.path,
            carrier: self.carrier.clone(),
            rules: Arc::clone(&self.rules),
            faults: Arc::clone(&self.faults),
            began,
            letters: parcels.iter().map(|parcel| parcel.letter.clone()).collect(),
        }
    }

    /// The delivery of an event is over.
    pub(super) fn ended(&mut self, delivered: bool, now: Instant) {
        self.standing = self.standing.after(delivered, &self.rules);
        if !self.standing.is_on() && self.off_since.is_none() {
            self.off_since = Some(now);
        }
        if delivered {
            self.counts.accepted += 1;
        } else {
            self.counts.failed += 1;
        }
    }

    /// Lists an event that failed. Gives the one that is forgotten for it.
    pub(super) fn list(&mut self, parcel: Parcel) -> Option<u64> {
        let Parcel { event, id, letter, due: _ } = parcel;
        self.failed.push_back(Failed { event, id, letter });
        let is_full = self.failed.len() > self.rules.listed_max;
        if is_full { self.failed.pop_front().map(|failed| failed.event) } else { None }
    }

    /// Switches it on again: what failed goes first, in order. Gives their numbers.
    pub(super) fn switch_on(&mut self, now: Instant) -> Vec<u64> {
        if self.standing.is_on() {
            return Vec::new();
        }
        (self.standing, self.off_since) = (Standing::switched_on(), None);
        let failed = std::mem::take(&mut self.failed);
        let events = failed.iter().map(|failed| failed.event).collect();
        self.again.extend(failed.into_iter().map(|failed| failed.parcel(now)));
        events
    }

    /// Sends a failed event again. Gives its number; nothing when none of that id is listed.
    pub(super) fn redeliver(&mut self, id: &str, now: Instant) -> Option<u64> {
        let position = self.failed.iter().position(|failed| &*failed.id == id)?;
        let failed = self.failed.remove(position)?;
        let event = failed.event;
        self.again.push_back(failed.parcel(now));
        Some(event)
    }

    /// Copies that wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len() + self.again.len()
    }

    /// Events that are listed for redelivery.
    pub(super) fn listed(&self) -> usize {
        self.failed.len()
    }
}

impl Failed {
    fn parcel(self, now: Instant) -> Parcel {
        let Self { event, id, letter } = self;
        Parcel { event, id, letter, due: now }
    }
}
