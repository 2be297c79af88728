//! `twinstream setup aws`

use clap::Args;

use super::super::Failure;
use super::super::plan::PlanArguments;

#[derive(Debug, Args)]
pub(in super::super) struct Arguments {
    #[command(flatten)]
    plan: PlanArguments,
}

pub(super) async fn run(_arguments: Arguments) -> Result<(), Failure> {
    std::future::ready(Ok(())).await
}
