//! `twinstream pattern`

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::Value;

use super::{Failure, out};
use crate::routing::{self, Pattern};
use crate::telemetry::Chain;

/// Larger than any event that Auth0 or EventBridge sends.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Does the event match the pattern? Exits 0 or 1.
    Test(Arguments),
    /// Say which conditions an event does not meet, and where. Exits 0 if it meets them all, or 1.
    Explain {
        #[command(flatten)]
        arguments: Arguments,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The event pattern: JSON, as in an EventBridge rule on the CloudEvent. `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pattern: PathBuf,
    /// The event: a CloudEvent as JSON. `-` is standard input.
    #[arg(long, value_name = "FILE")]
    event: PathBuf,
}

pub(super) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Test(arguments) => {
            let (pattern, event) = arguments.read()?;
            if !pattern.matches(&event) {
                let what = "the event does not match; `pattern explain` says why";
                return Err(Failure::DoesNotHold(what.into()));
            }
            out::line("the event matches");
            Ok(())
        }
        Command::Explain { arguments, json } => {
            let (pattern, event) = arguments.read()?;
            explain(&pattern.explain(&event), *json)
        }
    }
}

fn explain(failures: &[routing::Failure], json: bool) -> Result<(), Failure> {
    if json {
        let document = serde_json::json!({"matches": failures.is_empty(), "failures": failures});
        out::line(&format!("{document:#}"));
    } else if failures.is_empty() {
        out::line("the event matches");
    } else {
        for routing::Failure { path, pattern, condition, found } in failures {
            out::line(&format!("{}", Shown(path)));
            out::line(&format!("  asked at {}: {condition}", Shown(pattern)));
            out::line(&format!("  found: {found}"));
        }
    }
    if failures.is_empty() {
        Ok(())
    } else {
        Err(Failure::DoesNotHold("the event does not match".into()))
    }
}

/// A JSON pointer; the one to the whole is empty.
struct Shown<'a>(&'a str);

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(if self.0.is_empty() { "the whole" } else { self.0 })
    }
}

impl Arguments {
    fn read(&self) -> Result<(Pattern, Value), Failure> {
        let stdin = Path::new("-");
        if self.pattern == stdin && self.event == stdin {
            let what = "only one of --pattern and --event can be standard input";
            return Err(Failure::Input(what.into()));
        }
        let pattern = text(&self.pattern)?;
        let pattern = pattern.parse::<Pattern>().map_err(|error| {
            Failure::Input(format!("{}: the pattern is refused, {error}", self.pattern.display()))
        })?;
        let event = text(&self.event)?;
        let event: Value = serde_json::from_str(&event).map_err(|error| {
            Failure::Input(format!("{}: the event is not JSON: {error}", self.event.display()))
        })?;
        if !event.is_object() {
            let what = format!("{}: an event is a JSON object", self.event.display());
            return Err(Failure::Input(what));
        }
        Ok((pattern, event))
    }
}

/// What is in a file, or comes from standard input.
pub(super) fn text(path: &Path) -> Result<String, Failure> {
    let text = if path == Path::new("-") { whole(io::stdin().lock()) } else { open(path) };
    text.with_context(|| format!("{} can't be read", path.display()))
        .map_err(|error| Failure::Input(Chain(&*error).to_string()))
}

fn open(path: &Path) -> anyhow::Result<String> {
    whole(File::open(path)?)
}

fn whole(source: impl Read) -> anyhow::Result<String> {
    let mut text = String::new();
    let length = source.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    let fits = u64::try_from(length).is_ok_and(|length| length <= FILE_BYTES_MAX);
    anyhow::ensure!(fits, "larger than {FILE_BYTES_MAX} bytes");
    Ok(text)
}
