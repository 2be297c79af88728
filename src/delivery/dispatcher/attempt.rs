//! One attempt, from its sending to its end on disk.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::super::body::{Body, Message};
use super::super::breaker::Pass;
use super::super::classify::Answer;
use super::super::judge::Ended;
use super::super::standing::After;
use super::claiming::Leased;
use super::{Dispatcher, Route};
use crate::event::{DeliveryOutcome, Timestamp};
use crate::journal::{Attempt, Due, Settlement, Verdict};
use crate::telemetry::Chain;

/// How long the end of an attempt is tried to be recorded, before its lease is left to end.
const RECORD_WITHIN: Duration = Duration::from_secs(15);
/// The same after a stop, which has to be over soon.
const RECORD_WITHIN_AT_STOP: Duration = Duration::from_millis(500);

/// What the end of a delivery's turn brings for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Delivered {
    /// Something behind it may have come free.
    pub frees: bool,
    /// It found the target, which was down, up again.
    pub recovered: bool,
}

impl Dispatcher {
    pub(super) async fn deliver(&self, mut leased: Leased, stop: &CancellationToken) -> Delivered {
        let (settlement, recovered) = match leased.pass.take() {
            Some(pass) => self.attempt(&mut leased, &pass).await,
            None => (settlement(&leased.due, None, Verdict::GiveBack), false),
        };
        let Leased { due, backlog, .. } = leased;
        let frees = !matches!(settlement.verdict, Verdict::Retry(_) | Verdict::RetryUncounted(_));
        self.record(settlement, &due, stop).await;
        if backlog {
            self.standing.left_backlog();
        }
        Delivered { frees, recovered }
    }

    /// Returns whether it found the target up again, too.
    async fn attempt(&self, leased: &mut Leased, pass: &Pass) -> (Settlement, bool) {
        let (due, route) = (&mut leased.due, &leased.route);
        let payload = std::mem::take(&mut due.payload);
        let body = match Body::of(payload, route, due.accepted_at) {
            Ok(body) => body,
            Err(error) => {
                self.standing.unused(pass);
                let reason = Chain(&error).to_string();
                self.count_dead(due, route, &reason);
                return (settlement(due, None, Verdict::Dead(reason.into())), false);
            }
        };
        let (started_at, started) = (self.around.clock.now(), Instant::now());
        let answer = self.sender.send(&Message { due, route, body, at: started_at }).await;
        let took = started.elapsed();
        let after = self.standing.ended(pass, &answer);
        let verdict = self.judge(due, &answer, &after);
        self.observe(due, route, &verdict, took);
        let Answer { status, error, excerpt, .. } = answer;
        let attempt = Attempt { started_at, took, status, error, answer: excerpt };
        (settlement(due, Some(attempt), verdict), after.recovered)
    }

    fn judge(&self, due: &Due, answer: &Answer, after: &After) -> Verdict {
        let ended = Ended {
            meaning: &answer.meaning,
            attempts: due.counted,
            since: due.since.max(after.tried_since),
            outage: after.outage,
        };
        self.retries.judge(&ended, &self.target.retry, self.around.clock.now(), fastrand::f64())
    }

    fn observe(&self, due: &Due, route: &Route, verdict: &Verdict, took: Duration) {
        let again = |at: &Timestamp| {
            debug!(
                event.id = %due.event_id, route.name = %route.name,
                target.name = %self.target.name, attempt = due.attempt, again_at = %at,
                "delivery failed, will be tried again"
            );
        };
        let outcome = match verdict {
            Verdict::Delivered => {
                self.count_end(route, DeliveryOutcome::Delivered);
                "delivered"
            }
            Verdict::Dead(reason) => {
                self.count_dead(due, route, reason);
                "dead"
            }
            Verdict::Retry(at) => {
                again(at);
                "retry"
            }
            Verdict::RetryUncounted(at) => {
                again(at);
                "uncounted"
            }
            Verdict::Return(at) => {
                again(at);
                "returned"
            }
            // No attempt was made.
            Verdict::GiveBack => return,
        };
        self.around.metrics.attempted(&self.target.name, outcome, took);
    }

    fn count_dead(&self, due: &Due, route: &Route, reason: &str) {
        self.count_end(route, DeliveryOutcome::Dead);
        warn!(
            event.id = %due.event_id, route.name = %route.name, target.name = %self.target.name,
            attempt = due.attempt, reason, "delivery is dead"
        );
    }

    pub(super) fn count_end(&self, route: &Route, outcome: DeliveryOutcome) {
        self.around.metrics.delivery_ended(&route.name, &self.target.name, outcome);
    }

    /// Writes the end of an attempt down. If that fails for too long the lease ends, and the attempt
    /// is made again under the same id.
    async fn record(&self, settlement: Settlement, due: &Due, stop: &CancellationToken) {
        let started = Instant::now();
        loop {
            let settled = self.around.journal.settle(settlement.clone()).await;
            let Err(error) = settled else { return };
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

fn settlement(due: &Due, attempt: Option<Attempt>, verdict: Verdict) -> Settlement {
    Settlement { seq: due.seq, route: due.route, attempt_number: due.attempt, attempt, verdict }
}
