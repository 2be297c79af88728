//! How long a comparison takes, of ten thousand events and of ten million, and what summing them up costs.
//!
//! `cargo bench --bench compare` runs everything and says for each target whether it was met.
//! Options, after `--`: `--quick` (a million in place of ten), `--json`, `--only PART` (report, summing;
//! repeatable), `--strict` (exit code 1 when a target is missed).
//!
//! The events are summed up here and the sums are written as the journal writes them; the events themselves
//! are not there, as after their retention. What a report costs beside is what has not settled yet: those
//! events are accepted for real.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::exit,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    missing_docs,
    reason = "a benchmark: it prints, reads the clock, and fails loudly"
)]

#[path = "support/mod.rs"]
#[expect(dead_code, reason = "each benchmark uses its part of it")]
mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};
use twinstream::clock::Clock;
use twinstream::compare::{self, Scope, Settings, Window};
use twinstream::event::{Observation, PairedBy, Repeats, Sighting, Timestamp};
use twinstream::journal::Reader;
use twinstream::summary::{Book, Entry};

use support::journal::Filled;
use support::load::Numbers;
use support::{Options, Report, Row, Target, median, part};

const WEEK: Duration = Duration::from_hours(24 * 7);
const KINDS: [&str; 5] =
    ["user.updated", "user.created", "user.deleted", "organization.updated", "group.created"];
/// Events that came in the last quarter of an hour, at 16 a second: ten million in a week.
const UNSETTLED: u64 = 15_000;
const RUNS: usize = 30;
/// A report may take so long, in milliseconds.
const REPORT_MS: f64 = 200.0;
/// What a page shows of the last day, likewise.
const PAGE_MS: f64 = 50.0;

fn main() {
    let options = Options::read();
    let (few, many) = (10_000, if options.quick { 1_000_000 } else { 10_000_000 });
    support::run("compare", &options, async |folder, report| {
        if options.wants("report") {
            reports(&part(folder, "report"), (few, many), report).await;
        }
        if options.wants("summing") {
            summing(&part(folder, "summing"), if options.quick { 50_000 } else { 200_000 }, report)
                .await;
        }
    });
}

async fn reports(folder: &Path, (few, many): (u64, u64), report: &mut Report) {
    let few = filled(&folder.join("few.db"), few).await;
    let size = many;
    let many = filled(&folder.join("many.db"), many).await;
    let day = Duration::from_hours(24);
    let of_type = Scope { types: [KINDS[0].to_owned()].into(), ..Scope::default() };
    for (what, length, scope, limit) in [
        ("a week", WEEK, Scope::default(), REPORT_MS),
        ("a week, one type", WEEK, of_type, REPORT_MS),
        ("a day", day, Scope::default(), PAGE_MS),
        ("an hour", Duration::from_hours(1), Scope::default(), PAGE_MS),
    ] {
        let (mut of_few, mut of_many) = (Vec::new(), Vec::new());
        // In turns: what else the machine does must not look like the size's doing.
        for _ in 0..RUNS {
            of_few.push(compared(&few, length, &scope).await);
            of_many.push(compared(&many, length, &scope).await);
        }
        let took = |took: &[f64]| (median(took), support::quantile(took, 0.99));
        let (p50, p99) = took(&of_few);
        report.push(Row::new(&format!("report of {what}, 10 k events")).took(p50, p99));
        let (p50, p99) = took(&of_many);
        report.push(
            Row::new(&format!("report of {what}, {} M events", size / 1_000_000))
                .took(p50, p99)
                .ratio(if limit > 100.0 { "of 200 ms" } else { "of 50 ms" }, p50 / limit)
                .target(Target::AtMost(1.0)),
        );
    }
}

async fn compared(reader: &Reader, length: Duration, scope: &Scope) -> f64 {
    let began = Instant::now();
    let now = Clock::System.now();
    let window = Window { from: now.minus(length), to: now };
    let document = compare::run(reader, &Settings::default(), scope, window, now).await.unwrap();
    assert!(document.events.settled > 0 && document.pairs.difference_ms.is_some());
    began.elapsed().as_secs_f64() * 1e3
}

/// A journal with a week of events, summed up, and some that have not settled.
async fn filled(path: &Path, events: u64) -> Reader {
    let journal = Filled::open(path, &[]);
    journal.accept(UNSETTLED.min(events), &Numbers::default()).await;
    journal.close();
    let connection = Connection::open(path).unwrap();
    let settled_until = Clock::System.now().minus(Duration::from_mins(16));
    let step = WEEK.as_nanos() as u64 / events;
    let mut random = fastrand::Rng::with_seed(5);
    let mut book = Book::default();
    connection.execute_batch("BEGIN").unwrap();
    let mut written = 0;
    for number in 0..events {
        let time = settled_until.minus(WEEK).plus(Duration::from_nanos(number * step));
        book.add(&entry(&mut random, time));
        if number * 168 / events > written {
            written += 1;
            write(&connection, &mut book);
        }
    }
    write(&connection, &mut book);
    connection.execute_batch("COMMIT").unwrap();
    Reader::open(path).unwrap()
}

/// The webhook takes about 200 ms and EventBridge 600 ms; each loses one of a thousand.
fn entry(random: &mut fastrand::Rng, time: Timestamp) -> Entry {
    let mut sighting = |typical: f64| {
        let wait = typical * (0.5 - (1.0 - random.f64()).ln());
        let seen = Sighting::plain(time.plus(Duration::from_secs_f64(wait / 1e3)));
        (random.u32(..1_000) > 0).then_some(seen)
    };
    let (webhook, eventbridge) = (sighting(200.0), sighting(600.0));
    let event = Observation {
        time,
        test: false,
        too_late: false,
        rescued: None,
        webhook,
        eventbridge,
        paired_by: webhook.and(eventbridge).map(|_| PairedBy::Id),
        repeats: Repeats::default(),
        payload_differs: false,
    };
    let stream = |seen: Option<Sighting>, name: &str| if seen.is_some() { name } else { "" }.into();
    Entry {
        event,
        kind: KINDS[random.usize(..KINDS.len())].into(),
        webhook_stream: stream(webhook, "est_w"),
        eventbridge_stream: stream(eventbridge, "est_e"),
        covered: true,
        differs_at: Some(Vec::new()),
    }
}

/// As the journal does.
fn write(connection: &Connection, book: &mut Book) {
    for (key, cell) in book.take() {
        let id = params![
            key.scale as i64,
            key.kind,
            key.start,
            key.webhook_stream,
            key.eventbridge_stream
        ];
        let known: Option<Vec<u8>> = connection
            .prepare_cached(
                "SELECT cell FROM summaries WHERE scale = ? AND kind = ? AND start = ?
                    AND webhook_stream = ? AND eventbridge_stream = ?",
            )
            .unwrap()
            .query_row(id, |row| row.get(0))
            .ok();
        let mut whole = cell;
        if let Some(known) = known {
            whole.merge(&twinstream::summary::Cell::decode(&known).unwrap());
        }
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO summaries
                    (scale, kind, start, webhook_stream, eventbridge_stream, cell)
                 VALUES (?, ?, ?, ?, ?, ?)",
            )
            .unwrap()
            .execute(params![
                key.scale as i64,
                key.kind,
                key.start,
                key.webhook_stream,
                key.eventbridge_stream,
                whole.encode()
            ])
            .unwrap();
    }
}

/// What summing up costs the writer, against what accepting does.
async fn summing(folder: &Path, events: u64, report: &mut Report) {
    let journal = Filled::open(&folder.join("journal.db"), &[]);
    let began = Instant::now();
    journal.fill(events, &Numbers::default()).await;
    let accepting = events as f64 / began.elapsed().as_secs_f64();
    // They settle after 15 s.
    tokio::time::sleep(Duration::from_secs(16)).await;
    let began = Instant::now();
    let mut summed = 0;
    loop {
        let step = journal.journal.summarize().await.unwrap();
        summed += step.events;
        if !step.more {
            break;
        }
    }
    assert_eq!(summed as u64, events);
    let summing = events as f64 / began.elapsed().as_secs_f64();
    journal.close();
    report.push(Row::new("accept an event").rate(accepting));
    report.push(
        Row::new("sum a settled event up")
            .rate(summing)
            .ratio("of the accepting rate", summing / accepting)
            .target(Target::AtLeast(0.5)),
    );
}
