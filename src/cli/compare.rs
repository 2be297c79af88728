//! `twinstream compare`

use clap::Args;

use super::{Failure, JournalArguments, out};
use crate::clock::Clock;
use crate::compare::{self, WindowAsked, WindowError, report};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    journal: JournalArguments,
    /// From this time of the events on: RFC 3339, or a duration before now such as 24h or 7d. From
    /// the first event in the journal by default.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Up to this time of the events; now by default.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Print the JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let now = Clock::System.now();
    let wrong = |error: WindowError| Failure::Input(error.to_string());
    let (since, until) = (arguments.since.as_deref(), arguments.until.as_deref());
    let asked = WindowAsked::parse(since, until, now).map_err(wrong)?;
    let (reader, settings) = arguments.journal.open()?;
    let window = asked.of(reader.time_range().await?).map_err(wrong)?;
    let document =
        compare::run(&reader, &settings.compare, &compare::Scope::default(), window, now).await?;
    if arguments.json {
        let json = report::json(&document).map_err(|error| Failure::Fault(error.into()))?;
        out::line(&json);
    } else {
        out::print(&report::terminal(&document));
    }
    Ok(())
}
