//! Whether an event costs the same when the journal is full of them.

use std::path::Path;
use std::rc::Rc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use twinstream::clock::Clock;
use twinstream::event::{Arrival, Digest, Event, EventId, Hops};
use twinstream::journal::{Arrived, Content, Journal, Rules, Settings};
use twinstream::normalize::{self, Normalized, identity};
use twinstream::routing::turn;

use super::events::{self, Template, USERS};
use super::load::Numbers;
use super::processes::Gateway;
use super::report::{Report, Row, Target};
use super::{Scale, median};

/// Events that wait for the writer at a time.
const WAITING: usize = 64;
/// Events in one figure.
const WINDOW: u64 = 10_000;
/// How often the full journal is compared with a new one; the middle counts.
const COMPARISONS: u64 = 7;
/// How many events a restart is measured with.
const RESTART_AT: u64 = 100_000;
/// An event at the end costs this much of one at the start, at most.
const COST: f64 = 1.3;
/// A restart takes this long at most, in seconds.
const RESTART: f64 = 1.0;

pub(crate) async fn measure(scale: &Scale, folder: &Path, report: &mut Report) {
    let numbers = Numbers::default();
    let path = folder.join("journal.db");
    let full = Filled::open(&path);
    full.fill(RESTART_AT, &numbers).await;
    full.close();
    restart(folder, RESTART_AT, report).await;
    let full = Filled::open(&path);
    full.fill(scale.events - RESTART_AT, &numbers).await;
    let ratios = compare(&full, folder, &numbers).await;
    full.close();
    if scale.events > RESTART_AT {
        restart(folder, scale.events, report).await;
    }
    let each = bytes(&path) as f64 / (scale.events + COMPARISONS * WINDOW) as f64;
    let (small, large): (Vec<f64>, Vec<f64>) = ratios.into_iter().unzip();
    let costs: Vec<f64> = small.iter().zip(&large).map(|(small, large)| small / large).collect();
    report.push(Row::new("journal, 64 waiting, events 10 k to 20 k").rate(median(&small)));
    report.push(
        Row::new(&format!("journal, 64 waiting, at {} k events", scale.events / 1_000))
            .rate(median(&large))
            .ratio("cost of an event, of that at 10 k", median(&costs))
            .target(Target::AtMost(COST)),
    );
    report.push(Row::new("journal: size on disk").ratio("bytes an event", each));
}

fn bytes(journal: &Path) -> u64 {
    let log = journal.with_extension("db-wal");
    [journal, &log].iter().filter_map(|file| std::fs::metadata(file).ok()).map(|at| at.len()).sum()
}

/// How many a second a new journal takes in from its 10,000th event on, and the full one right
/// after it: what else the machine does in these minutes must not look like the journal's doing.
async fn compare(full: &Filled, folder: &Path, numbers: &Numbers) -> Vec<(f64, f64)> {
    let mut rates = Vec::new();
    for turn in 0..COMPARISONS {
        let new = Filled::open(&folder.join(format!("new-{turn}.db")));
        new.window(numbers).await;
        let (small, large) = (new.window(numbers).await, full.window(numbers).await);
        eprintln!("  new {small:.0}/s, full {large:.0}/s");
        rates.push((small, large));
        new.close();
    }
    rates
}

/// A journal with its writer.
struct Filled {
    journal: Journal,
    writing: JoinHandle<()>,
}

impl Filled {
    fn open(path: &Path) -> Self {
        let settings = Settings {
            path: path.to_owned(),
            queue_max: 4_096,
            batch_max: 512,
            busy_timeout: Duration::from_millis(500),
            keep: Duration::from_hours(24 * 30),
            size_bytes_max: u64::MAX,
            content: Content::Keep,
            queue_retries: false,
        };
        let rules = Rules { pair: identity::pair, turn: turn::RULE };
        let (journal, writer) = Journal::open(&settings, rules, Clock::System).unwrap();
        let writing = std::thread::spawn(move || writer.run());
        Self { journal, writing }
    }

    /// Adds events.
    async fn fill(&self, events: u64, numbers: &Numbers) {
        for window in 0..events / WINDOW {
            let rate = self.window(numbers).await;
            if window % 10 == 0 {
                eprintln!("  {} k of {} k, {rate:.0}/s", window * WINDOW / 1_000, events / 1_000);
            }
        }
    }

    /// Adds some events, and returns how many a second were taken in.
    async fn window(&self, numbers: &Numbers) -> f64 {
        let began = Instant::now();
        accept(&self.journal, WINDOW, numbers).await;
        WINDOW as f64 / began.elapsed().as_secs_f64()
    }

    fn close(self) {
        drop(self.journal);
        self.writing.join().unwrap();
    }
}

async fn accept(journal: &Journal, events: u64, numbers: &Numbers) {
    let left = Rc::new(Semaphore::new(events as usize));
    let tasks: Vec<_> = (0..WAITING)
        .map(|_| {
            let (journal, numbers, left) = (journal.clone(), numbers.clone(), Rc::clone(&left));
            tokio::task::spawn_local(async move {
                let mut template = Template::body();
                let like = normalize::webhook(template.fill(0)).unwrap();
                while let Ok(permit) = left.try_acquire() {
                    permit.forget();
                    let arrived = arrived(&mut template, &like, numbers.take());
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

/// Normalized once and then changed: the writer is measured here, and must not wait for its input.
fn arrived(template: &mut Template, like: &Normalized, number: u64) -> Arrived {
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
    Arrived::new(
        event,
        Arrival { at, stream: like.stream.clone(), hops: Hops::Webhook },
        Vec::new(),
    )
}

/// After a crash, which leaves the write-ahead log to be read.
async fn restart(folder: &Path, events: u64, report: &mut Report) {
    let mut gateway = Gateway::webhook(folder).await;
    gateway.kill();
    let gateway = Gateway::webhook(folder).await;
    report.push(
        Row::new(&format!("gateway: ready after kill -9, {} k events", events / 1_000))
            .ratio("s", gateway.ready_after.as_secs_f64())
            .target(Target::AtMost(RESTART)),
    );
}
