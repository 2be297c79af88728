//! Templates filled with an event like Auth0's.

mod properties;
mod refused;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{BODY_BYTES_MAX, ContentType, Context, RenderError, Rendered, Transform};
use crate::event::Timestamp;

/// A user as Auth0 sends it, with a little of everything.
fn event() -> Value {
    json!({
        "specversion": "1.0", "id": "evt_1", "type": "user.updated", "a0tenant": "acme",
        "data": {"object": {
            "user_id": "auth0|66f", "blocked": true, "logins_count": 300, "score": 0.1,
            "big": u64::MAX, "nickname": null, "name": "", "hostile": HOSTILE,
            "roles": ["admin", "ed\"itor"], "app_metadata": {}, "address": {"zip": "1\\2", "x": [1]},
        }},
    })
}

const HOSTILE: &str = "\"}, {\"a\": \\ \n\u{0}\u{2028}é🦀<id></id>";

fn paths(paths: &[(&str, &str)]) -> BTreeMap<String, String> {
    paths.iter().map(|(name, path)| ((*name).to_owned(), (*path).to_owned())).collect()
}

/// Each member of the user by its own name, and one that is not there.
fn user() -> BTreeMap<String, String> {
    let members = event()["data"]["object"].as_object().unwrap().clone();
    let names = members.keys().map(String::as_str).chain(["missing"]);
    names.map(|name| (name.to_owned(), format!("$.data.object.{name}"))).collect()
}

fn context() -> Context<'static> {
    Context {
        route: "block-status",
        accepted: Timestamp::parse("2026-03-01T09:15:44.96Z").unwrap(),
    }
}

#[track_caller]
fn render(template: &str) -> Rendered {
    let transform = Transform::parse(&user(), template).unwrap_or_else(|error| panic!("{error}"));
    transform.render(&event(), &context()).unwrap()
}

/// A template of JSON, by its exact text.
#[track_caller]
fn check(template: &str, expected: &str) {
    let rendered = render(template);
    assert_eq!(rendered.body, expected, "{template}");
    assert_eq!(rendered.content_type, ContentType::Json, "{template}");
    serde_json::from_str::<Value>(&rendered.body).expect(&rendered.body);
}

/// A template of text.
#[track_caller]
fn check_text(template: &str, expected: &str) {
    let rendered = render(template);
    assert_eq!(rendered.body, expected, "{template}");
    assert_eq!(rendered.content_type, ContentType::Text, "{template}");
}

#[test]
fn outside_quotes_a_variable_is_a_json_value() {
    check(
        r#"{"user_id": <user_id>, "blocked": <blocked>}"#,
        r#"{"user_id": "auth0|66f", "blocked": true}"#,
    );
    check("[<logins_count>,<nickname>,<name>]", r#"[300,null,""]"#);
    check(r#"{"a":<roles>,"b":<app_metadata>}"#, r#"{"a":["admin","ed\"itor"],"b":{}}"#);
    check("<address>", r#"{"x":[1],"zip":"1\\2"}"#);
    check("\n <user_id>\n", "\n \"auth0|66f\"\n");
}

#[test]
fn inside_quotes_a_variable_is_text() {
    check(r#""<user_id> is blocked""#, r#""auth0|66f is blocked""#);
    check(r#"{"a": "<user_id>"}"#, r#"{"a": "auth0|66f"}"#);
    check(r#"{"a":"<blocked>-<logins_count>-<nickname>-<name>"}"#, r#"{"a":"true-300-null-"}"#);
    check(r#"{"a":"\"<user_id>\" \\<blocked>\\"}"#, r#"{"a":"\"auth0|66f\" \\true\\"}"#);
    check(r#"["{[/ <user_id>", <blocked>]"#, r#"["{[/ auth0|66f", true]"#);
}

#[test]
fn inside_quotes_an_object_or_a_list_loses_its_quotes() {
    // What is left of an escaped quote is a backslash.
    check(r#"{"a":"is <roles>"}"#, r#"{"a":"is [admin,ed\\itor]"}"#);
    check(r#"{"a":"<address>"}"#, r#"{"a":"{x:[1],zip:1\\\\2}"}"#);
    check(r#""<app_metadata>""#, r#""{}""#);
}

#[test]
fn what_is_not_in_the_event_is_an_empty_text() {
    check(
        r#"{"a": <missing>, "b": "<missing>", "c": "x<missing>y"}"#,
        r#"{"a": "", "b": "", "c": "xy"}"#,
    );
    check_text("x: <missing>.", "x: .");
}

#[test]
fn numbers_keep_their_value() {
    check(r#"[<score>,<big>,"<big>"]"#, r#"[0.1,18446744073709551615,"18446744073709551615"]"#);
}

#[test]
fn no_value_gets_out_of_its_string() {
    for template in [r#"{"a": "<hostile>", "b": 1}"#, r#"{"a": <hostile>, "b": 1}"#] {
        let body: Value = serde_json::from_str(&render(template).body).unwrap();
        assert_eq!(body, json!({"a": HOSTILE, "b": 1}), "{template}");
    }
    check(r#""<hostile>""#, &Value::from(HOSTILE).to_string());
    let lines = render("\"<hostile>\"\n\"<user_id>\"").body;
    assert_eq!(lines.lines().count(), 2, "{lines}");
}

#[test]
fn lines_in_quotes_are_text_and_keep_them() {
    check_text(
        "\"user <user_id>\"\n\"\"\n  \"blocked: <blocked>\"\n",
        "\"user auth0|66f\"\n\"\"\n  \"blocked: true\"\n",
    );
    check_text("\"a\\n\\\"<user_id>\\\"\"\r\n\"<name>\"", "\"a\\n\\\"auth0|66f\\\"\"\r\n\"\"");
}

#[test]
fn text_without_quotes_is_text() {
    check_text("<user_id> is blocked: <blocked>\n", "auth0|66f is blocked: true\n");
    check_text("<user_id>: <roles>", "auth0|66f: [admin,ed\\itor]");
    check_text("<user_id><blocked>", "auth0|66ftrue");
    check_text("C:\\<user_id>\\n", "C:\\auth0|66f\\n");
    check_text("x <hostile>", &format!("x {HOSTILE}"));
    check_text("5 > 4", "5 > 4");
}

#[test]
fn a_value_alone_is_json() {
    check("true", "true");
    check("<user_id>", "\"auth0|66f\"");
    check("\"\"", "\"\"");
    check("{}", "{}");
}

#[test]
fn reserved_variables_need_no_path() {
    let all = event().to_string();
    check("<aws.events.event>", &all);
    check(r#"{"e":<aws.events.event.json>}"#, &format!(r#"{{"e":{all}}}"#));
    check(
        r#"[<aws.events.rule-name>,"at <aws.events.event.ingestion-time>"]"#,
        r#"["block-status","at 2026-03-01T09:15:44.96Z"]"#,
    );
    let route = Context { route: "a\"b", ..context() };
    let transform = Transform::parse(&BTreeMap::new(), r#""<aws.events.rule-name>""#).unwrap();
    assert_eq!(transform.render(&event(), &route).unwrap().body, r#""a\"b""#);
}

#[test]
fn each_variable_has_its_own_path() {
    let paths =
        paths(&[("b", "$.type"), ("a", "$.id"), ("B", "$.a0tenant"), ("a-_0", "$.data.*.x")]);
    let transform = Transform::parse(&paths, "[<a>,<b>,<B>,<a>,<a-_0>]").unwrap();
    let body = transform.render(&event(), &context()).unwrap().body;
    assert_eq!(body, r#"["evt_1","user.updated","acme","evt_1",[]]"#);
}

#[test]
fn a_body_has_a_bound() {
    let transform = Transform::parse(&paths(&[("a", "$.a")]), "[\"<a>\",\"<a>\"]").unwrap();
    let check = |bytes: usize, fits: bool| {
        let rendered = transform.render(&json!({"a": "x".repeat(bytes)}), &context());
        let expected = if fits { Ok(2 * bytes + 7) } else { Err(RenderError::TooLarge) };
        assert_eq!(rendered.map(|rendered| rendered.body.len()), expected);
    };
    // The parts that are not `a` have an odd number of bytes.
    check((BODY_BYTES_MAX - 7) / 2, true);
    check((BODY_BYTES_MAX - 7) / 2 + 1, false);
    check(10 * BODY_BYTES_MAX, false);
    let exactly = Transform::parse(&paths(&[("a", "$.a")]), "\"<a>\"").unwrap();
    let body = exactly.render(&json!({"a": "x".repeat(BODY_BYTES_MAX - 2)}), &context());
    assert_eq!(body.unwrap().body.len(), BODY_BYTES_MAX);
    let many =
        Transform::parse(&BTreeMap::new(), &format!("[{}0]", "<aws.events.event>,".repeat(400)));
    let large = json!({"a": "x".repeat(100_000)});
    assert_eq!(many.unwrap().render(&large, &context()), Err(RenderError::TooLarge));
}

#[test]
fn content_types_are_for_the_header() {
    assert_eq!(ContentType::Json.as_str(), "application/json");
    assert_eq!(ContentType::Text.as_str(), "text/plain; charset=utf-8");
}
