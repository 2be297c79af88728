//! What is good, what to look at, what is wrong; why it matters, and what to do.

use std::time::Duration;

use super::facts::Facts;
use crate::admin::pages::words;
use crate::compare::words::{count, counted};
use crate::event::Path;
use crate::provision::doctor::{Check, Section, State};
use crate::telemetry::{BreakerState, DoorState};

/// The class of its look.
pub(super) const fn mood(state: State) -> &'static str {
    match state {
        State::Good => "good",
        State::Look | State::NotAsked => "warn",
        State::Bad => "bad",
    }
}

/// A path that brings nothing for so long while the other does is worth a look.
const SILENT_FOR: Duration = Duration::from_mins(10);
/// So full, the journal soon deletes events before their time: 80 of 100.
const FULL: u64 = 80;

/// All checks.
pub(super) fn checks(facts: &Facts) -> Vec<Section> {
    let sections = [
        ("Doors", doors(facts)),
        ("Auth0's streams", streams(facts)),
        ("Webhook secrets", secrets(facts)),
        ("Pairing", pairing(facts)),
        ("Targets and routes", targets(facts)),
        ("What failed", failures(facts)),
        ("Journal", journal(facts)),
        ("Access and configuration", access(facts)),
    ];
    let sections = sections.into_iter().map(|(title, checks)| Section { title, checks });
    sections.filter(|section| !section.checks.is_empty()).collect()
}

fn doors(facts: &Facts) -> Vec<Check> {
    let open = Path::ALL.into_iter().filter(|path| facts.mode.contains(*path));
    let mut checks: Vec<Check> =
        open.flat_map(|path| [door(facts, path), arrivals(facts, path)]).collect();
    for path in Path::ALL.into_iter().filter(|path| !facts.mode.contains(*path)) {
        checks.push(Check::good(
            format!("{path} door"),
            "shut, as mode says; without it the two paths are not compared",
        ));
    }
    if let Some(url) = &facts.setup.queue_url
        && facts.mode.contains(Path::Eventbridge)
    {
        checks.push(if facts.setup.rule_letters_known {
            Check::good("EventBridge's dead letters", "their queue is known")
        } else {
            Check::look(
                "EventBridge's dead letters",
                format!("no dead-letter queue of the rule's target is known, for {url}"),
                "What EventBridge can't put into the queue is gone after 24 h. Give the rule's target a \
                 dead-letter queue, and its URL to eventbridge.rule_dead_letter_queue_url.",
            )
        });
    }
    checks
}

fn door(facts: &Facts, path: Path) -> Check {
    let what = format!("{path} door");
    let todo = match path {
        Path::Webhook => "See webhook.listen and the log.",
        Path::Eventbridge => {
            "See eventbridge.queue_url and its region, the AWS credentials of this process, and its \
             permissions on the queue: sqs:ReceiveMessage, sqs:DeleteMessage, \
             sqs:ChangeMessageVisibility, sqs:GetQueueAttributes."
        }
    };
    let ago = |at| words::ago(at, facts.now);
    match facts.doors.get(&path) {
        Some(DoorState::Open { since }) => {
            Check::good(what, format!("open, since {}", ago(*since)))
        }
        Some(DoorState::Failing { since, error }) => {
            Check::bad(what, format!("failing, since {}: {error}", ago(*since)), todo)
        }
        Some(DoorState::Opening { waiting_for: Some(error) }) => {
            Check::bad(what, format!("not open yet: {error}"), todo)
        }
        Some(DoorState::Opening { waiting_for: None }) | None => {
            Check::look(what, "not open yet", "It should open within seconds of the start.")
        }
        Some(DoorState::Closed) => {
            Check::bad(what, "shut: the process stops", "Nothing, if you stopped it.")
        }
    }
}

/// Whether a path brings what the other does.
fn arrivals(facts: &Facts, path: Path) -> Check {
    let what = format!("events by {path}");
    let silence = |at| words::ago(at, facts.now);
    let todo = match path {
        Path::Webhook => {
            "Is the stream enabled in Auth0 (it is switched off after 500 failures in a row), and does it \
             point here?"
        }
        Path::Eventbridge => {
            "Is the partner event source ACTIVE, and does the rule's pattern match? \
             {\"source\": [{\"prefix\": \"aws.partner/auth0.com/\"}]} does; the exact text \
             aws.partner/auth0.com matches nothing. Does the queue's policy let the rule in?"
        }
    };
    let (own, other) = (facts.last_arrival.get(&path), facts.last_arrival.get(&path.other()));
    let long = i128::try_from(SILENT_FOR.as_nanos()).unwrap_or(i128::MAX);
    match (own, other) {
        (Some(own), Some(other)) if i128::from(other.nanos_since(*own)) > long => {
            let found = format!("the last {}, the other path's {}", silence(*own), silence(*other));
            Check::bad(what, found, todo)
        }
        (Some(own), _) => Check::good(what, format!("the last {}", silence(*own))),
        (None, Some(_)) => Check::bad(what, "none, while the other path brings some", todo),
        (None, None) => Check::look(what, "none yet", todo),
    }
}

/// So many failures away from being switched off is near.
const FAILURES_LEFT_MIN: u64 = 250;

/// What Auth0 says of its streams, where it was asked.
fn streams(facts: &Facts) -> Vec<Check> {
    let streams = facts.streams.iter().map(|(path, stream)| {
        let what = format!("{path} stream");
        let at = words::ago(stream.at, facts.now);
        let left = count(stream.failures_left);
        if !stream.enabled {
            let advice = "Its new events are kept nowhere. Mend the door, then twinstream setup auth0 enable.";
            return Check::bad(what, format!("switched off, as Auth0 said {at}"), advice);
        }
        let failures = counted(stream.failures, "failure");
        let found = format!("on; {failures} listed, {left} more switch it off; asked {at}");
        if stream.failures_left < FAILURES_LEFT_MIN {
            let advice = "Mend the door; twinstream reconcile --dry-run says what failed.";
            return Check::bad(what, found, advice);
        }
        Check::good(what, found)
    });
    streams.collect()
}

fn secrets(facts: &Facts) -> Vec<Check> {
    if !facts.mode.contains(Path::Webhook) {
        return Vec::new();
    }
    let checks = facts.setup.secrets.iter().map(|(label, not_after)| {
        let what = format!("secret {label}");
        let used = facts.secrets.iter().find(|used| used.label == *label);
        match (used, not_after) {
            (_, Some(end)) if *end <= facts.now => Check::look(
                what,
                format!("refused since {}", words::ago(*end, facts.now)),
                "Take it out of webhook.secrets.",
            ),
            (Some(used), _) => {
                Check::good(what, format!("last used {}", words::ago(used.last_matched_at, facts.now)))
            }
            (None, _) => Check::look(
                what,
                "not used since the start",
                "Auth0 sends another one or none: a webhook with a wrong token is refused with 401, and \
                 Auth0 never sends it again. One that was rotated out can be taken out of webhook.secrets.",
            ),
        }
    });
    checks.collect()
}

/// Answers on the user's own tenant what Auth0 does not document: whether both streams carry one id.
fn pairing(facts: &Facts) -> Vec<Check> {
    let pairs = facts.pairs;
    if Path::ALL.into_iter().any(|path| !facts.mode.contains(path)) {
        return Vec::new();
    }
    let what = "how the two paths' arrivals become one event";
    let (id, fallback) = (count(pairs.id), count(pairs.fallback));
    vec![match (pairs.id, pairs.fallback, pairs.ambiguous) {
        (0, 0, 0) => Check::good(what, "no pairs within the last hour"),
        (_, 0, 0) => {
            Check::good(what, format!("by id, all {id} of the last hour: your streams share ids"))
        }
        (0, _, 0) => Check::good(
            what,
            format!(
                "by tenant, type, subject and time, all {fallback} of the last hour: your streams have ids of their own"
            ),
        ),
        (_, _, 0) => Check::look(
            what,
            format!(
                "{id} by id, {fallback} by tenant, type, subject and time, within the last hour"
            ),
            "Streams either share ids or do not. Is a third stream coming in?",
        ),
        (_, _, ambiguous) => Check::look(
            what,
            format!(
                "{} of the last hour could have been paired otherwise",
                counted(ambiguous, "pair")
            ),
            "Several events agreed in tenant, type, subject and time; the comparison counts them apart.",
        ),
    }]
}

fn targets(facts: &Facts) -> Vec<Check> {
    if facts.setup.routes.is_empty() {
        return vec![Check::look(
            "routes",
            "none",
            "Events are kept and compared, and delivered nowhere. Add [[targets]] and [[routes]].",
        )];
    }
    let mut checks = Vec::new();
    for (name, state) in &facts.targets {
        let what = format!("target {name}");
        let paused = facts.paused.iter().find(|paused| *paused.target == **name);
        checks.push(match (paused, state.breaker) {
            (Some(_), _) => Check::look(what, "paused by order", "Resume it on the page of the targets."),
            (None, BreakerState::Closed) => {
                Check::good(what, format!("up, since {}", words::ago(state.since, facts.now)))
            }
            (None, BreakerState::Open | BreakerState::HalfOpen) => Check::bad(
                what,
                format!(
                    "down, since {}{}",
                    words::ago(state.since, facts.now),
                    state.down_because.as_deref().map_or_else(String::new, |why| format!(": {why}")),
                ),
                "Nothing is sent but a probe now and then, and no attempt is counted against a delivery. \
                 What waits goes out when it is up.",
            ),
        });
    }
    for name in &facts.setup.unsigned_targets {
        checks.push(Check::look(
            format!("target {name}"),
            "deliveries are not signed",
            "The application can't tell them from others' requests. Give it a signing_secret.",
        ));
    }
    checks
}

fn failures(facts: &Facts) -> Vec<Check> {
    let dead: u64 = facts.counts.pending.iter().map(|route| route.dead).sum();
    let quarantined: u64 = facts.counts.quarantined.iter().map(|(_, number)| number).sum();
    vec![
        if dead == 0 {
            Check::good("dead letters", "none")
        } else {
            Check::look(
                "dead letters",
                format!("{} open", count(dead)),
                "See why on their page, and put them back.",
            )
        },
        if quarantined == 0 {
            Check::good("quarantine", "empty")
        } else {
            Check::look(
                "quarantine",
                format!("{} kept", count(quarantined)),
                "Something authenticated that is no event of Auth0's. Is a log stream pointed here?",
            )
        },
    ]
}

fn journal(facts: &Facts) -> Vec<Check> {
    let setup = &facts.setup;
    let path = setup.journal_path.display();
    let commit = match &facts.journal_error {
        None => Check::good("commits", format!("to {path}")),
        Some(error) => Check::bad(
            "commits",
            format!("fail on {path}: {error}"),
            "Webhooks are answered 503, messages stay in the queue: nothing is lost as long as Auth0 and SQS \
             try again. Is the disk full, or the file locked?",
        ),
    };
    let (bytes, most) = (facts.counts.file_bytes, setup.journal_bytes_max.max(1));
    let share = bytes.saturating_mul(100) / most;
    let found = format!(
        "{} of {} ({share} %); events are kept for {}",
        words::bytes(bytes),
        words::bytes(most),
        words::duration(setup.keep)
    );
    let size = if share < FULL {
        Check::good("size", found)
    } else {
        Check::look(
            "size",
            found,
            "At its limit the oldest events go before their time. Raise journal.size_bytes_max, or lower \
             journal.keep.",
        )
    };
    vec![commit, size]
}

fn access(facts: &Facts) -> Vec<Check> {
    let token = if facts.has_token {
        Check::good("these pages", "admin.token is demanded")
    } else {
        Check::good("these pages", "without a token, on this machine's loopback address alone")
    };
    let warnings = facts.setup.warnings.iter();
    let warnings =
        warnings.map(|warning| Check::look("configuration", warning.clone(), "See check-config."));
    std::iter::once(token).chain(warnings).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::admin::Setup;
    use crate::compare::PairRules;
    use crate::event::{PathSet, Timestamp};
    use crate::journal::{Counts, DeliveryStates};
    use crate::telemetry::{SecretUse, StreamState, TargetState};

    fn now() -> Timestamp {
        Timestamp::from_millis(1_772_356_544_960)
    }

    /// A gateway with which all is well.
    fn facts() -> Facts {
        let a_moment_ago = now().minus(Duration::from_secs(5));
        let setup = Setup {
            secrets: vec![("2026-11".into(), None)],
            queue_url: Some("https://sqs.example/1/auth0".into()),
            rule_letters_known: true,
            routes: vec![("users".into(), "app".into())],
            journal_path: "data/journal.db".into(),
            keep: Duration::from_hours(720),
            journal_bytes_max: 1_000,
            ..Setup::default()
        };
        let open = DoorState::Open { since: a_moment_ago };
        Facts {
            now: now(),
            mode: PathSet::Both,
            setup: Arc::new(setup),
            doors: Path::ALL.map(|path| (path, open.clone())).into(),
            last_arrival: Path::ALL.map(|path| (path, a_moment_ago)).into(),
            secrets: vec![SecretUse { label: "2026-11".into(), last_matched_at: a_moment_ago }],
            pairs: PairRules { id: 5, ..PairRules::default() },
            counts: Counts { file_bytes: 100, ..Counts::default() },
            targets: [("app".into(), TargetState::new(a_moment_ago))].into(),
            streams: [(Path::Webhook, stream(true, 0))].into(),
            paused: Vec::new(),
            journal_error: None,
            has_token: true,
        }
    }

    /// The check that speaks of `what`, after something was changed; all others stay good.
    #[track_caller]
    fn check(what: &str, expected: State, change: impl FnOnce(&mut Facts)) -> Check {
        let mut facts = facts();
        change(&mut facts);
        let all: Vec<Check> =
            checks(&facts).into_iter().flat_map(|section| section.checks).collect();
        let other = all.iter().find(|check| check.what != what && check.found_to_be != State::Good);
        assert_eq!(other, None);
        let check = all.into_iter().find(|check| check.what == what).expect(what);
        assert_eq!(check.found_to_be, expected, "{check:?}");
        assert_eq!(check.advice.is_none(), expected == State::Good, "{check:?}");
        check
    }

    fn setup(facts: &mut Facts) -> &mut Setup {
        Arc::make_mut(&mut facts.setup)
    }

    fn stream(enabled: bool, failures: u64) -> StreamState {
        let failures_left = 500 - failures;
        StreamState { enabled, failures_in_a_row: failures, failures, failures_left, at: now() }
    }

    #[test]
    fn a_stream_that_auth0_switched_off_or_nearly_is_wrong() {
        let of = |state| move |facts: &mut Facts| facts.streams.extend([(Path::Webhook, state)]);
        check("webhook stream", State::Good, of(stream(true, 250)));
        check("webhook stream", State::Bad, of(stream(true, 251)));
        check("webhook stream", State::Bad, of(stream(false, 0)));
    }

    #[test]
    fn a_door_that_does_not_open_is_wrong() {
        check("webhook door", State::Good, |_| {});
        let waits = DoorState::Opening { waiting_for: Some("no credentials".into()) };
        let found = check("eventbridge door", State::Bad, |facts| {
            facts.doors.insert(Path::Eventbridge, waits);
        });
        assert!(found.found.contains("no credentials") && found.advice.unwrap().contains("sqs:"));
    }

    #[test]
    fn one_path_that_is_silent_while_the_other_speaks_is_wrong() {
        let early = now().minus(Duration::from_mins(11));
        let found = check("events by eventbridge", State::Bad, |facts| {
            facts.last_arrival.insert(Path::Eventbridge, early);
        });
        assert!(found.advice.unwrap().contains(r#"{"prefix": "aws.partner/auth0.com/"}"#));
        check("events by webhook", State::Bad, |facts| {
            facts.last_arrival.remove(&Path::Webhook);
        });
        check("events by webhook", State::Good, |facts| {
            facts.last_arrival = Path::ALL.map(|path| (path, early)).into();
        });
    }

    #[test]
    fn secrets_that_nobody_uses_or_that_ended_are_to_look_at() {
        check("secret 2026-11", State::Good, |_| {});
        check("secret 2026-11", State::Look, |facts| facts.secrets.clear());
        check("secret 2026-11", State::Look, |facts| {
            setup(facts).secrets = vec![("2026-11".into(), Some(now()))];
        });
    }

    #[test]
    fn it_says_whether_the_streams_share_ids() {
        const WHAT: &str = "how the two paths' arrivals become one event";
        let with = |id, fallback, ambiguous, expected, says: &str| {
            let pairs = PairRules { id, fallback, ambiguous };
            let found = check(WHAT, expected, |facts| facts.pairs = pairs);
            assert!(found.found.contains(says), "{}", found.found);
        };
        with(0, 0, 0, State::Good, "no pairs");
        with(9, 0, 0, State::Good, "share ids");
        with(0, 9, 0, State::Good, "ids of their own");
        with(5, 4, 0, State::Look, "5 by id, 4 by");
        with(5, 4, 1, State::Look, "1 pair ");
    }

    #[test]
    fn what_failed_and_what_is_full_is_to_look_at() {
        let dead = DeliveryStates {
            route: "users".into(),
            target: "app".into(),
            pending: 0,
            oldest: None,
            dead: 1_200,
        };
        let found = check("dead letters", State::Look, |facts| facts.counts.pending = vec![dead]);
        assert_eq!(found.found, "1,200 open");
        check("quarantine", State::Look, |facts| {
            facts.counts.quarantined = vec![("bad_json".into(), 2)];
        });
        check("size", State::Look, |facts| facts.counts.file_bytes = 800);
        check("commits", State::Bad, |facts| facts.journal_error = Some("disk full".into()));
    }

    #[test]
    fn a_target_that_is_down_or_unsigned_is_named() {
        let down = TargetState {
            breaker: BreakerState::Open,
            down_because: Some("503".into()),
            ..TargetState::new(now())
        };
        let found = check("target app", State::Bad, |facts| {
            facts.targets.insert("app".into(), down);
        });
        assert!(found.found.ends_with(": 503"), "{}", found.found);
        check("routes", State::Look, |facts| setup(facts).routes.clear());
    }
}
