//! What holds all the way: whose turn it may be, and whose not.

use std::collections::BTreeMap;

use twinstream::event::{DeliveryOutcome, RouteOrder};
use twinstream::journal::{Backlog, Claim, Due};

use super::changes::{self, ROUTES};
use super::world::{Key, Lane, State, World};

const SUPERSEDED: State = State::Ended(DeliveryOutcome::Superseded);
const DISCARDED: State = State::Ended(DeliveryOutcome::Discarded);
const FILTERED: State = State::Ended(DeliveryOutcome::Filtered);

/// Of the column `state`.
fn state_of(code: i64) -> State {
    match code {
        0 | 1 | 3 => State::Open,
        2 => State::UnderWay,
        4 => State::Returned,
        5 => State::Ended(DeliveryOutcome::Delivered),
        6 => State::Ended(DeliveryOutcome::Dead),
        7 => SUPERSEDED,
        8 => FILTERED,
        9 => DISCARDED,
        other => panic!("no state {other}"),
    }
}

impl World {
    /// The column `state` of every delivery.
    fn codes(&self) -> BTreeMap<Key, i64> {
        let sql = "SELECT seq, name, state FROM deliveries JOIN routes ON no = route";
        let mut statement = self.connection.prepare_cached(sql).unwrap();
        let rows = statement.query_map([], |row| {
            let name: String = row.get(1)?;
            let route = ROUTES.iter().position(|route| route.name == name).unwrap();
            Ok(((row.get(0)?, route), row.get(2)?))
        });
        rows.unwrap().collect::<Result<_, _>>().unwrap()
    }

    /// Those that wait for a retry.
    pub(super) fn retrying(&self) -> Vec<Key> {
        self.codes().into_iter().filter(|(_, code)| *code == 3).map(|(key, _)| key).collect()
    }

    /// Every delivery is where it should be, and every one that has ended is counted once.
    pub(super) async fn check(&self) {
        let codes = self.codes();
        assert_eq!(codes.len(), self.deliveries.len());
        let mut counted: BTreeMap<(String, String), u64> = BTreeMap::new();
        let mut pending = [0; ROUTES.len()];
        for (key, delivery) in &self.deliveries {
            assert_eq!(state_of(codes[key]), delivery.state, "delivery {key:?}");
            let route = ROUTES[key.1].name.to_owned();
            if let State::Ended(outcome) = delivery.state {
                *counted.entry((route, outcome.as_str().to_owned())).or_default() += 1;
            } else {
                pending[key.1] += 1;
            }
        }
        let counts = self.reader.counts().await.unwrap();
        let ended = counts.deliveries.into_iter().filter(|(.., n)| *n > 0);
        let ended: BTreeMap<_, _> =
            ended.map(|(route, outcome, n)| ((route, outcome), n)).collect();
        assert_eq!(ended, counted);
        for of in counts.pending {
            let route = ROUTES.iter().position(|route| route.name == of.route).unwrap();
            assert_eq!(of.pending, pending[route], "pending on {}", of.route);
        }
    }

    /// No more is leased than was asked for, of the backlog too: what is old, or was attempted before.
    pub(super) fn check_the_bounds(&self, claim: &Claim, due: &[Due], retrying: &[Key]) {
        assert!(due.len() <= claim.limit);
        assert!(due.iter().all(|due| claim.routes.contains(&due.route)));
        if let Some(Backlog { up_to, max }) = claim.backlog {
            let is_retry = |due: &Due| retrying.contains(&(due.seq, self.route(due)));
            let of_backlog = due.iter().filter(|due| due.seq <= up_to || is_retry(due));
            assert!(of_backlog.count() <= max);
        }
    }

    /// What a claim ended instead of leasing it. In one lane all of that comes before the lease.
    /// Returns how many.
    pub(super) fn check_what_ended(&mut self) -> usize {
        let ended = |world: &Self, state| -> Vec<Key> {
            let codes = world.codes().into_iter();
            let of_state = codes.filter(|(_, code)| state_of(*code) == state);
            let open = of_state.filter(|(key, _)| world.deliveries[key].state == State::Open);
            open.map(|(key, _)| key).collect()
        };
        let (filtered, superseded) = (ended(self, FILTERED), ended(self, SUPERSEDED));
        let discarded = ended(self, DISCARDED);
        let count = filtered.len() + superseded.len() + discarded.len();
        for key in discarded {
            assert!(self.events[&key.0].erased, "discarded by nobody: {key:?}");
            self.deliveries.get_mut(&key).unwrap().state = DISCARDED;
        }
        for key in &filtered {
            self.check_it_is_no_news(*key);
        }
        for key in filtered {
            self.deliveries.get_mut(&key).unwrap().state = FILTERED;
            let moment = self.moment(key.0);
            if self.heard(key).iter().any(Option::is_some) {
                let lane = self.lane_mut(key);
                lane.told = lane.told.max(Some(moment));
            }
        }
        for key in superseded {
            assert_eq!(ROUTES[key.1].order, RouteOrder::Latest, "superseded: {key:?}");
            let newer_was_told = self.lane(key).told > Some(self.moment(key.0));
            assert!(newer_was_told, "superseded by nothing: {key:?}");
            self.deliveries.get_mut(&key).unwrap().state = SUPERSEDED;
        }
        self.let_messages_go();
        count
    }

    fn check_it_is_no_news(&self, key: Key) {
        let (route, lane) = (&ROUTES[key.1], self.lane(key));
        assert!(!route.watches.is_empty(), "filtered where nothing is watched: {key:?}");
        assert!(lane.possible.is_no_news(self.heard(key)), "filtered, but it is news: {key:?}");
        let is_old = lane.told > Some(self.moment(key.0));
        assert!(!is_old || route.order == RouteOrder::Every, "filtered, but it is old: {key:?}");
    }

    /// That it is the turn of what was leased.
    pub(super) fn check_the_turn(&self, due: &Due, route: usize) {
        let key = (due.seq, route);
        let (delivery, lane) = (&self.deliveries[&key], self.lane(key));
        assert_eq!(delivery.state, State::Open, "leased: {key:?}");
        assert!(!lane.under_way, "two attempts at one time: {key:?}");
        let is_old = lane.told > Some(self.moment(due.seq));
        assert_eq!(due.late, is_old, "{key:?}");
        if !ROUTES[route].watches.is_empty() {
            assert!(!lane.possible.is_no_news(self.heard(key)), "no news is sent: {key:?}");
        }
        match ROUTES[route].order {
            RouteOrder::Latest => assert!(!is_old, "old news is sent: {key:?}"),
            RouteOrder::Every => self.check_nothing_came_before(key),
        }
        let change = self.events[&due.seq].change;
        assert_eq!(due.event_id.as_str(), changes::id(change));
        let payload = serde_json::from_slice::<serde_json::Value>(&due.payload).unwrap();
        assert_eq!(payload["id"], changes::id(change));
    }

    /// In the order of arrival, but for what was put back.
    fn check_nothing_came_before(&self, (seq, route): Key) {
        let delivery = &self.deliveries[&(seq, route)];
        if delivery.was_leased || delivery.was_put_back {
            return;
        }
        let subject = self.subject(seq);
        for (before, _) in self.events.range(..seq) {
            let is_open = self.deliveries[&(*before, route)].state == State::Open;
            let is_before = is_open && self.subject(*before) == subject;
            assert!(!is_before, "{seq} is leased on route {route} before {before}");
        }
    }

    /// Promise 4, at the application: only what was attempted last is ever taken.
    pub(super) fn check_what_is_taken(&self, seq: i64, route: usize) {
        if ROUTES[route].order == RouteOrder::Latest {
            let newest = self.lane((seq, route)).attempted;
            assert_eq!(newest, Some(self.moment(seq)), "old news is taken on {route}");
        }
    }

    pub(super) fn heard(&self, (seq, route): Key) -> changes::Says {
        ROUTES[route].heard(self.changes[self.events[&seq].change].says)
    }

    fn lane(&self, (seq, route): Key) -> &Lane {
        &self.lanes[&(route, self.subject(seq))]
    }

    fn lane_mut(&mut self, (seq, route): Key) -> &mut Lane {
        let lane = (route, self.subject(seq));
        self.lanes.get_mut(&lane).unwrap()
    }
}
