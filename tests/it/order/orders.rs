//! What people order meanwhile.

use twinstream::event::DeliveryOutcome;
use twinstream::journal::{LetterNo, Naming, OrderKind, Person};

use super::changes::ROUTES;
use super::world::{Key, State, World};
use crate::support::store::TARGET;

impl World {
    pub(super) fn dead(&self) -> Vec<Key> {
        let dead = State::Ended(DeliveryOutcome::Dead);
        self.deliveries.iter().filter(|(_, one)| one.state == dead).map(|(key, _)| *key).collect()
    }

    fn letter(&self, (seq, route): Key) -> LetterNo {
        LetterNo { seq, route: self.store.routes[route] }
    }

    pub(super) async fn redrive(&mut self, picked: impl Fn(usize) -> bool) {
        let dead = self.dead().into_iter().enumerate();
        let dead: Vec<Key> = dead.filter(|(at, _)| picked(*at)).map(|(_, key)| key).collect();
        let journal = &self.store.journal;
        let order = journal.begin_order(OrderKind::Redrive, person(), "{}", 1).await.unwrap();
        let letters = dead.iter().map(|key| self.letter(*key)).collect();
        let redriven = journal.redrive(order, letters, 0).await.unwrap().changed;
        assert_eq!(redriven, u64::try_from(dead.len()).unwrap());
        for key in dead {
            let delivery = self.deliveries.get_mut(&key).unwrap();
            delivery.state = State::Open;
            delivery.was_put_back = true;
        }
    }

    pub(super) async fn discard(&mut self, which: usize) {
        let dead = self.dead();
        let Some(at) = which.checked_rem(dead.len()) else { return };
        let journal = &self.store.journal;
        let order = journal.begin_order(OrderKind::Discard, person(), "{}", 1).await.unwrap();
        let letters = vec![self.letter(dead[at])];
        assert_eq!(journal.discard(order, letters, person(), 0).await.unwrap().changed, 1);
        self.deliveries.get_mut(&dead[at]).unwrap().state =
            State::Ended(DeliveryOutcome::Discarded);
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
        let mut forgets = false;
        for seq in seqs {
            let event = self.events.get_mut(&seq).unwrap();
            event.forgotten |= all_of_subject;
            if !std::mem::replace(&mut event.erased, true) {
                self.give_up(seq);
                forgets = all_of_subject;
            }
        }
        for route in (0..ROUTES.len()).filter(|_| forgets) {
            self.lanes.get_mut(&(route, subject)).unwrap().forget();
        }
    }

    fn give_up(&mut self, seq: i64) {
        let dead = State::Ended(DeliveryOutcome::Dead);
        for route in 0..ROUTES.len() {
            let delivery = self.deliveries.get_mut(&(seq, route)).unwrap();
            // What is under way ends by itself.
            let goes_on = !matches!(delivery.state, State::Ended(_) | State::UnderWay);
            if goes_on || delivery.state == dead {
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
