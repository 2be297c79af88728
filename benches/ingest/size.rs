//! Whether an event costs the same when the journal is full of them.

use std::path::Path;

use super::Scale;
use super::support::journal::{Filled, WINDOW};
use super::support::load::Numbers;
use super::support::processes::Gateway;
use super::support::{Report, Row, Target, median};

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
    let full = Filled::open(&path, &[]);
    full.fill(RESTART_AT, &numbers).await;
    full.close();
    restart(folder, RESTART_AT, report).await;
    let full = Filled::open(&path, &[]);
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
        let new = Filled::open(&folder.join(format!("new-{turn}.db")), &[]);
        new.window(numbers).await;
        let (small, large) = (new.window(numbers).await, full.window(numbers).await);
        eprintln!("  new {small:.0}/s, full {large:.0}/s");
        rates.push((small, large));
        new.close();
    }
    rates
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
