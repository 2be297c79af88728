//! The window in slots of equal length: the blocks that intervals are drawn from, and the timeline.

use super::coverage::{Coverage, Window, covered_seconds};
use super::document::{Slot, SlotPath};
use crate::event::{Path, Timestamp};
use crate::summary::{Cell, Count, Scale, Series};

/// Slots of a window, at most.
const SLOTS_MAX: i64 = 200;

/// A slot, with what is known of its events.
#[derive(Debug, Clone)]
pub(super) struct Stretch {
    pub window: Window,
    pub cell: Cell,
}

/// Joins the stretches of an answer into slots: whole minutes, tens of them, hours or days, and as many of them as keeps
/// the slots few. A slot without an event is there too, empty.
pub(super) fn join(window: Window, stretches: &[(Timestamp, Timestamp, Cell)]) -> Vec<Stretch> {
    let length = window.to.nanos_since(window.from).max(1);
    let unit = Scale::for_window(length);
    let (first, last) = (unit.floor(window.from), unit.ceil(window.to));
    let units = (last.nanos_since(first) / unit.nanos()).max(1);
    let each = ((units + SLOTS_MAX - 1) / SLOTS_MAX).saturating_mul(unit.nanos());
    let mut slots = Vec::new();
    let mut stretches = stretches.iter().peekable();
    let mut start = first;
    while start < window.to {
        let end = Timestamp::from_nanos(start.as_nanos().saturating_add(each));
        let mut cell = Cell::default();
        while let Some((_, _, part)) = stretches.next_if(|(from, _, _)| *from < end) {
            cell.merge(part);
        }
        let window = Window { from: start.max(window.from), to: end.min(window.to) };
        slots.push(Stretch { window, cell });
        start = end;
    }
    slots
}

/// The slots as the document shows them.
pub(super) fn timeline(slots: &[Stretch], coverage: &Coverage) -> Vec<Slot> {
    let slot = |Stretch { window, cell }: &Stretch| Slot {
        from: window.from,
        to: window.to,
        webhook: of_path(Path::Webhook, *window, cell, coverage),
        eventbridge: of_path(Path::Eventbridge, *window, cell, coverage),
        difference_ms: cell.series(Series::Difference).quantile(0.5),
    };
    slots.iter().map(slot).collect()
}

fn of_path(path: Path, window: Window, cell: &Cell, coverage: &Coverage) -> SlotPath {
    let (alone, other_alone, late) = match path {
        Path::Webhook => (Count::WebhookOnly, Count::EventbridgeOnly, Count::WebhookOutOfOrder),
        Path::Eventbridge => {
            (Count::EventbridgeOnly, Count::WebhookOnly, Count::EventbridgeOutOfOrder)
        }
    };
    let latency = cell.series(Series::latency(path));
    SlotPath {
        seen: cell.counts().sum(&[Count::Both, alone]),
        missing: cell.counts().get(other_alone),
        covered_seconds: covered_seconds(coverage.of(path), window),
        out_of_order: cell.counts().get(late),
        p50: latency.quantile(0.5),
        p99: latency.quantile(0.99),
    }
}
