//! EventBridge and SQS, around the queue of the configuration.

mod queue;
mod rule;
#[cfg(test)]
mod tests;

use std::fmt::Display;
use std::time::Duration;

use super::Check;
use crate::event::Timestamp;
use crate::provision::aws::{CallError, SourceStanding, SourceState, Survey};
use crate::routing::Pattern;
use crate::telemetry::Chain;

/// What is so at AWS, and what the configuration wants of it.
#[derive(Debug)]
pub struct Facts {
    /// The time now.
    pub now: Timestamp,
    /// What was found.
    pub survey: Survey,
    /// The longest that a message may be worked on before it is deleted.
    pub work: Duration,
    /// The routes, by name.
    pub routes: Vec<(String, Pattern)>,
}

/// The command that sets things right.
const SETUP: &str = "twinstream setup aws";
/// All checks at AWS.
pub fn checks(facts: &Facts) -> Vec<Check> {
    let mut checks = sources(facts);
    let queue = match &facts.survey.queue {
        Ok(Some(queue)) => queue,
        Ok(None) => {
            let advice = "The door of eventbridge has nothing to take from.";
            checks.push(Check::bad("queue", "there is none at this URL", advice).mended_by(SETUP));
            return checks;
        }
        Err(error) => {
            checks.push(not_read("queue", error));
            return checks;
        }
    };
    checks.extend(queue::checks(facts, queue));
    checks.extend(rule::checks(facts, queue));
    checks
}

/// A call that failed: a permission that is missing is named.
fn not_read(what: impl Display, error: &CallError) -> Check {
    if error.is_denied() {
        let advice = format!(
            "Give it to whoever runs this: config/iam/doctor.json has all that looking takes. Without {}, \
             this can't be looked at.",
            error.permission()
        );
        return Check::bad(what.to_string(), Chain(error).to_string(), advice);
    }
    let advice = "Are the region, the credentials and the network right?";
    Check::not_asked(what.to_string(), Chain(error).to_string(), advice)
}

fn sources(facts: &Facts) -> Vec<Check> {
    const WHAT: &str = "partner event source";
    let listed = match &facts.survey.sources {
        Ok(listed) => listed,
        Err(error) => return vec![not_read(WHAT, error)],
    };
    if listed.is_empty() {
        let advice = "Auth0 has no EventBridge stream for this account and region, or this is another \
                      account or region.";
        return vec![Check::bad(WHAT, "none", advice).mended_by("twinstream setup auth0 streams")];
    }
    listed.iter().map(|source| one_source(facts, source)).collect()
}

fn one_source(facts: &Facts, source: &SourceStanding) -> Check {
    let what = format!("partner event source {}", source.name);
    let found = source.state.words(facts.now);
    if source.name.ends_with("/auth0.logs") {
        let advice = "It is of a log stream, another product of Auth0; events of users come by one that \
                      ends in /auth0.events.";
        return Check::look(what, found, advice);
    }
    match &source.state {
        SourceState::Active => Check::good(what, found),
        // Events come by another one: this may well be another tenant's, or a stream that is not in use.
        SourceState::Pending { .. } if is_fed_by_another(facts, source) => {
            let advice = "No bus is associated with it: what its tenant sends by it is dropped. It is none of this \
                          gateway's, as far as can be seen.";
            Check::look(what, found, advice)
        }
        SourceState::Pending { .. } => {
            let advice =
                "No bus is associated with it: everything that Auth0 sends is dropped, and gone.";
            let check = Check::bad(what, found, advice);
            match source.check_of_use(facts.now) {
                Ok(()) => check.mended_by(format!("{SETUP} --source {}", source.name)),
                // It has expired.
                Err(_) => check.mended_by("twinstream setup auth0 streams"),
            }
        }
        SourceState::Deleted => {
            let advice = "Auth0's stream is gone; its bus and rule bring nothing any more.";
            Check::look(what, found, advice).mended_by("twinstream setup auth0 streams")
        }
        SourceState::Unknown(_) => {
            Check::look(what, found, "Whether its events come can't be told from this.")
        }
    }
}

/// Whether a rule on the bus of another source sends to the queue.
fn is_fed_by_another(facts: &Facts, source: &SourceStanding) -> bool {
    let senders = facts.survey.senders.as_ref().ok().into_iter().flatten();
    let active = |bus: &str| {
        let sources = facts.survey.sources.as_ref().ok().into_iter().flatten();
        sources.into_iter().any(|one| one.name == bus && one.state == SourceState::Active)
    };
    senders
        .into_iter()
        .any(|sender| sender.bus != source.name && sender.rule.is_enabled && active(&sender.bus))
}
