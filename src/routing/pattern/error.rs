//! What is wrong with a pattern, and where.

use super::address::CidrError;
use super::wildcard::WildcardError;

/// A pattern that EventBridge would refuse, and so do we.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", place(.path))]
pub struct PatternError {
    /// Where, in the pattern: a JSON pointer. Empty for the whole of it.
    pub path: String,
    /// Why.
    pub reason: Reason,
}

fn place(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("at {path}: ") }
}

/// Why a pattern is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The text is not JSON.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// Patterns, and what is in `$or`, are objects.
    #[error("a pattern is an object, such as {{\"type\": [\"user.updated\"]}}")]
    NotAnObject,
    /// An object without a field.
    #[error("an empty object asks for nothing")]
    EmptyObject,
    /// A field's value is a scalar.
    #[error("values stand in a list, such as [\"user.updated\"]")]
    NotAList,
    /// A field's list has no values.
    #[error("an empty list matches nothing")]
    EmptyList,
    /// A list in a list.
    #[error("a list holds strings, numbers, true, false, null and operators, not lists")]
    NestedList,
    /// `{}` where an operator belongs.
    #[error("an empty object names no operator")]
    NoOperator,
    /// An operator that EventBridge does not document.
    #[error("`{0}` is no operator; there are {operators}", operators = super::condition::OPERATORS)]
    UnknownOperator(String),
    /// An object has one operator; alternatives are several objects.
    #[error("one operator in each object; write alternatives as several objects in the list")]
    SeveralOperators,
    /// An operator with a value of the wrong type.
    #[error("`{operator}` takes {wanted}")]
    Operand {
        /// The operator.
        operator: &'static str,
        /// What it takes.
        wanted: &'static str,
    },
    /// An operator inside another that does not take it.
    #[error("`{outer}` can't be combined with `{inner}`; it takes {takes}")]
    Combination {
        /// The operator outside.
        outer: &'static str,
        /// The one inside.
        inner: String,
        /// What could be there.
        takes: &'static str,
    },
    /// `{"anything-but": {"prefix": ""}}`.
    #[error("an empty text here would exclude every string")]
    EmptyText,
    /// `{"anything-but": ["a", 1]}`.
    #[error("either all are strings, or all are numbers")]
    MixedList,
    /// A number that EventBridge can't compare.
    #[error(
        "{0} can't be compared: numbers go from -5e9 to 5e9, with at most 6 digits after the point"
    )]
    Number(String),
    /// `numeric` that is no comparison and no range.
    #[error(
        "`numeric` takes one comparison, [\"=\", 5], or a range, lower end first: [\">\", 0, \"<=\", 5]; {0}"
    )]
    Numeric(&'static str),
    /// A CIDR block that is none.
    #[error(transparent)]
    Cidr(CidrError),
    /// A wildcard that is none.
    #[error(transparent)]
    Wildcard(WildcardError),
    /// `$or` is a list of objects.
    #[error("`$or` takes a list of at least 2 objects")]
    Or,
    /// A field in `$or` that is called like an operator.
    #[error("a field in `$or` can't be called `{0}`: EventBridge keeps that name for operators")]
    OrReserved(String),
    /// More alternatives than EventBridge takes.
    #[error(
        "more than {max} combinations: the lengths of all `$or` lists are multiplied, and each list \
         with {{\"exists\": false}} beside other values doubles what there is",
        max = super::parse::COMBINATIONS_MAX
    )]
    TooManyCombinations,
    /// One field, asked for inside and outside `$or`.
    #[error(
        "this field is asked for twice, inside and outside `$or`; EventBridge would keep only the \
         later one of its text"
    )]
    Twice,
    /// Nested deeper than any event.
    #[error("nested deeper than {max} levels", max = super::parse::DEPTH_MAX)]
    TooDeep,
}
