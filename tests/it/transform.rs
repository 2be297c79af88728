//! Transforms beside an emulator written by others: what a rule's input transformer sends to a queue,
//! and what we make of the same event.

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::{InputTransformer, PutEventsRequestEntry, Target};
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::Value;
use twinstream::event::Timestamp;
use twinstream::routing::{Context, Transform};

use crate::event_bus;
use crate::support::cloud::Cloud;
use crate::support::emulator::Emulator;

/// Variables with their paths on the CloudEvent, and a template.
type Case = (&'static [(&'static str, &'static str)], &'static str);

const ROUTE: &str = "block-status";

/// The body, or none if the transform is refused.
fn ours((paths, template): Case) -> Option<String> {
    let paths = paths.iter().map(|(name, path)| ((*name).to_owned(), (*path).to_owned()));
    let transform = Transform::parse(&paths.collect(), template).ok()?;
    let accepted = Timestamp::parse("2026-03-01T09:15:45Z").unwrap();
    let event: Value = serde_json::from_str(EVENT).unwrap();
    Some(transform.render(&event, &Context { route: ROUTE, accepted }).unwrap().body)
}

/// A target of the rule, with a queue of its own. The CloudEvent is the detail there.
async fn target(bus: &str, emulator: &Client, (paths, template): Case) -> Cloud {
    let cloud = Cloud::emulator_with(&[]).await;
    let call = cloud.client.get_queue_attributes().queue_url(&cloud.queue_url);
    let answer = call.attribute_names(QueueAttributeName::QueueArn).send().await.unwrap();
    let arn = answer.attributes.unwrap().remove(&QueueAttributeName::QueueArn).unwrap();
    let paths = paths.iter().map(|(name, path)| {
        let path = path.strip_prefix('$').map(|below| format!("$.detail{below}"));
        ((*name).to_owned(), path.unwrap())
    });
    let transformer = InputTransformer::builder()
        .set_input_paths_map(Some(paths.collect()))
        .input_template(template)
        .build()
        .unwrap();
    let target = Target::builder()
        .id(cloud.queue_url.rsplit('/').next().unwrap())
        .arn(arn)
        .input_transformer(transformer)
        .build()
        .unwrap();
    let call = emulator.put_targets().event_bus_name(bus).rule(ROUTE).targets(target);
    assert_eq!(call.send().await.unwrap().failed_entry_count, 0, "{template}");
    cloud
}

/// What one event becomes by each case, at the emulator.
async fn theirs(cases: &[Case]) -> Vec<String> {
    let emulator = event_bus::client(&Emulator::shared().await.url());
    let bus = format!("transform-{:x}", fastrand::u64(..));
    emulator.create_event_bus().name(&bus).send().await.unwrap();
    let rule = emulator.put_rule().name(ROUTE).event_bus_name(&bus);
    rule.event_pattern(r#"{"source": ["auth0"]}"#).send().await.unwrap();
    let mut targets = Vec::new();
    for case in cases {
        targets.push(target(&bus, &emulator, *case).await);
    }
    let entry = PutEventsRequestEntry::builder().event_bus_name(&bus).source("auth0");
    let entry = entry.detail_type("user.updated").detail(EVENT).build();
    assert_eq!(emulator.put_events().entries(entry).send().await.unwrap().failed_entry_count, 0);
    let mut bodies = Vec::new();
    for cloud in targets {
        let call = cloud.client.receive_message().queue_url(&cloud.queue_url);
        let message = call.wait_time_seconds(20).send().await.unwrap().messages.unwrap().remove(0);
        bodies.push(message.body.unwrap());
    }
    bodies
}

/// JSON by its value, all else by its text.
fn same(one: &str, other: &str) -> bool {
    let json = |text: &str| serde_json::from_str::<Value>(text).ok();
    one == other || json(one).is_some_and(|one| Some(one) == json(other))
}

#[tokio::test]
async fn an_emulator_written_by_others_agrees() {
    let different = DIFFERENT.iter().map(|(_, case, _)| *case);
    let cases: Vec<Case> = AGREED.iter().copied().chain(different).collect();
    let there = theirs(&cases).await;
    let (agreed, different) = there.split_at(AGREED.len());
    let mut wrong = Vec::new();
    for (case, there) in AGREED.iter().zip(agreed) {
        let here = ours(*case);
        if !here.as_ref().is_some_and(|here| same(here, there)) {
            wrong.push(format!("{}\n  ours   {here:?}\n  theirs {there:?}", case.1));
        }
    }
    for ((why, case, expected), there) in DIFFERENT.iter().zip(different) {
        let found = (ours(*case), there.clone());
        let expected = (expected.0.map(str::to_owned), expected.1.to_owned());
        if found != expected {
            wrong.push(format!("{why}: {}\n  found    {found:?}\n  expected {expected:?}", case.1));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn reserved_variables_are_what_they_can_be_without_an_envelope() {
    let template = r#"{"event": <aws.events.event>, "json": <aws.events.event.json>,
        "route": <aws.events.rule-name>, "time": "<aws.events.event.ingestion-time>"}"#;
    let there: Value = serde_json::from_str(&theirs(&[(&[], template)]).await[0]).unwrap();
    let here: Value = serde_json::from_str(&ours((&[], template)).unwrap()).unwrap();
    assert_eq!(here["route"], there["route"]);
    assert_eq!(here["json"], there["json"]["detail"]);
    // EventBridge leaves the detail out; we have nothing else.
    assert_eq!((there["event"].get("detail"), &here["event"]), (None, &here["json"]));
    for time in [&here["time"], &there["time"]] {
        assert!(Timestamp::parse(time.as_str().unwrap()).is_ok(), "{time}");
    }
}

const EVENT: &str = r#"{"type": "user.updated", "a0tenant": "acme", "data": {"object": {
    "user_id": "auth0|66f", "name": "", "blocked": true, "logins_count": 300, "score": 301.85,
    "nickname": null, "said": "a \"b\" \\ c", "lines": "1\n2", "tag": "<user>", "city": "Zürich",
    "one": {"x": "y"}, "two": {"a": [1, null], "b": "c"}, "none": {}, "roles": ["admin", "editor"],
    "single": ["admin"], "identities": [{"provider": "auth0"}, {"provider": "google"}]}}}"#;

const USER: &[(&str, &str)] = &[
    ("user", "$.data.object.user_id"),
    ("blocked", "$.data.object.blocked"),
    ("name", "$.data.object.name"),
    ("logins-count", "$.data.object.logins_count"),
    ("score", "$.data.object.score"),
    ("nickname", "$.data.object.nickname"),
    ("said", "$.data.object.said"),
    ("lines", "$.data.object.lines"),
    ("tag", "$.data.object.tag"),
    ("city", "$.data.object.city"),
    ("one", "$.data.object.one"),
    ("two", "$.data.object.two"),
    ("none", "$.data.object.none"),
    ("roles", "$.data.object.roles"),
    ("single", "$.data.object.single"),
    ("all", "$"),
    ("missing", "$.data.object.missing"),
    ("below", "$.data.object.user_id.x"),
    ("first", "$.data.object.roles[0]"),
    ("every", "$.data.object.identities[*].provider"),
];

/// Where there is one answer.
const AGREED: &[Case] = &[
    // The examples of the user guide.
    (USER, r#""instance <user> is in <score>""#),
    (USER, r#""instance \"<user>\" is in <score>""#),
    (USER, r#"{"instance": <user>, "state": <score>}"#),
    (USER, r#"{"instance": <user>, "status": "instance \"<user>\" is in <score>"}"#),
    (USER, r#"{"instance": <user>, "state": [9, <score>, true], "Transformed": "Yes"}"#),
    (USER, r#"{"rule": <aws.events.rule-name>, "a": [<all>]}"#),
    (USER, r#""<aws.events.rule-name> triggered""#),
    (USER, "\"<user> is\"\n\"in <score>\""),
    // Values by kind, outside quotes.
    (USER, r#"{"user_id": <user>, "blocked": <blocked>}"#),
    (USER, r#"{"a": [<blocked>, <logins-count>, <score>, <nickname>, <name>]}"#),
    (USER, r#"{"a": <one>, "b": <two>, "c": <none>, "d": <roles>}"#),
    (USER, r#"{"a": <said>, "b": <lines>, "c": <tag>, "d": <city>}"#),
    (USER, "{\n  \"a\" : <user> ,\n  \"b\": [ <blocked> ]\n}\n"),
    // And inside.
    (USER, r#"{"user_id": "<user>", "blocked": "<blocked>"}"#),
    (USER, r#"{"a": "<logins-count> <score> <nickname> <name>."}"#),
    (USER, r#"{"a": "<city>", "b": "<tag>"}"#),
    (USER, r#"{"a": "<user><user>", "b": "<blocked><score>"}"#),
    (USER, r#""{[/ <user>""#),
    (USER, r#"{"a": "\\<user>\\", "b": "\"", "c": <blocked>}"#),
    (USER, r#"{"a": "\u003c<user>\u003e"}"#),
    // An object or a list loses its quotes.
    (USER, r#"{"a": "<none>", "b": "<single>"}"#),
    (USER, r#""roles: <single>""#),
    // What is not there.
    (USER, r#"{"a": <missing>, "b": "<missing>", "c": "x<missing>y"}"#),
    (USER, r#"{"a": <below>}"#),
    (USER, r#""<missing>""#),
    // No variables, or no use of them.
    (USER, r#"{"a": 1}"#),
    (&[], r#""restart""#),
    (&[], "true"),
    (
        &[("type", "$.type"), ("TYPE", "$.a0tenant"), ("t_1", "$.data")],
        r#"{"a":[<type>,<TYPE>,<t_1>]}"#,
    ),
    // Text.
    (USER, "<user> is blocked: <blocked>"),
    (USER, "roles: <single>, none: <none>, missing: <missing>."),
    (USER, "\"first <user>\"\n\"second\"\n\"\""),
];

type Answers = (Option<&'static str>, &'static str);

/// Where we differ from the emulator, ours first, and why ours is kept.
const DIFFERENT: &[(&str, Case, Answers)] = &[
    (
        "EventBridge does not escape what it puts into a string, nor does the emulator; ours stays JSON",
        (USER, r#"{"a": "<said>"}"#),
        (Some(r#"{"a": "a \"b\" \\ c"}"#), r#"{"a": "a "b" \ c"}"#),
    ),
    (
        "the same, of a line break",
        (USER, r#"{"a": "<lines>"}"#),
        (Some(r#"{"a": "1\n2"}"#), "{\"a\": \"1\n2\"}"),
    ),
    (
        "EventBridge passes minified JSON, says its guide; the emulator has spaces in it",
        (USER, r#"{"a": "<two>", "b": "<one>"}"#),
        (
            Some(r#"{"a": "{a:[1,null],b:c}", "b": "{x:y}"}"#),
            r#"{"a": "{a: [1, null], b: c}", "b": "{x: y}"}"#,
        ),
    ),
    (
        "the same, of a list",
        (USER, r#""<roles>""#),
        (Some(r#""[admin,editor]""#), r#""[admin, editor]""#),
    ),
    (
        "EventBridge's guide has places in lists; the emulator does not know them",
        (USER, r#"{"a": <first>}"#),
        (Some(r#"{"a": "admin"}"#), r#"{"a": ""}"#),
    ),
    (
        "EventBridge's guide has `*`; the emulator does not know it",
        (USER, r#"{"a": <every>}"#),
        (Some(r#"{"a": ["auth0","google"]}"#), r#"{"a": ""}"#),
    ),
    (
        "where it can be, a variable is a JSON value; the emulator takes what has no quotes for text",
        (USER, "[<user>, <missing>]"),
        (Some(r#"["auth0|66f", ""]"#), "[auth0|66f, ]"),
    ),
    ("the same, of one alone", (USER, "<user>"), (Some(r#""auth0|66f""#), "auth0|66f")),
    (
        "EventBridge refuses a variable without a path; the emulator lets it stand",
        (USER, r#"{"a": "<unknown>"}"#),
        (None, r#"{"a": "<unknown>"}"#),
    ),
    (
        "EventBridge refuses a template that is not JSON; the emulator sends it",
        (USER, r#"{"a": <user>"#),
        (None, r#"{"a": "auth0|66f""#),
    ),
    (
        "EventBridge takes no variable for a key; the emulator does",
        (USER, r#"{"<user>": 1}"#),
        (None, r#"{"auth0|66f": 1}"#),
    ),
    (
        "EventBridge takes no path for a variable of its own; the emulator does",
        (&[("aws.events.rule-name", "$.type")], r#"{"a": <aws.events.rule-name>}"#),
        (None, r#"{"a": "user.updated"}"#),
    ),
];
