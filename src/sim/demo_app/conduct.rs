//! Misbehaviour on demand.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::lately::Lately;

/// Makes the application misbehave; by default it does not. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub struct Conduct(Arc<Mutex<Plan>>);

#[derive(Debug)]
struct Plan {
    down_until: Option<Instant>,
    /// Events of users that are still to be refused, whoever they are about.
    refusals: u32,
    /// Users whose next event is to be refused.
    users: BTreeSet<String>,
    /// Ids of events that were refused; a second time they are taken.
    refused: Lately,
}

/// Users whose next event is to be refused, at most.
const USERS_MAX: usize = 1_000;
/// Refused events that are remembered.
const REFUSED_MAX: usize = 10_000;

impl Default for Conduct {
    fn default() -> Self {
        let refused = Lately::up_to(REFUSED_MAX);
        let plan = Plan { down_until: None, refusals: 0, users: BTreeSet::new(), refused };
        Self(Arc::new(Mutex::new(plan)))
    }
}

impl Conduct {
    /// Answers every delivery with 503 for so long, from now on; zero ends it.
    pub fn down_for(&self, duration: Duration) {
        self.plan().down_until = Some(Instant::now() + duration);
    }

    /// Answers 422 to so many more events of users, each when it comes for the first time. Such an
    /// event is dead for the gateway; when it is put back, it is taken.
    pub fn refuse_next(&self, events: u32) {
        let mut plan = self.plan();
        plan.refusals = plan.refusals.saturating_add(events);
    }

    /// Answers 422 to the next event of this user, when it comes for the first time.
    pub fn refuse_user(&self, user_id: &str) {
        let mut plan = self.plan();
        if plan.users.len() < USERS_MAX {
            plan.users.insert(user_id.to_owned());
        }
    }

    /// Whether it plays dead.
    pub(super) fn is_down(&self) -> bool {
        self.plan().down_until.is_some_and(|until| Instant::now() < until)
    }

    /// Whether to refuse this event of this user.
    pub(super) fn refuses(&self, event_id: &str, user_id: &str) -> bool {
        let mut plan = self.plan();
        if plan.refused.contains(event_id) {
            return false;
        }
        let refuses = plan.users.remove(user_id) || plan.refusals > 0;
        if refuses {
            plan.refusals = plan.refusals.saturating_sub(1);
            plan.refused.add(event_id);
        }
        refuses
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_refused_once_is_taken_the_second_time() {
        let conduct = Conduct::default();
        assert!(!conduct.refuses("evt_0", "kim"));
        conduct.refuse_next(2);
        assert!(conduct.refuses("evt_1", "kim"));
        assert!(!conduct.refuses("evt_1", "kim"));
        assert!(conduct.refuses("evt_2", "kim"));
        assert!(!conduct.refuses("evt_3", "kim"));
    }

    #[test]
    fn one_user_can_be_meant() {
        let conduct = Conduct::default();
        conduct.refuse_user("kim");
        assert!(!conduct.refuses("evt_1", "ada"));
        assert!(conduct.refuses("evt_2", "kim"));
        assert!(!conduct.refuses("evt_3", "kim"));
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_ends_by_itself_or_when_told() {
        let conduct = Conduct::default();
        assert!(!conduct.is_down());
        conduct.down_for(Duration::from_secs(5));
        assert!(conduct.is_down());
        tokio::time::advance(Duration::from_secs(5)).await;
        assert!(!conduct.is_down());
        conduct.down_for(Duration::from_secs(5));
        conduct.down_for(Duration::ZERO);
        assert!(!conduct.is_down());
    }
}
