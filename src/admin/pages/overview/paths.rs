//! One path by itself.

use std::time::Duration;

use askama::Template;

use super::View;
use super::say::{self, Pill, Rate, ago, counted, lasted, median, pill, rate};
use crate::admin::pages::chart::Sparkline;
use crate::admin::pages::words::count;
use crate::event::{ArrivalOutcome, Path};
use crate::telemetry::DoorState;

/// The sparkline: three minutes, three seconds to a point.
const POINTS: u32 = 60;
const POINT: Duration = Duration::from_secs(3);
/// The number beside it is of this time, or where little comes, of all three minutes.
const NOW: Duration = Duration::from_secs(10);
const FEW_PER_SECOND: f64 = 0.5;

/// The card of one path.
#[derive(Debug, Template)]
#[template(path = "overview/path.html")]
pub(super) struct PathCard {
    path: Path,
    in_mode: bool,
    door: Pill,
    rate: Rate,
    sparkline: Sparkline,
    peak: Option<Rate>,
    latency: Option<String>,
    facts: Vec<(&'static str, String)>,
    /// What to do, as long as nothing came.
    empty: Option<&'static str>,
}

impl PathCard {
    pub(super) fn of(view: View<'_>, path: Path) -> Self {
        let pulse = view.pulse;
        let rates = |path| pulse.tape.rates(path, POINTS, POINT);
        let peak_of = |path| rates(path).into_iter().flatten().fold(0.0, f64::max);
        // One scale for both, so that the cards can be compared.
        let top = Path::ALL.map(peak_of).into_iter().fold(0.0, f64::max);
        let peak = peak_of(path);
        let came = |outcome: ArrivalOutcome| arrivals(view, path, outcome);
        let accepted = came(ArrivalOutcome::Accepted);
        let latency = latency(view, path);
        let nothing = accepted == 0 && came(ArrivalOutcome::Quarantined) == 0;
        Self {
            path,
            in_mode: view.mode.contains(path),
            door: door(pulse.doors.get(&path)),
            rate: rate(rate_now(view, path)),
            sparkline: Sparkline::draw(&rates(path), top),
            peak: (peak > 0.0).then(|| rate(peak)),
            latency: latency.map(say::latency),
            facts: facts(view, path),
            empty: nothing.then(|| what_to_do(path)),
        }
    }
}

fn rate_now(view: View<'_>, path: Path) -> f64 {
    let tape = &view.pulse.tape;
    let now = tape.rate(path, NOW).unwrap_or(0.0);
    if now >= FEW_PER_SECOND { now } else { tape.rate(path, POINT * POINTS).unwrap_or(now) }
}

/// Median of the last arrivals, flagged or not: it is what is there within seconds.
fn latency(view: View<'_>, path: Path) -> Option<f64> {
    let events = view.pulse.lately.events.iter().filter(|event| !event.test);
    let latencies = events.filter_map(|event| {
        let at = match path {
            Path::Webhook => event.webhook_at,
            Path::Eventbridge => event.eventbridge_at,
        };
        at.map(|at| at.millis_since(event.time))
    });
    median(latencies.collect())
}

fn arrivals(view: View<'_>, path: Path, outcome: ArrivalOutcome) -> u64 {
    let counts = view.pulse.counts.arrivals.iter();
    let found = counts.filter(|(by, name, _)| *by == path && name == outcome.as_str());
    found.map(|(_, _, count)| count).sum()
}

fn facts(view: View<'_>, path: Path) -> Vec<(&'static str, String)> {
    let pulse = view.pulse;
    let came = |outcome: ArrivalOutcome| arrivals(view, path, outcome);
    let mut facts = Vec::new();
    let last = pulse.last_arrival.of(path);
    facts.push(("Last new event", last.map_or("none yet".to_owned(), |last| ago(last, pulse.at))));
    if let Some(p99) = pulse.document.as_ref().and_then(|all| all.paths.of(path).latency_ms.p99) {
        facts.push(("99 % within", format!("{} in the last hour", say::latency(p99))));
    }
    facts.push(("Events", count(came(ArrivalOutcome::Accepted))));
    facts.push(("Duplicates", count(came(ArrivalOutcome::Duplicate))));
    let quarantined = came(ArrivalOutcome::Quarantined);
    if quarantined > 0 {
        facts.push(("Not understood", counted(quarantined, "arrival")));
    }
    facts.push((
        "Door",
        match pulse.doors.get(&path) {
            Some(DoorState::Open { since }) => format!("open for {}", lasted(*since, pulse.at)),
            Some(DoorState::Failing { since, .. }) => {
                format!("failing for {}", lasted(*since, pulse.at))
            }
            Some(DoorState::Opening { waiting_for: Some(error) }) => format!("waits: {error}"),
            Some(DoorState::Opening { waiting_for: None }) | None => "not open yet".to_owned(),
            Some(DoorState::Closed) => "closed: the process stops".to_owned(),
        },
    ));
    facts
}

/// A door's state in a word.
pub(super) fn door(state: Option<&DoorState>) -> Pill {
    match state {
        Some(DoorState::Open { .. }) => pill("good", "open"),
        Some(DoorState::Failing { .. }) => pill("bad", "failing"),
        Some(DoorState::Opening { waiting_for: Some(_) }) => pill("bad", "can't open"),
        Some(DoorState::Opening { waiting_for: None }) | None => pill("warn", "opening"),
        Some(DoorState::Closed) => pill("warn", "closed"),
    }
}

const fn what_to_do(path: Path) -> &'static str {
    match path {
        Path::Webhook => {
            "Nothing came by webhook yet. In Auth0, point an event stream of the kind webhook at this \
             gateway's webhook address, with one of its secrets."
        }
        Path::Eventbridge => {
            "Nothing came by EventBridge yet. In Auth0, make an event stream of the kind EventBridge; \
             in AWS, a rule on its bus that sends to the queue."
        }
    }
}
