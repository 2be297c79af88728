//! What the journal's books must say, as simple as it can be told.

use std::collections::{BTreeMap, BTreeSet};

use twinstream::event::{ArrivalOutcome, DeliveryOutcome, Path, RouteOrder, Timestamp};
use twinstream::journal::Due;

use super::{KEEP, LEASE, ROUTES, id, subject};

/// One event.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) change: usize,
    pub(super) ids: BTreeSet<String>,
    came_by: BTreeSet<Path>,
    /// When the last of its first arrivals came.
    stored_at: Timestamp,
    /// By route.
    pub(super) deliveries: [Delivery; ROUTES.len()],
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Delivery {
    pub(super) state: State,
    pub(super) attempts: u32,
    /// Of these, those that no limit counts.
    pub(super) uncounted: u32,
    /// By a redrive, or by its SQS message.
    pub(super) was_put_back: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Waiting,
    Leased {
        until: Timestamp,
    },
    Retrying {
        at: Timestamp,
    },
    /// Until its SQS message comes again.
    Returned,
    Ended(DeliveryOutcome),
}

/// Changes are in the order of their time. One that comes again after it has expired is another event.
type Moment = (usize, i64);

/// The events by their numbers: the order of arrival.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) events: BTreeMap<i64, Known>,
    last_seq: i64,
    /// The newest event that was attempted, by route and subject, and since when.
    attempted: BTreeMap<(usize, String), (Moment, Timestamp)>,
    pub(super) paused: bool,
    /// The events whose SQS message is in hand: it has come, and something of them goes on.
    pub(super) in_hand: BTreeSet<i64>,
}

impl Model {
    /// Messages are let go when nothing of their events goes on.
    pub(super) fn let_messages_go(&mut self) {
        let goes_on =
            |delivery: &Delivery| !matches!(delivery.state, State::Returned | State::Ended(_));
        self.in_hand.retain(|seq| {
            self.events.get(seq).is_some_and(|event| event.deliveries.iter().any(goes_on))
        });
    }

    /// Whether the event is new, and whether the arrival is the first by its path.
    pub(super) fn accept(
        &mut self,
        change: usize,
        path: Path,
        now: Timestamp,
    ) -> (bool, ArrivalOutcome) {
        let id = id(change, path);
        let mut known = self.events.iter_mut();
        if let Some((seq, event)) = known.find(|(_, event)| event.change == change) {
            if path == Path::Eventbridge {
                self.in_hand.insert(*seq);
            }
            event.ids.insert(id);
            for delivery in &mut event.deliveries {
                if path == Path::Eventbridge && delivery.state == State::Returned {
                    delivery.state = State::Retrying { at: now };
                    delivery.was_put_back = true;
                }
            }
            if !event.came_by.insert(path) {
                return (false, ArrivalOutcome::Duplicate);
            }
            event.stored_at = now;
            return (false, ArrivalOutcome::Accepted);
        }
        self.last_seq += 1;
        let delivery =
            Delivery { state: State::Waiting, attempts: 0, uncounted: 0, was_put_back: false };
        let event = Known {
            change,
            ids: [id].into(),
            came_by: [path].into(),
            stored_at: now,
            deliveries: [delivery; ROUTES.len()],
        };
        self.events.insert(self.last_seq, event);
        if path == Path::Eventbridge {
            self.in_hand.insert(self.last_seq);
        }
        (true, ArrivalOutcome::Accepted)
    }

    /// The numbers that may be leased, by subject: one of each.
    pub(super) fn due(&self, route: usize, now: Timestamp) -> Vec<BTreeSet<i64>> {
        let mut lanes: BTreeMap<String, Vec<(i64, State)>> = BTreeMap::new();
        for (seq, event) in &self.events {
            let lane = lanes.entry(subject(event.change)).or_default();
            lane.push((*seq, event.deliveries[route].state));
        }
        let due = lanes.into_values().filter(|_| !self.paused).map(|lane| {
            let mut due = due_in(&lane, ROUTES[route].1, now);
            due.retain(|seq| !self.is_overtaken(*seq, route));
            due
        });
        due.filter(|due| !due.is_empty()).collect()
    }

    /// It is never to be leased again: its route wants the latest, and a newer one was attempted.
    pub(super) fn is_overtaken(&self, seq: i64, route: usize) -> bool {
        let change = self.events[&seq].change;
        let attempted = self.attempted.get(&(route, subject(change)));
        ROUTES[route].1 == RouteOrder::Latest
            && attempted.is_some_and(|(newest, _)| *newest > (change, seq))
    }

    pub(super) fn delivery(&mut self, seq: i64, route: usize) -> Option<&mut Delivery> {
        self.events.get_mut(&seq).map(|event| &mut event.deliveries[route])
    }

    /// Returns whether a newer one was attempted before.
    pub(super) fn lease(&mut self, due: &Due, route: usize, now: Timestamp) -> bool {
        let change = self.events[&due.seq].change;
        let moment = (change, due.seq);
        let newest = self.attempted.entry((route, subject(change))).or_insert((moment, now));
        let is_late = newest.0 > moment;
        if newest.0 < moment {
            *newest = (moment, now);
        }
        let delivery = self.delivery(due.seq, route).unwrap();
        delivery.attempts += 1;
        delivery.state = State::Leased { until: now.plus(LEASE) };
        is_late
    }

    pub(super) fn dead(&self) -> Vec<(i64, usize)> {
        let all = self.events.iter().flat_map(|(seq, event)| {
            event.deliveries.iter().enumerate().map(move |(route, one)| ((*seq, route), one.state))
        });
        let dead = all.filter(|(_, state)| *state == State::Ended(DeliveryOutcome::Dead));
        dead.map(|(letter, _)| letter).collect()
    }

    /// Ends leases that ended before `now`; all of them, if there is none.
    pub(super) fn release(&mut self, ended_before: Option<Timestamp>, due_at: Timestamp) {
        let deliveries = self.events.values_mut().flat_map(|event| &mut event.deliveries);
        for delivery in deliveries {
            if let State::Leased { until } = delivery.state
                && ended_before.is_none_or(|now| until < now)
            {
                delivery.state = State::Retrying { at: due_at };
            }
        }
    }

    /// The oldest events go that are older than the cutoff, up to one with an attempt under way. What
    /// was attempted is remembered for longer than any event that arrived before it.
    pub(super) fn retain(&mut self, now: Timestamp) -> usize {
        self.release(Some(now), now);
        self.attempted.retain(|_, (_, since)| *since >= now.minus(KEEP * 2));
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

/// Those of a lane, in the order of arrival, that may be leased next.
fn due_in(lane: &[(i64, State)], order: RouteOrder, now: Timestamp) -> BTreeSet<i64> {
    let of = |wanted: fn(State, Timestamp) -> bool| {
        lane.iter().filter(move |(_, state)| wanted(*state, now)).map(|(seq, _)| *seq)
    };
    let mut leased = of(|state, _| matches!(state, State::Leased { .. }));
    let mut waiting = of(|state, _| state == State::Waiting);
    let retrying = of(|state, now| matches!(state, State::Retrying { at } if at <= now));
    let any_retrying = of(|state, _| matches!(state, State::Retrying { .. })).next().is_some();
    if leased.next().is_some() {
        return BTreeSet::new();
    }
    match order {
        RouteOrder::Latest => waiting.chain(retrying).collect(),
        // What waits for a retry is first of all.
        RouteOrder::Every if any_retrying => retrying.collect(),
        RouteOrder::Every => waiting.next().into_iter().collect(),
    }
}
