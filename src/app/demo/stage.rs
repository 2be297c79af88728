//! What the demo is played on: the stand-in for AWS, the application, and the gateway between them.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context as _;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::app::tasks::Tasks;
use crate::app::{AwsAccess, Gateway};
use crate::clock::Clock;
use crate::compare;
use crate::config::{Config, Sources};
use crate::event::PerPath;
use crate::journal::Reader;
use crate::listen;
use crate::sim::auth0::carrier::{Authorization, Carrier, WebhookCarrier};
use crate::sim::aws::{self, Aws, Faults};
use crate::sim::demo_app::{self, Conduct, Deliveries, DemoApp};

/// The comparison's grace period: over the longest outage that is played; the demo can't wait for
/// minutes.
pub(super) const GRACE: Duration = Duration::from_secs(10);

/// Where the pages are, unless others are there.
const ADMIN_PORT: u16 = 9_400;
const APP_PORT: u16 = 9_500;
/// What SQS takes to hand a message out, beside what the bus took. Always the same, so that the queue
/// puts nothing out of order beside what the script does.
const QUEUE_DELAY: Duration = Duration::from_millis(40);
const QUEUE: &str = "auth0-events";
const DEAD_QUEUE: &str = "auth0-events-dead";
const PARTNER: &str = "aws.partner/auth0.com/acme-demo-00000000/auth0.events";
const TOKEN: &str = "demo-token-that-opens-nothing-else";
const SIGNING_SECRET: &str = "whsec_ZGVtby1zZWNyZXQtdGhhdC1zaWducy1ub3RoaW5nLWVsc2U=";

/// Everything the demo needs, running.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) places: Places,
    pub(super) carriers: PerPath<Carrier>,
    pub(super) conduct: Conduct,
    pub(super) deliveries: Deliveries,
    pub(super) reader: Reader,
    pub(super) compare: compare::Settings,
    aws: aws::Handle,
    around: Tasks,
    stop_around: CancellationToken,
    stop_gateway: oneshot::Sender<()>,
    _folder: TempDir,
}

/// Where to look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The gateway's pages.
    pub dashboard: String,
    /// The application's page.
    pub application: String,
    /// Where webhooks are posted.
    pub webhook: String,
    /// The queue that the gateway receives from.
    pub queue: String,
    /// The journal's file, while the demo runs.
    pub journal: String,
}

/// How the gateway ended.
#[derive(Debug)]
pub(super) struct GatewayEnd(oneshot::Receiver<anyhow::Result<()>>);

impl GatewayEnd {
    /// Waits until it has.
    pub(super) async fn wait(&mut self) -> anyhow::Result<()> {
        (&mut self.0).await.context("the gateway did not say how it ended")?
    }
}

impl Stage {
    pub(super) async fn set(seed: u64) -> anyhow::Result<(Self, GatewayEnd)> {
        let folder = tempfile::tempdir().context("making a folder for the journal")?;
        let journal = folder.path().join("journal.db");
        let stop_around = CancellationToken::new();
        let mut around = Tasks::default();
        let aws = aws(seed).await?;
        let handle = aws.handle();
        let ended = aws.run(stop_around.clone());
        around.spawn("stand-in for AWS", async move { drop(ended.await) });
        let app = application().await?;
        let (conduct, deliveries) = (app.conduct(), app.deliveries());
        let (application, events_url) = (app.page_url(), app.url());
        around.spawn("demo application", app.run(stop_around.clone()));

        let journal_text = journal.display().to_string();
        let queue = handle.queue_url(QUEUE);
        let configured = |admin| {
            load(configuration(&Endpoints {
                journal: &journal_text,
                queue: &queue,
                aws: &handle.url(),
                application: &events_url,
                admin,
            }))
        };
        let mut config = configured(free(ADMIN_PORT).await)?;
        let gateway = match Gateway::start(&config, AwsAccess::StandIn).await {
            // Another demo was faster; any port will do.
            Err(error) if address_is_taken(&error) => {
                config = configured((Ipv4Addr::LOCALHOST, 0).into())?;
                Gateway::start(&config, AwsAccess::StandIn).await?
            }
            started => started?,
        };
        let addresses = gateway.addresses();
        let webhook = addresses.webhook.context("the webhook door is closed")?;
        let webhook = format!("http://{webhook}/webhooks/auth0");
        let (stop_gateway, stopped) = oneshot::channel::<()>();
        let (result, gateway_ended) = oneshot::channel();
        around.spawn("gateway", async move {
            let stop = async { drop(stopped.await) };
            drop(result.send(gateway.run_until(stop).await));
        });
        let authorization = Authorization::bearer(&TOKEN.into())?;
        let carriers = PerPath {
            webhook: Carrier::Webhook(WebhookCarrier::new(&webhook, authorization)?),
            eventbridge: Carrier::Partner { aws: handle.clone(), bus: PARTNER.into() },
        };
        let dashboard = format!("http://{}/", addresses.admin);
        let places = Places { dashboard, application, webhook, queue, journal: journal_text };
        let stage = Self {
            places,
            carriers,
            conduct,
            deliveries,
            reader: Reader::open(&journal)?,
            compare: config.compare,
            aws: handle,
            around,
            stop_around,
            stop_gateway,
            _folder: folder,
        };
        Ok((stage, GatewayEnd(gateway_ended)))
    }

    /// Whether nothing is left in the queue.
    pub(super) fn queue_is_empty(&self) -> bool {
        let depth = self.aws.depth(QUEUE);
        depth.is_some_and(|depth| depth.visible == 0 && depth.in_flight == 0 && depth.delayed == 0)
    }

    /// Stops all of it, the gateway first.
    pub(super) async fn strike(mut self, mut gateway: GatewayEnd) -> anyhow::Result<()> {
        drop(self.stop_gateway);
        gateway.wait().await?;
        self.stop_around.cancel();
        self.around.join(Duration::from_secs(1)).await;
        Ok(())
    }
}

async fn aws(seed: u64) -> anyhow::Result<Aws> {
    let faults = Faults { delay_min: QUEUE_DELAY, delay_max: QUEUE_DELAY, ..Faults::default() };
    let settings = aws::Settings { seed, faults, ..aws::Settings::default() };
    let aws = Aws::bind((Ipv4Addr::LOCALHOST, 0).into(), settings).await?;
    let handle = aws.handle();
    handle.create_queue(DEAD_QUEUE, &[])?;
    let redrive = serde_json::json!({
        "deadLetterTargetArn": handle.queue_arn(DEAD_QUEUE),
        "maxReceiveCount": 3,
    });
    let attributes = [("VisibilityTimeout", "90"), ("RedrivePolicy", &redrive.to_string())];
    handle.create_queue(QUEUE, &attributes)?;
    handle.connect_partner(PARTNER, QUEUE)?;
    Ok(aws)
}

/// At its usual address, so that a page that is open finds the next demo; else at any.
async fn application() -> anyhow::Result<DemoApp> {
    let settings = |port| demo_app::Settings {
        port,
        signing_secret: SIGNING_SECRET.into(),
        clock: Clock::System,
    };
    match DemoApp::bind(settings(APP_PORT)).await {
        Ok(app) => Ok(app),
        Err(_) => Ok(DemoApp::bind(settings(0)).await?),
    }
}

/// This port of loopback when it is free; else 0, which is any.
async fn free(port: u16) -> SocketAddr {
    let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match listen::bind(wanted).await {
        Ok(_) => wanted,
        Err(_) => (Ipv4Addr::LOCALHOST, 0).into(),
    }
}

fn address_is_taken(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| cause.kind() == io::ErrorKind::AddrInUse)
}

struct Endpoints<'a> {
    journal: &'a str,
    queue: &'a str,
    aws: &'a str,
    application: &'a str,
    admin: SocketAddr,
}

/// As a user would write it.
fn configuration(endpoints: &Endpoints<'_>) -> String {
    let Endpoints { journal, queue, aws, application, admin } = endpoints;
    format!(
        r#"mode = "both"
        [webhook]
        listen = "127.0.0.1:0"
        secrets = [{{ label = "demo", env = "TOKEN" }}]
        [eventbridge]
        queue_url = {queue:?}
        endpoint_url = {aws:?}
        receivers = 1
        [journal]
        path = {journal:?}
        [admin]
        listen = "{admin}"
        [compare]
        grace = "{grace}s"
        [[targets]]
        name = "demo-app"
        url = {application:?}
        signing_secret = {{ env = "SECRET" }}
        breaker_pause = "2s"
        [[routes]]
        name = "users"
        target = "demo-app"
        pattern = {{ type = [{{ prefix = "user." }}] }}
        order = "latest"
        [[routes]]
        name = "organizations"
        target = "demo-app"
        pattern = {{ type = [{{ anything-but = {{ prefix = "user." }} }}] }}"#,
        grace = GRACE.as_secs(),
    )
}

fn load(configuration: String) -> anyhow::Result<Config> {
    let environment = [("TOKEN", TOKEN), ("SECRET", SIGNING_SECRET)];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let overlay = Some(("the demo's settings".to_owned(), configuration));
    Ok(Config::load(&Sources { environment, overlay, ..Sources::default() })?)
}
