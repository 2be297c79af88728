//! The rules that send to the queue.

use serde_json::{Value, json};

use super::{Facts, SETUP, not_read};
use crate::event::EVENT_TYPES;
use crate::provision::aws::{FoundQueue, Sender, lets_rule_in};
use crate::provision::doctor::Check;
use crate::routing::Pattern;

pub(super) fn checks(facts: &Facts, queue: &FoundQueue) -> Vec<Check> {
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
    checks.extend(by_detail_type(sender, about("detail-type")));
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

/// What Auth0 writes into `detail-type` is not documented, so that nobody can tell what such a rule keeps out.
fn by_detail_type(sender: &Sender, what: String) -> Option<Check> {
    let pattern: Value = serde_json::from_str(sender.rule.pattern.as_deref()?).ok()?;
    let asked = pattern.get("detail-type")?;
    let advice =
        "Auth0 does not document what it writes there: ask for the type in `detail` instead.";
    Some(Check::look(what, format!("the pattern asks for {asked}"), advice).mended_by(SETUP))
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
