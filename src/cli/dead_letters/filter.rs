//! Which dead letters.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use crate::cli::{Failure, pattern};
use crate::clock::Clock;
use crate::compare::{WindowAsked, WindowError};

/// Which dead letters; what is not given leaves all.
#[derive(Debug, Args)]
pub(super) struct Filter {
    /// Only where they lie there: `journal` (deliveries that failed), `queue` (messages received too
    /// often) or `rule` (what EventBridge could not put into the queue).
    #[arg(long, value_name = "WHERE", value_parser = ["journal", "queue", "rule"])]
    source: Option<String>,
    /// Only to this target; of `rule`, an ARN.
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// Only by this route; of `rule`, the rule's ARN.
    #[arg(long, value_name = "NAME")]
    route: Option<String>,
    /// Only this type, such as user.updated.
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Only this user, organization, …: its id, or the whole subject.
    #[arg(long, value_name = "ID")]
    subject: Option<String>,
    /// Only with this text in the reason or the error; upper and lower case are told apart.
    #[arg(long, value_name = "TEXT")]
    error: Option<String>,
    /// Only what died then or later: RFC 3339, or a duration before now such as 24h or 7d. Of
    /// messages, when they were sent.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Only what died before then.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Only events that this EventBridge event pattern matches: a JSON file, `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pattern: Option<PathBuf>,
}

impl Filter {
    /// As the gateway takes it in an order, and in a query of its list.
    pub(super) fn read(&self) -> Result<serde_json::Map<String, Value>, Failure> {
        let wrong = |error: WindowError| Failure::Input(error.to_string());
        let (from, to) = (self.from.as_deref(), self.to.as_deref());
        let (from, to) = WindowAsked::parse(from, to, Clock::System.now()).map_err(wrong)?.ends();
        let pattern = self.pattern.as_deref().map(read_pattern).transpose()?;
        let asked = [
            ("source", self.source.clone()),
            ("target", self.target.clone()),
            ("route", self.route.clone()),
            ("type", self.kind.clone()),
            ("subject", self.subject.clone()),
            ("error", self.error.clone()),
            ("from", from.map(|from| from.to_string())),
            ("to", to.map(|to| to.to_string())),
            ("pattern", pattern),
        ];
        let asked =
            asked.into_iter().filter_map(|(key, text)| Some((key.to_owned(), json!(text?))));
        Ok(asked.collect())
    }

    /// Which queue or place it asks for alone.
    pub(super) fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }
}

/// Checked here, so that the error names the file.
fn read_pattern(path: &Path) -> Result<String, Failure> {
    let text = pattern::text(path)?;
    let refused = |error| format!("{}: the pattern is refused, {error}", path.display());
    let parsed: Result<crate::routing::Pattern, _> = text.parse();
    parsed.map_err(|error| Failure::Input(refused(error)))?;
    Ok(text)
}
