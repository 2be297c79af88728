//! From what is there to what is wanted.

use serde_json::Value;

use super::carry_out::{Action, NewTarget};
use super::found::{Found, FoundArchive, FoundQueue, FoundRule, FoundTarget};
use super::pattern::takes_of;
use super::queue::{Difference, WantedQueue, redrive_allow};
use super::source::{ChoiceError, SourceState};
use super::{TARGET_ID, TARGET_RETRIES, TARGET_RETRY_AGE, Wanted};
use crate::event::Timestamp;
use crate::provision::{Change, Plan, Step};

/// Why it can't be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Impossible {
    /// The source is gone.
    #[error(transparent)]
    Source(ChoiceError),
    /// The archive's name is another's.
    #[error(
        "the archive {name} is there already, of another bus ({bus_arn}); choose other names with --queue"
    )]
    Archive {
        /// Its name.
        name: String,
        /// Whose it is.
        bus_arn: String,
    },
    /// Another rule does what ours is to do.
    #[error(
        "the rule {0} on this bus sends to the queue already, and a second one would bring, and cost, every event \
         twice: --rule {0} takes it over"
    )]
    OtherRule(String),
}

/// What is to be done, and in which order: the bus first, so that a source that can't be had stops all of
/// it before anything else is made; the rule when the queue takes what it sends.
///
/// # Errors
/// When it can't be done at all.
pub fn plan(wanted: &Wanted, found: &Found, now: Timestamp) -> Result<Plan<Action>, Impossible> {
    found.source.check_of_use(now).map_err(Impossible::Source)?;
    if let (None, Some(other)) = (&found.rule, found.senders.first()) {
        return Err(Impossible::OtherRule(other.clone()));
    }
    let place = &found.place;
    let queue = WantedQueue::main(wanted, place);
    let dead_letters = WantedQueue::dead_letters(wanted, place);
    let undelivered = WantedQueue::undelivered(wanted, place);
    let mut steps = vec![bus(wanted, found)];
    steps.extend(archive(wanted, found)?);
    steps.push(letters_step(&dead_letters, found.dead_letters.as_ref()));
    steps.push(letters_step(&undelivered, found.undelivered.as_ref()));
    steps.push(queue_step(&queue, found.queue.as_ref()));
    steps.push(allow_step(wanted, found));
    steps.push(rule(wanted, found));
    steps.push(target(wanted, found));
    Ok(Plan { steps, notes: notes(wanted, found) })
}

fn bus(wanted: &Wanted, found: &Found) -> Step<Action> {
    let what = format!("event bus {}", wanted.source);
    if found.bus {
        return Step::keep(what);
    }
    Step::new(what, Change::Create, Action::CreateBus { name: wanted.source.to_string() })
        .because(vec!["associated with the partner event source of the same name".into()])
}

fn archive(wanted: &Wanted, found: &Found) -> Result<Option<Step<Action>>, Impossible> {
    let Some(days) = wanted.archive_days else { return Ok(None) };
    let name = wanted.names.archive.clone();
    let what = format!("archive {name}");
    let bus_arn = found.place.bus(wanted.source.as_str());
    let step = match &found.archive {
        None => {
            let days = days.value;
            let keeps = format!("keeps all events of the bus {}", days_in_words(days));
            Step::new(what, Change::Create, Action::CreateArchive { name, bus_arn, days })
                .because(vec![keeps])
        }
        Some(other) if other.bus_arn != bus_arn => {
            return Err(Impossible::Archive { name, bus_arn: other.bus_arn.clone() });
        }
        Some(FoundArchive { days: held, .. }) if !days.is_asked || *held == days.value => {
            Step::keep(what)
        }
        Some(FoundArchive { days: held, .. }) => {
            let days = days.value;
            let mut lines = vec![format!("RetentionDays: {held} → {days}")];
            if days != 0 && (*held == 0 || days < *held) {
                lines.push(format!("events older than {days} days are DELETED by that"));
            }
            Step::new(what, Change::Update, Action::UpdateArchive { name, days }).because(lines)
        }
    };
    Ok(Some(step))
}

fn days_in_words(days: u32) -> String {
    if days == 0 { "for ever".into() } else { format!("for {days} days") }
}

fn queue_step(wanted: &WantedQueue, found: Option<&FoundQueue>) -> Step<Action> {
    let Some(found) = found else {
        let (what, name) = (format!("queue {}", wanted.name), wanted.name.clone());
        let fresh = wanted.fresh();
        let action = Action::CreateQueue { name, attributes: fresh.attributes };
        return Step::new(what, Change::Create, action).because(fresh.lines);
    };
    changed(wanted, wanted.difference(found))
}

fn changed(wanted: &WantedQueue, difference: Difference) -> Step<Action> {
    let (what, name) = (format!("queue {}", wanted.name), wanted.name.clone());
    if difference.attributes.is_empty() {
        return Step::keep(what);
    }
    let action = Action::ChangeQueue { name, attributes: difference.attributes };
    Step::new(what, Change::Update, action).because(difference.lines)
}

/// Of a dead-letter queue that somebody else made nothing is touched but who may send to it.
fn letters_step(wanted: &WantedQueue, found: Option<&FoundQueue>) -> Step<Action> {
    let Some(found) = found.filter(|found| !found.is_ours) else {
        return queue_step(wanted, found);
    };
    changed(wanted, wanted.needs(found))
}

/// Apart from the queue itself, since each of the two queues names the other.
fn allow_step(wanted: &Wanted, found: &Found) -> Step<Action> {
    let name = wanted.names.dead_letters.clone();
    let what = format!("redrive-allow policy of queue {name}");
    let queue_arn = found.place.queue(&wanted.names.queue);
    let Some(policy) = redrive_allow(found.dead_letters.as_ref(), &queue_arn) else {
        return Step::keep(what);
    };
    let held = found.dead_letters.as_ref().and_then(|held| held.attribute("RedriveAllowPolicy"));
    let change = if held.is_some() { Change::Update } else { Change::Create };
    let attributes = [("RedriveAllowPolicy".to_owned(), policy)].into();
    Step::new(what, change, Action::ChangeQueue { name, attributes })
        .because(vec![format!("dead letters of {} may come here", wanted.names.queue)])
}

fn rule(wanted: &Wanted, found: &Found) -> Step<Action> {
    let what = format!("rule {}", wanted.names.rule);
    let action = |pattern: String| Action::PutRule {
        bus: wanted.source.to_string(),
        name: wanted.names.rule.clone(),
        pattern,
    };
    let pattern = &wanted.pattern.value;
    let Some(held) = &found.rule else {
        let line = format!("EventPattern: {pattern}");
        return Step::new(what, Change::Create, action(pattern.to_string())).because(vec![line]);
    };
    let mut lines = Vec::new();
    let text = held.pattern.as_deref().unwrap_or("none");
    let stays = pattern_stays(wanted, held);
    if !stays {
        lines.push(format!("EventPattern: {text} → {pattern}"));
    }
    if !held.is_enabled {
        lines.push("State: DISABLED → ENABLED".into());
    }
    if lines.is_empty() {
        return Step::keep(what);
    }
    let pattern = if stays { text.to_owned() } else { pattern.to_string() };
    Step::new(what, Change::Update, action(pattern)).because(lines)
}

/// Where nobody asked for another, a pattern that takes any events of the source is its owner's choice.
fn pattern_stays(wanted: &Wanted, held: &FoundRule) -> bool {
    let text = held.pattern.as_deref();
    if !wanted.pattern.is_asked {
        return takes_of(text, &wanted.source);
    }
    let held: Option<Value> = text.and_then(|text| serde_json::from_str(text).ok());
    held.as_ref() == Some(&wanted.pattern.value)
}

fn target(wanted: &Wanted, found: &Found) -> Step<Action> {
    let (arn, dead_letter_arn) =
        (found.place.queue(&wanted.names.queue), found.place.queue(&wanted.names.undelivered));
    let what = format!("target of rule {}", wanted.names.rule);
    // One that leads to the queue already keeps its id: a second one would bring every event twice.
    let same_queue = found.targets.iter().find(|target| target.arn == arn);
    let held = same_queue.or_else(|| found.targets.iter().find(|target| target.id == TARGET_ID));
    let lines = differences(held, &arn, &dead_letter_arn);
    if lines.is_empty() {
        return Step::keep(what);
    }
    let id = held.map_or(TARGET_ID, |target| &target.id).to_owned();
    let change = if held.is_some() { Change::Update } else { Change::Create };
    let action = Action::PutTarget {
        bus: wanted.source.to_string(),
        rule: wanted.names.rule.clone(),
        target: NewTarget { id, arn, dead_letter_arn },
    };
    Step::new(what, change, action).because(lines)
}

fn differences(held: Option<&FoundTarget>, arn: &str, dead_letter_arn: &str) -> Vec<String> {
    let retry_age = TARGET_RETRY_AGE.as_secs().to_string();
    let number = |number: Option<i32>| number.map(|number| number.to_string());
    let texts = [
        ("Arn", held.map(|held| held.arn.clone()), arn.to_owned()),
        (
            "DeadLetterConfig",
            held.and_then(|held| held.dead_letter_arn.clone()),
            dead_letter_arn.to_owned(),
        ),
        (
            "MaximumRetryAttempts",
            number(held.and_then(|held| held.retries)),
            TARGET_RETRIES.to_string(),
        ),
        ("MaximumEventAgeInSeconds", number(held.and_then(|held| held.retry_age)), retry_age),
    ];
    let differing = texts.into_iter().filter(|(_, found, wanted)| found.as_ref() != Some(wanted));
    let mut lines: Vec<String> = differing
        .map(|(name, found, wanted)| match found {
            Some(found) => format!("{name}: {found} → {wanted}"),
            None => format!("{name}: {wanted}"),
        })
        .collect();
    if held.is_some_and(|held| !held.is_plain) {
        lines.push(
            "Input, InputPath, InputTransformer: taken away, so that events come whole".into(),
        );
    }
    lines
}

fn notes(wanted: &Wanted, found: &Found) -> Vec<String> {
    let mut notes = Vec::new();
    match &found.source.state {
        SourceState::Unknown(why) => notes.push(format!(
            "nothing is known of the event source {} ({why}); without it, its bus can't be made",
            wanted.source
        )),
        SourceState::Pending { .. } if !found.bus => notes.push(
            "the source is PENDING: what Auth0 has sent until now was dropped, and is not brought back \
             by this"
                .into(),
        ),
        SourceState::Pending { .. } | SourceState::Active | SourceState::Deleted => {}
    }
    for sender in found.senders.iter().filter(|sender| **sender != wanted.names.rule) {
        notes.push(format!(
            "the rule {sender} sends to the queue {} too: each event comes twice, and costs twice",
            wanted.names.queue
        ));
    }
    notes.extend(found.elsewhere.iter().map(|other| {
        format!("{other} sends to the queue {} too, and goes on doing so", wanted.names.queue)
    }));
    let names = &wanted.names;
    for (name, queue) in [(&names.queue, &found.queue), (&names.undelivered, &found.undelivered)] {
        let key = queue.as_ref().and_then(|queue| queue.attribute("KmsMasterKeyId"));
        if key.is_some_and(|key| !key.ends_with("alias/aws/sqs")) {
            notes.push(format!(
                "the queue {name} is encrypted by a key of your own: its policy must allow events.amazonaws.com \
                 kms:GenerateDataKey and kms:Decrypt, or EventBridge can't send; and whoever receives needs \
                 kms:Decrypt"
            ));
        }
    }
    let held = found.rule.as_ref().and_then(|rule| rule.pattern.as_deref());
    let held = held.and_then(|text| serde_json::from_str::<Value>(text).ok());
    if !wanted.pattern.is_asked && held.is_some_and(|held| held.get("detail").is_some()) {
        notes.push(format!(
            "the rule {} takes a part of the events alone; --only-routes makes it what the routes ask for now, \
             --all-events takes all",
            names.rule
        ));
    }
    notes
}
