//! How fast events are taken in while a million deliveries are due, beside a gateway that has none
//! waiting. Both deliver meanwhile, as fast as they can.

use std::path::Path;
use std::time::Duration;

use super::Scale;
use super::application::Application;
use super::support::journal::Filled;
use super::support::load::{self, Load, Numbers};
use super::support::processes::Gateway;
use super::support::{Report, Row, Target, median};

/// The share of its rate that ingest keeps, at least.
const KEPT: f64 = 0.7;
const CONNECTIONS: usize = 64;
const SECONDS: f64 = 2.0;
/// Between two rounds, in which the gateway without a backlog delivers what it took in.
const CATCH_UP: Duration = Duration::from_secs(30);
const ROUTE: &str = "block-status";

pub(crate) async fn measure(scale: &Scale, folder: &Path, report: &mut Report) {
    let numbers = Numbers::default();
    let (with, without) = (folder.join("with"), folder.join("without"));
    for folder in [&with, &without] {
        std::fs::create_dir_all(folder).unwrap();
    }
    let full = Filled::open(&with.join("journal.db"), &[ROUTE]);
    full.fill(scale.backlog, &numbers).await;
    full.close();
    let applications = [Application::start().await, Application::start().await];
    let gateways = [
        Gateway::delivering(&with, &applications[0].target(), &[ROUTE]).await,
        Gateway::delivering(&without, &applications[1].target(), &[ROUTE]).await,
    ];
    let mut rates = [Vec::new(), Vec::new()];
    let mut sent = 0;
    for round in 0..scale.rounds {
        for turn in 0..2 {
            let at = (turn + round) % 2;
            // The other one must not take the processor meanwhile.
            gateways[1 - at].suspend();
            gateways[at].resume();
            let duration = Duration::from_secs_f64(SECONDS);
            let load = Load { address: gateways[at].address(), connections: CONNECTIONS, duration };
            let outcome = load::run(load, &numbers).await;
            rates[at].push(outcome.per_second());
            if at == 1 {
                sent += outcome.accepted.len() as u64;
                catch_up(&applications[1], sent).await;
            }
        }
        eprintln!("  with {:.0}/s, without {:.0}/s", rates[0][round], rates[1][round]);
    }
    let ratios: Vec<f64> = rates[0].iter().zip(&rates[1]).map(|(with, none)| with / none).collect();
    report.push(Row::new("ingest while delivering, nothing waits").rate(median(&rates[1])));
    report.push(
        Row::new(&format!("ingest while delivering, {} k deliveries wait", scale.backlog / 1_000))
            .rate(median(&rates[0]))
            .ratio("of that", median(&ratios))
            .target(Target::AtLeast(KEPT)),
    );
    let drained = applications[0].deliveries();
    assert!(drained < scale.backlog, "the backlog was gone before the end: {drained}");
}

async fn catch_up(application: &Application, sent: u64) {
    let began = std::time::Instant::now();
    while application.deliveries() < sent && began.elapsed() < CATCH_UP {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
