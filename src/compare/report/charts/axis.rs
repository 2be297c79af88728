//! Numbers on a line.

use crate::compare::words::duration;

/// How numbers lie on an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scale {
    /// At equal distances; 0 is on it.
    Linear,
    /// The same for milliseconds, with ticks at whole minutes, hours and days.
    Duration,
    /// Each tenfold at an equal distance, from this number on; what is below is at the axis' start.
    Log(f64),
    /// The same for milliseconds, from one on.
    LogDuration,
    /// Milliseconds on both sides of 0, each tenfold at an equal distance but for those below
    /// [`SIGNED_LEAST_MS`], which lie around 0.
    SignedLogDuration,
}

/// What a logarithmic axis of durations begins with.
pub(super) const LEAST_MS: f64 = 1.0;
/// Where the tenfolds of [`Scale::SignedLogDuration`] begin.
const SIGNED_LEAST_MS: f64 = 10.0;

/// Durations that people call round, in milliseconds; the finest list first.
const ROUND_MS: [&[f64]; 3] = [
    &[
        1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1e3, 2e3, 5e3, 1e4, 3e4, 6e4, 1.2e5,
        3e5, 6e5, 1.8e6, 3.6e6, 7.2e6, 1.8e7, 4.32e7, 8.64e7, 1.728e8, 4.32e8, 8.64e8, 8.64e9,
        8.64e10, 8.64e11, 8.64e12,
    ],
    &[
        1.0, 10.0, 100.0, 1e3, 1e4, 6e4, 6e5, 3.6e6, 3.6e7, 8.64e7, 8.64e8, 8.64e9, 8.64e10,
        8.64e11, 8.64e12,
    ],
    &[1.0, 100.0, 1e4, 6e5, 8.64e7, 8.64e9, 8.64e11],
];

/// An axis, in the numbers that lie at equal distances on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axis {
    scale: Scale,
    from: f64,
    to: f64,
    span: (f64, f64),
}

impl Axis {
    /// An axis that holds these numbers, from one place of the picture to another.
    pub(super) fn over(
        numbers: impl IntoIterator<Item = f64>,
        scale: Scale,
        span: (f64, f64),
    ) -> Self {
        let none = (f64::INFINITY, f64::NEG_INFINITY);
        let (low, high) = numbers
            .into_iter()
            .filter(|number| number.is_finite())
            .fold(none, |(low, high), number| (low.min(number), high.max(number)));
        let (low, high) = if low <= high { (low, high) } else { (0.0, 0.0) };
        let (low, high) = match scale {
            Scale::Linear | Scale::Duration | Scale::SignedLogDuration => {
                (low.min(0.0), high.max(0.0))
            }
            Scale::Log(least) => (below(low.max(least)), above(high.max(least))),
            Scale::LogDuration => {
                let [finest, ..] = ROUND_MS;
                let (low, high) = (low.max(LEAST_MS), high.max(LEAST_MS));
                let start = finest.iter().rev().find(|round| **round <= low);
                let end = finest.iter().find(|round| **round >= high);
                (*start.unwrap_or(&low), *end.unwrap_or(&high))
            }
        };
        let (from, to) = (scale.place(low), scale.place(high));
        // One number alone is an axis too.
        let to = if to - from > 0.0 { to } else { from + 1.0 };
        Self { scale, from, to, span }
    }

    /// Where a number is; at the nearest end where it is beyond.
    pub(super) fn at(&self, number: f64) -> f64 {
        let share = (self.scale.place(number) - self.from) / (self.to - self.from);
        let share = if share.is_nan() { 0.0 } else { share };
        let (start, end) = self.span;
        start + share.clamp(0.0, 1.0) * (end - start)
    }

    /// Round numbers on the axis, so many at most.
    pub(super) fn ticks(&self, most: usize) -> Vec<f64> {
        match self.scale {
            Scale::Linear => self.steps(1.0, most),
            Scale::Duration => self.steps(unit(self.from.abs().max(self.to.abs())), most),
            Scale::Log(_) => self.tenfolds(most),
            Scale::LogDuration | Scale::SignedLogDuration => self.durations(most),
        }
    }

    fn steps(&self, unit: f64, most: usize) -> Vec<f64> {
        let most = u32::try_from(most.max(2)).map_or(2.0, f64::from);
        let step = round_step((self.to - self.from) / unit / (most - 1.0)) * unit;
        let mut ticks = Vec::new();
        let mut tick = (self.from / step).ceil() * step;
        while tick <= self.to + step * 1e-9 && ticks.len() < 32 {
            // −0 is 0.
            ticks.push(tick + 0.0);
            tick += step;
        }
        ticks
    }

    /// 1, 2 and 5 of each tenfold; the tenfolds alone, or some of them, where that is too much.
    fn tenfolds(&self, most: usize) -> Vec<f64> {
        let tenfolds: Vec<f64> =
            std::iter::successors(Some(self.from.floor()), |at| Some(at + 1.0))
                .take_while(|at| *at <= self.to + 1e-9)
                .take(64)
                .collect();
        let all = |round: &[f64]| {
            let numbers =
                tenfolds.iter().flat_map(|at| round.iter().map(|round| round * 10_f64.powf(*at)));
            self.held(numbers)
        };
        let fine = all(&[1.0, 2.0, 5.0]);
        if fine.len() <= most {
            return fine;
        }
        let coarse = all(&[1.0]);
        let every = coarse.len().div_ceil(most.max(1)).max(1);
        coarse.into_iter().step_by(every).collect()
    }

    fn durations(&self, most: usize) -> Vec<f64> {
        let mut ticks = Vec::new();
        for round in ROUND_MS {
            ticks = match self.scale {
                Scale::SignedLogDuration => {
                    let far = round.iter().filter(|ms| **ms >= SIGNED_LEAST_MS);
                    let both = far.flat_map(|ms| [-ms, *ms]).chain([0.0]);
                    self.held(both)
                }
                _ => self.held(round.iter().copied()),
            };
            if ticks.len() <= most {
                break;
            }
        }
        ticks.sort_unstable_by(f64::total_cmp);
        ticks
    }

    /// Those that are on the axis.
    fn held(&self, numbers: impl Iterator<Item = f64>) -> Vec<f64> {
        let slack = (self.to - self.from) * 1e-9;
        let inside = self.from - slack..=self.to + slack;
        numbers.filter(|number| inside.contains(&self.scale.place(*number))).collect()
    }
}

impl Scale {
    fn place(self, number: f64) -> f64 {
        match self {
            Self::Linear | Self::Duration => number,
            Self::Log(least) => number.max(least).log10(),
            Self::LogDuration => number.max(LEAST_MS).log10(),
            Self::SignedLogDuration => (number.abs() / SIGNED_LEAST_MS).ln_1p().copysign(number),
        }
    }
}

/// The scale that shows these milliseconds best: linear, unless a few are far from all others.
pub(super) fn signed_scale(numbers: &[f64]) -> Scale {
    let mut sizes: Vec<f64> = numbers.iter().map(|number| number.abs()).collect();
    sizes.sort_unstable_by(f64::total_cmp);
    let middle = sizes.get(sizes.len() / 2).copied().unwrap_or(0.0);
    let largest = sizes.last().copied().unwrap_or(0.0);
    if largest > middle * 20.0 && largest > 1_000.0 {
        Scale::SignedLogDuration
    } else {
        Scale::Duration
    }
}

/// A tick of an axis of durations.
pub(super) fn duration_tick(ms: f64) -> String {
    duration(ms).replace('-', "−")
}

/// Milliseconds in the unit in which [`duration`] words numbers of this size.
fn unit(size_ms: f64) -> f64 {
    match size_ms {
        _ if size_ms < 120e3 => 1.0,
        _ if size_ms < 7_200e3 => 60e3,
        _ if size_ms < 259_200e3 => 3_600e3,
        _ => 86_400e3,
    }
}

/// The next 1, 2 or 5 with zeros that is no smaller.
fn round_step(step: f64) -> f64 {
    above(step)
}

fn above(number: f64) -> f64 {
    let ten = 10_f64.powf(number.log10().floor());
    let slack = 1.0 - 1e-9;
    let rounds = [1.0, 2.0, 5.0].map(|round| round * ten);
    rounds.into_iter().find(|round| *round >= number * slack).unwrap_or(ten * 10.0)
}

fn below(number: f64) -> f64 {
    let ten = 10_f64.powf(number.log10().floor());
    let slack = 1.0 + 1e-9;
    let rounds = [5.0, 2.0, 1.0].map(|round| round * ten);
    rounds.into_iter().find(|round| *round <= number * slack).unwrap_or(ten)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(numbers: &[f64], scale: Scale, ticks: &[f64]) {
        let axis = Axis::over(numbers.iter().copied(), scale, (24.0, 536.0));
        let found = axis.ticks(6);
        assert_eq!(found.len(), ticks.len(), "{found:?}");
        for (found, tick) in found.iter().zip(ticks) {
            assert!((found - tick).abs() <= tick.abs() * 1e-9, "{found} for {tick}");
        }
        for number in numbers.iter().chain(&found) {
            let x = axis.at(*number);
            assert!((24.0..=536.0).contains(&x), "{number} at {x}");
        }
    }

    #[test]
    fn a_linear_axis_has_round_numbers_and_zero() {
        check(&[61.0, 1_350.0], Scale::Linear, &[0.0, 500.0, 1_000.0]);
        check(&[-8_130.0, 4_240.0], Scale::Linear, &[-5_000.0, 0.0]);
        check(&[0.0], Scale::Linear, &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        check(&[f64::NAN, f64::INFINITY], Scale::Linear, &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
    }

    #[test]
    fn durations_have_ticks_at_whole_minutes() {
        check(&[240e3], Scale::Duration, &[0.0, 60e3, 120e3, 180e3, 240e3]);
        check(
            &[-3_600e3 * 9.0],
            Scale::Duration,
            &[-8.0, -6.0, -4.0, -2.0, 0.0].map(|h| h * 3_600e3),
        );
    }

    #[test]
    fn a_logarithmic_axis_has_powers_of_ten_or_finer() {
        check(&[0.0, 0.003], Scale::Log(1e-4), &[1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3]);
        check(&[0.0, 0.009], Scale::Log(1e-5), &[1e-5, 1e-4, 1e-3, 1e-2]);
        check(&[0.000_2, 0.001], Scale::Log(1e-5), &[0.000_2, 0.000_5, 0.001]);
        check(&[], Scale::Log(1.0), &[1.0, 2.0, 5.0, 10.0]);
        check(&[50.9, 2_810.0], Scale::LogDuration, &[100.0, 1e3]);
        check(&[50.9, 480.0], Scale::LogDuration, &[50.0, 100.0, 200.0, 500.0]);
        check(&[0.0, 3.6e6], Scale::LogDuration, &[1.0, 100.0, 1e4, 6e5]);
    }

    #[test]
    fn the_scale_bends_when_one_number_is_far_from_all_others() {
        assert_eq!(signed_scale(&[300.0, 400.0, -900.0]), Scale::Duration);
        assert_eq!(signed_scale(&[300.0, 400.0, 400.0, -3.6e6]), Scale::SignedLogDuration);
        assert_eq!(signed_scale(&[]), Scale::Duration);
        let axis = Axis::over([-3.6e6, 400.0], Scale::SignedLogDuration, (0.0, 100.0));
        let places = [-3.6e6, -400.0, 0.0, 400.0].map(|ms| axis.at(ms));
        assert!(places.is_sorted() && (places[0], places[3]) == (0.0, 100.0), "{places:?}");
    }
}
