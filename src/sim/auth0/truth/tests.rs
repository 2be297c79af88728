use tokio::time::Instant;

use super::super::carrier::Answer;
use super::super::stream::Attempt;
use super::super::tenant::{CloudEvent, Ids, Tenant};
use super::*;

fn change(time_ms: i64, test: bool) -> Change {
    let time = Timestamp::from_millis(time_ms);
    let change = Tenant::new(1, Ids::Same).next_change(time);
    let carried = |id: &str| CloudEvent { id: id.into(), json: "{}".into() };
    let other = if test { "evt_b" } else { "evt_a" };
    Change {
        kind: "user.updated",
        time,
        test,
        webhook: carried("evt_a"),
        eventbridge: carried(other),
        ..change
    }
}

fn truth() -> Truth {
    let mut truth = Truth::totals_only();
    truth.drive(PerPath { webhook: true, eventbridge: true });
    truth
}

fn happen(truth: &mut Truth, time_ms: i64, copies: [u32; 2]) -> u64 {
    let [webhook, eventbridge] = copies.map(|copies| match copies {
        0 => Some(Planned::Lost),
        copies => Some(Planned::Sent(copies)),
    });
    truth.happened(&change(time_ms, false), PerPath { webhook, eventbridge }).unwrap()
}

fn send(truth: &mut Truth, path: Path, event: u64, answers: &[Answer]) {
    let attempt = |answer: &Answer| Attempt {
        at: Instant::now(),
        took: std::time::Duration::ZERO,
        answer: answer.clone(),
    };
    let attempts: Vec<Attempt> = answers.iter().map(attempt).collect();
    let is_taken = matches!(answers.last(), Some(Answer::Taken | Answer::Status(204)));
    let accepted = is_taken.then_some(Timestamp::from_millis(1));
    let sent = accepted;
    let copy = Copy { attempts: &attempts, sent, accepted, listed: false, cut_off: false };
    truth.sent(path, event, &copy).unwrap();
}

fn arrive(truth: &mut Truth, path: Path, event: u64) {
    send(truth, path, event, &[Answer::Taken]);
}

#[test]
fn what_arrived_is_counted_in_the_words_of_the_comparison() {
    let mut truth = truth();
    let one = happen(&mut truth, 10, [1, 2]);
    let two = happen(&mut truth, 20, [1, 1]);
    let three = happen(&mut truth, 30, [0, 1]);
    happen(&mut truth, 40, [0, 0]);
    arrive(&mut truth, Path::Webhook, two);
    arrive(&mut truth, Path::Webhook, one);
    arrive(&mut truth, Path::Eventbridge, one);
    arrive(&mut truth, Path::Eventbridge, three);
    arrive(&mut truth, Path::Eventbridge, two);
    arrive(&mut truth, Path::Eventbridge, one);
    assert!(truth.open.is_empty(), "nothing can happen to them any more");
    let totals = truth.finish().unwrap();
    let webhook =
        PathTotals { seen: 2, missing: 1, out_of_order: 1, lost: 2, ..Default::default() };
    let eventbridge =
        PathTotals { seen: 3, duplicates: 1, out_of_order: 1, lost: 1, ..Default::default() };
    assert_eq!(totals.paths.webhook, Some(webhook));
    assert_eq!(totals.paths.eventbridge, Some(eventbridge));
    assert_eq!(totals.pairs, PairTotals { both: 2, webhook_only: 0, eventbridge_only: 1 });
    assert_eq!((totals.events, totals.neither, totals.doubts.len()), (4, 1, 0));
}

#[test]
fn events_of_one_instant_are_not_out_of_order_and_a_duplicate_is_never() {
    let mut truth = truth();
    let one = happen(&mut truth, 10, [2, 0]);
    let two = happen(&mut truth, 10, [1, 0]);
    let three = happen(&mut truth, 20, [1, 0]);
    for event in [two, one, three, one] {
        arrive(&mut truth, Path::Webhook, event);
    }
    let webhook = truth.finish().unwrap().paths.webhook.unwrap();
    assert_eq!((webhook.seen, webhook.duplicates, webhook.out_of_order), (3, 1, 0));
}

#[test]
fn tests_are_counted_apart_and_overtake_nobody() {
    let mut truth = truth();
    let planned = PerPath { webhook: Some(Planned::Sent(1)), eventbridge: Some(Planned::Sent(2)) };
    let earlier = happen(&mut truth, 10, [1, 0]);
    let test = truth.happened(&change(20, true), planned).unwrap();
    arrive(&mut truth, Path::Webhook, test);
    arrive(&mut truth, Path::Webhook, earlier);
    arrive(&mut truth, Path::Eventbridge, test);
    arrive(&mut truth, Path::Eventbridge, test);
    let totals = truth.finish().unwrap();
    let webhook = totals.paths.webhook.unwrap();
    assert_eq!((totals.events, totals.test), (2, 2), "one under each of its ids");
    assert_eq!((webhook.seen, webhook.out_of_order), (1, 0));
    assert_eq!(totals.paths.eventbridge.unwrap().duplicates, 0);
}

/// The fate of an event on the webhook path, given the answers to its one copy.
#[track_caller]
fn check(answers: &[Answer], fate: record::Fate, doubts: &[Doubt]) {
    let mut truth = truth();
    let planned = PerPath { webhook: Some(Planned::Sent(1)), eventbridge: None };
    let mut record = Record::new(1, &change(10, false), planned);
    let event = truth.happened(&change(10, false), planned).unwrap();
    std::mem::swap(truth.open.get_mut(&event).unwrap(), &mut record);
    // Kept open, for a look at it.
    let attempts: Vec<Attempt> = answers
        .iter()
        .map(|answer| Attempt {
            at: Instant::now(),
            took: std::time::Duration::ZERO,
            answer: answer.clone(),
        })
        .collect();
    let accepted = matches!(answers.last(), Some(Answer::Status(204))).then(|| record.time);
    let copy = Copy { attempts: &attempts, sent: None, accepted, listed: true, cut_off: false };
    truth.sent(Path::Webhook, event, &copy).unwrap();
    assert_eq!(truth.open[&event].fate(Path::Webhook), Some(fate), "{answers:?}");
    assert_eq!(truth.totals.doubts, doubts.iter().copied().collect(), "{answers:?}");
}

#[test]
fn an_answer_that_was_lost_is_neither_a_success_nor_a_failure() {
    use record::Fate;
    let lost = Answer::Unanswered("time-out".into());
    let (fine, wrong, down) = (Answer::Status(204), Answer::Status(401), Answer::Status(503));
    check(std::slice::from_ref(&fine), Fate::Delivered, &[]);
    check(&[wrong], Fate::Failed, &[]);
    check(&[Answer::NotSent("no connection".into())], Fate::Failed, &[]);
    check(std::slice::from_ref(&down), Fate::Failed, &[Doubt::ServerError]);
    check(&[lost.clone(), down], Fate::Unknown, &[Doubt::AnswerLost, Doubt::ServerError]);
    check(&[lost, fine], Fate::Delivered, &[Doubt::AnswerLost]);
}

#[test]
fn what_is_not_over_at_the_end_is_told_as_it_is() {
    let mut truth = truth();
    let planned = PerPath { webhook: Some(Planned::StreamOff), eventbridge: Some(Planned::Unsent) };
    truth.happened(&change(5, false), planned).unwrap();
    let one = happen(&mut truth, 10, [1, 1]);
    send(&mut truth, Path::Webhook, one, &[Answer::Status(400)]);
    let totals = truth.finish().unwrap();
    let (webhook, eventbridge) = (totals.paths.webhook.unwrap(), totals.paths.eventbridge.unwrap());
    assert_eq!((webhook.stream_off, webhook.failed, webhook.pending), (1, 1, 0));
    assert_eq!((eventbridge.unsent, eventbridge.failed, eventbridge.pending), (1, 0, 1));
    assert_eq!(totals.neither, 2);
}

#[test]
fn the_file_has_a_line_for_each_event_and_the_totals() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("truth.jsonl");
    let mut truth = Truth::to_file(&path).unwrap();
    truth.drive(PerPath { webhook: true, eventbridge: false });
    let planned = PerPath { webhook: Some(Planned::Sent(2)), eventbridge: None };
    let one = truth.happened(&change(10, false), planned).unwrap();
    send(&mut truth, Path::Webhook, one, &[Answer::Status(503), Answer::Status(204)]);
    arrive(&mut truth, Path::Webhook, one);
    truth.finish().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [event, totals] = lines.as_slice() else { panic!("{text}") };
    assert_eq!(event["type"], "user.updated");
    assert_eq!(event["time"], "1970-01-01T00:00:00.01Z");
    assert_eq!(event["eventbridge"], json!(null));
    let webhook = &event["webhook"];
    assert_eq!(webhook["id"], "evt_a");
    assert_eq!(webhook["fate"], "delivered");
    assert_eq!((&webhook["copies"], &webhook["sequence"]), (&json!(2), &json!(1)));
    assert_eq!(webhook["attempts"][0], json!({"status": 503, "ms": 0.0}));
    assert_eq!(webhook["attempts"][2]["status"], "taken");
    let totals = &totals["totals"];
    assert_eq!(totals["paths"]["webhook"]["duplicates"], 1);
    assert_eq!(totals["paths"]["eventbridge"], json!(null));
    assert_eq!(totals["pairs"]["webhook_only"], 1);
    assert_eq!(totals["doubts"], json!(["server_error"]));
}

#[test]
fn a_file_that_can_not_be_made_is_named() {
    let error = Truth::to_file(FilePath::new("/nowhere/truth.jsonl")).unwrap_err().to_string();
    assert_eq!(error, "writing what really happened to /nowhere/truth.jsonl");
}
