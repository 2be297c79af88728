//! `twinstream alarms`

use clap::Subcommand;

use super::{Failure, out};
use crate::alarms::{News, Poster};
use crate::config::ForAlarms;
use crate::telemetry::Chain;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Send a test message to everybody who is told of alarms, and say what they answered.
    Test {
        /// The configuration file (or `TWINSTREAM_CONFIG`), for `alarms.webhooks`.
        #[arg(long, value_name = "FILE")]
        config: Option<std::path::PathBuf>,
    },
}

pub(super) async fn run(Command::Test { config }: Command) -> Result<(), Failure> {
    let sources = crate::config::Sources { file: config, ..Default::default() }.with_environment();
    let settings = ForAlarms::load(&sources)?.alarms;
    if settings.destinations.is_empty() {
        let text = "nobody is told of alarms: add [[alarms.webhooks]] to the configuration";
        return Err(Failure::Input(text.to_owned()));
    }
    let message = News::test().slack(settings.link.as_ref());
    let mut failed = Vec::new();
    for destination in &settings.destinations {
        let posted = match Poster::new(destination) {
            Ok(poster) => poster.post(&message).await,
            Err(error) => Err(error),
        };
        match posted {
            Ok(posted) => {
                out::line(&format!("{}: taken, HTTP {}", destination.name, posted.status));
            }
            Err(error) => {
                out::line(&format!("{}: not taken, {}", destination.name, Chain(&error)));
                failed.push(destination.name.to_string());
            }
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    let what = format!("not everybody took the test message: {}", failed.join(", "));
    Err(Failure::Unreachable { what, source: anyhow::anyhow!("see above what each answered") })
}
