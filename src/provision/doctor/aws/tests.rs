//! Each check in its good and its bad form.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::State;
use super::*;
use crate::provision::aws::{FoundQueue, FoundRule, FoundTarget, Sender, rule_pattern};

const SOURCE: &str = "aws.partner/auth0.com/acme-1234/auth0.events";
const RULE: &str = "arn:aws:events:eu-west-1:123456789012:rule/aws.partner/auth0.com/acme-1234/auth0.events/twinstream";

fn queue(attributes: &[(&str, &str)]) -> FoundQueue {
    let attributes = attributes.iter().map(|(name, text)| ((*name).into(), (*text).into()));
    FoundQueue { attributes: attributes.collect(), ..FoundQueue::default() }
}

/// A policy that lets the rule in.
fn policy(queue: &str) -> String {
    let statement = json!({
        "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Resource": queue,
        "Action": "sqs:SendMessage", "Condition": {"ArnEquals": {"aws:SourceArn": RULE}},
    });
    json!({"Statement": [statement]}).to_string()
}

/// Everything as `setup aws` makes it.
fn facts() -> Facts {
    let redrive = r#"{"deadLetterTargetArn": "arn:dead", "maxReceiveCount": 3}"#;
    let main = queue(&[
        ("VisibilityTimeout", "90"),
        ("ReceiveMessageWaitTimeSeconds", "20"),
        ("MessageRetentionPeriod", "345600"),
        ("SqsManagedSseEnabled", "true"),
        ("RedrivePolicy", redrive),
        ("QueueArn", "arn:queue"),
        ("Policy", &policy("arn:queue")),
    ]);
    let letters = || {
        queue(&[
            ("MessageRetentionPeriod", "1209600"),
            ("QueueArn", "arn:letters"),
            (
                "RedriveAllowPolicy",
                r#"{"redrivePermission":"byQueue","sourceQueueArns":["arn:queue"]}"#,
            ),
            ("Policy", &policy("arn:letters")),
        ])
    };
    let source = SourceStanding { name: SOURCE.into(), state: SourceState::Active, created: None };
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
    let worse: Vec<_> = others.iter().filter(|check| check.found_to_be != State::Good).collect();
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
    assert_eq!(all.len(), 13);
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
        let full = [("MessageRetentionPeriod", "1209600"), ("ApproximateNumberOfMessages", "2")];
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
fn a_rule_that_asks_for_what_auth0_does_not_document_is_told() {
    const WHAT: &str = "rule twinstream: detail-type";
    let pattern = |text: &'static str| {
        move |facts: &mut Facts| sender(facts).rule.pattern = Some(text.into())
    };
    let by_type = r#"{"source": [{"prefix": "aws."}], "detail-type": ["user.created"]}"#;
    check(WHAT, State::Look, pattern(by_type));
    let in_detail = r#"{"source": [{"prefix": "aws."}], "detail": {"type": [{"exists": true}]}}"#;
    let mut facts = facts();
    pattern(in_detail)(&mut facts);
    assert!(checks(&facts).iter().all(|check| check.found_to_be == State::Good));
}

#[test]
fn a_rule_that_brings_nothing_to_the_queue_is_told() {
    check("rule", State::Bad, |facts| facts.survey.senders = Ok(Vec::new()));
    check("rule twinstream: state", State::Bad, |facts| sender(facts).rule.is_enabled = false);
    check("rule twinstream: queue policy", State::Bad, with("Policy", ""));
    let target = "rule twinstream: dead-letter queue";
    check(target, State::Bad, |facts| sender(facts).undelivered = None);
    check(target, State::Bad, |facts| sender(facts).undelivered = Some(Ok(None)));
    let letters_with = |name: &'static str, text: &'static str| {
        move |facts: &mut Facts| {
            let Some(Ok(Some(letters))) = &mut sender(facts).undelivered else { panic!() };
            letters.attributes.insert(name.into(), text.into());
        }
    };
    check(target, State::Look, letters_with("ApproximateNumberOfMessages", "1"));
    check(target, State::Look, letters_with("MessageRetentionPeriod", "3600"));
    check(target, State::Bad, letters_with("KmsMasterKeyId", "alias/aws/sqs"));
    // It is empty since nothing can be put there.
    let shut = check(target, State::Bad, letters_with("Policy", ""));
    assert_eq!(shut.what, "rule twinstream: dead-letter queue of its target, its policy");
    check("rule twinstream: target", State::Bad, |facts| sender(facts).target.is_plain = false);
}

#[test]
fn a_permission_that_is_missing_is_named() {
    let found = check("partner event source", State::Bad, |facts| {
        facts.survey.sources = Err(CallError::denied("events:ListEventSources"));
    });
    assert!(found.found.contains("events:ListEventSources"), "{found:?}");
    let found = check("rule", State::Bad, |facts| {
        facts.survey.senders = Err(CallError::denied("events:ListRuleNamesByTarget"));
    });
    assert!(found.found.contains("events:ListRuleNamesByTarget"), "{found:?}");
}

#[test]
fn a_policy_is_judged_where_it_can_be() {
    const WHAT: &str = "rule twinstream: queue policy";
    let statements = |more: Value| {
        let mut policy: Value = serde_json::from_str(&policy("arn:queue")).unwrap();
        policy["Statement"].as_array_mut().unwrap().push(more);
        move |facts: &mut Facts| {
            attributes(facts).insert("Policy".into(), policy.to_string());
        }
    };
    let deny = |condition: Value| {
        json!({"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*",
            "Condition": condition})
    };
    let out = check(WHAT, State::Bad, statements(deny(json!({}))));
    assert_eq!(out.command, None, "nobody takes a Deny away for its owner");
    let organisation = json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}});
    check(WHAT, State::Look, statements(deny(organisation)));
    let tls = json!({"Bool": {"aws:SecureTransport": "false"}});
    check(WHAT, State::Good, statements(deny(tls)));
    check(WHAT, State::Bad, |facts| {
        attributes(facts).insert("Policy".into(), policy("arn:another"));
    });
}

#[test]
fn a_rule_on_the_default_bus_brings_nothing() {
    let found = check("rule", State::Bad, |facts| sender(facts).bus = "default".into());
    assert!(["rule", "rule twinstream on the default bus"].contains(&&*found.what), "{found:?}");
}

#[test]
fn the_command_mends_the_rule_that_is_meant() {
    let mut facts = facts();
    sender(&mut facts).name = "by-hand".into();
    sender(&mut facts).undelivered = None;
    let other = SourceStanding {
        name: "aws.partner/auth0.com/other-1/auth0.events".into(),
        state: SourceState::Pending { expires: None },
        created: None,
    };
    facts.survey.sources.as_mut().unwrap().push(other);
    let all = checks(&facts);
    let bad = all.iter().find(|check| check.found_to_be == State::Bad).unwrap();
    let command = format!("twinstream setup aws --source {SOURCE} --rule by-hand");
    assert_eq!(bad.command.as_deref(), Some(&*command));
    // The other source may be another tenant's.
    let others: Vec<_> = all.iter().filter(|check| check.what.contains("other-1")).collect();
    assert!(others.iter().all(|check| check.found_to_be == State::Look), "{others:?}");
}

#[test]
fn keys_and_letters_that_shut_out_are_told() {
    check("encryption", State::Bad, with("KmsMasterKeyId", "alias/aws/sqs"));
    check("encryption", State::Look, with("KmsMasterKeyId", "alias/mine"));
    // 14 days are the longest that there is.
    check("dead-letter queue", State::Look, with("MessageRetentionPeriod", "1209600"));
    for allow in [
        r#"{"redrivePermission":"denyAll"}"#,
        r#"{"redrivePermission":"byQueue","sourceQueueArns":["arn:another"]}"#,
    ] {
        check("dead-letter queue", State::Bad, |facts| {
            let Some(Ok(Some(letters))) = &mut facts.survey.dead_letters else { panic!() };
            letters.attributes.insert("RedriveAllowPolicy".into(), allow.into());
        });
    }
}

#[test]
fn two_rules_together_may_let_everything_through() {
    let mut facts = facts();
    let of = |kind: &str| Some(rule_pattern(Some(&json!({"type": [kind]}))).to_string());
    facts.routes = vec![(
        "one".into(),
        Pattern::parse(&json!({"type": ["user.created", "user.updated"]})).unwrap(),
    )];
    sender(&mut facts).rule.pattern = of("user.created");
    let mut second = second_of(&facts);
    second.rule.pattern = of("user.updated");
    facts.survey.senders.as_mut().unwrap().push(second);
    let bad = |facts: &Facts| {
        checks(facts)
            .into_iter()
            .filter(|check| check.found_to_be != State::Good)
            .collect::<Vec<_>>()
    };
    assert_eq!(bad(&facts), []);
    facts.survey.senders.as_mut().unwrap()[1].rule.is_enabled = false;
    let told = bad(&facts);
    assert!(told.iter().any(|check| check.found == "the rule keeps out user.updated"), "{told:?}");
}

/// Another rule that the queue lets in as well.
fn second_of(facts: &Facts) -> Sender {
    let first = &facts.survey.senders.as_ref().unwrap()[0];
    let Some(Ok(letters)) = &first.undelivered else { panic!() };
    Sender {
        bus: first.bus.clone(),
        name: first.name.clone(),
        arn: first.arn.clone(),
        rule: first.rule.clone(),
        target: first.target.clone(),
        undelivered: Some(Ok(letters.clone())),
    }
}
