//! Random operations on the journal, and on a model of it that is simple enough to be believed.
//!
//! The model knows changes in Auth0, not ids: whatever ids and paths a change comes by, it is one
//! event until it expires. Every answer of the journal is compared with the model's, and after each
//! sequence the invariants are checked.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;
use twinstream::event::{
    Arrival, ArrivalOutcome, Digest, Event, EventId, Hops, Path, Purpose, QueueHops, Timestamp,
};
use twinstream::journal::{
    Accepted, Arrived, Attempt, Claim, Due, Quarantined, Settlement, Verdict,
};

use crate::support::invariants::{self, Lease, Sent};
use crate::support::store::{START, Store, TARGET};

const ROUTES: [&str; 2] = ["block-status", "audit"];
const KEEP: Duration = Duration::from_mins(10);
const LEASE: Duration = Duration::from_secs(30);
/// Changes that may come, of [`SUBJECTS`] subjects in turn.
const CHANGES: usize = 12;
const SUBJECTS: usize = 3;

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
    },
    /// No attempt was made.
    GiveBack,
}

fn operation() -> impl Strategy<Value = Operation> {
    let path = || prop_oneof![Just(Path::Webhook), Just(Path::Eventbridge)];
    let how = prop_oneof![
        4 => Just(How::Delivered),
        1 => Just(How::Dead),
        2 => (0..90_u64).prop_map(|seconds| How::RetryIn { seconds }),
        1 => Just(How::GiveBack),
    ];
    prop_oneof![
        12 => (0..CHANGES, path()).prop_map(|(change, path)| Operation::Accept { change, path }),
        1 => path().prop_map(|path| Operation::Quarantine { path }),
        8 => (0..ROUTES.len(), 1..5_usize)
            .prop_map(|(route, limit)| Operation::Claim { route, limit }),
        8 => (any::<usize>(), how).prop_map(|(which, how)| Operation::Settle { which, how }),
        3 => (1..200_u64).prop_map(|seconds| Operation::Wait { seconds }),
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

/// One event as the model sees it.
#[derive(Debug, Clone)]
struct Known {
    change: usize,
    ids: BTreeSet<String>,
    came_by: BTreeSet<Path>,
    /// When the last of its first arrivals came.
    stored_at: Timestamp,
    /// By route.
    deliveries: [Delivery; ROUTES.len()],
}

#[derive(Debug, Clone, Copy)]
struct Delivery {
    state: State,
    attempts: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Leased { until: Timestamp },
    Retrying { at: Timestamp },
    Ended,
}

/// The events by their numbers: the order of arrival.
#[derive(Debug, Default)]
struct Model {
    events: BTreeMap<i64, Known>,
    last_seq: i64,
}

impl Model {
    /// Whether the event is new, and whether the arrival is the first by its path.
    fn accept(&mut self, change: usize, path: Path, now: Timestamp) -> (bool, ArrivalOutcome) {
        let id = id(change, path);
        if let Some(event) = self.events.values_mut().find(|event| event.change == change) {
            event.ids.insert(id);
            if !event.came_by.insert(path) {
                return (false, ArrivalOutcome::Duplicate);
            }
            event.stored_at = now;
            return (false, ArrivalOutcome::Accepted);
        }
        self.last_seq += 1;
        let delivery = Delivery { state: State::Waiting, attempts: 0 };
        let event = Known {
            change,
            ids: [id].into(),
            came_by: [path].into(),
            stored_at: now,
            deliveries: [delivery; ROUTES.len()],
        };
        self.events.insert(self.last_seq, event);
        (true, ArrivalOutcome::Accepted)
    }

    /// The numbers that may be leased: of each subject the first that has not ended, if it is due.
    fn due(&self, route: usize, now: Timestamp) -> BTreeSet<i64> {
        let mut heads: BTreeMap<String, (i64, State)> = BTreeMap::new();
        for (seq, event) in &self.events {
            let state = event.deliveries[route].state;
            if state != State::Ended {
                heads.entry(subject(event.change)).or_insert((*seq, state));
            }
        }
        heads
            .into_values()
            .filter(|(_, state)| match state {
                State::Waiting => true,
                State::Retrying { at } => *at <= now,
                State::Leased { .. } | State::Ended => false,
            })
            .map(|(seq, _)| seq)
            .collect()
    }

    fn delivery(&mut self, due: &Due, route: usize) -> Option<&mut Delivery> {
        self.events.get_mut(&due.seq).map(|event| &mut event.deliveries[route])
    }

    /// Ends leases that ended before `now`; all of them, if there is none.
    fn release(&mut self, ended_before: Option<Timestamp>, due_at: Timestamp) {
        let deliveries = self.events.values_mut().flat_map(|event| &mut event.deliveries);
        for delivery in deliveries {
            if let State::Leased { until } = delivery.state
                && ended_before.is_none_or(|now| until < now)
            {
                delivery.state = State::Retrying { at: due_at };
            }
        }
    }

    /// The oldest events go that are older than the cutoff, up to one with an attempt under way.
    fn retain(&mut self, now: Timestamp) -> usize {
        self.release(Some(now), now);
        let before = self.events.len();
        while let Some(oldest) = self.events.first_entry() {
            let event = oldest.get();
            let leased = |delivery: &Delivery| matches!(delivery.state, State::Leased { .. });
            if event.stored_at >= now.minus(KEEP) || event.deliveries.iter().any(leased) {
                break;
            }
            oldest.remove();
        }
        before - self.events.len()
    }
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
            store: Store::open(&ROUTES, KEEP),
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
        let due = self.model.due(route, now);
        let claim = Claim {
            routes: vec![self.store.routes[route]],
            target: TARGET.into(),
            limit,
            retries_min: 1,
            backlog: None,
            lease: LEASE,
        };
        let claimed = self.store.journal.claim(claim).await.unwrap().due;
        assert_eq!(claimed.len(), limit.min(due.len()), "due: {due:?}, claimed: {claimed:?}");
        for claimed in claimed {
            assert!(due.contains(&claimed.seq), "not due: {claimed:?}");
            let event = &self.model.events[&claimed.seq];
            assert!(event.ids.contains(claimed.event_id.as_str()));
            self.leases.push(Lease {
                seq: claimed.seq,
                route,
                subject: subject(event.change),
                began: self.step,
                ended: None,
            });
            let delivery = self.model.delivery(&claimed, route).unwrap();
            delivery.attempts += 1;
            assert_eq!(claimed.attempt, delivery.attempts);
            delivery.state = State::Leased { until: now.plus(LEASE) };
            self.handed_out.push((claimed, self.leases.len() - 1));
        }
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
        let (verdict, state) = match how {
            How::Delivered => (Verdict::Delivered, State::Ended),
            How::Dead => (Verdict::Dead("410 Gone".into()), State::Ended),
            How::RetryIn { seconds } => {
                let at = now.plus(Duration::from_secs(seconds));
                (Verdict::Retry(at), State::Retrying { at })
            }
            How::GiveBack => (Verdict::GiveBack, State::Retrying { at: now }),
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
            let delivery = self.model.delivery(&due, route).unwrap();
            delivery.state = state;
            delivery.attempts -= u32::from(attempt.is_none());
            self.leases[lease].ended = Some(self.step);
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
        for lease in &mut self.leases {
            lease.ended.get_or_insert(self.step);
        }
    }

    async fn check(&self) {
        let stories = self.store.stories().await;
        let known = self.model.events.values();
        let accepted = known.flat_map(|event| event.ids.iter().cloned()).collect();
        invariants::every_accepted_id_is_there_once(&accepted, &stories);
        invariants::each_event_has_one_delivery_per_route(&ROUTES, &stories);
        invariants::nothing_is_leased_twice_at_one_time(&self.leases);
        invariants::one_attempt_at_a_time_per_subject_in_order(&self.leases);
        let counts = self.store.reader().counts().await.unwrap();
        invariants::counts_add_up(&self.sent, &ROUTES, &counts);
    }
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
    let arrival = Arrival { at: now, stream: Some(path.as_str().into()), hops };
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
