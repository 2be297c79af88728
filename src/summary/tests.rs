//! Whatever becomes known of events, and whenever: the cells end the same.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Strategy, any, prop_assert_eq, proptest};

use super::fixture::any_event;
use super::{Book, Cell, Count, Entry, Key, Scale, Series};
use crate::event::{Observation, Path, Repeats};

/// An event, and how it was known before all of it was.
fn any_history() -> impl Strategy<Value = (Entry, Option<Entry>)> {
    let streams = (0..2_u8, 0..2_u8);
    (any_event(), streams, any::<bool>(), option::of(any::<bool>())).prop_map(
        |(event, (one, two), covered, first_known)| {
            let name =
                |seen: bool, stream: u8| if seen { format!("est_{stream}") } else { String::new() };
            let entry = |event: Observation| Entry {
                event,
                kind: if one == 0 { "user.created" } else { "user.updated" }.into(),
                webhook_stream: name(event.webhook.is_some(), one).into(),
                eventbridge_stream: name(event.eventbridge.is_some(), two + 2).into(),
                covered,
                differs_at: Some(if event.payload_differs {
                    vec!["/time".into()]
                } else {
                    Vec::new()
                }),
            };
            let before = first_known.map(|webhook| {
                let mut before =
                    Observation { repeats: Repeats::default(), payload_differs: false, ..event };
                if event.webhook.is_some() && event.eventbridge.is_some() {
                    before.paired_by = None;
                    if webhook { before.eventbridge = None } else { before.webhook = None }
                }
                entry(before)
            });
            (entry(event), before)
        },
    )
}

fn written(books: impl IntoIterator<Item = Book>) -> BTreeMap<Key, Cell> {
    let mut cells = BTreeMap::<Key, Cell>::new();
    for (key, change) in books.into_iter().flat_map(|mut book| book.take()) {
        cells.entry(key).or_default().merge(&change);
    }
    cells
}

fn total(cells: &BTreeMap<Key, Cell>, is_meant: impl Fn(&Key) -> bool) -> Cell {
    let mut total = Cell::default();
    for (_, cell) in cells.iter().filter(|(key, _)| is_meant(key)) {
        total.merge(cell);
    }
    total
}

proptest! {
    #[test]
    fn what_is_learnt_later_ends_as_if_it_had_been_known_at_once(
        histories in vec(any_history(), 0..60)
    ) {
        let (mut early, mut late, mut at_once) = (Book::default(), Book::default(), Book::default());
        for (entry, before) in &histories {
            at_once.add(entry);
            match before {
                None => early.add(entry),
                Some(before) => {
                    early.add(before);
                    late.amend(before, entry);
                }
            }
        }
        let (amended, expected) = (written([early, late]), written([at_once]));
        for scale in Scale::ALL {
            let all = |key: &Key| key.scale == scale && key.kind.is_empty();
            let parts = |key: &Key| key.scale == scale && !key.kind.is_empty();
            prop_assert_eq!(total(&amended, all), total(&expected, all));
            prop_assert_eq!(total(&amended, parts), total(&expected, all));
        }
    }

    #[test]
    fn every_event_and_every_arrival_is_counted_once(events in vec(any_event(), 0..60)) {
        let mut cell = Cell::default();
        let mut sum = |event: &Observation| cell.add(event, super::Circumstances::default());
        events.iter().for_each(&mut sum);
        let counts = cell.counts();
        let seen = [Count::Both, Count::WebhookOnly, Count::EventbridgeOnly];
        let nobody = events.iter().filter(|event| {
            !event.test && !event.too_late && event.first_arrival().is_none()
        });
        let all =
            counts.sum(&seen) + counts.sum(&[Count::Test, Count::TooLate, Count::Rescued]);
        prop_assert_eq!(all + number(nobody.count()), number(events.len()));
        let rules = [Count::PairedById, Count::PairedByFallback, Count::PairedAmbiguously];
        prop_assert_eq!(counts.sum(&rules), counts.get(Count::Both));
        let measured = cell.series(Series::Difference).count();
        prop_assert_eq!(measured + counts.get(Count::DifferenceFlagged), counts.get(Count::Both));
        let webhook = counts.sum(&[Count::Both, Count::WebhookOnly]);
        let flagged = counts.sum(&[Count::WebhookBacklog, Count::WebhookStartup]);
        prop_assert_eq!(cell.series(Series::latency(Path::Webhook)).count() + flagged, webhook);
    }

    #[test]
    fn of_a_path_that_is_not_asked_for_nothing_is_left(events in vec(any_event(), 0..40)) {
        for path in Path::ALL {
            let (mut whole, mut alone) = (Cell::default(), Cell::default());
            for event in &events {
                whole.add(event, super::Circumstances::default());
                let mut event = *event;
                // What a path brought was not asked for.
                event.rescued = event.rescued.filter(|_| event.sighting(path).is_none());
                match path {
                    Path::Webhook => {
                        event.webhook = None;
                        event.repeats.webhook_retry = 0;
                    }
                    Path::Eventbridge => {
                        event.eventbridge = None;
                        event.repeats.same_message = 0;
                        event.repeats.other_message = 0;
                    }
                }
                alone.add(&event, super::Circumstances::default());
            }
            whole.without(path);
            prop_assert_eq!(whole, alone);
        }
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap()
}
