//! What people order meanwhile.

use std::collections::BTreeSet;

use twinstream::event::DeliveryOutcome;
use twinstream::journal::{LetterNo, Naming, OrderKind, Person};

use super::changes::ROUTES;
use super::world::{Key, State, World};
use crate::support::store::TARGET;

const DEAD: State = State::Ended(DeliveryOutcome::Dead);

impl World {
    pub(super) fn any_is_dead(&self) -> bool {
        self.deliveries.values().any(|one| one.state == DEAD)
    }

    fn letters(&self, picked: &[Key]) -> Vec<LetterNo> {
        let letter = |&(seq, route): &Key| LetterNo { seq, route: self.store.routes[route] };
        picked.iter().map(letter).collect()
    }

    fn count_dead(&self, picked: &[Key]) -> u64 {
        let dead = picked.iter().filter(|key| self.deliveries[key].state == DEAD);
        u64::try_from(dead.count()).unwrap()
    }

    /// Of what was picked, that is put back which is dead.
    pub(super) async fn redrive(&mut self, is_picked: impl Fn(usize) -> bool) {
        let all = self.deliveries.keys().copied().enumerate();
        let picked: Vec<Key> = all.filter(|(at, _)| is_picked(*at)).map(|(_, key)| key).collect();
        let journal = &self.store.journal;
        let order = journal.begin_order(OrderKind::Redrive, person(), "{}", 1).await.unwrap();
        let redriven = journal.redrive(order, self.letters(&picked), 0).await.unwrap();
        assert_eq!(redriven.changed, self.count_dead(&picked));
        for key in picked {
            let delivery = self.deliveries.get_mut(&key).unwrap();
            if delivery.state == DEAD {
                delivery.state = State::Open;
                delivery.was_put_back = true;
            }
        }
    }

    /// Of a dead letter and another delivery, that is given up which is dead.
    pub(super) async fn discard(&mut self, which: usize) {
        let all: Vec<Key> = self.deliveries.keys().copied().collect();
        let is_dead = |key: &&Key| self.deliveries[key].state == DEAD;
        let dead: Vec<Key> = all.iter().filter(is_dead).copied().collect();
        let pick = |of: &[Key]| which.checked_rem(of.len()).map(|at| of[at]);
        let picked: BTreeSet<Key> = [pick(&dead), pick(&all)].into_iter().flatten().collect();
        let picked: Vec<Key> = picked.into_iter().collect();
        let journal = &self.store.journal;
        let order = journal.begin_order(OrderKind::Discard, person(), "{}", 1).await.unwrap();
        let letters = self.letters(&picked);
        let discarded = journal.discard(order, letters, person(), 0).await.unwrap();
        assert_eq!(discarded.changed, self.count_dead(&picked));
        for key in picked {
            let delivery = self.deliveries.get_mut(&key).unwrap();
            if delivery.state == DEAD {
                delivery.state = State::Ended(DeliveryOutcome::Discarded);
            }
        }
    }

    pub(super) async fn erase(&mut self, which: usize, all_of_subject: bool) {
        let Some(at) = which.checked_rem(self.events.len()) else { return };
        let picked = *self.events.keys().nth(at).unwrap();
        let subject = self.subject(picked);
        let is_erased =
            |seq: &i64| *seq == picked || all_of_subject && self.subject(*seq) == subject;
        let seqs: Vec<i64> = self.events.keys().copied().filter(is_erased).collect();
        let journal = &self.store.journal;
        let order = journal.begin_order(OrderKind::Erase, person(), "", 1).await.unwrap();
        let naming = |&seq: &i64| Naming { seq, is_about: all_of_subject };
        journal.erase(order, seqs.iter().map(naming).collect(), "asked for", 0).await.unwrap();
        let mut any_is_new = false;
        for seq in &seqs {
            if !std::mem::replace(&mut self.events.get_mut(seq).unwrap().erased, true) {
                self.give_up(*seq);
                any_is_new = true;
            }
        }
        // What targets know goes with the first event that is about whoever is erased.
        if all_of_subject && any_is_new {
            for route in 0..ROUTES.len() {
                self.lanes.get_mut(&(route, subject)).unwrap().forget();
            }
        }
    }

    fn give_up(&mut self, seq: i64) {
        for route in 0..ROUTES.len() {
            let delivery = self.deliveries.get_mut(&(seq, route)).unwrap();
            // What is under way ends by itself.
            let goes_on = !matches!(delivery.state, State::Ended(_) | State::UnderWay);
            if goes_on || delivery.state == DEAD {
                delivery.state = State::Ended(DeliveryOutcome::Discarded);
            }
        }
        self.let_messages_go();
    }

    pub(super) async fn pause(&mut self, paused: bool) {
        let journal = &self.store.journal;
        let ordered = if paused {
            journal.pause(TARGET.into(), person()).await
        } else {
            journal.resume(TARGET.into(), person()).await
        };
        assert_eq!(ordered.unwrap().changed == 1, self.paused != paused);
        self.paused = paused;
    }
}

fn person() -> Person {
    Person { who: "kim".into(), why: "the model says so".into() }
}
