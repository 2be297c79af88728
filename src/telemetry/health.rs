//! What is open, what is not, and why: readiness is made of it. Beside the doors, the targets.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

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
    /// Since when events can come in; `None` while they can't.
    pub const fn open_since(&self) -> Option<Timestamp> {
        match self {
            Self::Open { since } => Some(*since),
            Self::Opening { .. } | Self::Failing { .. } | Self::Closed => None,
        }
    }

    /// Whether events can come in.
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Open { .. })
    }
}

/// Whether a target is up, as far as its answers tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// It is up: everything due is attempted.
    Closed,
    /// It was down, and may be up again: one attempt at a time finds out.
    HalfOpen,
    /// It is down: nothing is attempted.
    Open,
}

impl BreakerState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Closed, Self::HalfOpen, Self::Open];

    /// The name used in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }

    /// The value of the metric: the worse, the higher.
    pub const fn level(self) -> i64 {
        match self {
            Self::Closed => 0,
            Self::HalfOpen => 1,
            Self::Open => 2,
        }
    }
}

/// The state of one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TargetState {
    /// Whether it is up.
    pub breaker: BreakerState,
    /// Since when it has been up, or has not: probes don't change it.
    pub since: Timestamp,
    /// Why it is held to be down, while it is.
    pub down_because: Option<Box<str>>,
    /// Whether what gathered while it was down is being delivered, at a bounded rate.
    pub draining: bool,
    /// Since when it has been paused, as far as this process knows; the journal knows by whom.
    pub paused_since: Option<Timestamp>,
    /// Attempts under way.
    pub under_way: usize,
}

impl TargetState {
    /// As it is at the start of the process.
    pub const fn new(now: Timestamp) -> Self {
        Self {
            breaker: BreakerState::Closed,
            since: now,
            down_because: None,
            draining: false,
            paused_since: None,
            under_way: 0,
        }
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

/// What Auth0 says of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StreamState {
    /// Whether it is switched on.
    pub enabled: bool,
    /// Deliveries that Auth0 gave up on since the last one that came.
    pub failures_in_a_row: u64,
    /// All that Auth0 lists.
    pub failures: u64,
    /// How many more failures would have Auth0 switch it off.
    pub failures_left: u64,
    /// When Auth0 said so.
    pub at: Timestamp,
}

/// How Auth0's Events API is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowingState {
    /// Since when it has been meant to be.
    pub began_at: Timestamp,
    /// When it was last heard, or its connection was good without.
    pub heard_at: Option<Timestamp>,
    /// Why it is not heard.
    pub error: Option<Box<str>>,
}

impl FollowingState {
    /// For how long it has not been heard.
    pub fn unheard_for(&self, now: Timestamp) -> Duration {
        let since = self.heard_at.unwrap_or(self.began_at);
        Duration::from_nanos(u64::try_from(now.nanos_since(since)).unwrap_or(0))
    }
}

/// The state of the doors and of the targets. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    doors: Mutex<BTreeMap<Path, DoorState>>,
    targets: Mutex<BTreeMap<Arc<str>, TargetState>>,
    secrets: Mutex<BTreeMap<String, Timestamp>>,
    streams: Mutex<BTreeMap<Path, StreamState>>,
    following: Mutex<Option<FollowingState>>,
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

    /// Sets the state of a target.
    pub fn set_target(&self, name: &Arc<str>, state: TargetState) {
        lock(&self.0.targets).insert(Arc::clone(name), state);
    }

    /// The state of every target that a route leads to, by name.
    pub fn targets(&self) -> BTreeMap<Arc<str>, TargetState> {
        lock(&self.0.targets).clone()
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

    /// What Auth0 says of its stream for this path.
    pub fn set_stream(&self, path: Path, state: StreamState) {
        lock(&self.0.streams).insert(path, state);
    }

    /// What Auth0 says of its streams, where it was asked.
    pub fn streams(&self) -> BTreeMap<Path, StreamState> {
        lock(&self.0.streams).clone()
    }

    /// The Events API is to be followed from now on.
    pub fn set_following(&self, state: FollowingState) {
        *lock(&self.0.following) = Some(state);
    }

    /// Something about that has changed.
    pub fn change_following(&self, change: impl FnOnce(&mut FollowingState)) {
        if let Some(state) = lock(&self.0.following).as_mut() {
            change(state);
        }
    }

    /// How the Events API is followed, where it is.
    pub fn following(&self) -> Option<FollowingState> {
        lock(&self.0.following).clone()
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
