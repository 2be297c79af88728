//! `twinstream setup`: wiring Auth0 to AWS, and both to this gateway.

mod auth0;
mod aws;

use clap::Subcommand;

use super::Failure;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Bus, queues, queue policy, rule and target, from Auth0's partner event source to the SQS door.
    Aws(Box<aws::Arguments>),
    /// The two streams in Auth0: webhook and EventBridge, with the same subscriptions.
    #[command(subcommand)]
    Auth0(auth0::Command),
}

pub(super) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Aws(arguments) => aws::run(*arguments).await,
        Command::Auth0(command) => auth0::run(command).await,
    }
}
