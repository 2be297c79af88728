//! When events happen.

use std::str::FromStr;
use std::time::Duration;

use super::faults::duration;

/// How events of one rate are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Arrivals {
    /// One after the other, at even distances.
    #[default]
    Even,
    /// As independent people make them: with random distances (a Poisson process).
    Poisson,
}

/// So many events at once, again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Burst {
    /// How many.
    pub events: u32,
    /// The first after this time, and each as long after the one before.
    pub every: Duration,
}

impl FromStr for Burst {
    type Err = BurstError;

    /// `100@30s`: 100 events at once, every 30 s.
    fn from_str(text: &str) -> Result<Self, BurstError> {
        let wrong = || BurstError(text.to_owned());
        let (events, every) = text.split_once('@').ok_or_else(wrong)?;
        let events = events.trim().parse().map_err(|_| wrong())?;
        Ok(Self { events, every: duration(every).map_err(|_| wrong())? })
    }
}

/// A text that names no bursts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no bursts; write 100@30s for 100 events at once every 30 s")]
pub struct BurstError(String);

/// When events happen: at a rate, in bursts, or both. It never waits for anybody (an open loop), so that
/// a slow receiver shows in its own numbers instead of slowing the load.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Events a second; 0 to have bursts alone.
    pub rate: f64,
    /// How these are spread.
    pub arrivals: Arrivals,
    /// Bursts beside them.
    pub burst: Option<Burst>,
    /// Ends after this time.
    pub within: Option<Duration>,
    /// Ends after so many events.
    pub events: Option<u64>,
}

/// What is due so late never happens: no clock ends before.
const NEVER: Duration = Duration::from_hours(100_000);

/// Why nothing can happen on a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// A rate out of range.
    #[error("a rate is a number of events a second, above 0 and up to {}", Schedule::RATE_MAX)]
    Rate,
    /// Neither a rate nor bursts.
    #[error("nothing would ever happen: the rate is 0 and there are no bursts")]
    Never,
    /// Bursts without a pause.
    #[error("a burst has events, and at least a millisecond to the next")]
    Burst,
}

impl Schedule {
    /// The highest rate, in events a second.
    pub const RATE_MAX: u32 = 100_000;

    /// Checks that events can happen on it.
    ///
    /// # Errors
    /// When they can't.
    pub fn check(&self) -> Result<(), ScheduleError> {
        if !(0.0..=f64::from(Self::RATE_MAX)).contains(&self.rate) {
            return Err(ScheduleError::Rate);
        }
        match self.burst {
            Some(burst) if burst.events == 0 || burst.every < Duration::from_millis(1) => {
                Err(ScheduleError::Burst)
            }
            None if self.rate <= 0.0 => Err(ScheduleError::Never),
            Some(_) | None => Ok(()),
        }
    }

    /// The instants at which events happen, from the start on. The same seed gives the same.
    pub(super) fn instants(&self, seed: u64) -> Instants {
        let mut instants = Instants {
            schedule: self.clone(),
            // Apart from the tenant's and the faults'.
            random: fastrand::Rng::with_seed(seed ^ 0x5343_4845_4455_4c45).fork(),
            happened: 0,
            evenly: 0.0,
            next: (self.rate > 0.0).then_some(Duration::ZERO),
            burst_at: self.burst.map(|burst| burst.every),
            burst_left: self.burst.map_or(0, |burst| burst.events),
        };
        if self.arrivals == Arrivals::Poisson && self.rate > 0.0 {
            instants.step();
        }
        instants
    }
}

/// The instants of a schedule, one after the other.
#[derive(Debug)]
pub(super) struct Instants {
    schedule: Schedule,
    random: fastrand::Rng,
    happened: u64,
    /// Events of the rate, so far; a random part of one where they are not even.
    evenly: f64,
    next: Option<Duration>,
    burst_at: Option<Duration>,
    burst_left: u32,
}

impl Instants {
    /// The next event of the rate.
    fn step(&mut self) {
        // Summed up as a number of events, so that no error adds up in the distances.
        self.evenly += match self.schedule.arrivals {
            Arrivals::Even => 1.0,
            Arrivals::Poisson => -(1.0 - self.random.f64()).ln(),
        };
        let next = Duration::try_from_secs_f64(self.evenly / self.schedule.rate).ok();
        self.next = next.filter(|next| *next <= NEVER);
    }

    fn step_burst(&mut self, burst: Burst, at: Duration) {
        self.burst_left = self.burst_left.saturating_sub(1);
        if self.burst_left == 0 {
            self.burst_left = burst.events;
            self.burst_at = Some(at.saturating_add(burst.every)).filter(|next| *next <= NEVER);
        }
    }
}

impl Iterator for Instants {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        if self.schedule.events.is_some_and(|events| self.happened >= events) {
            return None;
        }
        let at = match (self.next, self.burst_at.zip(self.schedule.burst)) {
            (Some(at), None) => {
                self.step();
                at
            }
            (Some(at), Some((burst, _))) if at <= burst => {
                self.step();
                at
            }
            (_, Some((at, burst))) => {
                self.step_burst(burst, at);
                at
            }
            (None, None) => return None,
        };
        self.happened += 1;
        self.schedule.within.is_none_or(|within| at < within).then_some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(rate: f64) -> Schedule {
        let (burst, within, events) = (None, None, Some(5));
        Schedule { rate, arrivals: Arrivals::Even, burst, within, events }
    }

    #[track_caller]
    fn check(schedule: &Schedule, expected_ms: &[u128]) {
        let instants: Vec<u128> = schedule.instants(1).map(|at| at.as_millis()).collect();
        assert_eq!(instants, expected_ms, "{schedule:?}");
    }

    #[test]
    fn events_happen_at_even_distances_and_in_bursts() {
        let burst = Some(Burst { events: 2, every: Duration::from_millis(150) });
        check(&schedule(10.0), &[0, 100, 200, 300, 400]);
        check(&Schedule { events: Some(2), ..schedule(0.5) }, &[0, 2_000]);
        check(&Schedule { burst, ..schedule(10.0) }, &[0, 100, 150, 150, 200]);
        check(&Schedule { burst, ..schedule(0.0) }, &[150, 150, 300, 300, 450]);
        // The next one would be due after the end of all clocks.
        check(&schedule(1e-18), &[0]);
        let within = Some(Duration::from_millis(200));
        check(&Schedule { within, ..schedule(10.0) }, &[0, 100]);
        check(&Schedule { within, events: None, burst, ..schedule(10.0) }, &[0, 100, 150, 150]);
    }

    #[test]
    fn random_distances_keep_the_rate_and_the_seed() {
        let events = Some(20_000);
        let poisson = Schedule { arrivals: Arrivals::Poisson, events, ..schedule(100.0) };
        let last = poisson.instants(7).last().unwrap();
        // 20 000 events at 100 a second: 200 s, with a standard deviation of 1.4 s.
        assert!((193.0..207.0).contains(&last.as_secs_f64()), "{last:?}");
        assert_eq!(poisson.instants(7).nth(99), poisson.instants(7).nth(99));
        assert_ne!(poisson.instants(7).nth(99), poisson.instants(8).nth(99));
    }

    #[test]
    fn a_schedule_on_which_nothing_happens_is_refused() {
        let wrong = |rate, burst| Schedule { burst, ..schedule(rate) }.check().unwrap_err();
        let burst = |events, millis| Some(Burst { events, every: Duration::from_millis(millis) });
        assert_eq!(wrong(0.0, None), ScheduleError::Never);
        assert_eq!(wrong(-1.0, None), ScheduleError::Rate);
        assert_eq!(wrong(f64::NAN, None), ScheduleError::Rate);
        assert_eq!(wrong(200_000.0, None), ScheduleError::Rate);
        assert_eq!(wrong(0.0, burst(0, 100)), ScheduleError::Burst);
        assert_eq!(wrong(0.0, burst(1, 0)), ScheduleError::Burst);
        assert_eq!(Schedule { burst: burst(1, 1), ..schedule(0.0) }.check(), Ok(()));
    }

    #[test]
    fn bursts_are_read_as_people_write_them() {
        let every = Duration::from_secs(30);
        assert_eq!("100@30s".parse(), Ok(Burst { events: 100, every }));
        for text in ["100", "100@", "@30s", "-1@30s", "x@30s", "100@30"] {
            let error = text.parse::<Burst>().unwrap_err().to_string();
            assert!(error.contains("write 100@30s"), "{error}");
        }
    }
}
