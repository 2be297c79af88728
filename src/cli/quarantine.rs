//! `twinstream quarantine`

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::json;

use super::admin::{AdminArguments, PersonArguments};
use super::progress::{self, WaitArguments};
use super::{Failure, out};
use crate::event::{legible, legible_lines};
use crate::journal::QuarantinedSummary;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List what came and could not be understood, the last first.
    List(List),
    /// Show what came, as text where it is text.
    Show(Show),
    /// Read it once more, as after an upgrade; what is understood now becomes an event, as if it had
    /// just come.
    Reprocess(Reprocess),
    /// Give it up for good; who and why are kept.
    Discard(Discard),
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Only for this reason, such as `not_json`.
    #[arg(long)]
    reason: Option<String>,
    /// This many at most, up to 1000.
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// Only what stands before this number.
    #[arg(long, value_name = "NO")]
    before: Option<i64>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    admin: AdminArguments,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    /// Its number.
    no: i64,
    /// Write the bytes alone, exactly as they came.
    #[arg(long, conflicts_with = "json")]
    raw: bool,
    /// Print JSON, with the bytes in base64.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    admin: AdminArguments,
}

#[derive(Debug, Args)]
pub(super) struct Reprocess {
    /// Only these; all when there are none.
    no: Vec<i64>,
    /// Only for this reason, such as `not_json`.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    person: PersonArguments,
    #[command(flatten)]
    wait: WaitArguments,
    #[command(flatten)]
    admin: AdminArguments,
}

#[derive(Debug, Args)]
pub(super) struct Discard {
    /// Their numbers.
    #[arg(required = true)]
    no: Vec<i64>,
    #[command(flatten)]
    person: PersonArguments,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    admin: AdminArguments,
}

pub(super) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::List(arguments) => list(arguments).await,
        Command::Show(arguments) => show(arguments).await,
        Command::Reprocess(arguments) => reprocess(arguments).await,
        Command::Discard(arguments) => discard(arguments).await,
    }
}

#[derive(Debug, Deserialize)]
struct Page {
    quarantined: Vec<QuarantinedSummary>,
    next: Option<i64>,
}

async fn list(arguments: List) -> Result<(), Failure> {
    let List { reason, limit, before, json, admin } = arguments;
    let admin = admin.find()?;
    let query = [
        ("reason", reason),
        ("limit", Some(limit.to_string())),
        ("before", before.map(|before| before.to_string())),
    ];
    let query: Vec<_> = query.into_iter().filter_map(|(name, text)| Some((name, text?))).collect();
    let document = admin.get(&["quarantine"], &query).await?;
    if json {
        out::line(&document.to_string());
        return Ok(());
    }
    let Page { quarantined, next } = admin.understand(document)?;
    if quarantined.is_empty() {
        out::note("nothing is quarantined");
        return Ok(());
    }
    let rows = quarantined.iter().map(|one| {
        vec![
            one.no.to_string(),
            out::time(Some(one.at)),
            one.path.to_string(),
            one.reason.clone(),
            out::short(&one.detail, 70),
            one.stored_bytes.to_string(),
        ]
    });
    let header = ["no", "came", "path", "reason", "what", "bytes kept"];
    out::line(&out::table(&header, rows.collect(), &[0, 5]));
    if let Some(next) = next {
        out::note(&format!("there are more: --before {next} shows what came before"));
    }
    Ok(())
}

#[derive(Debug, Deserialize)]
struct Shown {
    #[serde(flatten)]
    summary: QuarantinedSummary,
    text: Option<String>,
    base64: String,
}

/// Bytes shown where they are no text.
const BYTES_SHOWN: usize = 4_096;

async fn show(arguments: Show) -> Result<(), Failure> {
    let admin = arguments.admin.find()?;
    let no = arguments.no.to_string();
    if arguments.raw {
        out::bytes(&admin.bytes(&["quarantine", &no, "raw"], &[]).await?);
        return Ok(());
    }
    let document = admin.get(&["quarantine", &no], &[]).await?;
    if arguments.json {
        out::line(&document.to_string());
    } else {
        out::print(&tell(&admin.understand(document)?));
    }
    Ok(())
}

fn tell(shown: &Shown) -> String {
    let Shown { summary, text, base64 } = shown;
    let bytes = STANDARD.decode(base64).unwrap_or_default();
    let mut lines = vec![
        format!("{}  by {}", summary.no, summary.path),
        format!("  came     {}", summary.at),
        format!("  reason   {}: {}", summary.reason, legible(&summary.detail)),
    ];
    let message = summary.message_id.as_ref();
    lines.extend(message.map(|message| format!("  message  {}", legible(message))));
    lines.push(String::new());
    if let Some(text) = text {
        lines.push(format!("the text, of {} bytes", bytes.len()));
        lines.push(legible_lines(text));
    } else {
        lines
            .push(format!("{} bytes that are no text; --raw writes them as they are", bytes.len()));
        let first = bytes.get(..BYTES_SHOWN.min(bytes.len())).unwrap_or_default();
        let more = if first.len() < bytes.len() { "…" } else { "" };
        lines.push(format!("{}{more}", first.escape_ascii()));
    }
    lines.join("\n") + "\n"
}

async fn reprocess(arguments: Reprocess) -> Result<(), Failure> {
    let admin = arguments.admin.find()?;
    let mut order = json!({ "numbers": arguments.no, "reason": arguments.reason });
    arguments.person.sign(&admin, &mut order)?;
    let taken = admin.post(&["quarantine", "reprocess"], &order).await?;
    say_what_is_unknown(&taken);
    progress::wait(&admin, taken, &arguments.wait).await
}

async fn discard(arguments: Discard) -> Result<(), Failure> {
    let admin = arguments.admin.find()?;
    let mut order = json!({ "numbers": arguments.no });
    arguments.person.sign(&admin, &mut order)?;
    let done = admin.post(&["quarantine", "discard"], &order).await?;
    if arguments.json {
        out::line(&done.to_string());
    } else {
        out::line(&format!("discarded {} (order {})", done["discarded"], done["order"]));
    }
    say_what_is_unknown(&done);
    Ok(())
}

fn say_what_is_unknown(answer: &serde_json::Value) {
    for no in answer["unknown"].as_array().into_iter().flatten() {
        out::note(&format!("nothing is quarantined under {no}"));
    }
}
