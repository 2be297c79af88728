//! The third observer: what Auth0 itself says of its events.
//!
//! A pass looks through what the streams could not deliver, asks for what the journal does not have, and
//! judges what the Events API told of: which path brought it, and where it was lost where none did.
//! [`Follower`] listens to the Events API meanwhile. What is asked for counts as no arrival of a path.

mod asking;
mod choice;
mod desk;
mod fates;
mod fetch;
#[cfg(test)]
mod fixture;
mod follow;
mod judging;
mod line;
mod pass;
mod place;
mod report;
mod standing;

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub use choice::{Choice, TRIES_MAX};
pub use desk::{ASKING_MAX, Desk, NotTaken, asking_takes};
pub use fates::Evidence;
pub use follow::Follower;
pub use report::{
    Asked, Following, Lacking, Pass, Phase, Running, Status, StreamReport, Witnesses,
};
pub use standing::{Failures, IN_A_ROW_MAX, IN_ALL_MAX, LONG_LIST, RESERVE};

use super::auth0::{Api, Delivery, DeliveryStatus};
use crate::clock::Clock;
use crate::dead_letters::DeadLetters;
use crate::event::{EventId, PathSet, Timestamp};
use crate::ingress::Intake;
use crate::journal::{Journal, Reader};
use crate::telemetry::{Chain, Health, Metrics};

/// The table `[reconcile]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// How often a pass is made by itself; never, when there is none.
    pub every: Option<Duration>,
    /// Whether such a pass asks for redeliveries.
    pub redeliver: bool,
    /// Events asked for in one pass, at most.
    pub most: usize,
    /// Events asked for in a second, at most.
    pub rate: f64,
    /// Whether the Events API is followed.
    pub follow: bool,
    /// Whether what neither path brought is taken in from there.
    pub backfill: bool,
}

/// What a pass works with. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sources {
    /// Auth0.
    pub api: Api,
    /// Remembers what is asked for.
    pub journal: Journal,
    /// Knows what came.
    pub reader: Reader,
    /// Takes in what neither path brought.
    pub intake: Intake,
    /// Where messages lie that did not come.
    pub letters: DeadLetters,
    /// The doors, and what Auth0 says of its streams.
    pub health: Health,
    /// What is counted.
    pub metrics: Metrics,
    /// The time now.
    pub clock: Clock,
    /// Which doors are open.
    pub mode: PathSet,
    /// What is younger is not judged: neither its arrivals nor when the doors were open are known for
    /// certain yet.
    pub settle_after: Duration,
    /// How long the journal keeps an event, and knows its id.
    pub keep: Duration,
}

/// A delivery that failed, as a pass needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The event's id.
    pub id: EventId,
    /// The event's type.
    pub kind: Box<str>,
    /// When it happened, where Auth0 says so.
    pub time: Option<Timestamp>,
    /// When it was tried first, likewise.
    pub first_attempt: Option<Timestamp>,
    /// When it was tried last, likewise.
    pub last_attempt: Option<Timestamp>,
    /// Auth0 does not try it any more by itself.
    pub has_ended: bool,
    /// Why the last try failed, in Auth0's words.
    pub error: Option<Box<str>>,
}

impl Failed {
    /// What is needed of a delivery; `None` where its id is none.
    pub fn of(delivery: &Delivery) -> Option<Self> {
        let error =
            delivery.attempts.iter().rev().find_map(|attempt| attempt.error_message.as_deref());
        Some(Self {
            error: error.map(Into::into),
            id: EventId::parse(&delivery.id).ok()?,
            kind: delivery.event_type.as_str().into(),
            time: delivery.time(),
            first_attempt: delivery.first_tried_at(),
            last_attempt: delivery.last_tried_at(),
            has_ended: !matches!(
                delivery.status,
                DeliveryStatus::Pending | DeliveryStatus::Retrying
            ),
        })
    }

    /// When it happened, or had happened for certain.
    pub(super) fn happened(&self) -> Option<Timestamp> {
        self.time.or(self.first_attempt)
    }
}

/// Which failed deliveries are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Only what happened from then on. Without it, what happened since the journal would know of it.
    pub since: Option<Timestamp>,
    /// Only these types; all when there are none.
    pub types: Vec<String>,
    /// So many at most.
    pub most: usize,
    /// Those too that failed again and again, and though the stream is near being switched off.
    pub insists: bool,
}

impl Selection {
    fn takes(&self, failed: &Failed) -> bool {
        let of_type = self.types.is_empty() || self.types.iter().any(|kind| **kind == *failed.kind);
        of_type && self.since.is_none_or(|since| failed.happened().is_none_or(|at| at >= since))
    }
}

/// One pass, as somebody orders it.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// Which events are asked for.
    pub selection: Selection,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Whether anything is asked for.
    pub redeliver: bool,
    /// Events asked for in a second, at most.
    pub rate: f64,
    /// Tells it from other orders; 0 for a pass that nobody ordered. The desk gives it.
    pub ticket: u64,
}

/// Makes passes, one at a time.
#[derive(Debug)]
pub struct Reconciler {
    settings: Settings,
    sources: Sources,
    orders: mpsc::Receiver<Order>,
    status: watch::Sender<Status>,
    line: line::Line,
    /// When something that was asked for was seen to have come: the journal's last arrival may be an older one.
    came_at: Option<Timestamp>,
}

/// A pass that was ordered by the clock waits for so long after the start, so that the doors are open.
const FIRST_AFTER: Duration = Duration::from_secs(10);

impl Reconciler {
    /// Makes it, with the desk that orders passes of it.
    pub fn new(settings: Settings, sources: Sources) -> (Self, Desk) {
        // One waits at most.
        let (sender, orders) = mpsc::channel(1);
        let start = format!("{:016x}", fastrand::u64(..));
        let (status, watched) = watch::channel(Status { start, ..Status::default() });
        let desk = Desk::new(sender, watched, settings.clone());
        let line = line::Line::default();
        (Self { settings, sources, orders, status, line, came_at: None }, desk)
    }

    /// A follower of the Events API that tells of itself in this one's status.
    pub fn follower(&self) -> Follower {
        Follower::new(self.sources.clone(), self.status.clone(), self.line.clone())
    }

    /// Works until `stop`. What was asked of Auth0 by then is asked; a pass cut off is made again.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut pause = FIRST_AFTER;
        loop {
            let by_itself = async {
                match self.settings.every {
                    Some(_) => tokio::time::sleep(pause).await,
                    None => std::future::pending().await,
                }
            };
            let order = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Some(order) = self.orders.recv() => order,
                () = by_itself => {
                    pause = self.settings.every.unwrap_or(pause);
                    self.by_itself()
                }
            };
            self.pass(&order, &stop).await;
        }
    }

    /// The pass that the configuration asks for.
    fn by_itself(&self) -> Order {
        let Settings { redeliver, most, rate, .. } = self.settings;
        let selection = Selection { since: None, types: Vec::new(), most, insists: false };
        Order { selection, dry_run: false, redeliver, rate, ticket: 0 }
    }

    async fn pass(&mut self, order: &Order, stop: &CancellationToken) {
        let number = self.status.borrow().passes + 1;
        let began_at = self.sources.clock.now();
        self.status.send_modify(|status| {
            status.running = Some(Running { number, phase: Phase::Listing, done: 0, of: 0 });
        });
        let mut pass = Pass::new((number, order.ticket), began_at, order.dry_run);
        let made = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            made = self.make(order, &mut pass, stop) => made,
        };
        pass.ended_at = self.sources.clock.now();
        match made {
            Ok(()) => info!(
                pass = number,
                asked = pass.asked.ids.len(),
                backfilled = pass.backfilled,
                dry_run = pass.dry_run,
                "reconciled with Auth0"
            ),
            Err(error) => {
                warn!(pass = number, error = %Chain(&error), "a pass of reconcile failed");
                pass.error = Some(Chain(&error).to_string());
            }
        }
        self.status.send_modify(|status| status.end(pass));
    }
}
