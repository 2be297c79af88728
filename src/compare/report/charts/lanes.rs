//! Counts over the window, as bars: a lane for each path.

use super::axis::{Axis, Scale};
use super::picture::{Anchor, PathData, Shape, Size};
use super::plot::{Area, TOP};
use super::time::TimeAxis;
use super::{Drawn, Figure, slot_length, slot_title};
use crate::compare::number::as_f64;
use crate::compare::report::said::{name, title};
use crate::compare::report::sheets::{Row, Sheet};
use crate::compare::words::{count, counted, duration, rounded};
use crate::compare::{Document, Slot, SlotPath};
use crate::event::Path;

/// Of the bars of a lane.
const LANE: f64 = 64.0;
/// Between lanes: a path's name, and above it the bar of the other's coverage.
const BETWEEN: f64 = 44.0;
/// Of the bar that shows when the door was open.
const COVERAGE: f64 = 8.0;
/// A bar is never narrower, however short its slot.
const BAR_MIN: f64 = 1.5;
/// The least a bar is high, so that one event among thousands is seen.
const RISE_MIN: f64 = 2.0;

/// What a lane shows of a slot.
#[derive(Clone, Copy)]
struct Lanes {
    of: fn(&SlotPath) -> u64,
    title: &'static str,
    /// Whether the door is drawn below.
    coverage: bool,
}

/// What each path missed, and when its door was open.
pub(super) fn losses(document: &Document) -> Option<Figure> {
    let slots = document.timeline.as_slice();
    if slots.is_empty() {
        return None;
    }
    let lanes = Lanes { of: |path| path.missing, title: "events missed in a slot", coverage: true };
    let rows = slots.iter().filter(|slot| Path::ALL.iter().any(|path| is_remarkable(slot, *path)));
    let rows = rows.map(|slot| {
        let cells = Path::ALL.iter().flat_map(|path| {
            let at = slot.of(*path);
            [count(at.missing), count(at.seen), duration(at.covered_seconds * 1e3)]
        });
        Row::new(slot_title(slot), cells)
    });
    let numbers = Sheet {
        id: "chart-timeline",
        title: "Missed events and open doors over time",
        columns: vec![
            "webhook, missed",
            "seen",
            "door open",
            "eventbridge, missed",
            "seen",
            "door open",
        ],
        rows: rows.collect(),
    };
    let sentences = Path::ALL.map(|path| {
        let missing = total(slots, path, lanes.of);
        let closed: f64 =
            slots.iter().map(|slot| seconds(slot) - slot.of(path).covered_seconds).sum();
        let door = match closed {
            _ if closed < 1.0 => "its door was open all the time".to_owned(),
            closed => format!("its door was closed for {}", duration(closed * 1e3)),
        };
        let in_slots = in_slots(slots, path, lanes.of);
        format!("{} missed {}{in_slots}; {door}.", title(path), counted(missing, "event"))
    });
    let says = sentences.join(" ");
    let figure = Figure::new(says, numbers, |size| draw(slots, lanes, size));
    Some(figure.with_legend(&[
        ("key bar", "events missed"),
        ("key open", "door open"),
        ("key shut", "door closed"),
    ]))
}

/// What came out of order.
pub(super) fn disorder(document: &Document) -> Option<Figure> {
    let slots = document.timeline.as_slice();
    let lanes = Lanes {
        of: |path| path.out_of_order,
        title: "events out of order in a slot",
        coverage: false,
    };
    if Path::ALL.iter().all(|path| total(slots, *path, lanes.of) == 0) {
        return None;
    }
    let rows =
        slots.iter().filter(|slot| Path::ALL.iter().any(|path| slot.of(*path).out_of_order > 0));
    let rows = rows.map(|slot| {
        Row::new(slot_title(slot), Path::ALL.map(|path| count(slot.of(path).out_of_order)))
    });
    let numbers = Sheet {
        id: "chart-disorder",
        title: "Out of order over time",
        columns: Path::ALL.map(Path::as_str).into(),
        rows: rows.collect(),
    };
    let sentences = Path::ALL.map(|path| {
        let late = counted(total(slots, path, lanes.of), "event");
        let in_slots = in_slots(slots, path, lanes.of);
        format!("By {}, {late} arrived after a later one{in_slots}.", name(path))
    });
    let says = sentences.join(" ");
    Some(Figure::new(says, numbers, |size| draw(slots, lanes, size)))
}

/// Whether something was missed or the door was not open throughout.
fn is_remarkable(slot: &Slot, path: Path) -> bool {
    let at = slot.of(path);
    at.missing > 0 || seconds(slot) - at.covered_seconds >= 1.0
}

fn seconds(slot: &Slot) -> f64 {
    (slot.to.millis_since(slot.from) / 1e3).max(0.0)
}

fn total(slots: &[Slot], path: Path, of: fn(&SlotPath) -> u64) -> u64 {
    slots.iter().map(|slot| of(slot.of(path))).fold(0, u64::saturating_add)
}

/// ` in 5 of 96 slots of 15 min`, where there are any.
fn in_slots(slots: &[Slot], path: Path, of: fn(&SlotPath) -> u64) -> String {
    match slots.iter().filter(|slot| of(slot.of(path)) > 0).count() {
        0 => String::new(),
        some => format!(" in {some} of {} slots of {}", slots.len(), slot_length(slots)),
    }
}

fn draw(slots: &[Slot], lanes: Lanes, size: Size) -> Drawn {
    let all = Area::new(size, TOP + 16.0, 2.0 * LANE + BETWEEN);
    let (Some(first), Some(last)) = (slots.first(), slots.last()) else {
        return (all.height(), Vec::new());
    };
    // Below the lowest lane its coverage and the time axis must not meet.
    let all =
        if lanes.coverage { Area { bottom: all.bottom + 2.0 * COVERAGE, ..all } } else { all };
    let x = TimeAxis::new(first.from, last.to, all.across());
    let numbers = slots.iter().flat_map(|slot| Path::ALL.map(|path| (lanes.of)(slot.of(path))));
    let most = numbers.max().unwrap_or(0).max(1);
    let mut shapes = vec![Shape::Text {
        class: "title",
        at: (4.0, 12.0),
        anchor: Anchor::Start,
        text: lanes.title.to_owned(),
    }];
    shapes.extend(all.horizontal(&x.ticks(size.ticks), "time of the event, UTC"));
    let mut top = all.top;
    for path in Path::ALL {
        let area = Area { top, bottom: top + LANE, ..all };
        shapes.extend(lane(slots, path, (lanes, most), (area, x)));
        top = area.bottom + BETWEEN;
    }
    (all.height(), shapes)
}

fn lane(
    slots: &[Slot],
    path: Path,
    (lanes, most): (Lanes, u64),
    (area, x): (Area, TimeAxis),
) -> Vec<Shape> {
    let y = Axis::over([as_f64(most)], Scale::Linear, area.up());
    // A count has no halves.
    let whole = |tick: &f64| (tick - tick.round()).abs() < 1e-9;
    let ticks = y.ticks(3).into_iter().filter(whole).map(|tick| (y.at(tick), rounded(tick)));
    let mut shapes = area.vertical(&ticks.collect::<Vec<_>>(), "");
    let (left, right) = ((area.left, area.bottom), (area.right, area.bottom));
    shapes.push(Shape::Line { class: "axis", from: left, to: right });
    let mut bars = PathData::default();
    for slot in slots {
        let number = (lanes.of)(slot.of(path));
        if number > 0 {
            let (left, right) = (x.at(slot.from), x.at(slot.to));
            let width = (right - left - 0.5).max(BAR_MIN);
            let left = left.min(area.right - width);
            let rise = (area.bottom - y.at(as_f64(number))).max(RISE_MIN);
            bars.rectangle((left, area.bottom - rise), (width, rise));
        }
    }
    if !bars.is_empty() {
        shapes.push(Shape::path(format!("bars {path}"), bars));
    }
    let at = (area.left, area.top - 6.0);
    let number = count(total(slots, path, lanes.of));
    let text = format!("{path}: {number}");
    shapes.push(Shape::Text { class: path.as_str(), at, anchor: Anchor::Start, text });
    if lanes.coverage {
        shapes.extend(door(slots, path, area, x));
    }
    shapes
}

/// When the door was open, as a bar below the lane.
fn door(slots: &[Slot], path: Path, area: Area, x: TimeAxis) -> Vec<Shape> {
    let (mut open, mut shut) = (PathData::default(), PathData::default());
    let top = area.bottom + 6.0;
    let share = |slot: &Slot| {
        let whole = seconds(slot);
        if whole > 0.0 { (slot.of(path).covered_seconds / whole).clamp(0.0, 1.0) } else { 0.0 }
    };
    // Slots that are alike are one stretch.
    let alike = |one: &Slot, other: &Slot| (share(one) - share(other)).abs() < 1e-3;
    for stretch in slots.chunk_by(alike) {
        let [first, .., last] = stretch else {
            let [only] = stretch else { continue };
            coverage_of(share(only), (x.at(only.from), x.at(only.to)), top, (&mut open, &mut shut));
            continue;
        };
        coverage_of(share(first), (x.at(first.from), x.at(last.to)), top, (&mut open, &mut shut));
    }
    let parts = [("open", open), ("shut", shut)];
    let parts = parts.into_iter().filter(|(_, data)| !data.is_empty());
    parts.map(|(what, data)| Shape::path(format!("{what} {path}"), data)).collect()
}

fn coverage_of(
    share: f64,
    (left, right): (f64, f64),
    top: f64,
    (open, shut): (&mut PathData, &mut PathData),
) {
    // The open part is as high as its share, from below; above it is the closed one.
    let height = COVERAGE * share;
    let width = (right - left).max(0.1);
    if height > 0.0 {
        open.rectangle((left, top + COVERAGE - height), (width, height));
    }
    if COVERAGE - height > 0.01 {
        shut.rectangle((left, top), (width, COVERAGE - height));
    }
}
