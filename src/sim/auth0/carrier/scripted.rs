//! A carrier that answers as a test says, and remembers what it was given.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Answer, Letter};

type Script = dyn Fn(&Letter, Instant) -> Answer + Send + Sync;

/// A carrier that answers as a test says.
#[derive(Clone)]
pub struct Scripted {
    script: Arc<Script>,
    /// How many go at once.
    pub batch_max: usize,
    /// How long each call takes.
    pub takes: Duration,
    carried: Arc<Mutex<Vec<(Instant, Letter)>>>,
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripted").finish_non_exhaustive()
    }
}

impl Scripted {
    /// Answers by this function of the letter and the time of the call.
    pub fn new(script: impl Fn(&Letter, Instant) -> Answer + Send + Sync + 'static) -> Self {
        let (script, carried) = (Arc::new(script), Arc::default());
        Self { script, batch_max: 1, takes: Duration::ZERO, carried }
    }

    /// What was carried, and when.
    ///
    /// # Panics
    /// When a test failed while it was answering.
    pub fn carried(&self) -> Vec<(Instant, Letter)> {
        self.carried.lock().unwrap().clone()
    }

    pub(super) async fn carry(&self, letters: &[Letter]) -> Vec<Answer> {
        let now = Instant::now();
        let carried = letters.iter().map(|letter| (now, letter.clone()));
        self.carried.lock().unwrap().extend(carried);
        sleep(self.takes).await;
        letters.iter().map(|letter| (self.script)(letter, now)).collect()
    }
}
