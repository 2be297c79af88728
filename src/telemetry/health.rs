//! What is open, what is not, and why: readiness is made of it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::event::{Path, Timestamp};

/// The state of one path's door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum DoorState {
    /// It has not been open yet; this is what it waits for.
    Opening {
        /// The last failure, if there was one.
        waiting_for: Option<String>,
    },
    /// It takes events in.
    Open {
        /// Since when.
        since: Timestamp,
    },
    /// It was open, and can't take events in for now.
    Failing {
        /// Since when.
        since: Timestamp,
        /// Why.
        error: String,
    },
    /// It takes nothing in any more: the process stops.
    Closed,
}

impl DoorState {
    /// Whether events can come in.
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Open { .. })
    }
}

/// A secret's last use, by its label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretUse {
    /// The label.
    pub label: String,
    /// When a request last matched it.
    pub last_matched_at: Timestamp,
}

/// The state of the doors. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    doors: Mutex<BTreeMap<Path, DoorState>>,
    secrets: Mutex<BTreeMap<String, Timestamp>>,
    stopping: AtomicBool,
}

impl Health {
    /// Sets the state of a door.
    pub fn set_door(&self, path: Path, state: DoorState) {
        lock(&self.0.doors).insert(path, state);
    }

    /// The state of every door that the configuration opens.
    pub fn doors(&self) -> BTreeMap<Path, DoorState> {
        lock(&self.0.doors).clone()
    }

    /// The state of one door.
    pub fn door(&self, path: Path) -> Option<DoorState> {
        lock(&self.0.doors).get(&path).cloned()
    }

    /// A request matched the secret with this label.
    pub fn secret_matched(&self, label: &str, at: Timestamp) {
        let mut secrets = lock(&self.0.secrets);
        match secrets.get_mut(label) {
            Some(last) => *last = at,
            None => drop(secrets.insert(label.to_owned(), at)),
        }
    }

    /// Which secrets were matched, and when last.
    pub fn secrets(&self) -> Vec<SecretUse> {
        let secrets = lock(&self.0.secrets);
        let uses = secrets.iter();
        uses.map(|(label, at)| SecretUse { label: label.clone(), last_matched_at: *at }).collect()
    }

    /// The process stops: it is not ready from here on.
    pub fn stop(&self) {
        self.0.stopping.store(true, Ordering::SeqCst);
    }

    /// Whether it stops.
    pub fn is_stopping(&self) -> bool {
        self.0.stopping.load(Ordering::SeqCst)
    }
}

/// The values behind these locks are whole at every moment, so that a panic elsewhere harms nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
