//! Changes to cells, gathered until they are written.

use std::collections::BTreeMap;

use super::cell::Cell;
use super::count::{Circumstances, Counts};
use super::slice::Scale;
use crate::event::{Observation, Timestamp};

/// What an event is summed under: a stretch of time, and either everything in it (all of them empty) or
/// one type by one pair of streams, where an empty stream stands for none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The length of the stretch.
    pub scale: Scale,
    /// The CloudEvent's `type`.
    pub kind: Box<str>,
    /// The first instant of the stretch.
    pub start: Timestamp,
    /// The stream that brought the event by webhook.
    pub webhook_stream: Box<str>,
    /// The stream that brought it by EventBridge.
    pub eventbridge_stream: Box<str>,
}

/// A settled event, with all that is summed of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// When it was seen by which path.
    pub event: Observation,
    /// The CloudEvent's `type`.
    pub kind: Box<str>,
    /// The stream that brought it by webhook; empty for none, or where the event names none.
    pub webhook_stream: Box<str>,
    /// The stream that brought it by EventBridge; likewise.
    pub eventbridge_stream: Box<str>,
    /// Whether both doors were open when it happened.
    pub covered: bool,
    /// Where its payloads differ, without what is ignored; `None` when they differ and nobody can say
    /// where.
    pub differs_at: Option<Vec<Box<str>>>,
}

impl Entry {
    /// What it is counted by.
    pub fn circumstances(&self) -> Circumstances {
        let somewhere = self.differs_at.as_ref().is_none_or(|pointers| !pointers.is_empty());
        Circumstances {
            covered: self.covered,
            payload_differs: self.event.payload_differs && somewhere,
        }
    }

    /// Adds it to a cell.
    pub fn add_to(&self, cell: &mut Cell) {
        cell.add(&self.event, self.circumstances());
        self.differences_to(cell);
    }

    fn is_different(&self) -> bool {
        self.event.payload_differs && !self.event.test && !self.event.too_late
    }

    fn differences_to(&self, cell: &mut Cell) {
        if !self.is_different() {
            return;
        }
        match &self.differs_at {
            Some(pointers) => cell.differs_at(pointers.iter().map(|pointer| &**pointer)),
            None => cell.differs_elsewhere(),
        }
    }

    /// The cells of its minute.
    fn keys(&self) -> [Key; 2] {
        [Key::total(self), Key::part(self)]
    }
}

impl Key {
    fn total(entry: &Entry) -> Self {
        Self {
            scale: Scale::Minute,
            kind: "".into(),
            start: Scale::Minute.floor(entry.event.time),
            webhook_stream: "".into(),
            eventbridge_stream: "".into(),
        }
    }

    fn part(entry: &Entry) -> Self {
        Self {
            kind: entry.kind.clone(),
            webhook_stream: entry.webhook_stream.clone(),
            eventbridge_stream: entry.eventbridge_stream.clone(),
            ..Self::total(entry)
        }
    }
}

/// Changes to cells, gathered until they are written: those of minutes alone. What is longer is made of them
/// when they are taken out.
#[derive(Debug, Default)]
pub struct Book(BTreeMap<Key, Cell>);

impl Book {
    /// An event has settled.
    pub fn add(&mut self, entry: &Entry) {
        for key in entry.keys() {
            entry.add_to(self.0.entry(key).or_default());
        }
    }

    /// An event that was added as `before` is known better now.
    ///
    /// What was measured stays in the cell of its first streams: whoever asks for a stream takes all cells
    /// with it, so that nothing is missed or counted twice.
    pub fn amend(&mut self, before: &Entry, after: &Entry) {
        let (then, now) = (before.circumstances(), after.circumstances());
        for (old, new) in before.keys().into_iter().zip(after.keys()) {
            if old == new {
                let cell = self.0.entry(new).or_default();
                cell.amend((&before.event, then), (&after.event, now));
                if !before.event.payload_differs {
                    after.differences_to(cell);
                }
                continue;
            }
            let counts = Counts::default().minus(&Counts::of(&before.event, then));
            let cell = self.0.entry(old).or_default();
            cell.counts_mut().merge(&counts);
            if before.is_different() {
                cell.forget_differences(before.differs_at.as_deref());
            }
            let cell = self.0.entry(new).or_default();
            cell.counts_mut().merge(&Counts::of(&after.event, now));
            cell.measure_new(&before.event, &after.event);
            after.differences_to(cell);
        }
    }

    /// Whether nothing has changed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes the changes out, of every scale.
    pub fn take(&mut self) -> BTreeMap<Key, Cell> {
        let minutes = std::mem::take(&mut self.0);
        let mut all = BTreeMap::<Key, Cell>::new();
        for (key, cell) in &minutes {
            for scale in Scale::ALL.into_iter().filter(|scale| *scale != Scale::Minute) {
                let key = Key { scale, start: scale.floor(key.start), ..key.clone() };
                all.entry(key).or_default().merge(cell);
            }
        }
        all.extend(minutes);
        all
    }
}
