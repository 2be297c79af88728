//! In what two payloads differ.

use serde_json::Value;

/// The JSON pointers (RFC 6901) at which two values differ.
pub(super) fn differences(one: &Value, two: &Value, at: &str, found: &mut Vec<String>) {
    use Value::{Array, Object};
    match (one, two) {
        (Object(one), Object(two)) => {
            let keys: std::collections::BTreeSet<_> = one.keys().chain(two.keys()).collect();
            for key in keys {
                let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                match (one.get(key), two.get(key)) {
                    (Some(one), Some(two)) => differences(one, two, &at, found),
                    (Some(_), None) | (None, Some(_) | None) => found.push(at),
                }
            }
        }
        (Array(one), Array(two)) if one.len() == two.len() => {
            for (index, (one, two)) in one.iter().zip(two).enumerate() {
                differences(one, two, &format!("{at}/{index}"), found);
            }
        }
        (one, two) if one == two => {}
        _ => found.push(at.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::differences;

    #[track_caller]
    fn check(one: &Value, two: &Value, expected: &[&str]) {
        let mut found = Vec::new();
        differences(one, two, "", &mut found);
        assert_eq!(found, expected);
    }

    #[test]
    fn differences_are_json_pointers() {
        check(&json!({"a": 1}), &json!({"a": 1}), &[]);
        check(&json!({"a": 1}), &json!({"a": 2}), &["/a"]);
        check(&json!({"a": {"b/c": 1, "d": 1}}), &json!({"a": {"d": 1}}), &["/a/b~1c"]);
        check(&json!([1, {"x": 2}]), &json!([1, {"x": 3}]), &["/1/x"]);
        check(&json!([1]), &json!([1, 2]), &[""]);
        check(&json!({"a": null}), &json!({}), &["/a"]);
    }
}
