//! From a pattern's JSON to its alternatives.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::condition::{Condition, Member};
use super::error::{PatternError, Reason};

/// The most combinations of `$or`, counted as EventBridge counts them: user guide, "Comparison
/// operators", Or matching.
pub(super) const COMBINATIONS_MAX: usize = 1_000;
/// Deeper than any event that a JSON parser lets through.
pub(super) const DEPTH_MAX: usize = 128;

/// Names that no field in `$or` may have: `RESERVED_FIELD_NAMES_IN_OR_RELATIONSHIP` in
/// `Constants.java` of event-ruler.
const RESERVED: [&str; 24] = [
    "exactly",
    "equals-ignore-case",
    "prefix",
    "suffix",
    "anything-but",
    "exists",
    "wildcard",
    "numeric",
    "cidr",
    "=",
    "<",
    "<=",
    ">",
    ">=",
    "regex",
    "not-wildcard",
    "not-equals-ignore-case",
    "date-after",
    "date-on-or-after",
    "date-before",
    "date-on-or-before",
    "in-date-range",
    "ip-address-in-range",
    "ip-address-not-in-range",
];

/// What is asked of one field.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    /// The field's place in the event; lists on the way do not count.
    pub path: Box<[Box<str>]>,
    /// The place of its list in the pattern: a JSON pointer.
    pub pointer: Box<str>,
    /// Its list, as JSON.
    pub text: Box<str>,
    /// What is asked.
    pub asks: Asks,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asks {
    /// That there is no value.
    Absent,
    /// That one value meets one of these.
    Values(Box<[Condition]>),
}

impl Leaf {
    /// The name by which event-ruler knows the field, and sorts.
    pub(super) fn name(&self) -> String {
        self.path.join(".")
    }
}

/// Fields that are asked for together. A pattern without `$or` has one alternative.
pub(super) type Leaves = Vec<Arc<Leaf>>;

/// Multiplies `$or` out, as event-ruler does (`JsonRuleCompiler`): the pattern matches if one of the
/// alternatives does.
pub(super) fn alternatives(pattern: &Value) -> Result<Vec<Leaves>, PatternError> {
    let object = pattern.as_object().ok_or_else(|| error("", Reason::NotAnObject))?;
    let mut parser = Parser { alternatives: vec![Vec::new()], combinations: 1, path: Vec::new() };
    parser.object(object, "", Within::Fields)?;
    Ok(parser.alternatives)
}

fn error(path: &str, reason: Reason) -> PatternError {
    PatternError { path: path.to_owned(), reason }
}

/// Lists with absence beside values add to the combinations of `$or`.
fn bounded(alternatives: &[Leaves], place: &str) -> Result<(), PatternError> {
    if alternatives.len() > COMBINATIONS_MAX {
        return Err(error(place, Reason::TooManyCombinations));
    }
    Ok(())
}

/// The place of a member below a place. RFC 6901, section 3.
pub(super) fn pointer(place: &str, member: &str) -> String {
    format!("{place}/{}", member.replace('~', "~0").replace('/', "~1"))
}

#[derive(Debug, Clone, Copy)]
enum Within {
    Fields,
    Or,
}

struct Parser {
    alternatives: Vec<Leaves>,
    combinations: usize,
    path: Vec<Box<str>>,
}

impl Parser {
    fn object(
        &mut self,
        object: &Map<String, Value>,
        place: &str,
        within: Within,
    ) -> Result<(), PatternError> {
        if object.is_empty() {
            return Err(error(place, Reason::EmptyObject));
        }
        if self.path.len() >= DEPTH_MAX {
            return Err(error(place, Reason::TooDeep));
        }
        for (key, value) in object {
            let place = pointer(place, key);
            if key == "$or" {
                self.or(value, &place)?;
                continue;
            }
            if matches!(within, Within::Or) && RESERVED.contains(&key.as_str()) {
                return Err(error(&place, Reason::OrReserved(key.clone())));
            }
            self.path.push(key.as_str().into());
            match value {
                Value::Object(object) => self.object(object, &place, within)?,
                Value::Array(list) => self.leaf(list, &place)?,
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                    return Err(error(&place, Reason::NotAList));
                }
            }
            self.path.pop();
        }
        Ok(())
    }

    /// Each member of `$or` goes on from all alternatives so far.
    fn or(&mut self, value: &Value, place: &str) -> Result<(), PatternError> {
        let members = value.as_array().filter(|members| members.len() >= 2);
        let members = members.ok_or_else(|| error(place, Reason::Or))?;
        self.combinations = self.combinations.saturating_mul(members.len());
        if self.combinations > COMBINATIONS_MAX {
            return Err(error(place, Reason::TooManyCombinations));
        }
        let before = std::mem::take(&mut self.alternatives);
        let mut after = Vec::new();
        for (at, member) in members.iter().enumerate() {
            let place = format!("{place}/{at}");
            let member = member.as_object().ok_or_else(|| error(&place, Reason::Or))?;
            self.alternatives.clone_from(&before);
            self.object(member, &place, Within::Or)?;
            after.append(&mut self.alternatives);
            bounded(&after, &place)?;
        }
        self.alternatives = after;
        Ok(())
    }

    fn leaf(&mut self, list: &[Value], place: &str) -> Result<(), PatternError> {
        let mut absent = false;
        let mut conditions = Vec::new();
        for (at, member) in list.iter().enumerate() {
            let member = Member::parse(member);
            match member
                .map_err(|(below, reason)| error(&format!("{place}/{at}{below}"), reason))?
            {
                Member::Absent => absent = true,
                Member::Condition(condition) => conditions.push(condition),
            }
        }
        let asked_before = |leaves: &Leaves| leaves.iter().any(|leaf| *leaf.path == *self.path);
        if self.alternatives.iter().any(asked_before) {
            return Err(error(place, Reason::Twice));
        }
        let values = (!conditions.is_empty()).then(|| Asks::Values(conditions.into()));
        match (absent.then_some(Asks::Absent), values) {
            (None, None) => return Err(error(place, Reason::EmptyList)),
            (Some(asks), None) | (None, Some(asks)) => self.add(list, place, asks),
            // Which of the two a match took decides what else it may take in lists, so that they
            // are alternatives as in `$or`.
            (Some(absent), Some(values)) => {
                let mut before = self.alternatives.clone();
                self.add(list, place, absent);
                std::mem::swap(&mut before, &mut self.alternatives);
                self.add(list, place, values);
                self.alternatives.append(&mut before);
                bounded(&self.alternatives, place)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, list: &[Value], place: &str, asks: Asks) {
        let path = self.path.clone().into_boxed_slice();
        let text = Value::Array(list.to_vec()).to_string().into_boxed_str();
        let leaf = Arc::new(Leaf { path, pointer: place.into(), text, asks });
        for leaves in &mut self.alternatives {
            leaves.push(Arc::clone(&leaf));
        }
    }
}
