//! How a target stands: its flow, shared by all attempts at it, and what is told of that.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::breaker::Pass;
use super::classify::Answer;
use super::flow::{Flow, Given, Plan, Step};
use super::{Limits, Surroundings};
use crate::clock::Clock;
use crate::event::Timestamp;
use crate::telemetry::{BreakerState, Health, Metrics, TargetState};

/// How one target stands.
#[derive(Debug)]
pub(super) struct Standing {
    name: Arc<str>,
    clock: Clock,
    metrics: Metrics,
    health: Health,
    now: Mutex<Now>,
}

#[derive(Debug)]
struct Now {
    flow: Flow,
    /// As it was told last.
    told: TargetState,
    /// Deliveries age from here, if they are not younger: before, there was an outage, a pause, or no
    /// process, so that nobody could try.
    tried_since: Timestamp,
}

/// What an attempt that has ended was made in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct After {
    /// When the target was down, how long it is left alone; then the attempt, should it have failed,
    /// does not count.
    pub outage: Option<Duration>,
    /// No delivery's age counts from before.
    pub tried_since: Timestamp,
    /// The target was down, and this is what found it up again.
    pub recovered: bool,
}

impl Standing {
    pub(super) fn new(name: &Arc<str>, limits: Limits, around: &Surroundings) -> Self {
        let tried_since = around.clock.now();
        let told = TargetState::new(tried_since);
        around.health.set_target(name, told.clone());
        Self {
            name: Arc::clone(name),
            clock: around.clock.clone(),
            metrics: around.metrics.clone(),
            health: around.health.clone(),
            now: Mutex::new(Now { flow: Flow::new(limits, Instant::now()), told, tried_since }),
        }
    }

    /// What to do next, with so many attempts under way, and whether the target is up.
    pub(super) fn next(&self, under_way: usize) -> (Step, BreakerState) {
        self.change(None, |flow, told| {
            told.under_way = under_way;
            (flow.next(under_way, Instant::now()), flow.breaker())
        })
    }

    /// What came of a plan: see [`Flow::given`].
    pub(super) fn given(&self, plan: &Plan, given: &Given) -> Option<Instant> {
        self.change(None, |flow, _| flow.given(plan, given, Instant::now()))
    }

    /// The journal says whether somebody has paused the target.
    pub(super) fn paused(&self, paused: bool) {
        let now = self.clock.now();
        self.change(None, |_, told| {
            let was = told.paused_since;
            told.paused_since = paused.then(|| was.unwrap_or(now));
        });
    }

    /// Leave for one attempt, if one may be made.
    pub(super) fn begin(&self) -> Option<Pass> {
        self.lock().flow.begin()
    }

    /// No attempt was made.
    pub(super) fn unused(&self, pass: &Pass) {
        self.lock().flow.unused(pass);
    }

    /// An attempt ended.
    pub(super) fn ended(&self, pass: &Pass, answer: &Answer) -> After {
        let (now, draw) = (Instant::now(), fastrand::f64());
        let tried_since = self.lock().tried_since;
        self.change(Some(answer), |flow, _| {
            let was_up = flow.breaker() == BreakerState::Closed;
            let counts = flow.ended(pass, answer.sign, now, draw);
            let outage = (!counts).then(|| flow.remaining(now));
            let recovered = !was_up && flow.breaker() == BreakerState::Closed;
            After { outage, tried_since, recovered }
        })
    }

    /// A delivery of the backlog is not under way any more.
    pub(super) fn left_backlog(&self) {
        self.lock().flow.left_backlog();
    }

    /// Changes something, and tells what is otherwise now. The answer is the reason.
    fn change<T>(
        &self,
        answer: Option<&Answer>,
        act: impl FnOnce(&mut Flow, &mut TargetState) -> T,
    ) -> T {
        let mut now = self.lock();
        let mut told = now.told.clone();
        let result = act(&mut now.flow, &mut told);
        (told.breaker, told.draining) = (now.flow.breaker(), now.flow.drains());
        if told != now.told {
            let is_up = told.breaker == BreakerState::Closed;
            let was_up = now.told.breaker == BreakerState::Closed;
            let at = self.clock.now();
            if is_up != was_up {
                told.since = at;
                told.down_because = answer.filter(|_| !is_up).map(why);
            }
            let is_resumed = now.told.paused_since.is_some() && told.paused_since.is_none();
            if is_resumed || (is_up && !was_up) {
                now.tried_since = at;
            }
            self.tell(&now.told, &told);
            self.health.set_target(&self.name, told.clone());
            now.told = told;
        }
        result
    }

    /// Each change once.
    fn tell(&self, before: &TargetState, after: &TargetState) {
        let name = &self.name;
        match (before.breaker, after.breaker) {
            (BreakerState::Closed, BreakerState::Open | BreakerState::HalfOpen) => {
                self.metrics.target_opened(name);
                let because = after.down_because.as_deref().unwrap_or_default();
                warn!(
                    target.name = %name, error = because,
                    "target is down; nothing is sent to it until a probe finds it up"
                );
            }
            (BreakerState::Open | BreakerState::HalfOpen, BreakerState::Closed) => {
                let down_for = after.since.nanos_since(before.since) / 1_000_000_000;
                info!(target.name = %name, down_for_seconds = down_for, "target is up again");
            }
            (one, other) if one != other => {
                debug!(target.name = %name, breaker = other.as_str(), "target is probed");
            }
            _ => {}
        }
        if before.draining && !after.draining {
            info!(target.name = %name, "what gathered while the target was down is delivered");
        }
        match (before.paused_since, after.paused_since) {
            (None, Some(_)) => info!(target.name = %name, "target is paused"),
            (Some(_), None) => info!(target.name = %name, "target is resumed"),
            (None, None) | (Some(_), Some(_)) => {}
        }
    }

    /// What is behind the lock is whole at every moment, so that a panic elsewhere harms nothing.
    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer in a few words.
fn why(answer: &Answer) -> Box<str> {
    match (answer.status, &answer.error) {
        (_, Some(error)) => error.clone(),
        (Some(status), None) => format!("the target answered {status}").into(),
        (None, None) => "no answer".into(),
    }
}
