//! Numbers over the window, as lines: one number for each slot.

use super::axis::{Axis, Scale, duration_tick, signed_scale};
use super::picture::{Anchor, PathData, Shape, Size};
use super::plot::{Area, TOP};
use super::time::TimeAxis;
use super::{Drawn, Figure, PATHS, slot_length, slot_title};
use crate::compare::report::said::name;
use crate::compare::report::sheets::{Row, Sheet};
use crate::compare::words::duration;
use crate::compare::{Document, Slot};
use crate::event::Path;

const HEIGHT: f64 = 168.0;
const TIME: &str = "time of the event, UTC";

/// A line, or with two numbers in a slot the area between them as well.
struct Series {
    class: &'static str,
    numbers: Vec<Option<(f64, f64)>>,
}

/// How the vertical axis is.
#[derive(Clone, Copy)]
struct Upright {
    scale: Scale,
    title: &'static str,
}

/// How much later the same event came by EventBridge.
pub(super) fn differences(document: &Document) -> Option<Figure> {
    let slots = document.timeline.as_slice();
    let values: Vec<f64> = slots.iter().filter_map(known).collect();
    let (low, high) = ends(&values)?;
    let rows = slots
        .iter()
        .filter_map(|slot| Some(Row::new(slot_title(slot), [duration(slot.difference_ms?)])));
    let numbers = Sheet {
        id: "chart-difference",
        title: "How much later EventBridge is, over time",
        columns: vec!["median"],
        rows: rows.collect(),
    };
    let earlier = values.iter().filter(|value| **value < 0.0).count();
    let first = match earlier {
        0 => "the webhook was first in every one".to_owned(),
        some => format!("in {some} of {} EventBridge was first", values.len()),
    };
    let says =
        format!("In slots of {}, the median {}; {first}.", slot_length(slots), lies(low, high));
    let scale = signed_scale(&values);
    let title = match scale {
        Scale::SignedLogDuration => "EventBridge minus webhook, median (log scale)",
        _ => "EventBridge minus webhook, median",
    };
    let of = |slot: &Slot| known(slot).map(|value| (value, value));
    let series = [Series { class: "neutral", numbers: slots.iter().map(of).collect() }];
    let axis = Upright { scale, title };
    Some(Figure::new(says, numbers, |size| draw(slots, &series, axis, size)))
}

/// The slot's difference. What is no number can't be drawn.
fn known(slot: &Slot) -> Option<f64> {
    slot.difference_ms.filter(|difference| difference.is_finite())
}

/// Each path's latency: its median, and up to what 99 of 100 take.
pub(super) fn latencies(document: &Document) -> Option<Figure> {
    let slots = document.timeline.as_slice();
    let series = Path::ALL.map(|path| Series {
        class: path.as_str(),
        numbers: slots
            .iter()
            .map(|slot| {
                let latency = slot.of(path);
                let median = latency.p50.filter(|median| median.is_finite())?;
                let most = latency.p99.filter(|most| most.is_finite());
                Some((median, most.unwrap_or(median)))
            })
            .collect(),
    });
    let sentences: Vec<String> = Path::ALL
        .iter()
        .zip(&series)
        .filter_map(|(path, series)| latency_says(*path, series))
        .collect();
    if sentences.is_empty() {
        return None;
    }
    let told = |number: Option<f64>| number.map_or_else(|| "–".to_owned(), duration);
    let rows = slots.iter().filter_map(|slot| {
        let paths = Path::ALL.map(|path| slot.of(path));
        paths.iter().any(|path| path.p50.is_some()).then(|| {
            Row::new(
                slot_title(slot),
                paths.iter().flat_map(|path| [told(path.p50), told(path.p99)]),
            )
        })
    });
    let columns =
        vec!["webhook, median", "webhook, 99 %", "eventbridge, median", "eventbridge, 99 %"];
    let title = "Latency over time";
    let numbers = Sheet { id: "chart-latency", title, columns, rows: rows.collect() };
    let title = "median (line) up to 99 % (shade), log scale";
    let axis = Upright { scale: Scale::LogDuration, title };
    let says = sentences.join(" ");
    let figure = Figure::new(says, numbers, |size| draw(slots, &series, axis, size));
    Some(figure.with_legend(&PATHS))
}

fn latency_says(path: Path, series: &Series) -> Option<String> {
    let medians: Vec<f64> = series.numbers.iter().flatten().map(|(median, _)| *median).collect();
    let (low, high) = ends(&medians)?;
    Some(format!("By {}, the median of a slot {}.", name(path), lies(low, high)))
}

/// Where numbers lie, by the least and the largest.
fn lies(low: f64, high: f64) -> String {
    match (duration(low), duration(high)) {
        (low, high) if low == high => format!("is {low}"),
        (low, high) => format!("lies between {low} and {high}"),
    }
}

/// The least and the largest.
fn ends(numbers: &[f64]) -> Option<(f64, f64)> {
    let low = numbers.iter().copied().reduce(f64::min)?;
    Some((low, numbers.iter().copied().reduce(f64::max)?))
}

fn draw(slots: &[Slot], series: &[Series], axis: Upright, size: Size) -> Drawn {
    let area = Area::new(size, TOP, HEIGHT);
    let (Some(first), Some(last)) = (slots.first(), slots.last()) else {
        return (area.height(), Vec::new());
    };
    let x = TimeAxis::new(first.from, last.to, area.across());
    let numbers = series.iter().flat_map(|series| series.numbers.iter().flatten());
    let y = Axis::over(numbers.flat_map(|(low, high)| [*low, *high]), axis.scale, area.up());
    let ticks: Vec<_> =
        y.ticks(6).into_iter().map(|tick| (y.at(tick), duration_tick(tick))).collect();
    let mut shapes = area.vertical(&ticks, axis.title);
    shapes.extend(area.horizontal(&x.ticks(size.ticks), TIME));
    if matches!(axis.scale, Scale::Duration | Scale::SignedLogDuration) {
        shapes.extend(zero(area, y.at(0.0)));
    }
    let places: Vec<f64> =
        slots.iter().map(|slot| f64::midpoint(x.at(slot.from), x.at(slot.to))).collect();
    for series in series {
        shapes.extend(lines(series, &places, &y));
    }
    (area.height(), shapes)
}

/// The line where both are equally fast, and what lies on its sides.
fn zero(area: Area, y: f64) -> Vec<Shape> {
    let ends = ((area.left, y), (area.right, y));
    let mut shapes = vec![Shape::Line { class: "axis", from: ends.0, to: ends.1 }];
    let sides = [
        (y - 6.0, y - area.top, "↑ webhook first"),
        (y + 14.0, area.bottom - y, "↓ EventBridge first"),
    ];
    for (at, room, text) in sides {
        if room > 24.0 {
            shapes.push(Shape::text((area.right - 4.0, at), Anchor::End, text));
        }
    }
    shapes
}

/// A line that breaks where nothing is known; what stands alone is a dot.
fn lines(series: &Series, places: &[f64], y: &Axis) -> Vec<Shape> {
    let (mut line, mut area, mut dots) =
        (PathData::default(), PathData::default(), PathData::default());
    let known: Vec<_> = places.iter().zip(&series.numbers).collect();
    for run in known.split(|(_, numbers)| numbers.is_none()) {
        let points: Vec<(f64, f64, f64)> = run
            .iter()
            .filter_map(|(x, numbers)| numbers.map(|(low, high)| (**x, y.at(low), y.at(high))))
            .collect();
        if let [(x, low, _)] = points.as_slice() {
            dots.dot((*x, *low));
            continue;
        }
        let upper = points.iter().rev().map(|(x, _, high)| (*x, *high));
        let lower: Vec<_> = points.iter().map(|(x, low, _)| (*x, *low)).collect();
        for (index, point) in lower.iter().enumerate() {
            line.push(if index == 0 { 'M' } else { 'L' }, *point);
        }
        for (index, point) in lower.iter().copied().chain(upper).enumerate() {
            area.push(if index == 0 { 'M' } else { 'L' }, point);
        }
    }
    let class = series.class;
    let parts = [("area", area), ("line", line), ("dots", dots)];
    let parts = parts.into_iter().filter(|(_, data)| !data.is_empty());
    parts.map(|(what, data)| Shape::path(format!("{what} {class}"), data)).collect()
}
