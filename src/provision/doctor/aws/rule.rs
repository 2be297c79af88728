//! The rules that send to the queue.

use serde_json::{Value, json};

use super::{Facts, SETUP, not_read};
use crate::event::EVENT_TYPES;
use crate::provision::aws::{self, Admission, DEFAULT_BUS, FoundQueue, RULE, Sender, admission};
use crate::provision::doctor::Check;
use crate::routing::Pattern;

pub(super) fn checks(facts: &Facts, queue: &FoundQueue) -> Vec<Check> {
    const WHAT: &str = "rule";
    let senders = match &facts.survey.senders {
        Ok(senders) => senders,
        Err(error) => return vec![not_read(WHAT, error)],
    };
    // Partner events come to the bus of their source alone.
    let (by_default, senders): (Vec<_>, Vec<_>) =
        senders.iter().partition(|sender| sender.bus == DEFAULT_BUS);
    let mut checks: Vec<Check> = by_default.into_iter().map(on_default_bus).collect();
    if senders.is_empty() {
        let others = facts.survey.others.iter().map(|(_, rule)| rule.as_str());
        let others: Vec<&str> = others.collect();
        let found = if others.is_empty() {
            "none sends to this queue".to_owned()
        } else {
            format!("none sends to this queue; those of Auth0's buses are {}", others.join(", "))
        };
        let advice = "What comes to the bus goes nowhere.";
        checks.push(Check::bad(WHAT, found, advice).mended_by(SETUP));
        return checks;
    }
    checks.extend(senders.iter().flat_map(|sender| one_rule(facts, queue, sender)));
    checks.extend(drift(facts, &senders));
    checks
}

/// The command that mends this rule, and makes no second one beside it.
fn setup(facts: &Facts, sender: &Sender) -> String {
    let sources = facts.survey.sources.as_ref().ok().into_iter().flatten();
    let several = sources.filter(|source| source.name.ends_with("/auth0.events")).count() > 1;
    let source = if several { format!(" --source {}", sender.bus) } else { String::new() };
    let rule = if sender.name == RULE { String::new() } else { format!(" --rule {}", sender.name) };
    format!("{SETUP}{source}{rule}")
}

fn on_default_bus(sender: &Sender) -> Check {
    let what = format!("rule {} on the default bus", sender.name);
    let advice =
        "Auth0's events come to the bus of their source alone: nothing ever comes by this rule.";
    Check::bad(what, "sends to this queue", advice).mended_by(SETUP)
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
    let lost = "EventBridge may not send to the queue: after 24 h of trying, each event is gone, or in the \
                target's dead-letter queue.";
    let policy = admitted(queue, sender, about("queue policy"), lost);
    let mut checks = vec![state, source_pattern(facts, sender, about("pattern")), policy];
    checks.extend(by_detail_type(sender, about("detail-type")));
    checks.extend(undelivered(sender, about("dead-letter queue of its target")));
    if !sender.target.is_plain {
        let advice =
            "The target's input reshapes events: the gateway quarantines what it can't read.";
        checks.push(Check::bad(about("target"), "does not send events as they are", advice));
    }
    let command = setup(facts, sender);
    for check in &mut checks {
        if check.command.as_deref() == Some(SETUP) {
            check.command = Some(command.clone());
        }
    }
    checks
}

/// Whether a queue lets the rule in; else `lost` says what becomes of events.
fn admitted(queue: &FoundQueue, sender: &Sender, what: String, lost: &str) -> Check {
    match admission(queue.attribute("Policy"), queue.attribute("QueueArn"), &sender.arn) {
        Admission::In => Check::good(what, "lets it in"),
        Admission::NotLetIn => Check::bad(what, "does not let it in", lost).mended_by(SETUP),
        // What somebody denies on purpose no command of ours takes away.
        Admission::KeptOut => Check::bad(what, "a Deny of it keeps EventBridge out", lost),
        Admission::Unclear => {
            let advice = "Whether EventBridge may send hangs on a condition or a principal that only AWS can \
                          judge. A test event tells: `twinstream setup auth0 test eventbridge`.";
            Check::look(what, "can't be judged from here", advice)
        }
    }
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

/// Types that some route may take and all rules together keep out.
fn drift(facts: &Facts, senders: &[&Sender]) -> Option<Check> {
    let what = match senders {
        [sender] => format!("rule {}: pattern and routes", sender.name),
        _ => "patterns of all rules, and routes".to_owned(),
    };
    let enabled = senders.iter().filter(|sender| sender.rule.is_enabled);
    let patterns = enabled.filter_map(|sender| sender.rule.pattern.as_deref());
    let patterns: Vec<Value> =
        patterns.filter_map(|text| serde_json::from_str(text).ok()).collect();
    if facts.routes.is_empty() || patterns.is_empty() {
        return None;
    }
    let details: Vec<Option<&Value>> =
        patterns.iter().map(|pattern| pattern.get("detail")).collect();
    let takes_all = details.iter().any(Option::is_none);
    let kept_out = |kind: &&str| {
        let let_through =
            takes_all || details.iter().flatten().any(|detail| may_match(detail, kind));
        let wanted = facts.routes.iter().any(|(_, route)| match route.as_json() {
            None => true,
            Some(json) => may_match(json, kind),
        });
        wanted && !let_through
    };
    let kept_out: Vec<&str> = EVENT_TYPES.into_iter().filter(|kind| kept_out(kind)).collect();
    Some(if kept_out.is_empty() {
        let found = if takes_all { "the rule takes all types" } else { "they agree in types" };
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

fn undelivered(sender: &Sender, what: String) -> Vec<Check> {
    let mut checks = Vec::new();
    if let Some(Ok(Some(letters))) = &sender.undelivered {
        let lost = "EventBridge may not put there what it can't put into the queue: it is gone without a \
                    trace, and the dead-letter queue stays empty.";
        checks.push(admitted(letters, sender, format!("{what}, its policy"), lost));
        checks.extend(super::queue::unreadable(letters, format!("{what}, encryption")));
    }
    checks.push(letters_of(sender, what));
    checks
}

fn letters_of(sender: &Sender, what: String) -> Check {
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
        Some(Ok(Some(letters))) if super::queue::kept(letters) < aws::RETENTION => {
            let advice = "What lies there for longer is gone. 14 days are good.";
            Check::look(what, "there, and keeps letters for less than 4 days", advice)
        }
        Some(Ok(Some(_))) => Check::good(what, "there, and empty"),
    }
}
