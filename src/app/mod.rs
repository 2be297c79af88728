//! The whole gateway: builds the parts, owns their tasks, stops them in order.

mod aws;
pub mod demo;
pub mod simulate;
mod tasks;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub use aws::{AwsAccess, services};

use self::tasks::Tasks;
use crate::admin;
use crate::alarms;
use crate::clock::Clock;
use crate::config::Config;
use crate::dead_letters::{Clerk, DeadLetters, SharedClient};
use crate::delivery::bus::{self, BusTarget};
use crate::delivery::{Destination, Dispatcher, HttpTarget, Retries, Route, Sender, Surroundings};
use crate::event::Path;
use crate::ingress::{CoverageKeeper, Intake, QueueDoor, Reprocessor, WebhookDoor};
use crate::journal::{Eraser, Journal, RouteNo, RouteSpec, Rules};
use crate::listen::{self, Inherited};
use crate::normalize::identity;
use crate::provision::auth0::Api;
use crate::provision::reconcile::{self, Desk, Reconciler};
use crate::routing::{Interest, Routes, turn};
use crate::telemetry::{Health, Metrics};

/// After a stop, everything may take this long before it is cut off: well under the three seconds
/// that are promised.
const STOP_WITHIN: Duration = Duration::from_millis(2_600);
/// The share of the doors and dispatchers. What they don't use is left to the writer.
const PARTS_WITHIN: Duration = Duration::from_millis(1_600);
/// The share of the admin listener.
const ADMIN_WITHIN: Duration = Duration::from_millis(300);
/// After a stop, attempts under way may take this long.
const ATTEMPTS_WITHIN: Duration = Duration::from_secs(1);
/// Tasks that accept webhook connections: one for each core, up to this many.
const ACCEPTORS_MAX: usize = 8;

/// What a service manager calls the public listener's socket, and the table of its key `listen`.
const WEBHOOK: &str = "webhook";
/// The same of the admin listener.
const ADMIN: &str = "admin";
/// What passed sockets may be called; the first is that of a single one without a name.
pub const SOCKETS: [&str; 2] = [WEBHOOK, ADMIN];

/// Where a running gateway listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Addresses {
    /// The public listener, when the webhook door is open.
    pub webhook: Option<SocketAddr>,
    /// The admin listener.
    pub admin: SocketAddr,
}

/// A running gateway.
#[derive(Debug)]
pub struct Gateway {
    addresses: Addresses,
    health: Health,
    /// The doors, the dispatchers and what keeps house: they stop together.
    parts: Tasks,
    stop_parts: CancellationToken,
    /// Goes on answering probes until the others have stopped.
    admin: Tasks,
    stop_admin: CancellationToken,
    /// Ends when nobody holds the journal any more.
    writer: Tasks,
}

/// What every part is made of.
struct Base {
    journal: Journal,
    numbers: Vec<RouteNo>,
    clock: Clock,
    health: Health,
    metrics: Metrics,
    letters: DeadLetters,
    /// Set once AWS's credentials are there.
    sqs: SharedClient,
}

impl Gateway {
    /// Opens the journal and the doors.
    ///
    /// # Errors
    /// When the journal or a listener can't be had, or a target can't be used. A queue that can't be
    /// reached is no error: the door waits for it.
    pub async fn start(config: &Config, access: AwsAccess) -> anyhow::Result<Self> {
        Self::start_on(Inherited::default(), config, access).await
    }

    /// The same, on sockets that a service manager holds, where there are any: `webhook` and `admin`.
    ///
    /// # Errors
    /// As [`Gateway::start`].
    pub async fn start_on(
        mut sockets: Inherited,
        config: &Config,
        access: AwsAccess,
    ) -> anyhow::Result<Self> {
        let clock = Clock::System;
        let rules = Rules { pair: identity::pair, turn: turn::RULE };
        let (journal, mut writer) = Journal::open(&config.journal, rules, clock.clone())?;
        let routes = config.routes.iter().map(|route| RouteSpec {
            name: route.name.clone(),
            target: route.target.clone(),
            order: route.order,
        });
        let numbers = writer.register_routes(&routes.collect::<Vec<_>>())?;
        let mut writer_tasks = Tasks::default();
        writer_tasks.spawn_thread("journal writer", move || writer.run())?;
        let (health, metrics) = (Health::default(), Metrics::default());
        let sqs = SharedClient::default();
        let queues = config.eventbridge.as_ref();
        let queues = queues.map(|door| (Arc::clone(&sqs), door.dead_letters.clone()));
        let route_names = config.routes.iter().map(|route| route.name.clone()).collect();
        let letters = DeadLetters::new(journal.reader()?, queues, route_names);
        let health_too = health.clone();
        let base = Base { journal, numbers, clock, health: health_too, metrics, letters, sqs };

        let admin_listener = listener(&mut sockets, ADMIN, config.admin.listen).await?;
        let admin_at = admin_listener.local_addr()?;
        // The configuration was checked for its own address; a passed socket may have another.
        anyhow::ensure!(
            admin_at.ip().is_loopback() || config.admin.token.is_some(),
            "the admin listener is on {admin_at}, which is not loopback, and there is no admin.token: set \
             admin.token, or have the socket unit listen on 127.0.0.1"
        );
        let webhook_listener = match &config.webhook {
            Some(webhook) => Some(listener(&mut sockets, WEBHOOK, webhook.listen).await?),
            None => None,
        };
        for name in sockets.left() {
            warn!(name, mode = %config.mode, "a socket was passed that this mode does not use");
        }
        let addresses = Addresses {
            webhook: webhook_listener.as_ref().map(TcpListener::local_addr).transpose()?,
            admin: admin_listener.local_addr()?,
        };
        let mut gateway = Self {
            addresses,
            health,
            parts: Tasks::default(),
            stop_parts: CancellationToken::new(),
            admin: Tasks::default(),
            stop_admin: CancellationToken::new(),
            writer: writer_tasks,
        };
        let intake = intake(config, &base);
        let desk = gateway.start_reconcile(config, &base, &intake)?;
        gateway.start_admin(config, &base, (admin_listener, desk))?;
        gateway.start_dispatchers(config, &base, access)?;
        gateway.start_doors(config, &base, (webhook_listener, intake), access)?;
        gateway.start_housekeeping(&base)?;
        gateway.start_alarms(config, &base)?;
        info!(
            mode = %config.mode,
            webhook = addresses.webhook.map(tracing::field::display),
            admin = %addresses.admin,
            journal = %config.journal.path.display(),
            "twinstream is up"
        );
        Ok(gateway)
    }

    fn start_admin(
        &mut self,
        config: &Config,
        base: &Base,
        (listener, reconcile): (TcpListener, Option<Desk>),
    ) -> anyhow::Result<()> {
        let reader = base.journal.reader()?;
        let sources = admin::Sources {
            mode: config.mode,
            journal: base.journal.clone(),
            letters: base.letters.clone(),
            targets: config.targets.iter().map(|target| Arc::clone(&target.name)).collect(),
            setup: Arc::new(setup(config)),
            reader,
            compare: config.compare.clone(),
            reconcile,
            health: base.health.clone(),
            metrics: base.metrics.clone(),
            clock: base.clock.clone(),
        };
        let run = admin::run(listener, &config.admin, sources, self.stop_admin.clone());
        self.admin.spawn("admin listener", run);
        Ok(())
    }

    fn start_dispatchers(
        &mut self,
        config: &Config,
        base: &Base,
        access: AwsAccess,
    ) -> anyhow::Result<()> {
        let mut routes: BTreeMap<&str, Vec<Route>> = BTreeMap::new();
        for (route, number) in config.routes.iter().zip(&base.numbers) {
            let of_target = routes.entry(&route.target).or_default();
            of_target.push(Route {
                name: Arc::from(route.name.as_str()),
                number: *number,
                transform: route.transform.clone().map(Arc::new),
            });
        }
        let retries = if config.journal.queue_retries { Retries::Queue } else { Retries::Journal };
        for target in &config.targets {
            let Some(routes) = routes.remove(&*target.name) else {
                // Told with the configuration's other warnings.
                continue;
            };
            for route in &routes {
                base.metrics.expect_route(&route.name, &target.name);
            }
            let sender = match &target.destination {
                Destination::Http(settings) => {
                    Sender::Http(Box::new(HttpTarget::new(target, settings.clone())?))
                }
                Destination::Bus(settings) => {
                    Sender::Bus(self.start_bus(&target.name, settings.clone(), access))
                }
            };
            let around = Surroundings {
                journal: base.journal.clone(),
                clock: base.clock.clone(),
                metrics: base.metrics.clone(),
                health: base.health.clone(),
            };
            let dispatcher = Dispatcher::new(target.clone(), sender, routes, retries, around);
            let stop = self.stop_parts.clone();
            let name = format!("dispatcher of {}", target.name);
            self.parts.spawn(name, dispatcher.run(stop, ATTEMPTS_WITHIN));
        }
        Ok(())
    }

    /// A bus, and what makes its calls once AWS's credentials are there; attempts wait until then.
    fn start_bus(&mut self, name: &str, settings: bus::Settings, access: AwsAccess) -> BusTarget {
        let (target, batcher) = BusTarget::open(settings.clone());
        let stop = self.stop_parts.clone();
        self.parts.spawn(format!("calls of {name}"), async move {
            let client = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                client = aws::eventbridge(&settings, access) => client,
            };
            batcher.run(client, stop, ATTEMPTS_WITHIN).await;
        });
        target
    }

    fn start_doors(
        &mut self,
        config: &Config,
        base: &Base,
        (listener, intake): (Option<TcpListener>, Intake),
        access: AwsAccess,
    ) -> anyhow::Result<()> {
        let reprocessor = Reprocessor::new(intake.clone(), base.journal.reader()?);
        self.parts.spawn("quarantine", reprocessor.run(self.stop_parts.clone()));
        if let Some(eventbridge) = &config.eventbridge {
            let shared = Arc::clone(&base.sqs);
            let (eventbridge, stop) = (eventbridge.clone(), self.stop_parts.clone());
            let (intake, health) = (intake.clone(), base.health.clone());
            self.parts.spawn("SQS door", async move {
                let client = tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    client = aws::sqs(&eventbridge, access) => client,
                };
                // The first and only one who sets it.
                drop(shared.set(client.clone()));
                QueueDoor::new(client, eventbridge.door, intake, health).run(stop).await;
            });
            self.keep_coverage(Path::Eventbridge, base);
        }
        if let (Some(webhook), Some(listener)) = (&config.webhook, listener) {
            let (settings, health) = (webhook.door.clone(), base.health.clone());
            let door = WebhookDoor::new(listener, settings, intake, health);
            let cores = std::thread::available_parallelism()?.get();
            for acceptor in door.run(cores.min(ACCEPTORS_MAX), &self.stop_parts) {
                self.parts.spawn("webhook door", acceptor);
            }
            self.keep_coverage(Path::Webhook, base);
        }
        Ok(())
    }

    /// What works beside the pipeline: retention, and those who carry out orders.
    fn start_housekeeping(&mut self, base: &Base) -> anyhow::Result<()> {
        let stop = || self.stop_parts.clone();
        let (journal, until) = (base.journal.clone(), stop());
        let eraser = Eraser::new(base.journal.clone(), base.journal.reader()?).run(stop());
        let (letters, reader) = (base.letters.clone(), base.journal.reader()?);
        let clerk = Clerk::new(base.journal.clone(), reader, letters).run(stop());
        let (summed, summed_until) = (base.journal.clone(), stop());
        self.parts.spawn("retention", async move { journal.keep_house(until).await });
        self.parts.spawn("summaries", async move { summed.keep_summaries(summed_until).await });
        self.parts.spawn("erasures", eraser);
        self.parts.spawn("dead letters", clerk);
        Ok(())
    }

    fn start_alarms(&mut self, config: &Config, base: &Base) -> anyhow::Result<()> {
        let sources = alarms::Sources {
            mode: config.mode,
            journal: base.journal.clone(),
            reader: base.journal.reader()?,
            journal_bytes_max: config.journal.size_bytes_max,
            compare: config.compare.clone(),
            letters: base.letters.clone(),
            health: base.health.clone(),
            metrics: base.metrics.clone(),
            clock: base.clock.clone(),
        };
        let watch = alarms::Watch::new(config.alarms.clone(), sources)?;
        self.parts.spawn("alarms", watch.run(self.stop_parts.clone()));
        Ok(())
    }

    /// The third observer, when a tenant is named. It asks for nothing before it is told to.
    fn start_reconcile(
        &mut self,
        config: &Config,
        base: &Base,
        intake: &Intake,
    ) -> anyhow::Result<Option<Desk>> {
        let (Some(auth0), Some(settings)) = (&config.auth0, &config.reconcile) else {
            return Ok(None);
        };
        let sources = reconcile::Sources {
            api: Api::new(auth0.clone(), base.clock.clone())?,
            journal: base.journal.clone(),
            reader: base.journal.reader()?,
            intake: intake.clone(),
            letters: base.letters.clone(),
            health: base.health.clone(),
            metrics: base.metrics.clone(),
            clock: base.clock.clone(),
            mode: config.mode,
            settle_after: config.journal.summaries.settle_after(),
            keep: config.journal.keep,
        };
        let (reconciler, desk) = Reconciler::new(settings.clone(), sources);
        if settings.follow {
            let follower = reconciler.follower();
            self.parts.spawn("Events API", follower.run(self.stop_parts.clone()));
        }
        self.parts.spawn("reconcile", reconciler.run(self.stop_parts.clone()));
        Ok(Some(desk))
    }

    fn keep_coverage(&mut self, path: Path, base: &Base) {
        let keeper = CoverageKeeper::new(path, base.journal.clone(), base.health.clone());
        self.parts.spawn(format!("coverage of {path}"), keeper.run(self.stop_parts.clone()));
    }

    /// Where it listens.
    pub const fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// The state of its doors.
    pub const fn health(&self) -> &Health {
        &self.health
    }

    /// Runs until `stop` ends, then stops: doors close, attempts under way finish, the journal
    /// commits and closes. Takes under three seconds.
    ///
    /// # Errors
    /// When a part ended by itself, which none should.
    pub async fn run_until(mut self, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        let fault = tokio::select! {
            () = stop => None,
            ended = self.parts.next_ended() => Some(ended),
            ended = self.admin.next_ended() => Some(ended),
            ended = self.writer.next_ended() => Some(ended),
        };
        info!("stopping");
        self.health.stop();
        let deadline = Instant::now() + STOP_WITHIN;
        self.stop_parts.cancel();
        self.parts.join(PARTS_WITHIN).await;
        self.stop_admin.cancel();
        self.admin.join(ADMIN_WITHIN).await;
        // Nobody is left to ask: the writer commits what it has and closes the file.
        self.writer.join(deadline.saturating_duration_since(Instant::now())).await;
        match fault {
            None => Ok(()),
            Some(ended) => Err(anyhow::anyhow!("{ended}")),
        }
    }
}

/// What the doors do with what comes.
fn intake(config: &Config, base: &Base) -> Intake {
    let filters = config
        .routes
        .iter()
        .map(|route| Interest { pattern: route.pattern.clone(), changed: route.changed.clone() });
    Intake {
        journal: base.journal.clone(),
        routes: Arc::new(Routes::new(filters.collect())),
        route_numbers: base.numbers.clone().into(),
        clock: base.clock.clone(),
        metrics: base.metrics.clone(),
        flags: config.flags,
        health: base.health.clone(),
        setback: Arc::new(AtomicI64::new(i64::MIN)),
    }
}

/// What the page on the set-up's health is told of the configuration.
fn setup(config: &Config) -> admin::Setup {
    let secrets = config.webhook.iter().flat_map(|webhook| webhook.door.credentials.labels());
    let secrets = secrets.map(|(label, not_after)| (label.to_owned(), not_after));
    let unsigned = config.targets.iter().filter(|target| match &target.destination {
        Destination::Http(settings) => settings.signing_secret.is_none(),
        Destination::Bus(_) => false,
    });
    let routes = config.routes.iter().map(|route| (route.name.clone(), route.target.clone()));
    let queue = config.eventbridge.as_ref();
    admin::Setup {
        secrets: secrets.collect(),
        queue_url: queue.map(|queue| queue.door.queue_url.clone()),
        rule_letters_known: queue.is_some_and(|queue| queue.dead_letters.rule_letters.is_some()),
        routes: routes.collect(),
        unsigned_targets: unsigned.map(|target| target.name.to_string()).collect(),
        journal_path: config.journal.path.clone(),
        keep: config.journal.keep,
        journal_bytes_max: config.journal.size_bytes_max,
        warnings: config.warnings.clone(),
    }
}

/// The socket that was passed under this name, or a new one on the configured address.
async fn listener(
    sockets: &mut Inherited,
    name: &str,
    address: SocketAddr,
) -> anyhow::Result<TcpListener> {
    let passed = sockets.listener(name);
    if let Some(passed) = passed.with_context(|| format!("using the passed socket `{name}`"))? {
        return Ok(passed);
    }
    listen::bind(address).await.with_context(|| format!("{name}.listen: can't listen on {address}"))
}
