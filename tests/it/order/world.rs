//! The journal, the applications, and what is known of them from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use rusqlite::{Connection, OpenFlags};
use twinstream::event::{DeliveryOutcome, Path, Timestamp};
use twinstream::journal::{Attempt, Backlog, Claim, Due, Reader, Settlement, Verdict};

use super::app::{App, Possible};
use super::changes::{self, Change, ROUTES, SUBJECTS};
use super::{Claiming, How, Operation, Word};
use crate::support::store::{Store, TARGET};

/// Longer than any sequence takes: nothing expires.
const KEEP: Duration = Duration::from_hours(24 * 365);
const LEASE: Duration = Duration::from_secs(30);

pub(super) struct World {
    pub(super) store: Store,
    pub(super) reader: Reader,
    /// For a look at every delivery.
    pub(super) connection: Connection,
    pub(super) changes: Vec<Change>,
    /// The events that have arrived, by the journal's number.
    pub(super) events: BTreeMap<i64, Event>,
    pub(super) deliveries: BTreeMap<Key, Delivery>,
    /// By route and subject.
    pub(super) lanes: BTreeMap<(usize, usize), Lane>,
    /// What was leased, and is not settled.
    pub(super) in_hand: Vec<Lease>,
    /// The events whose SQS message is in hand: it has come, and something of them goes on.
    messages: BTreeSet<i64>,
    pub(super) paused: bool,
}

/// The journal's number of the event, and the position of the route.
pub(super) type Key = (i64, usize);

/// Where an event stands among those of its subject: when it happened, and where that does not tell,
/// when it arrived.
pub(super) type Moment = (Timestamp, i64);

#[derive(Debug)]
pub(super) struct Event {
    pub(super) change: usize,
    /// Its content was erased.
    pub(super) erased: bool,
}

#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) state: State,
    /// Leases, but for those that were given back.
    pub(super) attempts: u32,
    pub(super) was_leased: bool,
    /// By a redrive, or by its SQS message.
    pub(super) was_put_back: bool,
    /// The application has taken it.
    pub(super) was_taken: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Whatever it waits for.
    Open,
    UnderWay,
    Returned,
    Ended(DeliveryOutcome),
}

/// One subject on one route.
#[derive(Debug)]
pub(super) struct Lane {
    /// The newest event that was attempted, or that spoke and said nothing new.
    pub(super) told: Option<Moment>,
    /// The newest that was attempted.
    pub(super) attempted: Option<Moment>,
    pub(super) possible: Possible,
    pub(super) app: App,
    pub(super) under_way: bool,
}

impl Lane {
    const fn new(possible: Possible) -> Self {
        Self { told: None, attempted: None, possible, app: App::new(), under_way: false }
    }

    /// What the journal knows of the values is erased; the application is what it is, and what is old
    /// stays old.
    pub(super) fn forget(&mut self) {
        self.possible = Possible::all();
    }
}

#[derive(Debug)]
pub(super) struct Lease {
    pub(super) due: Due,
    pub(super) route: usize,
    change: usize,
    until: Timestamp,
    taken: bool,
    /// It has not ended without a word.
    pub(super) is_current: bool,
}

impl World {
    pub(super) fn new(changes: Vec<Change>) -> Self {
        let routes = ROUTES.map(|route| (route.name, route.order));
        let store = Store::open(&routes, KEEP, |settings| settings.queue_retries = true);
        let (reader, connection) = look(&store);
        let lanes = (0..ROUTES.len()).flat_map(|route| (0..SUBJECTS).map(move |of| (route, of)));
        Self {
            store,
            reader,
            connection,
            changes,
            events: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            lanes: lanes.map(|lane| (lane, Lane::new(Possible::all()))).collect(),
            in_hand: Vec::new(),
            messages: BTreeSet::new(),
            paused: false,
        }
    }

    pub(super) async fn carry_out(mut self, operation: &Operation) -> Self {
        match operation {
            Operation::Arrive(arrivals) => self.arrive(arrivals).await,
            Operation::Claim(claiming) => self.claim(*claiming).await,
            Operation::Take { which } => self.take(*which),
            Operation::Settle(settlements) => self.settle_some(settlements).await,
            Operation::Wait { seconds } => self.wait(Duration::from_secs(*seconds)),
            Operation::Retain => self.retain().await,
            Operation::Redrive { which } => {
                let picked = |at: usize| which >> (at % 64) & 1 == 1;
                self.redrive(picked).await;
            }
            Operation::Discard { which } => self.discard(*which).await,
            Operation::Erase { which, all_of_subject } => {
                self.erase(*which, *all_of_subject).await;
            }
            Operation::Pause { paused } => self.pause(*paused).await,
            Operation::Restart => return self.start_again(Store::restart),
            Operation::Crash => return self.start_again(Store::crash),
        }
        self
    }

    pub(super) async fn arrive(&mut self, arrivals: &[(usize, Path)]) {
        let arrivals: Vec<(usize, Path)> =
            arrivals.iter().map(|(change, path)| (change % self.changes.len(), *path)).collect();
        let (now, numbers) = (self.store.now(), &self.store.routes);
        let accept = |&(change, path): &(usize, Path)| {
            let arrived = changes::arrived(&self.changes, change, path, now, numbers);
            self.store.journal.accept(arrived)
        };
        let accepted = join_all(arrivals.iter().map(accept)).await;
        for ((change, path), accepted) in arrivals.into_iter().zip(accepted) {
            let accepted = accepted.unwrap();
            let known = self.events.values().any(|event| event.change == change);
            assert_eq!(accepted.is_new, !known);
            self.has_arrived(accepted.seq, change, path);
        }
    }

    fn has_arrived(&mut self, seq: i64, change: usize, path: Path) {
        let event = Event { change, erased: false };
        assert_eq!(self.events.entry(seq).or_insert(event).change, change);
        for route in 0..ROUTES.len() {
            let delivery = self.deliveries.entry((seq, route)).or_insert(Delivery {
                state: State::Open,
                attempts: 0,
                was_leased: false,
                was_put_back: false,
                was_taken: false,
            });
            if delivery.state == State::Returned && path == Path::Eventbridge {
                delivery.state = State::Open;
                delivery.was_put_back = true;
            }
        }
        if path == Path::Eventbridge {
            self.messages.insert(seq);
        }
        self.let_messages_go();
    }

    /// Nothing of their events goes on.
    pub(super) fn let_messages_go(&mut self) {
        let goes_on = |seq: i64| {
            let mut of_event = self.deliveries.range((seq, 0)..(seq + 1, 0));
            of_event.any(|(_, one)| matches!(one.state, State::Open | State::UnderWay))
        };
        self.messages.retain(|seq| goes_on(*seq));
    }

    pub(super) async fn claim(&mut self, claiming: Claiming) {
        let routes = match claiming.route {
            Some(route) => vec![self.store.routes[route]],
            None => self.store.routes.clone(),
        };
        let newest = self.events.keys().last().copied().unwrap_or_default();
        let backlog =
            claiming.backlog.map(|(percent, max)| Backlog { up_to: newest * percent / 100, max });
        let claim = Claim {
            routes: routes.clone(),
            target: TARGET.into(),
            limit: claiming.limit,
            retries_min: claiming.retries_min,
            backlog,
            lease: LEASE,
        };
        let retrying = self.retrying();
        let claimed = self.store.journal.claim(claim.clone()).await.unwrap();
        assert_eq!(claimed.paused, self.paused);
        self.check_the_bounds(&claim, &claimed.due, &retrying);
        let ended = self.check_what_ended();
        assert!(ended == 0 || !self.paused, "deliveries to a paused target go on");
        for due in claimed.due {
            self.lease(due);
        }
    }

    pub(super) fn route(&self, due: &Due) -> usize {
        self.store.routes.iter().position(|route| *route == due.route).unwrap()
    }

    fn lease(&mut self, due: Due) {
        let (route, change) = (self.route(&due), self.events[&due.seq].change);
        self.check_the_turn(&due, route);
        let (moment, says) = (self.moment(due.seq), ROUTES[route].heard(self.changes[change].says));
        let lane = self.lanes.get_mut(&(route, self.changes[change].subject)).unwrap();
        lane.told = lane.told.max(Some(moment));
        lane.attempted = lane.attempted.max(Some(moment));
        lane.possible.sent(says);
        lane.under_way = true;
        let delivery = self.deliveries.get_mut(&(due.seq, route)).unwrap();
        delivery.state = State::UnderWay;
        delivery.attempts += 1;
        delivery.was_leased = true;
        assert_eq!(due.attempt, delivery.attempts);
        let until = self.store.now().plus(LEASE);
        self.in_hand.push(Lease { due, route, change, until, taken: false, is_current: true });
    }

    fn take(&mut self, which: usize) {
        if let Some(at) = which.checked_rem(self.in_hand.len()) {
            self.application_takes(at);
        }
    }

    /// An attempt is over when its lease is.
    fn application_takes(&mut self, at: usize) {
        let Lease { due, route, change, taken, is_current, .. } = &mut self.in_hand[at];
        if *taken || !*is_current {
            return;
        }
        *taken = true;
        let (seq, route, change) = (due.seq, *route, *change);
        self.deliveries.get_mut(&(seq, route)).unwrap().was_taken = true;
        self.check_what_is_taken(seq, route);
        let of = &self.changes[change];
        let lane = self.lanes.get_mut(&(route, of.subject)).unwrap();
        lane.app.take(change, ROUTES[route].heard(of.says));
        assert!(lane.possible.includes(lane.app.holds), "it holds what was thought impossible");
    }

    async fn settle_some(&mut self, settlements: &[(usize, How)]) {
        let mut wanted = Vec::new();
        for (which, how) in settlements {
            if let Some(at) = which.checked_rem(self.in_hand.len()) {
                wanted.push(self.settle(at, *how));
            }
        }
        for settled in join_all(wanted.into_iter().map(|one| self.store.journal.settle(one))).await
        {
            drop(settled.unwrap());
        }
    }

    /// What is to be told the journal. Of a lease that has ended, it takes no notice.
    pub(super) fn settle(&mut self, at: usize, how: How) -> Settlement {
        if how.taken || matches!(how.word, Word::Acknowledged) {
            self.application_takes(at);
        }
        let lease = self.in_hand.swap_remove(at);
        let now = self.store.now();
        let (verdict, state) = match how.word {
            // What was taken was sent, and is not given back.
            Word::GiveBack if lease.taken => (Verdict::Retry(now), State::Open),
            // None may ever come, so that the journal tries again.
            Word::Return if !self.messages.contains(&lease.due.seq) => {
                (becomes(Word::Return, now).0, State::Open)
            }
            word => becomes(word, now),
        };
        let attempt = (verdict != Verdict::GiveBack).then_some(Attempt {
            started_at: now,
            took: Duration::ZERO,
            status: None,
            error: None,
            answer: None,
        });
        if lease.is_current {
            self.has_ended(&lease, state, attempt.is_none());
            self.has_ended_erased(&lease);
        }
        Settlement {
            seq: lease.due.seq,
            route: lease.due.route,
            attempt_number: lease.due.attempt,
            attempt,
            verdict,
        }
    }

    fn has_ended(&mut self, lease: &Lease, state: State, given_back: bool) {
        let delivery = self.deliveries.get_mut(&(lease.due.seq, lease.route)).unwrap();
        delivery.state = state;
        delivery.attempts -= u32::from(given_back);
        let of = &self.changes[lease.change];
        let lane = self.lanes.get_mut(&(lease.route, of.subject)).unwrap();
        lane.under_way = false;
        // An application may well leave alone what it is told late.
        let is_known = !lease.due.late && !self.events[&lease.due.seq].erased;
        if state == State::Ended(DeliveryOutcome::Delivered) && is_known {
            lane.possible.took(ROUTES[lease.route].heard(of.says));
        }
        self.let_messages_go();
    }

    /// What was erased while it was under way is not attempted again.
    fn has_ended_erased(&mut self, lease: &Lease) {
        let key = (lease.due.seq, lease.route);
        let delivery = self.deliveries.get_mut(&key).unwrap();
        if self.events[&key.0].erased && delivery.state != State::Ended(DeliveryOutcome::Delivered)
        {
            delivery.state = State::Ended(DeliveryOutcome::Discarded);
        }
    }

    pub(super) fn wait(&self, time: Duration) {
        self.store.clock.advance(time);
    }

    pub(super) async fn retain(&mut self) {
        let now = self.store.now();
        while self.store.journal.summarize().await.unwrap().more {}
        while self.store.journal.retain().await.unwrap().more {}
        self.end_leases(|lease| lease.until < now);
    }

    /// Leases that end without a word: what was sent goes on.
    pub(super) fn end_leases(&mut self, ends: impl Fn(&Lease) -> bool) {
        for lease in &mut self.in_hand {
            if lease.is_current && ends(lease) {
                lease.is_current = false;
                let key = (lease.due.seq, lease.route);
                self.deliveries.get_mut(&key).unwrap().state = State::Open;
                let subject = self.changes[lease.change].subject;
                self.lanes.get_mut(&(lease.route, subject)).unwrap().under_way = false;
            }
        }
    }

    /// What was under way is attempted again, whether or not it was taken.
    fn start_again(mut self, how: impl FnOnce(Store) -> Store) -> Self {
        self.end_leases(|_| true);
        let Self { store, reader, connection, changes, events, deliveries, lanes, paused, .. } =
            self;
        drop((reader, connection));
        let store = how(store);
        let (reader, connection) = look(&store);
        let (in_hand, messages) = (Vec::new(), BTreeSet::new());
        Self {
            store,
            reader,
            connection,
            changes,
            events,
            deliveries,
            lanes,
            in_hand,
            messages,
            paused,
        }
    }

    pub(super) fn subject(&self, seq: i64) -> usize {
        self.changes[self.events[&seq].change].subject
    }

    pub(super) fn moment(&self, seq: i64) -> Moment {
        (self.changes[self.events[&seq].change].time(), seq)
    }
}

/// What an attempt's end is for the journal, and what becomes of its delivery.
fn becomes(word: Word, now: Timestamp) -> (Verdict, State) {
    let after = |seconds| now.plus(Duration::from_secs(seconds));
    match word {
        Word::Acknowledged => (Verdict::Delivered, State::Ended(DeliveryOutcome::Delivered)),
        Word::Dead => (Verdict::Dead("400".into()), State::Ended(DeliveryOutcome::Dead)),
        Word::Retry { seconds } => (Verdict::Retry(after(seconds)), State::Open),
        Word::RetryUncounted { seconds } => (Verdict::RetryUncounted(after(seconds)), State::Open),
        Word::Return => (Verdict::Return(after(60)), State::Returned),
        Word::GiveBack => (Verdict::GiveBack, State::Open),
    }
}

fn look(store: &Store) -> (Reader, Connection) {
    let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY;
    (store.reader(), Connection::open_with_flags(store.path(), read_only).unwrap())
}
