//! What happened to an event, hop by hop, as rows of a waterfall. Pure: a story in, rows out.

use super::axis::Axis;
use crate::admin::pages::moment;
use crate::event::{Path, Timestamp, legible};
use crate::journal::{ArrivalStory, AttemptStory, DeliveryStory, EventStory};

/// What a stretch of time was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Webhook,
    Eventbridge,
    /// Known to whole seconds only.
    Hint,
    Wait,
    Good,
    Bad,
    /// Not over yet.
    Open,
}

impl Tone {
    const fn of(path: Path) -> Self {
        match path {
            Path::Webhook => Self::Webhook,
            Path::Eventbridge => Self::Eventbridge,
        }
    }

    /// The class that gives it its colour.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Eventbridge => "eventbridge",
            Self::Hint => "hint",
            Self::Wait => "wait",
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Open => "open",
        }
    }
}

/// A stretch of time, in milliseconds after the event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stretch {
    pub(super) tone: Tone,
    pub(super) from: f64,
    pub(super) to: f64,
}

/// One hop, or one attempt.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) label: String,
    pub(super) notes: Vec<String>,
    /// What it was answered, or what went wrong.
    pub(super) answer: Option<String>,
    pub(super) stretches: Vec<Stretch>,
    /// When it was over, in milliseconds after the event.
    pub(super) over: f64,
    pub(super) over_at: Option<Timestamp>,
    /// How long it took, in milliseconds.
    pub(super) took: Option<f64>,
}

/// The rows of one path, or of one route.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    pub(super) title: String,
    /// The path, where it is one.
    pub(super) path: Option<Path>,
    pub(super) remarks: Vec<String>,
    /// How the delivery stands, where it is one.
    pub(super) state: Option<State>,
    pub(super) rows: Vec<Row>,
}

/// How a delivery stands, in a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::admin::pages) struct State {
    pub(in crate::admin::pages) word: String,
    /// The class of its pill.
    pub(in crate::admin::pages) class: &'static str,
}

/// More attempts than this are not all rows.
const ATTEMPTS_MAX: usize = 12;
/// So many of the first are, and the rest are the last.
const FIRST_ATTEMPTS: usize = 4;

/// Further arrivals shown: the first ones.
const REPEATS_MAX: usize = 20;

/// All groups: the paths, what came again, the routes.
pub(super) fn groups(story: &EventStory, now: Timestamp) -> Vec<Group> {
    let time = story.summary.time;
    let first =
        |path: Path| story.arrivals.iter().find(|one| one.path == path && one.duplicate.is_none());
    let firsts = Path::ALL.into_iter().filter_map(first).map(|first| arrival(first, time));
    let again = again(story);
    let stored = story.arrivals.iter().map(|arrival| arrival.stored_at).min().unwrap_or(time);
    let deliveries = story.deliveries.iter().map(|one| delivery(one, (time, stored, now)));
    firsts.chain(again).chain(deliveries).collect()
}

/// Arrivals after the first by a path.
fn again(story: &EventStory) -> Option<Group> {
    let repeats = || story.arrivals.iter().filter(|arrival| arrival.duplicate.is_some());
    let shown = repeats().take(REPEATS_MAX).map(|arrival| repeat(arrival, story.summary.time));
    let rows: Vec<Row> = shown.collect();
    let left_out = repeats().count().saturating_sub(REPEATS_MAX);
    (!rows.is_empty()).then(|| Group {
        title: "It came again".to_owned(),
        path: None,
        remarks: (left_out > 0).then(|| format!("and {left_out} times more")).into_iter().collect(),
        state: None,
        rows,
    })
}

fn row(label: &str, (tone, from, to): (Tone, Timestamp, Timestamp), time: Timestamp) -> Row {
    let (from, over) = (from.millis_since(time), to.millis_since(time));
    Row {
        label: label.to_owned(),
        notes: Vec::new(),
        answer: None,
        stretches: vec![Stretch { tone, from, to: over }],
        over,
        over_at: Some(to),
        took: Some(over - from),
    }
}

fn arrival(arrival: &ArrivalStory, time: Timestamp) -> Group {
    let tone = Tone::of(arrival.path);
    let (title, rows) = match arrival.path {
        Path::Webhook if arrival.backfilled => (
            "From the Events API",
            vec![row("Auth0 → taken in here", (tone, time, arrival.at), time)],
        ),
        Path::Webhook => {
            ("By webhook", vec![row("Auth0 → request here", (tone, time, arrival.at), time)])
        }
        Path::Eventbridge => ("By EventBridge", eventbridge_hops(arrival, time)),
    };
    let mut rows = rows;
    rows.push(row("Stored, on disk", (tone, arrival.at, arrival.stored_at), time));
    Group {
        title: title.to_owned(),
        path: (!arrival.backfilled).then_some(arrival.path),
        remarks: remarks(arrival),
        state: None,
        rows,
    }
}

fn eventbridge_hops(arrival: &ArrivalStory, time: Timestamp) -> Vec<Row> {
    let tone = Tone::Eventbridge;
    let mut rows = Vec::new();
    if let Some(envelope) = arrival.envelope_time {
        let second = std::time::Duration::from_secs(1);
        let mut hint = row("EventBridge's envelope", (Tone::Hint, envelope, envelope), time);
        let from = envelope.millis_since(time);
        hint.stretches =
            vec![Stretch { tone: Tone::Hint, from, to: envelope.plus(second).millis_since(time) }];
        hint.took = None;
        hint.notes = vec!["whole seconds: a hint".to_owned()];
        rows.push(hint);
    }
    let mut before = time;
    let hops = [
        ("Auth0 → EventBridge → SQS", arrival.sent_at),
        ("In the queue", arrival.first_received_at),
    ];
    for (label, at) in hops {
        if let Some(at) = at {
            rows.push(row(label, (tone, before, at), time));
            before = at;
        }
    }
    let label = match arrival.receive_count {
        Some(2..) => "Received again, here",
        Some(_) | None => "Received here",
    };
    rows.push(row(label, (tone, before, arrival.at), time));
    rows
}

fn remarks(arrival: &ArrivalStory) -> Vec<String> {
    let mut remarks = Vec::new();
    remarks.extend(arrival.stream.as_ref().map(|stream| format!("stream {}", legible(stream))));
    remarks.extend(arrival.id.as_ref().map(|id| format!("under the id {}", legible(id))));
    remarks.extend(arrival.message_id.as_ref().map(|id| format!("SQS message {}", legible(id))));
    if arrival.rescued {
        remarks.push(if arrival.backfilled {
            "taken in by reconcile: no path brought it".to_owned()
        } else {
            "asked for by reconcile: the path had lost it".to_owned()
        });
    }
    if arrival.redriven {
        let what = "put back from a dead-letter queue: its latency is not the path's";
        remarks.push(what.to_owned());
    }
    if let Some(count @ 2..) = arrival.receive_count {
        remarks.push(format!("received {count} times: its latency is not the path's"));
    }
    remarks
}

fn repeat(arrival: &ArrivalStory, time: Timestamp) -> Row {
    let label = match arrival.duplicate {
        Some(kind) => kind.as_str().replace('_', " "),
        None => arrival.path.to_string(),
    };
    let tone = Tone::of(arrival.path);
    let mut row = row(&label, (tone, arrival.at, arrival.stored_at), time);
    row.took = None;
    row.notes = remarks(arrival);
    row
}

fn delivery(
    delivery: &DeliveryStory,
    (time, stored, now): (Timestamp, Timestamp, Timestamp),
) -> Group {
    let mut rows = attempts(delivery, (time, stored));
    let last = rows.iter().map(|row| row.over).fold(stored.millis_since(time), f64::max);
    rows.extend(to_come(delivery, last, (time, now)));
    let mut remarks: Vec<String> = Vec::new();
    remarks.extend(delivery.reason.as_ref().map(|reason| legible(reason)));
    if delivery.late {
        remarks.push("it is late: a newer event of its subject was attempted before".to_owned());
    }
    remarks.extend(match delivery.redrives {
        0 => None,
        1 => Some("put back once".to_owned()),
        times => Some(format!("put back {times} times")),
    });
    Group {
        title: format!("{} → {}", legible(&delivery.route), legible(&delivery.target)),
        path: None,
        remarks,
        state: Some(state(delivery.state)),
        rows,
    }
}

fn attempts(delivery: &DeliveryStory, (time, stored): (Timestamp, Timestamp)) -> Vec<Row> {
    let all = &delivery.attempts;
    let left_out = all.len().saturating_sub(ATTEMPTS_MAX);
    let mut before = stored.millis_since(time);
    let mut rows = Vec::new();
    for (place, one) in all.iter().enumerate() {
        let is_last = place + 1 == all.len();
        let delivered = is_last && delivery.state == "delivered";
        let attempt = attempt(one, (before, delivered), time);
        before = attempt.over;
        if left_out > 0 && place == FIRST_ATTEMPTS {
            rows.push(Row {
                label: format!("… {left_out} attempts more …"),
                notes: vec!["`twinstream events show` lists all".to_owned()],
                answer: None,
                stretches: Vec::new(),
                over: before,
                over_at: None,
                took: None,
            });
        }
        if left_out == 0 || place < FIRST_ATTEMPTS || place >= FIRST_ATTEMPTS + left_out {
            rows.push(attempt);
        }
    }
    rows
}

fn attempt(attempt: &AttemptStory, (before, delivered): (f64, bool), time: Timestamp) -> Row {
    let from = attempt.started_at.millis_since(time);
    let took = std::time::Duration::from_micros(attempt.took_us.unsigned_abs());
    let over_at = attempt.started_at.plus(took);
    let over = over_at.millis_since(time);
    let took = took.as_secs_f64() * 1e3;
    let is_good = attempt.error.is_none()
        && attempt.status.map_or(delivered, |status| (200..300).contains(&status));
    let tone = if is_good { Tone::Good } else { Tone::Bad };
    let status = attempt.status.map(|status| format!("answered {status}"));
    let waited = from - before;
    let waited = (waited >= 1.0).then(|| format!("{} later", moment::span(waited)));
    let error = attempt.error.as_ref().map(|error| legible(error));
    Row {
        label: format!("Attempt {}", attempt.attempt),
        notes: waited.into_iter().chain(status).chain(error).collect(),
        answer: attempt.answer.as_ref().map(|answer| crate::event::legible_lines(answer)),
        stretches: vec![
            Stretch { tone: Tone::Wait, from: before.min(from), to: from },
            Stretch { tone, from, to: over },
        ],
        over,
        over_at: Some(over_at),
        took: Some(took),
    }
}

/// What a delivery that has not ended waits for.
fn to_come(
    delivery: &DeliveryStory,
    last: f64,
    (time, now): (Timestamp, Timestamp),
) -> Option<Row> {
    let so_far = now.millis_since(time).max(last);
    let (label, over) = match (delivery.state, delivery.due_at) {
        ("in_flight", _) => ("An attempt is under way", so_far),
        ("parked", _) => ("Waits behind another event of its subject", so_far),
        ("returned", _) => ("Waits until its SQS message comes again", so_far),
        ("waiting", _) => ("Waits for its turn", so_far),
        ("retrying", Some(due)) => ("Next attempt", due.millis_since(time).max(last)),
        _ => return None,
    };
    Some(Row {
        label: label.to_owned(),
        notes: Vec::new(),
        answer: None,
        stretches: vec![Stretch { tone: Tone::Open, from: last, to: over }],
        over,
        over_at: None,
        took: None,
    })
}

/// The word for the journal's name of a state, and the class of its pill.
pub(in crate::admin::pages) fn state(name: &str) -> State {
    let (word, class) = match name {
        "delivered" => ("delivered", "good"),
        "dead" => ("dead letter", "bad"),
        "retrying" => ("will be tried again", "warn"),
        "in_flight" => ("under way", "info"),
        "waiting" => ("waits", "info"),
        "parked" => ("parked", "info"),
        "returned" => ("waits for its message", "warn"),
        other => (other, ""),
    };
    State { word: word.to_owned(), class }
}

/// The axis that all of it is drawn on: what came by both paths is to scale. A hint of a whole second does
/// not stretch it; what of it is outside is not drawn.
pub(super) fn axis(groups: &[Group]) -> Axis {
    let is_known = |stretch: &&Stretch| stretch.tone != Tone::Hint;
    let of = |group: &Group| -> Vec<f64> {
        let stretches = group.rows.iter().flat_map(|row| &row.stretches).filter(is_known);
        stretches.flat_map(|stretch| [stretch.from, stretch.to]).collect()
    };
    let came = groups.iter().filter(|group| group.path.is_some()).flat_map(of).map(f64::abs);
    // What took longer is a backlog, and drawn as a break itself.
    let came = came.filter(|end| *end <= CAME_MAX).fold(0.0, f64::max);
    let whole = (came * 1.5).max(WHOLE_MIN);
    Axis::new(groups.iter().flat_map(of), whole)
}

/// Gaps up to so many milliseconds are to scale whatever else there is.
const WHOLE_MIN: f64 = 600.0;
/// What came within so many milliseconds is to scale.
const CAME_MAX: f64 = 10_000.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::pages::story::fixture::{arrival, at, attempt, delivery, story};
    use crate::event::RepeatKind;

    /// Each group's title, then each row's label and its end.
    #[track_caller]
    fn check(story: &EventStory, expected: &[&str]) {
        let told: Vec<String> = groups(story, at(60_000))
            .into_iter()
            .flat_map(|group| {
                let state = group.state.map_or(String::new(), |state| format!(": {}", state.word));
                let rows = group.rows.into_iter();
                let rows = rows.map(|row| format!("  {} {}", row.label, moment::after(row.over)));
                std::iter::once(format!("{}{state}", group.title)).chain(rows).collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn both_paths_hops_are_rows() {
        let mut story = story();
        story.arrivals = vec![arrival(Path::Webhook, 84), arrival(Path::Eventbridge, 900)];
        let expected = [
            "By webhook",
            "  Auth0 → request here +84 ms",
            "  Stored, on disk +85 ms",
            "By EventBridge",
            "  EventBridge's envelope +0.0 ms",
            "  Auth0 → EventBridge → SQS +880 ms",
            "  In the queue +890 ms",
            "  Received here +900 ms",
            "  Stored, on disk +901 ms",
        ];
        check(&story, &expected);
    }

    #[test]
    fn what_came_again_is_a_group_of_its_own() {
        let mut story = story();
        let mut again = arrival(Path::Webhook, 1_000);
        again.duplicate = Some(RepeatKind::WebhookRetry);
        story.arrivals = vec![arrival(Path::Webhook, 84), again];
        let expected = [
            "By webhook",
            "  Auth0 → request here +84 ms",
            "  Stored, on disk +85 ms",
            "It came again",
            "  webhook retry +1.00 s",
        ];
        check(&story, &expected);
    }

    #[test]
    fn attempts_say_how_long_they_waited_and_what_was_answered() {
        let mut story = story();
        let mut one = delivery("dead");
        one.attempts = vec![attempt(1, 100, Some(503)), attempt(2, 2_100, Some(422))];
        story.deliveries = vec![one];
        let groups = groups(&story, at(60_000));
        let rows = &groups[0].rows;
        assert_eq!(rows[1].notes, ["1.99 s later", "answered 422"]);
        let tones: Vec<Tone> = rows[1].stretches.iter().map(|stretch| stretch.tone).collect();
        assert_eq!(tones, [Tone::Wait, Tone::Bad]);
    }

    #[test]
    fn what_goes_on_says_what_it_waits_for() {
        let mut story = story();
        let mut one = delivery("retrying");
        one.attempts = vec![attempt(1, 100, Some(503))];
        one.due_at = Some(at(5_000));
        story.deliveries = vec![one, delivery("parked")];
        let expected = [
            "to-app → app: will be tried again",
            "  Attempt 1 +110 ms",
            "  Next attempt +5.00 s",
            "to-app → app: parked",
            "  Waits behind another event of its subject +1 min 0 s",
        ];
        check(&story, &expected);
    }

    #[test]
    fn of_many_attempts_the_first_and_the_last_are_shown() {
        let mut story = story();
        let mut one = delivery("dead");
        one.attempts = (1..=185).map(|no| attempt(no, i64::from(no) * 1_000, Some(503))).collect();
        story.deliveries = vec![one];
        let groups = groups(&story, at(600_000));
        let rows = &groups[0].rows;
        assert_eq!(rows.len(), ATTEMPTS_MAX + 1);
        assert_eq!(rows[FIRST_ATTEMPTS].label, "… 173 attempts more …");
        assert_eq!(rows[FIRST_ATTEMPTS + 1].label, "Attempt 178");
        assert_eq!(rows.last().unwrap().label, "Attempt 185");
    }

    #[test]
    fn a_hint_of_a_whole_second_stretches_nothing() {
        let mut story = story();
        story.arrivals = vec![arrival(Path::Eventbridge, 100)];
        let axis = axis(&groups(&story, at(1_000)));
        assert!(axis.place(101.0) > 98.0, "{axis:?}");
    }

    #[test]
    fn a_retry_after_an_hour_leaves_the_hops_their_room() {
        let mut story = story();
        story.arrivals = vec![arrival(Path::Webhook, 84), arrival(Path::Eventbridge, 900)];
        let mut one = delivery("delivered");
        one.attempts = vec![attempt(1, 100, Some(503)), attempt(2, 3_600_000, Some(204))];
        story.deliveries = vec![one];
        let axis = axis(&groups(&story, at(4_000_000)));
        assert_eq!(axis.breaks().len(), 1);
        assert!(axis.place(900.0) > 50.0);
    }
}
