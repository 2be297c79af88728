//! EventBridge and SQS, around the queue of the configuration.

use std::fmt::Display;
use std::time::Duration;

use serde_json::{Value, json};

use super::Check;
use crate::event::{EVENT_TYPES, Timestamp};
use crate::provision::aws::{
    self, CallError, FoundQueue, Sender, SourceStanding, SourceState, Survey, lets_rule_in,
};
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
/// A queue that keeps messages for less loses a weekend.
const RETENTION_GOOD: Duration = aws::RETENTION;

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
    checks.extend(of_queue(facts, queue));
    checks.push(dead_letters(facts, queue));
    checks.extend(rules(facts, queue));
    checks
}

/// A call that failed: a permission that is missing is named.
fn not_read(what: impl Display, error: &CallError) -> Check {
    if error.is_denied() {
        let advice = format!(
            "Give it to whoever runs this: config/iam-policy.json has all that twinstream needs. Without {}, \
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
        SourceState::Pending { .. } => {
            let advice =
                "No bus is associated with it: everything that Auth0 sends is dropped, and gone.";
            Check::bad(what, found, advice).mended_by(format!("{SETUP} --source {}", source.name))
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

fn of_queue(facts: &Facts, queue: &FoundQueue) -> Vec<Check> {
    vec![
        visibility(facts, queue),
        long_poll(queue),
        retention(queue),
        encryption(queue),
        backlog(queue),
    ]
}

fn visibility(facts: &Facts, queue: &FoundQueue) -> Check {
    const WHAT: &str = "visibility time-out";
    let visibility = seconds(queue, "VisibilityTimeout");
    let found = format!("{} s", visibility.as_secs());
    if visibility <= facts.work {
        let advice = format!(
            "A message may be worked on for {} s: it comes again before that, counts as received twice, and \
             ends in the dead-letter queue while all is well.",
            facts.work.as_secs()
        );
        return Check::bad(WHAT, found, advice).mended_by(SETUP);
    }
    if visibility < aws::VISIBILITY / 3 {
        let advice = "The door keeps messages hidden while it works; a short time-out leaves it little to \
                      do so in. 90 s is good.";
        return Check::look(WHAT, found, advice).mended_by(SETUP);
    }
    Check::good(WHAT, found)
}

fn long_poll(queue: &FoundQueue) -> Check {
    const WHAT: &str = "long polling";
    let wait = seconds(queue, "ReceiveMessageWaitTimeSeconds");
    let found = format!("{} s", wait.as_secs());
    if wait.is_zero() {
        let advice = "The gateway asks for long polls itself (eventbridge.wait); whoever else takes from \
                      this queue polls without a pause, and pays for it.";
        return Check::look(WHAT, "off", advice).mended_by(SETUP);
    }
    Check::good(WHAT, found)
}

fn retention(queue: &FoundQueue) -> Check {
    const WHAT: &str = "retention of the queue";
    let retention = seconds(queue, "MessageRetentionPeriod");
    if retention < RETENTION_GOOD {
        let advice =
            "What the gateway has not taken by then is gone. 4 days survive a long weekend.";
        return Check::look(WHAT, spoken(retention), advice).mended_by(SETUP);
    }
    Check::good(WHAT, spoken(retention))
}

fn encryption(queue: &FoundQueue) -> Check {
    const WHAT: &str = "encryption at rest";
    let by_sqs = queue.attribute("SqsManagedSseEnabled") == Some("true");
    match queue.attribute("KmsMasterKeyId") {
        Some(key) => Check::good(WHAT, format!("by the key {key}")),
        None if by_sqs => Check::good(WHAT, "by SQS"),
        None => {
            let advice = "Messages hold personal data of your users.";
            Check::look(WHAT, "none", advice).mended_by(SETUP)
        }
    }
}

/// More than this waits longer than a poll or two.
const BACKLOG_GOOD: u64 = 1_000;

fn backlog(queue: &FoundQueue) -> Check {
    let messages = queue.messages();
    let found = format!("about {messages} messages");
    if messages > BACKLOG_GOOD {
        let advice =
            "More comes than is taken. Is a gateway running on this queue, and its journal quick?";
        return Check::look("queue", found, advice).mended_by("twinstream healthcheck");
    }
    Check::good("queue", found)
}

fn dead_letters(facts: &Facts, queue: &FoundQueue) -> Check {
    const WHAT: &str = "dead-letter queue of the queue";
    let redrive = queue.attribute("RedrivePolicy");
    let redrive: Option<Value> = redrive.and_then(|text| serde_json::from_str(text).ok());
    let Some(redrive) = redrive else {
        let advice = "A message that can't be taken comes again until the queue's retention is over, and is \
                      then gone without a trace.";
        return Check::bad(WHAT, "none", advice).mended_by(SETUP);
    };
    let most = &redrive["maxReceiveCount"];
    // A number, or as text: the console writes one, tools the other.
    let most = most.as_u64().or_else(|| most.as_str()?.parse().ok()).unwrap_or(0);
    if most <= 1 {
        let advice = "A message that is received once and not deleted, as when the gateway is stopped at the \
                      wrong moment, is a dead letter at once.";
        return Check::bad(WHAT, format!("after {most} receive"), advice).mended_by(SETUP);
    }
    match &facts.survey.dead_letters {
        Some(Ok(Some(letters))) => letters_of(WHAT, letters, queue, most),
        Some(Err(error)) => not_read(WHAT, error),
        Some(Ok(None)) | None => {
            let advice =
                "Its redrive policy names a queue that is not there: SQS keeps receiving in vain.";
            Check::bad(WHAT, "named, and not there", advice).mended_by(SETUP)
        }
    }
}

fn letters_of(what: &str, letters: &FoundQueue, queue: &FoundQueue, receives: u64) -> Check {
    let (kept, of_queue) =
        (seconds(letters, "MessageRetentionPeriod"), seconds(queue, "MessageRetentionPeriod"));
    let found = format!(
        "after {receives} receives, kept for {}, about {} messages",
        spoken(kept),
        letters.messages()
    );
    if kept <= of_queue {
        // SQS: a message keeps the time at which it came to the first queue (developer guide, "Dead-letter
        // queues").
        let advice = "Not longer than the queue itself keeps messages: the time in the queue counts, so \
                      that a dead letter may be gone as it gets there. 14 days are good.";
        return Check::bad(what, found, advice).mended_by(SETUP);
    }
    if letters.messages() > 0 {
        let advice = "See what they are, and put them back.";
        return Check::look(what, found, advice).mended_by("twinstream dead-letters list");
    }
    Check::good(what, found)
}

fn rules(facts: &Facts, queue: &FoundQueue) -> Vec<Check> {
    const WHAT: &str = "rule";
    let senders = match &facts.survey.senders {
        Ok(senders) => senders,
        Err(error) => return vec![not_read(WHAT, error)],
    };
    if senders.is_empty() {
        let others = facts.survey.others.iter().map(|(_, rule)| rule.as_str());
        let others: Vec<&str> = others.collect();
        let found = if others.is_empty() {
            "none sends to this queue".to_owned()
        } else {
            format!("none sends to this queue; those of Auth0's buses are {}", others.join(", "))
        };
        let advice = "What comes to the bus goes nowhere.";
        return vec![Check::bad(WHAT, found, advice).mended_by(SETUP)];
    }
    senders.iter().flat_map(|sender| one_rule(facts, queue, sender)).collect()
}

fn one_rule(facts: &Facts, queue: &FoundQueue, sender: &Sender) -> Vec<Check> {
    let about = |what: &str| format!("rule {}: {what}", sender.name);
    let state = if sender.rule.is_enabled {
        Check::good(about("state"), "switched on")
    } else {
        let advice = "What comes to the bus goes nowhere.";
        let command = format!(
            "aws events enable-rule --name {} --event-bus-name {}",
            sender.name, sender.bus
        );
        Check::bad(about("state"), "switched off", advice).mended_by(command)
    };
    let policy = queue.attribute("Policy");
    let account = sender.arn.split(':').nth(4).unwrap_or_default();
    let policy = if lets_rule_in(policy, &sender.arn, account) {
        Check::good(about("queue policy"), "lets it in")
    } else {
        let advice = "EventBridge may not send to the queue: after 24 h of trying, each event is gone, or in \
                      the target's dead-letter queue.";
        Check::bad(about("queue policy"), "does not let it in", advice).mended_by(SETUP)
    };
    let mut checks = vec![state, source_pattern(facts, sender, about("pattern")), policy];
    checks.extend(drift(facts, sender, about("pattern and routes")));
    checks.push(undelivered(sender, about("dead-letter queue of its target")));
    if !sender.target.is_plain {
        let advice =
            "The target's input reshapes events: the gateway quarantines what it can't read.";
        checks.push(Check::bad(about("target"), "does not send events as they are", advice));
    }
    checks
}

/// Whether the rule's pattern can match what comes from Auth0 at all: the exact text `aws.partner/auth0.com`
/// never does.
fn source_pattern(facts: &Facts, sender: &Sender, what: String) -> Check {
    let pattern = sender.rule.pattern.as_deref();
    let pattern: Option<Value> = pattern.and_then(|text| serde_json::from_str(text).ok());
    let Some(pattern) = pattern else {
        let advice = "It has none that can be read: a rule on a schedule sends no events.";
        return Check::bad(what, "none", advice).mended_by(SETUP);
    };
    let Some(of_source) = pattern.get("source") else {
        return Check::good(what, "of any source");
    };
    let only = Pattern::parse(&json!({ "source": of_source }));
    let known = facts.survey.sources.as_ref().ok().into_iter().flatten();
    let mut names: Vec<&str> = known
        .map(|source| source.name.as_str())
        .filter(|name| name.ends_with("/auth0.events"))
        .collect();
    if sender.bus.starts_with("aws.partner/") {
        names = vec![sender.bus.as_str()];
    }
    if names.is_empty() {
        names.push("aws.partner/auth0.com/example-tenant-00000000/auth0.events");
    }
    let matches =
        |name: &&str| only.as_ref().is_ok_and(|only| only.matches(&json!({ "source": name })));
    let found = format!("source {of_source}");
    if names.iter().any(matches) {
        return Check::good(what, found);
    }
    let advice = format!(
        "It can match nothing: an event's source is all of {}. {{\"source\": [{{\"prefix\": \
         \"aws.partner/auth0.com/\"}}]}} matches.",
        names.first().copied().unwrap_or_default()
    );
    Check::bad(what, found, advice).mended_by(SETUP)
}

/// Types that some route may take and the rule keeps out.
fn drift(facts: &Facts, sender: &Sender, what: String) -> Option<Check> {
    let pattern: Value = serde_json::from_str(sender.rule.pattern.as_deref()?).ok()?;
    let detail = pattern.get("detail");
    if facts.routes.is_empty() {
        return None;
    }
    let kept_out = |kind: &&str| {
        let let_through = detail.is_none_or(|detail| may_match(detail, kind));
        let wanted = facts.routes.iter().any(|(_, route)| match route.as_json() {
            None => true,
            Some(json) => may_match(json, kind),
        });
        wanted && !let_through
    };
    let kept_out: Vec<&str> = EVENT_TYPES.into_iter().filter(|kind| kept_out(kind)).collect();
    Some(if kept_out.is_empty() {
        let found =
            if detail.is_none() { "the rule takes all types" } else { "they agree in types" };
        Check::good(what, found)
    } else {
        let advice =
            "A route takes them, and the rule keeps them out: they don't come by EventBridge.";
        let found = format!("the rule keeps out {}", kept_out.join(", "));
        Check::bad(what, found, advice).mended_by(format!("{SETUP} --only-routes"))
    })
}

/// Whether a pattern on a CloudEvent may match an event of this type: whatever else it asks for, some event
/// may have.
fn may_match(pattern: &Value, kind: &str) -> bool {
    let Some(fields) = pattern.as_object() else { return true };
    let of_type = fields.get("type").is_none_or(|of_type| {
        let only = Pattern::parse(&json!({ "type": of_type }));
        only.is_ok_and(|only| only.matches(&json!({ "type": kind })))
    });
    let alternatives = fields.get("$or").and_then(Value::as_array);
    of_type && alternatives.is_none_or(|all| all.iter().any(|one| may_match(one, kind)))
}

fn undelivered(sender: &Sender, what: String) -> Check {
    match &sender.undelivered {
        None => {
            let advice =
                "What EventBridge can't put into the queue within 24 h is gone without a trace.";
            Check::bad(what, "none", advice).mended_by(SETUP)
        }
        Some(Err(error)) => not_read(what, error),
        Some(Ok(None)) => {
            let advice =
                "The target names a queue that is not there: what it can't deliver is gone.";
            Check::bad(what, "named, and not there", advice).mended_by(SETUP)
        }
        Some(Ok(Some(letters))) if letters.messages() > 0 => {
            let advice =
                "EventBridge could not put them into the queue: see why, and put them back.";
            let found = format!("about {} messages", letters.messages());
            Check::look(what, found, advice).mended_by("twinstream dead-letters list")
        }
        Some(Ok(Some(_))) => Check::good(what, "there, and empty"),
    }
}

fn seconds(queue: &FoundQueue, attribute: &str) -> Duration {
    let text = queue.attribute(attribute);
    Duration::from_secs(text.and_then(|text| text.parse().ok()).unwrap_or(0))
}

fn spoken(time: Duration) -> String {
    let hours = time.as_secs() / 3_600;
    if hours >= 48 { format!("{} days", hours / 24) } else { format!("{hours} h") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::State;
    use super::*;
    use crate::provision::aws::{FoundRule, FoundTarget, rule_pattern};

    const SOURCE: &str = "aws.partner/auth0.com/acme-1234/auth0.events";
    const RULE: &str = "arn:aws:events:eu-west-1:123456789012:rule/aws.partner/auth0.com/acme-1234/auth0.events/twinstream";

    fn queue(attributes: &[(&str, &str)]) -> FoundQueue {
        let attributes = attributes.iter().map(|(name, text)| ((*name).into(), (*text).into()));
        FoundQueue { attributes: attributes.collect(), ..FoundQueue::default() }
    }

    /// Everything as `setup aws` makes it.
    fn facts() -> Facts {
        let policy = json!({"Statement": [{
            "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage", "Condition": {"ArnEquals": {"aws:SourceArn": RULE}},
        }]});
        let redrive = r#"{"deadLetterTargetArn": "arn:dead", "maxReceiveCount": 3}"#;
        let main = queue(&[
            ("VisibilityTimeout", "90"),
            ("ReceiveMessageWaitTimeSeconds", "20"),
            ("MessageRetentionPeriod", "345600"),
            ("SqsManagedSseEnabled", "true"),
            ("RedrivePolicy", redrive),
            ("Policy", &policy.to_string()),
        ]);
        let letters = || queue(&[("MessageRetentionPeriod", "1209600")]);
        let source =
            SourceStanding { name: SOURCE.into(), state: SourceState::Active, created: None };
        let sender = Sender {
            bus: SOURCE.into(),
            name: "twinstream".into(),
            arn: RULE.into(),
            rule: FoundRule { pattern: Some(rule_pattern(None).to_string()), is_enabled: true },
            target: FoundTarget {
                id: "twinstream".into(),
                arn: "arn:queue".into(),
                dead_letter_arn: Some("arn:undelivered".into()),
                retries: None,
                retry_age: None,
                is_plain: true,
            },
            undelivered: Some(Ok(Some(letters()))),
        };
        let survey = Survey {
            sources: Ok(vec![source]),
            queue: Ok(Some(main)),
            dead_letters: Some(Ok(Some(letters()))),
            senders: Ok(vec![sender]),
            others: Vec::new(),
        };
        let routes = vec![("all".to_owned(), Pattern::Every)];
        let now = Timestamp::from_millis(0);
        Facts { now, survey, work: Duration::from_secs(20), routes }
    }

    /// The check that begins with `what` after a change; all others stay good.
    #[track_caller]
    fn check(what: &str, expected: State, change: impl FnOnce(&mut Facts)) -> Check {
        let mut facts = facts();
        change(&mut facts);
        let (found, others): (Vec<_>, Vec<_>) =
            checks(&facts).into_iter().partition(|check| check.what.starts_with(what));
        let worse: Vec<_> =
            others.iter().filter(|check| check.found_to_be != State::Good).collect();
        assert!(worse.is_empty(), "{worse:?}");
        let found = found.into_iter().max_by_key(|check| check.found_to_be).expect(what);
        assert_eq!(found.found_to_be, expected, "{found:?}");
        assert_eq!(found.advice.is_none(), expected == State::Good, "{found:?}");
        found
    }

    fn attributes(facts: &mut Facts) -> &mut BTreeMap<String, String> {
        &mut facts.survey.queue.as_mut().unwrap().as_mut().unwrap().attributes
    }

    fn sender(facts: &mut Facts) -> &mut Sender {
        &mut facts.survey.senders.as_mut().unwrap()[0]
    }

    fn with(name: &'static str, text: &'static str) -> impl FnOnce(&mut Facts) {
        move |facts| attributes(facts).extend([(name.to_owned(), text.to_owned())])
    }

    #[test]
    fn a_set_up_as_it_should_be_has_nothing_to_tell() {
        let all = checks(&facts());
        assert!(all.iter().all(|check| check.found_to_be == State::Good), "{all:?}");
        assert_eq!(all.len(), 12);
    }

    #[test]
    fn a_source_that_drops_events_is_told() {
        const WHAT: &str = "partner event source";
        let to = |state: SourceState| {
            move |facts: &mut Facts| facts.survey.sources.as_mut().unwrap()[0].state = state
        };
        let pending = check(WHAT, State::Bad, to(SourceState::Pending { expires: None }));
        let command = format!("twinstream setup aws --source {SOURCE}");
        assert_eq!(pending.command, Some(command));
        assert!(pending.found.contains("PENDING"));
        check(WHAT, State::Look, to(SourceState::Deleted));
        check(WHAT, State::Bad, |facts| facts.survey.sources = Ok(Vec::new()));
    }

    #[test]
    fn a_queue_that_loses_messages_is_told() {
        check("visibility", State::Bad, with("VisibilityTimeout", "20"));
        check("visibility", State::Look, with("VisibilityTimeout", "29"));
        check("long polling", State::Look, with("ReceiveMessageWaitTimeSeconds", "0"));
        check("retention", State::Look, with("MessageRetentionPeriod", "86400"));
        check("encryption", State::Look, with("SqsManagedSseEnabled", "false"));
        check("queue", State::Look, with("ApproximateNumberOfMessages", "1001"));
        check("dead-letter queue", State::Bad, with("RedrivePolicy", ""));
        let once = r#"{"deadLetterTargetArn": "arn:dead", "maxReceiveCount": "1"}"#;
        check("dead-letter queue", State::Bad, with("RedrivePolicy", once));
        check("dead-letter queue", State::Bad, |facts| facts.survey.dead_letters = Some(Ok(None)));
        check("dead-letter queue", State::Bad, |facts| {
            let short = queue(&[("MessageRetentionPeriod", "345600")]);
            facts.survey.dead_letters = Some(Ok(Some(short)));
        });
        check("dead-letter queue", State::Look, |facts| {
            let full =
                [("MessageRetentionPeriod", "1209600"), ("ApproximateNumberOfMessages", "2")];
            facts.survey.dead_letters = Some(Ok(Some(queue(&full))));
        });
    }

    #[test]
    fn the_exact_source_that_matches_nothing_is_told() {
        const WHAT: &str = "rule twinstream: pattern";
        let of = |pattern: &'static str| {
            move |facts: &mut Facts| sender(facts).rule.pattern = Some(pattern.into())
        };
        let found = check(WHAT, State::Bad, of(r#"{"source": ["aws.partner/auth0.com"]}"#));
        assert!(found.advice.unwrap().contains(SOURCE));
        check(WHAT, State::Bad, of(r#"{"source": [{"prefix": "aws.partner/auth0.com/other"}]}"#));
        check(WHAT, State::Good, of(r#"{"account": ["123456789012"]}"#));
        check(WHAT, State::Good, of(r#"{"source": [{"prefix": "aws.partner/auth0.com"}]}"#));
    }

    #[test]
    fn a_rule_that_keeps_out_what_a_route_takes_is_told() {
        const WHAT: &str = "rule twinstream: pattern";
        let with = |rule: Value, route: Value| {
            move |facts: &mut Facts| {
                sender(facts).rule.pattern = Some(rule_pattern(Some(&rule)).to_string());
                facts.routes = vec![("one".into(), Pattern::parse(&route).unwrap())];
            }
        };
        let types = |types: &[&str]| json!({ "type": types });
        let updated = json!({"type": ["user.updated"], "data": {"object": {"blocked": [true]}}});
        check(WHAT, State::Good, with(types(&["user.updated"]), updated.clone()));
        let kept_out = check(WHAT, State::Bad, with(types(&["user.created"]), updated.clone()));
        assert_eq!(kept_out.found, "the rule keeps out user.updated");
        let either = json!({"$or": [types(&["user.created"]), types(&["user.updated"])]});
        check(WHAT, State::Good, with(either.clone(), updated));
        check(WHAT, State::Bad, with(either, types(&["user.deleted"])));
        let users = json!({"type": [{"prefix": "user."}]});
        let all_but_one = check(WHAT, State::Bad, with(types(&["user.created"]), users));
        assert_eq!(all_but_one.found, "the rule keeps out user.updated, user.deleted");
    }

    #[test]
    fn a_rule_that_brings_nothing_to_the_queue_is_told() {
        check("rule", State::Bad, |facts| facts.survey.senders = Ok(Vec::new()));
        check("rule twinstream: state", State::Bad, |facts| sender(facts).rule.is_enabled = false);
        check("rule twinstream: queue policy", State::Bad, with("Policy", ""));
        let target = "rule twinstream: dead-letter queue";
        check(target, State::Bad, |facts| sender(facts).undelivered = None);
        check(target, State::Bad, |facts| sender(facts).undelivered = Some(Ok(None)));
        check(target, State::Look, |facts| {
            let letters = queue(&[("ApproximateNumberOfMessages", "1")]);
            sender(facts).undelivered = Some(Ok(Some(letters)));
        });
        check("rule twinstream: target", State::Bad, |facts| sender(facts).target.is_plain = false);
    }

    #[test]
    fn a_permission_that_is_missing_is_named() {
        let denied = |permission| move |_: ()| CallError::denied(permission);
        let found = check("partner event source", State::Bad, |facts| {
            facts.survey.sources = Err(denied("events:ListEventSources")(()));
        });
        assert!(found.found.contains("events:ListEventSources"), "{found:?}");
        let found = check("rule", State::Bad, |facts| {
            facts.survey.senders = Err(denied("events:ListRuleNamesByTarget")(()));
        });
        assert!(found.found.contains("events:ListRuleNamesByTarget"), "{found:?}");
    }
}
