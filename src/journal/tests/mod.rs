//! The journal through its own doors: what it promises, in a folder of its own, on a clock that
//! stands still until it is moved.

mod accepting;
mod backing_up;
mod claiming;
mod content;
mod failing;
mod lately;
mod opening;
mod rescuing;
mod retaining;
mod settling;
mod summing;
mod turns;
mod witnessing;

use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::clock::{Clock, ManualClock};
use crate::event::{
    ArrivalOutcome, EventId, Flags, Hops, PairedBy, Purpose, QueueHops, RepeatKind, Timestamp,
};

/// When every test begins.
const START: Timestamp = Timestamp::from_millis(1_772_356_544_000);
const LEASE: Duration = Duration::from_secs(30);
const MINUTE: Duration = Duration::from_mins(1);
const KEEP: Duration = Duration::from_hours(1);
/// The names of the routes that every event goes to.
const ROUTES: [&str; 2] = ["block-status", "audit"];
/// Where they lead.
const TARGET: &str = "app";

/// A folder with a journal in it that nobody serves from.
struct Stopped {
    folder: TempDir,
    settings: Settings,
    clock: ManualClock,
    order: RouteOrder,
}

/// A journal that is served from.
struct Server {
    journal: Journal,
    routes: Vec<RouteNo>,
    thread: JoinHandle<()>,
    stopped: Stopped,
}

impl Stopped {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            path: folder.path().join("data/journal.db"),
            queue_max: 4_096,
            batch_max: 64,
            busy_timeout: Duration::from_millis(1),
            keep: KEEP,
            size_bytes_max: 1 << 30,
            content: Content::Keep,
            summaries: SummarySettings {
                grace: Duration::ZERO,
                keep: KEEP,
                ..SummarySettings::default()
            },
            queue_retries: false,
        };
        Self { folder, settings, clock: ManualClock::at(START), order: RouteOrder::Every }
    }

    fn open(&self) -> Result<(Journal, Writer), OpenError> {
        let clock = Clock::Manual(self.clock.clone());
        let rules =
            Rules { pair: crate::normalize::identity::pair, turn: crate::routing::turn::RULE };
        Journal::open(&self.settings, rules, clock)
    }

    fn start(self) -> Server {
        self.start_with(|_| {})
    }

    /// Lets the test do something to the writer before it runs.
    fn start_with(self, prepare: impl FnOnce(&Writer)) -> Server {
        let (journal, mut writer) = self.open().unwrap();
        let named = ROUTES.map(|name| RouteSpec { order: self.order, ..spec(name) });
        let routes = writer.register_routes(&named).unwrap();
        prepare(&writer);
        let thread = std::thread::spawn(move || writer.run());
        Server { journal, routes, thread, stopped: self }
    }

    /// A connection beside the journal's own, to look, hold locks and do damage.
    fn connection(&self) -> Connection {
        Connection::open(&self.settings.path).unwrap()
    }
}

impl Server {
    fn start() -> Self {
        Stopped::new().start()
    }

    fn stop(self) -> Stopped {
        drop(self.journal);
        self.thread.join().unwrap();
        self.stopped
    }

    fn restart(self) -> Self {
        self.stop().start()
    }

    fn advance(&self, by: Duration) {
        self.stopped.clock.advance(by);
    }

    fn now(&self) -> Timestamp {
        self.stopped.clock.now()
    }

    fn arrived(&self, sent: &Sent) -> Arrived {
        sent.arrived(self.now(), self.routes.clone())
    }

    async fn try_send(&self, sent: &Sent) -> Result<Accepted, JournalError> {
        self.journal.accept(self.arrived(sent)).await
    }

    async fn send(&self, sent: Sent) -> ArrivalOutcome {
        self.try_send(&sent).await.unwrap().outcome
    }

    /// Sends what must be an event of its own.
    async fn send_new(&self, sent: Sent) {
        assert!(self.try_send(&sent).await.unwrap().is_new, "{} was not new", sent.id);
    }

    async fn claim_of(&self, routes: &[RouteNo], limit: usize) -> Claimed {
        self.journal.claim(claim_of(routes, limit)).await.unwrap()
    }

    /// Claims all there is of the first route.
    async fn claim(&self) -> Vec<Due> {
        self.claim_of(&self.routes[..1], 100).await.due
    }

    /// The ids of all there is to claim of the first route.
    async fn claim_ids(&self) -> Vec<String> {
        ids_of(&self.claim().await)
    }

    async fn settle(&self, due: &Due, verdict: Verdict) {
        let attempt = Attempt {
            started_at: self.now(),
            took: Duration::from_millis(3),
            status: Some(200),
            error: None,
            answer: None,
        };
        self.settle_as(due, Some(attempt), verdict).await;
    }

    async fn settle_as(&self, due: &Due, attempt: Option<Attempt>, verdict: Verdict) {
        let settlement = Settlement {
            seq: due.seq,
            route: due.route,
            attempt_number: due.attempt,
            attempt,
            verdict,
        };
        drop(self.journal.settle(settlement).await.unwrap());
    }

    async fn quarantine(&self, path: Path) {
        let why = ("bad_json", "expected value at line 1 column 1");
        let quarantined = Quarantined::new(path, self.now(), why, b"no json").with_message_id("m1");
        drop(self.journal.quarantine(quarantined).await.unwrap());
    }

    async fn story(&self, id: &str) -> Option<EventStory> {
        self.journal.reader().unwrap().event(EventId::parse(id).unwrap()).await.unwrap()
    }

    /// What became of an event on the first route.
    async fn delivery(&self, id: &str) -> DeliveryStory {
        let deliveries = self.story(id).await.unwrap().deliveries;
        deliveries.into_iter().find(|delivery| delivery.route == ROUTES[0]).unwrap()
    }

    async fn counts(&self) -> Counts {
        self.journal.reader().unwrap().counts().await.unwrap()
    }

    async fn events(&self) -> usize {
        let filter = EventFilter { limit: 10_000, ..EventFilter::default() };
        self.journal.reader().unwrap().events(filter).await.unwrap().len()
    }

    async fn coverage(&self) -> Vec<(Path, Timestamp, Timestamp)> {
        let ever = (Timestamp::from_nanos(0), Timestamp::from_nanos(i64::MAX));
        self.journal.reader().unwrap().coverage(ever).await.unwrap()
    }

    /// Sums up until nothing more has settled.
    async fn summarize(&self) -> usize {
        let mut events = 0;
        loop {
            let step = self.journal.summarize().await.unwrap();
            events += step.events;
            if !step.more {
                return events;
            }
        }
    }

    /// Retains until nothing more has expired.
    async fn retain(&self) -> Retained {
        self.summarize().await;
        let mut all = Retained::default();
        loop {
            let step = self.journal.retain().await.unwrap();
            all.events += step.events;
            all.quarantined += step.quarantined;
            if !step.more {
                return all;
            }
        }
    }
}

fn spec(route: &str) -> RouteSpec {
    RouteSpec { name: route.to_owned(), target: TARGET.to_owned(), order: RouteOrder::Every }
}

/// A claim of a target that was never down.
fn claim_of(routes: &[RouteNo], limit: usize) -> Claim {
    Claim {
        routes: routes.to_vec(),
        target: TARGET.into(),
        limit,
        retries_min: limit / 8,
        backlog: None,
        lease: LEASE,
    }
}

fn ids_of(due: &[Due]) -> Vec<String> {
    due.iter().map(|due| due.event_id.as_str().to_owned()).collect()
}

/// The count of this name and outcome, 0 where there is none.
fn count(counts: &[(String, String, u64)], name: &str, outcome: &str) -> u64 {
    let found = counts.iter().find(|(other, of, _)| other == name && of == outcome);
    found.map_or(0, |(_, _, n)| *n)
}

fn arrivals(counts: &Counts, path: Path, outcome: ArrivalOutcome) -> u64 {
    let found =
        counts.arrivals.iter().find(|(other, of, _)| *other == path && of == outcome.as_str());
    found.map_or(0, |(_, _, n)| *n)
}

/// An arrival to be: a user is blocked, at the start, unless it is told otherwise.
#[derive(Debug, Clone)]
struct Sent {
    id: String,
    path: Path,
    stream: String,
    user: String,
    time: Timestamp,
    purpose: Purpose,
    blocked: bool,
    message: String,
    flags: Flags,
}

fn webhook(id: &str) -> Sent {
    Sent {
        id: id.to_owned(),
        path: Path::Webhook,
        stream: "est_w".to_owned(),
        user: "auth0|1".to_owned(),
        time: START,
        purpose: Purpose::Live,
        blocked: true,
        message: "m1".to_owned(),
        flags: Flags::NONE,
    }
}

fn eventbridge(id: &str) -> Sent {
    Sent { path: Path::Eventbridge, stream: "est_e".to_owned(), ..webhook(id) }
}

/// Taken in from the Events API.
fn backfill(id: &str) -> Sent {
    Sent { flags: Flags::BACKFILLED, ..webhook(id).on_stream(crate::event::EVENTS_API) }
}

impl Sent {
    fn of_user(self, user: &str) -> Self {
        Self { user: user.to_owned(), ..self }
    }

    fn on_stream(self, stream: &str) -> Self {
        Self { stream: stream.to_owned(), ..self }
    }

    fn later(self, by: Duration) -> Self {
        Self { time: self.time.plus(by), ..self }
    }

    fn test(self) -> Self {
        Self { purpose: Purpose::Test, ..self }
    }

    fn unblocked(self) -> Self {
        Self { blocked: false, ..self }
    }

    fn in_message(self, message: &str) -> Self {
        Self { message: message.to_owned(), ..self }
    }

    fn arrived(&self, at: Timestamp, routes: Vec<RouteNo>) -> Arrived {
        let object = json!({"user_id": self.user, "blocked": self.blocked});
        let mut payload = json!({"id": self.id, "data": {"object": object}});
        let payload_digest = Digest::of(payload.to_string().as_bytes());
        payload["a0stream"] = self.stream.as_str().into();
        let event = Event {
            id: EventId::parse(&self.id).unwrap(),
            kind: "user.updated".into(),
            tenant: "acme".into(),
            subject: format!("user:{}", self.user).into(),
            time: self.time,
            purpose: self.purpose,
            object_digest: Digest::of(object.to_string().as_bytes()),
            payload_digest,
            payload: payload.to_string().into(),
        };
        let hops = match self.path {
            Path::Webhook => Hops::Webhook,
            Path::Eventbridge => Hops::Eventbridge(QueueHops {
                sent: Some(self.time),
                receive_count: 1,
                message_id: self.message.as_str().into(),
                ..QueueHops::default()
            }),
        };
        let deliveries = routes.into_iter().map(NewDelivery::from).collect();
        let stream = Some(self.stream.as_str().into()).filter(|_| !self.stream.is_empty());
        Arrived::new(event, Arrival { at, stream, hops, flags: self.flags }, deliveries)
    }
}
