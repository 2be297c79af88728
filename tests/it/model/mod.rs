//! Random operations on the journal, and on a model of it that is simple enough to be believed.
//!
//! The model knows changes in Auth0, not ids: whatever ids and paths a change comes by, it is one
//! event until it expires. Every answer of the journal is compared with the model's, and after each
//! sequence the invariants are checked. What an application is told, and what it then holds, is the
//! matter of `order`.

mod books;

use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;
use twinstream::event::{
    Arrival, DeliveryOutcome, Digest, Event, EventId, Flags, Hops, Path, Purpose, QueueHops,
    RouteOrder, Timestamp,
};
use twinstream::journal::{
    Accepted, Arrived, Attempt, Claim, DeliveryStory, Due, LetterNo, OrderKind, Person,
    Quarantined, Settlement, Verdict,
};

use books::{Model, State};

use crate::support::invariants::{self, Lease, Sent};
use crate::support::store::{START, Store, TARGET};

const ROUTES: [(&str, RouteOrder); 2] =
    [("block-status", RouteOrder::Latest), ("audit", RouteOrder::Every)];
const KEEP: Duration = Duration::from_mins(10);
const LEASE: Duration = Duration::from_secs(30);
/// Changes that may come, of [`SUBJECTS`] subjects in turn.
const CHANGES: usize = 12;
const SUBJECTS: usize = 3;
/// A limit that limits nothing.
const ALL: usize = 100;

#[derive(Debug, Clone)]
enum Operation {
    Accept {
        change: usize,
        path: Path,
    },
    Quarantine {
        path: Path,
    },
    Claim {
        route: usize,
        limit: usize,
    },
    /// Settles one of the leases that were handed out, ended or not.
    Settle {
        which: usize,
        how: How,
    },
    Wait {
        seconds: u64,
    },
    /// Puts one of the dead letters back.
    Redrive {
        which: usize,
    },
    Discard {
        which: usize,
    },
    Pause {
        paused: bool,
    },
    Retain,
    Restart,
    Crash,
}

#[derive(Debug, Clone, Copy)]
enum How {
    Delivered,
    Dead,
    RetryIn {
        seconds: u64,
        counts: bool,
    },
    /// Its SQS message is to bring it again.
    Return,
    /// No attempt was made.
    GiveBack,
}

fn operation() -> impl Strategy<Value = Operation> {
    let path = || prop_oneof![Just(Path::Webhook), Just(Path::Eventbridge)];
    let how = prop_oneof![
        4 => Just(How::Delivered),
        2 => Just(How::Dead),
        2 => (0..90_u64, any::<bool>())
            .prop_map(|(seconds, counts)| How::RetryIn { seconds, counts }),
        1 => Just(How::Return),
        1 => Just(How::GiveBack),
    ];
    prop_oneof![
        12 => (0..CHANGES, path()).prop_map(|(change, path)| Operation::Accept { change, path }),
        1 => path().prop_map(|path| Operation::Quarantine { path }),
        8 => (0..ROUTES.len(), prop_oneof![1..5_usize, Just(ALL)])
            .prop_map(|(route, limit)| Operation::Claim { route, limit }),
        8 => (any::<usize>(), how).prop_map(|(which, how)| Operation::Settle { which, how }),
        3 => (1..200_u64).prop_map(|seconds| Operation::Wait { seconds }),
        2 => any::<usize>().prop_map(|which| Operation::Redrive { which }),
        1 => any::<usize>().prop_map(|which| Operation::Discard { which }),
        1 => prop_oneof![1 => Just(true), 2 => Just(false)]
            .prop_map(|paused| Operation::Pause { paused }),
        2 => Just(Operation::Retain),
        1 => Just(Operation::Restart),
        1 => Just(Operation::Crash),
    ]
}

/// The id under which a path brings a change: the paths share those of every other change.
fn id(change: usize, path: Path) -> String {
    if change.is_multiple_of(2) { format!("evt_{change}") } else { format!("evt_{change}_{path}") }
}

fn subject(change: usize) -> String {
    format!("user:auth0|{}", change % SUBJECTS)
}

/// The journal and its model, side by side.
struct Pair {
    store: Store,
    model: Model,
    /// What was leased and not settled yet, with the place of its lease in `leases`.
    handed_out: Vec<(Due, usize)>,
    leases: Vec<Lease>,
    sent: Sent,
    /// Counts operations: the time of `leases`.
    step: usize,
}

impl Pair {
    fn new() -> Self {
        Self {
            store: Store::open(&ROUTES, KEEP, |settings| settings.queue_retries = true),
            model: Model::default(),
            handed_out: Vec::new(),
            leases: Vec::new(),
            sent: Sent::default(),
            step: 0,
        }
    }

    async fn take(mut self, operation: &Operation) -> Self {
        self.step += 1;
        match operation {
            Operation::Accept { change, path } => self.accept(*change, *path).await,
            Operation::Quarantine { path } => self.quarantine(*path).await,
            Operation::Claim { route, limit } => self.claim(*route, *limit).await,
            Operation::Settle { which, how } => self.settle(*which, *how).await,
            Operation::Wait { seconds } => {
                self.store.clock.advance(Duration::from_secs(*seconds));
            }
            Operation::Redrive { which } => self.redrive(*which).await,
            Operation::Discard { which } => self.discard(*which).await,
            Operation::Pause { paused } => self.pause(*paused).await,
            Operation::Retain => self.retain().await,
            Operation::Restart => {
                self.store = self.store.restart();
                self.release_all();
            }
            Operation::Crash => {
                self.store = self.store.crash();
                self.release_all();
            }
        }
        self
    }

    async fn accept(&mut self, change: usize, path: Path) {
        let now = self.store.now();
        let arrived = arrived(change, path, now, &self.store);
        let Accepted { outcome, is_new, .. } = self.store.journal.accept(arrived).await.unwrap();
        assert_eq!((is_new, outcome), self.model.accept(change, path, now));
        self.model.let_messages_go();
        *self.sent.arrivals.entry(path).or_default() += 1;
        self.sent.events += u64::from(is_new);
    }

    async fn quarantine(&mut self, path: Path) {
        let why = ("bad_json", "");
        let quarantined = Quarantined::new(path, self.store.now(), why, b"no json");
        drop(self.store.journal.quarantine(quarantined).await.unwrap());
        *self.sent.arrivals.entry(path).or_default() += 1;
    }

    async fn claim(&mut self, route: usize, limit: usize) {
        let now = self.store.now();
        let mut due = self.model.due(route, now);
        let claim = Claim {
            routes: vec![self.store.routes[route]],
            target: TARGET.into(),
            limit,
            retries_min: 1,
            backlog: None,
            lease: LEASE,
        };
        let claimed = self.store.journal.claim(claim).await.unwrap();
        assert_eq!(claimed.paused, self.model.paused);
        self.see_what_was_superseded(route).await;
        let claimed = claimed.due;
        assert!(claimed.len() <= limit);
        // A small limit may be used up by what is superseded.
        let is_all = limit == ALL;
        assert!(!is_all || claimed.len() == due.len(), "due: {due:?}, claimed: {claimed:?}");
        for claimed in claimed {
            let lane = due.iter().position(|due| due.contains(&claimed.seq));
            due.swap_remove(lane.unwrap_or_else(|| panic!("not due: {claimed:?}")));
            self.lease(claimed, route, now);
        }
    }

    /// On a route that wants the latest, what was overtaken ends when it is looked at.
    async fn see_what_was_superseded(&mut self, route: usize) {
        let superseded = State::Ended(DeliveryOutcome::Superseded);
        for story in self.store.stories().await {
            let seq = story.summary.seq;
            let of_route = |of: &&DeliveryStory| of.route == ROUTES[route].0;
            let state = story.deliveries.iter().find(of_route).unwrap().state;
            if state == "superseded" {
                assert!(self.model.is_overtaken(seq, route), "superseded by nothing: {seq}");
                self.model.delivery(seq, route).unwrap().state = superseded;
            }
        }
        self.model.let_messages_go();
    }

    fn lease(&mut self, claimed: Due, route: usize, now: Timestamp) {
        let is_late = self.model.lease(&claimed, route, now);
        assert_eq!(claimed.late, is_late, "{claimed:?}");
        let event = &self.model.events[&claimed.seq];
        assert!(event.ids.contains(claimed.event_id.as_str()));
        let delivery = event.deliveries[route];
        assert_eq!(claimed.attempt, delivery.attempts);
        assert_eq!(claimed.counted, delivery.attempts - delivery.uncounted);
        self.leases.push(Lease {
            seq: claimed.seq,
            route,
            subject: subject(event.change),
            in_order: ROUTES[route].1 == RouteOrder::Every && !delivery.was_put_back,
            began: self.step,
            ended: None,
        });
        self.handed_out.push((claimed, self.leases.len() - 1));
    }

    async fn settle(&mut self, which: usize, how: How) {
        if self.handed_out.is_empty() {
            return;
        }
        let (due, lease) = self.handed_out.swap_remove(which % self.handed_out.len());
        let is_current = self.leases[lease].ended.is_none();
        if matches!(how, How::GiveBack) && !is_current {
            return;
        }
        let now = self.store.now();
        let (verdict, state) = match becomes(how, now) {
            // None may ever come, so that the journal tries again.
            (verdict, State::Returned) if !self.model.in_hand.contains(&due.seq) => {
                (verdict, State::Retrying { at: now })
            }
            other => other,
        };
        let attempt = (!matches!(how, How::GiveBack)).then_some(Attempt {
            started_at: now,
            took: Duration::ZERO,
            status: None,
            error: None,
            answer: None,
        });
        let route = self.leases[lease].route;
        if is_current {
            let delivery = self.model.delivery(due.seq, route).unwrap();
            delivery.state = state;
            delivery.attempts -= u32::from(attempt.is_none());
            delivery.uncounted += u32::from(matches!(verdict, Verdict::RetryUncounted(_)));
            self.leases[lease].ended = Some(self.step);
            self.model.let_messages_go();
        }
        let settlement = Settlement {
            seq: due.seq,
            route: due.route,
            attempt_number: due.attempt,
            attempt,
            verdict,
        };
        drop(self.store.journal.settle(settlement).await.unwrap());
    }

    /// Of the dead letters, if there are any.
    fn letter(&self, which: usize) -> Option<(i64, usize)> {
        let dead = self.model.dead();
        which.checked_rem(dead.len()).map(|which| dead[which])
    }

    async fn redrive(&mut self, which: usize) {
        let Some((seq, route)) = self.letter(which) else { return };
        let journal = &self.store.journal;
        let order = journal.begin_order(OrderKind::Redrive, person(), "{}", 1).await.unwrap();
        let letters = vec![LetterNo { seq, route: self.store.routes[route] }];
        assert_eq!(journal.redrive(order, letters, seq).await.unwrap().changed, 1);
        let delivery = self.model.delivery(seq, route).unwrap();
        delivery.state = State::Waiting;
        delivery.was_put_back = true;
        delivery.uncounted = delivery.attempts;
    }

    async fn discard(&mut self, which: usize) {
        let Some((seq, route)) = self.letter(which) else { return };
        let journal = &self.store.journal;
        let order = journal.begin_order(OrderKind::Discard, person(), "{}", 1).await.unwrap();
        let letters = vec![LetterNo { seq, route: self.store.routes[route] }];
        assert_eq!(journal.discard(order, letters, person(), seq).await.unwrap().changed, 1);
        self.model.delivery(seq, route).unwrap().state = State::Ended(DeliveryOutcome::Discarded);
    }

    async fn pause(&mut self, paused: bool) {
        let journal = &self.store.journal;
        let ordered = if paused {
            journal.pause(TARGET.into(), person()).await
        } else {
            journal.resume(TARGET.into(), person()).await
        };
        let changes = std::mem::replace(&mut self.model.paused, paused) != paused;
        assert_eq!(ordered.unwrap().changed, u64::from(changes));
    }

    async fn retain(&mut self) {
        let now = self.store.now();
        for (due, lease) in &self.handed_out {
            let until = self
                .model
                .events
                .get(&due.seq)
                .map(|event| event.deliveries[self.leases[*lease].route].state);
            if matches!(until, Some(State::Leased { until }) if until < now) {
                self.leases[*lease].ended.get_or_insert(self.step);
            }
        }
        while self.store.journal.summarize().await.unwrap().more {}
        let mut events = 0;
        loop {
            let step = self.store.journal.retain().await.unwrap();
            events += step.events;
            if !step.more {
                break;
            }
        }
        assert_eq!(events, self.model.retain(now));
    }

    /// A restart ends all leases.
    fn release_all(&mut self) {
        self.model.release(None, self.store.now());
        self.model.in_hand.clear();
        for lease in &mut self.leases {
            lease.ended.get_or_insert(self.step);
        }
    }

    async fn check(&self) {
        let stories = self.store.stories().await;
        let known = self.model.events.values();
        let accepted = known.flat_map(|event| event.ids.iter().cloned()).collect();
        invariants::every_accepted_id_is_there_once(&accepted, &stories);
        let routes = ROUTES.map(|(name, _)| name);
        invariants::each_event_has_one_delivery_per_route(&routes, &stories);
        invariants::nothing_is_leased_twice_at_one_time(&self.leases);
        invariants::one_attempt_at_a_time_per_subject_in_order(&self.leases);
        let counts = self.store.reader().counts().await.unwrap();
        invariants::counts_add_up(&self.sent, &routes, &counts);
    }
}

/// What an attempt's end is for the journal, and what becomes of its delivery.
fn becomes(how: How, now: Timestamp) -> (Verdict, State) {
    match how {
        How::Delivered => (Verdict::Delivered, State::Ended(DeliveryOutcome::Delivered)),
        How::Dead => (Verdict::Dead("410 Gone".into()), State::Ended(DeliveryOutcome::Dead)),
        How::RetryIn { seconds, counts } => {
            let at = now.plus(Duration::from_secs(seconds));
            let verdict = if counts { Verdict::Retry } else { Verdict::RetryUncounted };
            (verdict(at), State::Retrying { at })
        }
        How::Return => (Verdict::Return(now), State::Returned),
        How::GiveBack => (Verdict::GiveBack, State::Retrying { at: now }),
    }
}

fn person() -> Person {
    Person { who: "kim".into(), why: "the model says so".into() }
}

fn arrived(change: usize, path: Path, now: Timestamp, store: &Store) -> Arrived {
    let seconds = u64::try_from(change).unwrap();
    let payload = json!({"id": id(change, path), "a0stream": path.as_str()}).to_string();
    let event = Event {
        id: EventId::parse(&id(change, path)).unwrap(),
        kind: "user.updated".into(),
        tenant: "acme".into(),
        subject: subject(change).into(),
        time: START.plus(Duration::from_secs(seconds)),
        purpose: Purpose::Live,
        object_digest: Digest::of(b"object"),
        payload_digest: Digest::of(payload.as_bytes()),
        payload: payload.into(),
    };
    let hops = match path {
        Path::Webhook => Hops::Webhook,
        Path::Eventbridge => Hops::Eventbridge(QueueHops::default()),
    };
    let arrival = Arrival { at: now, stream: Some(path.as_str().into()), hops, flags: Flags::NONE };
    Arrived::new(event, arrival, store.routes.iter().copied().map(Into::into).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_journal_does_what_its_model_does(
        operations in proptest::collection::vec(operation(), 1..80)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut pair = Pair::new();
            for operation in &operations {
                pair = pair.take(operation).await;
            }
            pair.check().await;
            // And again from what a crash leaves.
            pair.take(&Operation::Crash).await.check().await;
        });
    }
}
