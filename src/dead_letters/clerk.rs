//! Carrying out orders: dead letters are put back, or given up, at a rate.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::letter::Found;
use super::queue::Queue;
use super::{DeadLetters, QueueError, pattern_of};
use crate::journal::{
    Journal, JournalError, Letter, LetterPlan, LetterSource, Letters, OrderDesk, OrderKind,
    OrderStory, Page, Person, ReadError, Reader,
};
use crate::routing::Pattern;
use crate::telemetry::Chain;

/// Carries out orders to redrive and to discard. What is under way goes on after a restart.
#[derive(Debug)]
pub struct Clerk {
    journal: Journal,
    reader: Reader,
    letters: DeadLetters,
    /// The names of the routes of the configuration: a letter of another would wait for ever.
    routes: Arc<[String]>,
}

/// Why a step of an order failed. It is made again.
#[derive(Debug, thiserror::Error)]
enum StepError {
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
struct Work {
    order: OrderStory,
    deed: Deed,
    plan: LetterPlan,
    pattern: Pattern,
}

/// Events of the journal looked at in one step.
const EVENTS: usize = 50;
/// The pause after a step that failed.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(2);
/// Messages that don't match, held until the queue has been gone through.
const HELD_MAX: usize = 10_000;

impl Clerk {
    /// For these letters. `routes` are the names of the configuration's routes.
    pub fn new(
        journal: Journal,
        reader: Reader,
        letters: DeadLetters,
        routes: Arc<[String]>,
    ) -> Self {
        Self { journal, reader, letters, routes }
    }

    /// Works until `stop`. If the process dies, an order goes on where the last step ended; a message
    /// that was put back and not deleted yet is there twice, and is found to be a duplicate.
    pub async fn run(self, stop: CancellationToken) {
        let kinds = &[OrderKind::Redrive, OrderKind::Discard];
        let mut desk = OrderDesk::new(&self.journal, self.reader.clone(), kinds);
        while let Some(order) = desk.next(&stop).await {
            let number = order.order;
            let carried_out = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                carried_out = self.carry_out(order) => carried_out,
            };
            if let Err(error) = carried_out {
                warn!(order = number.0, error = %Chain(&error), "an order waits");
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(PAUSE_AFTER_FAILURE) => {}
                }
            }
        }
    }

    async fn carry_out(&self, order: OrderStory) -> Result<(), StepError> {
        let number = order.order;
        let Some(work) = Work::read(order) else {
            warn!(order = number.0, "an order that can't be read is stopped");
            self.journal.end_order(number, true).await?;
            return Ok(());
        };
        if work.plan.filter.asks_for(LetterSource::Journal) && !self.journals(&work).await? {
            return Ok(());
        }
        for queue in &self.letters.queues {
            if work.plan.filter.asks_for(queue.source()) && !self.queues(&work, queue).await? {
                return Ok(());
            }
        }
        self.journal.end_order(number, false).await?;
        info!(order = number.0, deed = ?work.deed, "an order is carried out");
        Ok(())
    }

    /// The journal's letters. Returns false when the order was stopped.
    async fn journals(&self, work: &Work) -> Result<bool, StepError> {
        let mut looked_at = work.order.looked_at;
        loop {
            if self.is_stopped(work).await? {
                return Ok(false);
            }
            let pattern = work.pattern.clone();
            let page = Page::After { seq: looked_at, events: EVENTS };
            let matches = move |event: &serde_json::Value| pattern.matches(event);
            let found = self.reader.letters(work.plan.filter.clone(), page, matches).await?;
            let Letters { letters, looked_at: next } = found;
            for of_event in letters.chunk_by(|one, two| one.seq == two.seq) {
                let changed = self.step(work, of_event).await?;
                tokio::time::sleep(work.pause(changed)).await;
            }
            match next {
                Some(next) => looked_at = next,
                None => return Ok(true),
            }
        }
    }

    /// The letters of one event.
    async fn step(&self, work: &Work, letters: &[Letter]) -> Result<u64, StepError> {
        let Some(first) = letters.first() else { return Ok(0) };
        let (order, looked_at) = (work.order.order, first.seq);
        let ordered = match work.deed {
            Deed::PutBack => {
                let has_route = |letter: &&Letter| self.routes.contains(&letter.route);
                let numbers = letters.iter().filter(has_route).map(|letter| letter.no).collect();
                self.journal.redrive(order, numbers, looked_at).await?
            }
            Deed::GiveUp => {
                let numbers = letters.iter().map(|letter| letter.no).collect();
                self.journal.discard(order, numbers, work.person(), looked_at).await?
            }
        };
        Ok(ordered.changed)
    }

    /// A queue's letters. Returns false when the order was stopped.
    async fn queues(&self, work: &Work, queue: &Queue) -> Result<bool, StepError> {
        let mut held = Vec::new();
        let mut seen = BTreeSet::new();
        let result = self.go_through(work, queue, &mut held, &mut seen).await;
        queue.let_go(&held).await;
        result
    }

    async fn go_through(
        &self,
        work: &Work,
        queue: &Queue,
        held: &mut Vec<String>,
        seen: &mut BTreeSet<String>,
    ) -> Result<bool, StepError> {
        while held.len() < HELD_MAX {
            if self.is_stopped(work).await? {
                return Ok(false);
            }
            let messages = queue.receive().await.map_err(StepError::Queue)?;
            // Empty, or all of them were held for too long and have come again.
            if messages.iter().all(|found| seen.contains(&found.letter.letter)) {
                held.extend(messages.into_iter().map(|found| found.handle));
                break;
            }
            for found in messages {
                seen.insert(found.letter.letter.clone());
                if work.is_meant(&found) {
                    self.handle(work, queue, &found).await?;
                    tokio::time::sleep(work.pause(1)).await;
                } else {
                    held.push(found.handle);
                }
            }
        }
        Ok(true)
    }

    async fn handle(&self, work: &Work, queue: &Queue, found: &Found) -> Result<(), StepError> {
        let handled = match work.deed {
            Deed::PutBack => queue.put_back(found).await,
            Deed::GiveUp => queue.delete(found).await,
        };
        handled.map_err(StepError::Queue)?;
        self.journal.step_order(work.order.order, i64::MAX, 1).await?;
        Ok(())
    }

    async fn is_stopped(&self, work: &Work) -> Result<bool, StepError> {
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

    fn is_meant(&self, found: &Found) -> bool {
        found.is_left_by(&self.plan.filter, &self.pattern)
    }

    fn person(&self) -> Person {
        Person { who: self.order.who.as_str().into(), why: self.order.why.as_str().into() }
    }

    /// The pause after so many letters.
    fn pause(&self, letters: u64) -> Duration {
        let letters = u32::try_from(letters).unwrap_or(u32::MAX);
        let seconds = f64::from(letters) / self.plan.rate;
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO)
    }
}
