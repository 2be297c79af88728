//! `twinstream dead-letters`

mod filter;
mod list;
mod order;
mod show;

use clap::Subcommand;

use self::filter::Filter;
use super::Failure;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List dead letters, wherever they lie: the last deaths in the journal first, then messages.
    List(Box<list::Arguments>),
    /// Show one: every attempt with its answer, or the message with its body.
    Show(show::Arguments),
    /// Put dead letters back. What a newer event has overtaken on a route with order = "latest" is
    /// not delivered any more.
    Redrive(Box<order::Arguments>),
    /// Give dead letters up for good. The journal keeps their events, with who did it and why; a
    /// message is gone.
    Discard(Box<order::Arguments>),
}

pub(super) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::List(arguments) => list::run(*arguments).await,
        Command::Show(arguments) => show::run(arguments).await,
        Command::Redrive(arguments) => order::run(*arguments, order::Deed::Redrive).await,
        Command::Discard(arguments) => order::run(*arguments, order::Deed::Discard).await,
    }
}
