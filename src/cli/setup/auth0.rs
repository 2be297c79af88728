//! `twinstream setup auth0`

use clap::Subcommand;

use super::super::Failure;
use super::super::plan::PlanArguments;

#[derive(Debug, Subcommand)]
pub(in super::super) enum Command {
    /// Create or update the two streams.
    Streams(PlanArguments),
}

pub(super) async fn run(_command: Command) -> Result<(), Failure> {
    std::future::ready(Ok(())).await
}
