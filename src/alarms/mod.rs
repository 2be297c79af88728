//! Alarms: what somebody should know without looking.
//!
//! [`Watch`] reads [`Facts`] every now and then; rules say what is wrong with them, and hysteresis whether it
//! has lasted, or has been over, for long enough to say so; a [`Poster`] says it to each destination. An alarm is told when it
//! is raised, again as long as it lasts, and when it is over: never once for every look. Nothing of this is
//! stored: after a restart an alarm is raised anew when it has lasted for [`Settings::raise_after`].

mod facts;
mod hysteresis;
mod message;
mod post;
mod rules;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

pub use facts::Facts;
pub use message::News;
pub use post::{PostError, Posted, Poster};
pub use rules::{Alarm, Finding, Limits, Severity};
pub use watch::{Sources, Watch};

/// When alarms are raised, and who is told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How often it is looked.
    pub every: Duration,
    /// What is wrong has to last for so long before it is told,
    pub raise_after: Duration,
    /// and to be over for so long before that is told.
    pub resolve_after: Duration,
    /// What lasts is told again after so long.
    pub repeat_after: Duration,
    /// The address of the admin pages, for links in messages.
    pub link: Option<url::Url>,
    /// What is too much.
    pub limits: Limits,
    /// Who is told.
    pub destinations: Vec<Destination>,
}

/// Somebody who is told.
#[derive(Debug, Clone)]
pub struct Destination {
    /// Its name, for the log.
    pub name: Arc<str>,
    /// Where messages are posted. Whoever knows the address of a Slack webhook can post there: it is a secret.
    pub url: SecretString,
    /// Sent as `Authorization: Bearer …`.
    pub bearer: Option<SecretString>,
}
