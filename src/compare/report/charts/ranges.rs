//! Losses with their intervals, one under the other, and what is allowed.

use super::axis::{Axis, Scale};
use super::picture::{Anchor, PathData, Shape, Size};
use super::plot::Area;
use super::{Drawn, Figure};
use crate::compare::report::said::title;
use crate::compare::report::sheets::{Row, Sheet};
use crate::compare::words::percent;
use crate::compare::{Document, Interval};
use crate::event::Path;

/// No loss that can be measured is smaller.
const LOSS_MIN: f64 = 1e-12;
const LINE_HEIGHT: f64 = 48.0;
const TOP: f64 = 24.0;

struct Range {
    path: Path,
    loss: Interval,
    /// Of what it is: the window or the time in which both doors were open.
    of: &'static str,
}

/// Each path's loss, and the threshold.
pub(super) fn losses(document: &Document) -> Option<Figure> {
    let ranges: Vec<Range> =
        Path::ALL.into_iter().filter_map(|path| range(document, path)).collect();
    let allowed = document.method.loss_max;
    let numbers = Sheet {
        id: "chart-loss",
        title: "Loss, and what is allowed",
        columns: vec!["loss", "from", "to"],
        rows: ranges
            .iter()
            .map(|range| {
                let Interval { estimate, low, high } = range.loss;
                let title = format!("{}, {}", range.path, range.of);
                Row::new(title, [estimate, low, high].map(percent))
            })
            .collect(),
    };
    let each = ranges.iter().map(|range| {
        let stands = match range.loss {
            loss if loss.high <= allowed => "within",
            loss if loss.low > allowed => "over",
            _ => "not yet known to be within or over",
        };
        format!("{}: {}, {stands}", title(range.path), percent(range.loss.estimate))
    });
    let says = format!(
        "Share of the other path's events that each path missed, with its interval; up to {} is \
         allowed. {}.",
        percent(allowed),
        each.collect::<Vec<_>>().join("; ")
    );
    (!ranges.is_empty()).then(|| Figure::new(says, numbers, |size| draw(&ranges, allowed, size)))
}

fn range(document: &Document, path: Path) -> Option<Range> {
    let report = document.paths.of(path);
    let covered = report.covered.loss.map(|loss| (loss, "while both doors were open"));
    let (loss, of) = covered.or(report.loss.map(|loss| (loss, "over the whole window")))?;
    Some(Range { path, loss, of })
}

/// What a logarithmic axis begins with, so that 0 has a place left of all that is more.
fn least(ends: &[f64]) -> f64 {
    let smallest = ends.iter().copied().filter(|end| *end > 0.0).fold(1.0, f64::min);
    if ends.iter().any(|end| *end <= 0.0) {
        10_f64.powf((smallest / 3.0).log10().floor()).max(LOSS_MIN)
    } else {
        LOSS_MIN
    }
}

fn draw(ranges: &[Range], allowed: f64, size: Size) -> Drawn {
    let lines = u32::try_from(ranges.len()).map_or(1.0, f64::from);
    let area = Area { left: 24.0, ..Area::new(size, TOP, LINE_HEIGHT * lines) };
    let ends = ranges.iter().flat_map(|range| [range.loss.low, range.loss.high]);
    let ends: Vec<f64> = ends.chain([allowed]).filter(|end| end.is_finite()).collect();
    let least = least(&ends);
    let axis = Axis::over(ends, Scale::Log(least), area.across());
    let word = |tick: f64| if tick <= least { percent(0.0) } else { percent(tick) };
    let ticks: Vec<_> =
        axis.ticks(size.ticks).into_iter().map(|tick| (axis.at(tick), word(tick))).collect();
    let mut shapes = area.horizontal(&ticks, "share of events missed");
    let limit = axis.at(allowed);
    shapes.push(area.upright("limit", limit));
    let is_right = limit > size.width / 2.0;
    let (anchor, shift) = if is_right { (Anchor::End, -6.0) } else { (Anchor::Start, 6.0) };
    let at = (limit + shift, area.top - 8.0);
    let text = format!("allowed: {}", percent(allowed));
    shapes.push(Shape::Text { class: "bad", at, anchor, text });
    let mut y = area.top + LINE_HEIGHT * 0.7;
    for range in ranges {
        let kind = range.path.as_str();
        let at = (area.left, y - 16.0);
        let text = format!("{kind}: {}", percent(range.loss.estimate));
        shapes.push(Shape::Text { class: kind, at, anchor: Anchor::Start, text });
        let mut line = PathData::default();
        line.line((axis.at(range.loss.low), y), (axis.at(range.loss.high), y));
        shapes.push(Shape::path(format!("interval {kind}"), line));
        let mut mark = PathData::default();
        mark.dot((axis.at(range.loss.estimate), y));
        shapes.push(Shape::path(format!("mark {kind}"), mark));
        y += LINE_HEIGHT;
    }
    (area.height(), shapes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ends: &[f64], expected: f64) {
        let found = least(ends);
        assert!((found / expected - 1.0).abs() < 1e-9, "{found} for {expected}");
    }

    #[test]
    fn nothing_has_a_place_left_of_all_that_is_more() {
        check(&[0.0, 0.136, 0.001], 1e-4);
        check(&[0.0, 0.000_5], 1e-4);
        check(&[0.0], 0.1);
        check(&[0.01, 0.2], LOSS_MIN);
    }
}
