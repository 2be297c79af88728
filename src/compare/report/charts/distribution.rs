//! How the latencies of both paths are spread, on a logarithmic axis.

use super::axis::{Axis, LEAST_MS, Scale, duration_tick};
use super::picture::{Anchor, PathData, Shape, Size};
use super::plot::{Area, RIGHT};
use super::{Drawn, Figure, PATHS};
use crate::compare::number::as_f64;
use crate::compare::report::said::name;
use crate::compare::report::sheets::{Row, Sheet};
use crate::compare::words::{count, counted, duration, percent};
use crate::compare::{Bin, Document};
use crate::event::{Path, PerPath};

/// Above the plot: the title of the axis, and a line for each path's median.
const TOP: f64 = 56.0;
const HEIGHT: f64 = 176.0;
/// How broad a letter of a median's label is, at most.
const LETTER: f64 = 7.0;

/// A bin as it is drawn: its ends, and the share of its path's arrivals that a bin of the usual
/// width would hold there, so that a broad bin is no higher than its neighbours.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Column {
    low_ms: f64,
    high_ms: f64,
    share: f64,
}

/// Both paths' latencies.
pub(super) fn latencies(document: &Document) -> Option<Figure> {
    let bins = |path: Path| document.paths.of(path).distribution.as_slice();
    let columns = PerPath::from_fn(|path| columns(bins(path)));
    if Path::ALL.iter().all(|path| columns.of(*path).is_empty()) {
        return None;
    }
    let medians = PerPath::from_fn(|path| document.paths.of(path).latency_ms.p50);
    let rows = Path::ALL.iter().flat_map(|path| {
        let whole = as_f64(bins(*path).iter().map(|bin| bin.count).fold(0, u64::saturating_add));
        bins(*path).iter().map(move |bin| {
            let title = format!("{path}: {} to {}", duration(bin.low_ms), duration(bin.high_ms));
            Row::new(title, [count(bin.count), percent(as_f64(bin.count) / whole.max(1.0))])
        })
    });
    let numbers = Sheet {
        id: "chart-distribution",
        title: "How long arrivals take",
        columns: vec!["arrivals", "share"],
        rows: rows.collect(),
    };
    let figure = Figure::new(says(document), numbers, |size| draw(&columns, &medians, size));
    Some(figure.with_legend(&PATHS))
}

fn says(document: &Document) -> String {
    let mut sentences = Vec::new();
    for path in Path::ALL {
        let report = document.paths.of(path);
        let latency = &report.latency_ms;
        if let Some((median, most)) = latency.p50.zip(latency.p99) {
            let (median, most) = (duration(median), duration(most));
            sentences.push(format!(
                "Half of the arrivals by {} took at most {median}, and 99 % at most {most}.",
                name(path)
            ));
        }
        let hidden = hidden(&report.distribution);
        if hidden > 0 {
            let arrivals = counted(hidden, "arrival");
            let least = duration(LEAST_MS);
            sentences
                .push(format!("Left of the picture: {arrivals} by {} within {least}.", name(path)));
        }
    }
    sentences.join(" ")
}

/// Arrivals in bins that a logarithmic axis has no place for.
fn hidden(bins: &[Bin]) -> u64 {
    let hidden = bins.iter().filter(|bin| !is_drawn(bin));
    hidden.map(|bin| bin.count).fold(0, u64::saturating_add)
}

fn is_drawn(bin: &Bin) -> bool {
    bin.high_ms > bin.low_ms && bin.high_ms > LEAST_MS && bin.high_ms.is_finite()
}

/// How broad a bin is on the axis.
fn breadth(bin: &Bin) -> f64 {
    (bin.high_ms / bin.low_ms.max(LEAST_MS)).log10()
}

fn columns(bins: &[Bin]) -> Vec<Column> {
    let whole = as_f64(bins.iter().map(|bin| bin.count).fold(0, u64::saturating_add));
    let mut breadths: Vec<f64> = bins.iter().filter(|bin| is_drawn(bin)).map(breadth).collect();
    breadths.sort_unstable_by(f64::total_cmp);
    let usual = breadths.get(breadths.len() / 2).copied().unwrap_or(1.0);
    let column = |bin: &Bin| Column {
        low_ms: bin.low_ms.max(LEAST_MS),
        high_ms: bin.high_ms,
        share: as_f64(bin.count) / whole.max(1.0) * (usual / breadth(bin)),
    };
    bins.iter().filter(|bin| is_drawn(bin)).map(column).collect()
}

fn draw(columns: &PerPath<Vec<Column>>, medians: &PerPath<Option<f64>>, size: Size) -> Drawn {
    let area = Area::new(size, TOP, HEIGHT);
    let all = || Path::ALL.into_iter().flat_map(|path| columns.of(path));
    let ends = all().filter(|column| column.share > 0.0);
    let x = Axis::over(
        ends.flat_map(|column| [column.low_ms, column.high_ms]),
        Scale::LogDuration,
        area.across(),
    );
    let y = Axis::over(all().map(|column| column.share), Scale::Linear, area.up());
    let ticks = |axis: &Axis, most, say: fn(f64) -> String| -> Vec<(f64, String)> {
        axis.ticks(most).into_iter().map(|tick| (axis.at(tick), say(tick))).collect()
    };
    let mut shapes = area.vertical(&ticks(&y, 5, percent), "");
    let title = Shape::Text {
        class: "title",
        at: (4.0, 12.0),
        anchor: Anchor::Start,
        text: "share of the path's arrivals; dashed: median".to_owned(),
    };
    shapes.push(title);
    shapes.extend(area.horizontal(
        &ticks(&x, size.ticks, duration_tick),
        "from the event's time to its arrival (log scale)",
    ));
    for path in Path::ALL {
        shapes.extend(outline(path, columns.of(path), (x, y)));
    }
    let known = |path| medians.of(path).filter(|median| median.is_finite());
    for path in Path::ALL {
        let is_lesser = known(path).is_some() && known(path) <= known(path.other());
        let outer = if is_lesser { Anchor::End } else { Anchor::Start };
        shapes.extend(
            known(path).into_iter().flat_map(|median| median_mark(path, median, outer, (area, x))),
        );
    }
    (area.height(), shapes)
}

/// The columns of a path as one line in steps, and the area below it.
fn outline(path: Path, columns: &[Column], (x, y): (Axis, Axis)) -> [Shape; 2] {
    let (mut line, mut area) = (PathData::default(), PathData::default());
    let mut last_ms = f64::NEG_INFINITY;
    for column in columns {
        let (left, right, top) = (x.at(column.low_ms), x.at(column.high_ms), y.at(column.share));
        let joins = column.low_ms <= last_ms * (1.0 + 1e-9);
        line.push(if joins { 'L' } else { 'M' }, (left, top));
        line.push('L', (right, top));
        let ground = y.at(0.0);
        area.rectangle((left, top), (right - left, ground - top));
        last_ms = column.high_ms;
    }
    let class = |what: &str| format!("{what} {path}");
    [Shape::path(class("area"), area), Shape::path(class("line"), line)]
}

/// A line at the median, and what it is, on its outer side where there is room. Each path has its own
/// row, so that they never overlap.
fn median_mark(path: Path, median: f64, outer: Anchor, (area, x): (Area, Axis)) -> [Shape; 2] {
    let at = x.at(median);
    let row = match path {
        Path::Webhook => 30.0,
        Path::Eventbridge => 46.0,
    };
    let kind = path.as_str();
    let text = format!("{kind} {}", duration(median));
    let broad = u32::try_from(text.chars().count()).map_or(0.0, f64::from) * LETTER;
    let anchor = match outer {
        _ if at < broad => Anchor::Start,
        _ if at > area.right + RIGHT - broad => Anchor::End,
        _ => outer,
    };
    let shift = if anchor == Anchor::End { -6.0 } else { 6.0 };
    let mut line = PathData::default();
    line.line((at, row - 10.0), (at, area.bottom));
    [
        Shape::path(format!("median {kind}"), line),
        Shape::Text { class: kind, at: (at + shift, row), anchor, text },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bins: &[(f64, f64, u64)], shares: &[f64], expected_hidden: u64) {
        let bin = |(low_ms, high_ms, count): &(f64, f64, u64)| Bin {
            low_ms: *low_ms,
            high_ms: *high_ms,
            count: *count,
        };
        let bins: Vec<Bin> = bins.iter().map(bin).collect();
        let found: Vec<f64> = columns(&bins).iter().map(|column| column.share).collect();
        assert_eq!(found.len(), shares.len(), "{found:?}");
        for (found, share) in found.iter().zip(shares) {
            assert!((found - share).abs() < 1e-9, "{found} for {share}");
        }
        assert_eq!(hidden(&bins), expected_hidden);
    }

    #[test]
    fn bins_of_one_width_show_their_share() {
        check(&[(10.0, 100.0, 3), (100.0, 1_000.0, 1)], &[0.75, 0.25], 0);
    }

    #[test]
    fn a_broad_bin_is_not_higher_for_its_width() {
        let bins = [(1.0, 10.0, 10), (10.0, 100.0, 10), (100.0, 10_000.0, 20)];
        check(&bins, &[0.25, 0.25, 0.25], 0);
    }

    #[test]
    fn what_the_axis_has_no_place_for_is_told() {
        check(&[(-5.0, 0.0, 2), (0.0, 1.0, 1), (7.0, 7.0, 4), (1.0, 10.0, 3)], &[0.3], 7);
        check(&[], &[], 0);
    }
}
