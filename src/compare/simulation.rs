//! How often the interval of a quantile holds the truth, by simulation: a day of events, some by the
//! minute, whose delays are not independent of each other. `docs/STATISTICS.md` has the table.

use super::bootstrap::quantile_interval;
use super::normal;
use super::proportion::Interval;
use super::reference::table;
use crate::summary::{Precision, Sketch};

const MINUTES: u32 = 1_440;
const RUNS: u32 = 1_000;

/// How events come, and what their delays have to do with each other.
#[derive(Debug, Clone, Copy)]
struct Scenario {
    /// Events a minute, on average.
    rate: f64,
    /// Events come in bursts of a few seconds, of so many on average.
    burst: f64,
    /// How much of the logarithm's variance a burst has in common.
    shared: f64,
    /// A path's level forgets in so many minutes (first-order autoregressive in time).
    memory: f64,
    /// 0: the delays are log-normal. 0.4: their variance is infinite, with a tail like Pareto's of 1.25.
    heaviness: f64,
}

const STEADY: Scenario =
    Scenario { rate: 2.0, burst: 1.0, shared: 0.0, memory: 0.0, heaviness: 0.0 };

/// Of the two paths' levels one is drawn after the other, each with the variance 1.
#[derive(Debug, Default)]
struct Level {
    slow: f64,
    burst: f64,
}

impl Level {
    fn draw(&mut self, scenario: &Scenario, passed: f64, random: &mut Random) -> f64 {
        let kept = if scenario.memory > 0.0 { (-passed / scenario.memory).exp() } else { 0.0 };
        self.slow = kept * self.slow + (1.0 - kept * kept).sqrt() * random.normal();
        scenario.shared.sqrt() * self.burst + (1.0 - scenario.shared).sqrt() * self.slow
    }
}

struct Random(fastrand::Rng);

impl Random {
    fn normal(&mut self) -> f64 {
        normal::quantile(self.0.f64().clamp(1e-16, 1.0 - 1e-16))
    }

    fn exponential(&mut self) -> f64 {
        -(1.0 - self.0.f64()).ln()
    }
}

fn delay(level: f64, heaviness: f64) -> f64 {
    300.0 * (0.5 * level + heaviness * level * level.abs()).exp()
}

/// A day: the differences and EventBridge's latencies, minute by minute.
fn day(scenario: &Scenario, random: &mut Random) -> [Vec<Sketch>; 2] {
    let empty = |precision| (0..MINUTES).map(|_| Sketch::new(precision)).collect::<Vec<_>>();
    let mut minutes = [empty(Precision::PerMille), empty(Precision::Percent)];
    let mut levels = [Level::default(), Level::default()];
    for level in &mut levels {
        level.slow = random.normal();
    }
    let mut clock = 0.0;
    loop {
        let passed = random.exponential() * scenario.burst / scenario.rate;
        clock += passed;
        let Some(index) = (0..MINUTES).nth(whole(clock)).and_then(|at| usize::try_from(at).ok())
        else {
            return minutes;
        };
        for level in &mut levels {
            level.burst = random.normal();
        }
        let mut since = passed;
        loop {
            let [webhook, eventbridge] = levels
                .each_mut()
                .map(|level| delay(level.draw(scenario, since, random), scenario.heaviness));
            let eventbridge = 500.0 + 2.0 * eventbridge;
            minutes[0][index].add(eventbridge - webhook);
            minutes[1][index].add(eventbridge);
            since = 0.000_1;
            if random.0.f64() * scenario.burst < 1.0 {
                break;
            }
        }
    }
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "minutes"
)]
fn whole(clock: f64) -> usize {
    clock as usize
}

fn interval(minutes: &[Sketch], p: f64, confidence: f64) -> Option<Interval> {
    quantile_interval(&minutes.iter().collect::<Vec<_>>(), p, confidence)
}

/// In which share of the days there was an interval that held the truth, and one that did not.
fn held(scenario: &Scenario, confidence: f64) -> [[f64; 2]; 2] {
    let mut random = Random(fastrand::Rng::with_seed(20_260_302));
    let median = table()
        .simulated_median
        .iter()
        .find(|case| (case.heaviness - scenario.heaviness).abs() < 0.01)
        .unwrap()
        .median;
    let p99 = 500.0 + 2.0 * delay(normal::quantile(0.99), scenario.heaviness);
    let mut counts = [[0_u32; 2]; 2];
    for _ in 0..RUNS {
        let [differences, latencies] = day(scenario, &mut random);
        let intervals = [
            (interval(&differences, 0.5, confidence), median),
            (interval(&latencies, 0.99, confidence), p99),
        ];
        for ((interval, truth), count) in intervals.into_iter().zip(&mut counts) {
            if let Some(interval) = interval {
                let held = (interval.low..=interval.high).contains(&truth);
                count[usize::from(!held)] += 1;
            }
        }
    }
    counts.map(|count| count.map(|count| f64::from(count) / f64::from(RUNS)))
}

/// The median's interval holds the truth in 93 to 97 % of days; the quantile 0.99's is wrong on 5 % at most,
/// and not given where the day tells too little.
#[track_caller]
fn check(scenario: &Scenario) {
    let [median, p99] = held(scenario, 0.95);
    assert!((0.93..=0.97).contains(&median[0]), "median held {median:?}");
    assert!(p99[1] <= 0.03, "p99 {p99:?}");
}

#[test]
fn independent_delays() {
    check(&STEADY);
}

#[test]
fn delays_that_remember_three_minutes() {
    check(&Scenario { memory: 3.0, ..STEADY });
}

#[test]
fn delays_that_remember_ten_minutes() {
    check(&Scenario { memory: 10.0, ..STEADY });
}

#[test]
fn bursts_with_common_delays() {
    check(&Scenario { rate: 5.0, burst: 15.0, shared: 0.7, ..STEADY });
}

#[test]
fn bursts_with_delays_that_remember_too() {
    check(&Scenario { rate: 5.0, burst: 10.0, shared: 0.5, memory: 5.0, ..STEADY });
}

#[test]
fn heavy_tails_that_remember() {
    check(&Scenario { memory: 5.0, heaviness: 0.4, ..STEADY });
}

#[test]
fn another_confidence_holds_as_often_as_it_says() {
    let [median, _] = held(&Scenario { memory: 5.0, rate: 2.0, ..STEADY }, 0.8);
    assert!((0.77..0.84).contains(&median[0]), "{median:?}");
}
