//! What a pattern asks of one value.

use std::net::IpAddr;
use std::ops::{Bound, RangeBounds as _};

use serde_json::{Map, Number, Value};

use super::address::{self, Cidr};
use super::any_case::AnyCase;
use super::error::Reason;
use super::number::Decimal;
use super::wildcard::Wildcard;

/// The operators, as an error names them.
pub(super) const OPERATORS: &str = "`prefix`, `suffix`, `equals-ignore-case`, `wildcard`, \
    `anything-but`, `numeric`, `cidr` and `exists`";

/// What a pattern asks of one value: the members of a field's list.
///
/// After "Comparison operators for use in event patterns", EventBridge user guide, and, where that
/// is silent, `JsonRuleCompiler` and `ByteMachine` of `aws/event-ruler`, EventBridge's own matcher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    /// Exactly this string.
    Text(Box<str>),
    /// This IP address, however it is spelled: event-ruler reads exact strings that are addresses
    /// so (`CIDR.ipToRangeIfPossible`).
    Address(IpAddr),
    /// This number, however it is spelled: 300 is 300.0 is 3.0e2. Event-ruler puts each number of
    /// a pattern in twice, as its text and as a number (`JsonRuleCompiler.writeRules`).
    Number(Decimal),
    /// A number that can't be compared, such as an AWS account's: only by what it is.
    OtherNumber(Number),
    /// `true` or `false`.
    Bool(bool),
    /// JSON's null; what is missing is not null.
    Null,
    /// Any value: `{"exists": true}`.
    Present,
    /// `prefix`. Like all that follows for texts, it takes strings alone.
    Prefix(Box<str>),
    /// `suffix`.
    Suffix(Box<str>),
    /// `{"prefix": {"equals-ignore-case": …}}`.
    PrefixAnyCase(AnyCase),
    /// `{"suffix": {"equals-ignore-case": …}}`.
    SuffixAnyCase(AnyCase),
    /// `equals-ignore-case`.
    AnyCase(AnyCase),
    /// `wildcard`.
    Wildcard(Wildcard),
    /// `numeric`.
    Numeric(Bound<Decimal>, Bound<Decimal>),
    /// `cidr`.
    Cidr(Cidr),
    /// `anything-but`: none of these. Any value that is there will do, also one of another type
    /// and null (`ByteMachine`: an anything-but holds unless it is shown to fail).
    AnythingBut(Box<[Self]>),
}

/// Where in a list's member something is wrong, and what. The place is below the member.
pub(super) type Wrong = (String, Reason);

/// A member of a field's list.
#[derive(Debug)]
pub(super) enum Member {
    /// A condition on a value.
    Condition(Condition),
    /// No value: `{"exists": false}`.
    Absent,
}

impl Member {
    pub(super) fn parse(member: &Value) -> Result<Self, Wrong> {
        let condition = match member {
            Value::Null => Condition::Null,
            Value::Bool(value) => Condition::Bool(*value),
            Value::Number(number) => Decimal::of(number)
                .map_or_else(|| Condition::OtherNumber(number.clone()), Condition::Number),
            Value::String(text) => address::address(text)
                .map_or_else(|| Condition::Text(text.as_str().into()), Condition::Address),
            Value::Array(_) => return Err(here(Reason::NestedList)),
            Value::Object(object) => {
                let (operator, operand) = only(object)?;
                if operator == "exists" {
                    let present = operand.as_bool();
                    let present = present.ok_or_else(|| wrong("exists", "true or false"))?;
                    return Ok(if present {
                        Self::Condition(Condition::Present)
                    } else {
                        Self::Absent
                    });
                }
                of_operator(operator, operand)?
            }
        };
        Ok(Self::Condition(condition))
    }
}

impl Condition {
    /// Whether the value, which is neither a list nor an object, is what is asked for.
    pub(super) fn holds(&self, value: &Value) -> bool {
        match self {
            Self::Text(_)
            | Self::Address(_)
            | Self::Prefix(_)
            | Self::Suffix(_)
            | Self::PrefixAnyCase(_)
            | Self::SuffixAnyCase(_)
            | Self::AnyCase(_)
            | Self::Wildcard(_)
            | Self::Cidr(_) => value.as_str().is_some_and(|text| self.holds_text(text)),
            Self::Number(number) => decimal(value) == Some(*number),
            Self::OtherNumber(number) => value.as_number() == Some(number),
            Self::Bool(expected) => value.as_bool() == Some(*expected),
            Self::Null => value.is_null(),
            Self::Present => true,
            Self::Numeric(from, to) => {
                decimal(value).is_some_and(|number| (*from, *to).contains(&number))
            }
            Self::AnythingBut(conditions) => !conditions.iter().any(|it| it.holds(value)),
        }
    }

    fn holds_text(&self, value: &str) -> bool {
        match self {
            Self::Text(text) => &**text == value,
            Self::Address(expected) => address::address(value) == Some(*expected),
            Self::Prefix(prefix) => value.starts_with(&**prefix),
            Self::Suffix(suffix) => value.ends_with(&**suffix),
            Self::PrefixAnyCase(prefix) => prefix.begins(value),
            Self::SuffixAnyCase(suffix) => suffix.ends(value),
            Self::AnyCase(text) => text.equals(value),
            Self::Wildcard(wildcard) => wildcard.matches(value),
            Self::Cidr(block) => block.contains(value),
            Self::Number(_)
            | Self::OtherNumber(_)
            | Self::Bool(_)
            | Self::Null
            | Self::Present
            | Self::Numeric(..)
            | Self::AnythingBut(_) => false,
        }
    }
}

fn decimal(value: &Value) -> Option<Decimal> {
    value.as_number().and_then(Decimal::of)
}

fn here(reason: Reason) -> Wrong {
    (String::new(), reason)
}

fn below(place: &str, (path, reason): Wrong) -> Wrong {
    (format!("/{place}{path}"), reason)
}

fn wrong(operator: &'static str, wanted: &'static str) -> Wrong {
    below(operator, here(Reason::Operand { operator, wanted }))
}

/// The one operator of an object.
fn only(object: &Map<String, Value>) -> Result<(&str, &Value), Wrong> {
    let mut members = object.iter();
    let (operator, operand) = members.next().ok_or_else(|| here(Reason::NoOperator))?;
    if members.next().is_some() {
        return Err(here(Reason::SeveralOperators));
    }
    Ok((operator, operand))
}

fn of_operator(operator: &str, operand: &Value) -> Result<Condition, Wrong> {
    match operator {
        "prefix" => affix("prefix", operand, Condition::Prefix, Condition::PrefixAnyCase),
        "suffix" => affix("suffix", operand, Condition::Suffix, Condition::SuffixAnyCase),
        "equals-ignore-case" => {
            let text = operand.as_str().ok_or_else(|| wrong("equals-ignore-case", "a string"))?;
            Ok(Condition::AnyCase(AnyCase::new(text)))
        }
        "wildcard" => {
            let text = operand.as_str().ok_or_else(|| wrong("wildcard", "a string"))?;
            wildcard(text).map_err(|wrong| below("wildcard", wrong))
        }
        "cidr" => {
            let text = operand.as_str().ok_or_else(|| wrong("cidr", "a string"))?;
            let block = Cidr::parse(text).map_err(|error| here(Reason::Cidr(error)));
            block.map(Condition::Cidr).map_err(|wrong| below("cidr", wrong))
        }
        "numeric" => numeric(operand).map_err(|wrong| below("numeric", wrong)),
        "anything-but" => anything_but(operand).map_err(|wrong| below("anything-but", wrong)),
        other => Err(here(Reason::UnknownOperator(other.to_owned()))),
    }
}

/// `prefix` and `suffix`: a string, which may be empty (then any string will do), or one whose case
/// does not count.
fn affix(
    operator: &'static str,
    operand: &Value,
    plain: fn(Box<str>) -> Condition,
    any_case: fn(AnyCase) -> Condition,
) -> Result<Condition, Wrong> {
    const WANTED: &str = "a string, or {\"equals-ignore-case\": \"…\"}";
    match operand {
        Value::String(text) => Ok(plain(text.as_str().into())),
        Value::Object(object) => {
            let (inner, text) = only(object).map_err(|wrong| below(operator, wrong))?;
            if inner != "equals-ignore-case" {
                let (inner, takes) = (inner.to_owned(), WANTED);
                let reason = Reason::Combination { outer: operator, inner, takes };
                return Err(below(operator, here(reason)));
            }
            let text = text.as_str().ok_or_else(|| wrong("equals-ignore-case", "a string"));
            text.map(|text| any_case(AnyCase::new(text))).map_err(|wrong| below(operator, wrong))
        }
        _ => Err(wrong(operator, WANTED)),
    }
}

fn wildcard(text: &str) -> Result<Condition, Wrong> {
    Wildcard::parse(text).map(Condition::Wildcard).map_err(|error| here(Reason::Wildcard(error)))
}

/// One comparison, or a range with its lower end first: `processNumericMatchExpression` of
/// event-ruler takes no other order, and no range without numbers in it.
fn numeric(operand: &Value) -> Result<Condition, Wrong> {
    let refuse = |why| here(Reason::Numeric(why));
    let list = operand.as_array().ok_or_else(|| refuse("this is no list"))?;
    let mut pairs = Vec::new();
    for (at, pair) in list.chunks(2).enumerate() {
        let [operator, number] = pair else {
            return Err(refuse("here the last number is missing"));
        };
        let (at, number_at) = ((2 * at).to_string(), (2 * at + 1).to_string());
        let operator = operator.as_str().filter(|it| ["=", "<", "<=", ">", ">="].contains(it));
        let operator =
            operator.ok_or_else(|| below(&at, refuse("this is none of =, <, <=, > and >=")))?;
        let number = number.as_number().ok_or_else(|| refuse("this is no number"));
        let number = number.and_then(comparable).map_err(|wrong| below(&number_at, wrong))?;
        pairs.push((operator, number));
    }
    match pairs.as_slice() {
        [("=", number)] => {
            Ok(Condition::Numeric(Bound::Included(*number), Bound::Included(*number)))
        }
        [(operator @ (">" | ">="), number)] => {
            Ok(Condition::Numeric(end(operator, *number), Bound::Unbounded))
        }
        [(operator, number)] => Ok(Condition::Numeric(Bound::Unbounded, end(operator, *number))),
        [(lower @ (">" | ">="), from), (upper @ ("<" | "<="), to)] if from < to => {
            Ok(Condition::Numeric(end(lower, *from), end(upper, *to)))
        }
        [(">" | ">=", _), ("<" | "<=", _)] => {
            Err(refuse("here the lower end is not below the upper one"))
        }
        [] => Err(refuse("this list is empty")),
        _ => Err(refuse("these are not the two ends of a range")),
    }
}

fn end(operator: &str, number: Decimal) -> Bound<Decimal> {
    if operator.ends_with('=') { Bound::Included(number) } else { Bound::Excluded(number) }
}

fn comparable(number: &Number) -> Result<Decimal, Wrong> {
    Decimal::of(number).ok_or_else(|| here(Reason::Number(number.to_string())))
}

/// A string or number, a list of the one or the other, or an operator on one string or a list.
fn anything_but(operand: &Value) -> Result<Condition, Wrong> {
    let but = match operand {
        Value::Object(object) => {
            let (inner, operand) = only(object)?;
            negated(inner, operand).map_err(|wrong| below(inner, wrong))?
        }
        Value::Array(list) => {
            let strings = list.iter().filter(|value| value.is_string()).count();
            let but = each(list, literal)?;
            if strings != 0 && strings != list.len() {
                return Err(here(Reason::MixedList));
            }
            but
        }
        scalar => [literal(scalar)?].into(),
    };
    Ok(Condition::AnythingBut(but))
}

fn literal(value: &Value) -> Result<Condition, Wrong> {
    match value {
        Value::String(text) => Ok(Condition::Text(text.as_str().into())),
        Value::Number(number) => comparable(number).map(Condition::Number),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            let wanted = "a string, a number, a list of either, or one of `prefix`, `suffix`, \
                          `equals-ignore-case` and `wildcard`";
            Err(here(Reason::Operand { operator: "anything-but", wanted }))
        }
    }
}

fn negated(inner: &str, operand: &Value) -> Result<Box<[Condition]>, Wrong> {
    let one = |value: &Value| {
        let wanted = "a string, or a list of strings";
        let text = value
            .as_str()
            .ok_or_else(|| here(Reason::Operand { operator: "anything-but", wanted }))?;
        match inner {
            "prefix" | "suffix" if text.is_empty() => Err(here(Reason::EmptyText)),
            "prefix" => Ok(Condition::Prefix(text.into())),
            "suffix" => Ok(Condition::Suffix(text.into())),
            "equals-ignore-case" => Ok(Condition::AnyCase(AnyCase::new(text))),
            "wildcard" => wildcard(text),
            other => {
                let takes = "`prefix`, `suffix`, `equals-ignore-case` and `wildcard`";
                let inner = other.to_owned();
                Err(here(Reason::Combination { outer: "anything-but", inner, takes }))
            }
        }
    };
    match operand {
        Value::Array(list) => each(list, one),
        scalar => Ok([one(scalar)?].into()),
    }
}

/// Each of a list that is not empty.
fn each(
    list: &[Value],
    one: impl Fn(&Value) -> Result<Condition, Wrong>,
) -> Result<Box<[Condition]>, Wrong> {
    if list.is_empty() {
        return Err(here(Reason::EmptyList));
    }
    let numbered = list.iter().enumerate();
    numbered.map(|(at, value)| one(value).map_err(|wrong| below(&at.to_string(), wrong))).collect()
}
