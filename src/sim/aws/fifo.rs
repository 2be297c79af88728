//! The order of a FIFO queue: strict within a message group, whose later messages wait while an
//! earlier one is in flight (developer guide, "FIFO queue delivery logic").

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use super::queue::Key;

/// The groups of a queue.
#[derive(Debug, Default)]
pub(super) struct Groups {
    groups: HashMap<Arc<str>, Group>,
    /// The first message of each group that can be received from.
    heads: BTreeSet<(Key, Arc<str>)>,
}

#[derive(Debug, Default)]
struct Group {
    /// All its messages that are not deleted, in order.
    keys: BTreeSet<Key>,
    in_flight: usize,
    /// Its entry in `heads`.
    head: Option<Key>,
}

impl Groups {
    /// The group whose turn it is, with its first message.
    pub(super) fn first(&self) -> Option<(Key, Arc<str>)> {
        self.heads.first().cloned()
    }

    /// The message after this one in its group.
    pub(super) fn after(&self, group: &str, key: Key) -> Option<Key> {
        let keys = &self.groups.get(group)?.keys;
        keys.range((Bound::Excluded(key), Bound::Unbounded)).next().copied()
    }

    pub(super) fn add(&mut self, group: &Arc<str>, key: Key) {
        self.groups.entry(Arc::clone(group)).or_default().keys.insert(key);
    }

    pub(super) fn remove(&mut self, group: &str, key: Key) {
        if let Some(group) = self.groups.get_mut(group) {
            group.keys.remove(&key);
        }
    }

    pub(super) fn took_flight(&mut self, group: &str) {
        if let Some(group) = self.groups.get_mut(group) {
            group.in_flight += 1;
        }
    }

    pub(super) fn landed(&mut self, group: &str) {
        if let Some(group) = self.groups.get_mut(group) {
            group.in_flight = group.in_flight.saturating_sub(1);
        }
    }

    /// Decides anew whether the group can be received from; to be called after each change.
    pub(super) fn refresh(&mut self, name: &Arc<str>, is_ready: impl Fn(Key) -> bool) {
        let Some(group) = self.groups.get_mut(name) else { return };
        let head = group.keys.first().copied();
        let free = head.filter(|key| group.in_flight == 0 && is_ready(*key));
        if free != group.head {
            if let Some(old) = group.head {
                self.heads.remove(&(old, Arc::clone(name)));
            }
            if let Some(new) = free {
                self.heads.insert((new, Arc::clone(name)));
            }
            group.head = free;
        }
        if group.keys.is_empty() {
            self.groups.remove(name);
        }
    }
}
