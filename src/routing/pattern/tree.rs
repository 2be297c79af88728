//! One alternative, in the shape of the events it matches.
//!
//! A field's list matches if one of the event's values at that place does, wherever lists on the way
//! spread them. What is asked of several fields below one list must hold in one and the same
//! element: "any match in which any two fields are within JSON objects that are in different
//! elements of the same array" is refused (README of `aws/event-ruler`, JSON array matching).
//! Event-ruler tries all combinations of values; going down pattern and event together finds the
//! same in time linear in both.
//!
//! Absence needs care. Event-ruler goes through the fields in the order of their dotted names and
//! looks for an absent one in those elements that the fields before it have settled on, and in the
//! whole event where they have not (`NameState.getNameTransitions`). So `{"a": {"b": [1], "c":
//! [{"exists": false}]}}` asks for an element of `a` with `b` and without `c`, while `{"a": {"b":
//! [{"exists": false}], "c": [1]}}` asks that no element has `b`. Odd, but the same rule has to mean
//! the same here.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::parse::{Asks, Leaf, Leaves};

/// What is asked of one object of the event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Node {
    /// Places below the object where no value may be.
    absent: Vec<Box<[Box<str>]>>,
    /// Fields of the object.
    fields: Vec<Field>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Field {
    key: Box<str>,
    /// Asked of a value of the field.
    leaf: Option<Arc<Leaf>>,
    /// Asked of an object in the field.
    node: Option<Node>,
}

impl Node {
    pub(super) fn new(leaves: &Leaves) -> Self {
        let mut root = Self::default();
        for leaf in leaves.iter().filter(|leaf| matches!(leaf.asks, Asks::Values(_))) {
            root.ask(leaf, &leaf.path);
        }
        for leaf in leaves.iter().filter(|leaf| matches!(leaf.asks, Asks::Absent)) {
            let (settled, below) = leaf.path.split_at(settled(leaf, leaves));
            root.at(settled).absent.push(below.into());
        }
        root
    }

    fn ask(&mut self, leaf: &Arc<Leaf>, path: &[Box<str>]) {
        if let Some((key, place)) = path.split_last() {
            self.at(place).field(key).leaf = Some(Arc::clone(leaf));
        }
    }

    fn at(&mut self, path: &[Box<str>]) -> &mut Self {
        path.iter().fold(self, |node, key| node.field(key).node.get_or_insert_default())
    }

    fn field(&mut self, key: &str) -> &mut Field {
        let at = self.fields.iter().position(|field| *field.key == *key).unwrap_or_else(|| {
            self.fields.push(Field { key: key.into(), leaf: None, node: None });
            self.fields.len() - 1
        });
        &mut self.fields[at]
    }

    /// Whether the object is what is asked for.
    pub(super) fn matches(&self, object: &Map<String, Value>) -> bool {
        self.fields.iter().all(|field| {
            object.get(&*field.key).is_some_and(|value| {
                field.leaf.as_ref().is_none_or(|leaf| any_value(value, &|value| holds(leaf, value)))
                    && field.node.as_ref().is_none_or(|node| node.matches_one(value))
            })
        }) && self.absent.iter().all(|path| !has_value(object, path))
    }

    fn matches_one(&self, value: &Value) -> bool {
        any_object(value, &|object| self.matches(object))
    }

    /// The list none of whose elements has all that is asked of them, if there is one.
    pub(super) fn torn(&self, object: &Map<String, Value>) -> Option<Vec<&str>> {
        for Field { key, node, .. } in &self.fields {
            let (Some(node), Some(value)) = (node, object.get(&**key)) else { continue };
            if node.matches_one(value) {
                continue;
            }
            let mut path = vec![&**key];
            if let Value::Object(object) = value {
                path.extend(node.torn(object)?);
            }
            return Some(path);
        }
        None
    }
}

/// How many of an absent field's keys lead to elements that the fields before it have settled on.
pub(super) fn settled(absent: &Leaf, leaves: &Leaves) -> usize {
    let name = absent.name();
    let before =
        leaves.iter().filter(|leaf| matches!(leaf.asks, Asks::Values(_)) && leaf.name() < name);
    let shared = before.map(|leaf| {
        let objects = leaf.path.len().min(absent.path.len()).saturating_sub(1);
        let pairs = leaf.path.iter().zip(&absent.path).take(objects);
        pairs.take_while(|(one, other)| one == other).count()
    });
    shared.max().unwrap_or(0)
}

/// Whether a value is what the field's list asks for.
pub(super) fn holds(leaf: &Leaf, value: &Value) -> bool {
    match &leaf.asks {
        Asks::Absent => false,
        Asks::Values(conditions) => conditions.iter().any(|condition| condition.holds(value)),
    }
}

/// Whether one of the values does: the value itself, or what is in it if it is a list.
pub(super) fn any_value(value: &Value, does: &impl Fn(&Value) -> bool) -> bool {
    match value {
        Value::Array(list) => list.iter().any(|value| any_value(value, does)),
        Value::Object(_) => false,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => does(value),
    }
}

/// Whether one of the objects does.
pub(super) fn any_object(value: &Value, does: &impl Fn(&Map<String, Value>) -> bool) -> bool {
    match value {
        Value::Array(list) => list.iter().any(|value| any_object(value, does)),
        Value::Object(object) => does(object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Whether any value is at that place below the object.
pub(super) fn has_value(object: &Map<String, Value>, path: &[Box<str>]) -> bool {
    let Some((key, below)) = path.split_first() else { return false };
    object.get(&**key).is_some_and(|value| {
        if below.is_empty() {
            any_value(value, &|_| true)
        } else {
            any_object(value, &|object| has_value(object, below))
        }
    })
}
