//! `twinstream setup auth0`

mod arrival;
mod door;
mod rotate;
mod secret;
mod status;
mod streams;
mod switch;
mod test_event;

use std::collections::BTreeMap;

use anyhow::anyhow;
use clap::{Subcommand, ValueEnum};

use super::super::Failure;
use crate::clock::Clock;
use crate::config::{ForSetup, Sources};
use crate::event::Path;
use crate::provision::auth0::{Api, ApiError, Settings, Stream};

#[derive(Debug, Subcommand)]
pub(in super::super) enum Command {
    /// Create or update the streams that the mode has doors for; with --rotate, give the webhook stream
    /// another secret without losing an event.
    Streams(Box<streams::Arguments>),
    /// Switch the streams on. What failed before comes first: old events, many at once.
    Enable(switch::Arguments),
    /// Switch the streams off. What happens meanwhile is not kept for them.
    Disable(switch::Arguments),
    /// Send a test event by each stream, and follow it to its arrival in the running gateway.
    Test(test_event::Arguments),
    /// Look at the streams: on or off, what failed, how near Auth0 is to switching them off.
    Status(status::Arguments),
}

pub(super) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Streams(arguments) => streams::run(*arguments).await,
        Command::Enable(arguments) => switch::run(arguments, true).await,
        Command::Disable(arguments) => switch::run(arguments, false).await,
        Command::Test(arguments) => test_event::run(arguments).await,
        Command::Status(arguments) => status::run(arguments).await,
    }
}

/// One of the two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    /// The webhook stream.
    Webhook,
    /// The EventBridge stream.
    Eventbridge,
}

impl Which {
    const fn path(self) -> Path {
        match self {
            Self::Webhook => Path::Webhook,
            Self::Eventbridge => Path::Eventbridge,
        }
    }
}

/// The tenant, and what the configuration says of it.
struct Tenant {
    settings: ForSetup,
    environment: BTreeMap<String, String>,
    api: Api,
}

impl Tenant {
    /// Reads the configuration. Asks nothing yet.
    fn open(sources: Sources) -> Result<Self, Failure> {
        let settings = ForSetup::load(&sources)?;
        let Some(auth0) = settings.auth0.clone() else {
            let what = "the configuration names no tenant: set auth0.domain, auth0.client_id and \
                        auth0.client_secret";
            return Err(Failure::Input(what.to_owned()));
        };
        let api = Api::new(auth0, Clock::System).map_err(failure)?;
        Ok(Self { settings, environment: sources.environment, api })
    }

    fn auth0(&self) -> &Settings {
        self.api.settings()
    }

    /// The name of a path's stream.
    fn name(&self, path: Path) -> &str {
        match path {
            Path::Webhook => &self.auth0().webhook_stream,
            Path::Eventbridge => &self.auth0().eventbridge_stream,
        }
    }

    /// The paths that are meant: the one named, else those of the mode.
    fn paths(&self, which: Option<Which>) -> Vec<Path> {
        match which {
            Some(which) => vec![which.path()],
            None => {
                Path::ALL.into_iter().filter(|path| self.settings.mode.contains(*path)).collect()
            }
        }
    }

    /// The streams that are meant; each must be there.
    async fn streams(&self, which: Option<Which>) -> Result<Vec<(Path, Stream)>, Failure> {
        let all = self.api.streams().await.map_err(failure)?;
        let found = self.paths(which).into_iter().map(|path| {
            let name = self.name(path);
            let stream = all.iter().find(|stream| stream.name == name);
            stream.map(|stream| (path, stream.clone())).ok_or_else(|| no_stream(name))
        });
        found.collect()
    }
}

fn no_stream(name: &str) -> Failure {
    Failure::DoesNotHold(format!(
        "there is no event stream `{name}`: `twinstream setup auth0 streams` makes it"
    ))
}

/// What a call that came to nothing means here.
fn failure(error: ApiError) -> Failure {
    let missing = error.missing_scopes().join(" or ");
    if !missing.is_empty() {
        return Failure::Input(format!(
            "{error}: in Auth0's dashboard, give the application of auth0.client_id the permission \
             {missing} of the Management API (Applications > APIs > Auth0 Management API)"
        ));
    }
    match error {
        ApiError::Credentials(refusal) if refusal.status < 500 && refusal.status != 429 => {
            Failure::Input(format!(
                "{}: check auth0.domain, auth0.client_id and auth0.client_secret, and that the application may \
                 use the Management API",
                ApiError::Credentials(refusal)
            ))
        }
        // The name is taken, or the plan has no room: another try would end the same.
        ApiError::Refused { ref refusal, .. } if refusal.status == 409 => {
            Failure::DoesNotHold(error.to_string())
        }
        ApiError::Domain(_) => Failure::Input(error.to_string()),
        ApiError::Client(_) => Failure::Fault(error.into()),
        other => Failure::Unreachable {
            what: "Auth0's Management API did not do what it was asked".to_owned(),
            source: anyhow!(other),
        },
    }
}
