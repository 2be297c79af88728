//! The log: lines on standard error, as text for people or as JSON for machines.

use std::io::{IsTerminal as _, stderr};

use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{LevelFilter, ParseError, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// How the log is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The form of a line.
    pub format: Format,
    /// What is logged: a level, or directives as `tracing_subscriber::EnvFilter` takes them.
    pub filter: String,
}

/// The form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Checks a filter.
///
/// # Errors
/// When it can't be parsed.
pub fn check_filter(filter: &str) -> Result<(), ParseError> {
    EnvFilter::try_new(filter).map(drop)
}

/// A word of the filter that is taken for a module's name, and was likely meant as a level: with it
/// alone, nothing would be logged.
pub fn no_level(filter: &str) -> Option<&str> {
    let words = filter.split(',').map(str::trim);
    let alone = |word: &&str| !word.contains(['=', '[', ']', '{', '}', ':']);
    words.filter(alone).find(|word| word.parse::<LevelFilter>().is_err())
}

/// Starts the log of this process. A second call changes nothing.
///
/// # Errors
/// When the filter can't be parsed.
pub fn start(settings: &Settings) -> Result<(), ParseError> {
    let filter = EnvFilter::try_new(&settings.filter)?;
    let subscriber = tracing_subscriber::registry().with(filter).with(filter_fn(may_be_logged));
    // Colours are for people at a terminal: in a file they are noise.
    let lines =
        tracing_subscriber::fmt::layer().with_writer(stderr).with_ansi(stderr().is_terminal());
    let started = match settings.format {
        Format::Text => subscriber.with(lines.with_target(false)).try_init(),
        Format::Json => subscriber.with(lines.json().flatten_event(true)).try_init(),
    };
    // Only fails when a log was started before, which then goes on.
    drop(started);
    Ok(())
}

/// Other people's crates write whole requests and answers at their finest level: the AWS SDK the
/// bodies of the messages that it received. No filter may ask for that.
fn may_be_logged(line: &Metadata<'_>) -> bool {
    *line.level() <= Level::DEBUG || line.target().starts_with(env!("CARGO_CRATE_NAME"))
}
