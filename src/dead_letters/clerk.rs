//! Carrying out orders: dead letters are put back, or given up, at a rate.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::letter::Found;
use super::pace::Pace;
use super::pass::Pass;
use super::queue::Queue;
use super::{DeadLetters, QueueError, pattern_of};
use crate::event::EventId;
use crate::journal::{
    Journal, JournalError, Letter, LetterPlan, LetterSource, Letters, OrderDesk, OrderKind,
    OrderStory, Ordered, Page, Person, ReadError, Reader,
};
use crate::routing::Pattern;
use crate::telemetry::Chain;

/// Carries out orders to redrive and to discard, one after the other. What is under way goes on after a
/// restart.
#[derive(Debug)]
pub struct Clerk {
    journal: Journal,
    reader: Reader,
    letters: DeadLetters,
}

/// Why a step of an order failed. It is made again.
#[derive(Debug, thiserror::Error)]
pub(super) enum StepError {
    #[error("changing the journal")]
    Journal(#[source] JournalError),
    #[error("reading the journal")]
    Read(#[source] ReadError),
    #[error("using a dead-letter queue")]
    Queue(#[source] QueueError),
}

impl From<JournalError> for StepError {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

impl From<ReadError> for StepError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

/// What is done with letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    PutBack,
    GiveUp,
}

/// An order that can be carried out.
pub(super) struct Work {
    order: OrderStory,
    deed: Deed,
    plan: LetterPlan,
    pattern: Pattern,
}

/// How far the work on one of the places went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Went {
    /// To its end.
    Through,
    /// As far as can be.
    AsFarAsCanBe,
    /// Until somebody stopped the order.
    UntilStopped,
}

/// Events of the journal looked at in one read.
const EVENTS: usize = 50;
/// Letters of the journal that share a step come within this time at the order's rate.
const STEP: Duration = Duration::from_millis(20);
/// How long an order that failed is left.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);
/// While it waits for the next letter's turn, an order looks this often whether it was stopped.
pub(super) const LOOK_UP_EVERY: Duration = Duration::from_secs(1);

impl Clerk {
    /// For these letters.
    pub const fn new(journal: Journal, reader: Reader, letters: DeadLetters) -> Self {
        Self { journal, reader, letters }
    }

    /// Works until `stop`. If the process dies, an order goes on where the last step ended; a message
    /// that was put back and not deleted yet is there twice, and is found to be a duplicate.
    pub async fn run(self, stop: CancellationToken) {
        let kinds = &[OrderKind::Redrive, OrderKind::Discard];
        let mut desk = OrderDesk::new(&self.journal, self.reader.clone(), kinds);
        while let Some(order) = desk.next(&stop).await {
            let number = order.order;
            if let Err(error) = self.carry_out(order, &stop).await {
                warn!(order = number.0, error = %Chain(&error), "an order waits");
                desk.put_aside(number, PAUSE_AFTER_FAILURE);
            }
        }
    }

    async fn carry_out(
        &self,
        order: OrderStory,
        stop: &CancellationToken,
    ) -> Result<(), StepError> {
        let number = order.order;
        let Some(work) = Work::read(order) else {
            warn!(order = number.0, "an order that can't be read is stopped");
            self.journal.end_order(number, true).await?;
            return Ok(());
        };
        let mut pace = Pace::new(work.plan.rate, Instant::now());
        let mut whole = true;
        if work.plan.filter.asks_for(LetterSource::Journal) {
            let went = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                went = self.go_through_journal(&work, &mut pace) => went?,
            };
            if went == Went::UntilStopped {
                return Ok(());
            }
        }
        for queue in &self.letters.queues {
            if work.plan.filter.asks_for(queue.source()) {
                match self.go_through_queue(&work, queue, &mut pace, stop).await? {
                    Went::Through => {}
                    Went::AsFarAsCanBe => whole = false,
                    Went::UntilStopped => return Ok(()),
                }
            }
        }
        self.journal.end_order(number, !whole).await?;
        info!(order = number.0, deed = ?work.deed, whole, "an order is carried out");
        Ok(())
    }

    async fn go_through_journal(&self, work: &Work, pace: &mut Pace) -> Result<Went, StepError> {
        let mut looked_at = work.order.looked_at;
        loop {
            let pattern = work.pattern.clone();
            let part = Page::After { seq: looked_at, events: EVENTS };
            let matches = move |event: &serde_json::Value| pattern.matches(event);
            let found = self.reader.letters(work.plan.filter.clone(), part, matches).await?;
            let Letters { letters, looked_at: next } = found;
            let of_events: Vec<&[Letter]> =
                letters.chunk_by(|one, two| one.seq == two.seq).collect();
            for of_step in of_events.chunks(work.events_of_a_step()) {
                let ordered = self.step(work, of_step).await?;
                let due = pace.after(ordered.changed, Instant::now());
                if ordered.too_late || !self.is_time(work, due).await? {
                    return Ok(Went::UntilStopped);
                }
            }
            match next {
                Some(next) => looked_at = next,
                None => return Ok(Went::Through),
            }
        }
    }

    /// The letters of some events, all of each: the next step begins behind the last of them.
    async fn step(&self, work: &Work, of_events: &[&[Letter]]) -> Result<Ordered, StepError> {
        let looked_at = of_events.iter().copied().flatten().map(|letter| letter.seq).max();
        let (order, looked_at) = (work.order.order, looked_at.unwrap_or_default());
        let letters = of_events.iter().copied().flatten();
        match work.deed {
            Deed::PutBack => {
                let has_route = |letter: &&Letter| self.letters.routes.contains(&letter.route);
                let numbers = letters.filter(has_route).map(|letter| letter.no).collect();
                Ok(self.journal.redrive(order, numbers, looked_at).await?)
            }
            Deed::GiveUp => {
                let numbers = letters.map(|letter| letter.no).collect();
                Ok(self.journal.discard(order, numbers, work.person(), looked_at).await?)
            }
        }
    }

    /// Waits until then. Returns false when the order was stopped meanwhile.
    async fn is_time(&self, work: &Work, due: Instant) -> Result<bool, StepError> {
        loop {
            let look_up = Instant::now() + LOOK_UP_EVERY;
            tokio::time::sleep_until(due.min(look_up)).await;
            if due <= look_up {
                return Ok(true);
            }
            if self.is_stopped(work).await? {
                return Ok(false);
            }
        }
    }

    async fn go_through_queue(
        &self,
        work: &Work,
        queue: &Queue,
        pace: &mut Pace,
        stop: &CancellationToken,
    ) -> Result<Went, StepError> {
        let mut pass = Pass::new(self, work, queue, pace);
        let went = tokio::select! {
            biased;
            () = stop.cancelled() => Ok(Went::UntilStopped),
            went = pass.go() => went,
        };
        pass.let_go().await;
        went
    }

    /// Where the queue retries, deliveries in the journal may wait for this very message.
    async fn give_up_what_waits(&self, work: &Work, found: &Found) -> Result<(), StepError> {
        let id = found.letter.id.as_deref().and_then(|id| EventId::parse(id).ok());
        if let Some(id) = id {
            self.journal.discard_returned(id, work.person()).await?;
        }
        Ok(())
    }

    /// Does to one message what is ordered.
    pub(super) async fn handle(
        &self,
        work: &Work,
        queue: &Queue,
        found: &Found,
    ) -> Result<(), StepError> {
        let (order, message) = (work.order.order.0, found.letter.letter.as_str());
        match work.deed {
            Deed::PutBack => {
                queue.put_back(found).await.map_err(StepError::Queue)?;
                debug!(order, message.id = message, "a message is put back");
            }
            // Nothing else tells which ones were given up.
            Deed::GiveUp => {
                queue.delete(found).await.map_err(StepError::Queue)?;
                self.give_up_what_waits(work, found).await?;
                info!(order, message.id = message, "a message is discarded");
            }
        }
        // Of the journal's letters nothing is left to do; should the process die, none is looked at again.
        self.journal.step_order(work.order.order, i64::MAX, 1).await?;
        Ok(())
    }

    pub(super) async fn is_stopped(&self, work: &Work) -> Result<bool, StepError> {
        let order = self.reader.order(work.order.order).await?;
        Ok(order.is_none_or(|order| order.ended_at.is_some()))
    }
}

impl Work {
    fn read(order: OrderStory) -> Option<Self> {
        let deed = match order.kind.as_str() {
            "redrive" => Deed::PutBack,
            "discard" => Deed::GiveUp,
            _ => return None,
        };
        let mut plan: LetterPlan = serde_json::from_str(&order.detail).ok()?;
        // What dies again meanwhile is not meant.
        let given = order.at.plus(Duration::from_nanos(1));
        plan.filter.to = Some(plan.filter.to.map_or(given, |to| to.min(given)));
        let pattern = pattern_of(&plan.filter).ok()?;
        Some(Self { order, deed, plan, pattern })
    }

    pub(super) fn is_meant(&self, found: &Found) -> bool {
        found.is_left_by(&self.plan.filter, &self.pattern)
    }

    /// Whether it was sent when the order was given: what came later is not meant, whatever it is.
    pub(super) fn is_of_its_time(&self, found: &Found) -> bool {
        found.letter.died_at.is_none_or(|sent| sent <= self.order.at)
    }

    fn person(&self) -> Person {
        Person { who: self.order.who.as_str().into(), why: self.order.why.as_str().into() }
    }

    /// Events whose letters share a transaction: one, unless the rate is high.
    fn events_of_a_step(&self) -> usize {
        self.letters_within(STEP, EVENTS)
    }

    /// How many letters come within this time at the order's rate: 1 at least.
    pub(super) fn letters_within(&self, time: Duration, max: usize) -> usize {
        (1..=max).rev().find(|n| as_f64(*n) <= self.plan.rate * time.as_secs_f64()).unwrap_or(1)
    }
}

/// For small numbers, which are exact.
fn as_f64(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}
