//! Towards the applications: takes what is due, sends it, judges the answer, plans the next try.
//!
//! One dispatcher for each target, so that a slow one holds up nobody else. What is due is in the
//! journal; a dispatcher that dies forgets nothing, and what it had under way is tried again under
//! the same `webhook-id`.
//!
//! A target that is down is left alone: see [`BreakerRule`]. What is decided is decided by pure
//! functions: `classify` (what an answer means), `breaker` (whether the target is up), `flow` and `pace`
//! (what may be sent now), `judge` and `schedule` (what comes of a delivery), `excerpt` (what is kept of
//! an answer), `public` (which addresses may be spoken to).

pub mod bus;

mod body;
mod breaker;
mod classify;
mod dispatcher;
mod excerpt;
mod flow;
mod headers;
mod http;
mod judge;
mod pace;
mod public;
mod schedule;
mod sender;
mod sign;
mod standing;

use std::sync::Arc;
use std::time::Duration;

pub use self::http::{BuildError, HttpSettings, HttpTarget};
pub use breaker::BreakerRule;
pub use dispatcher::{Dispatcher, Route, Surroundings};
pub use headers::is_reserved;
pub use judge::Retries;
pub use public::{NotPublic, check_literal};
pub use schedule::Retry;
pub use sender::Sender;
pub use sign::{SigningSecret, SigningSecretError};

/// Where routes deliver.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// How it is reached.
    pub destination: Destination,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// How much is sent to it.
    pub limits: Limits,
    /// When failed attempts are repeated, and when no more.
    pub retry: Retry,
    /// Statuses that are tried again though they are refusals; none below 400.
    pub retry_on: Box<[u16]>,
    /// Whether its dead letters are made due again when it has been down and is up again.
    pub redrive_on_recovery: bool,
}

/// The kinds of targets, as configured.
#[derive(Debug, Clone)]
pub enum Destination {
    /// An application that takes HTTP requests.
    Http(HttpSettings),
    /// An EventBridge bus.
    Bus(bus::Settings),
}

/// How much is sent to a target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Attempts under way at once; at least 1.
    pub concurrency: usize,
    /// Attempts a second, a positive number; as many as go when there is none.
    pub rate: Option<f64>,
    /// After an outage: deliveries a second of what gathered meanwhile, a positive number.
    pub drain_rate: f64,
    /// When nothing is sent for a while.
    pub breaker: BreakerRule,
}
