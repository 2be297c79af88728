//! `twinstream demo`

use clap::Args;
use serde_json::json;

use super::{Failure, out};
use crate::app::demo::{self, Ids, Settings};
use crate::compare::report;
use crate::telemetry::log::{self, Format};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// How many events happen.
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    events: u32,
    /// How many happen a second.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rate: u32,
    /// Whether the two streams carry the same id for one event; Auth0 does not say.
    #[arg(long, value_enum, default_value_t = Ids::Same)]
    ids: Ids,
    /// Makes the same events and the same faults again.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print the comparison's JSON document.
    #[arg(long)]
    json: bool,
    /// Show the gateway's log.
    #[arg(long)]
    verbose: bool,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    if arguments.verbose {
        let settings = log::Settings { format: Format::Text, filter: "info".into() };
        log::start(&settings).map_err(|error| Failure::Fault(error.into()))?;
    }
    let Arguments { events, rate, ids, seed, .. } = arguments;
    let settings = Settings { events, rate, ids, seed };
    let told = tokio::select! {
        told = demo::run(&settings, out::note) => told.map_err(Failure::Fault)?,
        // Dropped, the demo ends its tasks and takes its folder away.
        _ = tokio::signal::ctrl_c() => return Ok(()),
    };
    if arguments.json {
        let json = report::json(&told.comparison).map_err(|error| Failure::Fault(error.into()))?;
        out::line(&json);
        return Ok(());
    }
    out::print(&report::terminal(&told.comparison));
    out::line("");
    let each_once = usize::try_from(told.attempts).is_ok_and(|attempts| attempts == told.delivered);
    out::line(&format!(
        "The application got {} of {} events{} ({} attempts), after {} arrivals by both paths.",
        told.delivered,
        events,
        if each_once { ", each once" } else { "" },
        told.attempts,
        told.arrivals
    ));
    let truth = json!({ "lost by webhook": told.lost_by_webhook, "lost by eventbridge": told.lost_by_queue });
    out::line(&format!("What the stand-in really did: {truth}"));
    Ok(())
}
