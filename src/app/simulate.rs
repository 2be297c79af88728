//! A simulated tenant whose events go to a gateway somewhere.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use super::AwsAccess;
use super::aws;
use crate::clock::Clock;
use crate::event::{Path, PerPath};
use crate::sim::auth0::carrier::{
    Authorization, BusCarrier, Carrier, QueueCarrier, Unreachable, WebhookCarrier, WebhookError,
};
use crate::sim::auth0::faults::Skew;
use crate::sim::auth0::truth::TruthError;
use crate::sim::auth0::{
    Controls, Faults, Ids, Mix, Play, Player, Rules, Schedule, ScheduleError, Stream, Tenant, Truth,
};

/// What is simulated, and where it goes. At least one end is there.
#[derive(Debug)]
pub struct Settings {
    /// Where webhooks are posted.
    pub webhook: Option<WebhookEnd>,
    /// Where EventBridge's events go.
    pub eventbridge: Option<CloudEnd>,
    /// When events happen.
    pub schedule: Schedule,
    /// What goes wrong on each path.
    pub faults: PerPath<Faults>,
    /// Webhooks at a time; 1 as Auth0 has it.
    pub streams: NonZeroUsize,
    /// Whether both streams carry one id for one event.
    pub ids: Ids,
    /// What happens in the tenant.
    pub mix: Mix,
    /// Makes the same events and faults again.
    pub seed: u64,
    /// How far the tenant's clock is off.
    pub clock_skew: Skew,
    /// A stream that was switched off is switched on again after this time.
    pub switch_on_after: Option<Duration>,
    /// The file that tells what really happened.
    pub truth: Option<PathBuf>,
}

/// A webhook door.
#[derive(Debug)]
pub struct WebhookEnd {
    /// Its URL.
    pub url: String,
    /// How a stream says who it is.
    pub authorization: Authorization,
}

/// A bus or a queue, at AWS or at a stand-in.
#[derive(Debug)]
pub struct CloudEnd {
    /// Which.
    pub place: Place,
    /// The events' or envelopes' source.
    pub source: String,
    /// Its region; where AWS's default chain says when none is given.
    pub region: Option<String>,
    /// A stand-in's address; AWS's own when none is given.
    pub endpoint_url: Option<String>,
    /// Where credentials come from.
    pub access: AwsAccess,
}

/// Where events for EventBridge go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// An event bus, by name or ARN.
    Bus(String),
    /// A queue, by URL, around EventBridge.
    Queue(String),
}

/// Why nothing can be simulated.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// A schedule on which nothing happens.
    #[error(transparent)]
    Schedule(ScheduleError),
    /// A webhook that can't be posted to.
    #[error("the webhook")]
    Webhook(#[source] WebhookError),
    /// Nothing says which region.
    #[error("no AWS region is set; give --region, or set AWS_REGION")]
    NoRegion,
    /// The truth can't be written.
    #[error("the truth")]
    Truth(#[source] TruthError),
    /// An end is not there.
    #[error("the other end can't be reached")]
    Unreachable(#[source] Unreachable),
}

impl SimulateError {
    /// Whether what was asked for is fine, and the other end is not there.
    pub const fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable(_))
    }
}

/// Looks whether the ends are there, and makes a player. Nothing is sent yet.
///
/// # Errors
/// When something asked for can't be, or an end is not there.
pub async fn prepare(settings: Settings) -> Result<(Player, Controls), SimulateError> {
    settings.schedule.check().map_err(SimulateError::Schedule)?;
    let webhook = match settings.webhook {
        None => None,
        Some(WebhookEnd { url, authorization }) => {
            let carrier = WebhookCarrier::new(&url, authorization);
            Some(Carrier::Webhook(carrier.map_err(SimulateError::Webhook)?))
        }
    };
    let eventbridge = match settings.eventbridge {
        None => None,
        Some(end) => Some(cloud(end).await?),
    };
    for carrier in webhook.iter().chain(&eventbridge) {
        carrier.reach().await.map_err(SimulateError::Unreachable)?;
    }
    let truth = match &settings.truth {
        None => Truth::totals_only(),
        Some(file) => Truth::to_file(file).map_err(SimulateError::Truth)?,
    };
    let PerPath { webhook: webhook_faults, eventbridge: eventbridge_faults } = settings.faults;
    let stream = |(carrier, faults), path| {
        let at_once = if path == Path::Webhook { settings.streams } else { NonZeroUsize::MIN };
        Stream { carrier, faults, at_once }
    };
    let streams = PerPath {
        webhook: webhook.map(|carrier| stream((carrier, webhook_faults), Path::Webhook)),
        eventbridge: eventbridge
            .map(|carrier| stream((carrier, eventbridge_faults), Path::Eventbridge)),
    };
    Ok(Player::new(Play {
        tenant: Tenant::with(settings.seed, settings.ids, &settings.mix),
        schedule: settings.schedule,
        streams,
        rules: Rules::default(),
        seed: settings.seed,
        clock: Clock::System,
        clock_skew: settings.clock_skew,
        switch_on_after: settings.switch_on_after,
        truth,
    }))
}

async fn cloud(end: CloudEnd) -> Result<Carrier, SimulateError> {
    let CloudEnd { place, source, region, endpoint_url, access } = end;
    let clients = aws::somewhere(region.as_deref(), endpoint_url.as_deref(), access).await;
    let (events, queues) = clients.ok_or(SimulateError::NoRegion)?;
    Ok(match place {
        Place::Bus(bus) => Carrier::Bus(BusCarrier::new(events, &bus, &source)),
        Place::Queue(url) => Carrier::Queue(QueueCarrier::new(queues, &url).source(&source)),
    })
}
