//! A line of rates, small enough to stand beside a number.

use super::PathData;

/// The picture's measures; the page stretches it.
pub(in crate::admin::pages) const WIDTH: u32 = 240;
const HEIGHT: f64 = 44.0;
/// So that the line's own width is not cut off.
const MARGIN: f64 = 2.0;

/// A line, and the area below it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::admin::pages) struct Sparkline {
    pub(in crate::admin::pages) line: PathData,
    pub(in crate::admin::pages) area: PathData,
}

impl Sparkline {
    /// From values at equal distances, the last at the right end; where there is none, the line breaks.
    /// `top` is the value at the upper edge.
    pub(in crate::admin::pages) fn draw(values: &[Option<f64>], top: f64) -> Self {
        let steps = u32::try_from(values.len().saturating_sub(1)).unwrap_or(u32::MAX).max(1);
        let step = f64::from(WIDTH) / f64::from(steps);
        let y = |value: f64| {
            let share = if top > 0.0 { (value / top).clamp(0.0, 1.0) } else { 0.0 };
            HEIGHT - MARGIN - share * (HEIGHT - 2.0 * MARGIN)
        };
        let mut sparkline = Self::default();
        let mut run: Vec<(f64, f64)> = Vec::new();
        for (index, value) in (0_u32..).zip(values) {
            match value {
                Some(value) => run.push((f64::from(index) * step, y(*value))),
                None => sparkline.add(&std::mem::take(&mut run)),
            }
        }
        sparkline.add(&run);
        sparkline
    }

    fn add(&mut self, run: &[(f64, f64)]) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { return };
        for (index, point) in run.iter().enumerate() {
            let command = if index == 0 { 'M' } else { 'L' };
            self.line.push(command, *point);
            self.area.push(command, *point);
        }
        self.area.push('L', (last.0, HEIGHT));
        self.area.push('L', (first.0, HEIGHT));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[Option<f64>], top: f64, line: &str) {
        assert_eq!(Sparkline::draw(values, top).line.to_string(), line);
    }

    #[test]
    fn values_go_from_the_lower_to_the_upper_edge() {
        check(&[Some(0.0), Some(5.0), Some(10.0)], 10.0, "M0 42L120 22L240 2");
        check(&[Some(20.0), Some(0.0)], 10.0, "M0 2L240 42");
        check(&[Some(0.0), Some(0.0)], 0.0, "M0 42L240 42");
    }

    #[test]
    fn the_line_breaks_where_nothing_is_known() {
        check(&[None, Some(0.0), None, Some(10.0), Some(0.0)], 10.0, "M60 42M180 2L240 42");
        check(&[], 1.0, "");
    }

    #[test]
    fn the_area_reaches_the_ground() {
        let area = Sparkline::draw(&[Some(1.0), Some(1.0)], 1.0).area;
        assert_eq!(area.to_string(), "M0 2L240 2L240 44L0 44");
    }
}
