//! Each operator, on values it takes and values it does not.

use serde_json::{Value, json};

use super::{check, on_user, user};

/// One field of the user against one member of a list.
#[track_caller]
fn field(name: &str, member: &Value, expected: bool) {
    check(&on_user(&json!({name: [member]})), &user(), expected);
}

#[test]
fn exact_values_match_their_type_alone() {
    field("user_id", &json!("auth0|66f"), true);
    field("user_id", &json!("AUTH0|66f"), false);
    field("name", &json!(""), true);
    field("nickname", &json!(""), false);
    field("nickname", &json!(null), true);
    field("name", &json!(null), false);
    field("missing", &json!(null), false);
    field("blocked", &json!(true), true);
    field("blocked", &json!(false), false);
    field("blocked", &json!("true"), false);
    field("logins_count", &json!("300"), false);
    field("logins_count", &json!(true), false);
}

#[test]
fn exact_numbers_match_by_value() {
    for spelling in ["300", "300.0", "3.0e2", "30000E-2"] {
        let number: Value = serde_json::from_str(spelling).unwrap();
        field("logins_count", &number, true);
        let event = json!({"n": number});
        check(&json!({"n": [300]}), &event, true);
        check(&json!({"n": [300.000_001]}), &event, false);
    }
    field("big", &json!(123_456_789_012_u64), true);
    field("big", &json!(123_456_789_013_u64), false);
    check(&json!({"n": [0.123_456_789]}), &json!({"n": 0.123_456_789}), true);
    check(&json!({"n": [0.123_456_789]}), &json!({"n": 0.123_456_788}), false);
}

#[test]
fn exact_addresses_match_however_they_are_spelled() {
    field("last_ip", &json!("203.0.113.7"), true);
    field("last_ip", &json!("203.0.113.8"), false);
    field("last_ip6", &json!("2001:0DB8:0:0:0:0:0:1"), true);
    field("last_ip6", &json!("2001:db8::2"), false);
}

#[test]
fn one_of_a_list_is_enough_and_all_fields_are_needed() {
    check(&json!({"type": ["user.created", "user.updated"]}), &user(), true);
    check(&json!({"type": ["user.created", "user.deleted"]}), &user(), false);
    check(&json!({"type": ["user.updated"], "a0tenant": ["acme"]}), &user(), true);
    check(&json!({"type": ["user.updated"], "a0tenant": ["other"]}), &user(), false);
    check(&json!({"type": ["user.updated"], "a0purpose": ["test"]}), &user(), false);
    check(&json!({"type": ["user.updated"], "a0purpose": [{"exists": false}]}), &user(), true);
}

#[test]
fn prefixes_and_suffixes_match_strings() {
    field("user_id", &json!({"prefix": "auth0|"}), true);
    field("user_id", &json!({"prefix": "Auth0|"}), false);
    field("user_id", &json!({"prefix": ""}), true);
    field("logins_count", &json!({"prefix": ""}), false);
    field("logins_count", &json!({"prefix": "3"}), false);
    field("nickname", &json!({"suffix": ""}), false);
    field("email", &json!({"suffix": "@Example.com"}), true);
    field("email", &json!({"suffix": "@example.com"}), false);
    field("email", &json!({"prefix": {"equals-ignore-case": "KIM@"}}), true);
    field("email", &json!({"prefix": {"equals-ignore-case": "KIMBERLY@"}}), false);
    field("email", &json!({"suffix": {"equals-ignore-case": "@EXAMPLE.COM"}}), true);
    field("email", &json!({"suffix": {"equals-ignore-case": "@EXAMPLE.ORG"}}), false);
    field("blocked", &json!({"suffix": {"equals-ignore-case": ""}}), false);
}

#[test]
fn equals_ignore_case_matches_strings() {
    field("email", &json!({"equals-ignore-case": "kim@example.COM"}), true);
    field("email", &json!({"equals-ignore-case": "kim@example.CO"}), false);
    field("blocked", &json!({"equals-ignore-case": "TRUE"}), false);
}

#[test]
fn wildcards_match_strings() {
    field("email", &json!({"wildcard": "*@*.com"}), true);
    field("email", &json!({"wildcard": "*@*.org"}), false);
    field("picture", &json!({"wildcard": r"C:\\a\**"}), true);
    field("picture", &json!({"wildcard": r"C:\\*\*.png"}), false);
    field("logins_count", &json!({"wildcard": "*"}), false);
}

#[test]
fn anything_but_matches_every_other_value_that_is_there() {
    field("user_id", &json!({"anything-but": "auth0|66f"}), false);
    field("user_id", &json!({"anything-but": "auth0|66"}), true);
    field("user_id", &json!({"anything-but": ["a", "auth0|66f"]}), false);
    field("user_id", &json!({"anything-but": 300}), true);
    field("logins_count", &json!({"anything-but": 3.0e2}), false);
    field("logins_count", &json!({"anything-but": [1, 300]}), false);
    field("logins_count", &json!({"anything-but": [1, 2]}), true);
    field("logins_count", &json!({"anything-but": "300"}), true);
    field("big", &json!({"anything-but": 1}), true);
    field("nickname", &json!({"anything-but": "x"}), true);
    field("blocked", &json!({"anything-but": "true"}), true);
    field("missing", &json!({"anything-but": "x"}), false);
    field("tags", &json!({"anything-but": "x"}), false);
    field("app_metadata", &json!({"anything-but": "x"}), false);
    field("last_ip6", &json!({"anything-but": "2001:db8:0::1"}), true);
}

#[test]
fn anything_but_negates_operators_on_one_text_or_several() {
    field("user_id", &json!({"anything-but": {"prefix": "auth0|"}}), false);
    field("user_id", &json!({"anything-but": {"prefix": ["sms|", "auth0|"]}}), false);
    field("user_id", &json!({"anything-but": {"prefix": ["sms|", "email|"]}}), true);
    field("email", &json!({"anything-but": {"suffix": ".com"}}), false);
    field("email", &json!({"anything-but": {"suffix": [".org", ".net"]}}), true);
    field("email", &json!({"anything-but": {"equals-ignore-case": "KIM@EXAMPLE.COM"}}), false);
    field("email", &json!({"anything-but": {"equals-ignore-case": ["a", "b"]}}), true);
    field("email", &json!({"anything-but": {"wildcard": "*@*"}}), false);
    field("email", &json!({"anything-but": {"wildcard": ["*@*.org", "sms*"]}}), true);
    field("logins_count", &json!({"anything-but": {"prefix": "3"}}), true);
}

#[test]
fn numeric_compares_numbers_within_its_range() {
    for (comparison, expected) in [
        (json!(["=", 301.85]), true),
        (json!(["=", 301.850_001]), false),
        (json!(["<", 301.85]), false),
        (json!(["<=", 301.85]), true),
        (json!([">", 301.85]), false),
        (json!([">=", 3.0185e2]), true),
        (json!([">", 0, "<", 301.85]), false),
        (json!([">", 0, "<=", 301.85]), true),
        (json!([">=", 301.85, "<", 302]), true),
        (json!([">", 301.85, "<=", 302]), false),
    ] {
        field("score", &json!({"numeric": comparison}), expected);
    }
    field("user_id", &json!({"numeric": [">", 0]}), false);
    field("blocked", &json!({"numeric": [">=", 0]}), false);
    field("nickname", &json!({"numeric": ["=", 0]}), false);
    for out_of_range in [json!(5_000_000_001_u64), json!(0.123_456_7)] {
        check(&json!({"n": [{"numeric": [">", -1]}]}), &json!({"n": out_of_range}), false);
    }
    check(&json!({"n": [{"numeric": ["<=", 5e9]}]}), &json!({"n": 5_000_000_000_u64}), true);
    check(&json!({"n": [{"numeric": [">=", -5e9]}]}), &json!({"n": -5_000_000_000_i64}), true);
}

#[test]
fn cidr_matches_addresses() {
    field("last_ip", &json!({"cidr": "203.0.113.0/24"}), true);
    field("last_ip", &json!({"cidr": "198.51.100.0/24"}), false);
    field("last_ip", &json!({"cidr": "2001:db8::/32"}), false);
    field("last_ip6", &json!({"cidr": "2001:db8::/32"}), true);
    field("user_id", &json!({"cidr": "0.0.0.0/0"}), false);
    field("logins_count", &json!({"cidr": "0.0.0.0/0"}), false);
}

#[test]
fn exists_asks_for_values_not_for_objects() {
    for (name, expected) in [
        ("user_id", true),
        ("nickname", true),
        ("roles", true),
        ("missing", false),
        ("tags", false),
        ("app_metadata", false),
        ("identities", false),
    ] {
        field(name, &json!({"exists": true}), expected);
        field(name, &json!({"exists": false}), !expected);
    }
    check(&json!({"a": {"b": {"c": [{"exists": false}]}}}), &json!({"a": "text"}), true);
    check(&json!({"a": {"b": {"c": [{"exists": false}]}}}), &json!({}), true);
    check(&json!({"a": {"b": [{"exists": false}]}}), &json!({"a": {"b": null}}), false);
}

#[test]
fn absence_can_stand_beside_values() {
    let pattern = on_user(&json!({"blocked": [{"exists": false}, true]}));
    check(&pattern, &user(), true);
    check(&pattern, &json!({"data": {"object": {"blocked": false}}}), false);
    check(&pattern, &json!({"data": {"object": {}}}), true);
    check(&pattern, &json!({}), true);
}

#[test]
fn or_stands_at_any_level() {
    let pattern = |or: Value| json!({"type": ["user.updated"], "$or": or});
    check(&pattern(json!([{"id": ["x"]}, {"a0tenant": ["acme"]}])), &user(), true);
    check(&pattern(json!([{"id": ["x"]}, {"a0tenant": ["other"]}])), &user(), false);
    let deep = |blocked: bool, score: f64| {
        on_user(&json!({"$or": [
            {"blocked": [blocked], "user_id": [{"prefix": "auth0|"}]},
            {"score": [score], "$or": [{"name": [""]}, {"name": ["Kim"]}]},
        ]}))
    };
    check(&deep(true, 1.0), &user(), true);
    check(&deep(false, 301.85), &user(), true);
    check(&deep(false, 1.0), &user(), false);
    let two = json!({
        "$or": [{"type": ["user.updated"]}, {"type": ["user.deleted"]}],
        "data": {"object": {"$or": [{"blocked": [false]}, {"nickname": [null]}]}}
    });
    check(&two, &user(), true);
}

#[test]
fn keys_are_taken_as_they_are() {
    let event = json!({"app_metadata": {"https://acme.example/roles": ["admin"], "a.b": 1}});
    check(&json!({"app_metadata": {"https://acme.example/roles": ["admin"]}}), &event, true);
    check(&json!({"app_metadata": {"a.b": [1]}}), &event, true);
    check(&json!({"app_metadata": {"a": {"b": [1]}}}), &event, false);
    check(&json!({"app_metadata": {"A.B": [1]}}), &event, false);
}

#[test]
fn what_is_no_object_matches_no_pattern() {
    for event in [json!(null), json!([]), json!([{"type": "user.updated"}]), json!("type")] {
        check(&json!({"type": ["user.updated"]}), &event, false);
        check(&json!({"type": [{"exists": false}]}), &event, false);
    }
}
