//! One queue, time in hand.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::super::message::{Incoming, Message, MessageId};
use super::super::queue::{Ask, Deleted, Depth, Queue, Receipt};
use super::super::refusal::Code;
use crate::event::Timestamp;

const RETENTION: Duration = Duration::from_hours(1);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

fn message(body: &str, group: Option<&str>, now: Timestamp) -> Message {
    let group = group.map(Arc::from);
    Message::new(MessageId::new(0), Incoming { group, ..Incoming::of(body) }, now)
}

/// A queue with a visibility timeout of 10 s that gives a message up after 2 receives.
struct Rig {
    queue: Queue,
    dead: Vec<String>,
    receipts: BTreeMap<String, Vec<Receipt>>,
}

impl Rig {
    fn new(is_fifo: bool) -> Self {
        Self { queue: Queue::new(is_fifo), dead: Vec::new(), receipts: BTreeMap::new() }
    }

    fn standard(bodies: &[&str]) -> Self {
        let mut rig = Self::new(false);
        for body in bodies {
            rig.send(body, None, 0);
        }
        rig
    }

    /// Messages named `group/number`.
    fn fifo(bodies: &[&str]) -> Self {
        let mut rig = Self::new(true);
        for body in bodies {
            rig.send(body, body.split('/').next(), 0);
        }
        rig
    }

    fn send(&mut self, body: &str, group: Option<&str>, seconds: i64) {
        self.queue.add(message(body, group, at(seconds)), at(seconds), at(seconds));
    }

    #[track_caller]
    fn check_receive(&mut self, seconds: i64, count: usize, expected: &[&str]) {
        let now = at(seconds);
        self.queue.advance(now, RETENTION);
        let visibility = Duration::from_secs(10);
        let received = self.queue.receive(&Ask { count, visibility, receives_max: Some(2) }, now);
        self.dead.extend(received.dead.iter().map(|message| message.body.to_string()));
        let bodies: Vec<_> = received.messages.iter().map(|(_, message)| &*message.body).collect();
        assert_eq!(bodies, expected, "at {seconds} s");
        for (receipt, message) in &received.messages {
            self.receipts.entry(message.body.to_string()).or_default().push(*receipt);
        }
    }

    fn receipt(&self, body: &str, nth: usize) -> Receipt {
        self.receipts[body][nth]
    }

    #[track_caller]
    fn check_depth(&self, visible: usize, in_flight: usize, delayed: usize) {
        assert_eq!(self.queue.depth(), Depth { visible, in_flight, delayed });
    }
}

#[test]
fn a_message_in_flight_comes_back_after_its_visibility_timeout() {
    let mut rig = Rig::standard(&["a", "b"]);
    rig.check_receive(0, 1, &["a"]);
    rig.check_receive(0, 10, &["b"]);
    rig.check_receive(9, 10, &[]);
    rig.check_depth(0, 2, 0);
    rig.check_receive(10, 10, &["a", "b"]);
}

#[test]
fn a_delayed_message_waits() {
    let mut rig = Rig::new(false);
    rig.queue.add(message("a", None, at(0)), at(5), at(0));
    rig.check_depth(0, 0, 1);
    assert_eq!(rig.queue.next_change(), Some(at(5)));
    rig.check_receive(4, 10, &[]);
    rig.check_receive(5, 10, &["a"]);
}

#[test]
fn a_message_received_too_often_is_dead_at_the_next_receive() {
    let mut rig = Rig::standard(&["a", "b"]);
    rig.check_receive(0, 10, &["a", "b"]);
    rig.check_receive(10, 10, &["a", "b"]);
    assert!(matches!(rig.queue.delete(rig.receipt("b", 1)), Deleted::Now(_)));
    rig.queue.advance(at(20), RETENTION);
    rig.check_depth(1, 0, 0);
    rig.check_receive(20, 10, &[]);
    assert_eq!(rig.dead, ["a"]);
    rig.check_depth(0, 0, 0);
}

#[test]
fn only_the_latest_receipt_deletes() {
    let mut rig = Rig::standard(&["a"]);
    rig.check_receive(0, 10, &["a"]);
    rig.check_receive(10, 10, &["a"]);
    assert!(matches!(rig.queue.delete(rig.receipt("a", 0)), Deleted::Stale));
    rig.check_depth(0, 1, 0);
    // It may be used after the timeout, as long as nobody else has received the message.
    rig.queue.advance(at(20), RETENTION);
    assert!(matches!(rig.queue.delete(rig.receipt("a", 1)), Deleted::Now(_)));
    assert!(matches!(rig.queue.delete(rig.receipt("a", 1)), Deleted::Before));
    rig.check_receive(20, 10, &[]);
}

#[test]
fn visibility_can_be_changed_while_in_flight() {
    let mut rig = Rig::standard(&["a"]);
    rig.check_receive(0, 10, &["a"]);
    let receipt = rig.receipt("a", 0);
    let mut change = |seconds, now| {
        let visibility = Duration::from_secs(seconds);
        let result = rig.queue.change_visibility(receipt, visibility, at(now));
        result.map_err(|refusal| refusal.code())
    };
    assert_eq!(change(30, 5), Ok(()));
    assert_eq!(change(43_200, 5), Err(Code::InvalidParameterValue));
    assert_eq!(change(0, 6), Ok(()));
    assert_eq!(change(30, 6), Err(Code::MessageNotInflight));
    rig.check_receive(6, 10, &["a"]);
}

#[test]
fn a_visibility_timeout_of_zero_leaves_the_message_visible() {
    let mut rig = Rig::standard(&["a"]);
    let ask = Ask { count: 10, visibility: Duration::ZERO, receives_max: None };
    assert_eq!(rig.queue.receive(&ask, at(0)).messages.len(), 1);
    rig.check_depth(1, 0, 0);
    assert_eq!(rig.queue.receive(&ask, at(0)).messages.len(), 1);
}

#[test]
fn old_messages_expire() {
    let mut rig = Rig::standard(&["a"]);
    rig.send("b", None, 60);
    assert_eq!(rig.queue.advance(at(3_599), RETENTION).len(), 0);
    assert_eq!(rig.queue.advance(at(3_600), RETENTION).len(), 1);
    rig.check_receive(3_600, 10, &["b"]);
}

#[test]
fn receipts_of_before_a_purge_fit_nothing_after_it() {
    let mut rig = Rig::standard(&["a"]);
    rig.check_receive(0, 10, &["a"]);
    assert_eq!(rig.queue.clear().len(), 1);
    rig.send("b", None, 0);
    rig.check_receive(0, 10, &["b"]);
    assert!(matches!(rig.queue.delete(rig.receipt("a", 0)), Deleted::Before));
    rig.check_depth(0, 1, 0);
}

#[test]
fn a_group_is_locked_while_one_of_its_messages_is_in_flight() {
    let mut rig = Rig::fifo(&["x/1", "y/1", "x/2", "y/2"]);
    rig.check_receive(0, 1, &["x/1"]);
    rig.check_receive(0, 1, &["y/1"]);
    rig.check_receive(0, 10, &[]);
    rig.check_depth(2, 2, 0);
    rig.queue.delete(rig.receipt("y/1", 0));
    rig.check_receive(1, 10, &["y/2"]);
    // x/1 was not deleted: it comes again, before x/2.
    rig.check_receive(10, 10, &["x/1", "x/2"]);
}

#[test]
fn a_receive_takes_many_of_one_group_in_order() {
    let mut rig = Rig::fifo(&["x/1", "y/1", "x/2", "x/3"]);
    rig.check_receive(0, 2, &["x/1", "x/2"]);
    rig.check_receive(0, 10, &["y/1"]);
    rig.queue.delete(rig.receipt("x/1", 0));
    // Still locked by x/2.
    rig.check_receive(1, 10, &[]);
    rig.queue.delete(rig.receipt("x/2", 0));
    rig.check_receive(2, 10, &["x/3"]);
}

#[test]
fn a_dead_message_lets_its_group_go_on() {
    let mut rig = Rig::fifo(&["x/1", "x/2"]);
    rig.check_receive(0, 1, &["x/1"]);
    rig.check_receive(10, 1, &["x/1"]);
    rig.check_receive(20, 1, &["x/2"]);
    assert_eq!(rig.dead, ["x/1"]);
}

#[derive(Debug, Clone)]
enum Step {
    Send { group: u8, delay: u64 },
    Receive { count: usize, visibility: u64 },
    Delete { nth: usize },
    Change { nth: usize, visibility: u64 },
    Wait { seconds: i64 },
    Take,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..3_u8, 0..3_u64).prop_map(|(group, delay)| Step::Send { group, delay }),
        4 => (1..=10_usize, 0..8_u64)
            .prop_map(|(count, visibility)| Step::Receive { count, visibility }),
        3 => any::<usize>().prop_map(|nth| Step::Delete { nth }),
        1 => (any::<usize>(), 0..8_u64)
            .prop_map(|(nth, visibility)| Step::Change { nth, visibility }),
        3 => (0..6_i64).prop_map(|seconds| Step::Wait { seconds }),
        1 => Just(Step::Take),
    ]
}

/// Does the steps and counts; gives the bodies received, in order of the receives.
fn check_conservation(is_fifo: bool, steps: &[Step]) -> Vec<String> {
    let mut queue = Queue::new(is_fifo);
    let (mut now, mut sent, mut gone) = (at(0), 0_usize, 0_usize);
    let (mut receipts, mut received) = (Vec::new(), Vec::new());
    for step in steps {
        match *step {
            Step::Send { group, delay } => {
                let group = format!("g{group}");
                let new = message(&format!("{group}/{sent}"), Some(&group), now);
                queue.add(new, now.plus(Duration::from_secs(delay)), now);
                sent += 1;
            }
            Step::Receive { count, visibility } => {
                let visibility = Duration::from_secs(visibility);
                let ask = Ask { count, visibility, receives_max: Some(3) };
                let result = queue.receive(&ask, now);
                assert!(result.messages.len() <= count);
                gone += result.dead.len();
                for (receipt, message) in result.messages {
                    assert!(message.receives <= 3);
                    receipts.push(receipt);
                    received.push(message.body.to_string());
                }
            }
            Step::Delete { nth } if !receipts.is_empty() => {
                if let Deleted::Now(_) = queue.delete(receipts[nth % receipts.len()]) {
                    gone += 1;
                }
            }
            Step::Change { nth, visibility } if !receipts.is_empty() => {
                let visibility = Duration::from_secs(visibility);
                let receipt = receipts[nth % receipts.len()];
                drop(queue.change_visibility(receipt, visibility, now));
            }
            Step::Delete { .. } | Step::Change { .. } => {}
            Step::Wait { seconds } => {
                now = now.plus(Duration::from_secs(u64::try_from(seconds).unwrap()));
                gone += queue.advance(now, Duration::from_mins(1)).len();
            }
            Step::Take => gone += usize::from(queue.take().is_some()),
        }
        let Depth { visible, in_flight, delayed } = queue.depth();
        assert_eq!(sent, gone + visible + in_flight + delayed);
        assert_eq!(queue.len(), visible + in_flight + delayed);
    }
    // Nothing is stuck: in the end everything can be taken out.
    now = now.plus(Duration::from_hours(1));
    queue.advance(now, Duration::from_hours(100));
    let mut left = queue.len();
    while left > 0 {
        assert!(queue.take().is_some(), "{left} messages are stuck");
        left -= 1;
    }
    assert_eq!((queue.depth(), queue.bytes()), (Depth::default(), 0));
    received
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_message_is_somewhere(
        is_fifo in any::<bool>(),
        steps in prop::collection::vec(step(), 0..120),
    ) {
        check_conservation(is_fifo, &steps);
    }

    /// First receives of a FIFO group come in the order of the sends.
    #[test]
    fn groups_keep_their_order(steps in prop::collection::vec(step(), 0..120)) {
        let mut latest = BTreeMap::<String, usize>::new();
        let mut seen = std::collections::BTreeSet::new();
        for body in check_conservation(true, &steps) {
            let (group, number) = body.split_once('/').unwrap();
            let number: usize = number.parse().unwrap();
            if seen.insert(body.clone()) {
                let before = latest.insert(group.to_owned(), number);
                prop_assert!(before.is_none_or(|before| before < number), "{body}");
            }
        }
    }
}
