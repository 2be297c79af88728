//! What several tests need.

pub(crate) mod cli;
pub(crate) mod cloud;
pub(crate) mod dispatching;
pub(crate) mod emulator;
pub(crate) mod event;
pub(crate) mod gateway;
pub(crate) mod guarded;
pub(crate) mod http;
pub(crate) mod invariants;
pub(crate) mod journal_file;
pub(crate) mod process;
pub(crate) mod python;
pub(crate) mod settings;
pub(crate) mod store;
pub(crate) mod target;

use std::time::{Duration, Instant};

/// Waits for a state, with a limit that only a broken test reaches.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(started.elapsed() < Duration::from_mins(1), "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
