//! Everything at once on loopback: a simulated tenant, the stand-in for AWS, the gateway with both
//! doors open, and an application that takes the deliveries.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::tasks::Tasks;
use super::{AwsAccess, Gateway};
use crate::clock::Clock;
use crate::compare::{self, Document, Window};
use crate::config::{Config, Sources};
use crate::event::{ArrivalOutcome, Path};
use crate::journal::Reader;
use crate::sim::auth0::{self, Tenant, WebhookStream};
use crate::sim::aws::{self, Aws, Faults, Probability};
use crate::sim::demo_app::{self, DemoApp};

/// What happens in the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Events in all.
    pub events: u32,
    /// Events a second.
    pub rate: u32,
    /// Whether both streams carry one id for one event.
    pub ids: Ids,
    /// Makes the same events and losses again.
    pub seed: u64,
}

/// Whether the two streams carry the same id for one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Ids {
    /// They do.
    Same,
    /// They don't: events are paired by tenant, type, subject and time.
    Different,
}

/// What came of it.
#[derive(Debug)]
pub struct Told {
    /// The two paths against each other.
    pub comparison: Document,
    /// Different events that the application got.
    pub delivered: usize,
    /// How often it got something.
    pub attempts: u32,
    /// Arrivals that the journal counted.
    pub arrivals: u64,
    /// Events that the simulated Auth0 never posted.
    pub lost_by_webhook: u64,
    /// Events that the stand-in dropped on the way to the queue.
    pub lost_by_queue: u64,
}

/// How likely an event gets lost on a path: high, so that a short demo shows some.
const LOSS: f64 = 0.01;
/// How likely SQS gets an event twice.
const COPY: f64 = 0.02;
/// What a webhook is under way, in milliseconds.
const WEBHOOK_MS: std::ops::Range<u64> = 20..90;
/// What EventBridge and SQS take.
const BUS: (Duration, Duration) = (Duration::from_millis(120), Duration::from_millis(700));
/// The comparison's grace period; the demo can't wait for minutes.
const GRACE: Duration = Duration::from_secs(2);
/// After the last event, everything must be there within this.
const SETTLE_WITHIN: Duration = Duration::from_secs(15);

const QUEUE: &str = "auth0-events";
const PARTNER: &str = "aws.partner/auth0.com/acme-demo-00000000/auth0.events";
const TOKEN: &str = "demo-token-that-opens-nothing-else";
const SECRET: &str = "whsec_ZGVtby1zZWNyZXQtdGhhdC1zaWducy1ub3RoaW5nLWVsc2U=";

/// Runs the demo to its end. `tell` hears each step.
///
/// # Errors
/// When a listener or a temporary folder can't be had.
pub async fn run(settings: &Settings, tell: impl Fn(&str)) -> anyhow::Result<Told> {
    let folder = tempfile::tempdir().context("making a folder for the journal")?;
    let journal = folder.path().join("journal.db");
    let stop = CancellationToken::new();
    let mut around = Tasks::default();

    let aws = aws(settings.seed).await?;
    let queue_url = aws.handle().queue_url(QUEUE);
    let (endpoint_url, handle) = (aws.url(), aws.handle());
    let ended = aws.run(stop.clone());
    around.spawn("stand-in for AWS", async move { drop(ended.await) });
    let app = demo_app::Settings { port: 0, signing_secret: SECRET.into(), clock: Clock::System };
    let app = DemoApp::bind(app).await.context("starting the demo application")?;
    let (app_url, deliveries) = (app.url(), app.deliveries());
    around.spawn("demo application", app.run(stop.clone()));

    let endpoints = Endpoints { journal: &journal, queue_url, endpoint_url, app_url };
    let config = config(&endpoints)?;
    let gateway = Gateway::start(&config, AwsAccess::StandIn).await?;
    let addresses = gateway.addresses();
    let webhook = addresses.webhook.context("the webhook door is closed")?;
    tell(&format!("webhook door    http://{webhook}/webhooks/auth0"));
    tell(&format!("SQS door        {}", endpoints.queue_url));
    tell(&format!("admin           http://{}/api/v1/status", addresses.admin));
    tell(&format!("application     {}", endpoints.app_url));
    let (stop_gateway, stopped) = oneshot::channel::<()>();
    let (result, gateway_ended) = oneshot::channel();
    around.spawn("gateway", async move {
        let stop = async { drop(stopped.await) };
        drop(result.send(gateway.run_until(stop).await));
    });

    let Settings { events, rate, .. } = *settings;
    tell(&format!("\n{events} events happen, {rate} a second; each goes out by both paths …"));
    let from = Clock::System.now().floor_to_millis();
    let url = format!("http://{webhook}/webhooks/auth0");
    let lost_by_webhook = happen(settings, &handle, url).await?;

    tell("… all sent. What is still under way arrives, and the grace period passes …\n");
    let reader = Reader::open(&journal)?;
    let expected = u64::from(events).saturating_sub(lost_by_webhook);
    wait_until_settled(&reader, &handle, expected).await?;
    sleep(GRACE).await;
    let now = Clock::System.now().floor_to_millis();
    let comparison = compare::run(&reader, &config.compare, Window { from, to: now }, now).await?;
    let arrivals = reader.counts().await?.arrivals.iter().map(|(_, _, count)| count).sum();

    drop(stop_gateway);
    gateway_ended.await.context("the gateway did not say how it ended")??;
    stop.cancel();
    around.join(Duration::from_secs(1)).await;
    Ok(Told {
        comparison,
        delivered: deliveries.events(),
        attempts: deliveries.attempts(),
        arrivals,
        lost_by_webhook,
        lost_by_queue: handle.totals(QUEUE).lost,
    })
}

async fn aws(seed: u64) -> anyhow::Result<Aws> {
    let faults = Faults {
        loss: Probability::clamped(LOSS),
        copy: Probability::clamped(COPY),
        delay_min: BUS.0,
        delay_max: BUS.1,
        ..Faults::default()
    };
    let settings = aws::Settings { seed, faults, ..aws::Settings::default() };
    let aws = Aws::bind((Ipv4Addr::LOCALHOST, 0).into(), settings).await?;
    aws.handle().create_queue(QUEUE, &[("VisibilityTimeout", "90")])?;
    aws.handle().connect_partner(PARTNER, QUEUE)?;
    Ok(aws)
}

struct Endpoints<'a> {
    journal: &'a std::path::Path,
    queue_url: String,
    endpoint_url: String,
    app_url: String,
}

fn config(endpoints: &Endpoints<'_>) -> anyhow::Result<Config> {
    let Endpoints { journal, queue_url, endpoint_url, app_url } = endpoints;
    let overlay = format!(
        "mode = \"both\"
        [webhook]
        listen = \"127.0.0.1:0\"
        secrets = [{{ label = \"demo\", env = \"TOKEN\" }}]
        [eventbridge]
        queue_url = {queue_url:?}
        endpoint_url = {endpoint_url:?}
        [journal]
        path = {path:?}
        [admin]
        listen = \"127.0.0.1:0\"
        [compare]
        grace = \"{grace}s\"
        [[targets]]
        name = \"demo-app\"
        url = {app_url:?}
        signing_secret = {{ env = \"SECRET\" }}
        [[routes]]
        name = \"all\"
        target = \"demo-app\"",
        path = journal.display().to_string(),
        grace = GRACE.as_secs(),
    );
    let environment = [("TOKEN", TOKEN), ("SECRET", SECRET)];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let overlay = Some(("the demo's settings".to_owned(), overlay));
    Ok(Config::load(&Sources { environment, overlay, ..Sources::default() })?)
}

/// Lets the events happen. Returns how many were never posted.
async fn happen(
    settings: &Settings,
    handle: &aws::Handle,
    webhook_url: String,
) -> anyhow::Result<u64> {
    let ids = match settings.ids {
        Ids::Same => auth0::Ids::Same,
        Ids::Different => auth0::Ids::Different,
    };
    let mut tenant = Tenant::new(settings.seed, ids);
    let mut random = fastrand::Rng::with_seed(settings.seed.wrapping_add(1));
    let stream = WebhookStream::new(webhook_url, TOKEN.to_owned())?;
    let (post, mut to_post) = mpsc::channel::<(Instant, String)>(1_024);
    let mut lost = 0;
    let happening = async move {
        let mut ticks = interval(Duration::from_secs(1) / settings.rate);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        for _ in 0..settings.events {
            ticks.tick().await;
            let change = tenant.next_change(Clock::System.now());
            handle.put_partner_event(PARTNER, "event", &change.eventbridge.json)?;
            if random.f64() < LOSS {
                lost += 1;
                continue;
            }
            let at = Instant::now() + Duration::from_millis(random.u64(WEBHOOK_MS));
            post.send((at, change.webhook.json)).await?;
        }
        anyhow::Ok(lost)
    };
    // Auth0 sends the events of one stream one after the other.
    let posting = async {
        while let Some((at, event)) = to_post.recv().await {
            sleep_until(at).await;
            stream.post(&event).await;
        }
    };
    let (lost, ()) = tokio::join!(happening, posting);
    lost
}

/// Waits until the queue is empty and every posted event is in the journal.
async fn wait_until_settled(
    reader: &Reader,
    handle: &aws::Handle,
    posted: u64,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + SETTLE_WITHIN;
    loop {
        let counts = reader.counts().await?;
        let accepted = counts.arrivals.iter().find(|(path, outcome, _)| {
            *path == Path::Webhook && outcome == ArrivalOutcome::Accepted.as_str()
        });
        let posted_are_in = accepted.is_some_and(|(_, _, count)| *count >= posted);
        let queue_is_empty = handle
            .depth(QUEUE)
            .is_some_and(|depth| depth.visible == 0 && depth.in_flight == 0 && depth.delayed == 0);
        let all_delivered = counts.pending.iter().all(|route| route.pending == 0);
        if (posted_are_in && queue_is_empty && all_delivered) || Instant::now() > deadline {
            return Ok(());
        }
        sleep(Duration::from_millis(100)).await;
    }
}
