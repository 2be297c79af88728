//! The loop that empties the journal towards one target.

mod attempt;
mod claiming;
mod recovery;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::info;

use self::attempt::Delivered;
use self::claiming::Asking;
use super::flow::Step;
use super::standing::Standing;
use super::{Retries, Sender, Target};
use crate::clock::Clock;
use crate::journal::{Journal, RouteNo};
use crate::routing::Transform;
use crate::telemetry::{Health, Metrics};

/// A route to the dispatcher's target.
#[derive(Debug, Clone)]
pub struct Route {
    /// Its name.
    pub name: Arc<str>,
    /// The journal's number of it.
    pub number: RouteNo,
    /// What the target gets of an event; the event itself when there is none.
    pub transform: Option<Arc<Transform>>,
}

/// What a dispatcher works with, beside its target.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Where what is due comes from, and what became of it goes.
    pub journal: Journal,
    /// The time.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Metrics,
    /// Where the state of the target is shown.
    pub health: Health,
}

/// Empties the journal towards one target.
#[derive(Debug)]
pub struct Dispatcher {
    target: Target,
    sender: Sender,
    routes: Vec<Route>,
    retries: Retries,
    around: Surroundings,
    standing: Standing,
}

impl Dispatcher {
    /// For one target, how it is reached, and the routes that lead to it.
    pub fn new(
        target: Target,
        sender: Sender,
        routes: Vec<Route>,
        retries: Retries,
        around: Surroundings,
    ) -> Self {
        let standing = Standing::new(&target.name, target.limits, &around);
        Self { target, sender, routes, retries, around, standing }
    }

    /// Delivers until `stop`; then what is under way may end for `stop_within`. What has not ended
    /// by then, or by a crash, is tried again by the next process, under the same id.
    pub async fn run(self, stop: CancellationToken, stop_within: Duration) {
        let mut wakeups = self.around.journal.wakeups();
        let mut under_way = FuturesUnordered::new();
        // One at most, beside the attempts: a journal that hangs must not make them time out.
        let mut claims = FuturesUnordered::new();
        let mut redrives = FuturesUnordered::new();
        let mut asking = Asking::new();
        loop {
            let next = if claims.is_empty() {
                self.next(under_way.len(), &mut asking)
            } else {
                Step::Wait
            };
            let look_at = match next {
                Step::Ask(plan) => {
                    claims.push(self.claim(plan));
                    None
                }
                Step::NotBefore(at) => Some(at),
                Step::Wait => None,
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(Delivered { frees, recovered }) = under_way.next() => {
                    // Something behind it may have come free, and so has a place.
                    if frees { asking.at = Instant::now(); }
                    if recovered && self.target.redrive_on_recovery && redrives.is_empty() {
                        redrives.push(self.redrive());
                    }
                }
                Some((plan, claimed)) = claims.next() => {
                    let leased = self.told(&plan, claimed, &mut asking);
                    under_way.extend(leased.into_iter().map(|leased| self.deliver(leased, &stop)));
                }
                Some(()) = redrives.next() => {}
                Ok(()) = wakeups.changed() => asking.at = Instant::now(),
                () = sleep_until(look_at.unwrap_or(asking.at)), if look_at.is_some() => {}
            }
        }
        // What a claim under way still brings is left to the next process, as if it had been cut off.
        drop((claims, redrives));
        let drain = async { while under_way.next().await.is_some() {} };
        if timeout(stop_within, drain).await.is_err() {
            info!(
                target.name = %self.target.name,
                "attempts cut off by the stop; they are made again after the next start"
            );
        }
    }
}
