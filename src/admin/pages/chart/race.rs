//! The race: a lane for each path, every event a mark on each at its arrival, joined by a line whose
//! slant is the lag.

use std::time::Duration;

use super::PathData;
use crate::event::{Path, PathSet, PerPath, Timestamp};
use crate::journal::EventSummary;

/// Pixels of a second: `style.css` slides the marks by so many each second.
pub(in crate::admin::pages) const SECOND: f64 = 32.0;
/// Where the lanes are.
const WEBHOOK_Y: f64 = 34.0;
const EVENTBRIDGE_Y: f64 = 146.0;
/// Where the names of the time axis are.
pub(in crate::admin::pages) const NAMES_Y: f64 = EVENTBRIDGE_Y + 44.0;
/// The height of the picture.
pub(in crate::admin::pages) const HEIGHT: f64 = EVENTBRIDGE_Y + 52.0;
/// Between two marks of the time axis.
const TICK_SECONDS: u32 = 5;
/// More than the broadest picture has.
const TICKS_MAX: u32 = 20;
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
}

fn ticks(lane: f64) -> Vec<Tick> {
    (0..=TICKS_MAX)
        .map(|tick| tick * TICK_SECONDS)
        .map(|seconds| (seconds, lane - f64::from(seconds) * SECOND))
        .take_while(|(_, x)| *x >= 0.0)
        .map(|(seconds, x)| {
            let label = if seconds == 0 { "now".to_owned() } else { format!("−{seconds} s") };
            Tick { x, label }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { name: "test", width: 328.0, gutter: 0.0 };
    const GRACE: Duration = Duration::from_secs(5);

    fn now() -> Timestamp {
        Timestamp::from_millis(1_772_356_544_000)
    }

    /// An event that came so many seconds ago by webhook, and by EventBridge.
    fn event(webhook: Option<u64>, eventbridge: Option<u64>) -> EventSummary {
        let at = |ago: Option<u64>| ago.map(|ago| now().minus(Duration::from_secs(ago)));
        let is_webhook_first = webhook.unwrap_or(0) >= eventbridge.unwrap_or(0);
        EventSummary {
            seq: 1,
            id: "evt_1".to_owned(),
            kind: "user.updated".to_owned(),
            subject: "user:auth0|1".to_owned(),
            time: now(),
            test: false,
            first_path: if is_webhook_first { Path::Webhook } else { Path::Eventbridge },
            webhook_at: at(webhook),
            eventbridge_at: at(eventbridge),
            rescued: false,
            backfilled: false,
            rescued_at: None,
            duplicates: 0,
        }
    }

    fn draw(event: EventSummary, mode: PathSet) -> Race {
        let runners = Runners { events: &[event], now: now(), grace: GRACE, mode };
        Race::draw(runners, SIZE)
    }

    /// The marks of the first arrival by either path, the line, and what is told of one arrival alone.
    #[track_caller]
    fn check(event: EventSummary, expected: [&str; 4]) {
        let race = draw(event, PathSet::Both);
        let all =
            |paths: &PerPath<PathData>| Path::ALL.map(|path| paths.of(path).to_string()).concat();
        let alone = format!("{}{}", race.awaited, race.missed);
        assert_eq!([all(&race.first), all(&race.second), all(&race.joined), alone], expected);
    }

    #[test]
    fn the_slant_of_a_line_is_the_lag() {
        let found = ["M256 34h0", "M288 146h0", "M256 34L288 146", ""];
        check(event(Some(2), Some(1)), found);
        let found = ["M256 146h0", "M320 34h0", "M256 146L320 34", ""];
        check(event(Some(0), Some(2)), found);
    }

    #[test]
    fn what_only_one_path_brought_is_awaited_and_then_missed() {
        check(event(Some(5), None), ["M160 34h0", "", "", "M160 34L160 60"]);
        let cross = "M123.5 29.5L132.5 38.5M123.5 38.5L132.5 29.5";
        let missed = format!("M128 146L128 120{cross}");
        check(event(None, Some(6)), ["M128 146h0", "", "", &missed]);
    }

    #[test]
    fn with_one_door_nothing_is_awaited() {
        let race = draw(event(Some(6), None), PathSet::Webhook);
        assert_eq!(race.first.of(Path::Webhook).to_string(), "M128 34h0");
        assert_eq!((race.awaited, race.missed), (PathData::default(), PathData::default()));
    }

    #[test]
    fn what_is_over_is_not_drawn() {
        check(event(Some(12), Some(11)), ["", "", "", ""]);
        check(event(Some(12), Some(9)), ["M-64 34h0", "M32 146h0", "M-64 34L32 146", ""]);
        check(event(None, None), ["", "", "", ""]);
    }

    #[test]
    fn the_axis_ends_now() {
        let ticks = ticks(SIZE.lane());
        let ticks: Vec<(f64, &str)> =
            ticks.iter().map(|tick| (tick.x, tick.label.as_str())).collect();
        assert_eq!(ticks, [(320.0, "now"), (160.0, "−5 s"), (0.0, "−10 s")]);
    }

    #[test]
    fn many_marks_are_drawn_smaller() {
        let events = vec![event(Some(2), Some(1)); MARKS_LARGE_MAX + 1];
        let mark = |events| {
            let runners = Runners { events, now: now(), grace: GRACE, mode: PathSet::Both };
            Race::draw(runners, SIZE).mark
        };
        assert!(mark(&events[1..]) > mark(&events));
    }
}
