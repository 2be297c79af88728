//! Which arrivals of a path came out of order.

use crate::event::Timestamp;

/// Counts the arrivals before which a later event had already arrived by the same path.
///
/// Takes the events from the latest to the earliest. Seen that way round, everything that could
/// have overtaken an event has already gone by, and of all that only the earliest arrival matters:
/// one running minimum replaces a search.
#[derive(Debug, Clone, Default)]
pub(super) struct Order {
    /// The earliest arrival of all events later than those of `group`.
    overtaker: Option<Timestamp>,
    /// The events of one instant, which cannot be out of order among themselves.
    group: Option<Group>,
    late: u64,
    disordered: bool,
}

#[derive(Debug, Clone, Copy)]
struct Group {
    time: Timestamp,
    earliest_arrival: Timestamp,
}

impl Order {
    /// Takes the next event, which is not later than the one before it.
    pub(super) fn observe(&mut self, time: Timestamp, arrival: Timestamp) {
        match &mut self.group {
            Some(group) if group.time == time => {
                group.earliest_arrival = group.earliest_arrival.min(arrival);
            }
            group => {
                if let Some(done) = group.replace(Group { time, earliest_arrival: arrival }) {
                    self.disordered |= done.time < time;
                    let earliest = done.earliest_arrival;
                    self.overtaker =
                        Some(self.overtaker.map_or(earliest, |other| other.min(earliest)));
                }
            }
        }
        self.late += u64::from(self.overtaker.is_some_and(|other| other < arrival));
    }

    /// How many came out of order; `None` when the events were not given from the latest to the
    /// earliest, so that nobody knows.
    pub(super) fn late(&self) -> Option<u64> {
        (!self.disordered).then_some(self.late)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{prop_assert_eq, proptest};

    use super::*;

    fn count(events: &[(i64, i64)]) -> Option<u64> {
        let mut order = Order::default();
        for (time, arrival) in events {
            order.observe(Timestamp::from_nanos(*time), Timestamp::from_nanos(*arrival));
        }
        order.late()
    }

    #[track_caller]
    fn check(events: &[(i64, i64)], expected: Option<u64>) {
        assert_eq!(count(events), expected, "{events:?}");
    }

    #[test]
    fn only_a_strictly_later_event_that_came_strictly_before_overtakes() {
        check(&[], Some(0));
        check(&[(2, 11), (1, 10)], Some(0));
        check(&[(2, 10), (1, 11)], Some(1));
        check(&[(2, 10), (1, 10)], Some(0));
        check(&[(1, 11), (1, 10)], Some(0));
        check(&[(1, 10), (1, 11)], Some(0));
        check(&[(3, 10), (2, 12), (2, 9), (1, 11), (1, 8)], Some(2));
    }

    #[test]
    fn events_in_another_order_are_not_counted_wrongly() {
        check(&[(1, 10), (2, 11)], None);
    }

    proptest! {
        #[test]
        fn the_running_minimum_counts_what_a_search_of_all_pairs_counts(
            mut events in vec((0..20_i64, 0..40_i64), 0..60),
        ) {
            events.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
            let late = events.iter().filter(|(time, arrival)| {
                events.iter().any(|(other, earlier)| other > time && earlier < arrival)
            });
            prop_assert_eq!(count(&events), u64::try_from(late.count()).ok());
        }
    }
}
