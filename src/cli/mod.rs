//! The command line: one file for each command. The only module that prints.

mod admin;
mod alarms;
mod check_config;
mod compare;
mod dead_letters;
mod demo;
mod doctor;
mod erase;
mod events;
mod healthcheck;
mod journal;
mod orders;
mod out;
mod pattern;
mod plan;
mod setup;
mod progress;
mod quarantine;
mod reconcile;
mod serve;
mod simulate;
mod targets;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{ConfigError, ForReading, Sources};
use crate::journal::{OpenError, Reader};
use crate::outbound::NoClient;
use crate::telemetry::Chain;

/// One server for Auth0 Event Streams: takes the same events in by webhook and by EventBridge, keeps
/// them in one journal, delivers them to your applications, and compares the two paths.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 fine · 1 what was asked for does not hold · 2 wrong \
    configuration, command line or input file · 3 something needed can't be reached · 4 not enough \
    data yet · 70 a fault of twinstream")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway.
    Serve(serve::Arguments),
    /// See it work: stand-in for AWS, gateway with both doors, generated events, and the comparison.
    /// Needs no account and no network.
    Demo(demo::Arguments),
    /// Send a simulated tenant's events to a gateway, as Auth0 would, with faults: a rehearsal, or load.
    /// Says what really happened, for `compare` to be checked against.
    Simulate(Box<simulate::Arguments>),
    /// Compare the two paths, from the journal.
    Compare(compare::Arguments),
    /// Look at events: a list, or one event's whole story; erase what names a user.
    #[command(subcommand)]
    Events(events::Command),
    /// Look at dead letters of a running gateway, wherever they lie; put them back, or give them up.
    #[command(subcommand)]
    DeadLetters(dead_letters::Command),
    /// Look at what came to a running gateway and could not be understood; read it once more.
    #[command(subcommand)]
    Quarantine(quarantine::Command),
    /// Look at the targets of a running gateway; pause and resume them.
    #[command(subcommand)]
    Targets(targets::Command),
    /// Look at what people ordered of a running gateway: who, why, and how far it is.
    #[command(subcommand)]
    Orders(orders::Command),
    /// Copy the journal of a running gateway, check a copy, put one back.
    #[command(subcommand)]
    Journal(journal::Command),
    /// Try whether alarms reach those who are to be told.
    #[command(subcommand)]
    Alarms(alarms::Command),
    /// Ask Auth0 what it could not deliver, and for what the journal does not have; says where events were
    /// lost. The running gateway does it.
    Reconcile(Box<reconcile::Arguments>),
    /// Look whether everything is set up as it should be: this host, the gateway, AWS, Auth0, and the door as
    /// the world finds it. Says what is wrong, why it matters, and what mends it.
    Doctor(Box<doctor::Arguments>),
    /// Check the configuration and print the settings in force, secrets hidden.
    CheckConfig(ConfigArguments),
    /// Try an event pattern on an event: whether it matches, and if not, why.
    #[command(subcommand)]
    Pattern(pattern::Command),
    /// Wire Auth0 to AWS, and both to this gateway: a plan first, then each thing once, however often it
    /// is run.
    #[command(subcommand)]
    Setup(setup::Command),
    /// Ask a running gateway whether it is ready; exits 0 or 1. For containers.
    Healthcheck(healthcheck::Arguments),
    /// Print shell completions.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Where the configuration is.
#[derive(Debug, Args)]
struct ConfigArguments {
    /// The configuration file (or `TWINSTREAM_CONFIG`); config/default.toml explains every key.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Which doors are open: webhook, eventbridge or both (or `TWINSTREAM_MODE`).
    #[arg(long, value_name = "MODE")]
    mode: Option<String>,
}

impl ConfigArguments {
    fn sources(self) -> Sources {
        Sources { file: self.config, mode: self.mode, ..Sources::default() }.with_environment()
    }
}

/// Where the journal is.
#[derive(Debug, Args)]
struct JournalArguments {
    /// The configuration file (or `TWINSTREAM_CONFIG`), for `journal.path`.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The journal's file, whatever the configuration says.
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
}

impl JournalArguments {
    fn open(self) -> Result<(Reader, ForReading), Failure> {
        let sources = Sources { file: self.config, ..Sources::default() }.with_environment();
        let mut settings = ForReading::load(&sources)?;
        if let Some(path) = self.journal {
            settings.journal = path;
        }
        if !settings.journal.exists() {
            return Err(Failure::NoJournal(settings.journal));
        }
        let reader = Reader::open(&settings.journal)?;
        Ok((reader, settings))
    }
}

/// Why a command failed; each has its exit code.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Config(ConfigError),
    #[error("{0}")]
    Input(String),
    #[error("there is no journal at {}; a gateway makes it, and --journal FILE names another", .0.display())]
    NoJournal(PathBuf),
    #[error(transparent)]
    Open(OpenError),
    #[error("{0}")]
    DoesNotHold(String),
    #[error("{0}")]
    NotEnoughData(String),
    #[error("{what}")]
    Unreachable { what: String, source: anyhow::Error },
    #[error("a fault of twinstream")]
    Fault(#[source] anyhow::Error),
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

impl From<NoClient> for Failure {
    fn from(error: NoClient) -> Self {
        Self::Unreachable { what: "nobody can be asked".into(), source: error.into() }
    }
}

impl From<crate::journal::ReadError> for Failure {
    fn from(error: crate::journal::ReadError) -> Self {
        Self::Unreachable { what: "the journal can't be read".into(), source: error.into() }
    }
}

impl Failure {
    const fn exit_code(&self) -> u8 {
        match self {
            Self::DoesNotHold(_) => 1,
            Self::Config(_) | Self::Input(_) => 2,
            Self::NoJournal(_) | Self::Open(_) | Self::Unreachable { .. } => 3,
            Self::NotEnoughData(_) => 4,
            Self::Fault(_) => 70,
        }
    }
}

/// Parses the command line, does what it says, and returns the exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => {
            let result = runtime.block_on(run(cli.command));
            // What is left are reads for callers that are gone.
            runtime.shutdown_background();
            result
        }
        Err(error) => Err(Failure::Fault(error.into())),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            out::error(&Chain(&failure).to_string());
            ExitCode::from(failure.exit_code())
        }
    }
}

async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(arguments) => serve::run(arguments).await,
        Command::Demo(arguments) => demo::run(arguments).await,
        Command::Simulate(arguments) => Box::pin(simulate::run(*arguments)).await,
        Command::Compare(arguments) => compare::run(arguments).await,
        Command::Events(command) => events::run(command).await,
        Command::DeadLetters(command) => dead_letters::run(command).await,
        Command::Quarantine(command) => quarantine::run(command).await,
        Command::Targets(command) => targets::run(command).await,
        Command::Orders(command) => orders::run(command).await,
        Command::Journal(command) => journal::run(command).await,
        Command::Alarms(command) => alarms::run(command).await,
        Command::Reconcile(arguments) => reconcile::run(*arguments).await,
        Command::Doctor(arguments) => Box::pin(doctor::run(*arguments)).await,
        Command::CheckConfig(arguments) => check_config::run(arguments),
        Command::Pattern(command) => pattern::run(&command),
        Command::Setup(command) => Box::pin(setup::run(command)).await,
        Command::Healthcheck(arguments) => healthcheck::run(arguments).await,
        Command::Completions { shell } => {
            let mut command = <Cli as clap::CommandFactory>::command();
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command, "twinstream", &mut script);
            out::print(&String::from_utf8_lossy(&script));
            Ok(())
        }
    }
}
