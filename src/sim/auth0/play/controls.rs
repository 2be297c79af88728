//! Steering and watching a play.

use std::time::Duration;

use serde::Serialize;
use tokio::sync::{mpsc, watch};

use super::lane::Lane;
use crate::event::{Path, PerPath};

/// What somebody orders of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Order {
    SwitchOn(Path),
    Redeliver(Path, String),
}

/// Steers and watches a play. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Controls {
    order: mpsc::Sender<Order>,
    now: watch::Receiver<Now>,
}

/// How far a play is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Now {
    /// Since it began.
    #[serde(skip)]
    pub elapsed: Duration,
    /// Events that have happened.
    pub happened: u64,
    /// Whether more will happen; otherwise only what waits is sent.
    pub is_happening: bool,
    /// Each path that is driven.
    pub paths: PerPath<Option<PathNow>>,
}

/// How far a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct PathNow {
    /// Whether its stream is switched on.
    pub is_on: bool,
    /// Copies that wait: for their delay, for those before them, or for the stream.
    pub waiting: usize,
    /// Deliveries that succeeded, copies and redeliveries counted.
    pub accepted: u64,
    /// Deliveries that failed, the same.
    pub failed: u64,
    /// Events in a row whose delivery failed: 500 switch the stream off.
    pub failures_in_a_row: u64,
    /// Failed events that are listed for redelivery.
    pub listed: usize,
    /// Events that a fault lost.
    pub lost: u64,
    /// Events that happened while the stream was switched off.
    pub stream_off: u64,
    /// Events for which no place to wait was left.
    pub unsent: u64,
}

impl PathNow {
    pub(super) fn of(lane: &Lane) -> Self {
        Self {
            is_on: lane.standing.is_on(),
            waiting: lane.waiting(),
            accepted: lane.counts.accepted,
            failed: lane.counts.failed,
            failures_in_a_row: lane.standing.failures_in_a_row(),
            listed: lane.listed(),
            lost: lane.counts.lost,
            stream_off: lane.counts.stream_off,
            unsent: lane.counts.unsent,
        }
    }
}

impl Controls {
    pub(super) const fn new(order: mpsc::Sender<Order>, now: watch::Receiver<Now>) -> Self {
        Self { order, now }
    }

    /// How far it is.
    pub fn now(&self) -> Now {
        *self.now.borrow()
    }

    /// Waits until it is further; `None` when it has ended.
    pub async fn next(&mut self) -> Option<Now> {
        self.now.changed().await.ok().map(|()| *self.now.borrow_and_update())
    }

    /// Switches the stream of this path on again: what failed is sent first. Does nothing to one that is
    /// on, and nothing when the play has ended.
    pub async fn switch_on(&self, path: Path) {
        drop(self.order.send(Order::SwitchOn(path)).await);
    }

    /// Sends a failed event again, with the same id and time, as long as it is listed.
    pub async fn redeliver(&self, path: Path, id: &str) {
        drop(self.order.send(Order::Redeliver(path, id.to_owned())).await);
    }
}
