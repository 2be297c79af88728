//! Asking the journal for what is due.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

use super::super::breaker::Pass;
use super::super::flow::{Given, Plan, Step};
use super::{Dispatcher, Route};
use crate::event::Timestamp;
use crate::journal::{Backlog, Claim, Claimed, Due, JournalError};
use crate::telemetry::{BreakerState, Chain};

/// The journal is asked at least this often, whatever it said last: a wakeup may be missed, and the
/// wall clock may jump.
const POLL_MAX: Duration = Duration::from_secs(1);
/// What a lease adds to the target's time-out: the time to record the end of an attempt.
const LEASE_SPARE: Duration = Duration::from_secs(20);
/// After a claim that leased nothing it is not asked again sooner, though something be due: a bound on
/// what a disagreement with the journal can cost.
const ASK_AGAIN_MIN: Duration = Duration::from_millis(10);

/// When the journal is asked the next time, if there is a place.
#[derive(Debug)]
pub(super) struct Asking {
    pub at: Instant,
    /// The breaker as it was when that was decided.
    breaker: BreakerState,
    /// Whether the journal did not answer the last time.
    failing: bool,
}

impl Asking {
    /// At once.
    pub(super) fn new() -> Self {
        Self { at: Instant::now(), breaker: BreakerState::Closed, failing: false }
    }
}

/// A delivery that was leased.
#[derive(Debug)]
pub(super) struct Leased {
    pub due: Due,
    pub route: Route,
    /// Leave to attempt it; none when the breaker has opened since it was asked for.
    pub pass: Option<Pass>,
    /// Whether it is part of what gathered during an outage.
    pub backlog: bool,
}

impl Dispatcher {
    /// What to do next, with so many attempts under way.
    pub(super) fn next(&self, under_way: usize, asking: &mut Asking) -> Step {
        let (step, breaker) = self.standing.next(under_way);
        let now = Instant::now();
        if std::mem::replace(&mut asking.breaker, breaker) != breaker {
            asking.at = now;
        }
        match step {
            Step::Ask(_) if now < asking.at => Step::NotBefore(asking.at),
            Step::Ask(plan) => {
                // Earlier, if something becomes due meanwhile that this claim may not have seen.
                asking.at = now + POLL_MAX;
                Step::Ask(plan)
            }
            step => step,
        }
    }

    /// Leases what is due.
    pub(super) async fn claim(&self, plan: Plan) -> (Plan, Result<Claimed, JournalError>) {
        let claim = Claim {
            routes: self.routes.iter().map(|route| route.number).collect(),
            target: Arc::clone(&self.target.name),
            limit: plan.limit,
            retries_min: plan.retries_min,
            backlog: plan.backlog.map(|backlog| Backlog { up_to: backlog.up_to, max: backlog.max }),
            lease: self.target.timeout + LEASE_SPARE,
        };
        (plan, self.around.journal.claim(claim).await)
    }

    /// What was leased.
    pub(super) fn told(
        &self,
        plan: &Plan,
        claimed: Result<Claimed, JournalError>,
        asking: &mut Asking,
    ) -> Vec<Leased> {
        let claimed = match claimed {
            Ok(claimed) => claimed,
            Err(error) => {
                if !std::mem::replace(&mut asking.failing, true) {
                    let target = &self.target.name;
                    warn!(target.name = %target, error = %Chain(&error), "can't take what is due");
                }
                return Vec::new();
            }
        };
        asking.failing = false;
        for (number, outcome) in &claimed.ended {
            if let Some(route) = self.routes.iter().find(|route| route.number == *number) {
                self.count_end(route, *outcome);
            }
        }
        self.standing.paused(claimed.paused);
        if claimed.paused {
            return Vec::new();
        }
        let now = Instant::now();
        let more_backlog = self.standing.given(plan, &given(plan, &claimed));
        let wait = claimed.next_due.map_or(POLL_MAX, |due| until(due, self.around.clock.now()));
        let least = if claimed.due.is_empty() { ASK_AGAIN_MIN } else { Duration::ZERO };
        asking.at = asking.at.min(more_backlog.unwrap_or(now + wait.max(least)));
        let leased = claimed.due.into_iter().filter_map(|due| {
            // One of those that were asked for.
            let route = self.routes.iter().find(|route| route.number == due.route)?.clone();
            let backlog = is_backlog(plan, &due);
            // Now, and not when the attempt begins: the next claim must know.
            Some(Leased { pass: self.standing.begin(), route, backlog, due })
        });
        leased.collect()
    }
}

fn is_backlog(plan: &Plan, due: &Due) -> bool {
    plan.backlog.is_some_and(|backlog| backlog.has(due.seq, due.attempt > 1))
}

fn given(plan: &Plan, claimed: &Claimed) -> Given {
    let count = |which: &dyn Fn(&Due) -> bool| claimed.due.iter().filter(|due| which(due)).count();
    Given {
        places: claimed.due.len(),
        retries: count(&|due| due.attempt > 1),
        backlog: count(&|due| is_backlog(plan, due)),
        newest: claimed.newest,
        backlog_left: claimed.backlog_left,
    }
}

/// The wait until `due`, not negative.
fn until(due: Timestamp, now: Timestamp) -> Duration {
    Duration::from_nanos(u64::try_from(due.nanos_since(now)).unwrap_or(0))
}
