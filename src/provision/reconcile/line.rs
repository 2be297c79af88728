//! The one connection to the Events API that every plan has: who listens hangs up while something is fetched.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Shared by who listens and who fetches. Plans allow 1 to 8 connections at a time (Auth0 docs, "Consume Events
/// with the Events API"), and others may use theirs. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Line(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    free: Arc<Semaphore>,
    /// Somebody fetches, or waits to.
    wanted: watch::Sender<bool>,
    /// It was said that nothing can be fetched, and still is so.
    told: AtomicBool,
}

/// The line is one's own until this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    _place: Option<OwnedSemaphorePermit>,
}

/// The line is wanted until this is dropped.
#[derive(Debug)]
struct Want<'a>(&'a Line);

impl Default for Line {
    fn default() -> Self {
        let (wanted, _) = watch::channel(false);
        let free = Arc::new(Semaphore::new(1));
        Self(Arc::new(Inner { free, wanted, told: AtomicBool::new(false) }))
    }
}

impl Line {
    /// Waits until nobody fetches, to listen.
    pub(super) async fn listen(&self) -> Held {
        Held { _place: Arc::clone(&self.0.free).acquire_owned().await.ok() }
    }

    /// What comes of this; `None` as soon as somebody wants to fetch.
    ///
    /// # Cancel safety
    /// What is under way is dropped then: it has to bear that.
    pub(super) async fn unless_wanted<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut wanted = self.0.wanted.subscribe();
        tokio::select! {
            biased;
            Ok(_) = wanted.wait_for(|is| *is) => None,
            done = work => Some(done),
        }
    }

    /// Has whoever listens hang up, and waits for that.
    pub(super) async fn fetch(&self) -> Held {
        let _want = Want::of(self);
        self.listen().await
    }

    /// Remembers whether something could be fetched. True when it could not, and nobody said so yet.
    pub(super) fn could_fetch(&self, could: bool) -> bool {
        !self.0.told.swap(!could, Ordering::Relaxed) && !could
    }
}

impl<'a> Want<'a> {
    fn of(line: &'a Line) -> Self {
        line.0.wanted.send_replace(true);
        Self(line)
    }
}

impl Drop for Want<'_> {
    fn drop(&mut self) {
        self.0.0.wanted.send_replace(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_listens_hangs_up_while_something_is_fetched() {
        let line = Line::default();
        let listening = async {
            let _held = line.listen().await;
            line.unless_wanted(std::future::pending::<()>()).await
        };
        let fetching = async { drop(line.fetch().await) };
        let (hung_up, ()) = tokio::join!(listening, fetching);
        assert_eq!(hung_up, None);
        // Afterwards it goes on.
        let _held = line.listen().await;
        assert_eq!(line.unless_wanted(async { 1 }).await, Some(1));
    }

    #[tokio::test]
    async fn who_gave_up_fetching_leaves_the_line() {
        let line = Line::default();
        let held = line.listen().await;
        let waiting = tokio::time::timeout(std::time::Duration::ZERO, line.fetch()).await;
        assert!(waiting.is_err(), "it is held");
        assert_eq!(line.unless_wanted(async { 1 }).await, Some(1));
        drop(held);
    }

    #[test]
    fn that_nothing_can_be_fetched_is_said_once() {
        let line = Line::default();
        let said = [true, false, false, true, false].map(|could| line.could_fetch(could));
        assert_eq!(said, [false, true, false, false, true]);
    }
}
