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

use support::{Options, part};

/// How much is measured.
#[derive(Debug, Clone)]
struct Scale {
    /// Events sent for the throughput of one number of routes, as deliveries.
    deliveries: u64,
    /// Deliveries that wait.
    backlog: u64,
    /// Repetitions of the comparison of ingest with and without them.
    rounds: usize,
}

const FULL: Scale = Scale { deliveries: 60_000, backlog: 1_000_000, rounds: 5 };
const QUICK: Scale = Scale { deliveries: 15_000, backlog: 100_000, rounds: 3 };

fn main() {
    let options = Options::read();
    let scale = if options.quick { QUICK } else { FULL };
    support::run("pipeline", &options, async |folder, report| {
        if options.wants("routes") {
            routes::measure(&scale, &part(folder, "routes"), report).await;
        }
        if options.wants("claims") {
            claims::measure(&scale, &part(folder, "claims"), report).await;
        }
        if options.wants("backlog") {
            backlog::measure(&scale, &part(folder, "backlog"), report).await;
        }
    });
}
