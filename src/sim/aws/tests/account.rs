//! One account without the network: faults and ground truth.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::super::account::Account;
use super::super::attributes::Texts;
use super::super::faults::{Dice, Faults, Probability};
use super::super::message::Incoming;
use super::super::refusal::{Code, Refusal};
use super::super::truth::{Fate, Origin, Recording, Truth};
use super::super::{Limits, Names};
use crate::event::Timestamp;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

fn account(seed: u64, faults: Faults) -> Account {
    let names = Names { url: "http://h".into(), region: "r".into(), account: "1".into() };
    let mut dice = Dice::new(seed);
    dice.set(faults);
    let limits = Limits { messages_max: 500, ..Limits::default() };
    let mut account = Account::new(names, limits, dice, Truth::new(Recording::Last(10_000)));
    account.create_queue("dead", &Texts::new(), at(0)).unwrap();
    let policy = r#"{"deadLetterTargetArn":"arn:aws:sqs:r:1:dead","maxReceiveCount":2}"#;
    account.create_queue("q", &texts(&[("RedrivePolicy", policy)]), at(0)).unwrap();
    account
}

fn texts(pairs: &[(&str, &str)]) -> Texts {
    pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

fn send(account: &mut Account, queue: &str, body: &str, now: Timestamp) -> Result<(), Refusal> {
    account.send(queue, Incoming::of(body), Origin::Sent, now).map(drop)
}

fn receive(account: &mut Account, queue: &str, now: Timestamp) -> Vec<(String, Arc<str>)> {
    let received = account.receive(queue, (10, None), now).unwrap();
    received.into_iter().map(|(handle, message)| (handle, message.body)).collect()
}

#[track_caller]
fn check_bodies(received: &[(String, Arc<str>)], expected: &[&str]) {
    assert_eq!(received.iter().map(|(_, body)| &**body).collect::<Vec<_>>(), expected);
}

#[test]
fn a_lost_message_is_recorded_and_never_seen() {
    let mut account = account(1, Faults { loss: Probability::ALWAYS, ..Faults::default() });
    send(&mut account, "q", "a", at(0)).unwrap();
    check_bodies(&receive(&mut account, "q", at(0)), &[]);
    assert_eq!(account.truth.records().next().unwrap().fate, Fate::Lost);
    assert_eq!(account.truth.totals("q").lost, 1);
}

#[test]
fn a_copy_is_another_message_and_a_repeat_the_same() {
    let mut copying = account(1, Faults { copy: Probability::ALWAYS, ..Faults::default() });
    send(&mut copying, "q", "a", at(0)).unwrap();
    check_bodies(&receive(&mut copying, "q", at(0)), &["a", "a"]);
    let ids: Vec<_> = copying.truth.records().map(|record| record.message_id).collect();
    assert_ne!(ids[0], ids[1]);

    let mut repeating = account(1, Faults { repeat: Probability::ALWAYS, ..Faults::default() });
    send(&mut repeating, "q", "a", at(0)).unwrap();
    let first = receive(&mut repeating, "q", at(0));
    check_bodies(&first, &["a"]);
    // Deleted, and yet it comes once more, and not again.
    repeating.delete("q", &first[0].0, at(0)).unwrap();
    check_bodies(&receive(&mut repeating, "q", at(0)), &["a"]);
    check_bodies(&receive(&mut repeating, "q", at(0)), &[]);
    let ids: Vec<_> = repeating.truth.records().map(|record| record.message_id).collect();
    assert_eq!(ids[0], ids[1]);
}

#[test]
fn held_messages_are_overtaken() {
    let faults = Faults {
        reorder: Probability::clamped(0.5),
        reorder_hold: Duration::from_secs(1),
        ..Faults::default()
    };
    let mut account = account(5, faults);
    let sent: Vec<String> = (0..10).map(|number| number.to_string()).collect();
    for body in &sent {
        send(&mut account, "q", body, at(0)).unwrap();
    }
    let mut received = receive(&mut account, "q", at(0));
    received.extend(receive(&mut account, "q", at(1)));
    let mut bodies: Vec<_> = received.iter().map(|(_, body)| body.to_string()).collect();
    assert_ne!(bodies, sent);
    bodies.sort_unstable();
    assert_eq!(bodies, sent);
}

#[test]
fn a_dead_letter_knows_where_it_failed() {
    let mut account = account(1, Faults::default());
    send(&mut account, "q", "a", at(0)).unwrap();
    for round in 0..2 {
        check_bodies(&receive(&mut account, "q", at(30 * round)), &["a"]);
    }
    check_bodies(&receive(&mut account, "q", at(60)), &[]);
    let received = account.receive("dead", (10, None), at(60)).unwrap();
    let (_, letter) = &received[0];
    assert_eq!(letter.source_arn.as_deref(), Some("arn:aws:sqs:r:1:q"));
    assert_eq!((letter.receives, letter.sent), (3, at(0)));
    let fates: Vec<_> = account.truth.records().map(|record| record.fate.clone()).collect();
    assert_eq!(fates, [Fate::DeadLettered { at: at(60), to: "dead".into() }, Fate::Waiting]);
}

#[test]
fn a_lost_message_of_a_fifo_queue_has_its_number_all_the_same() {
    let mut account = account(1, Faults { loss: Probability::ALWAYS, ..Faults::default() });
    let attributes = texts(&[("FifoQueue", "true"), ("ContentBasedDeduplication", "true")]);
    account.create_queue("q.fifo", &attributes, at(0)).unwrap();
    let mut send = |body: &str| {
        let incoming = Incoming { group: Some("g".into()), ..Incoming::of(body) };
        account.send("q.fifo", incoming, Origin::Sent, at(0)).unwrap().sequence
    };
    assert_eq!([send("a"), send("b"), send("a")], [Some(0), Some(1), Some(0)]);
    assert_eq!(account.truth.totals("q.fifo").lost, 2);
}

#[test]
fn a_fifo_dead_letter_begins_anew() {
    let mut account = account(1, Faults::default());
    let fifo = [("FifoQueue", "true"), ("ContentBasedDeduplication", "true")];
    account.create_queue("dead.fifo", &texts(&fifo), at(0)).unwrap();
    let policy = r#"{"deadLetterTargetArn":"arn:aws:sqs:r:1:dead.fifo","maxReceiveCount":1}"#;
    let attributes = texts(&[fifo[0], fifo[1], ("RedrivePolicy", policy)]);
    account.create_queue("q.fifo", &attributes, at(0)).unwrap();
    let incoming = Incoming { group: Some("g".into()), ..Incoming::of("a") };
    let sent = account.send("q.fifo", incoming, Origin::Sent, at(0)).unwrap();
    check_bodies(&receive(&mut account, "q.fifo", at(0)), &["a"]);
    check_bodies(&receive(&mut account, "q.fifo", at(30)), &[]);
    let received = account.receive("dead.fifo", (10, None), at(30)).unwrap();
    let (_, letter) = &received[0];
    assert_eq!(letter.sent, at(30));
    assert_eq!(letter.deduplication.as_deref(), Some(sent.id.to_string().as_str()));
    assert_eq!(letter.group.as_deref(), Some("g"));
}

#[test]
fn a_full_queue_refuses() {
    let mut account = account(1, Faults::default());
    for _ in 0..500 {
        send(&mut account, "q", "a", at(0)).unwrap();
    }
    assert_eq!(send(&mut account, "q", "a", at(0)).unwrap_err().code(), Code::OverLimit);
}

#[test]
fn a_queue_made_twice_must_be_the_same() {
    let mut account = account(1, Faults::default());
    let mut create = |queue: &str, pairs: &[(&str, &str)]| {
        account.create_queue(queue, &texts(pairs), at(0)).map_err(|refusal| refusal.code())
    };
    assert_eq!(create("q", &[("VisibilityTimeout", "30")]), Ok(()));
    assert_eq!(create("q", &[("VisibilityTimeout", "31")]), Err(Code::QueueNameExists));
    assert_eq!(create("no spaces", &[]), Err(Code::InvalidParameterValue));
    let nowhere = r#"{"deadLetterTargetArn":"arn:aws:sqs:r:1:none","maxReceiveCount":2}"#;
    assert_eq!(create("p", &[("RedrivePolicy", nowhere)]), Err(Code::InvalidParameterValue));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// With every fault on, what was sent is lost, deleted, dead or waiting, and nothing else.
    #[test]
    fn the_ground_truth_adds_up(seed in any::<u64>(), rounds in 1..40_i64) {
        let some = Probability::clamped(0.3);
        let mut account = account(seed, Faults {
            loss: some,
            copy: some,
            repeat: some,
            reorder: some,
            reorder_hold: Duration::from_secs(20),
            delay_max: Duration::from_secs(20),
            short_receive: some,
            empty_receive: some,
            ..Faults::default()
        });
        for round in 0..rounds {
            let now = at(round * 16);
            for number in 0..4 {
                send(&mut account, "q", &format!("{round}.{number}"), now).unwrap();
            }
            let received = receive(&mut account, "q", now);
            prop_assert!(received.len() <= 10);
            for (handle, _) in received.iter().step_by(2) {
                account.delete("q", handle, now).unwrap();
            }
            for queue in ["q", "dead"] {
                let present = u64::try_from(account.queue(queue).unwrap().queue.len()).unwrap();
                prop_assert_eq!(account.truth.totals(queue).waiting(), present);
            }
        }
        let (of_q, of_dead) = (account.truth.totals("q"), account.truth.totals("dead"));
        prop_assert_eq!(of_q.dead_lettered, of_dead.sent);
        let deleted = account.truth.records().filter(|r| matches!(r.fate, Fate::Deleted { .. }));
        prop_assert_eq!(u64::try_from(deleted.count()).unwrap(), of_q.deleted);
    }
}
