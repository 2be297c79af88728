//! Why an event does not match.

use serde_json::{Value, json};

use super::{Pattern, on_user, user};

/// Each failure as `path: what was found`.
#[track_caller]
fn check(pattern: &Value, expected: &[&str]) {
    let failures = Pattern::parse(pattern).unwrap().explain(&user());
    let found: Vec<String> =
        failures.iter().map(|failure| format!("{}: {}", failure.path, failure.found)).collect();
    assert_eq!(found, expected, "{pattern}");
}

#[test]
fn each_failing_condition_is_named_with_what_is_there() {
    let pattern = json!({"type": ["user.deleted"], "data": {"object": {
        "blocked": [false], "missing": [{"exists": true}], "app_metadata": ["x"], "tags": ["x"],
        "user_id": [{"prefix": "auth0|"}], "roles": ["owner"], "nickname": [{"exists": false}],
    }}});
    check(
        &pattern,
        &[
            "/data/object/app_metadata: no value: an object, or an empty list",
            "/data/object/blocked: true",
            "/data/object/missing: nothing",
            "/data/object/nickname: null",
            "/data/object/roles: \"admin\", \"editor\"",
            "/data/object/tags: no value: an object, or an empty list",
            "/type: \"user.updated\"",
        ],
    );
    let failures = Pattern::parse(&json!({"a/b": {"c": ["x", {"prefix": "y"}]}})).unwrap();
    let [failure] = &failures.explain(&json!({"a/b": {"c": "z"}}))[..] else { panic!() };
    assert_eq!(failure.path, "/a~1b/c");
    assert_eq!(failure.pattern, "/a~1b/c");
    assert_eq!(failure.condition, r#"one of ["x",{"prefix":"y"}]"#);
}

#[test]
fn conditions_that_hold_in_different_elements_are_named_together() {
    let pattern = on_user(&json!({"identities": {"provider": ["auth0"], "isSocial": [true]}}));
    check(&pattern, &["/data/object/identities: each of them, but in different elements"]);
    let failure = &Pattern::parse(&pattern).unwrap().explain(&user())[0];
    assert_eq!(
        failure.condition,
        "one element that has all of /data/object/identities/isSocial, \
         /data/object/identities/provider"
    );
}

#[test]
fn of_or_the_closest_alternatives_are_named() {
    let or = json!([{"id": ["evt_1"]}, {"id": ["evt_2"], "a0tenant": ["other"]}]);
    check(&json!({"$or": or, "type": ["user.deleted"]}), &["/type: \"user.updated\""]);
    let or = json!([{"id": ["evt_2"]}, {"a0tenant": ["other"]}]);
    check(&json!({ "$or": or }), &["/id: \"evt_1\"", "/a0tenant: \"acme\""]);
    check(
        &on_user(&json!({"blocked": [false, {"exists": false}]})),
        &["/data/object/blocked: true"],
    );
}

#[test]
fn no_more_of_the_event_is_shown_than_asked_for() {
    let event = json!({"list": (0..50).collect::<Vec<_>>(), "secret": "s3cret"});
    let pattern = json!({"list": ["x"], "secret": {"inner": ["x"]}});
    let failures = Pattern::parse(&pattern).unwrap().explain(&event);
    let shown = serde_json::to_string(&failures).unwrap();
    assert!(!shown.contains("s3cret"), "{shown}");
    assert_eq!(failures[0].found.to_string(), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9");
    let failures = Pattern::parse(&pattern).unwrap().explain(&json!(["s3cret"]));
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].condition, "an event is a JSON object");
    assert!(Pattern::Every.explain(&json!(1)).is_empty());
}
