//! What somebody should look at, before all else.

use std::time::Duration;

use askama::Template;

use super::View;
use super::say::{counted, lasted};
use crate::admin::pages::pulse::{KEPT_FOR, Probe};
use crate::event::{Path, PathSet};
use crate::telemetry::{BreakerState, DoorState};

/// A path that is silent for so long while the other brings at least so many events is told of.
const SILENT_FOR: Duration = Duration::from_secs(30);
const SILENT_WHILE: u64 = 10;

/// One thing to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Alarm {
    /// `bad` or `warn`.
    kind: &'static str,
    title: String,
    text: String,
    /// Where more of it is: a path, and what stands on the link.
    link: Option<(&'static str, &'static str)>,
}

impl Alarm {
    const fn bad(title: String, text: String) -> Self {
        Self { kind: "bad", title, text, link: None }
    }

    const fn warn(title: String, text: String) -> Self {
        Self { kind: "warn", title, text, link: None }
    }

    fn at(self, path: &'static str, name: &'static str) -> Self {
        Self { link: Some((path, name)), ..self }
    }
}

/// All of them, the worst first.
#[derive(Debug, Template)]
#[template(path = "overview/alarms.html")]
pub(super) struct Alarms {
    alarms: Vec<Alarm>,
    all_is_well: String,
}

impl Alarms {
    pub(super) fn of(view: View<'_>) -> Self {
        let mut alarms = Vec::new();
        alarms.extend(unreadable(view));
        alarms.extend(no_commit(view));
        alarms.extend(Path::ALL.into_iter().filter_map(|path| door(view, path)));
        alarms.extend(refused(view));
        alarms.extend(targets(view));
        alarms.extend(Path::ALL.into_iter().filter_map(|path| silent(view, path)));
        alarms.extend(died(view));
        alarms.extend(quarantined(view));
        alarms.sort_by_key(|alarm| alarm.kind != "bad");
        Self { alarms, all_is_well: all_is_well(view) }
    }
}

fn all_is_well(view: View<'_>) -> String {
    let doors = match view.mode {
        PathSet::Both => "Both doors are open".to_owned(),
        PathSet::Webhook => "The webhook door is open".to_owned(),
        PathSet::Eventbridge => "The eventbridge door is open".to_owned(),
    };
    let targets = match view.pulse.targets.len() {
        0 => String::new(),
        1 => ", the target is up".to_owned(),
        several => format!(", all {several} targets are up"),
    };
    format!("{doors}, the journal commits{targets}.")
}

fn unreadable(view: View<'_>) -> Option<Alarm> {
    view.pulse.unreadable.then(|| {
        let text = format!(
            "This page is as of {}. The log says why; what came in stays on disk.",
            view.pulse.at
        );
        Alarm::bad("The journal can't be read.".to_owned(), text)
    })
}

fn no_commit(view: View<'_>) -> Option<Alarm> {
    let Some(Probe::Failed { why }) = &view.pulse.probe else { return None };
    let text = format!("{why}. Until it can, senders are told to try again, and nothing is lost.");
    let title = "The journal does not commit.".to_owned();
    Some(Alarm::bad(title, text).at("/setup", "Set-up"))
}

fn door(view: View<'_>, path: Path) -> Option<Alarm> {
    if !view.mode.contains(path) {
        return None;
    }
    let alarm = match view.pulse.doors.get(&path)? {
        DoorState::Open { .. } | DoorState::Opening { waiting_for: None } => return None,
        DoorState::Opening { waiting_for: Some(error) } => {
            Alarm::bad(format!("The {path} door can't be opened."), format!("{error}."))
        }
        DoorState::Failing { since, error } => {
            let lasted = lasted(*since, view.pulse.at);
            let title = format!("The {path} door has taken nothing in for {lasted}.");
            Alarm::bad(title, format!("{error}."))
        }
        DoorState::Closed => {
            let text = "The process stops.".to_owned();
            Alarm::warn(format!("The {path} door is closed."), text)
        }
    };
    Some(alarm.at("/setup", "Set-up"))
}

fn refused(view: View<'_>) -> Option<Alarm> {
    let refused = view.pulse.tape.growth(KEPT_FOR, |sample| sample.refused);
    (refused > 0).then(|| {
        let title = format!(
            "{} had a wrong secret in the last 15 min.",
            counted(refused, "webhook request")
        );
        let text = "They were answered 401, which Auth0 does not repeat: if they were its own, \
                    these events came by webhook for the last time. Compare the secrets.";
        Alarm::bad(title, text.to_owned()).at("/setup", "Secrets")
    })
}

fn targets(view: View<'_>) -> Vec<Alarm> {
    let pulse = view.pulse;
    let down = pulse.targets.iter().filter_map(|(name, state)| {
        let because = state.down_because.as_deref().unwrap_or("it answers too little");
        let lasted = lasted(state.since, pulse.at);
        let (title, text) = match state.breaker {
            BreakerState::Closed => return None,
            BreakerState::HalfOpen => (
                format!("The target {name} may be up again."),
                "One delivery at a time finds out; the others wait.".to_owned(),
            ),
            BreakerState::Open => (
                format!("The target {name} has been down for {lasted}."),
                format!("{because}. Its deliveries wait, and are made once it is up."),
            ),
        };
        let is_down = state.breaker == BreakerState::Open;
        Some(Alarm { kind: if is_down { "bad" } else { "warn" }, title, text, link: None })
    });
    let paused = pulse.paused.iter().map(|paused| {
        let title = format!("The target {} is paused.", paused.target);
        let who = format!("{}, {}", paused.who, lasted(paused.since, pulse.at));
        Alarm::warn(title, format!("By {who} ago. Its deliveries wait until it is resumed."))
    });
    down.chain(paused).map(|alarm| alarm.at("/targets", "Targets")).collect()
}

/// Nothing came by this path for a while, though the other goes on.
fn silent(view: View<'_>, path: Path) -> Option<Alarm> {
    let pulse = view.pulse;
    let is_open = pulse.doors.get(&path).is_some_and(DoorState::is_open);
    let silent_since = pulse.at.minus(SILENT_FOR);
    let is_silent = pulse.last_arrival.of(path).is_none_or(|last| last < silent_since);
    let others = pulse.tape.growth(SILENT_FOR, |sample| *sample.came.of(path.other()));
    (view.mode == PathSet::Both && is_open && is_silent && others >= SILENT_WHILE).then(|| {
        let last = match pulse.last_arrival.of(path) {
            Some(last) => format!("for {}", lasted(*last, pulse.at)),
            None => "lately".to_owned(),
        };
        let title = format!("No new event came by {path} {last}.");
        let text = format!(
            "By {} came {others} in the last {} s. The {path} door is open: look at the stream in \
             Auth0{}.",
            path.other(),
            SILENT_FOR.as_secs(),
            if path == Path::Eventbridge { ", the rule and the queue" } else { "" },
        );
        Alarm::warn(title, text).at("/compare", "Compare")
    })
}

fn died(view: View<'_>) -> Option<Alarm> {
    let died = view.pulse.tape.growth(KEPT_FOR, |sample| sample.died);
    (died > 0).then(|| {
        let title = format!("{} in the last 15 min.", counted(died, "new dead letter"));
        let text = "Their targets refused them, or never answered well. They are kept for redrive.";
        Alarm::warn(title, text.to_owned()).at("/dead-letters", "Dead letters")
    })
}

fn quarantined(view: View<'_>) -> Option<Alarm> {
    let came = view.pulse.tape.growth(KEPT_FOR, |sample| sample.quarantined);
    (came > 0).then(|| {
        let title =
            format!("{} could not be understood in the last 15 min.", counted(came, "arrival"));
        let text = "Their bytes are kept as they came.";
        Alarm::warn(title, text.to_owned()).at("/quarantine", "Quarantine")
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::admin::pages::pulse::fixture::{ago, quiet, sample, tape};
    use crate::admin::pages::pulse::{Pulse, Sample};
    use crate::event::PerPath;
    use crate::journal::PausedTarget;
    use crate::telemetry::TargetState;

    /// The alarms' kinds and the beginnings of what they say.
    #[track_caller]
    fn check(change: impl FnOnce(&mut Pulse), expected: &[(&str, &str)]) {
        let mut pulse = quiet();
        change(&mut pulse);
        let view = View { pulse: &pulse, mode: PathSet::Both, grace: Duration::from_mins(15) };
        let found = Alarms::of(view).alarms;
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (alarm, (kind, start)) in found.iter().zip(expected) {
            assert_eq!(alarm.kind, *kind, "{alarm:?}");
            let said = format!("{} {}", alarm.title, alarm.text);
            assert!(said.starts_with(start), "{said}");
        }
    }

    #[test]
    fn a_quiet_gateway_has_none() {
        check(|_| {}, &[]);
        let pulse = quiet();
        let view = View { pulse: &pulse, mode: PathSet::Both, grace: Duration::ZERO };
        let said = all_is_well(view);
        assert_eq!(said, "Both doors are open, the journal commits, the target is up.");
    }

    #[test]
    fn a_door_that_takes_nothing_in_is_told() {
        let failing = DoorState::Failing { since: ago(120), error: "no such queue".to_owned() };
        let said = "The eventbridge door has taken nothing in for 2 min. no such queue.";
        check(|pulse| drop(pulse.doors.insert(Path::Eventbridge, failing)), &[("bad", said)]);
        let opening = DoorState::Opening { waiting_for: Some("no route to host".to_owned()) };
        let said = "The webhook door can't be opened. no route to host.";
        check(|pulse| drop(pulse.doors.insert(Path::Webhook, opening)), &[("bad", said)]);
        check(
            |pulse| {
                pulse.doors.insert(Path::Webhook, DoorState::Opening { waiting_for: None });
            },
            &[],
        );
    }

    #[test]
    fn a_journal_that_does_not_commit_or_can_t_be_read_is_told() {
        check(
            |pulse| pulse.unreadable = true,
            &[("bad", "The journal can't be read. This page is")],
        );
        let failed = Some(Probe::Failed { why: "disk full".to_owned() });
        check(|pulse| pulse.probe = failed, &[("bad", "The journal does not commit. disk full. ")]);
    }

    #[test]
    fn what_counts_up_is_told_the_worst_first() {
        let grown = |change: fn(&mut Sample)| {
            let mut last = sample(0);
            change(&mut last);
            move |pulse: &mut Pulse| pulse.tape = tape([sample(60), last])
        };
        check(
            grown(|last| (last.died, last.refused, last.quarantined) = (3, 1, 2)),
            &[
                ("bad", "1 webhook request had a wrong secret"),
                ("warn", "3 new dead letters in the last 15 min."),
                ("warn", "2 arrivals could not be understood"),
            ],
        );
    }

    #[test]
    fn a_target_that_is_down_or_paused_is_told() {
        let down = TargetState {
            breaker: BreakerState::Open,
            down_because: Some("HTTP 503".into()),
            ..TargetState::new(ago(90))
        };
        let said = "The target app has been down for 1 min. HTTP 503. Its deliveries wait";
        let name = Arc::from("app");
        check(|pulse| drop(pulse.targets.insert(name, down)), &[("bad", said)]);
        let paused = PausedTarget {
            target: "app".to_owned(),
            since: ago(7_200),
            who: "Kim".to_owned(),
            why: "deploy".to_owned(),
        };
        let said = "The target app is paused. By Kim, 2 h 0 min ago. ";
        check(|pulse| pulse.paused.push(paused), &[("warn", said)]);
    }

    #[test]
    fn a_path_that_is_silent_while_the_other_goes_on_is_told() {
        let going_on = |came: u64| {
            let came = PerPath::from_fn(|path| if path == Path::Webhook { came } else { 0 });
            move |pulse: &mut Pulse| {
                pulse.tape = tape([sample(30), Sample { came, ..sample(0) }]);
                pulse.last_arrival = PerPath::from_fn(|path| {
                    Some(if path == Path::Webhook { ago(0) } else { ago(180) })
                });
            }
        };
        let said =
            "No new event came by eventbridge for 3 min. By webhook came 10 in the last 30 s.";
        check(going_on(SILENT_WHILE), &[("warn", said)]);
        check(going_on(SILENT_WHILE - 1), &[]);
    }
}
