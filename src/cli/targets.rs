//! `twinstream targets`

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::json;

use super::admin::{AdminArguments, PersonArguments};
use super::{Failure, out};
use crate::event::{Timestamp, legible};
use crate::journal::PausedTarget;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the targets: whether they are up, what waits for them, and who paused them.
    List(List),
    /// Send a target nothing until it is resumed; its events wait. Attempts under way are not cut off.
    Pause(Change),
    /// Send a target its events again.
    Resume(Change),
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    admin: AdminArguments,
}

#[derive(Debug, Args)]
pub(super) struct Change {
    /// The target's name.
    name: String,
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
        Command::Pause(arguments) => change(arguments, "pause").await,
        Command::Resume(arguments) => change(arguments, "resume").await,
    }
}

#[derive(Debug, Deserialize)]
struct Targets {
    targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
    pending: u64,
    oldest: Option<Timestamp>,
    dead: u64,
    paused: Option<PausedTarget>,
    breaker: Option<String>,
    since: Option<Timestamp>,
    down_because: Option<String>,
    draining: bool,
}

impl Target {
    /// Up or down, since when and why.
    fn state(&self) -> String {
        let since = out::time(self.since);
        match (self.breaker.as_deref(), &self.down_because) {
            (None, _) => "no route leads to it".to_owned(),
            (Some("closed"), _) if self.draining => format!("up since {since}, catching up"),
            (Some("closed"), _) => "up".to_owned(),
            (Some(_), Some(why)) => format!("down since {since}: {}", out::short(why, 60)),
            (Some(_), None) => format!("down since {since}"),
        }
    }
}

async fn list(arguments: List) -> Result<(), Failure> {
    let admin = arguments.admin.find()?;
    let document = admin.get(&["targets"], &[]).await?;
    if arguments.json {
        out::line(&document.to_string());
        return Ok(());
    }
    let Targets { targets } = admin.understand(document)?;
    if targets.is_empty() {
        out::note("the configuration has no targets");
        return Ok(());
    }
    let rows = targets.iter().map(|target| {
        let paused = target.paused.as_ref().map(|paused| {
            let PausedTarget { since, who, why, .. } = paused;
            let since = out::time(Some(*since));
            format!("since {since} by {}: {}", legible(who), out::short(why, 60))
        });
        vec![
            legible(&target.name),
            target.state(),
            target.pending.to_string(),
            out::time(target.oldest),
            target.dead.to_string(),
            paused.unwrap_or_else(|| "no".to_owned()),
        ]
    });
    let header = ["target", "state", "waiting", "the oldest since", "dead", "paused"];
    out::line(&out::table(&header, rows.collect(), &[2, 4]));
    Ok(())
}

async fn change(arguments: Change, deed: &str) -> Result<(), Failure> {
    let admin = arguments.admin.find()?;
    let mut order = json!({});
    arguments.person.sign(&admin, &mut order)?;
    let done = admin.post(&["targets", &arguments.name, deed], &order).await?;
    if arguments.json {
        out::line(&done.to_string());
        return Ok(());
    }
    let (name, state) = (&arguments.name, if deed == "pause" { "paused" } else { "not paused" });
    match done["changed"].as_bool() {
        Some(false) => out::line(&format!("{name} was {state} before")),
        _ => out::line(&format!("{name} is {state} (order {})", done["order"])),
    }
    Ok(())
}
