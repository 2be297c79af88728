//! Event patterns: on the command line, and beside an emulator written by others.

use std::io::Write as _;
use std::process::{Output, Stdio};

use serde_json::{Value, json};
use twinstream::routing::Pattern;

use crate::event_bus;
use crate::support::emulator::Emulator;
use crate::support::event::event;
use crate::support::process;
use crate::support::settings::Settings;

/// Runs `pattern <verb>` on two files.
fn run(verb: &[&str], pattern: &str, event: &str) -> Output {
    let settings = Settings::new("webhook");
    std::fs::write(settings.file("pattern.json"), pattern).unwrap();
    std::fs::write(settings.file("event.json"), event).unwrap();
    let files = ["--pattern", "pattern.json", "--event", "event.json"];
    process::run(&settings, &[&["pattern"], verb, &files].concat())
}

#[track_caller]
fn said(output: &Output, code: i32, parts: &[&str]) {
    let out = String::from_utf8_lossy(&output.stdout);
    let said = format!("{out}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{said}");
    for part in parts {
        assert!(said.contains(part), "{part} is missing: {said}");
    }
}

#[test]
fn an_event_matches_or_it_does_not() {
    let user = event("evt_1", 1, 1).body();
    let blocked = r#"{"type": ["user.updated"], "data": {"object": {"blocked": [true]}}}"#;
    let active = blocked.replace("[true]", "[false]");
    said(&run(&["test"], &active, &user), 0, &["the event matches"]);
    said(&run(&["test"], blocked, &user), 1, &["does not match"]);
    said(&run(&["explain"], &active, &user), 0, &["the event matches"]);
    let why = run(&["explain"], blocked, &user);
    said(&why, 1, &["/data/object/blocked\n", "one of [true]", "found: false"]);
    assert!(
        !String::from_utf8_lossy(&why.stdout).contains("example.com"),
        "only what was asked for"
    );
    let why = run(&["explain", "--json"], blocked, &user);
    said(&why, 1, &[]);
    let document: Value = serde_json::from_slice(&why.stdout).unwrap();
    assert_eq!(document["matches"], false);
    let failure = json!({
        "path": "/data/object/blocked", "pattern": "/data/object/blocked",
        "condition": "one of [true]", "found": [false],
    });
    assert_eq!(document["failures"], json!([failure]));
}

#[test]
fn wrong_files_are_named() {
    let user = event("evt_1", 1, 1).body();
    for verb in ["test", "explain"] {
        let refused = run(&[verb], r#"{"data": {"blocked": true}}"#, &user);
        said(&refused, 2, &["pattern.json", "at /data/blocked: values stand in a list"]);
        said(&run(&[verb], "{", &user), 2, &["pattern.json", "not JSON"]);
        said(&run(&[verb], r#"{"a": [1]}"#, "{"), 2, &["event.json", "not JSON"]);
        said(&run(&[verb], r#"{"a": [1]}"#, "[]"), 2, &["event.json", "a JSON object"]);
        let settings = Settings::new("webhook");
        let missing = ["pattern", verb, "--pattern", "nowhere.json", "--event", "-"];
        said(&process::run(&settings, &missing), 2, &["nowhere.json can't be read"]);
        let both = ["pattern", verb, "--pattern", "-", "--event", "-"];
        said(&process::run(&settings, &both), 2, &["only one of"]);
    }
}

#[test]
fn standard_input_is_a_file_too() {
    let settings = Settings::new("webhook");
    std::fs::write(settings.file("pattern.json"), r#"{"type": ["user.updated"]}"#).unwrap();
    let mut command = process::command(&settings);
    command.args(["pattern", "test", "--pattern", "pattern.json", "--event", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(event("evt_1", 1, 1).body().as_bytes()).unwrap();
    said(&child.wait_with_output().unwrap(), 0, &["the event matches"]);
}

/// A pattern and an event.
type Case = (&'static str, &'static str);

/// What a matcher says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Match,
    NoMatch,
    Refused,
}
use Answer::{Match, NoMatch, Refused};

fn ours(pattern: &Value, event: &Value) -> Answer {
    match Pattern::parse(pattern) {
        Ok(pattern) if pattern.matches(event) => Match,
        Ok(_) => NoMatch,
        Err(_) => Refused,
    }
}

/// One case for both. What is the detail there is the CloudEvent here.
async fn check(emulator: &aws_sdk_eventbridge::Client, (pattern, event): Case) -> (Answer, Answer) {
    let pattern: Value = serde_json::from_str(pattern).expect(pattern);
    let event: Value = serde_json::from_str(event).expect(event);
    let here = ours(&pattern, &event);
    let (pattern, event) = (
        json!({ "detail": pattern }),
        json!({
            "id": "00000000-0000-0000-0000-000000000001", "account": "123456789012",
            "source": "aws.partner/auth0.com/acme-1/auth0.events", "detail-type": "user.updated",
            "time": "2026-03-01T09:15:45Z", "region": "us-east-1", "resources": [], "detail": event,
        }),
    );
    assert_eq!(ours(&pattern, &event), here, "a level deeper: {pattern} on {event}");
    let call = emulator.test_event_pattern();
    let call = call.event_pattern(pattern.to_string()).event(event.to_string());
    let there = match call.send().await {
        Ok(answer) if answer.result => Match,
        Ok(_) => NoMatch,
        Err(error) => {
            let error = error.into_service_error();
            assert!(error.is_invalid_event_pattern_exception(), "{pattern}: {error:?}");
            Refused
        }
    };
    (here, there)
}

#[tokio::test]
async fn an_emulator_written_by_others_agrees() {
    let emulator = event_bus::client(&Emulator::shared().await.url());
    for case in AGREED {
        let (here, there) = check(&emulator, *case).await;
        assert_eq!(here, there, "ours and the emulator's, {case:?}");
    }
    for (why, case, expected) in DIFFERENT {
        assert_eq!(check(&emulator, *case).await, *expected, "{why}: {case:?}");
    }
}

/// Where we differ from the emulator, ours first, and why ours is kept.
const DIFFERENT: &[(&str, Case, (Answer, Answer))] = &[
    (
        "EventBridge's guide limits numbers to 5e9; the emulator compares all doubles",
        (r#"{"n": [{"numeric": [">", 0]}]}"#, r#"{"n": 6000000000}"#),
        (NoMatch, Match),
    ),
    (
        "the same, in a pattern",
        (r#"{"n": [{"numeric": [">", 6000000000]}]}"#, r#"{"n": 1}"#),
        (Refused, NoMatch),
    ),
    (
        "EventBridge's guide limits numbers to 6 digits after the point",
        (r#"{"n": [{"numeric": [">", 0.1234567]}]}"#, r#"{"n": 1}"#),
        (Refused, Match),
    ),
    (
        "event-ruler reads exact strings that are addresses as addresses; the emulator does not",
        (r#"{"ip": ["2001:db8::1"]}"#, r#"{"ip": "2001:DB8:0:0:0:0:0:1"}"#),
        (Match, NoMatch),
    ),
    (
        "event-ruler looks for absence in the whole event where no field before has settled on an \
         element; the emulator looks for one element without it",
        (r#"{"a": {"x": [{"exists": false}]}}"#, r#"{"a": [{"x": 1}, {"y": 1}]}"#),
        (NoMatch, Match),
    ),
    (
        "`exactly` is in event-ruler, but not in EventBridge's guide",
        (r#"{"a": [{"exactly": "x"}]}"#, r#"{"a": "x"}"#),
        (Refused, Match),
    ),
    (
        "a key with dots is one key here, a path for event-ruler, which says not to rely on it",
        (r#"{"a.b": ["x"]}"#, r#"{"a": {"b": "x"}}"#),
        (NoMatch, Match),
    ),
    (
        "the same; the emulator does not find the key itself, as event-ruler would",
        (r#"{"a.b": ["x"]}"#, r#"{"a.b": "x"}"#),
        (Match, NoMatch),
    ),
    (
        "`$or` is always the operator here; EventBridge takes what can't be one for a field",
        (r#"{"$or": {"a": ["x"]}}"#, r#"{"$or": {"a": "x"}}"#),
        (Refused, Match),
    ),
    ("the same, of a list of values", (r#"{"$or": ["x"]}"#, r#"{"$or": "x"}"#), (Refused, Match)),
    (
        "event-ruler keeps the later of two, which is up to the order of keys; refused here",
        (r#"{"a": ["x"], "$or": [{"a": ["y"]}, {"b": ["z"]}]}"#, r#"{"a": "y"}"#),
        (Refused, NoMatch),
    ),
    (
        "event-ruler knows a field's value and what is below the field as two names; for the emulator \
         nothing has both",
        (
            r#"{"a": {"b": [{"exists": false}]}, "$or": [{"a": ["x"]}, {"a": ["y"]}]}"#,
            r#"{"a": "x"}"#,
        ),
        (Match, NoMatch),
    ),
    (
        "a bound on wildcards; EventBridge has one too, but does not publish it",
        (
            r#"{"a": [{"wildcard": "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a"}]}"#,
            r#"{"a": "b"}"#,
        ),
        (Refused, NoMatch),
    ),
];

const USER: &str = r#"{"type": "user.updated", "a0tenant": "acme", "data": {"object": {
    "user_id": "auth0|66f", "email": "Kim@Example.com", "name": "", "blocked": true, "score": 301.85,
    "logins_count": 300, "nickname": null, "app_metadata": {}, "tags": [], "last_ip": "203.0.113.7",
    "last_ip6": "2001:db8::1", "roles": ["admin", "editor"], "path": "C:\\a*b",
    "identities": [{"provider": "google-oauth2", "isSocial": true, "n": 11},
                   {"provider": "auth0", "isSocial": false, "n": 66}]}}}"#;

/// Where there is one answer.
const AGREED: &[Case] = &[
    (r#"{"type": ["user.updated"]}"#, USER),
    (r#"{"type": ["user.deleted", "user.created"]}"#, USER),
    (r#"{"type": ["user.updated"], "a0tenant": ["other"]}"#, USER),
    (r#"{"data": {"object": {"user_id": ["AUTH0|66f"]}}}"#, USER),
    (r#"{"data": {"object": {"name": [""]}}}"#, USER),
    (r#"{"data": {"object": {"name": [null]}}}"#, USER),
    (r#"{"data": {"object": {"nickname": [null]}}}"#, USER),
    (r#"{"data": {"object": {"nickname": [""]}}}"#, USER),
    (r#"{"data": {"object": {"missing": [null]}}}"#, USER),
    (r#"{"data": {"object": {"blocked": [true]}}}"#, USER),
    (r#"{"data": {"object": {"blocked": ["true"]}}}"#, USER),
    (r#"{"data": {"object": {"blocked": [1]}}}"#, USER),
    (r#"{"data": {"object": {"logins_count": [300.0]}}}"#, USER),
    (r#"{"data": {"object": {"logins_count": [3.0e2]}}}"#, USER),
    (r#"{"data": {"object": {"logins_count": ["300"]}}}"#, USER),
    (r#"{"data": {"object": {"roles": ["editor"]}}}"#, USER),
    (r#"{"data": {"object": {"roles": ["owner"]}}}"#, USER),
    (r#"{"data": {"object": {"last_ip": ["203.0.113.7"]}}}"#, USER),
    (r#"{"data": {"object": {"user_id": [{"prefix": "auth0|"}]}}}"#, USER),
    (r#"{"data": {"object": {"user_id": [{"prefix": "Auth0|"}]}}}"#, USER),
    (r#"{"data": {"object": {"user_id": [{"prefix": ""}]}}}"#, USER),
    (r#"{"data": {"object": {"logins_count": [{"prefix": ""}]}}}"#, USER),
    (r#"{"data": {"object": {"nickname": [{"suffix": ""}]}}}"#, USER),
    (r#"{"data": {"object": {"email": [{"suffix": ".com"}]}}}"#, USER),
    (r#"{"data": {"object": {"email": [{"suffix": ".COM"}]}}}"#, USER),
    (r#"{"data": {"object": {"email": [{"prefix": {"equals-ignore-case": "KIM"}}]}}}"#, USER),
    (r#"{"data": {"object": {"email": [{"suffix": {"equals-ignore-case": ".COM"}}]}}}"#, USER),
    (r#"{"data": {"object": {"email": [{"suffix": {"equals-ignore-case": ".ORG"}}]}}}"#, USER),
    (r#"{"data": {"object": {"email": [{"equals-ignore-case": "KIM@EXAMPLE.COM"}]}}}"#, USER),
    (r#"{"data": {"object": {"email": [{"equals-ignore-case": "KIM@EXAMPLE"}]}}}"#, USER),
    (r#"{"a": [{"equals-ignore-case": "straße"}]}"#, r#"{"a": "STRASSE"}"#),
    (r#"{"a": [{"equals-ignore-case": "STRASSE"}]}"#, r#"{"a": "straße"}"#),
    (r#"{"data": {"object": {"email": [{"wildcard": "*@*.com"}]}}}"#, USER),
    (r#"{"data": {"object": {"email": [{"wildcard": "*@*.org"}]}}}"#, USER),
    (r#"{"data": {"object": {"path": [{"wildcard": "C:\\\\a\\**"}]}}}"#, USER),
    (r#"{"data": {"object": {"path": [{"wildcard": "C:\\\\*\\*"}]}}}"#, USER),
    (r#"{"a": [{"wildcard": "ab*ba"}]}"#, r#"{"a": "aba"}"#),
    (r#"{"a": [{"wildcard": "*"}]}"#, r#"{"a": 1}"#),
    (r#"{"data": {"object": {"user_id": [{"anything-but": "auth0|66f"}]}}}"#, USER),
    (r#"{"data": {"object": {"user_id": [{"anything-but": ["x", "y"]}]}}}"#, USER),
    (r#"{"data": {"object": {"logins_count": [{"anything-but": [1, 300.0]}]}}}"#, USER),
    (r#"{"data": {"object": {"logins_count": [{"anything-but": "300"}]}}}"#, USER),
    (r#"{"data": {"object": {"user_id": [{"anything-but": 1}]}}}"#, USER),
    (r#"{"data": {"object": {"nickname": [{"anything-but": "x"}]}}}"#, USER),
    (r#"{"data": {"object": {"missing": [{"anything-but": "x"}]}}}"#, USER),
    (r#"{"data": {"object": {"tags": [{"anything-but": "x"}]}}}"#, USER),
    (r#"{"data": {"object": {"app_metadata": [{"anything-but": "x"}]}}}"#, USER),
    (r#"{"data": {"object": {"roles": [{"anything-but": "admin"}]}}}"#, USER),
    (r#"{"data": {"object": {"roles": [{"anything-but": ["admin", "editor"]}]}}}"#, USER),
    (r#"{"data": {"object": {"user_id": [{"anything-but": {"prefix": "auth0|"}}]}}}"#, USER),
    (r#"{"data": {"object": {"user_id": [{"anything-but": {"prefix": ["a", "b"]}}]}}}"#, USER),
    (r#"{"data": {"object": {"email": [{"anything-but": {"suffix": [".org", ".net"]}}]}}}"#, USER),
    (
        r#"{"data": {"object": {"email": [{"anything-but": {"equals-ignore-case": ["x", "KIM@EXAMPLE.COM"]}}]}}}"#,
        USER,
    ),
    (r#"{"data": {"object": {"email": [{"anything-but": {"wildcard": "*@*"}}]}}}"#, USER),
    (r#"{"data": {"object": {"email": [{"anything-but": {"wildcard": ["*.org", "x*"]}}]}}}"#, USER),
    (r#"{"data": {"object": {"score": [{"numeric": ["=", 3.0185e2]}]}}}"#, USER),
    (r#"{"data": {"object": {"score": [{"numeric": ["<", 301.85]}]}}}"#, USER),
    (r#"{"data": {"object": {"score": [{"numeric": ["<=", 301.85]}]}}}"#, USER),
    (r#"{"data": {"object": {"score": [{"numeric": [">", 301.85]}]}}}"#, USER),
    (r#"{"data": {"object": {"score": [{"numeric": [">=", 301.85]}]}}}"#, USER),
    (r#"{"data": {"object": {"score": [{"numeric": [">", 0, "<=", 301.85]}]}}}"#, USER),
    (r#"{"data": {"object": {"score": [{"numeric": [">", 0, "<", 301.85]}]}}}"#, USER),
    (r#"{"data": {"object": {"user_id": [{"numeric": [">", 0]}]}}}"#, USER),
    (r#"{"data": {"object": {"blocked": [{"numeric": ["=", 1]}]}}}"#, USER),
    (r#"{"data": {"object": {"last_ip": [{"cidr": "203.0.113.0/24"}]}}}"#, USER),
    (r#"{"data": {"object": {"last_ip": [{"cidr": "203.0.113.99/24"}]}}}"#, USER),
    (r#"{"data": {"object": {"last_ip": [{"cidr": "198.51.100.0/24"}]}}}"#, USER),
    (r#"{"data": {"object": {"last_ip": [{"cidr": "::/0"}]}}}"#, USER),
    (r#"{"data": {"object": {"last_ip6": [{"cidr": "2001:db8::/32"}]}}}"#, USER),
    (r#"{"data": {"object": {"last_ip6": [{"cidr": "2001:db9::/32"}]}}}"#, USER),
    (r#"{"data": {"object": {"user_id": [{"exists": true}]}}}"#, USER),
    (r#"{"data": {"object": {"nickname": [{"exists": true}]}}}"#, USER),
    (r#"{"data": {"object": {"nickname": [{"exists": false}]}}}"#, USER),
    (r#"{"data": {"object": {"tags": [{"exists": true}]}}}"#, USER),
    (r#"{"data": {"object": {"tags": [{"exists": false}]}}}"#, USER),
    (r#"{"data": {"object": {"app_metadata": [{"exists": true}]}}}"#, USER),
    (r#"{"data": {"object": {"app_metadata": [{"exists": false}]}}}"#, USER),
    (r#"{"data": {"object": {"missing": [{"exists": false}]}}}"#, USER),
    (r#"{"data": {"object": {"blocked": [{"exists": false}, false]}}}"#, USER),
    (r#"{"data": {"object": {"blocked": [{"exists": false}, true]}}}"#, USER),
    (r#"{"type": {"x": [{"exists": false}]}}"#, USER),
    (r#"{"data": {"object": {"identities": {"provider": ["auth0"], "n": [66]}}}}"#, USER),
    (r#"{"data": {"object": {"identities": {"provider": ["auth0"], "n": [11]}}}}"#, USER),
    (r#"{"data": {"object": {"identities": {"n": [66], "x": [{"exists": false}]}}}}"#, USER),
    (r#"{"a": {"b": [1], "c": [2]}}"#, r#"{"a": [[{"b": 1}, {"c": 2}], [{"b": 1, "c": 2}]]}"#),
    (r#"{"a": {"b": [1], "c": [2]}}"#, r#"{"a": [[{"b": 1}, {"c": 2}], [{"c": 2}]]}"#),
    (
        r#"{"a": {"x": [1]}, "$or": [{"a": {"y": [2]}}, {"z": [3]}]}"#,
        r#"{"a": [{"x": 1}, {"y": 2}]}"#,
    ),
    (r#"{"$or": [{"type": ["x"]}, {"a0tenant": ["acme"]}]}"#, USER),
    (r#"{"$or": [{"type": ["x"]}, {"a0tenant": ["y"]}]}"#, USER),
    (
        r#"{"type": ["user.updated"], "data": {"object": {"$or": [{"blocked": [false]}, {"name": [""], "$or": [{"score": [1]}, {"roles": ["admin"]}]}]}}}"#,
        USER,
    ),
    // What both refuse.
    ("{}", USER),
    (r#"{"data": {}}"#, USER),
    (r#"{"type": "user.updated"}"#, USER),
    (r#"{"type": []}"#, USER),
    (r#"{"type": [["user.updated"]]}"#, USER),
    (r#"{"type": [{}]}"#, USER),
    (r#"{"type": [{"contains": "x"}]}"#, USER),
    (r#"{"type": [{"prefix": "a", "suffix": "b"}]}"#, USER),
    (r#"{"type": [{"prefix": 1}]}"#, USER),
    (r#"{"type": [{"prefix": ["a"]}]}"#, USER),
    (r#"{"type": [{"prefix": {"suffix": "a"}}]}"#, USER),
    (r#"{"type": [{"exists": "true"}]}"#, USER),
    (r#"{"type": [{"wildcard": "a**"}]}"#, USER),
    (r#"{"type": [{"wildcard": "a\\n"}]}"#, USER),
    (r#"{"type": [{"wildcard": "a\\"}]}"#, USER),
    (r#"{"type": [{"anything-but": []}]}"#, USER),
    (r#"{"type": [{"anything-but": true}]}"#, USER),
    (r#"{"type": [{"anything-but": ["a", 1]}]}"#, USER),
    (r#"{"type": [{"anything-but": ["a", null]}]}"#, USER),
    (r#"{"type": [{"anything-but": {"prefix": ""}}]}"#, USER),
    (r#"{"type": [{"anything-but": {"cidr": "10.0.0.0/8"}}]}"#, USER),
    (r#"{"type": [{"anything-but": {"prefix": []}}]}"#, USER),
    (r#"{"type": [{"numeric": []}]}"#, USER),
    (r#"{"type": [{"numeric": ["!=", 1]}]}"#, USER),
    (r#"{"type": [{"numeric": ["=", "1"]}]}"#, USER),
    (r#"{"type": [{"numeric": ["<", 5, ">", 0]}]}"#, USER),
    (r#"{"type": [{"numeric": [">", 5, "<", 5]}]}"#, USER),
    (r#"{"type": [{"numeric": ["=", 1, "=", 1]}]}"#, USER),
    (r#"{"type": [{"cidr": "10.0.0.1"}]}"#, USER),
    (r#"{"type": [{"cidr": "10.0.0.1/32"}]}"#, USER),
    (r#"{"type": [{"cidr": "example.com/8"}]}"#, USER),
    (r#"{"$or": [{"a": ["x"]}]}"#, USER),
    (r#"{"$or": [{"a": ["x"]}, {"prefix": ["y"]}]}"#, USER),
    (r#"{"$or": [{"a": ["x"]}, {}]}"#, USER),
];
