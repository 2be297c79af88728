//! What is wrong with a transform, and where.

use super::path::PathError;
use super::template;

/// A transform that EventBridge would refuse, or that could not be filled for every event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransformError {
    /// More paths than EventBridge takes.
    #[error("{0} paths; EventBridge takes {max} at most", max = super::PATHS_MAX)]
    TooManyPaths(usize),
    /// A variable's name that EventBridge does not take.
    #[error(
        "`{0}` in paths is no name: 1 to {max} letters, digits, `-` and `_`",
        max = template::NAME_LENGTH_MAX
    )]
    Name(String),
    /// A variable's name that EventBridge keeps for itself.
    #[error("`{0}` in paths: names that begin with `aws.` are reserved; choose another")]
    ReservedName(String),
    /// A path that is none.
    #[error("the path of `{name}`, `{path}`: {reason}")]
    Path {
        /// The variable.
        name: String,
        /// Its path.
        path: String,
        /// Why.
        reason: PathError,
    },
    /// Longer than EventBridge takes.
    #[error("the template has {0} characters; EventBridge takes {max} at most", max = template::LENGTH_MAX)]
    TemplateTooLong(usize),
    /// A template that is none.
    #[error("the template, at line {line}, character {column}: {reason}")]
    Template {
        /// From 1.
        line: usize,
        /// The character in that line, from 1.
        column: usize,
        /// Why.
        reason: TemplateError,
    },
}

/// Why a template is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Nothing but spaces.
    #[error("there is nothing in it")]
    Empty,
    /// `<` with no name and `>` behind it.
    #[error(
        "`<` begins a variable, such as `<user>`; in a JSON string the character itself is written \
         \\u003c"
    )]
    NoVariable,
    /// A variable that nobody defines.
    #[error(
        "there is no variable `{0}`; add it to paths, or write \\u003c for the character `<` in a \
         JSON string"
    )]
    UnknownVariable(String),
    /// `<aws.events.rule-arn>`.
    #[error("a route has no ARN; `<aws.events.rule-name>` is its name")]
    RuleArn,
    /// EventBridge's API reference, `InputTransformer`: not as an object's key.
    #[error("a variable can't be the key of an object; write the key out")]
    Key,
    /// Not JSON, whatever the variables hold.
    #[error("not JSON once it is filled: {0}")]
    NotJson(String),
    /// More than one JSON value.
    #[error(
        "a second value begins; a template is one JSON value, or lines of text, each in double \
         quotes"
    )]
    SeveralValues,
}
