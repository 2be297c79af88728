//! What may be taken from the journal now: the breaker, the rates and the places, put together. Pure;
//! the time and the draw of chance are arguments.

use std::time::Duration;

use tokio::time::Instant;

use super::Limits;
use super::breaker::{Allowed, Breaker, Pass};
use super::classify::Sign;
use super::pace::{Bucket, Share};
use crate::telemetry::BreakerState;

/// The flow towards one target.
#[derive(Debug, Clone)]
pub(super) struct Flow {
    limits: Limits,
    breaker: Breaker,
    rate: Option<Bucket>,
    drain: Option<Drain>,
    share: Share,
    /// The journal's number of the last event, as of the last claim.
    newest: i64,
}

/// What came during an outage, and goes out at a bounded rate after it.
#[derive(Debug, Clone)]
struct Drain {
    bucket: Bucket,
    /// The last event of the backlog.
    up_to: i64,
    /// Whether `up_to` is of after the recovery.
    known: bool,
    /// Deliveries of it that are under way.
    under_way: usize,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Ask the journal.
    Ask(Plan),
    /// Look again then.
    NotBefore(Instant),
    /// Look again when an attempt has ended.
    Wait,
}

/// What to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan {
    /// So many deliveries at most.
    pub limit: usize,
    /// So many of them are to be retries, if as many are due.
    pub retries_min: usize,
    /// What gathered during an outage, if that is being delivered.
    pub backlog: Option<Backlog>,
}

/// What is asked for of a backlog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Backlog {
    /// The number of its last event. Retries are a part of it, whatever their events.
    pub up_to: i64,
    /// So many deliveries of it at most.
    pub max: usize,
    /// Whether none of it is under way. One that is may have others behind it.
    pub alone: bool,
}

impl Backlog {
    /// Whether a delivery is a part of it.
    pub(super) const fn has(&self, seq: i64, is_retry: bool) -> bool {
        seq <= self.up_to || is_retry
    }
}

/// What the journal gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Given {
    /// Deliveries in all.
    pub places: usize,
    /// Of these, retries.
    pub retries: usize,
    /// Of these, part of the backlog that was asked for.
    pub backlog: usize,
    /// The journal's number of the last event.
    pub newest: i64,
    /// Whether something of that backlog waits for its first attempt.
    pub backlog_left: bool,
}

/// A claim is a transaction: it is worth a part of the places.
const WORTH: usize = 4;
/// What comes in this time is claimed together: bursts of a draining backlog are as large.
const TOGETHER: Duration = Duration::from_millis(100);
/// Bursts of attempts are what comes in this time.
const RATE_BURST: Duration = Duration::from_secs(1);

impl Flow {
    pub(super) fn new(limits: Limits, now: Instant) -> Self {
        let rate = limits.rate.map(|rate| Bucket::new(rate, RATE_BURST, now));
        let (breaker, share) = (Breaker::new(limits.breaker), Share::default());
        Self { limits, breaker, rate, drain: None, share, newest: 0 }
    }

    /// The state of its breaker.
    pub(super) const fn breaker(&self) -> BreakerState {
        self.breaker.state()
    }

    /// Whether a backlog is being delivered at a bounded rate.
    pub(super) const fn drains(&self) -> bool {
        self.drain.is_some()
    }

    /// What to do next, with so many attempts under way.
    pub(super) fn next(&mut self, under_way: usize, now: Instant) -> Step {
        let concurrency = self.limits.concurrency;
        let free = concurrency.saturating_sub(under_way);
        let (free, worth, probes) = match self.breaker.allowed(now) {
            Allowed::NotBefore(at) => return Step::NotBefore(at),
            Allowed::Nothing => return Step::Wait,
            Allowed::Probe => (free.min(1), 1, true),
            Allowed::All => (free, concurrency.div_ceil(WORTH), false),
        };
        if free < worth {
            return Step::Wait;
        }
        let limit = match &mut self.rate {
            None => free,
            Some(rate) => match rate.available(now).min(free) {
                0 => return Step::NotBefore(rate.ready(rate.within(TOGETHER).min(worth), now)),
                tokens => tokens,
            },
        };
        let backlog = self.drain.as_mut().map(|drain| Backlog {
            up_to: drain.up_to,
            max: drain.bucket.available(now).min(limit),
            alone: drain.under_way == 0,
        });
        // A new delivery is the better probe: a retry may fail by itself.
        let retries_max = if probes { 0 } else { backlog.map_or(limit, |backlog| backlog.max) };
        let retries_min = self.share.retries_min(limit).min(retries_max);
        Step::Ask(Plan { limit, retries_min, backlog })
    }

    /// What came of a plan. Returns when more of the backlog may be asked for, if that is what there
    /// is to wait for.
    pub(super) fn given(&mut self, plan: &Plan, given: &Given, now: Instant) -> Option<Instant> {
        self.newest = given.newest;
        if let Some(rate) = &mut self.rate {
            rate.take(given.places);
        }
        self.share.given(given.places, given.retries, plan.retries_min);
        let (backlog, drain) = (plan.backlog?, self.drain.as_mut()?);
        drain.bucket.take(given.backlog);
        drain.under_way += given.backlog;
        if !drain.known {
            // Asked for after the recovery: what the journal has now came before it, or with it.
            (drain.up_to, drain.known) = (given.newest, true);
        } else if !given.backlog_left && given.backlog == 0 && backlog.alone {
            self.drain = None;
            return None;
        }
        // With all places taken, the next ones that come free are what there is to wait for.
        let spent = given.backlog >= backlog.max && given.places < plan.limit;
        spent.then(|| drain.bucket.ready(usize::MAX, now))
    }

    /// A delivery of the backlog is not under way any more.
    pub(super) fn left_backlog(&mut self) {
        if let Some(drain) = &mut self.drain {
            drain.under_way = drain.under_way.saturating_sub(1);
        }
    }

    /// Leave for one attempt, if one may be made.
    pub(super) fn begin(&mut self) -> Option<Pass> {
        self.breaker.begin()
    }

    /// No attempt was made.
    pub(super) fn unused(&mut self, pass: &Pass) {
        self.breaker.unused(pass);
    }

    /// An attempt ended. Returns whether it counts, should it have failed.
    pub(super) fn ended(&mut self, pass: &Pass, sign: Sign, now: Instant, draw: f64) -> bool {
        let before = self.breaker.state();
        let counts = self.breaker.ended(pass, sign, now, draw);
        if before != BreakerState::Closed && self.breaker.state() == BreakerState::Closed {
            let bucket = Bucket::new(self.limits.drain_rate, TOGETHER, now);
            self.drain = Some(Drain { bucket, up_to: self.newest, known: false, under_way: 0 });
        }
        counts
    }

    /// How long the breaker stays open.
    pub(super) fn remaining(&self, now: Instant) -> Duration {
        self.breaker.remaining(now)
    }
}

#[cfg(test)]
mod tests {
    use super::super::BreakerRule;
    use super::*;

    const LIMITS: Limits = Limits {
        concurrency: 16,
        rate: None,
        drain_rate: 100.0,
        breaker: BreakerRule { failures: 2, pause: Duration::from_secs(4) },
    };

    fn millis(start: Instant, millis: u64) -> Instant {
        start + Duration::from_millis(millis)
    }

    fn plan(limit: usize, retries_min: usize) -> Plan {
        Plan { limit, retries_min, backlog: None }
    }

    const fn backlog(up_to: i64, max: usize, alone: bool) -> Backlog {
        Backlog { up_to, max, alone }
    }

    fn given(places: usize, backlog: usize, newest: i64) -> Given {
        Given { places, retries: 0, backlog, newest, backlog_left: true }
    }

    fn attempt(flow: &mut Flow, sign: Sign, now: Instant) {
        let pass = flow.begin().unwrap();
        flow.ended(&pass, sign, now, 1.0);
    }

    /// A target that was down and has just been found up again, 4 s after the start.
    fn recovered(limits: Limits, start: Instant) -> Flow {
        let mut flow = Flow::new(limits, start);
        flow.given(&plan(16, 2), &given(2, 0, 500), start);
        attempt(&mut flow, Sign::Down, start);
        attempt(&mut flow, Sign::Down, start);
        assert_eq!(flow.next(0, start), Step::NotBefore(millis(start, 4_000)));
        assert_eq!(flow.next(0, millis(start, 4_000)), Step::Ask(plan(1, 0)));
        assert!(!flow.drains());
        attempt(&mut flow, Sign::Up, millis(start, 4_000));
        flow
    }

    #[test]
    fn a_claim_waits_until_it_is_worth_its_transaction() {
        let now = Instant::now();
        let mut flow = Flow::new(LIMITS, now);
        assert_eq!(flow.next(0, now), Step::Ask(plan(16, 2)));
        assert_eq!(flow.next(12, now), Step::Ask(plan(4, 0)));
        assert_eq!(flow.next(13, now), Step::Wait);
        let mut one = Flow::new(Limits { concurrency: 1, ..LIMITS }, now);
        assert_eq!(one.next(0, now), Step::Ask(plan(1, 0)));
        assert_eq!(one.next(1, now), Step::Wait);
    }

    #[test]
    fn a_rate_limits_what_is_asked_for() {
        let start = Instant::now();
        let mut flow = Flow::new(Limits { rate: Some(10.0), ..LIMITS }, start);
        let Step::Ask(first) = flow.next(0, start) else { panic!("nothing asked for") };
        assert_eq!(first, plan(10, 1));
        assert_eq!(flow.given(&first, &given(10, 0, 10), start), None);
        assert_eq!(flow.next(0, start), Step::NotBefore(millis(start, 100)));
        let Step::Ask(next) = flow.next(0, millis(start, 300)) else { panic!("nothing asked for") };
        assert_eq!(next.limit, 3);
        // At a hundred a second a quarter of the places is worth a claim.
        let mut flow = Flow::new(Limits { rate: Some(100.0), ..LIMITS }, start);
        flow.given(&plan(100, 0), &given(100, 0, 100), start);
        assert_eq!(flow.next(0, start), Step::NotBefore(millis(start, 40)));
    }

    #[test]
    fn a_probe_is_one_place_even_with_attempts_of_before_under_way() {
        let start = Instant::now();
        let mut flow = Flow::new(LIMITS, start);
        let _late = flow.begin();
        attempt(&mut flow, Sign::Down, start);
        attempt(&mut flow, Sign::Down, start);
        let later = millis(start, 4_000);
        assert_eq!(flow.next(15, later), Step::Ask(plan(1, 0)));
        let _probe = flow.begin().unwrap();
        assert_eq!(flow.next(2, later), Step::Wait);
        // A retry is no good probe, though its turn has come.
        let mut flow = recovered(LIMITS, start);
        flow.given(&plan(7, 0), &given(7, 0, 7), start);
        attempt(&mut flow, Sign::Down, later);
        attempt(&mut flow, Sign::Down, later);
        let Step::Ask(probe) = flow.next(0, millis(later, 4_000)) else { panic!("no probe") };
        assert_eq!((probe.limit, probe.retries_min), (1, 0));
    }

    #[test]
    fn after_an_outage_the_backlog_has_a_rate_and_new_events_have_none() {
        let start = Instant::now();
        let mut flow = recovered(LIMITS, start);
        let now = millis(start, 4_000);
        assert!(flow.drains());
        let first = Plan { limit: 16, retries_min: 2, backlog: Some(backlog(500, 10, true)) };
        assert_eq!(flow.next(0, now), Step::Ask(first));
        // What came before this claim is backlog: the journal is at 700 by now.
        let again = flow.given(&first, &given(10, 10, 700), now);
        assert_eq!(again, Some(millis(now, 100)));
        // Meanwhile new ones may be asked for, and nothing else.
        let new_only = Plan { limit: 16, retries_min: 0, backlog: Some(backlog(700, 0, false)) };
        assert_eq!(flow.next(0, now), Step::Ask(new_only));
        assert_eq!(flow.given(&new_only, &given(3, 0, 703), now), Some(millis(now, 100)));
        let later = millis(now, 100);
        let next = Plan { limit: 16, retries_min: 2, backlog: Some(backlog(700, 10, false)) };
        assert_eq!(flow.next(0, later), Step::Ask(next));
        // With every place taken, places are what there is to wait for.
        assert_eq!(flow.given(&next, &given(16, 10, 720), later), None);
    }

    #[test]
    fn a_backlog_is_over_when_none_of_it_is_left_or_under_way() {
        let start = Instant::now();
        let mut flow = recovered(LIMITS, start);
        let mut now = millis(start, 4_000);
        let mut ask = |flow: &mut Flow, backlog: usize, backlog_left: bool| {
            now += Duration::from_secs(1);
            let Step::Ask(plan) = flow.next(0, now) else { panic!("nothing asked for") };
            flow.given(&plan, &Given { backlog_left, ..given(backlog, backlog, 700) }, now);
        };
        ask(&mut flow, 2, true);
        // One that is under way may have others of its subject behind it, which nobody sees yet.
        ask(&mut flow, 0, false);
        flow.left_backlog();
        ask(&mut flow, 0, false);
        flow.left_backlog();
        assert!(flow.drains());
        ask(&mut flow, 1, false);
        flow.left_backlog();
        assert!(flow.drains());
        ask(&mut flow, 0, true);
        assert!(flow.drains());
        ask(&mut flow, 0, false);
        assert!(!flow.drains());
    }

    #[test]
    fn the_backlog_is_not_over_before_its_end_is_known() {
        let start = Instant::now();
        let mut flow = recovered(LIMITS, start);
        let now = millis(start, 4_000);
        let Step::Ask(first) = flow.next(0, now) else { panic!("nothing asked for") };
        // Nothing is left up to 500; what came up to the recovery may be.
        flow.given(&first, &Given { backlog_left: false, ..given(1, 1, 700) }, now);
        assert!(flow.drains());
    }

    #[test]
    fn a_second_outage_begins_a_second_backlog() {
        let start = Instant::now();
        let mut flow = recovered(LIMITS, start);
        let now = millis(start, 4_000);
        let Step::Ask(first) = flow.next(0, now) else { panic!("nothing asked for") };
        flow.given(&first, &given(10, 10, 700), now);
        attempt(&mut flow, Sign::Down, now);
        attempt(&mut flow, Sign::Down, now);
        let later = millis(now, 4_000);
        let Step::Ask(probe) = flow.next(0, later) else { panic!("nothing asked for") };
        assert_eq!(probe.limit, 1);
        flow.given(&probe, &given(1, 1, 900), later);
        attempt(&mut flow, Sign::Up, later);
        let Step::Ask(next) = flow.next(0, later) else { panic!("nothing asked for") };
        assert_eq!(next.backlog, Some(backlog(900, 10, true)));
    }
}
