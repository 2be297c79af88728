//! From what is there to nothing.

use super::carry_out::Action;
use super::found::{Found, FoundQueue};
use super::{TARGET_ID, Wanted, policy};
use crate::provision::{Change, Plan, Step};

/// What is deleted of that which holds events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Losses {
    /// Which queues.
    pub queues: Queues,
    /// Whether the archive.
    pub archive: bool,
}

/// Which queues are deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queues {
    /// Those that hold no message.
    Empty,
    /// All of ours, with what they hold.
    EvenWithMessages,
}

/// What is to be done, in the reverse order of making it, and whether queues stay for what they hold. What
/// is not ours by its name, or of a queue by its tag, is left alone.
pub fn teardown(wanted: &Wanted, found: &Found, losses: Losses) -> (Plan<Action>, bool) {
    let (mut steps, mut notes) = (Vec::new(), Vec::new());
    let rule_stays = rule(wanted, found, &mut steps, &mut notes);
    let archive_stays = archive(wanted, found, losses, (&mut steps, &mut notes));
    if !archive_stays {
        bus(wanted, found, (rule_stays, &mut steps), &mut notes);
    }
    let holding = all_queues(wanted, found, losses.queues, (&mut steps, &mut notes));
    (Plan { steps, notes }, holding)
}

/// Returns whether queues stay for what they hold. The dead-letter queues go with the queue or stay with it: what
/// stays goes on using them.
fn all_queues(
    wanted: &Wanted,
    found: &Found,
    queues: Queues,
    (steps, notes): (&mut Vec<Step<Action>>, &mut Vec<String>),
) -> bool {
    let names = &wanted.names;
    let rule_arn = found.place.rule(wanted.source.as_str(), &names.rule);
    if let Some(who) = still_used(wanted, found, &rule_arn) {
        notes.push(format!("the queues stay: {who} sends to {} too", names.queue));
        for (name, queue) in
            [(&names.queue, &found.queue), (&names.undelivered, &found.undelivered)]
        {
            steps.extend(queue.as_ref().and_then(|queue| shut_out(name, queue, &rule_arn)));
        }
        return false;
    }
    let (mut holding, mut stays) = (false, false);
    for (name, queue) in [
        (&names.queue, &found.queue),
        (&names.undelivered, &found.undelivered),
        (&names.dead_letters, &found.dead_letters),
    ] {
        let Some(queue) = queue else { continue };
        match queue_step(name, queue, queues) {
            Ok(_) if stays => notes.push(format!("the queue {name} stays with {}", names.queue)),
            Ok(step) => steps.push(step),
            Err(Left { why, holds }) => {
                holding |= holds;
                stays |= *name == names.queue;
                notes.push(why);
            }
        }
    }
    holding
}

/// Another rule that sends to the queue.
fn still_used(wanted: &Wanted, found: &Found, rule_arn: &str) -> Option<String> {
    let here = found.senders.iter().find(|sender| **sender != wanted.names.rule);
    let here = here.map(|sender| format!("the rule {sender}"));
    let policy = found.queue.as_ref().and_then(|queue| queue.attribute("Policy"));
    // Of this bus it is known which rules there are.
    let of_bus = found.place.rule(wanted.source.as_str(), "");
    let is_gone = |arn: &str| {
        let name = arn.strip_prefix(&of_bus);
        name.is_some_and(|name| !found.rules.iter().any(|rule| rule == name))
    };
    let let_in = || {
        let mut others = policy::others_let_in(policy, rule_arn).into_iter();
        let other = others.find(|arn| !is_gone(arn))?;
        Some(format!("{other} may send, and perhaps"))
    };
    here.or_else(|| found.elsewhere.first().cloned()).or_else(let_in)
}

/// Our rule may not send to a queue that stays any more.
fn shut_out(name: &str, queue: &FoundQueue, rule_arn: &str) -> Option<Step<Action>> {
    let policy = policy::without(queue.attribute("Policy"), rule_arn)?;
    let attributes = [("Policy".to_owned(), policy)].into();
    let action = Action::ChangeQueue { name: name.to_owned(), attributes };
    let step = Step::new(format!("queue {name}"), Change::Update, action);
    Some(step.because(vec!["Policy: this rule may not send any more".into()]))
}

/// Returns whether the rule stays.
fn rule(
    wanted: &Wanted,
    found: &Found,
    steps: &mut Vec<Step<Action>>,
    notes: &mut Vec<String>,
) -> bool {
    if found.rule.is_none() {
        return false;
    }
    let (bus, rule) = (wanted.source.to_string(), wanted.names.rule.clone());
    let queue_arn = found.place.queue(&wanted.names.queue);
    let (ours, others): (Vec<_>, Vec<_>) =
        found.targets.iter().partition(|target| target.id == TARGET_ID || target.arn == queue_arn);
    if !ours.is_empty() {
        let ids = ours.iter().map(|target| target.id.clone()).collect();
        let action = Action::RemoveTargets { bus: bus.clone(), rule: rule.clone(), ids };
        steps.push(Step::new(format!("target of rule {rule}"), Change::Delete, action));
    }
    if !others.is_empty() {
        let ids: Vec<&str> = others.iter().map(|target| target.id.as_str()).collect();
        notes.push(format!("the rule {rule} has other targets, and stays: {}", ids.join(", ")));
        return true;
    }
    let what = format!("rule {rule}");
    steps.push(Step::new(what, Change::Delete, Action::DeleteRule { bus, name: rule }));
    false
}

/// Returns whether an archive of the bus stays.
fn archive(
    wanted: &Wanted,
    found: &Found,
    losses: Losses,
    (steps, notes): (&mut Vec<Step<Action>>, &mut Vec<String>),
) -> bool {
    let Some(archive) = &found.archive else { return false };
    let name = wanted.names.archive.clone();
    if archive.bus_arn != found.place.bus(wanted.source.as_str()) {
        notes.push(format!("the archive {name} is of another bus, and stays"));
        return false;
    }
    if !losses.archive {
        notes.push(format!(
            "the archive {name} stays, and the bus with it: add --with-archive to lose the events in it"
        ));
        return true;
    }
    let step = Step::new(
        format!("archive {name}"),
        Change::Delete,
        Action::DeleteArchive { name: name.clone() },
    );
    steps.push(step.because(vec!["the events in it go with it".into()]));
    false
}

fn bus(
    wanted: &Wanted,
    found: &Found,
    (rule_stays, steps): (bool, &mut Vec<Step<Action>>),
    notes: &mut Vec<String>,
) {
    if !found.bus {
        return;
    }
    let of_archive = format!("Events-Archive-{}", wanted.names.archive);
    let is_other = |rule: &&String| {
        (**rule != wanted.names.rule || rule_stays)
            && (**rule != of_archive || found.archive.is_none())
    };
    let others: Vec<&str> = found.rules.iter().filter(is_other).map(String::as_str).collect();
    if !others.is_empty() {
        notes.push(format!("the bus has other rules, and stays: {}", others.join(", ")));
        return;
    }
    let name = wanted.source.to_string();
    let step = Step::new(format!("event bus {name}"), Change::Delete, Action::DeleteBus { name });
    let ends = "ends the association: the source is PENDING again, and what Auth0 sends is dropped";
    steps.push(step.because(vec![ends.into()]));
}

/// Why a queue is left.
struct Left {
    why: String,
    /// Whether for the messages that it holds.
    holds: bool,
}

fn queue_step(name: &str, queue: &FoundQueue, queues: Queues) -> Result<Step<Action>, Left> {
    if !queue.is_ours {
        let why = format!("the queue {name} was not made by `setup aws`, and stays");
        return Err(Left { why, holds: false });
    }
    let messages = queue.messages();
    if messages > 0 && queues == Queues::Empty {
        let why = format!(
            "the queue {name} holds about {messages} messages, and stays: let the gateway take them, or \
             add --even-with-messages"
        );
        return Err(Left { why, holds: true });
    }
    let even_with_messages = queues == Queues::EvenWithMessages;
    let step = Step::new(
        format!("queue {name}"),
        Change::Delete,
        Action::DeleteQueue { name: name.to_owned(), even_with_messages },
    );
    let lost = (messages > 0).then(|| format!("with about {messages} messages, which are lost"));
    Ok(step.because(lost.into_iter().collect()))
}
