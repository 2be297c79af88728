//! What goes wrong on a path between Auth0 and the gateway, and the dice that decide when.
//!
//! | fault | what becomes of an event |
//! | --- | --- |
//! | `loss` | it is never sent on this path |
//! | `duplicates` | it is sent twice, the second time after a hold |
//! | `delay` | it is sent later; those behind it wait, for a path keeps its order |
//! | `reorder` | it alone is held back, so that later ones overtake it |
//! | `outage` | webhook: each attempt in it fails as a refused connection does. EventBridge: what was put waits for its end, as EventBridge retries for 24 h |
//! | `slow` | the answer to it takes longer on its way back, which holds up a serial stream |
//! | `skew` | EventBridge alone: the envelope's `time` is off by so much. Auth0's own `time` is one clock's for both paths, so that its skew belongs to the tenant |
//!
//! For each event the same number of random numbers is drawn, whatever the faults and whatever the
//! receiver does: changing one fault does not move the others, and each path has dice of its own.

mod delay;
mod text;

use std::f64::consts::TAU;
use std::time::Duration;

pub use delay::Delay;
pub use text::{FaultsError, Skew, duration};

use crate::event::Path;

/// A share of all events, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Share(f64);

impl Share {
    /// The nearest number from 0 to 1; what is not a number is 0.
    pub const fn clamped(value: f64) -> Self {
        if value.is_nan() { Self(0.0) } else { Self(value.clamp(0.0, 1.0)) }
    }

    /// The number, from 0 to 1.
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// A share of events, and for how long they are held.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Held {
    /// Which part of all events.
    pub share: Share,
    /// For how long.
    pub hold: Duration,
}

/// A stretch of time, from the start of the play on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// When it begins.
    pub from: Duration,
    /// How long it lasts.
    pub lasts: Duration,
}

impl Stretch {
    /// Whether the instant is in it; its end is not.
    pub fn contains(self, at: Duration) -> bool {
        at >= self.from && at < self.end()
    }

    /// The first instant after it.
    pub const fn end(self) -> Duration {
        self.from.saturating_add(self.lasts)
    }
}

/// What goes wrong on one path. The default is that nothing does.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Faults {
    /// Never sent.
    pub loss: Share,
    /// Sent twice, the second time so much later.
    pub duplicates: Held,
    /// Each event is under way for the sum of these before it is sent.
    pub delays: Vec<Delay>,
    /// Held back, so that later ones overtake.
    pub reorder: Held,
    /// When the path carries nothing.
    pub outages: Vec<Stretch>,
    /// How much longer each answer takes.
    pub slow: Duration,
    /// How far EventBridge's clock is off, for the envelope's `time`.
    pub skew: Skew,
}

impl Faults {
    /// The longest hold, delay or outage that can be asked for.
    pub const HOLD_MAX: Duration = Duration::from_hours(24);

    /// Nothing goes wrong.
    pub const NONE: &str = "none";
    /// What an ordinary day may look like, for a webhook; shares are larger than life, so that a short
    /// demo shows them.
    pub const TYPICAL_WEBHOOK: &str =
        "loss=0.5%,duplicates=1%,delay=lognormal(60ms,400ms),reorder=0.5%:1s";
    /// The same for EventBridge.
    pub const TYPICAL_EVENTBRIDGE: &str =
        "loss=0.1%,duplicates=2%,delay=lognormal(180ms,900ms),reorder=1%:1s";
    /// A bad day, for a webhook.
    pub const STORM_WEBHOOK: &str = "loss=3%,duplicates=4%,delay=lognormal(120ms,1500ms),\
        delay=spikes(1%,2s),reorder=3%:2s,outage=20s+8s,slow=15ms";
    /// The same for EventBridge.
    pub const STORM_EVENTBRIDGE: &str = "loss=1%,duplicates=6%,delay=lognormal(300ms,3s),\
        delay=spikes(1%,3s),reorder=5%:3s,outage=40s+10s,skew=-2s";

    /// The end of the outage at this instant of the play.
    pub fn outage_until(&self, at: Duration) -> Option<Duration> {
        self.outages.iter().filter(|outage| outage.contains(at)).map(|outage| outage.end()).max()
    }
}

/// What becomes of one event on one path, as the dice fell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// When each copy of it is due, from the start of the play on, the first first; none when the path
    /// loses it.
    pub due: Vec<Duration>,
}

/// Plans what becomes of the events of one path.
#[derive(Debug)]
pub struct Dice {
    path: Path,
    faults: Faults,
    random: fastrand::Rng,
    /// When the last event was due that was not held back.
    last: Duration,
}

impl Dice {
    /// The same seed, path and faults give the same plans.
    pub fn new(seed: u64, path: Path, faults: Faults) -> Self {
        // Apart from the tenant's and from each other's.
        let own: u64 = match path {
            Path::Webhook => 0x5745_4248_4f4f_4b00,
            Path::Eventbridge => 0x4252_4944_4745_0000,
        };
        let random = fastrand::Rng::with_seed(seed ^ own).fork();
        Self { path, faults, random, last: Duration::ZERO }
    }

    /// The faults in force.
    pub const fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Plans the next event, which happens at this instant of the play.
    pub fn plan(&mut self, happens: Duration) -> Plan {
        let [lost, twice, held] = [self.random.f64(), self.random.f64(), self.random.f64()];
        let (spike, normal) = (self.random.f64(), self.normal());
        let faults = &self.faults;
        let drawn = |delay: &Delay| delay.of(spike, normal);
        let delay = faults.delays.iter().map(drawn).fold(Duration::ZERO, Duration::saturating_add);
        if lost < faults.loss.get() {
            return Plan { due: Vec::new() };
        }
        let mut due = happens.saturating_add(delay.min(Faults::HOLD_MAX)).max(self.last);
        if held < faults.reorder.share.get() {
            due = due.saturating_add(faults.reorder.hold);
        } else {
            due = self.after_outages(due);
            self.last = due;
        }
        let mut all = vec![self.after_outages(due)];
        if twice < self.faults.duplicates.share.get() {
            let again = due.saturating_add(self.faults.duplicates.hold);
            all.push(self.after_outages(again));
        }
        Plan { due: all }
    }

    /// What EventBridge has waits for the end of its outage; a webhook is tried, and fails.
    fn after_outages(&self, due: Duration) -> Duration {
        let mut due = due;
        if self.path == Path::Eventbridge {
            while let Some(end) = self.faults.outage_until(due) {
                due = end;
            }
        }
        due
    }

    /// From the standard normal distribution (Box and Muller, 1958).
    fn normal(&mut self) -> f64 {
        let (radius, angle) = (1.0 - self.random.f64(), self.random.f64());
        (-2.0 * radius.ln()).sqrt() * (TAU * angle).cos()
    }
}

#[cfg(test)]
mod tests;
