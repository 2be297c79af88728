//! The doors. They check who sent something, have it understood and stored, and only then answer
//! the webhook or delete the SQS message.

mod coverage;
mod credentials;
mod reprocess;
mod sqs;
mod webhook;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tracing::debug;

pub use coverage::CoverageKeeper;
pub use credentials::{Credentials, Method, Secret};
pub use reprocess::Reprocessor;
pub use sqs::{DeleteAfter, QueueDoor, Settings as QueueSettings};
pub use webhook::{LABEL_HEADER, Settings as WebhookSettings, WebhookDoor};

use crate::clock::Clock;
use crate::event::{
    Arrival, ArrivalOutcome, EVENTS_API, Event, FlagRules, Flags, Hops, Path, Purpose, QueueHops,
    Timestamp,
};
use crate::journal::{
    Accepted, Arrived, Committed, Journal, JournalError, NewDelivery, Quarantined, RouteNo,
};
use crate::normalize::{self, Normalized, Rejection};
use crate::routing::Routes;
use crate::telemetry::{Health, Metrics};

/// What both doors do with the bytes they were given: normalize, route, store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Intake {
    /// Where everything goes.
    pub journal: Journal,
    /// Which deliveries a new event gets.
    pub routes: Arc<Routes>,
    /// The journal's numbers of the routes, in the same order.
    pub route_numbers: Arc<[RouteNo]>,
    /// The time of arrivals.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Metrics,
    /// When an arrival's time says nothing about its path.
    pub flags: FlagRules,
    /// Since when the doors have been open.
    pub health: Health,
    /// When something could not be stored last, in nanoseconds: what happened before had to wait for us.
    pub setback: Arc<AtomicI64>,
}

/// What became of the bytes. Either way they are on disk.
#[derive(Debug)]
pub(crate) enum Taken {
    /// An event, new or seen before, with the journal's number of it.
    Accepted(Committed, i64),
    /// Not understood, and kept.
    Quarantined(Committed),
}

impl Taken {
    /// The proof that they are.
    fn into_committed(self) -> Committed {
        match self {
            Self::Accepted(committed, _) | Self::Quarantined(committed) => committed,
        }
    }
}

/// What became of an event that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rescued {
    /// It is on disk, with its deliveries.
    TakenIn,
    /// It was known after all.
    Known,
    /// It is no event of Auth0's; nothing is kept of it.
    NotUnderstood,
}

impl Intake {
    /// Takes in an event that neither path brought, as Auth0's Events API still has it. It is delivered like
    /// any other, and counts as no arrival of a path.
    ///
    /// # Errors
    /// When it is not stored: it must be taken in again.
    pub async fn take_rescued(&self, body: &[u8]) -> Result<Rescued, JournalError> {
        let Ok(Normalized { event, .. }) = normalize::webhook(body) else {
            return Ok(Rescued::NotUnderstood);
        };
        let deliveries = self.deliveries(&event);
        let arrival = Arrival {
            at: self.clock.now(),
            // Whatever it names: that stream did not bring it.
            stream: Some(EVENTS_API.into()),
            hops: Hops::Webhook,
            flags: Flags::BACKFILLED,
        };
        let stored = self.journal.accept(Arrived::new(event, arrival, deliveries)).await;
        let Accepted { is_new, .. } = self.observe_failure(stored)?;
        if !is_new {
            return Ok(Rescued::Known);
        }
        self.metrics.backfilled();
        Ok(Rescued::TakenIn)
    }

    /// Takes in the body of a webhook request.
    async fn take_webhook(&self, body: &[u8], at: Timestamp) -> Result<Taken, JournalError> {
        match normalize::webhook(body) {
            Ok(Normalized { event, stream, envelope_time: _, replayed: _ }) => {
                let arrival = Arrival { at, stream, hops: Hops::Webhook, flags: Flags::NONE };
                self.accept(event, arrival).await
            }
            Err(rejection) => {
                self.quarantine(Quarantined::new(Path::Webhook, at, name(&rejection), body)).await
            }
        }
    }

    /// Takes in the body of an SQS message.
    async fn take_message(
        &self,
        body: &[u8],
        at: Timestamp,
        hops: &QueueHops,
    ) -> Result<Taken, JournalError> {
        match normalize::queue_message(body) {
            Ok(Normalized { event, stream, envelope_time, replayed }) => {
                let hops = QueueHops { envelope_time, replayed, ..hops.clone() };
                let hops = Hops::Eventbridge(hops);
                self.accept(event, Arrival { at, stream, hops, flags: Flags::NONE }).await
            }
            Err(rejection) => {
                let bytes = Quarantined::new(Path::Eventbridge, at, name(&rejection), body);
                self.quarantine(bytes.with_message_id(&hops.message_id)).await
            }
        }
    }

    async fn accept(&self, event: Event, mut arrival: Arrival) -> Result<Taken, JournalError> {
        let path = arrival.path();
        let setback = Timestamp::from_nanos(self.setback.load(Ordering::Relaxed));
        let open_since = self.health.door(path).and_then(|door| door.open_since());
        let open_since = open_since.map(|since| since.max(setback));
        arrival.flags = self.flags.flags(&arrival, event.time, open_since);
        let lag_ms = arrival.at.millis_since(event.time);
        let live = event.purpose == Purpose::Live;
        let deliveries = self.deliveries(&event);
        let arrived = Arrived::new(event, arrival, deliveries);
        let stored = self.journal.accept(arrived).await;
        let Accepted { committed, outcome, is_new: _, seq } = self.observe_failure(stored)?;
        self.metrics.arrival(path, outcome);
        if live && outcome == ArrivalOutcome::Accepted {
            self.metrics.arrival_lag(path, lag_ms);
        }
        Ok(Taken::Accepted(committed, seq))
    }

    /// The deliveries that an event gets, should it be new.
    fn deliveries(&self, event: &Event) -> Vec<NewDelivery> {
        let taken = self.routes.of(event).into_iter();
        taken
            .filter_map(|taken| {
                let route = self.route_numbers.get(taken.position).copied()?;
                Some(NewDelivery { route, watched: taken.watched })
            })
            .collect()
    }

    async fn quarantine(&self, quarantined: Quarantined) -> Result<Taken, JournalError> {
        let (path, reason) = (quarantined.path(), quarantined.reason());
        let committed = self.observe_failure(self.journal.quarantine(quarantined).await)?;
        self.metrics.arrival(path, ArrivalOutcome::Quarantined);
        debug!(%path, reason, "quarantined");
        Ok(Taken::Quarantined(committed))
    }

    fn observe_failure<T>(&self, stored: Result<T, JournalError>) -> Result<T, JournalError> {
        stored.inspect_err(|error| {
            self.metrics.journal_failed(error.cause());
            self.setback.store(self.clock.now().as_nanos(), Ordering::Relaxed);
        })
    }
}

fn name(rejection: &Rejection) -> (&'static str, &str) {
    (rejection.reason.as_str(), &rejection.detail)
}
