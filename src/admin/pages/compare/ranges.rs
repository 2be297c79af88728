//! Numbers with their uncertainty, one under the other on a common axis.

/// One line of the chart: from one end to the other, with what lies between marked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Range<'a> {
    /// `webhook`, `eventbridge` or `neutral`: gives the colour.
    pub(super) kind: &'static str,
    pub(super) title: &'a str,
    pub(super) low: f64,
    pub(super) high: f64,
    /// The number itself: a large mark.
    pub(super) estimate: f64,
    /// Others between the ends: small marks.
    pub(super) between: Vec<f64>,
    /// The same in words.
    pub(super) words: String,
}

/// How numbers lie on the axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scale {
    /// At equal distances; 0 is on it.
    Linear,
    /// Each tenfold at an equal distance, from this number on; what is below is at its left end.
    Log(f64),
}

/// Where everything is, in the units of the picture: [`WIDTH`] wide.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chart {
    pub(super) height: u32,
    pub(super) axis_y: u32,
    pub(super) lines: Vec<Line>,
    pub(super) ticks: Vec<Tick>,
    pub(super) limit: Option<Tick>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub(super) kind: &'static str,
    pub(super) title: String,
    pub(super) words: String,
    pub(super) y: u32,
    pub(super) low: String,
    pub(super) high: String,
    pub(super) estimate: String,
    pub(super) between: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub(super) x: String,
    pub(super) text: String,
}

/// The picture's width.
pub(super) const WIDTH: f64 = 560.0;
/// Room for the texts at both ends of the axis.
const MARGIN: f64 = 24.0;
const LINE_HEIGHT: u32 = 48;
const AXIS_HEIGHT: u32 = 32;
/// Ticks on a linear axis, about.
const TICKS: f64 = 5.0;

/// Lays out the ranges; `say` words a number for the axis, `limit` is a line across all of them.
pub(super) fn chart(
    ranges: &[Range<'_>],
    scale: Scale,
    limit: Option<f64>,
    say: impl Fn(f64) -> String,
) -> Chart {
    let numbers = ranges.iter().flat_map(|range| [range.low, range.high]).chain(limit);
    let axis = Axis::over(numbers, scale);
    let place = |number: f64| place(axis.x(number));
    let mut lines = Vec::new();
    let mut y = LINE_HEIGHT - 12;
    for range in ranges {
        lines.push(Line {
            kind: range.kind,
            title: range.title.to_owned(),
            words: range.words.clone(),
            y,
            low: place(range.low),
            high: place(range.high),
            estimate: place(range.estimate),
            between: range.between.iter().map(|number| place(*number)).collect(),
        });
        y += LINE_HEIGHT;
    }
    let axis_y = y - LINE_HEIGHT + 20;
    let tick = |number: f64| Tick { x: place(number), text: say(number) };
    let ticks = axis.ticks().into_iter().map(tick).collect();
    let limit = limit.map(|limit| Tick { x: place(limit), text: say(limit) });
    Chart { height: axis_y + AXIS_HEIGHT, axis_y, lines, ticks, limit }
}

/// A coordinate in markup.
fn place(x: f64) -> String {
    format!("{x:.1}")
}

/// The axis, in the numbers it shows (logarithms on a logarithmic one).
#[derive(Debug, Clone, Copy, PartialEq)]
struct Axis {
    scale: Scale,
    from: f64,
    to: f64,
}

impl Axis {
    fn over(numbers: impl Iterator<Item = f64>, scale: Scale) -> Self {
        let none = (f64::INFINITY, f64::NEG_INFINITY);
        let (low, high) = numbers
            .filter(|number| number.is_finite())
            .fold(none, |(low, high), number| (low.min(number), high.max(number)));
        let (from, to) = match scale {
            Scale::Linear => (low.min(0.0), high.max(0.0)),
            Scale::Log(least) => (low.max(least).log10().floor(), high.max(least).log10().ceil()),
        };
        let (from, to) = if from.is_finite() && to.is_finite() { (from, to) } else { (0.0, 1.0) };
        // One number alone is an axis too.
        let to = if to - from > 0.0 { to } else { from + 1.0 };
        Self { scale, from, to }
    }

    fn x(&self, number: f64) -> f64 {
        let on_axis = match self.scale {
            Scale::Linear => number,
            Scale::Log(least) => number.max(least).log10(),
        };
        let share = ((on_axis - self.from) / (self.to - self.from)).clamp(0.0, 1.0);
        MARGIN + share * (WIDTH - 2.0 * MARGIN)
    }

    fn ticks(&self) -> Vec<f64> {
        let step = match self.scale {
            Scale::Log(_) => 1.0,
            Scale::Linear => round_step((self.to - self.from) / TICKS),
        };
        let mut ticks = Vec::new();
        let mut at = (self.from / step).ceil() * step;
        while at <= self.to + step * 1e-9 {
            ticks.push(match self.scale {
                Scale::Linear => at,
                Scale::Log(_) => 10_f64.powf(at),
            });
            at += step;
        }
        ticks
    }
}

/// The next 1, 2 or 5 with zeros that is no smaller.
fn round_step(step: f64) -> f64 {
    let ten = 10_f64.powf(step.log10().floor());
    let steps = [1.0, 2.0, 5.0].map(|round| round * ten);
    steps.into_iter().find(|round| *round >= step).unwrap_or(ten * 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(numbers: &[f64], scale: Scale, ticks: &[f64]) {
        let axis = Axis::over(numbers.iter().copied(), scale);
        let found = axis.ticks();
        assert_eq!(found.len(), ticks.len(), "{found:?}");
        for (found, tick) in found.iter().zip(ticks) {
            assert!((found - tick).abs() < 1e-9, "{found} for {tick}");
        }
        for number in numbers {
            let x = axis.x(*number);
            assert!((MARGIN..=WIDTH - MARGIN).contains(&x), "{number} at {x}");
        }
    }

    #[test]
    fn a_linear_axis_has_round_numbers_and_zero() {
        check(&[61.0, 1_350.0], Scale::Linear, &[0.0, 500.0, 1_000.0]);
        check(&[-8_130.0, 4_240.0], Scale::Linear, &[-5_000.0, 0.0]);
        check(&[0.0], Scale::Linear, &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
    }

    #[test]
    fn a_logarithmic_axis_has_powers_of_ten() {
        check(&[50.9, 2_810.0], Scale::Log(1.0), &[10.0, 100.0, 1_000.0, 10_000.0]);
        check(&[0.0, 0.003], Scale::Log(1e-4), &[1e-4, 1e-3, 1e-2]);
        check(&[], Scale::Log(1.0), &[1.0, 10.0]);
    }

    #[test]
    fn lines_stand_under_each_other() {
        let range = |kind| Range {
            kind,
            title: kind,
            low: 1.0,
            high: 100.0,
            estimate: 10.0,
            between: vec![20.0],
            words: "ten".into(),
        };
        let ranges = [range("webhook"), range("eventbridge")];
        let chart = chart(&ranges, Scale::Log(1.0), Some(1_000.0), |number| number.to_string());
        let [first, second] = &chart.lines[..] else { panic!("two lines") };
        assert!(first.y < second.y && second.y < chart.axis_y && chart.axis_y < chart.height);
        assert_eq!((first.low.as_str(), first.estimate.as_str()), ("24.0", "194.7"));
        assert_eq!(chart.limit.unwrap().x, "536.0");
    }
}
