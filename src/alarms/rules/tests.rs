//! Each rule at its limit and beyond.

use super::*;
use crate::compare::{Criterion, Interval};
use crate::event::{PerPath, Timestamp};
use crate::telemetry::TargetState;

fn limits() -> Limits {
    Limits {
        off: Vec::new(),
        within: Duration::from_mins(10),
        refused_max: 0,
        quarantined_max: 2,
        died_max: 1,
        silent_for: Duration::from_mins(5),
        silent_while: 10,
        pending_age_max: Duration::from_mins(10),
        queue_messages_max: 1_000,
        queue_age_max: Duration::from_mins(5),
        dead_letter_queue_max: 0,
    }
}

/// Nothing is wrong here, and every limit is just kept.
fn quiet() -> Facts {
    let open = DoorState::Open { since: Timestamp::from_millis(0) };
    Facts {
        mode: Some(PathSet::Both),
        doors: Path::ALL.into_iter().map(|path| (path, open.clone())).collect(),
        targets: [("app".into(), TargetState::new(Timestamp::from_millis(0)))].into(),
        came_lately: PerPath { webhook: 1, eventbridge: 1_000 },
        watched_for: Duration::from_mins(5),
        quarantined: 2,
        died: 1,
        oldest_pending: [("app".to_owned(), Duration::from_mins(10))].into(),
        queues: [("main", 1_000), ("dead_letters", 0)].into(),
        queue_age: Some(Duration::from_mins(5)),
        journal_bytes: (89, 100),
        criteria: vec![loss(Outcome::Holds), loss(Outcome::NotEnoughData)],
        ..Facts::default()
    }
}

fn loss(outcome: Outcome) -> Criterion {
    let measured = Some(Interval { estimate: 0.015, low: 0.01, high: 0.02 });
    Criterion { path: Path::Webhook, measure: "loss", limit: 0.001, measured, outcome }
}

#[track_caller]
fn check(change: impl FnOnce(&mut Facts), expected: &[(Alarm, &str, &str)]) {
    let mut facts = quiet();
    change(&mut facts);
    let found = findings(&facts, &limits());
    let told: Vec<_> = found
        .iter()
        .map(|found| (found.alarm, found.about.as_str(), found.what.as_str()))
        .collect();
    assert_eq!(told, expected);
}

#[test]
fn what_keeps_its_limits_is_not_told() {
    check(|_| {}, &[]);
    assert_eq!(findings(&Facts::default(), &limits()), []);
}

#[test]
fn a_path_that_fails_its_criteria_is_told() {
    let what = "The webhook path lost 1 % to 2 % of the last day's events; 0.1 % is allowed.";
    check(|facts| facts.criteria.push(loss(Outcome::Fails)), &[(Alarm::Loss, "webhook", what)]);
    let slow = Criterion {
        path: Path::Eventbridge,
        measure: "p99_ms",
        limit: 2_000.0,
        measured: Some(Interval { estimate: 4_000.0, low: 3_000.0, high: 5_000.0 }),
        outcome: Outcome::Fails,
    };
    let what = "1 of 100 events of the last day took over 3 s by eventbridge; 2 s is allowed.";
    check(|facts| facts.criteria.push(slow), &[(Alarm::Latency, "eventbridge", what)]);
}

#[test]
fn silence_is_told_while_the_other_path_speaks() {
    let what = "Nothing came by webhook for 5 min, while eventbridge brought 1,000 events. Its door is open.";
    let silent = [(Alarm::Silence, "webhook", what)];
    check(|facts| facts.came_lately.webhook = 0, &silent);
    check(|facts| facts.came_lately = PerPath { webhook: 0, eventbridge: 9 }, &[]);
    let just_started = Duration::from_secs(299);
    check(|facts| (facts.came_lately.webhook, facts.watched_for) = (0, just_started), &[]);
    check(
        |facts| {
            facts.came_lately.webhook = 0;
            facts.mode = Some(PathSet::Webhook);
        },
        &[],
    );
}

#[test]
fn what_counts_up_lately_is_told_with_its_limit() {
    check(
        |facts| (facts.refused, facts.quarantined, facts.died) = (3, 3, 2),
        &[
            (
                Alarm::Refused,
                "",
                "3 webhook requests had a wrong secret within 10 min; 0 are allowed.",
            ),
            (Alarm::Quarantine, "", "3 arrivals were not understood within 10 min; 2 are allowed."),
            (Alarm::DeadLetters, "", "2 deliveries failed for good within 10 min; 1 is allowed."),
        ],
    );
}

#[test]
fn queues_that_fill_and_messages_that_age_are_told() {
    check(
        |facts| {
            facts.queues = [("main", 1_001), ("dead_letters", 1)].into();
            facts.queue_age = Some(Duration::from_mins(6));
        },
        &[
            (
                Alarm::DeadLetterQueue,
                "dead_letters",
                "About 1 message in the queue's dead-letter queue; 0 are allowed.",
            ),
            (Alarm::Queue, "main", "About 1,001 messages in the queue; 1,000 are allowed."),
            (
                Alarm::Queue,
                "age",
                "Messages are 6 min old when they are received; 5 min is allowed.",
            ),
        ],
    );
}

#[test]
fn a_target_that_is_down_and_one_that_falls_behind_are_told() {
    let down = TargetState {
        breaker: BreakerState::Open,
        down_because: Some("HTTP 503".into()),
        ..TargetState::new(Timestamp::from_millis(0))
    };
    check(
        |facts| {
            facts.targets.insert("app".into(), down);
            facts.oldest_pending.insert("app".to_owned(), Duration::from_mins(11));
        },
        &[
            (
                Alarm::Breaker,
                "app",
                "The target app has been down since 1970-01-01T00:00:00Z: HTTP 503.",
            ),
            (
                Alarm::Pending,
                "app",
                "The oldest delivery to app has waited for 11 min; 10 min is allowed.",
            ),
        ],
    );
}

#[test]
fn a_door_that_takes_nothing_in_is_told() {
    let failing =
        DoorState::Failing { since: Timestamp::from_millis(0), error: "no such queue".to_owned() };
    let what = "The eventbridge door takes nothing in: no such queue.";
    check(
        |facts| drop(facts.doors.insert(Path::Eventbridge, failing)),
        &[(Alarm::Door, "eventbridge", what)],
    );
    check(
        |facts| {
            facts.doors.insert(Path::Webhook, DoorState::Opening { waiting_for: None });
        },
        &[],
    );
}

#[test]
fn a_journal_that_fails_or_fills_and_a_clock_behind_are_told() {
    check(
        |facts| {
            facts.no_commit = Some("disk full".to_owned());
            facts.journal_bytes = (9 << 20, 10 << 20);
            facts.negative_latencies = 1;
        },
        &[
            (Alarm::Journal, "commit", "The journal does not commit: disk full."),
            (Alarm::Journal, "size", "The journal's file has 9 of the 10 MiB that it may have."),
            (
                Alarm::Clock,
                "",
                "1 arrival of the last day came before their own event by this host's clock.",
            ),
        ],
    );
}

#[test]
fn what_nobody_wants_is_not_told() {
    let facts = Facts { refused: 3, negative_latencies: 1, ..quiet() };
    let limits = Limits { off: vec![Alarm::Clock, Alarm::Refused], ..limits() };
    assert_eq!(findings(&facts, &limits), []);
}

#[test]
fn a_stream_that_auth0_switched_off_or_nearly_is_told() {
    use crate::telemetry::StreamState;
    let state = StreamState {
        enabled: true,
        failures_in_a_row: 250,
        failures: 1_250,
        failures_left: 250,
        at: Timestamp::from_millis(0),
    };
    let of = |state: StreamState| {
        move |facts: &mut Facts| facts.streams.extend([(Path::Webhook, state)])
    };
    check(of(state), &[]);
    let near = "Auth0 gave up on 251 events of the webhook stream in a row, and on 1,251 in all: after 249 \
                more it is switched off.";
    let worse =
        StreamState { failures_in_a_row: 251, failures: 1_251, failures_left: 249, ..state };
    check(of(worse), &[(Alarm::Stream, "webhook", near)]);
    let off = "Auth0's webhook stream is switched off: its new events are kept nowhere.";
    check(of(StreamState { enabled: false, ..state }), &[(Alarm::Stream, "webhook", off)]);
}

#[test]
fn an_events_api_that_is_not_heard_is_told() {
    let of = |minutes, why: Option<&str>| {
        let unheard = (Duration::from_mins(minutes), why.map(Box::from));
        move |facts: &mut Facts| facts.unheard = Some(unheard)
    };
    check(of(10, Some("HTTP 403")), &[]);
    let why = "Auth0's Events API has not been heard for 11 min: HTTP 403.";
    check(of(11, Some("HTTP 403")), &[(Alarm::Following, "", why)]);
    let silent = "Auth0's Events API has not been heard for 11 min.";
    check(of(11, None), &[(Alarm::Following, "", silent)]);
}
