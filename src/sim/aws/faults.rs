//! Faults on demand, and the dice that decide when they strike.

use std::fmt;
use std::time::Duration;

/// How likely something is, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Probability(f64);

impl Probability {
    /// It never happens.
    pub const NEVER: Self = Self(0.0);
    /// It happens each time.
    pub const ALWAYS: Self = Self(1.0);

    /// The nearest number from 0 to 1; what is not a number is never.
    pub const fn clamped(value: f64) -> Self {
        if value.is_nan() { Self::NEVER } else { Self(value.clamp(0.0, 1.0)) }
    }

    /// The number, from 0 to 1.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl fmt::Display for Probability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What goes wrong, and how often. The default is that nothing does.
///
/// FIFO queues are spared what SQS promises not to do to them: copies, repeats and reordering.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Faults {
    /// A message that was sent, or that a rule matched, does not arrive, though the sender is told
    /// that all went well.
    pub loss: Probability,
    /// A message arrives as two, each with an id of its own, as when the sender repeats itself.
    pub copy: Probability,
    /// A received message is received once more, within its visibility timeout and even when it
    /// has been deleted by then; SQS calls this rare, and possible (developer guide,
    /// "At-least-once delivery"). It has the same message id, and happens once per message.
    pub repeat: Probability,
    /// How long each message waits before it can be received: a random time from here…
    pub delay_min: Duration,
    /// …to here; at most [`Faults::HOLD_MAX`].
    pub delay_max: Duration,
    /// A message is held back, so that later ones overtake it.
    pub reorder: Probability,
    /// For how long at most it is held back; at most [`Faults::HOLD_MAX`].
    pub reorder_hold: Duration,
    /// A call is refused as one too many: `RequestThrottled` by SQS, `ThrottlingException` by
    /// EventBridge.
    pub throttle: Probability,
    /// Which operations `throttle` strikes (`ReceiveMessage`, `PutEvents`, …); all when empty.
    pub throttled_operations: Vec<String>,
    /// An entry of `SendMessageBatch`, `DeleteMessageBatch`, `ChangeMessageVisibilityBatch` or
    /// `PutEvents` fails alone, without effect.
    pub entry_failure: Probability,
    /// A receive gives fewer messages than there are, at least one.
    pub short_receive: Probability,
    /// A receive finds nothing, whatever the queue holds; a long poll looks again at the next
    /// change or at its end.
    pub empty_receive: Probability,
    /// Which operations the caller has no permission for, as permissions name them: `events:PutRule`.
    pub denied_operations: Vec<String>,
    /// Which operations are refused once more: what they build on was made a moment ago, and is not known
    /// everywhere yet. Each is struck off when it has been refused.
    pub late_operations: Vec<String>,
    /// Nothing is served at all.
    pub outage: Option<Outage>,
}

impl Faults {
    /// The longest time a message is held: 15 minutes, the longest delay SQS knows (API reference,
    /// `SendMessage`, `DelaySeconds`).
    pub const HOLD_MAX: Duration = Duration::from_mins(15);
}

/// How the endpoint is out of order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outage {
    /// Each request is answered 503 `InternalFailure`.
    Unavailable,
    /// Connections are reset: open ones at their next request or within a long poll, new ones at
    /// once.
    Reset,
}

/// Faults with the random numbers that time them: the same seed and the same calls give the same
/// faults.
#[derive(Debug)]
pub(super) struct Dice {
    faults: Faults,
    rng: fastrand::Rng,
    /// Apart from the others, lest one poll more or less shift every fault after it.
    ids: fastrand::Rng,
}

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let ids = rng.fork();
        Self { faults: Faults::default(), rng, ids }
    }

    pub(super) const fn faults(&self) -> &Faults {
        &self.faults
    }

    pub(super) fn set(&mut self, faults: Faults) {
        self.faults = faults;
    }

    pub(super) const fn outage(&self) -> Option<Outage> {
        self.faults.outage
    }

    /// A new id in the form of a UUID of version 4.
    pub(super) fn uuid(&mut self) -> u128 {
        const VERSION_AND_VARIANT: u128 = 0xf000_c000_0000_0000_0000;
        const VERSION_4_VARIANT_1: u128 = 0x4000_8000_0000_0000_0000;
        (self.ids.u128(..) & !VERSION_AND_VARIANT) | VERSION_4_VARIANT_1
    }

    pub(super) fn loses(&mut self) -> bool {
        self.strikes(self.faults.loss)
    }

    pub(super) fn copies(&mut self) -> bool {
        self.strikes(self.faults.copy)
    }

    pub(super) fn repeats(&mut self) -> bool {
        self.strikes(self.faults.repeat)
    }

    pub(super) fn fails_entry(&mut self) -> bool {
        self.strikes(self.faults.entry_failure)
    }

    pub(super) fn throttles(&mut self, operation: &str) -> bool {
        let names = &self.faults.throttled_operations;
        (names.is_empty() || names.iter().any(|name| name == operation))
            && self.strikes(self.faults.throttle)
    }

    pub(super) fn denies(&self, permission: &str) -> bool {
        self.faults.denied_operations.iter().any(|name| name == permission)
    }

    /// Whether this operation comes too early, and does so no more.
    pub(super) fn is_too_early(&mut self, operation: &str) -> bool {
        let late = &mut self.faults.late_operations;
        let found = late.iter().position(|name| name == operation);
        found.map(|position| late.swap_remove(position)).is_some()
    }

    /// How long a message is held before it can be received.
    pub(super) fn delay(&mut self) -> Duration {
        let (min, max) = (self.faults.delay_min, self.faults.delay_max);
        let delay = min + self.up_to(max.saturating_sub(min));
        delay.min(Faults::HOLD_MAX)
    }

    /// How much longer a message is held so that others overtake it.
    pub(super) fn hold(&mut self) -> Duration {
        if self.strikes(self.faults.reorder) {
            self.up_to(self.faults.reorder_hold.min(Faults::HOLD_MAX))
        } else {
            Duration::ZERO
        }
    }

    /// How many messages a receive that asks for so many gives at most.
    pub(super) fn receive_count(&mut self, asked: usize) -> usize {
        if self.strikes(self.faults.empty_receive) {
            0
        } else if asked > 1 && self.strikes(self.faults.short_receive) {
            self.rng.usize(1..asked)
        } else {
            asked
        }
    }

    fn strikes(&mut self, probability: Probability) -> bool {
        // No number is drawn for what cannot happen, so a fault that is off shifts no other.
        probability > Probability::NEVER && self.rng.f64() < probability.get()
    }

    fn up_to(&mut self, most: Duration) -> Duration {
        match u64::try_from(most.as_nanos()).unwrap_or(u64::MAX) {
            0 => Duration::ZERO,
            nanos => Duration::from_nanos(self.rng.u64(0..=nanos)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: f64, expected: Probability) {
        assert_eq!(Probability::clamped(value), expected);
    }

    #[test]
    fn probabilities_are_clamped() {
        check(-1.0, Probability::NEVER);
        check(f64::NAN, Probability::NEVER);
        check(7.0, Probability::ALWAYS);
        check(0.25, Probability(0.25));
    }

    #[test]
    fn one_seed_gives_one_run() {
        let faults = Faults { loss: Probability::clamped(0.5), ..Faults::default() };
        let rolls = |seed| {
            let mut dice = Dice::new(seed);
            dice.set(faults.clone());
            (0..64).map(|_| dice.loses()).collect::<Vec<_>>()
        };
        assert_eq!(rolls(7), rolls(7));
        assert_ne!(rolls(7), rolls(8));
    }

    #[test]
    fn delays_stay_within_their_range() {
        let mut dice = Dice::new(1);
        dice.set(Faults {
            delay_min: Duration::from_millis(10),
            delay_max: Duration::from_hours(1),
            ..Faults::default()
        });
        for _ in 0..100 {
            let delay = dice.delay();
            assert!(delay >= Duration::from_millis(10) && delay <= Faults::HOLD_MAX);
        }
    }

    #[test]
    fn throttling_can_be_limited_to_operations() {
        let mut dice = Dice::new(1);
        dice.set(Faults {
            throttle: Probability::ALWAYS,
            throttled_operations: vec!["PutEvents".to_owned()],
            ..Faults::default()
        });
        assert!(dice.throttles("PutEvents"));
        assert!(!dice.throttles("ReceiveMessage"));
    }
}
