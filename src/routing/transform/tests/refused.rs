//! Transforms that EventBridge refuses, or that could not be filled for every event.

use std::collections::BTreeMap;

use super::super::PATHS_MAX;
use super::super::template::LENGTH_MAX;
use super::{Transform, paths};

#[track_caller]
fn refuse_paths(paths: &BTreeMap<String, String>, part: &str) {
    let error = Transform::parse(paths, "<a>").unwrap_err().to_string();
    assert!(error.contains(part), "{error}");
}

/// The place as line and character, and a part of the reason.
#[track_caller]
fn refuse(template: &str, (line, column): (usize, usize), part: &str) {
    let paths = paths(&[("a", "$.a"), ("b", "$.b")]);
    let error = Transform::parse(&paths, template).expect_err(template).to_string();
    let place = format!("the template, at line {line}, character {column}: ");
    assert!(error.starts_with(&place) && error.contains(part), "{template}: {error}");
}

#[test]
fn names_are_eventbridge_s() {
    for name in ["", "a b", "a.b", "é", "<a>", &"a".repeat(257)] {
        refuse_paths(&paths(&[(name, "$.a")]), &format!("`{name}` in paths is no name"));
    }
    for name in ["aws.events.rule-name", "AWS.x", "aws."] {
        refuse_paths(&paths(&[(name, "$.a")]), "reserved");
    }
    let longest = "a".repeat(256);
    let template = format!("<{longest}>");
    assert!(Transform::parse(&paths(&[(&longest, "$.a")]), &template).is_ok());
}

#[test]
fn paths_are_named_with_their_variable() {
    refuse_paths(&paths(&[("a", "data.a")]), "the path of `a`, `data.a`: a path begins with `$`");
    refuse_paths(
        &paths(&[("a", "$.a"), ("b", "$.x[-1]")]),
        "the path of `b`, `$.x[-1]`: at character 4",
    );
    let many = |count: usize| (0..count).map(|at| (format!("a{at}"), "$.a".to_owned())).collect();
    refuse_paths(&many(PATHS_MAX + 1), "101 paths; EventBridge takes 100 at most");
    assert!(Transform::parse(&many(PATHS_MAX), "{}").is_ok());
}

#[test]
fn variables_are_known() {
    refuse("<c>", (1, 1), "there is no variable `c`");
    refuse("{\"é\": \"<b></b>\"}", (1, 11), "`<` begins a variable");
    refuse("\"<b>x<i>\"", (1, 6), "there is no variable `i`; add it to paths, or write \\u003c");
    refuse("{\n  \"a\": <a>,\n  \"b\": <A>\n}", (3, 8), "there is no variable `A`");
    refuse("<aws.events.rule-arn>", (1, 1), "a route has no ARN; `<aws.events.rule-name>`");
    refuse("<aws.events.ingestion-time>", (1, 1), "no variable `aws.events.ingestion-time`");
    for template in ["a < b", "<>", "< a>", "<a", "x < y and z > y", "<$.a>", "<<a>>"] {
        let column = template.find('<').unwrap() + 1;
        refuse(template, (1, column), "`<` begins a variable");
    }
    let written = Transform::parse(&paths(&[("a", "$.a")]), r#""\u003cb\u003e > <a>""#);
    assert!(written.is_ok());
}

#[test]
fn no_variable_is_a_key() {
    for template in ["{<a>: 1}", "{\"<a>\": 1}", "{\"b\": 1, \"x<a>y\" : <b>}", "{\"<b><a>\"\n: 1}"]
    {
        refuse(template, (1, template.find('<').unwrap() + 1), "can't be the key");
    }
    assert!(
        Transform::parse(&paths(&[("a", "$.a")]), "{\"a:\": \": <a>:\", \"b\": [<a>]}").is_ok()
    );
}

#[test]
fn what_is_not_json_for_every_event_is_refused() {
    refuse("{\"a\": <a>", (1, 9), "not JSON once it is filled: EOF");
    refuse("{\"a\": <a>,}", (1, 11), "trailing comma");
    refuse("{\"a\": <a> \"b\": 1}", (1, 11), "expected `,` or `}`");
    refuse("{\n \"é\": <a>\n \"b\": <b>}", (3, 2), "expected `,` or `}`");
    refuse("{\"a\": 1<a>}", (1, 8), "expected `,` or `}`");
    refuse("[<a><b>]", (1, 5), "expected `,` or `]`");
    refuse("[<a>1]", (1, 5), "expected `,` or `]`");
    refuse("[\"<a>", (1, 5), "EOF");
    refuse("[\"a\nb\"]", (2, 1), "control character");
    refuse("\"\\<a>\"", (1, 3), "invalid escape");
    refuse("\"\\u12<a>\"", (1, 7), "invalid escape");
    refuse("\"\\ud83d<a>\"", (1, 8), "hex escape");
    refuse("{a: <a>}", (1, 2), "key must be a string");
    refuse("{'a': <a>}", (1, 2), "key must be a string");
    refuse("user \"<a>\"", (1, 1), "expected value");
    refuse("[1e999]", (1, 6), "number out of range");
    refuse(&"[".repeat(200), (1, 128), "recursion limit");
}

#[test]
fn a_template_is_one_value_or_lines() {
    refuse("", (1, 1), "nothing in it");
    refuse(" \n", (1, 1), "nothing in it");
    refuse("\"a\" \"<b>\"", (1, 5), "a second value begins");
    refuse("{\"a\": <a>}\n{\"b\": <b>}", (2, 1), "a second value begins");
    refuse("\"a\"\n<b>", (2, 1), "a second value begins");
    refuse("<a>\n \"b\"", (2, 2), "a second value begins");
}

#[test]
fn a_template_has_a_bound() {
    let template = |length: usize| format!("\"{}\"", "é".repeat(length - 2));
    let error = Transform::parse(&BTreeMap::new(), &template(LENGTH_MAX + 1)).unwrap_err();
    assert!(error.to_string().contains("8193 characters; EventBridge takes 8192"), "{error}");
    assert!(Transform::parse(&BTreeMap::new(), &template(LENGTH_MAX)).is_ok());
}
