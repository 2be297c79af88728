//! Whether an event costs the same when the journal is full of them.

use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use twinstream::clock::Clock;
use twinstream::event::{Arrival, Digest, Event, EventId, Hops};
use twinstream::journal::{Arrived, Journal, Settings};
use twinstream::normalize::{self, Normalized, identity};

use super::events::{self, Template, USERS};
use super::load::Numbers;
use super::processes::Gateway;
use super::report::{Report, Row, Target};
use super::{Scale, median};

/// Events that wait for the writer at a time.
const WAITING: usize = 64;
/// Events in one figure.
const WINDOW: u64 = 10_000;
/// Figures at the end whose middle counts: one alone would be the noise of its second.
const LAST: usize = 5;
/// How many events a restart is measured with.
const RESTART_AT: u64 = 100_000;
/// An event at the end costs this much of one at the start, at most.
const COST: f64 = 1.3;
/// A restart takes this long at most, in seconds.
const RESTART: f64 = 1.0;

pub(crate) async fn measure(scale: &Scale, folder: &Path, report: &mut Report) {
    let numbers = Numbers::default();
    let mut windows = fill(folder, RESTART_AT, &numbers).await;
    restart(folder, RESTART_AT, report).await;
    if scale.events > RESTART_AT {
        windows.extend(fill(folder, scale.events - RESTART_AT, &numbers).await);
        restart(folder, scale.events, report).await;
    }
    let bytes: u64 = ["journal.db", "journal.db-wal"]
        .iter()
        .filter_map(|name| std::fs::metadata(folder.join(name)).ok())
        .map(|file| file.len())
        .sum();
    let (first, last) = (windows[1], median(&windows[windows.len() - LAST..]));
    report.push(Row::new("journal, 64 waiting, events 10 k to 20 k").rate(first));
    let thousands = scale.events / 1_000;
    report.push(
        Row::new(&format!("journal, 64 waiting, at {thousands} k events"))
            .rate(last)
            .ratio("cost of an event, of that at 10 k", first / last)
            .target(Target::AtMost(COST)),
    );
    let each = bytes as f64 / scale.events as f64;
    report.push(Row::new("journal: size on disk").ratio("bytes an event", each));
}

/// Adds events, and returns how many a second were taken in each window.
async fn fill(folder: &Path, events: u64, numbers: &Numbers) -> Vec<f64> {
    let settings = Settings {
        path: folder.join("journal.db"),
        queue_max: 4_096,
        batch_max: 512,
        busy_timeout: Duration::from_millis(500),
        keep: Duration::from_hours(24 * 30),
        size_bytes_max: u64::MAX,
    };
    let (journal, writer) = Journal::open(&settings, identity::pair, Clock::System).unwrap();
    let writing = std::thread::spawn(move || writer.run());
    let mut windows = Vec::new();
    for window in 0..events / WINDOW {
        if window % 10 == 0 {
            eprintln!("  {} k of {} k", window * WINDOW / 1_000, events / 1_000);
        }
        let began = Instant::now();
        accept(&journal, WINDOW, numbers).await;
        windows.push(WINDOW as f64 / began.elapsed().as_secs_f64());
    }
    drop(journal);
    writing.join().unwrap();
    windows
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
