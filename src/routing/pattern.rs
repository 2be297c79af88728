//! Event patterns.
//!
//! The form is EventBridge's; so far a pattern is `{ type = ["user.updated", …] }`, exact values of
//! one attribute. Everything else is refused, so that no pattern is ever understood by half.

use crate::event::Event;

/// Which events a route takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// All of them: the route has no pattern.
    Every,
    /// Those with one of these types.
    Types(Vec<Box<str>>),
}

/// What is wrong with a pattern, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// A pattern is an object.
    #[error("a pattern is a table, such as {{ type = [\"user.updated\"] }}")]
    NotATable,
    /// Another attribute than `type`.
    #[error(
        "`{0}` can't be matched yet: a pattern names event types, {{ type = [\"user.updated\"] }}"
    )]
    Attribute(String),
    /// EventBridge wants lists of values, and so do we.
    #[error("`type` must be a list of at least one event type, such as [\"user.updated\"]")]
    NotAList,
    /// A value that is no text.
    #[error("`type` takes exact event types as text, such as \"user.updated\"")]
    NotAType,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What can't be understood.
    pub fn parse(pattern: &serde_json::Value) -> Result<Self, PatternError> {
        let members = pattern.as_object().ok_or(PatternError::NotATable)?;
        let mut types = None;
        for (attribute, values) in members {
            if attribute != "type" {
                return Err(PatternError::Attribute(attribute.clone()));
            }
            let values = values.as_array().filter(|values| !values.is_empty());
            let values = values.ok_or(PatternError::NotAList)?.iter();
            let values: Option<Vec<Box<str>>> =
                values.map(|value| value.as_str().map(Into::into)).collect();
            types = Some(values.ok_or(PatternError::NotAType)?);
        }
        types.map(Self::Types).ok_or(PatternError::NotATable)
    }

    /// Whether the event is one of them.
    pub fn matches(&self, event: &Event) -> bool {
        match self {
            Self::Every => true,
            Self::Types(types) => types.contains(&event.kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(pattern: &Value, expected: &Result<&[&str], PatternError>) {
        let expected = expected
            .clone()
            .map(|types| Pattern::Types(types.iter().map(|kind| (*kind).into()).collect()));
        assert_eq!(Pattern::parse(pattern), expected);
    }

    #[test]
    fn a_pattern_is_a_list_of_types() {
        check(&json!({"type": ["user.updated"]}), &Ok(&["user.updated"]));
        check(&json!({"type": ["a", "b"]}), &Ok(&["a", "b"]));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        check(&json!(["user.updated"]), &Err(PatternError::NotATable));
        check(&json!({}), &Err(PatternError::NotATable));
        check(&json!({"type": "user.updated"}), &Err(PatternError::NotAList));
        check(&json!({"type": []}), &Err(PatternError::NotAList));
        check(&json!({"type": [{"prefix": "user."}]}), &Err(PatternError::NotAType));
        let data = json!({"type": ["a"], "data": {"object": {"blocked": [true]}}});
        check(&data, &Err(PatternError::Attribute("data".into())));
    }
}
