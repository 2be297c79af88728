//! What holds at any moment, whatever happened before. Each function panics where it does not.

use std::collections::{BTreeMap, BTreeSet};

use twinstream::event::Path;
use twinstream::journal::{Counts, EventStory};

/// A lease of a delivery, in steps of the test's own time.
#[derive(Debug, Clone)]
pub(crate) struct Lease {
    /// The journal's number of the event.
    pub(crate) seq: i64,
    pub(crate) route: usize,
    pub(crate) subject: String,
    /// It comes after all that arrived before it: its route wants every event, and it was not put
    /// back.
    pub(crate) in_order: bool,
    pub(crate) began: usize,
    /// `None` while it lasts.
    pub(crate) ended: Option<usize>,
}

/// What was sent and answered, in numbers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sent {
    /// Arrivals by each path, quarantined ones included.
    pub(crate) arrivals: BTreeMap<Path, u64>,
    /// Events that were new.
    pub(crate) events: u64,
}

/// Every id that was acknowledged names one event, and there are no others.
#[track_caller]
pub(crate) fn every_accepted_id_is_there_once(accepted: &BTreeSet<String>, stories: &[EventStory]) {
    let mut found = BTreeSet::new();
    for story in stories {
        let others = story.arrivals.iter().filter_map(|arrival| arrival.id.clone());
        for id in others.chain([story.summary.id.clone()]).collect::<BTreeSet<_>>() {
            assert!(found.insert(id.clone()), "{id} is there twice");
        }
    }
    assert_eq!(&found, accepted);
}

/// Each event has exactly one delivery on each route.
#[track_caller]
pub(crate) fn each_event_has_one_delivery_per_route(routes: &[&str], stories: &[EventStory]) {
    let expected: BTreeSet<_> = routes.iter().copied().collect();
    for story in stories {
        let on: Vec<_> = story.deliveries.iter().map(|delivery| delivery.route.as_str()).collect();
        assert_eq!(on.len(), expected.len(), "deliveries of {}: {on:?}", story.summary.id);
        assert_eq!(BTreeSet::from_iter(on), expected, "deliveries of {}", story.summary.id);
    }
}

/// No delivery has two leases at one time.
#[track_caller]
pub(crate) fn nothing_is_leased_twice_at_one_time(leases: &[Lease]) {
    for (one, two) in pairs(leases) {
        let same = one.seq == two.seq && one.route == two.route;
        assert!(!same || !overlap(one, two), "leased twice: {one:?} and {two:?}");
    }
}

/// One route attempts one subject's events one at a time; where order is kept, in that of their arrival.
#[track_caller]
pub(crate) fn one_attempt_at_a_time_per_subject_in_order(leases: &[Lease]) {
    for (earlier, later) in pairs(leases) {
        if earlier.subject == later.subject && earlier.route == later.route {
            assert!(!overlap(earlier, later), "at one time: {earlier:?} and {later:?}");
            let in_order = !later.in_order || earlier.seq <= later.seq;
            assert!(in_order, "out of order: {earlier:?} before {later:?}");
        }
    }
}

/// Every arrival ended as accepted, duplicate or quarantined; every delivery has ended or is
/// pending.
#[track_caller]
pub(crate) fn counts_add_up(sent: &Sent, routes: &[&str], counts: &Counts) {
    for path in Path::ALL {
        let counted = counts.arrivals.iter().filter(|(of, ..)| *of == path).map(|(.., n)| n);
        let sent = sent.arrivals.get(&path).copied().unwrap_or_default();
        assert_eq!(counted.sum::<u64>(), sent, "arrivals by {path}: {counts:?}");
    }
    for route in routes {
        let ended = counts.deliveries.iter().filter(|(of, ..)| of == route).map(|(.., n)| *n);
        let pending = counts.pending.iter().filter(|of| of.route == *route).map(|of| of.pending);
        let all = ended.chain(pending).sum::<u64>();
        assert_eq!(all, sent.events, "deliveries of {route}: {counts:?}");
    }
}

/// In the order in which they began.
fn pairs(leases: &[Lease]) -> impl Iterator<Item = (&Lease, &Lease)> {
    leases
        .iter()
        .enumerate()
        .flat_map(|(index, one)| leases[index + 1..].iter().map(move |two| (one, two)))
}

fn overlap(earlier: &Lease, later: &Lease) -> bool {
    earlier.ended.is_none_or(|ended| ended > later.began)
}
