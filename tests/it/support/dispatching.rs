//! A dispatcher with a journal of its own, on a clock that the test moves.

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use twinstream::clock::{Clock, ManualClock};
use twinstream::delivery::{
    BreakerRule, Destination, Dispatcher, HttpSettings, HttpTarget, Limits, Retries, Retry, Route,
    Sender, Surroundings, Target,
};
use twinstream::event::{Arrival, EventId, Flags, Hops, QueueHops, RouteOrder};
use twinstream::journal::{
    Arrived, Content, DeliveryStory, Journal, NewDelivery, Person, RouteNo, RouteSpec, Rules,
    Settings, SummarySettings, Writer,
};
use twinstream::normalize::{self, identity};
use twinstream::routing::{Transform, turn};
use twinstream::telemetry::{Health, Metrics, TargetState};

use super::event::CloudEvent;
use super::store::START;
use super::until;

/// The name of the target and of the route to it.
pub(crate) const NAME: &str = "app";

/// What a test chooses.
#[derive(Debug, Clone)]
pub(crate) struct Choices {
    pub(crate) target: Target,
    pub(crate) order: RouteOrder,
    pub(crate) transform: Option<Transform>,
    pub(crate) retries: Retries,
}

impl Choices {
    /// Retries within milliseconds, a breaker that opens after three failures, for 20 ms.
    pub(crate) fn new(url: &str) -> Self {
        let ms = Duration::from_millis;
        let http = HttpSettings {
            url: url.parse().unwrap(),
            public_only: false,
            signing_secret: None,
            bearer: None,
            headers: Vec::new(),
        };
        let target = Target {
            name: NAME.into(),
            destination: Destination::Http(http),
            timeout: Duration::from_secs(30),
            limits: Limits {
                concurrency: 4,
                rate: None,
                drain_rate: 1_000.0,
                breaker: BreakerRule { failures: 3, pause: ms(20) },
            },
            retry: Retry {
                max_age: Duration::from_hours(24),
                max_attempts: 5,
                pause_min: ms(1),
                pause_max: ms(5),
            },
            retry_on: Box::default(),
            redrive_on_recovery: false,
        };
        Self { target, order: RouteOrder::Every, transform: None, retries: Retries::Journal }
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

/// A dispatcher that runs.
#[derive(Debug)]
pub(crate) struct Dispatching {
    pub(crate) journal: Journal,
    pub(crate) clock: ManualClock,
    pub(crate) metrics: Metrics,
    health: Health,
    route: RouteNo,
    choices: Choices,
    stop: CancellationToken,
    /// The dispatcher, and what moves the clock.
    tasks: Vec<JoinHandle<()>>,
    writer: std::thread::JoinHandle<()>,
    folder: TempDir,
}

impl Dispatching {
    pub(crate) fn start(choices: Choices) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), ManualClock::at(START), choices)
    }

    fn start_in(folder: TempDir, clock: ManualClock, choices: Choices) -> Self {
        let (journal, mut writer) = open(&folder, &clock, choices.retries);
        let spec = RouteSpec { name: NAME.into(), target: NAME.into(), order: choices.order };
        let route = writer.register_routes(&[spec]).unwrap()[0];
        let writer = std::thread::spawn(move || writer.run());
        let (health, metrics) = (Health::default(), Metrics::default());
        let around = Surroundings {
            journal: journal.clone(),
            clock: Clock::Manual(clock.clone()),
            metrics: metrics.clone(),
            health: health.clone(),
        };
        let target = choices.target.clone();
        let Destination::Http(http) = target.destination.clone() else { panic!("no HTTP target") };
        let sender = Sender::Http(Box::new(HttpTarget::new(&target, http).unwrap()));
        let transform = choices.transform.clone().map(Arc::new);
        let routes = vec![Route { name: NAME.into(), number: route, transform }];
        let dispatcher = Dispatcher::new(target, sender, routes, choices.retries, around);
        let stop = CancellationToken::new();
        let run = dispatcher.run(stop.clone(), Duration::from_secs(1));
        let tasks = vec![tokio::spawn(run), tokio::spawn(tick(clock.clone(), stop.clone()))];
        Self { journal, clock, metrics, health, route, choices, stop, tasks, writer, folder }
    }

    /// Stops in order, and starts again on the same journal after a while.
    pub(crate) async fn restart(self, after: Duration) -> Self {
        let (folder, clock, choices) = self.stop().await;
        clock.advance(after);
        Self::start_in(folder, clock, choices)
    }

    /// Stops in order.
    pub(crate) async fn stop(self) -> (TempDir, ManualClock, Choices) {
        let Self { journal, clock, choices, stop, tasks, writer, folder, .. } = self;
        stop.cancel();
        for task in tasks {
            task.await.unwrap();
        }
        drop(journal);
        writer.join().unwrap();
        (folder, clock, choices)
    }

    /// Accepts an event, to be delivered by the one route.
    pub(crate) async fn accept(&self, event: &CloudEvent) -> i64 {
        let event = normalize::webhook(event.body().as_bytes()).unwrap().event;
        let hops = match self.choices.retries {
            Retries::Journal => Hops::Webhook,
            Retries::Queue => Hops::Eventbridge(QueueHops::default()),
        };
        let arrival = Arrival { at: self.clock.now(), stream: None, hops, flags: Flags::NONE };
        let arrived = Arrived::new(event, arrival, vec![NewDelivery::from(self.route)]);
        let accepted = self.journal.accept(arrived).await.unwrap();
        assert!(accepted.is_new);
        accepted.seq
    }

    /// What became of the one delivery of an event.
    pub(crate) async fn delivery(&self, id: &str) -> DeliveryStory {
        let reader = self.journal.reader().unwrap();
        let story = reader.event(EventId::parse(id).unwrap()).await.unwrap().unwrap();
        story.deliveries.into_iter().next().unwrap()
    }

    /// Waits until the one delivery of an event is in this state.
    pub(crate) async fn is(&self, id: &str, state: &str) -> DeliveryStory {
        let what = format!("{id} to be {state}");
        until(&what, async || Some(self.delivery(id).await).filter(|found| found.state == state))
            .await
    }

    /// The state of the target.
    pub(crate) fn target(&self) -> TargetState {
        self.health.targets().remove(NAME).unwrap()
    }

    /// Waits for a state of the target.
    pub(crate) async fn target_is(&self, what: &str, is: impl Fn(&TargetState) -> bool) {
        until(what, async || is(&self.target()).then_some(())).await;
    }

    pub(crate) async fn pause(&self, paused: bool) {
        let by = Person { who: "ada".into(), why: "maintenance".into() };
        let target = Arc::from(NAME);
        let ordered = if paused {
            self.journal.pause(target, by).await
        } else {
            self.journal.resume(target, by).await
        };
        ordered.unwrap();
    }
}

fn open(folder: &TempDir, clock: &ManualClock, retries: Retries) -> (Journal, Writer) {
    let settings = Settings {
        path: folder.path().join("journal.db"),
        queue_max: 64,
        batch_max: 16,
        busy_timeout: Duration::from_secs(1),
        keep: Duration::from_hours(24 * 365),
        size_bytes_max: u64::MAX,
        content: Content::Keep,
        summaries: SummarySettings { grace: Duration::ZERO, ..SummarySettings::default() },
        queue_retries: retries == Retries::Queue,
    };
    let rules = Rules { pair: identity::pair, turn: turn::RULE };
    Journal::open(&settings, rules, Clock::Manual(clock.clone())).unwrap()
}

/// Moves the clock as fast as time goes by, so that what waits for milliseconds becomes due; the test
/// makes days of it.
async fn tick(clock: ManualClock, stop: CancellationToken) {
    const STEP: Duration = Duration::from_millis(2);
    while tokio::time::timeout(STEP, stop.cancelled()).await.is_err() {
        clock.advance(STEP);
    }
}
