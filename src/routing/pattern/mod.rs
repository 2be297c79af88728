//! EventBridge's event patterns, on the CloudEvent: the pattern of the AWS rule and the pattern of
//! the route are one text.
//!
//! The language is that of the EventBridge user guide ("Creating event patterns", "Comparison
//! operators for use in event patterns"). What the guide leaves open is decided as `aws/event-ruler`
//! does, the matcher that EventBridge runs. A pattern that EventBridge refuses is refused here, with
//! the place and the reason, so that none is ever understood by half.
//!
//! Known differences, each on the side of refusing rather than of guessing:
//! - A key with dots is one key. Event-ruler takes it for a path as well, and says not to rely on it.
//! - `$or` is always the operator. Event-ruler takes one that is no list of objects for a field.
//! - A field that is asked for inside and outside `$or` is refused. Event-ruler keeps the later one,
//!   and a JSON object has no order to rely on.
//! - `exactly`, which event-ruler knows and the guide does not, is no operator.

mod address;
mod any_case;
mod condition;
mod error;
mod explain;
mod number;
mod parse;
#[cfg(test)]
mod tests;
mod tree;
mod wildcard;

use std::str::FromStr;

use serde_json::Value;

pub use address::CidrError;
pub use error::{PatternError, Reason};
pub use explain::{Failure, Found};
pub use wildcard::WildcardError;

use condition::Condition;
use parse::{Asks, Leaves};
use tree::Node;

/// Which events a route takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// All of them: the route has no pattern.
    Every,
    /// Those that a pattern matches.
    Filter(Filter),
}

/// A pattern that was understood. Only [`Pattern::parse`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    alternatives: Box<[Alternative]>,
    /// As it was written.
    json: Value,
}

/// One product of a pattern's `$or`s.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Alternative {
    leaves: Leaves,
    tree: Node,
}

/// What the event's type alone says of a match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ByType<'a> {
    /// All events match.
    Every,
    /// An event of another type does not match.
    Only {
        /// The types, not sorted.
        types: Vec<&'a str>,
        /// One of these types matches whatever else the event has.
        suffices: bool,
    },
    /// Nothing.
    Unknown,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What EventBridge would refuse: where, and why.
    pub fn parse(pattern: &Value) -> Result<Self, PatternError> {
        let alternatives = parse::alternatives(pattern)?.into_iter().map(|leaves| {
            let tree = Node::new(&leaves);
            Alternative { leaves, tree }
        });
        let alternatives = alternatives.collect();
        Ok(Self::Filter(Filter { alternatives, json: pattern.clone() }))
    }

    /// The pattern as it was written; `None` when there is none.
    pub const fn as_json(&self) -> Option<&Value> {
        match self {
            Self::Every => None,
            Self::Filter(filter) => Some(&filter.json),
        }
    }

    /// Whether the event is one of them. `event` is the whole CloudEvent.
    pub fn matches(&self, event: &Value) -> bool {
        match self {
            Self::Every => true,
            Self::Filter(Filter { alternatives, .. }) => event.as_object().is_some_and(|event| {
                alternatives.iter().any(|alternative| alternative.tree.matches(event))
            }),
        }
    }

    /// Which conditions the event does not meet. Empty if it matches.
    ///
    /// Of a pattern with `$or`, those alternatives count that fail in the fewest places.
    pub fn explain(&self, event: &Value) -> Vec<Failure> {
        match self {
            Self::Every => Vec::new(),
            Self::Filter(Filter { alternatives, .. }) => explain::explain(alternatives, event),
        }
    }

    pub(super) fn by_type(&self) -> ByType<'_> {
        let Self::Filter(Filter { alternatives, .. }) = self else { return ByType::Every };
        let mut types = Vec::new();
        for alternative in alternatives {
            let Some(asked) = types_of(&alternative.leaves) else { return ByType::Unknown };
            types.extend(asked);
        }
        let suffices = alternatives.iter().all(|alternative| alternative.leaves.len() == 1);
        ByType::Only { types, suffices }
    }
}

/// The types that an alternative asks for, if it asks for exact ones.
fn types_of(leaves: &Leaves) -> Option<Vec<&str>> {
    let asks_type = |path: &[Box<str>]| matches!(path, [key] if &**key == "type");
    let leaf = leaves.iter().find(|leaf| asks_type(&leaf.path))?;
    let Asks::Values(conditions) = &leaf.asks else { return None };
    conditions.iter().map(exact).collect()
}

fn exact(condition: &Condition) -> Option<&str> {
    if let Condition::Text(text) = condition { Some(text) } else { None }
}

impl FromStr for Pattern {
    type Err = PatternError;

    /// Reads a pattern's JSON.
    fn from_str(text: &str) -> Result<Self, PatternError> {
        let pattern = serde_json::from_str(text).map_err(|error| PatternError {
            path: String::new(),
            reason: Reason::NotJson(error.to_string()),
        })?;
        Self::parse(&pattern)
    }
}
