//! From a webhook request to the target's 2XX: how many events a second, how long, and what a million
//! deliveries that wait do to it.
//!
//! `cargo bench --bench pipeline` runs everything and says for each target whether it was met.
//! Options, after `--`: `--quick` (100,000 deliveries wait in place of a million), `--json`, `--only
//! PART` (routes, backlog, claims; repeatable), `--strict` (exit code 1 when a target is missed).
//!
//! The generator, the gateway and the application that it delivers to share the machine. So every
//! target is a ratio of things measured in one run.
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
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    missing_docs,
    reason = "a benchmark: it prints, reads the clock, and fails loudly"
)]

mod application;
mod backlog;
mod claims;
mod routes;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "each benchmark uses its part of it")]
mod support;

use std::path::{Path, PathBuf};
use std::time::Instant;

use support::Report;

/// How much is measured.
#[derive(Debug, Clone)]
struct Scale {
    quick: bool,
    /// Events sent for the throughput of one number of routes, as deliveries.
    deliveries: u64,
    /// Deliveries that wait.
    backlog: u64,
    /// Repetitions of the comparison of ingest with and without them.
    rounds: usize,
}

const FULL: Scale = Scale { quick: false, deliveries: 60_000, backlog: 1_000_000, rounds: 5 };
const QUICK: Scale = Scale { quick: true, deliveries: 15_000, backlog: 100_000, rounds: 3 };

struct Options {
    scale: Scale,
    json: bool,
    strict: bool,
    only: Vec<String>,
}

impl Options {
    fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == part)
    }
}

fn main() {
    let options = options();
    let began = Instant::now();
    // Beside the build, so on a disk: a tmpfs would flush for free.
    let folder = tempfile::Builder::new()
        .prefix("pipeline-")
        .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
        .expect("a folder under the target folder");
    let mut report = Report::new(options.scale.quick);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(tokio::task::LocalSet::new().run_until(async {
        let (scale, folder) = (&options.scale, folder.path());
        if options.wants("routes") {
            routes::measure(scale, &part(folder, "routes"), &mut report).await;
        }
        if options.wants("claims") {
            claims::measure(scale, &part(folder, "claims"), &mut report).await;
        }
        if options.wants("backlog") {
            backlog::measure(scale, &part(folder, "backlog"), &mut report).await;
        }
    }));
    report.took(began.elapsed());
    if options.json {
        println!("{}", report.json());
    } else {
        println!("{}", report.table());
    }
    if options.strict && !report.all_met() {
        std::process::exit(1);
    }
}

fn options() -> Options {
    let mut options = Options { scale: FULL, json: false, strict: false, only: Vec::new() };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // cargo says so to every benchmark.
            "--bench" => {}
            "--quick" => options.scale = QUICK,
            "--json" => options.json = true,
            "--strict" => options.strict = true,
            "--only" => options.only.extend(arguments.next()),
            other => panic!("unknown option {other}"),
        }
    }
    options
}

fn part(folder: &Path, name: &str) -> PathBuf {
    eprintln!("measuring: {name} …");
    let folder = folder.join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
