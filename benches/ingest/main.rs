//! How fast events come in, on this machine, against what its disk and its CPU can do at best.
//!
//! `cargo bench --bench ingest` runs everything and says for each target whether it was met.
//! Options, after `--`: `--quick` (under 90 s, up to 100,000 events), `--json`, `--only PART` (http,
//! queue, size, stop; repeatable), `--strict` (exit code 1 when a target is missed). `--only profile`
//! loads the gateway alone for 20 s, for a profiler to look at.
//!
//! Absolute figures of a shared machine move by a factor of two between runs. So every target is a
//! ratio of things measured in one run, side by side, and the repetitions are interleaved.
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

mod http;
mod queue;
mod servers;
mod size;
mod stop;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "each benchmark uses its part of it")]
mod support;

use std::path::PathBuf;

use support::{Options, part};

/// How much is measured.
#[derive(Debug, Clone)]
struct Scale {
    /// Repetitions of the comparison of servers.
    rounds: usize,
    /// How long each server is loaded in one repetition, in seconds.
    seconds: f64,
    /// Messages in the queue.
    messages: usize,
    /// Events in the journal at the end.
    events: u64,
}

const FULL: Scale = Scale { rounds: 6, seconds: 2.0, messages: 30_000, events: 1_000_000 };
const QUICK: Scale = Scale { rounds: 3, seconds: 1.2, messages: 8_000, events: 100_000 };

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // The servers to compare with are this same program, in a process of their own.
    if let Some(at) = arguments.iter().position(|argument| argument == "--serve-as") {
        let folder = arguments.get(at + 2).map(PathBuf::from);
        return servers::serve(&arguments[at + 1], &folder.expect("--serve-as KIND FOLDER"));
    }
    let options = Options::read();
    let scale = if options.quick { QUICK } else { FULL };
    support::run("ingest", &options, async |folder, report| {
        if options.wants("http") {
            http::measure(&scale, &part(folder, "http"), report).await;
        }
        if options.names("profile") {
            http::profile(&part(folder, "profile"), report).await;
        }
        if options.wants("queue") {
            queue::measure(&scale, &part(folder, "queue"), report).await;
        }
        if options.wants("size") {
            size::measure(&scale, &part(folder, "size"), report).await;
        }
        if options.wants("stop") {
            stop::measure(&scale, &part(folder, "stop"), report).await;
        }
    });
}
