//! `twinstream simulate`

mod ends;
mod summary;
mod watch;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, ValueEnum};
use tokio_util::sync::CancellationToken;

use self::ends::{CloudArguments, WebhookArguments};
use super::{Failure, out, serve};
use crate::app::simulate::{self, Settings, SimulateError};
use crate::config::Sources;
use crate::event::{Path, PerPath};
use crate::sim::auth0::faults::{FaultsError, Skew, duration};
use crate::sim::auth0::{self, Burst, Faults, Mix, Played, Schedule};

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("ends").required(true).multiple(true)
    .args(["webhook_url", "bus", "queue_url"])))]
#[command(group(ArgGroup::new("eventbridge").args(["bus", "queue_url"])))]
#[command(after_help = "Faults are written with commas between them: loss=1%, \
    duplicates=2%:500ms (sent again after that time), delay=20ms, delay=lognormal(60ms,400ms) with \
    median and p99, delay=spikes(1%,2s), reorder=1%:2s (held back for that time), outage=30s+10s \
    (from 30 s on, for 10 s), slow=20ms (the answers), skew=-2s (EventBridge's own clock); or a word \
    for all: none, typical, storm.")]
pub(super) struct Arguments {
    #[command(flatten)]
    webhook: WebhookArguments,
    #[command(flatten)]
    cloud: CloudArguments,
    #[command(flatten)]
    load: LoadArguments,
    #[command(flatten)]
    tenant: TenantArguments,
    /// What goes wrong on the webhook path.
    #[arg(long, value_name = "FAULTS", default_value = "none", help_heading = "Faults",
        value_parser = webhook_faults, requires = "webhook_url")]
    webhook_faults: Faults,
    /// What goes wrong on the EventBridge path.
    #[arg(long, value_name = "FAULTS", default_value = "none", help_heading = "Faults",
        value_parser = eventbridge_faults, requires = "eventbridge")]
    eventbridge_faults: Faults,
    /// Switch a stream on again this long after it was switched off: after 500 failures in a row.
    #[arg(long, value_name = "DURATION", help_heading = "Faults", value_parser = duration)]
    switch_on_after: Option<Duration>,
    /// Write what really happened to this file: a line of JSON for each event, and the totals.
    #[arg(long, value_name = "FILE", help_heading = "Result")]
    truth: Option<PathBuf>,
    /// Print the summary as JSON.
    #[arg(long, help_heading = "Result")]
    json: bool,
}

/// How much happens.
#[derive(Debug, Args)]
#[command(next_help_heading = "Load")]
struct LoadArguments {
    /// Events a second, whatever the receivers do.
    #[arg(long, value_name = "EVENTS", default_value_t = 10.0)]
    rate: f64,
    /// How they are spread.
    #[arg(long, value_enum, default_value_t = Arrivals::Even)]
    arrivals: Arrivals,
    /// Besides, so many at once, again and again: 100@30s.
    #[arg(long, value_name = "EVENTS@EVERY")]
    burst: Option<Burst>,
    /// Stop after this time, such as 90s, 10m or 2h; otherwise at Ctrl-C.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    within: Option<Duration>,
    /// Stop after so many events.
    #[arg(long)]
    events: Option<u64>,
    /// Webhooks under way at a time: 1 as Auth0 has it, more for load; then order is not kept.
    #[arg(long, default_value_t = NonZeroUsize::MIN, value_parser = streams,
        requires = "webhook_url")]
    streams: NonZeroUsize,
    /// Really send more than 50 events a second, or 500 at once, to another host than this one.
    #[arg(long)]
    yes: bool,
}

/// Who changes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Tenant")]
struct TenantArguments {
    /// Makes the same events and the same faults again; drawn and told by default. A gateway that has
    /// the events of a seed knows their ids, and takes them for repeats.
    #[arg(long)]
    seed: Option<u64>,
    /// Whether the two streams carry the same id for one event; Auth0 does not say.
    #[arg(long, value_enum, default_value_t = Ids::Same)]
    ids: Ids,
    /// Test calls of Auth0's Management API among them, out of 1,000 events; a comparison leaves
    /// them out. One is two events, one for each stream.
    #[arg(long, value_name = "OF 1000", default_value_t = Mix::default().tests_of_1000,
        value_parser = clap::value_parser!(u32).range(0..=1_000))]
    test_events: u32,
    /// How far the tenant's clock is off: 300ms ahead, -2s behind. It is one clock for both paths.
    #[arg(long, value_name = "DURATION", default_value = "0s", allow_hyphen_values = true)]
    clock_skew: Skew,
}

/// How events are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Arrivals {
    /// At even distances.
    Even,
    /// At random distances, as independent people make them.
    Poisson,
}

/// Whether the two streams carry the same id for one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Ids {
    /// They do.
    Same,
    /// They don't: events are paired by tenant, type, subject and time.
    Different,
}

/// As many as a gateway takes connections by default, and more.
const STREAMS_MAX: usize = 1_024;

fn streams(text: &str) -> Result<NonZeroUsize, String> {
    let number = text.parse::<NonZeroUsize>().ok().filter(|number| number.get() <= STREAMS_MAX);
    number.ok_or_else(|| format!("a number from 1 to {STREAMS_MAX}"))
}

fn webhook_faults(text: &str) -> Result<Faults, FaultsError> {
    Faults::parse(Path::Webhook, text)
}

fn eventbridge_faults(text: &str) -> Result<Faults, FaultsError> {
    Faults::parse(Path::Eventbridge, text)
}

impl LoadArguments {
    const fn schedule(&self) -> Schedule {
        Schedule {
            rate: self.rate,
            arrivals: match self.arrivals {
                Arrivals::Even => auth0::Arrivals::Even,
                Arrivals::Poisson => auth0::Arrivals::Poisson,
            },
            burst: self.burst,
            within: self.within,
            events: self.events,
        }
    }

    /// More than a rehearsal, which nobody should send to others by mistake.
    fn is_heavy(&self) -> bool {
        let bursts = self
            .burst
            .map_or(0.0, |burst| f64::from(burst.events) / burst.every.as_secs_f64().max(0.001));
        self.rate + bursts > 50.0 || self.burst.is_some_and(|burst| burst.events > 500)
    }
}

/// A seed that is drawn is short enough to be typed.
const SEED_MAX: u64 = 1_000_000_000;

impl Arguments {
    fn settings(self) -> Result<Settings, Failure> {
        let sources = Sources::default().with_environment();
        let schedule = self.load.schedule();
        Ok(Settings {
            webhook: self.webhook.end(&sources)?,
            eventbridge: self.cloud.end()?,
            schedule,
            faults: PerPath { webhook: self.webhook_faults, eventbridge: self.eventbridge_faults },
            streams: self.load.streams,
            ids: match self.tenant.ids {
                Ids::Same => auth0::Ids::Same,
                Ids::Different => auth0::Ids::Different,
            },
            mix: Mix { tests_of_1000: self.tenant.test_events, ..Mix::default() },
            seed: self.tenant.seed.unwrap_or_else(|| fastrand::u64(..SEED_MAX)),
            clock_skew: self.tenant.clock_skew,
            switch_on_after: self.switch_on_after,
            truth: self.truth,
        })
    }
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let json = arguments.json;
    let (is_heavy, yes) = (arguments.load.is_heavy(), arguments.load.yes);
    let settings = arguments.settings()?;
    let goes_out = ends::is_elsewhere(&settings);
    for line in summary::before(&settings) {
        out::note(&line);
    }
    if is_heavy && goes_out && !yes {
        let what = "that is a load, for another host than this one; if you mean it, add --yes";
        return Err(Failure::Input(what.to_owned()));
    }
    let stopped = serve::stop_signal().map_err(Failure::Fault)?;
    let schedule = settings.schedule.clone();
    let (player, controls) = simulate::prepare(settings).await.map_err(failure)?;
    let stop = CancellationToken::new();
    let came = watch::until_end(Box::pin(player.run(stop.clone())), controls, &schedule, async {
        stopped.await;
        stop.cancel();
    });
    let came = came.await.map_err(|error| failure(SimulateError::Truth(error)))?;
    if json {
        let text = serde_json::to_string(&came).map_err(|error| Failure::Fault(error.into()))?;
        out::line(&text);
    } else {
        out::print(&summary::after(&came));
    }
    never_reached(&came)
}

fn failure(error: SimulateError) -> Failure {
    if error.is_unreachable() {
        return Failure::Unreachable { what: "nothing was sent".into(), source: error.into() };
    }
    Failure::Input(crate::telemetry::Chain(&error).to_string())
}

/// An end that never answered was not there, whatever it looked like at the start.
fn never_reached(came: &Played) -> Result<(), Failure> {
    for path in Path::ALL {
        let Some(sent) = came.paths.of(path) else { continue };
        let is_silent = sent.sent_to_answered_ms.is_none() && sent.failed > 0;
        // An outage that was asked for is none.
        let mut why = sent.answers.keys().filter(|answer| *answer != "outage").peekable();
        if is_silent && why.peek().is_some() {
            let why = why.map(String::as_str).collect::<Vec<_>>().join(", ");
            let what = format!("the {path} end never answered");
            return Err(Failure::Unreachable { what, source: anyhow::anyhow!("{why}") });
        }
        if sent.accepted == 0 && why.peek().is_some() {
            let why = why.map(String::as_str).collect::<Vec<_>>().join(", ");
            let what = format!("the {path} end accepted nothing: {why}");
            return Err(Failure::DoesNotHold(what));
        }
    }
    Ok(())
}
