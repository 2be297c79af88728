//! Lists in events: what is asked of several fields below one holds in one element.

use serde_json::{Value, json};

use super::{check, on_user, user};

#[track_caller]
fn identities(fields: &Value, expected: bool) {
    check(&on_user(&json!({"identities": fields})), &user(), expected);
}

#[test]
fn a_value_of_a_list_is_enough() {
    check(&on_user(&json!({"roles": ["editor"]})), &user(), true);
    check(&on_user(&json!({"roles": ["owner", "admin"]})), &user(), true);
    check(&on_user(&json!({"roles": ["owner"]})), &user(), false);
    check(&on_user(&json!({"roles": [{"anything-but": "admin"}]})), &user(), true);
    check(&on_user(&json!({"roles": [{"anything-but": ["admin", "editor"]}]})), &user(), false);
    check(&json!({"a": [1]}), &json!({"a": [[2, [1]], {"a": 3}]}), true);
    check(&json!({"a": [3]}), &json!({"a": [[2, [1]], {"a": 3}]}), false);
}

#[test]
fn fields_below_one_list_match_in_one_element() {
    identities(&json!({"provider": ["auth0"]}), true);
    identities(&json!({"provider": ["auth0"], "isSocial": [false]}), true);
    identities(&json!({"provider": ["auth0"], "isSocial": [true]}), false);
    identities(&json!({"provider": ["auth0"], "user_id": [11]}), false);
    identities(&json!({"provider": ["auth0", "google-oauth2"], "user_id": [11]}), true);
}

#[test]
fn lists_in_lists_match_in_one_element_of_each() {
    let event = json!({"orgs": [
        {"name": "one", "members": [{"id": 1, "role": "admin"}, {"id": 2, "role": "guest"}]},
        [{"name": "two", "members": [[{"id": 3, "role": "admin"}]]}],
    ]});
    let orgs = |fields: Value| json!({"orgs": fields});
    check(&orgs(json!({"members": {"id": [3], "role": ["admin"]}})), &event, true);
    check(&orgs(json!({"members": {"id": [2], "role": ["admin"]}})), &event, false);
    check(&orgs(json!({"name": ["two"], "members": {"id": [3]}})), &event, true);
    check(&orgs(json!({"name": ["one"], "members": {"id": [3]}})), &event, false);
}

#[test]
fn fields_of_different_lists_are_free_of_each_other() {
    let event = json!({"a": [{"x": 1}, {"x": 2}], "b": [{"x": 1}, {"x": 2}]});
    check(&json!({"a": {"x": [1]}, "b": {"x": [2]}}), &event, true);
}

#[test]
fn or_does_not_tear_an_element_apart() {
    let event = json!({"a": [{"x": 1}, {"y": 2}], "z": 3});
    let outside = |z: u64| json!({"a": {"x": [1]}, "$or": [{"a": {"y": [2]}}, {"z": [z]}]});
    check(&outside(3), &event, true);
    check(&outside(4), &event, false);
}

/// In the order of their dotted names: see the module `tree`.
#[test]
fn absence_is_looked_for_where_the_fields_before_it_have_settled() {
    let event = json!({"a": [{"m": 1, "x": 1}, {"m": 2}, {"b": 0}]});
    check(&json!({"a": {"m": [2], "x": [{"exists": false}]}}), &event, true);
    check(&json!({"a": {"m": [1], "x": [{"exists": false}]}}), &event, false);
    check(&json!({"a": {"m": [2], "b": [{"exists": false}]}}), &event, false);
    check(&json!({"a": {"x": [{"exists": false}]}}), &event, false);
    check(&json!({"a": {"y": [{"exists": false}]}}), &event, true);
}

#[test]
fn a_value_and_an_object_can_be_asked_of_one_field() {
    let pattern = json!({"$or": [{"a": ["x"]}, {"a": ["y"]}], "a": {"b": [1]}});
    check(&pattern, &json!({"a": ["x", {"b": 1}]}), true);
    check(&pattern, &json!({"a": {"b": 1}}), false);
}
