//! `twinstream setup aws`

mod run;
mod wanted;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use url::Url;

use super::super::Failure;
use super::super::plan::PlanArguments;
use crate::provision::aws;
use crate::sim::auth0::faults;

#[derive(Debug, Args)]
#[command(
    after_help = "Reads what is there first, and changes what differs alone: run it as often as you \
    like. What no flag asks for is set where something is made; later on, what is larger stays. The credentials are those of AWS's default chain; README.md has the least permissions that it \
    needs."
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(in super::super) struct Arguments {
    /// The configuration file (or `TWINSTREAM_CONFIG`), for the queue, the region and the routes.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// AWS's region; that of the configuration, or of AWS's default chain, when not given.
    #[arg(long)]
    region: Option<String>,
    /// Another address for AWS; for stand-ins only.
    #[arg(long, value_name = "URL")]
    endpoint_url: Option<Url>,
    /// The partner event source, `aws.partner/auth0.com/…/auth0.events`; needed where there are several.
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// The queue; its dead-letter queues get its name with -dead-letters and -undelivered. That of the
    /// configuration when not given, else auth0-events.
    #[arg(long, value_name = "NAME")]
    queue: Option<String>,
    /// The rule.
    #[arg(long, value_name = "NAME", default_value = aws::RULE)]
    rule: String,
    /// Let the rule take only events that some route takes: others cost nothing then.
    #[arg(long, conflicts_with = "destroy")]
    only_routes: bool,
    /// Let a rule that takes a part of the events take all.
    #[arg(long, conflicts_with_all = ["destroy", "only_routes"])]
    all_events: bool,
    /// For how long a received message is hidden, from 30s to 12h; 90s when not given.
    #[arg(long, value_name = "DURATION", value_parser = faults::duration, conflicts_with = "destroy")]
    visibility: Option<Duration>,
    /// After how many receives a message is a dead letter, from 2; 3 when not given.
    #[arg(long, value_name = "COUNT",
        value_parser = clap::value_parser!(u32).range(2..=1_000), conflicts_with = "destroy")]
    max_receive_count: Option<u32>,
    /// For how long the queue keeps what nobody takes, from 1m to 14d; 4d when not given.
    #[arg(long, value_name = "DURATION", value_parser = faults::duration, conflicts_with = "destroy")]
    retention: Option<Duration>,
    /// Keep all events of the bus in an archive as well, to replay them.
    #[arg(long, conflicts_with = "destroy")]
    archive: bool,
    /// For how many days the archive keeps them, 0 for ever; 30 when not given.
    #[arg(long, value_name = "DAYS", requires = "archive",
        value_parser = clap::value_parser!(u32).range(0..=36_500))]
    archive_days: Option<u32>,
    /// Take all of it down again: target, rule, archive, bus with its association, queues.
    #[arg(long)]
    destroy: bool,
    /// With --destroy: delete queues that hold messages as well. The messages are lost.
    #[arg(long, requires = "destroy")]
    even_with_messages: bool,
    /// With --destroy: delete the archive as well. The events in it are lost.
    #[arg(long, requires = "destroy")]
    with_archive: bool,
    #[command(flatten)]
    plan: PlanArguments,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    run::run(arguments).await
}
