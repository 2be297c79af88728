//! Each path's way from the change in Auth0 to this host's disk, stretch by stretch.

use super::axis::{Axis, Scale, duration_tick};
use super::picture::{Anchor, PathData, Shape, Size};
use super::plot::Area;
use super::{Drawn, Figure};
use crate::compare::report::sheets::{Row, Sheet, station};
use crate::compare::words::duration;
use crate::compare::{Document, Hop};
use crate::event::Path;

/// A stretch: its words, its bar, and the gap below.
const LINE_HEIGHT: f64 = 34.0;
/// From a stretch's upper edge to its bar.
const BELOW_WORDS: f64 = 17.0;
const BAR: f64 = 10.0;
/// The name of a path.
const NAME_HEIGHT: f64 = 22.0;
/// A bar is never shorter.
const BAR_MIN: f64 = 1.5;

/// A stretch with its place on the way.
struct Step<'a> {
    path: Path,
    hop: &'a Hop,
    starts_ms: f64,
}

/// The stretches of both ways.
pub(super) fn hops(document: &Document) -> Option<Figure> {
    let steps: Vec<Step<'_>> =
        Path::ALL.into_iter().flat_map(|path| steps(path, &document.paths.of(path).hops)).collect();
    if steps.is_empty() {
        return None;
    }
    let rows = steps.iter().map(|step| {
        let hop = step.hop;
        Row::new(title(step), [hop.p50, hop.p90, hop.p99].map(duration))
    });
    let numbers = Sheet {
        id: "chart-hops",
        title: "Where the time goes",
        columns: vec!["median", "90 % below", "99 % below"],
        rows: rows.collect(),
    };
    let longest = Path::ALL.into_iter().filter_map(|path| {
        let own = steps.iter().filter(|step| step.path == path);
        let step = own.max_by(|one, other| one.hop.p50.total_cmp(&other.hop.p50))?;
        let whose = match path {
            Path::Webhook => "The webhook's",
            Path::Eventbridge => "EventBridge's",
        };
        let (way, median) = (way(step.hop, "to"), duration(step.hop.p50));
        Some(format!("{whose} longest stretch: {way}, {median} by the median."))
    });
    let mut says = longest.collect::<Vec<_>>().join(" ");
    says.push_str(
        " Bars are medians and begin where the one before ends; thin lines reach to 90 %. The ends are \
         told by different clocks: a stretch can be negative.",
    );
    Some(Figure::new(says, numbers, |size| draw(&steps, size)))
}

fn title(step: &Step<'_>) -> String {
    format!("{}: {}", step.path, way(step.hop, "to"))
}

fn way(hop: &Hop, to: &str) -> String {
    format!("{} {to} {}", station(hop.from), station(hop.to))
}

/// Each begins where the one that led to it ends.
fn steps(path: Path, hops: &[Hop]) -> Vec<Step<'_>> {
    let mut steps: Vec<Step<'_>> = Vec::new();
    for hop in hops {
        let before = steps.iter().rev().find(|step| step.hop.to == hop.from);
        let starts_ms = before.map_or(0.0, |step| step.starts_ms + step.hop.p50);
        steps.push(Step { path, hop, starts_ms });
    }
    steps
}

fn draw(steps: &[Step<'_>], size: Size) -> Drawn {
    let number = |count: usize| u32::try_from(count).map_or(1.0, f64::from);
    let groups: Vec<&[Step<'_>]> = steps.chunk_by(|one, other| one.path == other.path).collect();
    let height = number(groups.len()) * NAME_HEIGHT + number(steps.len()) * LINE_HEIGHT;
    let area = Area { left: 24.0, ..Area::new(size, 8.0, height) };
    let ends = steps.iter().flat_map(|step| {
        [step.starts_ms, step.starts_ms + step.hop.p50, step.starts_ms + step.hop.p90]
    });
    let x = Axis::over(ends, Scale::Duration, area.across());
    let ticks: Vec<_> =
        x.ticks(size.ticks).into_iter().map(|tick| (x.at(tick), duration_tick(tick))).collect();
    let mut shapes = area.horizontal(&ticks, "since the change in Auth0");
    let mut y = area.top;
    for group in groups {
        if let Some(path) = group.first().map(|step| step.path) {
            let (class, at) = (path.as_str(), (area.left, y + 14.0));
            shapes.push(Shape::Text { class, at, anchor: Anchor::Start, text: class.to_owned() });
        }
        y += NAME_HEIGHT;
        for step in group {
            shapes.extend(bar(step, &x, (area, y)));
            y += LINE_HEIGHT;
        }
    }
    (area.height(), shapes)
}

fn bar(step: &Step<'_>, x: &Axis, (area, y): (Area, f64)) -> [Shape; 3] {
    let hop = step.hop;
    let kind = step.path.as_str();
    let [start, end, most] = [0.0, hop.p50, hop.p90].map(|after| x.at(step.starts_ms + after));
    let width = (end - start).abs().max(BAR_MIN);
    let left = start.min(end).min(area.right - width);
    let mut bar = PathData::default();
    bar.rectangle((left, y + BELOW_WORDS), (width, BAR));
    let mut whisker = PathData::default();
    let middle = y + BELOW_WORDS + BAR / 2.0;
    whisker.line((start.max(end), middle), (most.max(start.max(end)), middle));
    let text = format!("{}, {}", way(hop, "→"), duration_tick(hop.p50));
    [
        Shape::path(format!("whisker {kind}"), whisker),
        Shape::path(format!("bars {kind}"), bar),
        Shape::text((area.left, y + 12.0), Anchor::Start, text),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(hops: &[(&'static str, &'static str, f64)], starts: &[f64]) {
        let hop = |(from, to, p50): &(&'static str, &'static str, f64)| Hop {
            from,
            to,
            count: 1,
            p50: *p50,
            p90: 0.0,
            p99: 0.0,
        };
        let hops: Vec<Hop> = hops.iter().map(hop).collect();
        let steps = steps(Path::Eventbridge, &hops);
        assert!(steps.iter().map(|step| step.starts_ms).eq(starts.iter().copied()));
    }

    #[test]
    fn a_stretch_begins_where_the_one_before_ends() {
        let way =
            [("event", "envelope", -60.0), ("envelope", "sent", 500.0), ("sent", "received", 9.0)];
        check(&way, &[0.0, -60.0, 440.0]);
    }

    #[test]
    fn a_stretch_that_nothing_leads_to_begins_with_the_event() {
        check(&[("event", "envelope", 5.0), ("sent", "received", 9.0)], &[0.0, 0.0]);
        check(&[], &[]);
    }
}
