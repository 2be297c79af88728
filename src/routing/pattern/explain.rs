//! Why an event does not match.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::Alternative;
use super::parse::{Asks, Leaf, Leaves, pointer};
use super::tree::{any_object, has_value, holds, settled};

/// Values that are shown of one field.
const SHOWN_MAX: usize = 10;

/// A condition that the event does not meet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Where in the event: a JSON pointer that leads through lists without numbers.
    pub path: String,
    /// Where in the pattern the condition stands: a JSON pointer.
    pub pattern: String,
    /// What is asked there.
    pub condition: String,
    /// What is there. No more of the event than that.
    pub found: Found,
}

/// What an event has at a place where something is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Nothing: the field is not there.
    Missing,
    /// An object or an empty list, which has no value to compare.
    NoValue,
    /// These values; the first ten if there are more.
    Values(Vec<Value>),
    /// All that is asked for, but in different elements of a list.
    Torn,
}

impl fmt::Display for Found {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => out.write_str("nothing"),
            Self::NoValue => out.write_str("no value: an object, or an empty list"),
            Self::Torn => out.write_str("each of them, but in different elements"),
            Self::Values(values) => {
                let shown: Vec<String> = values.iter().map(Value::to_string).collect();
                out.write_str(&shown.join(", "))
            }
        }
    }
}

impl Serialize for Found {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Values(values) => values.serialize(serializer),
            Self::Missing | Self::NoValue | Self::Torn => serializer.collect_str(self),
        }
    }
}

/// The conditions that fail in those alternatives that come closest: with the fewest failures.
pub(super) fn explain(alternatives: &[Alternative], event: &Value) -> Vec<Failure> {
    let Some(object) = event.as_object() else {
        let (path, pattern) = (String::new(), String::new());
        let condition = "an event is a JSON object".to_owned();
        return vec![Failure { path, pattern, condition, found: found(&[event]) }];
    };
    if alternatives.iter().any(|alternative| alternative.tree.matches(object)) {
        return Vec::new();
    }
    let failures = alternatives.iter().map(|alternative| {
        let failed = alternative.leaves.iter().filter(|leaf| fails(leaf, alternative, object));
        let failed: Vec<Failure> = failed.map(|leaf| of_leaf(leaf, object)).collect();
        if failed.is_empty() { vec![torn(alternative, object)] } else { failed }
    });
    let failures: Vec<Vec<Failure>> = failures.collect();
    let fewest = failures.iter().map(Vec::len).min().unwrap_or(0);
    let closest = failures.into_iter().filter(|failures| failures.len() == fewest).flatten();
    let by_pattern: BTreeMap<String, Failure> =
        closest.map(|failure| (failure.pattern.clone(), failure)).collect();
    by_pattern.into_values().collect()
}

/// Whether the event does not meet the condition, whatever other fields ask for.
fn fails(leaf: &Leaf, alternative: &Alternative, event: &Map<String, Value>) -> bool {
    match &leaf.asks {
        Asks::Values(_) => !values(event, &leaf.path).iter().any(|value| holds(leaf, value)),
        Asks::Absent => {
            let (elements, below) = leaf.path.split_at(settled(leaf, &alternative.leaves));
            !any_at(event, elements, &|object| !has_value(object, below))
        }
    }
}

fn any_at(
    object: &Map<String, Value>,
    path: &[Box<str>],
    does: &dyn Fn(&Map<String, Value>) -> bool,
) -> bool {
    let Some((key, below)) = path.split_first() else { return does(object) };
    let value = object.get(&**key);
    value.is_some_and(|value| any_object(value, &|object| any_at(object, below, does)))
}

fn of_leaf(leaf: &Leaf, event: &Map<String, Value>) -> Failure {
    let values = values(event, &leaf.path);
    let found = if values.is_empty() && !has_place(event, &leaf.path) {
        Found::Missing
    } else {
        found(&values)
    };
    let condition = format!("one of {}", leaf.text);
    Failure { path: event_path(&leaf.path), pattern: leaf.pointer.to_string(), condition, found }
}

/// All conditions are met, but not together.
fn torn(alternative: &Alternative, event: &Map<String, Value>) -> Failure {
    let path = alternative.tree.torn(event).unwrap_or_default();
    let below = |leaf: &&std::sync::Arc<Leaf>| {
        leaf.path.len() > path.len()
            && path.iter().zip(&leaf.path).all(|(one, other)| *one == &**other)
    };
    let leaves: Leaves = alternative.leaves.iter().filter(below).cloned().collect();
    let fields: Vec<&str> = leaves.iter().map(|leaf| &*leaf.pointer).collect();
    Failure {
        path: event_path(&path),
        pattern: fields.first().copied().unwrap_or_default().to_owned(),
        condition: format!("one element that has all of {}", fields.join(", ")),
        found: Found::Torn,
    }
}

fn found(values: &[&Value]) -> Found {
    let scalars = values.iter().filter(|value| !value.is_array() && !value.is_object());
    let shown: Vec<Value> = scalars.take(SHOWN_MAX).map(|value| (*value).clone()).collect();
    if shown.is_empty() { Found::NoValue } else { Found::Values(shown) }
}

fn event_path(path: &[impl AsRef<str>]) -> String {
    path.iter().fold(String::new(), |place, key| pointer(&place, key.as_ref()))
}

/// The values at a place, wherever lists on the way spread them.
fn values<'a>(object: &'a Map<String, Value>, path: &[Box<str>]) -> Vec<&'a Value> {
    let mut values = Vec::new();
    each_at(object, path, &mut |value| each_value(value, &mut values));
    values
}

/// Whether anything is at that place.
fn has_place(object: &Map<String, Value>, path: &[Box<str>]) -> bool {
    let mut any = false;
    each_at(object, path, &mut |_| any = true);
    any
}

fn each_at<'a>(object: &'a Map<String, Value>, path: &[Box<str>], act: &mut impl FnMut(&'a Value)) {
    let Some((key, below)) = path.split_first() else { return };
    let Some(value) = object.get(&**key) else { return };
    if below.is_empty() {
        act(value);
    } else {
        each_below(value, below, act);
    }
}

fn each_below<'a>(value: &'a Value, path: &[Box<str>], act: &mut impl FnMut(&'a Value)) {
    match value {
        Value::Array(list) => list.iter().for_each(|value| each_below(value, path, act)),
        Value::Object(object) => each_at(object, path, act),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn each_value<'a>(value: &'a Value, values: &mut Vec<&'a Value>) {
    match value {
        Value::Array(list) => list.iter().for_each(|value| each_value(value, values)),
        Value::Object(_) => {}
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => values.push(value),
    }
}
