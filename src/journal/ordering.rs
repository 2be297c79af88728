//! The part of the handle by which orders are given and carried out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::orders::{LetterNo, Order, OrderKind, OrderNo, Ordered, Person};
use super::writer::Op;
use super::{
    Accepted, Arrived, EventEnd, Journal, JournalError, Naming, OrderStory, ReadError, Reader,
};
use crate::event::EventId;
use crate::telemetry::Chain;

impl Journal {
    /// Waits until no delivery of this event goes on by itself: all have ended, or wait for the event's
    /// SQS message to come again.
    ///
    /// # Errors
    /// When nobody will tell.
    ///
    /// # Cancel safety
    /// Dropped, it has waited for nothing.
    pub async fn end_of(&self, seq: i64) -> Result<EventEnd, JournalError> {
        self.ask(|reply| Op::AwaitEnd(seq, reply)).await
    }

    /// Sends a target nothing until it is resumed; attempts under way are not cut off.
    ///
    /// # Errors
    /// When it is not recorded.
    pub async fn pause(&self, target: Arc<str>, by: Person) -> Result<Ordered, JournalError> {
        self.order(Order::SetPaused { target, paused: true, by }).await
    }

    /// Sends a target events again.
    ///
    /// # Errors
    /// When it is not recorded.
    pub async fn resume(&self, target: Arc<str>, by: Person) -> Result<Ordered, JournalError> {
        self.order(Order::SetPaused { target, paused: false, by }).await
    }

    /// Writes an order down that is carried out step by step; `total` is how much there is to do.
    ///
    /// # Errors
    /// When it is not recorded.
    pub async fn begin_order(
        &self,
        kind: OrderKind,
        by: Person,
        detail: &str,
        total: u64,
    ) -> Result<OrderNo, JournalError> {
        let order = Order::Begin { kind, by, detail: detail.into(), total };
        Ok(self.order(order).await?.order)
    }

    /// Records a step of an order whose work is done elsewhere, as in a queue.
    ///
    /// # Errors
    /// When it is not recorded.
    pub async fn step_order(
        &self,
        order: OrderNo,
        looked_at: i64,
        done: u64,
    ) -> Result<Ordered, JournalError> {
        self.order(Order::Step { order, looked_at, done }).await
    }

    /// Ends an order: it is done, or stopped.
    ///
    /// # Errors
    /// When it is not recorded.
    pub async fn end_order(&self, order: OrderNo, stopped: bool) -> Result<Ordered, JournalError> {
        self.order(Order::End { order, stopped }).await
    }

    /// Makes dead letters due again, as a step of an order that has looked at all up to the event
    /// `looked_at`. Their age and attempts count anew. What is not dead any more is left as it is.
    ///
    /// # Errors
    /// When nothing was changed.
    pub async fn redrive(
        &self,
        order: OrderNo,
        letters: Vec<LetterNo>,
        looked_at: i64,
    ) -> Result<Ordered, JournalError> {
        self.order(Order::Redrive { order, letters, looked_at }).await
    }

    /// Gives dead letters up, as a step of an order.
    ///
    /// # Errors
    /// When nothing was changed.
    pub async fn discard(
        &self,
        order: OrderNo,
        letters: Vec<LetterNo>,
        by: Person,
        looked_at: i64,
    ) -> Result<Ordered, JournalError> {
        self.order(Order::Discard { order, letters, by, looked_at }).await
    }

    /// Gives quarantined bytes up, as a step of an order.
    ///
    /// # Errors
    /// When nothing was changed.
    pub async fn drop_quarantined(
        &self,
        order: OrderNo,
        numbers: Vec<i64>,
        looked_at: i64,
    ) -> Result<Ordered, JournalError> {
        self.order(Order::DropQuarantined { order, numbers, looked_at }).await
    }

    /// Gives up the deliveries of this event that wait for its SQS message: it was discarded.
    ///
    /// # Errors
    /// When nothing was changed.
    pub async fn discard_returned(&self, id: EventId, by: Person) -> Result<Ordered, JournalError> {
        self.order(Order::DiscardReturned { id, by }).await
    }

    /// Gives quarantined bytes up, at once.
    ///
    /// # Errors
    /// When nothing was changed.
    pub async fn discard_quarantined(
        &self,
        by: Person,
        detail: &str,
        numbers: Vec<i64>,
    ) -> Result<Ordered, JournalError> {
        let detail = detail.into();
        self.order(Order::DiscardQuarantined { by, detail, numbers }).await
    }

    /// Takes in what was quarantined under this number and is understood now. `None` when it is gone.
    ///
    /// # Errors
    /// When nothing was changed.
    pub async fn reprocess(
        &self,
        number: i64,
        mut arrived: Arrived,
    ) -> Result<Option<Accepted>, JournalError> {
        arrived.redacted = self.content.redacted(&arrived.event.payload);
        self.ask(|reply| Op::Reprocess(number, Box::new(arrived), reply)).await
    }

    /// Erases the content of these events, as a step of an order that has looked at all up to the event
    /// `looked_at`: what is left are ids, times and outcomes. Deliveries that have not ended well are
    /// discarded for this reason.
    ///
    /// # Errors
    /// When nothing was changed.
    pub async fn erase(
        &self,
        order: OrderNo,
        found: Vec<Naming>,
        reason: &str,
        looked_at: i64,
    ) -> Result<Ordered, JournalError> {
        let reason = reason.into();
        self.order(Order::Erase { order, found, reason, looked_at }).await
    }

    async fn order(&self, order: Order) -> Result<Ordered, JournalError> {
        self.ask(|reply| Op::Order(Box::new(order), reply)).await
    }
}

/// Where orders that take many steps are picked up by those who carry them out. What is under way
/// goes on after a restart.
#[derive(Debug)]
pub struct OrderDesk {
    reader: Reader,
    given: watch::Receiver<u64>,
    kinds: &'static [OrderKind],
    /// Orders that failed, and until when others go first.
    aside: BTreeMap<OrderNo, Instant>,
}

/// Why a step of an order failed. It is made again.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The journal could not be changed.
    #[error("changing the journal")]
    Journal(#[source] JournalError),
    /// It could not be read.
    #[error("reading the journal")]
    Read(#[source] ReadError),
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

/// Orders are looked for at least this often: a wakeup may be missed.
const LOOK_EVERY: Duration = Duration::from_secs(5);

impl OrderDesk {
    /// For orders of these kinds.
    pub fn new(journal: &Journal, reader: Reader, kinds: &'static [OrderKind]) -> Self {
        Self { reader, given: journal.orders_given(), kinds, aside: BTreeMap::new() }
    }

    /// Leaves an order that failed for so long: those behind it do not wait for what it waits for.
    pub fn put_aside(&mut self, order: OrderNo, pause: Duration) {
        self.aside.insert(order, Instant::now() + pause);
    }

    /// Waits for an order that is under way, the first first; `None` after a stop.
    pub async fn next(&mut self, stop: &CancellationToken) -> Option<OrderStory> {
        loop {
            let now = Instant::now();
            self.aside.retain(|_, until| *until > now);
            match self.reader.orders_under_way().await {
                Ok(orders) => {
                    let is_ours = |order: &OrderStory| {
                        self.kinds.iter().any(|kind| kind.as_str() == order.kind)
                            && !self.aside.contains_key(&order.order)
                    };
                    if let Some(order) = orders.into_iter().find(is_ours) {
                        return (!stop.is_cancelled()).then_some(order);
                    }
                }
                Err(error) => warn!(error = %Chain(&error), "can't look for orders"),
            }
            let soonest = self.aside.values().min().copied();
            let look_at = soonest.map_or(now + LOOK_EVERY, |soonest| soonest.min(now + LOOK_EVERY));
            tokio::select! {
                biased;
                () = stop.cancelled() => return None,
                _ = self.given.changed() => {}
                () = tokio::time::sleep_until(look_at) => {}
            }
        }
    }
}
