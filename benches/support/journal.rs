//! A journal in this process, filled with events.

use std::path::Path;
use std::rc::Rc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use twinstream::clock::Clock;
use twinstream::event::{Arrival, Digest, Event, EventId, Flags, Hops, RouteOrder};
use twinstream::journal::{
    Arrived, Content, Journal, NewDelivery, RouteNo, RouteSpec, Rules, Settings, SummarySettings,
};
use twinstream::normalize::{self, Normalized, identity};
use twinstream::routing::turn;

use super::events::{self, Template, USERS};
use super::load::Numbers;

/// Events that wait for the writer at a time.
const WAITING: usize = 64;
/// Events in one figure.
pub(crate) const WINDOW: u64 = 10_000;

/// A journal with its writer.
pub(crate) struct Filled {
    pub journal: Journal,
    /// The routes, in the order of their names.
    pub routes: Vec<RouteNo>,
    writing: JoinHandle<()>,
}

impl Filled {
    /// With these routes, to a target called `app`; every event goes to all of them.
    pub(crate) fn open(path: &Path, routes: &[&str]) -> Self {
        let settings = Settings {
            path: path.to_owned(),
            queue_max: 4_096,
            batch_max: 512,
            busy_timeout: Duration::from_millis(500),
            keep: Duration::from_hours(24 * 30),
            size_bytes_max: u64::MAX,
            content: Content::Keep,
            summaries: SummarySettings { grace: Duration::ZERO, ..SummarySettings::default() },
            queue_retries: false,
        };
        let rules = Rules { pair: identity::pair, turn: turn::RULE };
        let (journal, mut writer) = Journal::open(&settings, rules, Clock::System).unwrap();
        let spec = |name: &&str| RouteSpec {
            name: (*name).to_owned(),
            target: "app".to_owned(),
            order: RouteOrder::Every,
        };
        let specs: Vec<RouteSpec> = routes.iter().map(spec).collect();
        let routes = writer.register_routes(&specs).unwrap();
        let writing = std::thread::spawn(move || writer.run());
        Self { journal, routes, writing }
    }

    /// Adds events.
    pub(crate) async fn fill(&self, events: u64, numbers: &Numbers) {
        for window in 0..events / WINDOW {
            let rate = self.window(numbers).await;
            if window % 10 == 0 {
                eprintln!("  {} k of {} k, {rate:.0}/s", window * WINDOW / 1_000, events / 1_000);
            }
        }
    }

    /// Adds some events, and returns how many a second were taken in.
    pub(crate) async fn window(&self, numbers: &Numbers) -> f64 {
        let began = Instant::now();
        self.accept(WINDOW, numbers).await;
        WINDOW as f64 / began.elapsed().as_secs_f64()
    }

    /// Adds so many events.
    pub(crate) async fn accept(&self, events: u64, numbers: &Numbers) {
        let left = Rc::new(Semaphore::new(events as usize));
        let tasks: Vec<_> = (0..WAITING)
            .map(|_| {
                let (journal, routes) = (self.journal.clone(), self.routes.clone());
                let (numbers, left) = (numbers.clone(), Rc::clone(&left));
                tokio::task::spawn_local(async move {
                    let mut template = Template::body();
                    let like = normalize::webhook(template.fill(0)).unwrap();
                    while let Ok(permit) = left.try_acquire() {
                        permit.forget();
                        let arrived = arrived(&mut template, &like, numbers.take(), &routes);
                        let accepted = journal.accept(arrived).await.unwrap();
                        assert!(accepted.is_new, "an event was taken for another");
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    }

    pub(crate) fn close(self) {
        drop(self.journal);
        self.writing.join().unwrap();
    }
}

/// Normalized once and then changed: the writer is measured here, and must not wait for its input.
fn arrived(template: &mut Template, like: &Normalized, number: u64, routes: &[RouteNo]) -> Arrived {
    let (id, at) = (events::id(number), Clock::System.now());
    let event = Event {
        id: EventId::parse(&id).unwrap(),
        subject: format!("user:auth0|{}", number % USERS).into(),
        time: at,
        payload_digest: Digest::of(id.as_bytes()),
        object_digest: Digest::of(id.as_bytes()),
        payload: std::str::from_utf8(template.fill(number)).unwrap().into(),
        ..like.event.clone()
    };
    let deliveries = routes.iter().copied().map(NewDelivery::from).collect();
    Arrived::new(
        event,
        Arrival { at, stream: like.stream.clone(), hops: Hops::Webhook, flags: Flags::NONE },
        deliveries,
    )
}
