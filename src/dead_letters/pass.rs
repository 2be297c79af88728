//! Going through a dead-letter queue for an order.
//!
//! SQS hands out messages in any order. So what the order does not mean is held, hidden, until all
//! have been looked at; otherwise it would come again and again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

use super::clerk::{Clerk, LOOK_UP_EVERY, StepError, Went, Work};
use super::letter::Found;
use super::pace::Pace;
use super::queue::{BATCH, HELD_BY_A_LOOK, Queue};
use crate::telemetry::Chain;

/// One way through a queue.
pub(super) struct Pass<'a> {
    clerk: &'a Clerk,
    work: &'a Work,
    queue: &'a Queue,
    pace: &'a mut Pace,
    held: Held,
    /// The `MessageId`s of what is done: SQS may hand out once more what was deleted.
    done: BTreeSet<String>,
    fruitless: Fruitless,
    /// The first message that nothing could be done to, and how many there were.
    failure: Option<StepError>,
    failures: usize,
}

/// How long what is received is hidden from others, should this process die.
const HIDDEN_FOR: Duration = Duration::from_secs(30);
/// How often what is held is hidden for as long again: early enough for a call to fail.
const RENEW_EVERY: Duration = Duration::from_secs(10);
/// So many can be kept hidden: some hundred calls a second. SQS itself allows 120,000 messages of a queue
/// that are received and not deleted (developer guide, "Quotas").
const HELD_MAX: usize = 60_000;
/// Messages that nothing can be done to, one after the other, before the pass is given up.
const FAILURES_MAX: usize = 10;
/// While messages go on dying, no receive is ever empty: the pass ends when so many in a row brought
/// nothing to look at.
const FRUITLESS_MAX: usize = 20;
/// What others look at is visible again by then, and so is what a process had in hand that died.
const OTHERS_WITHIN: Duration = Duration::from_secs(35);
const _: () = assert!(OTHERS_WITHIN.as_secs() > HIDDEN_FOR.as_secs());
const _: () = assert!(OTHERS_WITHIN.as_secs() > HELD_BY_A_LOOK.as_secs());

impl<'a> Pass<'a> {
    pub(super) fn new(
        clerk: &'a Clerk,
        work: &'a Work,
        queue: &'a Queue,
        pace: &'a mut Pace,
    ) -> Self {
        let (held, done) = (Held::new(Instant::now()), BTreeSet::new());
        let (fruitless, failure, failures) = (Fruitless::default(), None, 0);
        Self { clerk, work, queue, pace, held, done, fruitless, failure, failures }
    }

    /// Until nothing is left to receive that was there before the order. [`Pass::let_go`] has to follow,
    /// whatever comes of it.
    pub(super) async fn go(&mut self) -> Result<Went, StepError> {
        if !self.queue.is_there().await.map_err(StepError::Queue)? {
            return Ok(Went::Through);
        }
        let mut nothing_since: Option<Instant> = None;
        loop {
            if self.clerk.is_stopped(self.work).await? {
                return Ok(Went::UntilStopped);
            }
            if self.held.len() >= HELD_MAX {
                warn!(held = HELD_MAX, "a dead-letter queue has too many messages to go through");
                return Ok(Went::AsFarAsCanBe);
            }
            self.held.renew(self.queue).await;
            let messages = self.queue.receive_apart(HIDDEN_FOR, self.batch()).await;
            let messages = messages.map_err(StepError::Queue)?;
            if messages.is_empty() {
                self.fruitless = Fruitless::default();
                if !self.others_may_hold_some(&mut nothing_since).await? {
                    break;
                }
                continue;
            }
            nothing_since = None;
            self.look_for_news(&messages);
            if !self.take(messages).await? {
                return Ok(Went::UntilStopped);
            }
            if self.fruitless.receives >= FRUITLESS_MAX {
                break;
            }
        }
        match self.failure.take() {
            Some(failure) => Err(failure),
            None if self.fruitless.again => {
                warn!(
                    held = self.held.len(),
                    "messages of a dead-letter queue can't be kept hidden"
                );
                Ok(Went::AsFarAsCanBe)
            }
            None => Ok(Went::Through),
        }
    }

    /// Whether there is anything among them that is to be looked at.
    fn look_for_news(&mut self, messages: &[Found]) {
        let is_known = |found: &Found| {
            self.held.has(&found.letter.letter) || self.done.contains(&found.letter.letter)
        };
        let of_its_time = messages.iter().filter(|found| self.work.is_of_its_time(found));
        let (known, news): (Vec<&Found>, Vec<&Found>) =
            of_its_time.partition(|found| is_known(found));
        if !news.is_empty() {
            self.fruitless = Fruitless::default();
            return;
        }
        self.fruitless.receives += 1;
        self.fruitless.again |= !known.is_empty();
    }

    /// Makes what is held visible to others again.
    pub(super) async fn let_go(&self) {
        self.queue.set_hidden(&self.held.handles(), Duration::ZERO).await;
    }

    /// Few at a slow rate: what is in hand is hidden.
    fn batch(&self) -> usize {
        self.work.letters_within(RENEW_EVERY / 2, BATCH)
    }

    /// Somebody's look hides messages for a while, one that was broken off for longer. SQS counts about,
    /// so that this waits in vain at times, and never for long.
    async fn others_may_hold_some(
        &self,
        nothing_since: &mut Option<Instant>,
    ) -> Result<bool, StepError> {
        let since = *nothing_since.get_or_insert_with(Instant::now);
        if since.elapsed() > OTHERS_WITHIN {
            return Ok(false);
        }
        let messages = self.queue.messages().await.map_err(StepError::Queue)?;
        Ok(usize::try_from(messages).unwrap_or(usize::MAX) > self.held.len())
    }

    /// Returns false when the order was stopped meanwhile.
    async fn take(&mut self, messages: Vec<Found>) -> Result<bool, StepError> {
        for found in &messages {
            self.held.hold(found);
        }
        for found in messages {
            if self.work.is_meant(&found) && !self.touch(&found).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn touch(&mut self, found: &Found) -> Result<bool, StepError> {
        if self.clerk.is_stopped(self.work).await? {
            return Ok(false);
        }
        let name = &found.letter.letter;
        let touched = if self.done.contains(name) {
            self.queue.delete(found).await.map_err(StepError::Queue)
        } else {
            self.clerk.handle(self.work, self.queue, found).await
        };
        match touched {
            Ok(()) => {
                self.failures = 0;
                self.held.forget(name);
                if self.done.len() >= HELD_MAX {
                    self.done.clear();
                }
                self.done.insert(name.clone());
            }
            Err(error) => self.fail(error)?,
        }
        let due = self.pace.after(1, Instant::now());
        self.is_time(due).await
    }

    /// One that SQS refuses must not hold up those behind it; when it refuses many, it is not they.
    fn fail(&mut self, error: StepError) -> Result<(), StepError> {
        self.failures += 1;
        if self.failures >= FAILURES_MAX {
            return Err(error);
        }
        warn!(error = %Chain(&error), "nothing could be done to a message; it is tried again");
        self.failure.get_or_insert(error);
        Ok(())
    }

    /// Waits until then. Returns false when the order was stopped meanwhile.
    async fn is_time(&mut self, due: Instant) -> Result<bool, StepError> {
        loop {
            let look_up = Instant::now() + LOOK_UP_EVERY;
            tokio::time::sleep_until(due.min(look_up)).await;
            if due <= look_up {
                return Ok(true);
            }
            self.held.renew(self.queue).await;
            if self.clerk.is_stopped(self.work).await? {
                return Ok(false);
            }
        }
    }
}

/// Receives in a row that brought nothing to look at: only what was sent after the order was given, or
/// what had been looked at.
#[derive(Default)]
struct Fruitless {
    receives: usize,
    /// Something came again.
    again: bool,
}

/// Messages that were received, and are neither deleted nor let go: their receipt handles by their
/// `MessageId`s.
struct Held {
    handles: BTreeMap<String, String>,
    renewed_at: Instant,
}

impl Held {
    const fn new(now: Instant) -> Self {
        Self { handles: BTreeMap::new(), renewed_at: now }
    }

    fn hold(&mut self, found: &Found) {
        self.handles.insert(found.letter.letter.clone(), found.handle.clone());
    }

    fn forget(&mut self, name: &str) {
        self.handles.remove(name);
    }

    fn has(&self, name: &str) -> bool {
        self.handles.contains_key(name)
    }

    fn len(&self) -> usize {
        self.handles.len()
    }

    fn handles(&self) -> Vec<&str> {
        self.handles.values().map(String::as_str).collect()
    }

    /// Keeps them hidden, when it is time to.
    async fn renew(&mut self, queue: &Queue) {
        if self.renewed_at.elapsed() >= RENEW_EVERY {
            self.renewed_at = Instant::now();
            queue.set_hidden(&self.handles(), HIDDEN_FOR).await;
        }
    }
}
