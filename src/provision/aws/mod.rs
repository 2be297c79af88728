//! Wiring Auth0's partner event source to the SQS door: bus, queues, policies, rule, target, archive.
//!
//! What is wanted ([`Wanted`]) and what is there ([`Found`]) make a plan ([`plan()`], [`teardown()`]): pure
//! functions. [`Services`] reads what is there and carries a plan out, call by call.

mod admits;
mod call;
mod carry_out;
mod find;
mod found;
mod pattern;
mod plan;
mod policy;
mod queue;
mod section;
mod source;
mod survey;
mod teardown;
#[cfg(test)]
mod tests;

pub use admits::{Admission, admission};
pub use call::{CallError, Trouble};
pub use carry_out::Action;
pub use find::Services;
pub use found::{Found, FoundArchive, FoundQueue, FoundRule, FoundTarget, Place};
pub use pattern::{Narrowed, narrowed, rule_pattern};
pub use plan::{Impossible, plan};
pub use section::Section;
pub use source::{ChoiceError, SourceName, SourceNameError, SourceStanding, SourceState, choose};
pub use survey::{DEFAULT_BUS, Sender, Survey};
pub use teardown::{Losses, Queues, teardown};

use std::time::Duration;

use serde_json::Value;

/// For how long a received message is hidden: longer than storing it ever takes.
pub const VISIBILITY: Duration = Duration::from_secs(90);
/// After so many receives without a delete a message is a dead letter.
pub const RECEIVES_MAX: u32 = 3;
/// For how long a receive waits for a message; SQS's longest (API reference, `ReceiveMessage`).
pub const WAIT: Duration = Duration::from_secs(20);
/// For how long the queue keeps what nobody takes.
pub const RETENTION: Duration = Duration::from_hours(4 * 24);
/// For how many days an archive keeps events.
pub const ARCHIVE_DAYS: u32 = 30;
/// For how long dead letters are kept; SQS's longest (API reference, `SetQueueAttributes`).
pub const DEAD_LETTER_RETENTION: Duration = Duration::from_hours(14 * 24);
/// For how long EventBridge tries to put an event into the queue; its longest (API reference, `RetryPolicy`).
pub const TARGET_RETRY_AGE: Duration = Duration::from_hours(24);
/// How often it tries; its most (API reference, `RetryPolicy`).
pub const TARGET_RETRIES: u32 = 185;
/// A rule's pattern has at most so many characters (user guide, "Amazon EventBridge quotas").
pub const PATTERN_CHARACTERS_MAX: usize = 2_048;

/// The queue's name where nobody gives one.
pub const QUEUE: &str = "auth0-events";
/// The rule's name where nobody gives one.
pub const RULE: &str = "twinstream";
/// The id of the rule's target.
pub const TARGET_ID: &str = "twinstream";
/// The tag of queues that were made here, so that only these are ever deleted.
pub const TAG: (&str, &str) = ("made-by", "twinstream");

/// What all things of one set-up are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The queue that the SQS door takes from.
    pub queue: String,
    /// The queue's dead-letter queue.
    pub dead_letters: String,
    /// The dead-letter queue of the rule's target: what EventBridge could not put into the queue.
    pub undelivered: String,
    /// The rule on the bus. The bus has the source's name.
    pub rule: String,
    /// The archive, where one is wanted.
    pub archive: String,
}

impl Names {
    /// Of a queue and a rule of these names.
    ///
    /// # Errors
    /// What is wrong with them, for people.
    pub fn new(queue: &str, rule: &str) -> Result<Self, String> {
        let names = Self {
            dead_letters: format!("{queue}-dead-letters"),
            undelivered: format!("{queue}-undelivered"),
            archive: queue.to_owned(),
            queue: queue.to_owned(),
            rule: rule.to_owned(),
        };
        if queue.strip_suffix(".fifo").is_some() {
            let what = "is a FIFO queue's name: one is slower, and gains nothing here, where every \
                        event is brought into order and told from its repeats; use another name";
            return Err(format!("{queue} {what}"));
        }
        // API reference: `CreateQueue` (80), `CreateArchive` (48), `PutRule` (64).
        check_name("queue", &names.dead_letters, (80, "-_"))?;
        check_name("archive", &names.archive, (48, "-_."))?;
        check_name("rule", &names.rule, (64, "-_."))?;
        Ok(names)
    }
}

fn check_name(kind: &str, name: &str, (longest, more): (usize, &str)) -> Result<(), String> {
    let fits = name.chars().all(|sign| sign.is_ascii_alphanumeric() || more.contains(sign));
    if fits && (1..=longest).contains(&name.len()) {
        return Ok(());
    }
    Err(format!("{name:?} is no name of a {kind}: 1 to {longest} letters, digits and {more}"))
}

/// A value, and whether somebody asked for just this one. Otherwise it is for what is made, and what is there keeps
/// its own, where that is no worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Whether it was asked for.
    pub is_asked: bool,
}

impl<T> Setting<T> {
    /// What was asked for, or else what is usual.
    pub fn new(asked: Option<T>, usual: T) -> Self {
        let is_asked = asked.is_some();
        Self { value: asked.unwrap_or(usual), is_asked }
    }
}

/// What is to be there.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// The partner event source.
    pub source: SourceName,
    /// What its parts are called.
    pub names: Names,
    /// For how long a received message is hidden, in whole seconds up to 12 h; what is longer stays.
    pub visibility: Setting<Duration>,
    /// After how many receives a message is a dead letter; 2 to 1,000. What is more stays.
    pub receives_max: Setting<u32>,
    /// For how long the queue keeps what nobody takes; 1 min to 14 days. What is longer stays.
    pub retention: Setting<Duration>,
    /// The rule's pattern. One that takes any of the source's events stays.
    pub pattern: Setting<Value>,
    /// For how many days an archive keeps all events, 0 for ever; `None` leaves archives alone.
    pub archive_days: Option<Setting<u32>>,
}
