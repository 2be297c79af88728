//! Webhooks per second and how long an answer takes, beside the disk and two lesser servers.

use std::path::Path;
use std::time::Duration;

use super::support::load::{self, Load, Numbers, Outcome};
use super::support::median;
use super::support::processes::{Gateway, Server};
use super::support::{Report, Row, Target};
use super::{Scale, servers};

const CONCURRENCY: [usize; 3] = [1, 64, 256];
const SERVERS: [&str; 3] = ["forget", "log", "gateway"];
const FLUSHES: u64 = 150;

/// The target for each concurrency above 1: the share of the log's throughput, at least.
const SHARE_OF_LOG: [(usize, f64); 2] = [(64, 0.75), (256, 0.5)];
/// The target alone: the answer takes this many flushes, and this many milliseconds, at most.
const ALONE: (f64, f64) = (1.5, 1.0);
/// Resident memory, at most, in MiB.
const MEMORY_MIB: f64 = 64.0;

/// What one server did at one concurrency, a figure for each repetition.
#[derive(Debug, Default, Clone)]
struct Series {
    per_second: Vec<f64>,
    p50_ms: Vec<f64>,
    p99_ms: Vec<f64>,
}

impl Series {
    fn push(&mut self, outcome: &Outcome) {
        self.per_second.push(outcome.per_second());
        self.p50_ms.push(outcome.quantile_ms(0.5));
        self.p99_ms.push(outcome.quantile_ms(0.99));
    }
}

pub(crate) async fn measure(scale: &Scale, folder: &Path, report: &mut Report) {
    let others = [Server::start("forget", folder), Server::start("log", folder)];
    let gateway = Gateway::webhook(folder).await;
    let addresses = [others[0].address, others[1].address, gateway.address()];
    let numbers = Numbers::default();
    let mut flush_ms = Vec::new();
    let mut series = vec![vec![Series::default(); SERVERS.len()]; CONCURRENCY.len()];
    for round in 0..scale.rounds {
        eprintln!("  round {} of {}", round + 1, scale.rounds);
        flush_ms.push(median(&servers::flushes(folder, FLUSHES)));
        for (at, connections) in CONCURRENCY.into_iter().enumerate() {
            for turn in 0..SERVERS.len() {
                // Another one begins each time, so that none always has the warmest disk.
                let server = (turn + round) % SERVERS.len();
                let duration = Duration::from_secs_f64(scale.seconds);
                let load = Load { address: addresses[server], connections, duration };
                let outcome = load::run(load, &numbers).await;
                assert!(!outcome.took_ms.is_empty(), "{} accepted nothing", SERVERS[server]);
                if outcome.refused > 0 {
                    eprintln!("  {} refused {}", SERVERS[server], outcome.refused);
                }
                series[at][server].push(&outcome);
            }
        }
    }
    let memory = gateway.memory_mib();
    rows(report, &flush_ms, &series, memory);
}

/// The gateway alone.
pub(crate) async fn profile(folder: &Path, report: &mut Report) {
    let gateway = Gateway::webhook(folder).await;
    let numbers = Numbers::default();
    let address = gateway.address();
    let load = Load { address, connections: 64, duration: Duration::from_secs(20) };
    let outcome = load::run(load, &numbers).await;
    let row = Row::new("gateway, 64 connections, alone").rate(outcome.per_second());
    report.push(row.took(outcome.quantile_ms(0.5), outcome.quantile_ms(0.99)));
}

fn rows(report: &mut Report, flush_ms: &[f64], series: &[Vec<Series>], memory: (f64, f64)) {
    report.push(Row::new("disk: 4 KiB appended and flushed").took(median(flush_ms), f64::NAN));
    for (of_servers, connections) in series.iter().zip(CONCURRENCY) {
        for (series, name) in of_servers.iter().zip(SERVERS) {
            let against = |of: &dyn Fn(usize) -> f64| {
                median(&(0..flush_ms.len()).map(of).collect::<Vec<_>>())
            };
            let log = &of_servers[1].per_second;
            let share = against(&|round| series.per_second[round] / log[round]);
            let mut row = Row::new(&format!("{name}, {connections} connections"))
                .rate(median(&series.per_second))
                .took(median(&series.p50_ms), median(&series.p99_ms))
                .ratio("of log", share);
            if name == "gateway" {
                if connections == 1 {
                    let allowed = |round: usize| ALONE.0.mul_add(flush_ms[round], ALONE.1);
                    let used = against(&|round| series.p50_ms[round] / allowed(round));
                    row = row.ratio("of 1.5 flushes + 1 ms", used).target(Target::AtMost(1.0));
                }
                let target = SHARE_OF_LOG.iter().find(|(at, _)| *at == connections);
                if let Some((_, share)) = target {
                    row = row.target(Target::AtLeast(*share));
                }
            }
            report.push(row);
        }
    }
    let (now, most) = memory;
    report.push(
        Row::new(&format!("gateway: resident memory, {now:.0} MiB at the end, most:"))
            .ratio("MiB", most)
            .target(Target::AtMost(MEMORY_MIB)),
    );
}
