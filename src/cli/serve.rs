//! `twinstream serve`

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};
use tracing::warn;

use super::{ConfigArguments, Failure, out};
use crate::app::{AwsAccess, Gateway, SOCKETS};
use crate::config::Config;
use crate::listen::Inherited;
use crate::telemetry::{Chain, log};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArguments,
    /// Write the addresses as JSON to this file once the doors are open; for scripts and port 0.
    #[arg(long, value_name = "FILE")]
    addresses_file: Option<PathBuf>,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let sources = arguments.config.sources();
    let config = Config::load(&sources)?;
    if let Err(error) = log::start(&config.log) {
        out::note(&format!("log.filter: {error}"));
    }
    for warning in &config.warnings {
        warn!("{warning}");
    }
    // Before anything starts, so that no signal is missed.
    let stopped = stop_signal().map_err(Failure::Fault)?;
    let unreachable = |source| Failure::Unreachable { what: "can't start".into(), source };
    let names = sources.environment.get("LISTEN_FDNAMES");
    let sockets = Inherited::take(names.map(String::as_str), &SOCKETS)
        .map_err(|error| unreachable(error.into()))?;
    let gateway =
        Gateway::start_on(sockets, &config, AwsAccess::DefaultChain).await.map_err(unreachable)?;
    if let Some(path) = &arguments.addresses_file {
        write_addresses(path, &gateway).map_err(unreachable)?;
    }
    tell(NotifyState::Ready);
    let stopping = async {
        stopped.await;
        tell(NotifyState::Stopping);
    };
    gateway.run_until(stopping).await.map_err(Failure::Fault)
}

/// Tells systemd how it stands (`Type=notify`); nobody else listens, and it costs nothing then.
fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        warn!(error = %Chain(&error), "could not tell systemd how it stands");
    }
}

/// Whole or not at all: a script may look at any moment.
fn write_addresses(path: &Path, gateway: &Gateway) -> anyhow::Result<()> {
    let json = serde_json::to_string(&gateway.addresses())?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    std::fs::write(&beside, format!("{json}\n"))
        .and_then(|()| std::fs::rename(&beside, path))
        .with_context(|| format!("writing the addresses to {}", path.display()))
}

/// Ends at SIGTERM or SIGINT.
pub(super) fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
