//! A tenant whose users, organizations, groups and connections live their lives.
//!
//! ```text
//! Mix ─ what happens? ─▶ users │ organizations │ groups │ connections
//!                              ▼
//!                          Happening ─▶ Envelope ─▶ Change: the event as each stream carries it
//! ```
//! Lives are consistent: nothing happens to what is not there. All 25 types of event occur. What
//! the events look like follows Auth0's published schemas (event catalog 0.7.2), but for the few
//! that [`Mix::oddities_of_1000`] asks for.

mod connections;
mod dice;
mod envelope;
mod groups;
mod happening;
mod mix;
mod names;
mod organizations;
mod roles;
mod users;

use std::time::Duration;

use crate::event::{Path, Timestamp};
use connections::Connections;
use dice::Dice;
use envelope::Envelope;
use groups::{Around, Groups};
use happening::Happening;
use mix::Deed;
use organizations::Organizations;
use users::Users;

pub use mix::{Mix, Population, Shares};

/// A tenant whose users change. The same seed, mix and instants make the same changes.
#[derive(Debug)]
pub struct Tenant {
    dice: Dice,
    ids: Ids,
    mix: Mix,
    users: Users,
    organizations: Organizations,
    groups: Groups,
    connections: Connections,
    /// When the last change happened.
    last: Timestamp,
}

/// Whether Auth0's two streams carry one id for one event; it is not documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    /// The same on both.
    Same,
    /// One for each stream.
    Different,
}

/// One change in the tenant, as each of the two streams carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The CloudEvent's type.
    pub kind: &'static str,
    /// What it is about, as the gateway names subjects: `user:auth0|…`.
    pub subject: String,
    /// When it happened, by Auth0's clock.
    pub time: Timestamp,
    /// Sent by the Management API's test call (`a0purpose`). A test is one call for each stream:
    /// the two have ids of their own, whatever [`Ids`] says, and are two events.
    pub test: bool,
    /// As the webhook stream posts it.
    pub webhook: CloudEvent,
    /// As the EventBridge stream puts it into the envelope.
    pub eventbridge: CloudEvent,
}

/// A change as one stream carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudEvent {
    /// Its id on this stream.
    pub id: String,
    /// The event in JSON.
    pub json: String,
}

impl Change {
    /// As the stream of this path carries it.
    pub const fn on(&self, path: Path) -> &CloudEvent {
        match path {
            Path::Webhook => &self.webhook,
            Path::Eventbridge => &self.eventbridge,
        }
    }
}

/// The tenant's name.
pub const TENANT: &str = "acme-demo";
/// The least time between two changes: two that agree in type, subject and time could not be told
/// apart on streams with different ids.
const TICK: Duration = Duration::from_micros(1);

impl Tenant {
    /// A tenant with the default [`Mix`].
    pub fn new(seed: u64, ids: Ids) -> Self {
        Self::with(seed, ids, &Mix::default())
    }

    /// A tenant of this size, in which this happens.
    pub fn with(seed: u64, ids: Ids, mix: &Mix) -> Self {
        let mut dice = Dice::new(seed);
        let (start, most) = (mix.start, mix.most);
        let users = Users::new(start.users, most.users, &mut dice);
        let connections = Connections::new(&mut dice);
        let organizations =
            Organizations::new(start.organizations, most.organizations, &users, &mut dice);
        let around =
            Around { users: &users, organizations: &organizations, connections: &connections };
        let groups = Groups::new(start.groups, most.groups, around, &mut dice);
        let last = Timestamp::from_nanos(i64::MIN);
        Self { dice, ids, mix: *mix, users, organizations, groups, connections, last }
    }

    /// The next change, at or shortly before `now`.
    ///
    /// The tenant's clock only goes forward: of several changes at one instant, and after a step
    /// back of `now`, each is a microsecond after the one before.
    pub fn next_change(&mut self, now: Timestamp) -> Change {
        let time = envelope::instant(now, &mut self.dice).max(self.last.plus(TICK));
        self.last = time;
        let test = self.dice.of_1000(self.mix.tests_of_1000);
        let happening = if test { Users::sample(time, &mut self.dice) } else { self.happen(time) };
        let connections: Vec<_> = self.connections.all().collect();
        let from = self.dice.pick(&connections);
        let mut envelope = Envelope::around(&happening, time, from, &mut self.dice);
        if test {
            envelope.mark_as_test();
        } else if self.dice.of_1000(self.mix.oddities_of_1000) {
            envelope.make_odd(&mut self.dice);
        }
        let id = self.dice.id_22("evt_");
        let other = match (self.ids, test) {
            (Ids::Same, false) => id.clone(),
            (Ids::Different, _) | (Ids::Same, true) => self.dice.id_22("evt_"),
        };
        Change {
            kind: happening.kind,
            subject: happening.subject,
            time,
            test,
            webhook: envelope.by_webhook(&id),
            eventbridge: envelope.by_eventbridge(&other),
        }
    }

    /// What the mix asks for, where that can happen; else a change of a profile; and where nobody
    /// is there, somebody signs up.
    fn happen(&mut self, time: Timestamp) -> Happening {
        let wanted = self.mix.shares.choose(&mut self.dice);
        let happening = self.attempt(wanted, time);
        let happening = happening.or_else(|| self.users.change(time, &mut self.dice));
        let happening = happening.or_else(|| self.users.create(time, &mut self.dice));
        happening.unwrap_or_else(|| Users::sample(time, &mut self.dice))
    }

    fn attempt(&mut self, deed: Deed, time: Timestamp) -> Option<Happening> {
        let Self { dice, users, organizations, groups, connections, .. } = self;
        match deed {
            Deed::Profile => users.change(time, dice),
            Deed::Create => users.create(time, dice),
            Deed::Block => users.block(time, dice).or_else(|| users.unblock(time, dice)),
            Deed::Unblock => users.unblock(time, dice).or_else(|| users.block(time, dice)),
            Deed::Delete => {
                let (gone, happening) = users.delete(time, dice)?;
                organizations.forget_user(&gone);
                groups.forget_user(&gone);
                Some(happening)
            }
            Deed::Organizations => {
                let in_use = |id: &str| groups.use_organization(id);
                organizations.happen(users, connections, in_use, dice)
            }
            Deed::Groups => groups.happen(time, Around { users, organizations, connections }, dice),
            Deed::Connections => {
                let in_use = |id: &str| organizations.allow(id) || groups.use_connection(id);
                connections.happen(in_use, dice)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_nanos(1_772_356_544_960_123_456);

    fn changes(seed: u64, ids: Ids, count: u64) -> Vec<Change> {
        let mut tenant = Tenant::new(seed, ids);
        let instants = (0..count).map(|at| NOW.plus(Duration::from_millis(100 * at)));
        instants.map(|now| tenant.next_change(now)).collect()
    }

    #[test]
    fn the_same_seed_makes_the_same_changes() {
        assert_eq!(changes(1, Ids::Same, 2_000), changes(1, Ids::Same, 2_000));
        assert_ne!(changes(1, Ids::Same, 2), changes(2, Ids::Same, 2));
    }

    #[test]
    fn the_streams_share_ids_or_not_but_a_test_is_two_events() {
        for change in changes(1, Ids::Same, 2_000) {
            assert_eq!(change.webhook.id == change.eventbridge.id, !change.test);
        }
        for change in changes(1, Ids::Different, 2_000) {
            assert_ne!(change.webhook.id, change.eventbridge.id);
        }
        assert!(changes(1, Ids::Same, 2_000).iter().any(|change| change.test));
    }

    #[test]
    fn the_streams_carry_the_same_but_for_id_and_stream() {
        for change in changes(1, Ids::Different, 200) {
            let by_webhook =
                change.webhook.json.replace(&change.webhook.id, &change.eventbridge.id);
            let by_webhook = by_webhook.replace("est_webhook0", "est_eventbridge");
            let without_zeros = |text: &str| text.replace('0', "");
            assert_eq!(without_zeros(&by_webhook), without_zeros(&change.eventbridge.json));
        }
    }

    #[test]
    fn no_two_changes_happen_at_once_and_none_long_before_now() {
        let mut tenant = Tenant::new(1, Ids::Same);
        let burst: Vec<Timestamp> = (0..100).map(|_| tenant.next_change(NOW).time).collect();
        assert!(burst.is_sorted_by(|one, other| one < other));
        assert!(burst.iter().all(|time| time.millis_since(NOW).abs() <= 1.0));
        let earlier = tenant.next_change(NOW.minus(Duration::from_hours(1))).time;
        assert!(earlier > NOW.minus(Duration::from_secs(1)), "the clock went back to {earlier}");
    }

    #[test]
    fn at_10_events_a_second_somebody_is_blocked_or_unblocked_every_second_or_two() {
        let events = 10_000;
        let mut tenant = Tenant::new(7, Ids::Same);
        let mut turns = 0;
        for _ in 0..events {
            let before = tenant.users.blocked();
            let change = tenant.next_change(NOW);
            turns += u32::from(change.kind == "user.updated" && tenant.users.blocked() != before);
        }
        assert!((events / 20..events / 7).contains(&turns), "{turns} turns in {events} events");
    }
}
