//! From a template's text to its parts.

use std::iter;
use std::ops::Range;

use serde_json::{Deserializer, Value};

use super::error::{TemplateError, TransformError};

/// EventBridge's API reference, `InputTransformer`.
pub(super) const LENGTH_MAX: usize = 8192;
/// EventBridge's API reference, `InputTransformer`.
pub(super) const NAME_LENGTH_MAX: usize = 256;

/// A template that was understood.
pub(super) struct Template {
    pub form: Form,
    pub parts: Box<[Part]>,
}

/// What a filled template is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// One JSON value.
    Json,
    /// JSON strings, each on its line.
    Lines,
    /// Text without quotes.
    Plain,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Literal(Box<str>),
    Variable(Variable, Place),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variable {
    /// A path's, by its place in the order of names.
    Path(usize),
    /// `aws.events.rule-name`.
    Route,
    /// `aws.events.event.ingestion-time`.
    Accepted,
    /// `aws.events.event`, `aws.events.event.json`.
    Event,
}

/// Where a variable stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Where a JSON value belongs.
    Value,
    /// In a JSON string.
    Quoted,
    /// In text that is no JSON.
    Plain,
}

/// A variable in the template.
#[derive(Debug)]
struct Mention {
    variable: Variable,
    /// From `<` to `>`.
    range: Range<usize>,
    in_string: bool,
    /// Where what holds it ends: its string, if that does, or itself.
    end: Option<usize>,
}

/// Whether a path's variable may have this name.
pub(super) fn check_name(name: &str) -> Result<(), TransformError> {
    if name.to_ascii_lowercase().starts_with("aws.") {
        return Err(TransformError::ReservedName(name.to_owned()));
    }
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if name.is_empty() || name.len() > NAME_LENGTH_MAX || !name.bytes().all(is_name) {
        return Err(TransformError::Name(name.to_owned()));
    }
    Ok(())
}

/// Reads a template. `names` are those of the paths, in order.
pub(super) fn parse(template: &str, names: &[&str]) -> Result<Template, TransformError> {
    let length = template.chars().count();
    if length > LENGTH_MAX {
        return Err(TransformError::TemplateTooLong(length));
    }
    let mentions = mentions(template, names)?;
    let form = form(template, &mentions)?;
    let variables = mentions.iter().map(|mention| {
        let place = match form {
            Form::Plain => Place::Plain,
            Form::Json | Form::Lines if mention.in_string => Place::Quoted,
            Form::Json | Form::Lines => Place::Value,
        };
        Some(Part::Variable(mention.variable, place))
    });
    let literals = literals(template, &mentions).map(|text| Part::Literal(text.into()));
    let parts = literals.zip(variables.chain(iter::once(None)));
    let parts = parts.flat_map(|(literal, variable)| iter::once(literal).chain(variable));
    Ok(Template { form, parts: parts.collect() })
}

/// What is before, between and behind the variables: one more than there are variables.
fn literals<'a>(template: &'a str, mentions: &[Mention]) -> impl Iterator<Item = &'a str> {
    let starts = iter::once(0).chain(mentions.iter().map(|mention| mention.range.end));
    let ends = mentions.iter().map(|mention| mention.range.start);
    let ends = ends.chain(iter::once(template.len()));
    starts.zip(ends).map(|(start, end)| template.get(start..end).unwrap_or_default())
}

fn refused(template: &str, offset: usize, reason: TemplateError) -> TransformError {
    let (mut line, mut column) = (1, 1);
    for (_, sign) in template.char_indices().take_while(|(start, _)| *start < offset) {
        (line, column) = if sign == '\n' { (line + 1, 1) } else { (line, column + 1) };
    }
    TransformError::Template { line, column, reason }
}

/// Finds the variables, in order.
fn mentions(template: &str, names: &[&str]) -> Result<Vec<Mention>, TransformError> {
    let mut found: Vec<Mention> = Vec::new();
    let (mut in_string, mut escaped) = (false, false);
    let mut next = 0;
    for (start, sign) in template.char_indices() {
        if start < next {
            continue;
        }
        next = start + sign.len_utf8();
        match sign {
            // An escaped quote ends no string. JSON escapes no `<`, and what escapes one is refused.
            _ if escaped => escaped = false,
            '\\' => escaped = in_string,
            '"' => {
                let of_string = found.iter_mut().rev().take_while(|last| last.end.is_none());
                of_string.for_each(|last| last.end = Some(next));
                in_string = !in_string;
            }
            '<' => {
                let inside = template.get(next..).and_then(|behind| behind.split_once('>'));
                let name = inside.map_or("", |(name, _)| name);
                let variable =
                    variable(name, names).map_err(|reason| refused(template, start, reason))?;
                next += name.len() + 1;
                let end = (!in_string).then_some(next);
                found.push(Mention { variable, range: start..next, in_string, end });
            }
            _ => {}
        }
    }
    Ok(found)
}

fn variable(name: &str, names: &[&str]) -> Result<Variable, TemplateError> {
    match name {
        "aws.events.event" | "aws.events.event.json" => Ok(Variable::Event),
        "aws.events.event.ingestion-time" => Ok(Variable::Accepted),
        "aws.events.rule-name" => Ok(Variable::Route),
        "aws.events.rule-arn" => Err(TemplateError::RuleArn),
        _ => {
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            if name.is_empty() || !name.bytes().all(is_name) {
                return Err(TemplateError::NoVariable);
            }
            let position = names.iter().position(|known| *known == name).map(Variable::Path);
            position.ok_or_else(|| TemplateError::UnknownVariable(name.to_owned()))
        }
    }
}

/// A template with something in the place of each variable, as long as the variable is. If this is
/// JSON, the template is, whatever its variables hold: a list can't grow together with what is beside
/// it, nor an `x` with an escape before it.
fn sample(template: &str, mentions: &[Mention]) -> String {
    let instead = mentions.iter().map(|Mention { range, in_string, .. }| {
        let length = range.len();
        if *in_string { "x".repeat(length) } else { format!("[{:1$}]", "", length - 2) }
    });
    let instead = instead.chain(iter::once(String::new()));
    let pieces = literals(template, mentions).zip(instead);
    pieces.flat_map(|(literal, instead)| [literal.to_owned(), instead]).collect()
}

fn form(template: &str, mentions: &[Mention]) -> Result<Form, TransformError> {
    if template.trim().is_empty() {
        return Err(refused(template, 0, TemplateError::Empty));
    }
    let sample = sample(template, mentions);
    let values = values(&sample);
    let one_value = matches!(&values, Ok(values) if values.len() == 1);
    let looks_like_json = template.contains('"') || template.trim_start().starts_with(['{', '[']);
    if !one_value && !looks_like_json {
        return Ok(Form::Plain);
    }
    // First, because as a key it is no JSON either.
    check_keys(template, mentions)?;
    let values =
        values.map_err(|(offset, why)| refused(template, offset, TemplateError::NotJson(why)))?;
    if one_value {
        return Ok(Form::Json);
    }
    if are_lines(&sample, &values) {
        return Ok(Form::Lines);
    }
    let second = values.get(1).map_or(0, |second| second.start);
    Err(refused(template, second, TemplateError::SeveralValues))
}

fn check_keys(template: &str, mentions: &[Mention]) -> Result<(), TransformError> {
    let is_key = |mention: &&Mention| {
        let behind = mention.end.and_then(|end| template.get(end..));
        behind.is_some_and(|behind| behind.trim_start().starts_with(':'))
    };
    let key = mentions.iter().find(is_key);
    key.map_or(Ok(()), |key| Err(refused(template, key.range.start, TemplateError::Key)))
}

/// Where the JSON values of a text are; or where it is no JSON, and why.
fn values(text: &str) -> Result<Vec<Range<usize>>, (usize, String)> {
    let mut values = Deserializer::from_str(text).into_iter::<Value>();
    let (mut found, mut end) = (Vec::new(), 0);
    while let Some(value) = values.next() {
        value.map_err(|error| not_json(text, &error))?;
        let behind = text.get(end..).unwrap_or_default();
        let start = text.len() - behind.trim_start().len();
        end = values.byte_offset();
        found.push(start..end);
    }
    Ok(found)
}

fn not_json(text: &str, error: &serde_json::Error) -> (usize, String) {
    let before = text.split_inclusive('\n').take(error.line().saturating_sub(1));
    let offset = before.map(str::len).sum::<usize>() + error.column().saturating_sub(1);
    let why = error.to_string();
    // Its own place, which counts bytes, is left out.
    (offset, why.split(" at line ").next().unwrap_or_default().to_owned())
}

/// User guide, "Common issues with transforming input": text of several lines has quotes around each.
fn are_lines(text: &str, values: &[Range<usize>]) -> bool {
    let mut end = 0;
    values.iter().enumerate().all(|(position, value)| {
        let before = text.get(end..value.start).unwrap_or_default();
        end = value.end;
        let is_string = text.get(value.clone()).is_some_and(|value| value.starts_with('"'));
        is_string && (position == 0 || before.contains('\n'))
    })
}
