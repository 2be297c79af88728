//! Patterns that EventBridge refuses.

use serde_json::{Value, json};

use super::super::parse::COMBINATIONS_MAX;
use super::Pattern;

/// The place, and a part of the reason.
#[track_caller]
fn refuse(pattern: &Value, path: &str, part: &str) {
    let error = Pattern::parse(pattern).expect_err(&pattern.to_string());
    assert_eq!(error.path, path, "{pattern}: {error}");
    assert!(error.to_string().contains(part), "{pattern}: {error}");
}

/// A member of a field's list.
#[track_caller]
fn member(member: &Value, below: &str, part: &str) {
    refuse(&json!({"data": {"email": [true, member]}}), &format!("/data/email/1{below}"), part);
}

#[test]
fn a_pattern_is_an_object_of_lists() {
    for pattern in [json!(null), json!([]), json!("user.updated"), json!(1)] {
        refuse(&pattern, "", "a pattern is an object");
    }
    refuse(&json!({}), "", "an empty object");
    refuse(&json!({"data": {"object": {}}}), "/data/object", "an empty object");
    refuse(&json!({"type": "user.updated"}), "/type", "values stand in a list");
    refuse(&json!({"data": {"a/b~c": null}}), "/data/a~1b~0c", "values stand in a list");
    refuse(&json!({"type": []}), "/type", "an empty list");
    member(&json!([]), "", "not lists");
    member(&json!(["a"]), "", "not lists");
    let deep = (0..200).fold(json!(["x"]), |inner, _| json!({ "a": inner }));
    assert!(Pattern::parse(&deep).unwrap_err().to_string().contains("deeper than 128"));
    assert!("{".parse::<Pattern>().unwrap_err().to_string().contains("not JSON"));
}

#[test]
fn an_operator_stands_alone_and_is_known() {
    member(&json!({}), "", "names no operator");
    member(&json!({"prefix": "a", "suffix": "b"}), "", "one operator in each object");
    member(&json!({"contains": "a"}), "", "`contains` is no operator");
    member(&json!({"exactly": "a"}), "", "`exactly` is no operator");
    member(&json!({"$or": []}), "", "`$or` is no operator");
}

#[test]
fn operators_take_what_they_take() {
    for operator in ["prefix", "suffix", "equals-ignore-case", "wildcard", "cidr"] {
        for operand in [json!(1), json!(null), json!(["a"])] {
            let part = format!("`{operator}` takes a string");
            member(&json!({operator: operand}), &format!("/{operator}"), &part);
        }
    }
    for operand in [json!("true"), json!(1), json!(null), json!([true])] {
        member(&json!({"exists": operand}), "/exists", "true or false");
    }
    member(&json!({"prefix": {}}), "/prefix", "names no operator");
    member(&json!({"prefix": {"suffix": "a"}}), "/prefix", "can't be combined with `suffix`");
    member(&json!({"suffix": {"equals-ignore-case": 1}}), "/suffix/equals-ignore-case", "a string");
    member(
        &json!({"suffix": {"equals-ignore-case": "a", "prefix": "b"}}),
        "/suffix",
        "one operator",
    );
}

#[test]
fn anything_but_takes_strings_or_numbers() {
    for operand in [json!(true), json!(null)] {
        member(&json!({"anything-but": operand}), "/anything-but", "a string, a number");
        member(&json!({"anything-but": ["a", operand]}), "/anything-but/1", "a string, a number");
    }
    member(&json!({"anything-but": []}), "/anything-but", "an empty list");
    member(&json!({"anything-but": ["a", 1]}), "/anything-but", "all are numbers");
    member(&json!({"anything-but": 1e10}), "/anything-but", "can't be compared");
    member(&json!({"anything-but": {}}), "/anything-but", "names no operator");
    for inner in ["cidr", "numeric", "exists", "anything-but"] {
        let part = format!("can't be combined with `{inner}`");
        let below = format!("/anything-but/{inner}");
        member(&json!({"anything-but": {inner: "a"}}), &below, &part);
    }
    for inner in ["prefix", "suffix"] {
        let below = format!("/anything-but/{inner}");
        member(&json!({"anything-but": {inner: ""}}), &below, "every string");
        member(&json!({"anything-but": {inner: ["a", ""]}}), &format!("{below}/1"), "every string");
        member(&json!({"anything-but": {inner: []}}), &below, "an empty list");
        member(&json!({"anything-but": {inner: 1}}), &below, "a string");
    }
    let any_case = json!({"anything-but": {"prefix": {"equals-ignore-case": "a"}}});
    member(&any_case, "/anything-but/prefix", "a list of strings");
    member(
        &json!({"anything-but": {"wildcard": ["a", "**"]}}),
        "/anything-but/wildcard/1",
        "two `*`",
    );
}

#[test]
fn numeric_takes_one_comparison_or_a_range() {
    for (operand, below, part) in [
        (json!("="), "", "no list"),
        (json!([]), "", "empty"),
        (json!(["="]), "", "missing"),
        (json!([1, "="]), "/0", "none of"),
        (json!(["!=", 1]), "/0", "none of"),
        (json!(["=", "1"]), "/1", "no number"),
        (json!(["=", 1, "=", 1]), "", "not the two ends"),
        (json!(["<", 5, ">", 0]), "", "not the two ends"),
        (json!([">", 0, ">", 1]), "", "not the two ends"),
        (json!([">", 0, "<"]), "", "missing"),
        (json!([">", 0, "<", 1, "<", 2]), "", "not the two ends"),
        (json!([">", 5, "<", 5]), "", "not below"),
        (json!([">=", 6, "<=", 5]), "", "not below"),
        (json!([">", 5_000_000_001_u64]), "/1", "can't be compared"),
        (json!([">", 0, "<", 0.123_456_7]), "/3", "can't be compared"),
    ] {
        member(&json!({"numeric": operand}), &format!("/numeric{below}"), part);
    }
}

#[test]
fn wildcards_and_blocks_are_read_to_their_end() {
    member(&json!({"wildcard": "a**"}), "/wildcard", "two `*`");
    member(&json!({"wildcard": r"a\n"}), "/wildcard", "a backslash");
    member(&json!({"wildcard": "*a".repeat(33)}), "/wildcard", "more than 32");
    member(&json!({"cidr": "10.0.0.1"}), "/cidr", "one `/`");
    member(&json!({"cidr": "10.0.0.1/32"}), "/cidr", "0 to 31");
    member(&json!({"cidr": "example.com/8"}), "/cidr", "no IPv4 or IPv6 address");
}

#[test]
fn or_takes_two_objects_of_fields() {
    for or in [json!({}), json!([]), json!("a"), json!([{"a": [1]}])] {
        refuse(&json!({ "$or": or }), "/$or", "at least 2 objects");
    }
    refuse(&json!({"$or": [{"a": [1]}, "b"]}), "/$or/1", "at least 2 objects");
    refuse(&json!({"$or": [{"a": [1]}, {}]}), "/$or/1", "an empty object");
    refuse(&json!({"d": {"$or": [{"a": [1]}, {"b": 1}]}}), "/d/$or/1/b", "values stand in a list");
    let reserved = json!({"$or": [{"a": [1]}, {"numeric": [1]}]});
    refuse(&reserved, "/$or/1/numeric", "can't be called `numeric`");
    let below = json!({"$or": [{"a": [1]}, {"b": {"regex": [1]}}]});
    refuse(&below, "/$or/1/b/regex", "can't be called `regex`");
    let twice = json!({"a": [1], "$or": [{"a": [2]}, {"b": [3]}]});
    refuse(&twice, "/a", "asked for twice");
    assert!(Pattern::parse(&json!({"numeric": [1], "prefix": {"exists": [1]}})).is_ok());
}

#[test]
fn combinations_are_bounded() {
    let or = |length: usize| -> Value {
        (0..length).map(|at| json!({ format!("f{at}"): [1] })).collect()
    };
    assert!(Pattern::parse(&json!({"$or": or(COMBINATIONS_MAX)})).is_ok());
    refuse(&json!({"$or": or(COMBINATIONS_MAX + 1)}), "/$or", "more than 1000");
    let three = json!({"a": {"$or": or(10)}, "b": {"$or": or(10)}, "c": {"$or": or(11)}});
    refuse(&three, "/c/$or", "more than 1000");
    let absent: Value = (0..10)
        .map(|at| (format!("f{at}"), json!([{"exists": false}, "x"])))
        .collect::<serde_json::Map<_, _>>()
        .into();
    refuse(&absent, "/f9", "doubles");
    let branches: Value =
        (0..12).map(|at| json!({ format!("f{at}"): [{"exists": false}, 1] })).collect();
    assert!(Pattern::parse(&json!({ "$or": branches })).is_ok());
}
