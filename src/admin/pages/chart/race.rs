//! The race: a lane for each path, every event a mark on each at its arrival, joined by a line whose
//! slant is the lag.

use std::time::Duration;

use super::PathData;
use crate::admin::pages::pulse::PerPath;
use crate::event::{Path, PathSet, Timestamp};
use crate::journal::EventSummary;

/// Pixels of a second: `style.css` slides the marks by so many each second.
pub(in crate::admin::pages) const SECOND: f64 = 32.0;
/// Where the lanes are.
const WEBHOOK_Y: f64 = 34.0;
const EVENTBRIDGE_Y: f64 = 146.0;
/// Between two marks of the time axis.
const TICK_SECONDS: u32 = 5;
/// How far a mark reaches towards the lane on which the event is awaited.
const STUB: f64 = 26.0;
/// Half of the cross where an event is missing.
const CROSS: f64 = 4.5;
/// Above so many marks on a lane they are drawn smaller.
const MARKS_LARGE_MAX: usize = 70;

/// How wide the picture is, and where its lanes begin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::admin::pages) struct Size {
    /// The class by which the style sheet shows one of them.
    pub(in crate::admin::pages) name: &'static str,
    pub(in crate::admin::pages) width: f64,
    /// Left of the lanes: for their names, where there is room.
    pub(in crate::admin::pages) gutter: f64,
}

impl Size {
    /// For each width of the page.
    pub(in crate::admin::pages) const ALL: [Self; 3] = [
        Self { name: "broad", width: 1166.0, gutter: 126.0 },
        Self { name: "middling", width: 680.0, gutter: 126.0 },
        Self { name: "narrow", width: 324.0, gutter: 0.0 },
    ];

    /// Right of the lanes there is room for half of a mark.
    pub(in crate::admin::pages) const fn lane(self) -> f64 {
        self.width - self.gutter - 8.0
    }
}

/// A mark of the time axis.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::admin::pages) struct Tick {
    pub(in crate::admin::pages) x: f64,
    pub(in crate::admin::pages) label: String,
}

/// The picture, in parts of one look each.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::admin::pages) struct Race {
    pub(in crate::admin::pages) size: Size,
    pub(in crate::admin::pages) ticks: Vec<Tick>,
    /// Arrivals that were the first of their event.
    pub(in crate::admin::pages) first: PerPath<PathData>,
    /// Arrivals that were the second.
    pub(in crate::admin::pages) second: PerPath<PathData>,
    /// Lines between the two, by who was first.
    pub(in crate::admin::pages) joined: PerPath<PathData>,
    /// From an event's only arrival, as long as the other may come.
    pub(in crate::admin::pages) awaited: PathData,
    /// The same, and crosses, when it should have come by now.
    pub(in crate::admin::pages) missed: PathData,
    /// The width of a mark.
    pub(in crate::admin::pages) mark: u32,
}

/// What the picture is drawn from.
#[derive(Debug, Clone, Copy)]
pub(in crate::admin::pages) struct Runners<'a> {
    pub(in crate::admin::pages) events: &'a [EventSummary],
    pub(in crate::admin::pages) now: Timestamp,
    /// How long the second arrival may take.
    pub(in crate::admin::pages) grace: Duration,
    pub(in crate::admin::pages) mode: PathSet,
}

/// Where the lane of this path is.
pub(in crate::admin::pages) const fn lane_y(path: Path) -> f64 {
    match path {
        Path::Webhook => WEBHOOK_Y,
        Path::Eventbridge => EVENTBRIDGE_Y,
    }
}

impl Race {
    pub(in crate::admin::pages) fn draw(runners: Runners<'_>, size: Size) -> Self {
        let mut race = Self {
            size,
            ticks: ticks(size.lane()),
            first: PerPath::default(),
            second: PerPath::default(),
            joined: PerPath::default(),
            awaited: PathData::default(),
            missed: PathData::default(),
            mark: 0,
        };
        let mut marks = 0;
        for event in runners.events {
            marks += usize::from(race.add(event, runners));
        }
        race.mark = if marks > MARKS_LARGE_MAX { 7 } else { 9 };
        race
    }

    /// Draws an event, if any of it is in the picture.
    fn add(&mut self, event: &EventSummary, runners: Runners<'_>) -> bool {
        let place = |at: Option<Timestamp>| {
            at.map(|at| self.size.lane() - runners.now.millis_since(at) / 1e3 * SECOND)
        };
        let (webhook, eventbridge) = (place(event.webhook_at), place(event.eventbridge_at));
        let is_in = |x: Option<f64>| x.is_some_and(|x| x > -SECOND);
        if !is_in(webhook) && !is_in(eventbridge) {
            return false;
        }
        let first = event.first_path;
        let (first_x, second_x) = match first {
            Path::Webhook => (webhook, eventbridge),
            Path::Eventbridge => (eventbridge, webhook),
        };
        let Some(x) = first_x else { return false };
        let from = (x, lane_y(first));
        self.first.of_mut(first).dot(from);
        if let Some(second_x) = second_x {
            let to = (second_x, lane_y(first.other()));
            self.second.of_mut(first.other()).dot(to);
            self.joined.of_mut(first).line(from, to);
        } else if runners.mode == PathSet::Both {
            let came = event.webhook_at.or(event.eventbridge_at).unwrap_or(runners.now);
            self.alone(from, first, came.plus(runners.grace) < runners.now);
        }
        true
    }

    fn alone(&mut self, (x, y): (f64, f64), first: Path, is_missing: bool) {
        let other = lane_y(first.other());
        let stub = (x, y + STUB.copysign(other - y));
        if is_missing {
            self.missed.line((x, y), stub);
            self.missed.line((x - CROSS, other - CROSS), (x + CROSS, other + CROSS));
            self.missed.line((x - CROSS, other + CROSS), (x + CROSS, other - CROSS));
        } else {
            self.awaited.line((x, y), stub);
        }
    }

    /// Where the names of the time axis are.
    pub(in crate::admin::pages) const fn names_y(&self) -> f64 {
        EVENTBRIDGE_Y + 44.0
    }

    /// The height of the picture.
    pub(in crate::admin::pages) const fn height(&self) -> f64 {
        EVENTBRIDGE_Y + 52.0
    }
}

fn ticks(lane: f64) -> Vec<Tick> {
    (0_u32..)
        .map(|tick| tick * TICK_SECONDS)
        .map(|seconds| (seconds, lane - f64::from(seconds) * SECOND))
        .take_while(|(_, x)| *x >= 0.0)
        .map(|(seconds, x)| {
            let label = if seconds == 0 { "now".to_owned() } else { format!("−{seconds} s") };
            Tick { x, label }
        })
        .collect()
}
