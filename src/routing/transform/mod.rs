//! EventBridge's input transformer, on the CloudEvent: paths take values out of the event, a template
//! puts them into the body that the target gets.
//!
//! The language is that of the EventBridge user guide ("Input transformation") and of its API
//! reference (`InputTransformer`). Where both are silent it is what others recorded of AWS: a path that
//! finds nothing gives an empty text, `""` where a value belongs (June 2024, in `localstack/localstack`,
//! `tests/aws/services/events/test_events_inputs.snapshot.json`).
//!
//! A template is one of three:
//! - One JSON value, as a rule. It stays JSON whatever the event holds. Outside quotes a variable is a
//!   JSON value, inside quotes a text; an object or a list loses its own quotes there.
//! - Several JSON strings, each on a line of its own: text. The quotes stay.
//! - Text without any quotes, as the API reference shows it; the guide asks for quotes.
//!
//! Known differences:
//! - `$` is the CloudEvent. In a rule it is the envelope, which has the CloudEvent in `detail`: what is
//!   `$.detail.data` there is `$.data` here.
//! - Values are escaped inside quotes. EventBridge puts them there as they are, so that a quote in a
//!   value breaks what it sends.
//! - `<aws.events.event>` and `<aws.events.event.json>` both are the CloudEvent. EventBridge leaves
//!   `detail` out of the former.
//! - `<aws.events.rule-name>` is the route's name, `<aws.events.event.ingestion-time>` is when the event
//!   was accepted. `<aws.events.rule-arn>` is refused, for a route has none.
//! - Paths are checked when they are read, and `['a.b']` is taken: a key with a dot has no other way.

mod error;
mod path;
mod template;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::event::Timestamp;

pub use error::{TemplateError, TransformError};
pub use path::PathError;

use path::Path;
use template::{Form, Part, Place, Template, Variable};

/// The most bytes of a body: EventBridge's limit for an entry (API reference, `PutEvents`).
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// EventBridge's API reference, `InputTransformer`.
const PATHS_MAX: usize = 100;

/// How a route shapes what its target gets. Only [`Transform::parse`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transform {
    /// In the order of their names.
    paths: Box<[Path]>,
    form: Form,
    parts: Box<[Part]>,
}

/// What a template may ask for beside the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context<'a> {
    /// The route's name.
    pub route: &'a str,
    /// When the event was accepted.
    pub accepted: Timestamp,
}

/// A body for the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Valid in its type; at most [`BODY_BYTES_MAX`] long.
    pub body: String,
    /// What it is.
    pub content_type: ContentType,
}

/// What a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentType {
    /// One JSON value.
    Json,
    /// Text in UTF-8.
    Text,
}

impl ContentType {
    /// For the header of that name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Text => "text/plain; charset=utf-8",
        }
    }
}

/// Why an event has no body by a transform. It will not have one later either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// Over [`BODY_BYTES_MAX`].
    #[error("the transformed event has more than {BODY_BYTES_MAX} bytes")]
    TooLarge,
}

impl Transform {
    /// Reads a transform: `InputPathsMap` and `InputTemplate`.
    ///
    /// # Errors
    /// What EventBridge would refuse, or could not fill for every event: where, why, and what to do.
    pub fn parse(paths: &BTreeMap<String, String>, template: &str) -> Result<Self, TransformError> {
        if paths.len() > PATHS_MAX {
            return Err(TransformError::TooManyPaths(paths.len()));
        }
        let read = paths.iter().map(|(name, text)| {
            template::check_name(name)?;
            Path::parse(text).map_err(|reason| {
                let (name, path) = (name.clone(), text.clone());
                TransformError::Path { name, path, reason }
            })
        });
        let read = read.collect::<Result<_, _>>()?;
        let names: Vec<&str> = paths.keys().map(String::as_str).collect();
        let Template { form, parts } = template::parse(template, &names)?;
        Ok(Self { paths: read, form, parts })
    }

    /// Makes the body of an event, which is the whole CloudEvent.
    ///
    /// # Errors
    /// [`RenderError`]; the same for the same event, always.
    pub fn render(&self, event: &Value, context: &Context<'_>) -> Result<Rendered, RenderError> {
        // Each once, however often the template names it.
        let found: Vec<Cow<'_, Value>> = self.paths.iter().map(|path| path.find(event)).collect();
        let nothing = Value::String(String::new());
        let route = Value::from(context.route);
        let accepted = Value::from(context.accepted.to_string());
        let mut body = String::new();
        for part in &self.parts {
            let text = match part {
                Part::Literal(text) => Cow::Borrowed(&**text),
                Part::Variable(variable, place) => {
                    let value = match variable {
                        Variable::Path(position) => found.get(*position).map(|value| &**value),
                        Variable::Route => Some(&route),
                        Variable::Accepted => Some(&accepted),
                        Variable::Event => Some(event),
                    };
                    Cow::Owned(written(value.unwrap_or(&nothing), *place))
                }
            };
            if text.len() > BODY_BYTES_MAX - body.len() {
                return Err(RenderError::TooLarge);
            }
            body.push_str(&text);
        }
        let content_type = match self.form {
            Form::Json => ContentType::Json,
            Form::Lines | Form::Plain => ContentType::Text,
        };
        Ok(Rendered { body, content_type })
    }
}

/// A value as it stands in a place of the template.
fn written(value: &Value, place: Place) -> String {
    match place {
        Place::Value => value.to_string(),
        Place::Quoted => escaped(&text(value)),
        Place::Plain => text(value).into_owned(),
    }
}

/// A value as text. User guide, "Common issues with transforming input": an object or a list in a
/// string loses its quotes.
fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => Cow::Owned(value.to_string()),
        Value::Array(_) | Value::Object(_) => Cow::Owned(value.to_string().replace('"', "")),
    }
}

/// A text as it stands between the quotes of a JSON string.
fn escaped(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or_default().to_owned()
}
