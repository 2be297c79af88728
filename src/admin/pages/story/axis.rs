//! Where instants are drawn: to scale, but for long times in which nothing happens.
//!
//! An event comes within a second and may be retried for a day. To scale, its coming would be a dot; so
//! a gap between two instants that is longer than what there is to see is drawn as a break, of a width
//! that grows with its length, slowly, and is marked.

use crate::admin::pages::moment;

/// The drawing begins and ends this far from the edges, in percent of the width.
const MARGIN: f64 = 1.5;
/// Two labels are at least so far apart, in percent of the width.
const APART: f64 = 13.0;

/// Places for instants, in percent of the width.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    /// Instants in ascending order, in milliseconds, and where they are.
    knots: Vec<(f64, f64)>,
    /// Gaps that are not to scale.
    breaks: Vec<Break>,
    /// Percent a millisecond, where it is to scale.
    scale: f64,
}

/// A gap that is not to scale.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Break {
    /// Where it begins, in percent.
    pub(super) from: f64,
    /// Where it ends, in percent.
    pub(super) to: f64,
    /// How long it is, in milliseconds.
    pub(super) length: f64,
}

/// A place with a label.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    /// Where, in percent.
    pub(super) at: f64,
    pub(super) label: String,
}

impl Axis {
    /// For these instants. Gaps up to `whole` milliseconds are to scale.
    pub(super) fn new(instants: impl IntoIterator<Item = f64>, whole: f64) -> Self {
        let mut instants: Vec<f64> = instants.into_iter().chain([0.0]).collect();
        instants.sort_by(f64::total_cmp);
        instants.dedup();
        let whole = whole.max(1.0);
        let gaps = || instants.windows(2).filter_map(|pair| Some(pair.last()? - pair.first()?));
        let width: f64 = gaps().map(|gap| width(gap, whole)).sum();
        let scale = if width > 0.0 { (100.0 - 2.0 * MARGIN) / width } else { 0.0 };
        let mut at = MARGIN;
        let first = instants.first().copied().unwrap_or_default();
        let (mut knots, mut breaks) = (vec![(first, at)], Vec::new());
        for (gap, instant) in gaps().zip(instants.iter().skip(1)) {
            let next = at + width_at(gap, whole, scale);
            if gap > whole {
                breaks.push(Break { from: at, to: next, length: gap });
            }
            at = next;
            knots.push((*instant, at));
        }
        Self { knots, breaks, scale }
    }

    /// Where an instant is; outside of all, at the nearest end.
    pub(super) fn place(&self, ms: f64) -> f64 {
        let after = self.knots.iter().position(|(instant, _)| *instant >= ms);
        let (Some(after), last) = (after, self.knots.last()) else {
            return self.knots.last().map_or(MARGIN, |(_, at)| *at);
        };
        let to = self.knots.get(after).or(last);
        let from = after.checked_sub(1).and_then(|before| self.knots.get(before));
        match (from, to) {
            (Some((from, left)), Some((to, right))) => {
                left + (right - left) * (ms - from) / (to - from)
            }
            (None, Some((_, at))) | (Some((_, at)), None) => *at,
            (None, None) => MARGIN,
        }
    }

    pub(super) fn breaks(&self) -> &[Break] {
        &self.breaks
    }

    /// Round times up to the first break, and where it goes on after each.
    pub(super) fn ticks(&self) -> Vec<Tick> {
        let to_scale = self.breaks.first().map_or(100.0, |first| first.from);
        let mut ticks: Vec<Tick> = Vec::new();
        let step = step(APART / self.scale.max(1e-12));
        let zero = self.place(0.0);
        let mut label = |at: f64, ms: f64| {
            let is_free = ticks.last().is_none_or(|last: &Tick| at - last.at >= APART);
            // A label stands right of its place, and has to fit in.
            if is_free && (at <= 100.0 - APART || ticks.is_empty()) {
                ticks.push(Tick { at, label: shown(ms) });
            }
        };
        let first = self.knots.first().map_or(0.0, |(ms, _)| *ms);
        let mut ms = (first / step).ceil() * step;
        // What lies before a break is not to scale: an event's time may be ahead of this host's clock by
        // years, and its first arrival as far before the axis.
        let first_shown = (-zero / self.scale.max(1e-12) / step).ceil() * step;
        ms = ms.max(first_shown);
        for _ in 0..TICKS_MAX {
            if zero + ms * self.scale > to_scale + 1e-9 || self.scale <= 0.0 {
                break;
            }
            label(zero + ms * self.scale, ms);
            ms += step;
        }
        for gone in &self.breaks {
            let knot = self.knots.iter().find(|(_, at)| (at - gone.to).abs() < 1e-9);
            if let Some((ms, at)) = knot {
                label(*at, *ms);
            }
        }
        ticks
    }
}

/// No axis has room for more.
const TICKS_MAX: u32 = 200;

fn shown(ms: f64) -> String {
    if ms == 0.0 { "0".to_owned() } else { moment::after(ms) }
}

/// How wide a gap is, in milliseconds that are to scale.
fn width(gap: f64, whole: f64) -> f64 {
    if gap <= whole { gap } else { whole * (0.12 + 0.06 * (gap / whole).log10()) }
}

fn width_at(gap: f64, whole: f64, scale: f64) -> f64 {
    width(gap, whole) * scale
}

/// The first of 1, 2, 5, 10, … that is no less.
fn step(least: f64) -> f64 {
    let power = 10_f64.powf(least.max(1.0).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * power);
    steps.into_iter().find(|step| *step >= least).unwrap_or(power * 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(axis: &Axis, instants: &[f64]) -> Vec<f64> {
        instants.iter().map(|ms| (axis.place(*ms) * 10.0).round() / 10.0).collect()
    }

    #[test]
    fn what_is_short_is_to_scale() {
        let axis = Axis::new([100.0, 400.0, 1_000.0], 1_000.0);
        assert_eq!(places(&axis, &[0.0, 100.0, 250.0, 1_000.0]), [1.5, 11.2, 25.8, 98.5]);
        assert_eq!(axis.breaks(), []);
        let labels: Vec<String> = axis.ticks().into_iter().map(|tick| tick.label).collect();
        assert_eq!(labels, ["0", "+200 ms", "+400 ms", "+600 ms", "+800 ms"]);
    }

    #[test]
    fn a_long_wait_is_a_break_that_leaves_room_for_the_rest() {
        let axis = Axis::new([100.0, 1_000.0, 3_601_000.0, 3_601_100.0], 1_000.0);
        let [gone] = axis.breaks() else { panic!("{axis:?}") };
        assert!((gone.length - 3_600_000.0).abs() < 1e-6);
        assert!(gone.to - gone.from < 25.0, "{gone:?}");
        assert!(axis.place(1_000.0) > 60.0);
        let labels: Vec<String> = axis.ticks().into_iter().map(|tick| tick.label).collect();
        assert_eq!(labels.first().map(String::as_str), Some("0"));
    }

    #[test]
    fn a_time_far_ahead_of_this_host_has_few_ticks() {
        for ahead_ms in [6e4, 3.6e6, 8.64e7, 5.5e12] {
            let axis = Axis::new([-ahead_ms, -ahead_ms + 3.0, 0.0], 0.0);
            assert!(axis.ticks().len() < 30, "{ahead_ms} ms ahead");
        }
    }

    #[test]
    fn places_keep_the_order_of_instants() {
        let instants = [-900.0, 0.0, 84.0, 85.0, 640.0, 900.0, 2e3, 4e3, 8e3, 3.6e6, 8.64e7];
        let axis = Axis::new(instants, 900.0);
        let places = places(&axis, &instants);
        assert!(places.is_sorted(), "{places:?}");
        assert_eq!((places.first(), places.last()), (Some(&1.5), Some(&98.5)));
        let ticks = axis.ticks();
        assert!(ticks.windows(2).all(|pair| pair[1].at - pair[0].at >= APART), "{ticks:?}");
        assert_eq!(self::places(&axis, &[-1e9, 1e12]), [1.5, 98.5]);
    }

    #[test]
    fn one_instant_is_an_axis_too() {
        let axis = Axis::new([], 0.0);
        assert_eq!(places(&axis, &[0.0, 5.0]), [1.5, 1.5]);
        assert!(axis.ticks().len() <= 1);
    }
}
