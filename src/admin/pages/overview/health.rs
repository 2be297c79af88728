//! Doors, journal, targets and secrets: whether they are well.

use askama::Template;

use super::View;
use super::paths::door;
use super::say::{Pill, ago, bytes, lasted, pill};
use crate::admin::pages::pulse::Probe;
use crate::event::Path;
use crate::telemetry::{BreakerState, DoorState, TargetState};

/// A commit that takes longer is worth a look: Auth0 waits for it.
const COMMIT_SLOW_MS: u128 = 200;

/// The writer is busy from one in so many places on.
const BUSY_FROM: usize = 20;

/// A line for each of them.
#[derive(Debug, Template)]
#[template(path = "overview/health.html")]
pub(super) struct HealthCard {
    lines: Vec<Line>,
}

#[derive(Debug, PartialEq, Eq)]
struct Line {
    kind: &'static str,
    name: String,
    pill: Pill,
    detail: String,
}

impl HealthCard {
    pub(super) fn of(view: View<'_>) -> Self {
        let pulse = view.pulse;
        let mut lines = Vec::new();
        let paths = Path::ALL.into_iter().filter(|path| view.mode.contains(*path));
        lines.extend(paths.map(|path| door_line(view, path)));
        lines.push(journal(view));
        lines.extend(pulse.targets.iter().map(|(name, state)| target(view, name, state)));
        lines.extend(pulse.secrets.iter().map(|secret| Line {
            kind: "Secret",
            name: secret.label.clone(),
            pill: pill("good", "in use"),
            detail: format!("matched {}", ago(secret.last_matched_at, pulse.at)),
        }));
        Self { lines }
    }
}

fn door_line(view: View<'_>, path: Path) -> Line {
    let state = view.pulse.doors.get(&path);
    let detail = match state {
        Some(DoorState::Open { since }) => format!("for {}", lasted(*since, view.pulse.at)),
        Some(DoorState::Failing { error, .. }) => error.clone(),
        Some(DoorState::Opening { waiting_for }) => waiting_for.clone().unwrap_or_default(),
        Some(DoorState::Closed) | None => String::new(),
    };
    Line { kind: "Door", name: path.to_string(), pill: door(state), detail }
}

fn journal(view: View<'_>) -> Line {
    let pulse = view.pulse;
    let size = bytes(pulse.counts.file_bytes);
    let (pill, probe) = match &pulse.probe {
        None => (pill("", "not asked yet"), String::new()),
        Some(Probe::Committed { took }) if took.as_millis() > COMMIT_SLOW_MS => {
            (pill("warn", "slow"), format!("commits in {} ms", took.as_millis()))
        }
        Some(Probe::Committed { took }) => {
            let millis = took.as_secs_f64() * 1e3;
            (pill("good", "commits"), format!("in {millis:.1} ms"))
        }
        Some(Probe::Failed { why }) => (pill("bad", "no commit"), why.clone()),
    };
    let (waiting, most) = pulse.queue_depth;
    let is_busy = waiting.saturating_mul(BUSY_FROM) >= most;
    let queue =
        if is_busy { format!("{waiting} of {most} wait to be written") } else { String::new() };
    let parts = [probe, size, queue];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    Line { kind: "Journal", name: String::new(), pill, detail: parts.join(" · ") }
}

fn target(view: View<'_>, name: &str, state: &TargetState) -> Line {
    let lasted = lasted(state.since, view.pulse.at);
    let (pill, detail) = match state.breaker {
        _ if state.paused_since.is_some() => (pill("warn", "paused"), String::new()),
        BreakerState::Closed if state.draining => {
            (pill("warn", "catching up"), "what gathered while it was down".to_owned())
        }
        BreakerState::Closed => (pill("good", "up"), format!("for {lasted}")),
        BreakerState::HalfOpen => (pill("warn", "probed"), format!("down for {lasted}")),
        BreakerState::Open => {
            let because = state.down_because.as_deref().unwrap_or_default();
            (pill("bad", "down"), format!("for {lasted}: {because}"))
        }
    };
    Line { kind: "Target", name: name.to_owned(), pill, detail }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::admin::pages::pulse::Pulse;
    use crate::admin::pages::pulse::fixture::{ago, quiet};
    use crate::event::PathSet;
    use crate::telemetry::SecretUse;

    /// Every line as it is read.
    #[track_caller]
    fn check(change: impl FnOnce(&mut Pulse), expected: &[&str]) {
        let mut pulse = quiet();
        change(&mut pulse);
        let view = View { pulse: &pulse, mode: PathSet::Webhook, grace: Duration::ZERO };
        let lines = HealthCard::of(view).lines;
        let said: Vec<String> = lines
            .iter()
            .map(|line| format!("{} {}: {}, {}", line.kind, line.name, line.pill.word, line.detail))
            .collect();
        assert_eq!(said, expected);
    }

    #[test]
    fn every_part_that_is_used_has_a_line() {
        check(
            |pulse| {
                let last_matched_at = ago(3);
                pulse.secrets.push(SecretUse { label: "2026-11".to_owned(), last_matched_at });
            },
            &[
                "Door webhook: open, for 50 min",
                "Journal : commits, in 2.0 ms · 0 B",
                "Target app: up, for 50 min",
                "Secret 2026-11: in use, matched 3 s ago",
            ],
        );
    }

    #[test]
    fn what_is_not_well_says_why() {
        check(
            |pulse| {
                let error = "address in use".to_owned();
                pulse.doors.insert(Path::Webhook, DoorState::Failing { since: ago(9), error });
                pulse.probe = Some(Probe::Committed { took: Duration::from_millis(900) });
                pulse.queue_depth = (300, 4_096);
                let down = TargetState {
                    breaker: BreakerState::Open,
                    down_because: Some("HTTP 503".into()),
                    ..TargetState::new(ago(9))
                };
                pulse.targets.insert(Arc::from("app"), down);
            },
            &[
                "Door webhook: failing, address in use",
                "Journal : slow, commits in 900 ms · 0 B · 300 of 4096 wait to be written",
                "Target app: down, for 9 s: HTTP 503",
            ],
        );
    }
}
