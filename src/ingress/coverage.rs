//! Writing down when each door was open, so that no silence of ours is ever called a path's loss.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::event::Path;
use crate::journal::Journal;
use crate::telemetry::{Chain, Health};

/// How often an open door is written down; well under the silence after which the journal takes it
/// for closed.
const EVERY: Duration = Duration::from_secs(2);
/// How often the door is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Keeps the journal's record of one door.
#[derive(Debug)]
pub struct CoverageKeeper {
    path: Path,
    journal: Journal,
    health: Health,
}

impl CoverageKeeper {
    /// For the door of this path.
    pub fn new(path: Path, journal: Journal, health: Health) -> Self {
        Self { path, journal, health }
    }

    /// Works until `stop`. If the process dies, at most two seconds of coverage are not written
    /// down: a comparison then believes too little, never too much.
    pub async fn run(self, stop: CancellationToken) {
        let mut was_open = false;
        let mut looks = 0;
        loop {
            let open = self.is_open();
            let due = looks * LOOK >= EVERY;
            if open && (!was_open || due) {
                looks = 0;
                self.record(!was_open).await;
            } else if was_open && !open {
                // The door stood open until about now.
                self.record(false).await;
            }
            was_open = open;
            looks += 1;
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        if was_open {
            self.record(false).await;
        }
    }

    fn is_open(&self) -> bool {
        self.health.door(self.path).is_some_and(|door| door.is_open())
    }

    async fn record(&self, opened: bool) {
        if let Err(error) = self.journal.door_is_open(self.path, opened).await {
            debug!(path = %self.path, error = %Chain(&error), "coverage not written down");
        }
    }
}
