//! The loop that empties the journal towards one target.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::HttpTarget;
use super::classify::{Answer, Meaning, classify};
use super::schedule::{Failed, Next};
use crate::clock::Clock;
use crate::event::{DeliveryOutcome, Timestamp};
use crate::journal::{
    Attempt, Claim, Claimed, Due, Journal, JournalError, RouteNo, Settlement, Verdict,
};
use crate::telemetry::{Chain, Metrics};

/// A route to the dispatcher's target.
#[derive(Debug, Clone)]
pub struct Route {
    /// Its name.
    pub name: Arc<str>,
    /// The journal's number of it.
    pub number: RouteNo,
}

/// Empties the journal towards one target.
#[derive(Debug)]
pub struct Dispatcher {
    http: HttpTarget,
    routes: Vec<Route>,
    journal: Journal,
    clock: Clock,
    metrics: Metrics,
}

/// The journal is asked at least this often, whatever it said last: a wakeup may be missed, and the
/// wall clock may jump.
const POLL_MAX: Duration = Duration::from_secs(1);
/// What a lease adds to the target's time-out: the time to record the end of an attempt.
const LEASE_SPARE: Duration = Duration::from_secs(20);
/// How long the end of an attempt is tried to be recorded, before its lease is left to end.
const RECORD_WITHIN: Duration = Duration::from_secs(15);
/// The same after a stop, which has to be over soon.
const RECORD_WITHIN_AT_STOP: Duration = Duration::from_millis(500);

impl Dispatcher {
    /// For one target and the routes that lead to it.
    pub fn new(
        http: HttpTarget,
        routes: Vec<Route>,
        journal: Journal,
        clock: Clock,
        metrics: Metrics,
    ) -> Self {
        Self { http, routes, journal, clock, metrics }
    }

    /// Delivers until `stop`; then what is under way may end for `stop_within`. What has not ended
    /// by then, or by a crash, is tried again by the next process, under the same id.
    pub async fn run(self, stop: CancellationToken, stop_within: Duration) {
        let mut wakeups = self.journal.wakeups();
        let mut under_way = FuturesUnordered::new();
        // One at most, beside the attempts: a journal that hangs must not make them time out.
        let mut claims = FuturesUnordered::new();
        let mut next_claim = Instant::now();
        let mut failing = false;
        loop {
            let free = self.http.target().concurrency.saturating_sub(under_way.len());
            // A handful at a time: a claim is a transaction.
            let enough = free >= self.http.target().concurrency.div_ceil(4);
            if enough && claims.is_empty() && Instant::now() >= next_claim {
                claims.push(self.claim(free));
                // Earlier, if something becomes due meanwhile that this claim may not have seen.
                next_claim = Instant::now() + POLL_MAX;
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(promoted) = under_way.next() => {
                    // Something behind it may have come free, and so has a place.
                    if promoted { next_claim = Instant::now(); }
                }
                Some(claimed) = claims.next() => {
                    let (due, wait) = self.told(claimed, &mut failing);
                    under_way.extend(due.into_iter().map(|due| self.deliver(due, &stop)));
                    next_claim = next_claim.min(Instant::now() + wait);
                }
                Ok(()) = wakeups.changed() => next_claim = Instant::now(),
                () = sleep_until(next_claim), if enough && claims.is_empty() => {}
            }
        }
        // What a claim under way still brings is left to the next process, as if it had been cut off.
        drop(claims);
        let drain = async { while under_way.next().await.is_some() {} };
        if timeout(stop_within, drain).await.is_err() {
            info!(
                target.name = %self.http.target().name,
                "attempts cut off by the stop; they are made again after the next start"
            );
        }
    }

    /// Leases what is due.
    async fn claim(&self, limit: usize) -> Result<Claimed, JournalError> {
        let claim = Claim {
            routes: self.routes.iter().map(|route| route.number).collect(),
            target: Arc::clone(&self.http.target().name),
            limit,
            retries_min: limit / 8,
            backlog: None,
            lease: self.http.target().timeout + LEASE_SPARE,
        };
        self.journal.claim(claim).await
    }

    /// What was leased, and how long to wait before asking again.
    fn told(
        &self,
        claimed: Result<Claimed, JournalError>,
        failing: &mut bool,
    ) -> (Vec<Due>, Duration) {
        match claimed {
            Ok(claimed) => {
                *failing = false;
                let now = self.clock.now();
                let wait = claimed.next_due.map_or(POLL_MAX, |due| until(due, now));
                (claimed.due, wait.min(POLL_MAX))
            }
            Err(error) => {
                if !std::mem::replace(failing, true) {
                    let target = &self.http.target().name;
                    warn!(target.name = %target, error = %Chain(&error), "can't take what is due");
                }
                (Vec::new(), POLL_MAX)
            }
        }
    }

    /// One attempt, from its sending to its end on disk.
    async fn deliver(&self, due: Due, stop: &CancellationToken) -> bool {
        let route = self.routes.iter().find(|route| route.number == due.route);
        let Some(route) = route else { return false };
        let (started_at, started) = (self.clock.now(), Instant::now());
        let answer = self.http.send(&due, &route.name, started_at).await;
        let took = started.elapsed();
        let verdict = self.judge(&due, &answer);
        self.observe(&due, route, &verdict, took);
        let (status, error) = match answer {
            Answer::Status(status, _) => (Some(status), None),
            Answer::Failed(error) => (None, Some(error)),
        };
        let attempt = Attempt { started_at, took, status, error, answer: None };
        let ended = !matches!(verdict, Verdict::Retry(_));
        let settlement = Settlement {
            seq: due.seq,
            route: due.route,
            attempt_number: due.attempt,
            attempt: Some(attempt),
            verdict,
        };
        self.record(settlement, &due, stop).await;
        ended
    }

    fn judge(&self, due: &Due, answer: &Answer) -> Verdict {
        let retry_after = match classify(answer) {
            Meaning::Delivered => return Verdict::Delivered,
            Meaning::Refused => return Verdict::Dead(refusal(answer)),
            Meaning::Retry(retry_after) => retry_after,
        };
        let failed = Failed { created_at: due.since, attempts: due.counted, retry_after };
        match self.http.target().retry.next(&failed, self.clock.now(), fastrand::f64()) {
            Next::At(at) => Verdict::Retry(at),
            Next::GiveUp(reason) => Verdict::Dead(reason.into()),
        }
    }

    fn observe(&self, due: &Due, route: &Route, verdict: &Verdict, took: Duration) {
        let target = &self.http.target().name;
        let outcome = match verdict {
            Verdict::Delivered => {
                self.metrics.delivery_ended(&route.name, target, DeliveryOutcome::Delivered);
                "delivered"
            }
            Verdict::Dead(reason) => {
                self.metrics.delivery_ended(&route.name, target, DeliveryOutcome::Dead);
                warn!(
                    event.id = %due.event_id, route.name = %route.name, target.name = %target,
                    attempt = due.attempt, reason = %reason, "delivery is dead"
                );
                "dead"
            }
            Verdict::Retry(at) | Verdict::RetryUncounted(at) | Verdict::Return(at) => {
                debug!(
                    event.id = %due.event_id, route.name = %route.name, target.name = %target,
                    attempt = due.attempt, again_at = %at, "delivery failed, will be tried again"
                );
                "retry"
            }
            Verdict::GiveBack => "given_back",
        };
        self.metrics.attempted(target, outcome, took);
    }

    /// Writes the end of an attempt down. If that fails for too long the lease ends, and the attempt
    /// is made again under the same id.
    async fn record(&self, settlement: Settlement, due: &Due, stop: &CancellationToken) {
        let started = Instant::now();
        loop {
            let Err(error) = self.journal.settle(settlement.clone()).await else { return };
            let within = if stop.is_cancelled() { RECORD_WITHIN_AT_STOP } else { RECORD_WITHIN };
            if started.elapsed() > within {
                warn!(
                    event.id = %due.event_id, error = %Chain(&error),
                    "the end of an attempt could not be recorded; it will be made again"
                );
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
    }
}

fn refusal(answer: &Answer) -> Box<str> {
    match answer {
        Answer::Status(status @ 300..=399, _) => {
            format!("the target answered {status}; redirects are not followed").into()
        }
        Answer::Status(status, _) => format!("the target answered {status}").into(),
        Answer::Failed(error) => error.clone(),
    }
}

/// The wait until `due`, not negative.
fn until(due: Timestamp, now: Timestamp) -> Duration {
    Duration::from_nanos(u64::try_from(due.nanos_since(now)).unwrap_or(0))
}
