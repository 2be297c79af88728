//! What holds at the end, when nothing fails any more.

use std::time::Duration;

use twinstream::event::{DeliveryOutcome, Path, RouteOrder};

use super::changes::{FIELDS, ROUTES};
use super::world::{Key, State, World};
use super::{Claiming, How, Word};

/// Longer than any lease, and any wait for a retry.
const LONG: Duration = Duration::from_mins(10);

impl World {
    /// Until every delivery has ended, and none is dead.
    pub(super) async fn drain(&mut self) {
        self.pause(false).await;
        loop {
            let before = self.progress();
            self.wait(LONG);
            self.retain().await;
            self.bring_back().await;
            let all = Claiming { route: None, limit: 1_000, retries_min: 1, backlog: None };
            self.claim(all).await;
            self.acknowledge_all().await;
            self.check().await;
            let open = self.deliveries.values().any(|one| !matches!(one.state, State::Ended(_)));
            if open {
                assert_ne!(before, self.progress(), "stuck: {:?}", self.deliveries);
            } else if self.any_is_dead() {
                self.redrive(|_| true).await;
            } else {
                return;
            }
        }
    }

    /// How many have ended.
    fn progress(&self) -> usize {
        self.deliveries.values().filter(|one| matches!(one.state, State::Ended(_))).count()
    }

    /// The messages of what was returned come again.
    async fn bring_back(&mut self) {
        let returned = self.deliveries.iter().filter(|(_, one)| one.state == State::Returned);
        let mut changes: Vec<usize> =
            returned.map(|((seq, _), _)| self.events[seq].change).collect();
        changes.dedup();
        for change in changes {
            self.arrive(&[(change, Path::Eventbridge)]).await;
        }
    }

    async fn acknowledge_all(&mut self) {
        self.in_hand.retain(|lease| lease.is_current);
        while let Some(last) = self.in_hand.len().checked_sub(1) {
            let settlement = self.settle(last, How { taken: true, word: Word::Acknowledged });
            drop(self.store.journal.settle(settlement).await.unwrap());
        }
    }

    pub(super) fn check_the_end(&self) {
        for lane @ (route, _) in self.lanes.keys() {
            match (ROUTES[*route].order, ROUTES[*route].watches) {
                (RouteOrder::Every, _) => self.check_all_were_taken(*lane),
                (RouteOrder::Latest, []) => self.check_the_latest_won(*lane),
                (RouteOrder::Latest, watches) => {
                    self.check_the_newest_that_speaks_won(*lane);
                    for field in watches {
                        self.check_the_field(*lane, *field);
                    }
                }
            }
        }
    }

    /// The deliveries of a lane, from the oldest event to the newest.
    fn oldest_first(&self, (route, subject): (usize, usize)) -> Vec<Key> {
        let all = self.events.keys().copied();
        let mut seqs: Vec<i64> = all.filter(|seq| self.subject(*seq) == subject).collect();
        seqs.sort_by_key(|seq| self.moment(*seq));
        seqs.into_iter().map(|seq| (seq, route)).collect()
    }

    fn outcome(&self, key: Key) -> DeliveryOutcome {
        match self.deliveries[&key].state {
            State::Ended(outcome) => outcome,
            State::Open | State::UnderWay | State::Returned => panic!("{key:?} has not ended"),
        }
    }

    fn check_all_were_taken(&self, lane: (usize, usize)) {
        for key in self.oldest_first(lane) {
            match self.outcome(key) {
                DeliveryOutcome::Delivered => assert!(self.deliveries[&key].was_taken, "{key:?}"),
                // Checked when it happened.
                DeliveryOutcome::Filtered | DeliveryOutcome::Discarded => {}
                other => panic!("{key:?} is {other}"),
            }
        }
    }

    /// The application's state is that of the newest event, unless somebody gave that up.
    fn check_the_latest_won(&self, lane: (usize, usize)) {
        let Some(newest) = self.oldest_first(lane).pop() else { return };
        match self.outcome(newest) {
            DeliveryOutcome::Discarded => {}
            outcome => {
                assert_eq!(outcome, DeliveryOutcome::Delivered, "the newest: {newest:?}");
                let change = self.events[&newest.0].change;
                assert_eq!(self.lanes[&lane].app.last, Some(change), "lane {lane:?}");
            }
        }
    }

    /// The application holds all that the newest event says that speaks of anything watched.
    fn check_the_newest_that_speaks_won(&self, lane: (usize, usize)) {
        let mut keys = self.oldest_first(lane);
        keys.retain(|key| self.heard(*key).iter().any(Option::is_some));
        let Some(newest) = keys.pop() else { return };
        match self.outcome(newest) {
            DeliveryOutcome::Discarded => return,
            DeliveryOutcome::Delivered | DeliveryOutcome::Filtered => {}
            other => panic!("the newest of {lane:?} is {other}"),
        }
        let holds = self.lanes[&lane].app.holds;
        for (field, said) in self.heard(newest).into_iter().enumerate() {
            assert!(said.is_none_or(|said| said == holds[field]), "{} of {lane:?}", FIELDS[field]);
        }
    }

    /// The application holds, of this field, what the newest event says that speaks of it. Only one
    /// that was overtaken by a newer event does not count, even if that is silent on this field:
    /// events are sent whole or not at all.
    fn check_the_field(&self, lane: (usize, usize), field: usize) {
        let overtaken = DeliveryOutcome::Superseded;
        let mut keys = self.oldest_first(lane);
        keys.retain(|key| self.heard(*key)[field].is_some());
        keys.retain(|key| self.outcome(*key) != overtaken || self.deliveries[key].was_leased);
        let Some(newest) = keys.pop() else { return };
        // What was attempted before it was overtaken, or given up, may have been taken or not.
        if !matches!(self.outcome(newest), DeliveryOutcome::Discarded | DeliveryOutcome::Superseded)
        {
            let (holds, said) = (self.lanes[&lane].app.holds[field], self.heard(newest)[field]);
            assert_eq!(Some(holds), said, "{} of {lane:?}", FIELDS[field]);
        }
    }
}
