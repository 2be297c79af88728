//! Where settings come from: the compiled-in defaults, a file, the environment, flags. Later ones go
//! over earlier ones, and each knows its name, so that an error can say who is to blame.

use toml::{Table, Value};

use super::{ConfigError, Problem};

/// Settings of one source.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    /// What the source is called in an error: a file's path, a variable's or a flag's name.
    pub origin: String,
    pub settings: Table,
}

impl Layer {
    /// A text in TOML.
    pub(super) fn parse(origin: &str, text: &str) -> Result<Self, ConfigError> {
        match text.parse() {
            Ok(settings) => Ok(Self { origin: origin.to_owned(), settings }),
            Err(error) => Err(ConfigError::one(Problem {
                origin: origin.to_owned(),
                key: place(text, &error),
                what: error.message().to_owned(),
                remedy: "correct the TOML there".into(),
            })),
        }
    }

    /// One key, such as `webhook.listen`, with its value as text.
    pub(super) fn key(origin: &str, key: &[String], text: &str, defaults: &Table) -> Self {
        let mut settings = value(text, lookup(defaults, key));
        for name in key.iter().rev() {
            settings = Value::Table(Table::from_iter([(name.clone(), settings)]));
        }
        let settings = match settings {
            Value::Table(settings) => settings,
            _ => Table::new(),
        };
        Self { origin: origin.to_owned(), settings }
    }
}

fn place(text: &str, error: &toml::de::Error) -> String {
    let Some(span) = error.span() else { return "the file".into() };
    let line = text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1;
    format!("line {line}")
}

/// A variable is text. It stays text where the default is text, and is read as TOML elsewhere.
fn value(text: &str, default: Option<&Value>) -> Value {
    if matches!(default, Some(Value::String(_))) {
        return Value::String(text.to_owned());
    }
    let read = format!("value = {text}").parse::<Table>();
    let read = read.ok().and_then(|mut table| table.remove("value"));
    read.unwrap_or_else(|| Value::String(text.to_owned()))
}

fn lookup<'a>(table: &'a Table, key: &[String]) -> Option<&'a Value> {
    let (last, parents) = key.split_last()?;
    let parent = parents.iter().try_fold(table, |table, name| table.get(name)?.as_table());
    parent?.get(last)
}

/// All of them, each over those before it. Lists are replaced, tables are joined.
pub(super) fn merge(layers: &[Layer]) -> Table {
    let mut merged = Table::new();
    for layer in layers {
        lay_over(&mut merged, &layer.settings);
    }
    merged
}

fn lay_over(below: &mut Table, above: &Table) {
    for (key, value) in above {
        match (below.get_mut(key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => lay_over(below, above),
            _ => drop(below.insert(key.clone(), value.clone())),
        }
    }
}

/// The topmost source that sets this key, such as `targets[0].url`, or the table or list it is in.
pub(super) fn origin(layers: &[Layer], key: &str) -> String {
    let names: Vec<String> = key
        .split('.')
        .map(|name| name.split('[').next().unwrap_or(name).to_owned())
        .filter(|name| !name.is_empty())
        .collect();
    for length in (1..=names.len()).rev() {
        let key = names.get(..length).unwrap_or_default();
        let sets = layers.iter().rev().find(|layer| lookup(&layer.settings, key).is_some());
        if let Some(layer) = sets {
            return layer.origin.clone();
        }
    }
    layers.last().map_or_else(String::new, |layer| layer.origin.clone())
}
