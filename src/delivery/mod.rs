//! Towards the applications: takes what is due, sends it, judges the answer, plans the next try.
//!
//! One dispatcher for each target, so that a slow one holds up nobody else. What is due is in the
//! journal; a dispatcher that dies forgets nothing, and what it had under way is tried again under
//! the same `webhook-id`.

pub mod bus;

mod classify;
mod dispatcher;
mod excerpt;
mod http;
mod pace;
mod public;
mod schedule;
mod sign;

use std::sync::Arc;
use std::time::Duration;

pub use self::http::{BuildError, HttpTarget};
pub use dispatcher::{Dispatcher, Route};
pub use schedule::Retry;
pub use sign::{SigningSecret, SigningSecretError};

/// Where routes deliver.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// Its address.
    pub url: url::Url,
    /// Signs what is sent (Standard Webhooks).
    pub signing_secret: Option<SigningSecret>,
    /// Sent as `Authorization: Bearer …`.
    pub bearer: Option<secrecy::SecretString>,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// Attempts under way at once.
    pub concurrency: usize,
    /// When failed attempts are repeated, and when no more.
    pub retry: Retry,
}
