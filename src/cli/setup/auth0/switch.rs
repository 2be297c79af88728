//! `twinstream setup auth0 enable` and `disable`

use clap::Args;
use serde_json::json;

use super::super::super::Failure;
use super::super::super::admin::ConfigFile;
use super::super::super::plan::PlanArguments;
use super::streams::carry_out;
use super::{Tenant, Which};
use crate::provision::Plan;
use crate::provision::auth0;

#[derive(Debug, Args)]
pub(in super::super::super) struct Arguments {
    /// The stream; those of the mode when none is named.
    stream: Option<Which>,
    #[command(flatten)]
    plan: PlanArguments,
    #[command(flatten)]
    config: ConfigFile,
}

pub(super) async fn run(arguments: Arguments, on: bool) -> Result<(), Failure> {
    let Arguments { stream, plan: told, config } = arguments;
    let tenant = Tenant::open(config.sources())?;
    let streams = tenant.streams(stream).await?;
    let steps = streams.iter().map(|(_, stream)| auth0::switch(stream, on)).collect();
    let mut plan = Plan { steps, notes: Vec::new() };
    if !plan.is_empty() {
        let note = if on {
            "what failed before comes first: old events, many at once"
        } else {
            "what happens from then on is not kept for a stream that is switched off"
        };
        plan.notes.push(note.to_owned());
    }
    let agreed = told.agreed(&plan)?;
    let streams = if agreed { carry_out(&tenant, told, &plan).await? } else { Vec::new() };
    told.end(&plan, agreed, json!({ "streams": streams }));
    Ok(())
}
