//! The part of EventBridge's event patterns that rules here match by: exact values, prefixes and
//! whether a field is there, on any field, all keys required, any value of a key enough; and `$or`.
//!
//! Everything else in the pattern language is refused when the rule is put, so no rule matches
//! otherwise than it would on AWS.

use serde_json::{Map, Value};

use super::refusal::{Code, Refusal};

/// A pattern, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(Vec<(String, Node)>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Fields(Pattern),
    AnyOf(Vec<Test>),
    /// `$or`.
    Either(Vec<Pattern>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    /// Anything but a list or an object.
    Exact(Value),
    Prefix(String),
    Exists(bool),
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let fields = serde_json::from_str(text).map_err(|error| invalid(&error))?;
        Self::of(&fields)
    }

    fn of(fields: &Map<String, Value>) -> Result<Self, Refusal> {
        if fields.is_empty() {
            return Err(invalid("Event pattern is empty"));
        }
        let fields = fields.iter().map(|(name, value)| Ok((name.clone(), Node::of(name, value)?)));
        fields.collect::<Result<_, _>>().map(Self)
    }

    /// Whether the event, in its envelope, matches.
    pub(super) fn matches(&self, event: &Map<String, Value>) -> bool {
        self.0.iter().all(|(name, node)| match (node, event.get(name)) {
            (Node::Either(patterns), _) => patterns.iter().any(|pattern| pattern.matches(event)),
            (Node::Fields(pattern), Some(Value::Object(fields))) => pattern.matches(fields),
            // What is not there has no fields either, which is what `exists: false` may ask for.
            (Node::Fields(pattern), _) => pattern.matches(&Map::new()),
            // An array in the event matches when one of its elements does.
            (Node::AnyOf(tests), Some(Value::Array(values))) => {
                values.iter().any(|value| tests.iter().any(|test| test.matches(value)))
            }
            (Node::AnyOf(tests), Some(value)) => tests.iter().any(|test| test.matches(value)),
            (Node::AnyOf(tests), None) => tests.contains(&Test::Exists(false)),
        })
    }

    /// Whether it looks into `detail`, which is parsed for matching only then.
    pub(super) fn looks_into_detail(&self) -> bool {
        self.0.iter().any(|(name, node)| match node {
            Node::Either(patterns) => patterns.iter().any(Self::looks_into_detail),
            Node::Fields(_) | Node::AnyOf(_) => name == "detail",
        })
    }
}

impl Node {
    fn of(name: &str, value: &Value) -> Result<Self, Refusal> {
        match value {
            Value::Array(values) if name == "$or" && !values.is_empty() => {
                let patterns = values.iter().map(|value| match value {
                    Value::Object(fields) => Pattern::of(fields),
                    _ => Err(invalid("$or takes a list of objects")),
                });
                patterns.collect::<Result<_, _>>().map(Self::Either)
            }
            Value::Object(fields) => Pattern::of(fields).map(Self::Fields),
            Value::Array(values) if values.is_empty() => {
                Err(invalid(format_args!("Empty arrays are not allowed: \"{name}\"")))
            }
            Value::Array(values) => {
                values.iter().map(Test::of).collect::<Result<_, _>>().map(Self::AnyOf)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                Err(invalid(format_args!("\"{name}\" must be an object or an array")))
            }
        }
    }
}

impl Test {
    fn of(value: &Value) -> Result<Self, Refusal> {
        match value {
            Value::String(_) | Value::Bool(_) | Value::Number(_) | Value::Null => {
                Ok(Self::Exact(value.clone()))
            }
            Value::Object(fields) if fields.len() == 1 => match fields.iter().next() {
                Some((operator, Value::String(text)))
                    if operator == "prefix" && !text.is_empty() =>
                {
                    Ok(Self::Prefix(text.clone()))
                }
                Some((operator, Value::Bool(exists))) if operator == "exists" => {
                    Ok(Self::Exists(*exists))
                }
                _ => Err(invalid(format_args!("The simulator does not match by {value}"))),
            },
            Value::Object(_) | Value::Array(_) => {
                Err(invalid(format_args!("The simulator does not match by {value}")))
            }
        }
    }

    fn matches(&self, value: &Value) -> bool {
        match self {
            Self::Exact(exact) => value == exact,
            Self::Prefix(prefix) => {
                value.as_str().is_some_and(|text| text.starts_with(prefix.as_str()))
            }
            Self::Exists(exists) => *exists,
        }
    }
}

fn invalid(reason: impl std::fmt::Display) -> Refusal {
    Refusal::new(
        Code::InvalidEventPattern,
        format_args!("Event pattern is not valid. Reason: {reason}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, expected: Result<bool, Code>) {
        let event = serde_json::json!({
            "source": "aws.partner/auth0.com/acme-1/auth0.events",
            "detail-type": "user.updated",
            "resources": ["a", "b"],
            "detail": {"type": "user.updated", "data": {"object": {"email": "x@example.com", "blocked": true}}},
        });
        let Value::Object(event) = event else { unreachable!() };
        let result = Pattern::parse(pattern).map(|pattern| pattern.matches(&event));
        assert_eq!(result.map_err(|refusal| refusal.code()), expected, "{pattern}");
    }

    #[test]
    fn all_keys_and_any_value_must_match() {
        check(r#"{"source": [{"prefix": "aws.partner/auth0.com/"}]}"#, Ok(true));
        check(r#"{"source": ["aws.partner/auth0.com"]}"#, Ok(false));
        check(r#"{"detail-type": ["a", "user.updated"]}"#, Ok(true));
        check(r#"{"detail-type": ["user.updated"], "source": ["x"]}"#, Ok(false));
        check(r#"{"detail": {"data": {"object": {"email": [{"prefix": "x@"}]}}}}"#, Ok(true));
        check(r#"{"detail": {"data": {"object": ["x"]}}}"#, Ok(false));
        check(r#"{"detail": {"type": {"data": ["x"]}}}"#, Ok(false));
        check(r#"{"detail": {"nothing": ["x"]}}"#, Ok(false));
        check(r#"{"resources": ["b"]}"#, Ok(true));
        check(r#"{"detail": {"data": {"object": {"blocked": [false, true]}}}}"#, Ok(true));
        check(r#"{"detail": {"data": {"object": {"blocked": ["true", 1, null]}}}}"#, Ok(false));
    }

    #[test]
    fn one_of_several_patterns_is_enough() {
        check(r#"{"source": [{"prefix": "aws."}], "$or": [{"resources": ["b"]}]}"#, Ok(true));
        check(r#"{"detail": {"$or": [{"type": ["x"]}, {"type": ["user.updated"]}]}}"#, Ok(true));
        check(r#"{"$or": [{"detail": {"type": ["x"]}}, {"source": ["y"]}]}"#, Ok(false));
    }

    #[test]
    fn a_field_is_there_or_not() {
        check(r#"{"resources": [{"exists": true}]}"#, Ok(true));
        check(r#"{"nothing": [{"exists": true}]}"#, Ok(false));
        check(r#"{"nothing": {"at": {"all": [{"exists": false}]}}}"#, Ok(true));
        check(r#"{"detail": {"type": [{"exists": false}]}}"#, Ok(false));
    }

    #[test]
    fn what_cannot_be_matched_is_refused() {
        for pattern in [
            "",
            "[]",
            "{}",
            r#"{"source": "x"}"#,
            r#"{"source": []}"#,
            r#"{"detail": {}}"#,
            r#"{"source": [{"suffix": "x"}]}"#,
            r#"{"source": [{"prefix": 1}]}"#,
            r#"{"detail": {"n": [[1]]}}"#,
            r#"{"$or": ["source"]}"#,
            r#"{"$or": []}"#,
        ] {
            check(pattern, Err(Code::InvalidEventPattern));
        }
    }
}
