//! Whether a target is up, as far as its answers tell.
//!
//! Pure: the time and the draw of chance are arguments. Closed, every delivery is attempted. After so
//! many failures in a row it opens, and nothing is attempted for a while; then it is half-open, and
//! one attempt at a time probes the target. What shows that the target is up closes it.

use std::time::Duration;

use tokio::time::Instant;

use super::classify::Sign;
use crate::telemetry::BreakerState;

/// When the breaker of a target opens, and for how long at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerRule {
    /// Attempts in a row that find the target down, until it opens; at least 1.
    pub failures: u32,
    /// How long it stays open the first time. It doubles with each probe that fails, up to
    /// [`BreakerRule::PAUSE_MAX`]; half of it is drawn at random.
    pub pause: Duration,
}

impl BreakerRule {
    /// The longest pause between two probes: an outage is over for at most so long before anybody
    /// notices.
    pub const PAUSE_MAX: Duration = Duration::from_mins(1);

    /// The pause after so many failed probes. From half of it up, so that gateways that lost one
    /// target together don't come back together.
    fn pause_after(&self, probes: u32, draw: f64) -> Duration {
        let doubled = self.pause.saturating_mul(1 << probes.min(30));
        let ceiling = doubled.min(Self::PAUSE_MAX.max(self.pause));
        ceiling.mul_f64(0.5 + draw.clamp(0.0, 1.0) / 2.0)
    }
}

/// The breaker of one target.
#[derive(Debug, Clone)]
pub(super) struct Breaker {
    rule: BreakerRule,
    state: State,
    /// Changes with the state, so that the end of an attempt that began before is known as such.
    era: u64,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant, probes: u32 },
    HalfOpen { probing: bool, probes: u32 },
}

/// What may be attempted now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowed {
    /// Everything.
    All,
    /// One delivery, as a probe.
    Probe,
    /// Nothing, until the probe under way has ended.
    Nothing,
    /// Nothing until then.
    NotBefore(Instant),
}

/// The breaker's leave to make one attempt. It goes back with [`Breaker::ended`] or
/// [`Breaker::unused`].
#[derive(Debug)]
#[must_use = "a probe that never comes back keeps the breaker half-open for ever"]
pub(super) struct Pass {
    era: u64,
    probe: bool,
}

impl Breaker {
    pub(super) const fn new(rule: BreakerRule) -> Self {
        Self { rule, state: State::Closed { failures: 0 }, era: 0 }
    }

    pub(super) const fn state(&self) -> BreakerState {
        match self.state {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// What may be attempted at this time. Ends the pause of an open breaker when it is over.
    pub(super) fn allowed(&mut self, now: Instant) -> Allowed {
        match self.state {
            State::Closed { .. } => Allowed::All,
            State::Open { until, .. } if now < until => Allowed::NotBefore(until),
            State::Open { probes, .. } => {
                self.enter(State::HalfOpen { probing: false, probes });
                Allowed::Probe
            }
            State::HalfOpen { probing: false, .. } => Allowed::Probe,
            State::HalfOpen { probing: true, .. } => Allowed::Nothing,
        }
    }

    /// Leave for one attempt, if one may be made: the state may have changed since it was asked for.
    pub(super) fn begin(&mut self) -> Option<Pass> {
        match &mut self.state {
            State::Closed { .. } => Some(Pass { era: self.era, probe: false }),
            State::HalfOpen { probing, .. } if !*probing => {
                *probing = true;
                Some(Pass { era: self.era, probe: true })
            }
            State::HalfOpen { .. } | State::Open { .. } => None,
        }
    }

    /// No attempt was made.
    pub(super) fn unused(&mut self, pass: &Pass) {
        if let State::HalfOpen { probing, .. } = &mut self.state
            && pass.probe
            && pass.era == self.era
        {
            *probing = false;
        }
    }

    /// What the end of an attempt says of the target. Returns whether the attempt, should it have
    /// failed, counts: not when it was a probe, nor when the breaker was open at any time meanwhile.
    pub(super) fn ended(&mut self, pass: &Pass, sign: Sign, now: Instant, draw: f64) -> bool {
        let current = pass.era == self.era;
        match (sign, &mut self.state) {
            (Sign::Up, State::Closed { failures }) => *failures = 0,
            (Sign::Up, State::Open { .. } | State::HalfOpen { .. }) => self.close(),
            // It answers, and that is what a probe is to find out.
            (Sign::Unclear, State::HalfOpen { .. }) if pass.probe && current => self.close(),
            (Sign::Down, State::Closed { failures }) if current => {
                *failures += 1;
                if *failures >= self.rule.failures {
                    self.open(0, now, draw);
                }
            }
            (Sign::Down, State::HalfOpen { probes, .. }) if pass.probe && current => {
                let probes = probes.saturating_add(1);
                self.open(probes, now, draw);
            }
            // An attempt of before tells nothing of the target now.
            (Sign::Unclear | Sign::Down, _) => {}
        }
        current && !pass.probe
    }

    /// How long until it may be attempted again what failed just now.
    pub(super) fn remaining(&self, now: Instant) -> Duration {
        match self.state {
            State::Open { until, .. } => until.saturating_duration_since(now),
            State::Closed { .. } | State::HalfOpen { .. } => Duration::ZERO,
        }
    }

    fn open(&mut self, probes: u32, now: Instant, draw: f64) {
        let until = now + self.rule.pause_after(probes, draw);
        self.enter(State::Open { until, probes });
    }

    const fn close(&mut self) {
        self.enter(State::Closed { failures: 0 });
    }

    const fn enter(&mut self, state: State) {
        self.state = state;
        self.era += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: BreakerRule = BreakerRule { failures: 3, pause: Duration::from_secs(5) };

    /// A breaker on a timeline of seconds, which draws the longest pause each time.
    struct Timeline {
        breaker: Breaker,
        start: Instant,
    }

    impl Timeline {
        fn new() -> Self {
            Self { breaker: Breaker::new(RULE), start: Instant::now() }
        }

        fn at(&self, seconds: u64) -> Instant {
            self.start + Duration::from_secs(seconds)
        }

        /// An attempt that begins and ends at once. Returns whether it counts.
        fn attempt(&mut self, seconds: u64, sign: Sign) -> bool {
            let pass = self.breaker.begin().expect("an attempt is allowed");
            self.end(&pass, seconds, sign)
        }

        fn end(&mut self, pass: &Pass, seconds: u64, sign: Sign) -> bool {
            let now = self.at(seconds);
            self.breaker.ended(pass, sign, now, 1.0)
        }

        #[track_caller]
        fn check(&mut self, seconds: u64, allowed: Allowed, state: BreakerState) {
            let now = self.at(seconds);
            assert_eq!(self.breaker.allowed(now), allowed, "at {seconds} s");
            assert_eq!(self.breaker.state(), state, "at {seconds} s");
        }

        /// Fails until it opens, at 0 s.
        fn opened() -> Self {
            let mut timeline = Self::new();
            for _ in 0..RULE.failures {
                assert!(timeline.attempt(0, Sign::Down), "what opens it counts");
            }
            timeline
        }
    }

    #[test]
    fn it_opens_after_so_many_failures_in_a_row() {
        let mut timeline = Timeline::new();
        timeline.attempt(0, Sign::Down);
        timeline.attempt(0, Sign::Down);
        timeline.check(0, Allowed::All, BreakerState::Closed);
        timeline.attempt(0, Sign::Down);
        let until = timeline.at(5);
        timeline.check(0, Allowed::NotBefore(until), BreakerState::Open);
        assert!(timeline.breaker.begin().is_none());
        assert_eq!(timeline.breaker.remaining(timeline.at(2)), Duration::from_secs(3));
    }

    #[test]
    fn a_success_between_starts_the_row_again() {
        let mut timeline = Timeline::new();
        for sign in [Sign::Down, Sign::Down, Sign::Up, Sign::Down, Sign::Down] {
            assert!(timeline.attempt(0, sign));
        }
        timeline.check(0, Allowed::All, BreakerState::Closed);
    }

    #[test]
    fn answers_that_are_unclear_neither_open_it_nor_start_the_row_again() {
        let mut timeline = Timeline::new();
        for _ in 0..100 {
            assert!(timeline.attempt(0, Sign::Unclear));
        }
        timeline.check(0, Allowed::All, BreakerState::Closed);
        for sign in [Sign::Down, Sign::Unclear, Sign::Down, Sign::Unclear, Sign::Down] {
            timeline.attempt(0, sign);
        }
        let until = timeline.at(5);
        timeline.check(0, Allowed::NotBefore(until), BreakerState::Open);
    }

    #[test]
    fn after_the_pause_one_probe_at_a_time_finds_out() {
        let mut timeline = Timeline::opened();
        timeline.check(5, Allowed::Probe, BreakerState::HalfOpen);
        let probe = timeline.breaker.begin().unwrap();
        timeline.check(5, Allowed::Nothing, BreakerState::HalfOpen);
        assert!(timeline.breaker.begin().is_none(), "one at a time");
        timeline.end(&probe, 6, Sign::Up);
        timeline.check(6, Allowed::All, BreakerState::Closed);
    }

    #[test]
    fn a_failed_probe_opens_it_for_twice_as_long_up_to_a_minute() {
        let mut timeline = Timeline::opened();
        let mut now = 0;
        for pause in [5, 10, 20, 40, 60, 60] {
            let until = timeline.at(now + pause);
            timeline.check(now, Allowed::NotBefore(until), BreakerState::Open);
            now += pause;
            timeline.check(now, Allowed::Probe, BreakerState::HalfOpen);
            assert!(!timeline.attempt(now, Sign::Down), "a failed probe counts as no attempt");
        }
        timeline.check(now + 60, Allowed::Probe, BreakerState::HalfOpen);
        timeline.attempt(now + 60, Sign::Up);
        // Closed and opened anew, it begins with the shortest pause again.
        for _ in 0..RULE.failures {
            timeline.attempt(now + 60, Sign::Down);
        }
        let until = timeline.at(now + 65);
        timeline.check(now + 60, Allowed::NotBefore(until), BreakerState::Open);
    }

    #[test]
    fn half_of_a_pause_is_drawn() {
        for (draw, pause) in [(0.0, 2_500), (0.5, 3_750), (1.0, 5_000)] {
            assert_eq!(RULE.pause_after(0, draw), Duration::from_millis(pause));
        }
        let long = BreakerRule { pause: Duration::from_secs(90), ..RULE };
        assert_eq!(long.pause_after(40, 1.0), Duration::from_secs(90));
    }

    #[test]
    fn what_was_under_way_when_it_opened_counts_as_no_attempt_and_opens_nothing() {
        let mut timeline = Timeline::new();
        let late: Vec<Pass> = (0..8).map(|_| timeline.breaker.begin().unwrap()).collect();
        let mut late = late.iter();
        for _ in 0..RULE.failures {
            timeline.end(late.next().unwrap(), 0, Sign::Down);
        }
        // While it is open: the pause is not stretched.
        assert!(!timeline.end(late.next().unwrap(), 3, Sign::Down));
        timeline.check(5, Allowed::Probe, BreakerState::HalfOpen);
        // While it is half-open: not the probe's end.
        let probe = timeline.breaker.begin().unwrap();
        assert!(!timeline.end(late.next().unwrap(), 6, Sign::Down));
        assert!(!timeline.end(late.next().unwrap(), 6, Sign::Unclear));
        timeline.check(6, Allowed::Nothing, BreakerState::HalfOpen);
        // And after it has closed: no part of a new row.
        timeline.end(&probe, 7, Sign::Up);
        timeline.attempt(7, Sign::Down);
        timeline.attempt(7, Sign::Down);
        assert!(!timeline.end(late.next().unwrap(), 8, Sign::Down));
        timeline.check(8, Allowed::All, BreakerState::Closed);
    }

    #[test]
    fn any_success_closes_it_even_one_of_before() {
        let mut timeline = Timeline::new();
        let late = timeline.breaker.begin().unwrap();
        for _ in 0..RULE.failures {
            timeline.attempt(0, Sign::Down);
        }
        timeline.end(&late, 1, Sign::Up);
        timeline.check(1, Allowed::All, BreakerState::Closed);
    }

    #[test]
    fn a_probe_that_is_answered_at_all_closes_it() {
        let mut timeline = Timeline::opened();
        timeline.check(5, Allowed::Probe, BreakerState::HalfOpen);
        assert!(!timeline.attempt(5, Sign::Unclear));
        timeline.check(5, Allowed::All, BreakerState::Closed);
    }

    #[test]
    fn a_probe_that_was_not_made_leaves_its_place_to_another() {
        let mut timeline = Timeline::opened();
        timeline.check(5, Allowed::Probe, BreakerState::HalfOpen);
        let probe = timeline.breaker.begin().unwrap();
        timeline.breaker.unused(&probe);
        timeline.check(5, Allowed::Probe, BreakerState::HalfOpen);
        // One that is no probe leaves none.
        let mut timeline = Timeline::new();
        let late = timeline.breaker.begin().unwrap();
        for _ in 0..RULE.failures {
            timeline.attempt(0, Sign::Down);
        }
        timeline.check(5, Allowed::Probe, BreakerState::HalfOpen);
        let _probe = timeline.breaker.begin().unwrap();
        timeline.breaker.unused(&late);
        timeline.check(5, Allowed::Nothing, BreakerState::HalfOpen);
    }
}
