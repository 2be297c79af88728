//! A stop under load: quick, clean, and nothing lost that was acknowledged.

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};

use twinstream::journal::{EventFilter, Reader};

use super::Scale;
use super::support::events;
use super::support::load::{self, Load, Numbers};
use super::support::processes::Gateway;
use super::support::{Report, Row, Target};

const CONNECTIONS: usize = 64;
/// From the signal to the end, at most, in seconds.
const STOP: f64 = 3.0;

pub(crate) async fn measure(scale: &Scale, folder: &Path, report: &mut Report) {
    for (name, signal) in [("SIGTERM", Signal::Terminate), ("kill -9", Signal::Kill)] {
        let folder = folder.join(name.replace(' ', ""));
        std::fs::create_dir_all(&folder).unwrap();
        let mut gateway = Gateway::webhook(&folder).await;
        let numbers = Numbers::default();
        let load = Load {
            address: gateway.address(),
            connections: CONNECTIONS,
            // Ends with the server's connections, long before.
            duration: Duration::from_mins(1),
        };
        let stopping = async {
            tokio::time::sleep(Duration::from_secs_f64(scale.seconds)).await;
            let began = Instant::now();
            let clean = match signal {
                Signal::Terminate => {
                    gateway.terminate();
                    gateway.ended().await.success()
                }
                Signal::Kill => {
                    gateway.kill();
                    true
                }
            };
            (clean, began.elapsed().as_secs_f64())
        };
        let (outcome, (clean, took)) = tokio::join!(load::run(load, &numbers), stopping);
        if signal == Signal::Terminate {
            let row = Row::new("gateway: SIGTERM under load, exit code 0 after");
            let took = if clean { took } else { f64::NAN };
            report.push(row.ratio("s", took).target(Target::AtMost(STOP)));
        }
        let stored = stored(&gateway.journal).await;
        let lost = outcome.accepted.iter().filter(|no| !stored.contains(&events::id(**no))).count();
        report.push(
            Row::new(&format!("gateway: {name}, lost of {} acknowledged", outcome.accepted.len()))
                .ratio("events", lost as f64)
                .target(Target::AtMost(0.0)),
        );
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signal {
    Terminate,
    Kill,
}

/// The ids of all events in a journal that nobody serves.
async fn stored(journal: &Path) -> HashSet<String> {
    let reader = Reader::open(journal).unwrap();
    let mut ids = HashSet::new();
    let mut before = None;
    loop {
        let filter = EventFilter { before, limit: 1_000, ..EventFilter::default() };
        let page = reader.events(filter).await.unwrap();
        let Some(last) = page.last() else { return ids };
        before = Some(last.seq);
        ids.extend(page.into_iter().map(|event| event.id));
    }
}
