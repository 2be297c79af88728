use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::super::carrier::scripted::Scripted;
use super::super::carrier::{Answer, Carrier, Letter};
use super::super::faults::Faults;
use super::*;
use crate::event::{Path, Timestamp};

#[track_caller]
fn check(answer: &Answer, expected: Class) {
    assert_eq!(Class::of(answer), expected, "{answer:?}");
}

#[test]
fn a_4xx_is_final_and_everything_that_is_no_2xx_otherwise_is_tried_again() {
    for status in [200, 202, 204, 299] {
        check(&Answer::Status(status), Class::Taken);
    }
    for status in [400, 401, 404, 408, 413, 425, 429, 499] {
        check(&Answer::Status(status), Class::Failed);
    }
    for status in [100, 199, 300, 302, 308, 500, 503, 504, 599] {
        check(&Answer::Status(status), Class::Again);
    }
    check(&Answer::Taken, Class::Taken);
    check(&Answer::Refused("ValidationException".into()), Class::Failed);
    check(&Answer::Busy("ThrottlingException".into()), Class::Again);
    check(&Answer::NotSent("outage".into()), Class::Again);
    check(&Answer::Unanswered("time-out".into()), Class::Again);
}

/// Whether a stream is on after these deliveries: `+` succeeded, `-` failed, `!` switched on.
#[track_caller]
fn check_standing(events: &str, is_on: bool) {
    let rules = Rules { failures_in_a_row_max: 3, failures_max: 5, ..Rules::default() };
    let standing = events.chars().fold(Standing::default(), |standing, event| match event {
        '!' => Standing::switched_on(),
        event => standing.after(event == '+', &rules),
    });
    assert_eq!(standing.is_on(), is_on, "{events}");
}

#[test]
fn too_many_failures_in_a_row_or_in_all_switch_a_stream_off() {
    check_standing("", true);
    check_standing("--", true);
    check_standing("---", false);
    check_standing("--+--", true);
    check_standing("--+--+", true);
    check_standing("--+--+-", false);
    check_standing("---+++", false);
    check_standing("---+-", false);
    check_standing("---!", true);
    check_standing("---!--", true);
    check_standing("---!---", false);
    check_standing("--+-!--+-", true);
    let rules = Rules::default();
    assert_eq!((rules.failures_in_a_row_max, rules.failures_max), (500, 5_000));
    assert_eq!(rules.pauses, [1, 2, 4].map(Duration::from_secs));
}

fn letter(json: &str) -> Letter {
    Letter { kind: "user.updated", json: json.into() }
}

fn batch(carrier: &Scripted, path: Path, faults: &str, letters: &[&str]) -> Batch {
    Batch {
        path,
        carrier: Carrier::Scripted(carrier.clone()),
        rules: Arc::default(),
        faults: Arc::new(faults.parse::<Faults>().unwrap()),
        began: (Instant::now(), Timestamp::from_millis(0)),
        letters: letters.iter().map(|json| letter(json)).collect(),
    }
}

/// When attempts are made, in milliseconds, if each is answered so; and whether the event is delivered.
async fn check_attempts(answers: &[Answer], expected_ms: &[u128], delivered: bool) {
    let (began, all) = (Instant::now(), answers.to_vec());
    let next = std::sync::atomic::AtomicUsize::new(0);
    let carrier = Scripted::new(move |_, _| {
        all[next.fetch_add(1, std::sync::atomic::Ordering::SeqCst).min(all.len() - 1)].clone()
    });
    let batch = batch(&carrier, Path::Webhook, "none", &["{}"]);
    let sent = deliver(&batch, &CancellationToken::new()).await;
    let at: Vec<u128> =
        sent[0].attempts.iter().map(|attempt| (attempt.at - began).as_millis()).collect();
    assert_eq!(at, expected_ms, "{answers:?}");
    assert_eq!(sent[0].is_delivered(), delivered, "{answers:?}");
    assert!(!sent[0].cut_off);
}

#[tokio::test(start_paused = true)]
async fn four_attempts_are_made_one_two_and_four_seconds_apart() {
    let [taken, wrong, down] = [204, 401, 503].map(Answer::Status);
    check_attempts(std::slice::from_ref(&taken), &[0], true).await;
    check_attempts(std::slice::from_ref(&wrong), &[0], false).await;
    check_attempts(std::slice::from_ref(&down), &[0, 1_000, 3_000, 7_000], false).await;
    check_attempts(&[down.clone(), taken.clone()], &[0, 1_000], true).await;
    check_attempts(&[down.clone(), wrong], &[0, 1_000], false).await;
    let refused = Answer::NotSent("no connection".into());
    let all = [refused.clone(), refused, down, taken];
    check_attempts(&all, &[0, 1_000, 3_000, 7_000], true).await;
}

#[tokio::test(start_paused = true)]
async fn of_a_batch_only_what_failed_is_sent_again() {
    let began = Instant::now();
    let carrier = Scripted::new(move |letter, at| match &*letter.json {
        "bad" => Answer::Refused("ValidationException".into()),
        "late" if at < began + Duration::from_secs(3) => Answer::Busy("Throttling".into()),
        _ => Answer::Taken,
    });
    let batch = batch(&carrier, Path::Eventbridge, "none", &["a", "bad", "late", "b"]);
    let sent = deliver(&batch, &CancellationToken::new()).await;
    let attempts: Vec<usize> = sent.iter().map(|sent| sent.attempts.len()).collect();
    assert_eq!(attempts, [1, 1, 3, 1]);
    let delivered: Vec<bool> = sent.iter().map(Sent::is_delivered).collect();
    assert_eq!(delivered, [true, false, true, true]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_in_an_outage_of_the_webhook_path() {
    let carrier = Scripted::new(|_, _| Answer::Status(204));
    let batch = batch(&carrier, Path::Webhook, "outage=0s+2500ms", &["{}"]);
    let sent = deliver(&batch, &CancellationToken::new()).await;
    let answers: Vec<&Answer> = sent[0].attempts.iter().map(|attempt| &attempt.answer).collect();
    let outage = Answer::NotSent("outage".into());
    assert_eq!(answers, [&outage, &outage, &Answer::Status(204)]);
    assert_eq!(carrier.carried().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_for_eventbridge_waits_for_the_end_of_the_outage() {
    let carrier = Scripted::new(|_, _| Answer::Taken);
    let batch = batch(&carrier, Path::Eventbridge, "outage=0s+9s", &["{}"]);
    let began = Instant::now();
    let sent = deliver(&batch, &CancellationToken::new()).await;
    assert!(sent[0].is_delivered() && sent[0].attempts.len() == 1);
    let waited = carrier.carried()[0].0 - began;
    assert!((9_000..9_010).contains(&waited.as_millis()), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_receiver_holds_up_the_stream_and_is_not_timed() {
    let mut carrier = Scripted::new(|_, _| Answer::Status(204));
    carrier.takes = Duration::from_millis(5);
    let batch = batch(&carrier, Path::Webhook, "slow=300ms", &["{}"]);
    let began = Instant::now();
    let sent = deliver(&batch, &CancellationToken::new()).await;
    assert_eq!(began.elapsed(), Duration::from_millis(305));
    assert_eq!(sent[0].attempts[0].took, Duration::from_millis(5));
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_attempts() {
    let carrier = Scripted::new(|_, _| Answer::Status(503));
    let batch_of = batch(&carrier, Path::Webhook, "none", &["{}"]);
    let stop = CancellationToken::new();
    let began = Instant::now();
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        stop.cancel();
    };
    let (sent, ()) = tokio::join!(deliver(&batch_of, &stop), stopping);
    assert_eq!((sent[0].attempts.len(), sent[0].cut_off), (2, true));
    assert_eq!(began.elapsed(), Duration::from_millis(1_500));
    // One that is under way for ever is left after a while; whether it arrived is unknown.
    let mut carrier = Scripted::new(|_, _| Answer::Status(204));
    carrier.takes = Duration::from_hours(1);
    let batch_of = batch(&carrier, Path::Webhook, "none", &["{}"]);
    let sent = deliver(&batch_of, &stop).await;
    assert_eq!(sent[0].attempts[0].answer, Answer::Unanswered("stopped".into()));
    assert!(sent[0].cut_off);
}
