//! What is wrong with the facts. Pure.

use std::time::Duration;

use super::Facts;
use crate::compare::Outcome;
use crate::compare::words::{count, counted, duration, percent, quantity};
use crate::event::{Path, PathSet};
use crate::telemetry::{BreakerState, DoorState};

/// What is too much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Alarms that nobody wants.
    pub off: Vec<Alarm>,
    /// The time that "lately" means: for refusals, quarantine and dead letters.
    pub within: Duration,
    /// Requests with a wrong secret, lately.
    pub refused_max: u64,
    /// Arrivals that were not understood, lately.
    pub quarantined_max: u64,
    /// Deliveries that failed for good, lately.
    pub died_max: u64,
    /// A path that brings nothing for so long is silent,
    pub silent_for: Duration,
    /// while the other one brings so many.
    pub silent_while: u64,
    /// The age of a delivery that has not ended.
    pub pending_age_max: Duration,
    /// Messages in the queue.
    pub queue_messages_max: u64,
    /// The age of a message when it is received.
    pub queue_age_max: Duration,
    /// Messages in a dead-letter queue.
    pub dead_letter_queue_max: u64,
}

/// One kind of alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Alarm {
    /// A path is shown to lose too much.
    Loss,
    /// A path is shown to be too slow.
    Latency,
    /// A path is shown to be too dear.
    Cost,
    /// A path is silent while the other speaks.
    Silence,
    /// Requests have a wrong secret.
    Refused,
    /// Arrivals are not understood.
    Quarantine,
    /// Deliveries fail for good.
    DeadLetters,
    /// Messages gather in the queue, or are old when they come.
    Queue,
    /// Messages lie in a dead-letter queue.
    DeadLetterQueue,
    /// A target is down.
    Breaker,
    /// A door takes nothing in.
    Door,
    /// The journal does not commit, or is nearly full.
    Journal,
    /// An application falls behind.
    Pending,
    /// This host's clock is behind Auth0's.
    Clock,
    /// Auth0 has switched a stream off, or is near it.
    Stream,
    /// Auth0's Events API is not heard, though it is followed.
    Following,
}

impl Alarm {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Loss,
        Self::Latency,
        Self::Cost,
        Self::Silence,
        Self::Refused,
        Self::Quarantine,
        Self::DeadLetters,
        Self::Queue,
        Self::DeadLetterQueue,
        Self::Breaker,
        Self::Door,
        Self::Journal,
        Self::Pending,
        Self::Clock,
        Self::Stream,
        Self::Following,
    ];

    /// The name in the configuration and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Latency => "latency",
            Self::Cost => "cost",
            Self::Silence => "silence",
            Self::Refused => "refused",
            Self::Quarantine => "quarantine",
            Self::DeadLetters => "dead_letters",
            Self::Queue => "queue",
            Self::DeadLetterQueue => "dead_letter_queue",
            Self::Breaker => "breaker",
            Self::Door => "door",
            Self::Journal => "journal",
            Self::Pending => "pending",
            Self::Clock => "clock",
            Self::Stream => "stream",
            Self::Following => "following",
        }
    }

    /// The page of the admin listener that shows more.
    pub const fn page(self) -> &'static str {
        match self {
            Self::Loss | Self::Latency | Self::Cost | Self::Silence | Self::Clock => "compare",
            Self::Refused
            | Self::Door
            | Self::Journal
            | Self::Queue
            | Self::Stream
            | Self::Following => "setup",
            Self::Quarantine => "quarantine",
            Self::DeadLetters | Self::DeadLetterQueue => "dead-letters",
            Self::Breaker | Self::Pending => "targets",
        }
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Events are lost, or will be.
    Critical,
    /// Somebody should look soon.
    Warning,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing.
    pub alarm: Alarm,
    /// With what: a path, a target, a queue; empty where there is one of it.
    pub about: String,
    /// How bad it is.
    pub severity: Severity,
    /// What it is, with its number and the limit.
    pub what: String,
    /// What to do.
    pub remedy: &'static str,
}

/// The journal's file may fill this part of its size, from where it is nearly full.
const NEARLY_FULL: (u64, u64) = (9, 10);

/// All that is wrong, in no particular order; no two with the same alarm and about the same.
pub(super) fn findings(facts: &Facts, limits: &Limits) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(criteria(facts));
    found.extend(Path::ALL.into_iter().filter_map(|path| silence(facts, limits, path)));
    found.extend(lately(facts, limits));
    found.extend(queues(facts, limits));
    found.extend(targets(facts, limits));
    found.extend(doors(facts));
    found.extend(journal(facts));
    found.extend(clock(facts));
    found.extend(streams(facts));
    found.extend(following(facts));
    found.retain(|finding| !limits.off.contains(&finding.alarm));
    found
}

fn criteria(facts: &Facts) -> Vec<Finding> {
    let failing = facts.criteria.iter().filter(|criterion| criterion.outcome == Outcome::Fails);
    failing
        .filter_map(|criterion| {
            let measured = criterion.measured?;
            let path = criterion.path;
            let (alarm, what) = match criterion.measure {
                "loss" => (
                    Alarm::Loss,
                    format!(
                        "The {path} path lost {} to {} of the last day's events; {} is allowed.",
                        percent(measured.low),
                        percent(measured.high),
                        percent(criterion.limit)
                    ),
                ),
                "p99_ms" => (
                    Alarm::Latency,
                    format!(
                        "1 of 100 events of the last day took over {} by {path}; {} is allowed.",
                        duration(measured.low),
                        duration(criterion.limit)
                    ),
                ),
                _ => (
                    Alarm::Cost,
                    format!(
                        "The {path} path costs {} a month; {} is allowed.",
                        quantity(measured.estimate),
                        quantity(criterion.limit)
                    ),
                ),
            };
            let remedy = "Compare the paths over the last day, and look at when it began.";
            let about = path.to_string();
            Some(Finding { alarm, about, severity: Severity::Warning, what, remedy })
        })
        .collect()
}

fn silence(facts: &Facts, limits: &Limits, path: Path) -> Option<Finding> {
    let open = facts.doors.get(&path).is_some_and(DoorState::is_open);
    let (own, others) = (*facts.came_lately.of(path), *facts.came_lately.of(path.other()));
    let silent = facts.mode == Some(PathSet::Both)
        && open
        && facts.watched_for >= limits.silent_for
        && own == 0
        && others >= limits.silent_while.max(1);
    silent.then(|| Finding {
        alarm: Alarm::Silence,
        about: path.to_string(),
        severity: Severity::Critical,
        what: format!(
            "Nothing came by {path} for {}, while {} brought {}. Its door is open.",
            spoken(limits.silent_for),
            path.other(),
            counted(others, "event")
        ),
        remedy: "Look at the stream in Auth0, and for eventbridge at the rule and the queue.",
    })
}

fn lately(facts: &Facts, limits: &Limits) -> Vec<Finding> {
    let within = spoken(limits.within);
    let over = |alarm, severity, (number, limit): (u64, u64), what: &str, remedy| {
        (number > limit).then(|| Finding {
            alarm,
            about: String::new(),
            severity,
            what: format!("{} {what} within {within}; {} allowed.", count(number), are(limit)),
            remedy,
        })
    };
    let found = [
        over(
            Alarm::Refused,
            Severity::Critical,
            (facts.refused, limits.refused_max),
            "webhook requests had a wrong secret",
            "Compare the secret in Auth0 with yours: Auth0 never repeats what is answered 401.",
        ),
        over(
            Alarm::Quarantine,
            Severity::Warning,
            (facts.quarantined, limits.quarantined_max),
            "arrivals were not understood",
            "See what they are under Quarantine; they are kept as they came.",
        ),
        over(
            Alarm::DeadLetters,
            Severity::Critical,
            (facts.died, limits.died_max),
            "deliveries failed for good",
            "See why under Dead letters, mend it, and put them back.",
        ),
    ];
    found.into_iter().flatten().collect()
}

fn are(limit: u64) -> String {
    if limit == 1 { "1 is".to_owned() } else { format!("{} are", count(limit)) }
}

fn queues(facts: &Facts, limits: &Limits) -> Vec<Finding> {
    let deep = facts.queues.iter().filter_map(|(queue, messages)| {
        let is_main = *queue == "main";
        let limit = if is_main { limits.queue_messages_max } else { limits.dead_letter_queue_max };
        (*messages > limit).then(|| Finding {
            alarm: if is_main { Alarm::Queue } else { Alarm::DeadLetterQueue },
            about: (*queue).to_owned(),
            severity: Severity::Warning,
            what: format!(
                "About {} in the {}; {} allowed.",
                counted(*messages, "message"),
                match *queue {
                    "main" => "queue",
                    "rule_dead_letters" => "dead-letter queue of the rule's target",
                    _ => "queue's dead-letter queue",
                },
                are(limit)
            ),
            remedy: if is_main {
                "More comes in than is taken out: look at the eventbridge door and the journal."
            } else {
                "They are listed under Dead letters, and can be put back from there."
            },
        })
    });
    let old = facts.queue_age.filter(|age| *age > limits.queue_age_max).map(|age| Finding {
        alarm: Alarm::Queue,
        about: "age".to_owned(),
        severity: Severity::Critical,
        what: format!(
            "Messages are {} old when they are received; {} is allowed.",
            spoken(age),
            spoken(limits.queue_age_max)
        ),
        remedy: "The backlog is longer than the queue keeps messages when nobody acts: look at the \
                 eventbridge door and the journal.",
    });
    deep.chain(old).collect()
}

fn targets(facts: &Facts, limits: &Limits) -> Vec<Finding> {
    let down = facts.targets.iter().filter(|(_, state)| state.breaker != BreakerState::Closed);
    let down = down.map(|(name, state)| Finding {
        alarm: Alarm::Breaker,
        about: name.to_string(),
        severity: Severity::Critical,
        what: format!(
            "The target {name} has been down since {}{}.",
            state.since,
            state.down_because.as_ref().map(|why| format!(": {why}")).unwrap_or_default()
        ),
        remedy: "Its deliveries wait and nothing is lost; bring the application up again.",
    });
    let late = facts.oldest_pending.iter().filter(|(_, age)| **age > limits.pending_age_max);
    let late = late.map(|(target, age)| Finding {
        alarm: Alarm::Pending,
        about: target.clone(),
        severity: Severity::Warning,
        what: format!(
            "The oldest delivery to {target} has waited for {}; {} is allowed.",
            spoken(*age),
            spoken(limits.pending_age_max)
        ),
        remedy: "The application takes less than comes in, or refuses something for now.",
    });
    down.chain(late).collect()
}

fn doors(facts: &Facts) -> Vec<Finding> {
    let closed = facts.doors.iter().filter_map(|(path, door)| {
        let why = match door {
            DoorState::Open { .. } | DoorState::Closed => return None,
            DoorState::Opening { waiting_for } => waiting_for.clone()?,
            DoorState::Failing { error, .. } => error.clone(),
        };
        Some(Finding {
            alarm: Alarm::Door,
            about: path.to_string(),
            severity: Severity::Critical,
            what: format!("The {path} door takes nothing in: {why}."),
            remedy: "See Set-up. A queue keeps messages meanwhile; a webhook's events are lost.",
        })
    });
    closed.collect()
}

fn journal(facts: &Facts) -> Vec<Finding> {
    let failing = facts.no_commit.as_ref().map(|why| Finding {
        alarm: Alarm::Journal,
        about: "commit".to_owned(),
        severity: Severity::Critical,
        what: format!("The journal does not commit: {why}."),
        remedy: "Senders are told to come back; Auth0 gives a webhook's event up after 7 s. Look at \
                 the disk.",
    });
    let (bytes, most) = facts.journal_bytes;
    let full = u128::from(bytes) * u128::from(NEARLY_FULL.1)
        >= u128::from(most) * u128::from(NEARLY_FULL.0);
    let full = (most > 0 && full).then(|| Finding {
        alarm: Alarm::Journal,
        about: "size".to_owned(),
        severity: Severity::Warning,
        what: format!(
            "The journal's file has {} of the {} MiB that it may have.",
            count(bytes >> 20),
            count(most >> 20)
        ),
        remedy: "From there on events go before journal.keep is over: raise journal.size_bytes_max.",
    });
    failing.into_iter().chain(full).collect()
}

fn clock(facts: &Facts) -> Option<Finding> {
    (facts.negative_latencies > 0).then(|| Finding {
        alarm: Alarm::Clock,
        about: String::new(),
        severity: Severity::Warning,
        what: format!(
            "{} of the last day came before their own event by this host's clock.",
            counted(facts.negative_latencies, "arrival")
        ),
        remedy: "Set this host's clock (NTP): latencies are too short by as much as it is behind.",
    })
}

/// When no more failures than these are left before Auth0 switches a stream off, somebody must act. The
/// nearer limit is 500 in a row: half of it is some half an hour of one failing event after the other.
const FAILURES_LEFT_MIN: u64 = 250;

fn streams(facts: &Facts) -> Vec<Finding> {
    let near = facts.streams.iter().filter_map(|(path, stream)| {
        let what = if !stream.enabled {
            format!("Auth0's {path} stream is switched off: its new events are kept nowhere.")
        } else if stream.failures_left < FAILURES_LEFT_MIN {
            format!(
                "Auth0 gave up on {} of the {path} stream in a row, and on {} in all: after {} more it \
                 is switched off.",
                counted(stream.failures_in_a_row, "event"),
                count(stream.failures),
                count(stream.failures_left)
            )
        } else {
            return None;
        };
        Some(Finding {
            alarm: Alarm::Stream,
            about: path.to_string(),
            severity: Severity::Critical,
            what,
            remedy: "Mend the door first; then `twinstream setup auth0 enable`, and `twinstream reconcile`.",
        })
    });
    near.collect()
}

/// Auth0 keeps what the Events API tells for longer; by then it is no connection that is just renewed.
const UNHEARD_MAX: Duration = Duration::from_mins(10);

fn following(facts: &Facts) -> Option<Finding> {
    let (unheard_for, why) = facts.unheard.as_ref()?;
    (*unheard_for > UNHEARD_MAX).then(|| Finding {
        alarm: Alarm::Following,
        about: String::new(),
        severity: Severity::Warning,
        what: format!(
            "Auth0's Events API has not been heard for {}{}.",
            spoken(*unheard_for),
            why.as_ref().map(|why| format!(": {why}")).unwrap_or_default()
        ),
        remedy: "Nothing is lost by it, and nobody knows what else is: look at the scope read:events, and at \
                 who else holds a connection.",
    })
}

fn spoken(time: Duration) -> String {
    duration(time.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests;
