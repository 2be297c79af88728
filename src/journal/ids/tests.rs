//! The index of ids against a plain map, over commits, rollbacks, expiry and restarts.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::journal::{FIRST_SEQ, set_meta};

const RECENT_MAX: usize = 8;
/// The most requests in one transaction here.
const BATCH_MAX: usize = 6;

#[derive(Debug, Clone)]
enum Step {
    /// One transaction: what each request adds, and whether it is committed.
    Transaction { adds: Vec<Add>, commits: bool },
    /// Events before this share of those there are expire, in eighths.
    Expire(i64),
    /// The process dies, and another one starts.
    Restart,
}

#[derive(Debug, Clone, Copy)]
enum Add {
    /// A new event with this id, unless that is known.
    Event(u8),
    /// This id joins the newest event, unless it is known.
    Alias(u8),
}

fn id(number: u8) -> String {
    format!("evt_{number}")
}

fn digest(number: u8) -> Digest {
    Digest::of(id(number).as_bytes())
}

/// The index, the tables under it, and what both ought to say.
struct Bench {
    connection: Connection,
    ids: IdIndex,
    next_seq: i64,
    first_seq: i64,
    known: BTreeMap<u8, i64>,
}

impl Bench {
    fn new() -> Self {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("../migrations/0001_journal.sql")).unwrap();
        let ids = load(&connection);
        Self { connection, ids, next_seq: 1, first_seq: 0, known: BTreeMap::new() }
    }

    fn find(&self, number: u8) -> Option<i64> {
        self.ids.find(&self.connection, digest(number), self.first_seq).unwrap()
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Transaction { adds, commits } => self.transact(adds, *commits),
            Step::Expire(eighths) => self.expire(*eighths),
            Step::Restart => self.ids = load(&self.connection),
        }
    }

    fn transact(&mut self, adds: &[Add], commits: bool) {
        let before = (self.next_seq, self.known.clone());
        self.connection.execute_batch("BEGIN").unwrap();
        for add in adds {
            self.add(*add);
        }
        self.ids.move_some(&self.connection).unwrap();
        if commits {
            self.connection.execute_batch("COMMIT").unwrap();
            self.ids.committed(self.first_seq, self.next_seq);
        } else {
            self.connection.execute_batch("ROLLBACK").unwrap();
            self.ids.rolled_back();
            (self.next_seq, self.known) = before;
        }
    }

    fn add(&mut self, add: Add) {
        let (Add::Event(number) | Add::Alias(number)) = add;
        assert_eq!(self.find(number), self.known.get(&number).copied());
        if self.known.contains_key(&number) {
            return;
        }
        let seq = match add {
            Add::Alias(_) if self.next_seq > self.first_seq.max(1) => {
                let newest = self.next_seq - 1;
                self.ids.add_alias(&self.connection, digest(number), newest).unwrap();
                newest
            }
            Add::Event(_) | Add::Alias(_) => {
                self.connection
                    .execute(
                        "INSERT INTO events (seq, id, kind, tenant, subject, time_ns, is_test,
                            object_digest, payload_digest, first_path)
                         VALUES (?, ?, '', '', '', 0, 0, x'', x'', 0)",
                        params![self.next_seq, id(number)],
                    )
                    .unwrap();
                self.ids.add(digest(number), self.next_seq);
                self.next_seq += 1;
                self.next_seq - 1
            }
        };
        self.known.insert(number, seq);
    }

    fn expire(&mut self, eighths: i64) {
        let first = self.first_seq.max(1);
        self.first_seq = first + (self.next_seq - first) * eighths / 8;
        self.connection.execute("DELETE FROM events WHERE seq < ?", [self.first_seq]).unwrap();
        set_meta(&self.connection, FIRST_SEQ, self.first_seq).unwrap();
        self.known.retain(|_, seq| *seq >= self.first_seq);
    }

    #[track_caller]
    fn check(&self) {
        for number in (0..=u8::MAX).step_by(3) {
            let expected = self.known.get(&number).copied();
            assert_eq!(self.find(number), expected, "{}", id(number));
            let read = find_by_reading(&self.connection, &EventId::parse(&id(number)).unwrap());
            assert_eq!(read.unwrap(), expected, "{}, by a reader", id(number));
        }
    }

    fn count(&self, sql: &str) -> i64 {
        self.connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

fn load(connection: &Connection) -> IdIndex {
    IdIndex { recent_max: RECENT_MAX, ..IdIndex::load(connection).unwrap() }
}

fn step() -> impl Strategy<Value = Step> {
    let add = prop_oneof![
        3 => any::<u8>().prop_map(Add::Event),
        1 => any::<u8>().prop_map(Add::Alias),
    ];
    let adds = proptest::collection::vec(add, 0..=BATCH_MAX);
    prop_oneof![
        12 => (adds, proptest::bool::weighted(0.8))
            .prop_map(|(adds, commits)| Step::Transaction { adds, commits }),
        1 => (0..=8_i64).prop_map(Step::Expire),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #[test]
    fn it_says_what_a_map_would_say(steps in proptest::collection::vec(step(), 1..80)) {
        let mut bench = Bench::new();
        for step in &steps {
            bench.take(step);
        }
        bench.check();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_restart_after_any_commit_changes_no_answer(
        batches in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..=BATCH_MAX), 1..40)
    ) {
        let mut bench = Bench::new();
        for (index, batch) in batches.iter().enumerate() {
            let adds: Vec<_> = batch
                .iter()
                .map(|number| if index % 3 == 0 { Add::Alias(*number) } else { Add::Event(*number) })
                .collect();
            bench.transact(&adds, true);
            let running = std::mem::replace(&mut bench.ids, load(&bench.connection));
            bench.check();
            bench.ids = running;
        }
    }
}

#[test]
fn memory_and_aliases_stay_bounded() {
    let mut bench = Bench::new();
    let mut most = 0;
    for round in 0..2_000_u32 {
        // Numbers come round again, after their events have expired.
        let number = u8::try_from(round % 256).unwrap();
        let add = if round % 2 == 0 { Add::Event(number) } else { Add::Alias(number) };
        bench.transact(&[add], true);
        if round % 16 == 0 {
            bench.expire(4);
        }
        most = most.max(bench.ids.recent.len());
        assert!(bench.count("SELECT count(*) FROM aliases") <= 20);
    }
    assert!(most <= 2 * RECENT_MAX + 2, "{most} ids in memory");
    assert!(load(&bench.connection).recent.len() <= 2 * RECENT_MAX + 2);
    // Sweeps take out what has expired: some 40 ids are of events that are there.
    let ids = bench.count("SELECT count(*) FROM ids");
    assert!(ids < 120, "{ids} ids in the table");
    bench.check();
}

#[test]
fn a_sweep_ends_without_new_ids() {
    let mut bench = Bench::new();
    let adds: Vec<_> = (0..40).map(Add::Event).collect();
    bench.transact(&adds, true);
    for _ in 0..40 {
        bench.transact(&[], true);
    }
    assert_eq!(bench.ids.recent.len(), 0);
    assert_eq!(bench.count("SELECT count(*) FROM ids"), 40);
    assert_eq!(load(&bench.connection).recent.len(), 0);
    bench.check();
}

#[test]
fn what_expires_within_the_transaction_that_added_it_is_not_found() {
    let mut bench = Bench::new();
    bench.ids.add(digest(1), 1);
    assert_eq!(bench.ids.find(&bench.connection, digest(1), 1).unwrap(), Some(1));
    assert_eq!(bench.ids.find(&bench.connection, digest(1), 2).unwrap(), None);
}
