//! An event's story in a few sentences. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::admin::pages::moment::span;
use crate::event::{Path, PathSet, Timestamp, legible};
use crate::journal::{DeliveryStory, EventStory};

/// What there is to know besides the story.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around {
    /// Which doors are open.
    pub(super) mode: PathSet,
    /// How long the slower path may take.
    pub(super) grace: Duration,
    pub(super) now: Timestamp,
}

/// Targets that are sent nothing for now, each with why.
pub(super) type Held = BTreeMap<String, &'static str>;

/// One sentence, and how good the news is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sentence {
    pub(super) text: String,
    /// The class of its notice: `good`, `warn`, `bad` or none.
    pub(super) class: &'static str,
}

fn name(path: Path) -> &'static str {
    match path {
        Path::Webhook => "webhook",
        Path::Eventbridge => "EventBridge",
    }
}

/// How it came.
pub(super) fn coming(story: &EventStory, around: Around) -> String {
    let summary = &story.summary;
    let late = |at: Timestamp| at.millis_since(summary.time);
    if let Some(words) = summary.rescue_words() {
        return rescued(story, words, late);
    }
    let (first, alone) = match (summary.webhook_at, summary.eventbridge_at) {
        (Some(webhook), Some(eventbridge)) => {
            let difference = eventbridge.millis_since(webhook);
            let (first, by) = if difference >= 0.0 {
                ("Webhook", difference)
            } else {
                ("EventBridge", -difference)
            };
            return format!("{first} was first, by {}.", span(by));
        }
        (Some(webhook), None) => (webhook, Path::Webhook),
        (None, Some(eventbridge)) => (eventbridge, Path::Eventbridge),
        (None, None) => return "It came by no path that is known any more.".to_owned(),
    };
    let came = format!("Came by {}, {}", name(alone), when(late(first)));
    let other = alone.other();
    if !around.mode.contains(other) || summary.test {
        return format!("{came}.");
    }
    if around.now < first.plus(around.grace) {
        return format!("{came}; {} has not brought it yet.", name(other));
    }
    format!("{came}, and by {} not at all.", name(other))
}

/// How it came though the webhook had lost it.
fn rescued(story: &EventStory, words: &str, late: impl Fn(Timestamp) -> f64) -> String {
    let summary = &story.summary;
    let came =
        |at: Option<Timestamp>| at.map_or_else(String::new, |at| format!(", {}", when(late(at))));
    let rescue = format!("{words}{}", came(summary.rescued_at));
    match summary.eventbridge_at {
        Some(at) => format!(
            "Came by EventBridge{}; the webhook lost it, and it was {rescue}.",
            came(Some(at))
        ),
        None => format!("Came by no path of itself: it was {rescue}."),
    }
}

/// How long after the event, in words.
fn when(ms: f64) -> String {
    if ms < 0.0 {
        format!("{} before it happened by Auth0's clock", span(-ms))
    } else {
        format!("{} after it happened", span(ms))
    }
}

/// What became of it, a sentence for each route; those that delivered share one.
pub(super) fn outcomes(story: &EventStory, held: &Held, now: Timestamp) -> Vec<Sentence> {
    if story.deliveries.is_empty() {
        return vec![Sentence { text: "No route takes it.".to_owned(), class: "" }];
    }
    let time = story.summary.time;
    let delivered: Vec<String> = story
        .deliveries
        .iter()
        .filter(|delivery| delivery.state == "delivered")
        .map(|delivery| {
            let at = ended(delivery).map(|at| format!(" {}", span(at.millis_since(time))));
            format!("to {}{}", legible(&delivery.target), at.unwrap_or_default())
        })
        .collect();
    let delivered = (!delivered.is_empty()).then(|| Sentence {
        text: format!("Delivered {} after it happened.", joined(&delivered)),
        class: "good",
    });
    let others = story.deliveries.iter().filter(|delivery| delivery.state != "delivered");
    delivered
        .into_iter()
        .chain(others.map(|delivery| {
            let sentence = outcome(delivery, now);
            match held.get(&delivery.target) {
                Some(why) if is_open(delivery.state) => {
                    let target = legible(&delivery.target);
                    Sentence { text: format!("{} {target} {why}.", sentence.text), class: "warn" }
                }
                Some(_) | None => sentence,
            }
        }))
        .collect()
}

/// Whether a delivery in this state goes on by itself.
pub(super) fn is_open(state: &str) -> bool {
    matches!(state, "waiting" | "parked" | "in_flight" | "retrying" | "returned")
}

/// When the target had it: the end of the last attempt.
fn ended(delivery: &DeliveryStory) -> Option<Timestamp> {
    let last = delivery.attempts.last();
    let answered =
        last.map(|one| one.started_at.plus(Duration::from_micros(one.took_us.unsigned_abs())));
    answered.or(delivery.settled_at)
}

fn joined(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn outcome(delivery: &DeliveryStory, now: Timestamp) -> Sentence {
    let target = legible(&delivery.target);
    let route = legible(&delivery.route);
    let because =
        delivery.reason.as_ref().map_or(String::new(), |why| format!(": {}", legible(why)));
    let attempts = match delivery.attempts.len() {
        1 => "1 attempt".to_owned(),
        many => format!("{many} attempts"),
    };
    let (text, class) = match delivery.state {
        "dead" => {
            (format!("Not delivered to {target}: a dead letter after {attempts}{because}."), "bad")
        }
        "retrying" => {
            let due = delivery.due_at.map_or(0.0, |due| due.millis_since(now));
            let due =
                if due < 500.0 { "due now".to_owned() } else { format!("due in {}", span(due)) };
            (format!("Not delivered to {target} yet: {attempts}, the next is {due}."), "warn")
        }
        "in_flight" => (format!("An attempt to deliver it to {target} is under way."), ""),
        "waiting" => (format!("It waits for its turn to {target}."), ""),
        "parked" => (format!("It waits behind another event of its subject, on {route}."), ""),
        "returned" => (format!("On {route} it waits until its SQS message comes again."), "warn"),
        "superseded" | "filtered" => (format!("Not sent to {target}{because}."), ""),
        "discarded" => (format!("Given up for {target}{because}."), ""),
        other => (format!("{route} → {target}: {other}{because}."), ""),
    };
    Sentence { text, class }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{at, attempt, delivery, story};
    use super::*;

    const GRACE: Duration = Duration::from_mins(15);

    #[track_caller]
    fn check_coming(
        times: (Option<i64>, Option<i64>),
        (mode, now): (PathSet, i64),
        expected: &str,
    ) {
        let mut story = story();
        story.summary.webhook_at = times.0.map(at);
        story.summary.eventbridge_at = times.1.map(at);
        let around = Around { mode, grace: GRACE, now: at(now) };
        assert_eq!(coming(&story, around), expected);
    }

    #[test]
    fn the_first_sentence_says_how_it_came() {
        let (both, alone) = (PathSet::Both, PathSet::Webhook);
        check_coming((Some(84), Some(496)), (both, 1_000), "Webhook was first, by 412 ms.");
        check_coming((Some(496), Some(84)), (both, 1_000), "EventBridge was first, by 412 ms.");
        let yet = "Came by webhook, 84 ms after it happened; EventBridge has not brought it yet.";
        check_coming((Some(84), None), (both, 1_000), yet);
        let never = "Came by webhook, 84 ms after it happened, and by EventBridge not at all.";
        check_coming((Some(84), None), (both, 3_600_000), never);
        let only = "Came by webhook, 84 ms after it happened.";
        check_coming((Some(84), None), (alone, 3_600_000), only);
        let skewed = "Came by webhook, 12 ms before it happened by Auth0's clock.";
        check_coming((Some(-12), None), (alone, 3_600_000), skewed);
    }

    #[test]
    fn the_first_sentence_does_not_call_a_rescue_an_arrival() {
        let around = Around { mode: PathSet::Both, grace: GRACE, now: at(3_600_000) };
        let check = |backfilled, eventbridge: Option<i64>, expected: &str| {
            let mut story = story();
            let summary = &mut story.summary;
            (summary.rescued, summary.backfilled) = (true, backfilled);
            summary.rescued_at = Some(at(9_000));
            summary.eventbridge_at = eventbridge.map(at);
            assert_eq!(coming(&story, around), expected);
        };
        let asked = "asked for by reconcile, 9.00 s after it happened.";
        check(false, None, &format!("Came by no path of itself: it was {asked}"));
        let taken = "taken in from the Events API, 9.00 s after it happened.";
        check(true, None, &format!("Came by no path of itself: it was {taken}"));
        let lost = "Came by EventBridge, 84 ms after it happened; the webhook lost it, and it was ";
        check(false, Some(84), &format!("{lost}{asked}"));
    }

    #[track_caller]
    fn check(deliveries: Vec<DeliveryStory>, expected: &[&str]) {
        let mut story = story();
        story.deliveries = deliveries;
        let held = Held::from([("crm".to_owned(), "is paused")]);
        let told = outcomes(&story, &held, at(1_000));
        let told: Vec<&str> = told.iter().map(|sentence| sentence.text.as_str()).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn the_rest_says_what_became_of_it() {
        check(Vec::new(), &["No route takes it."]);
        let mut delivered = delivery("delivered");
        delivered.attempts = vec![attempt(1, 86, Some(204))];
        let mut audit = delivered.clone();
        audit.target = "audit".to_owned();
        let both = ["Delivered to app 96 ms and to audit 96 ms after it happened."];
        check(vec![delivered.clone(), audit], &both);
        let mut dead = delivery("dead");
        dead.attempts = vec![attempt(1, 100, Some(422))];
        dead.reason = Some("refused".to_owned());
        let dead_too = "Not delivered to app: a dead letter after 1 attempt: refused.";
        check(vec![dead, delivered], &["Delivered to app 96 ms after it happened.", dead_too]);
        let mut retrying = delivery("retrying");
        retrying.due_at = Some(at(13_000));
        let mut waiting = delivery("waiting");
        waiting.target = "crm".to_owned();
        check(vec![waiting], &["It waits for its turn to crm. crm is paused."]);
        let next = "Not delivered to app yet: 0 attempts, the next is due in 12.0 s.";
        check(vec![retrying], &[next]);
    }
}
