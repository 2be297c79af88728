//! Events for the tests.

use proptest::option;
use proptest::prelude::{Strategy, any};

use crate::event::{Flags, HopTimes, Observation, PairedBy, Repeats, Sighting, Timestamp};

/// An instant in milliseconds after the epoch.
pub(crate) const fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// An event of this time, and when it arrived by the webhook and by EventBridge.
pub(crate) fn event(time: i64, webhook: Option<i64>, eventbridge: Option<i64>) -> Observation {
    let sighting = |arrival| Sighting::plain(at(arrival));
    Observation {
        time: at(time),
        test: false,
        too_late: false,
        webhook: webhook.map(sighting),
        eventbridge: eventbridge.map(sighting),
        rescued: None,
        paired_by: webhook.and(eventbridge).and(Some(PairedBy::Id)),
        repeats: Repeats::default(),
        payload_differs: false,
    }
}

fn any_sighting() -> impl Strategy<Value = Sighting> {
    let arrival = (-1_000..1_100_000_i64, 0..100_i64, 0..8_u8, any::<bool>());
    arrival.prop_map(|(millis, commit, flag, out_of_order)| Sighting {
        at: at(millis),
        stored_at: at(millis + commit),
        // Most arrivals are not flagged.
        flags: Flags::from_bits(if flag < 5 { 0 } else { 1 << (flag - 4) }),
        out_of_order,
        hops: HopTimes {
            envelope: None,
            sent: Some(at(millis - commit)),
            first_received: Some(at(millis)),
        },
    })
}

/// Any event of about the first 1000 s.
pub(crate) fn any_event() -> impl Strategy<Value = Observation> {
    let kinds = (any::<u8>(), any::<bool>());
    let seen = (option::of(any_sighting()), option::of(any_sighting()));
    (-50_000..1_100_000_i64, kinds, seen, 0..3_u32).prop_map(
        |(time, (odd, differs), (webhook, eventbridge), again)| Observation {
            rescued: (odd % 5 == 0 && webhook.is_none()).then(|| at(time + 10)),
            test: odd < 10,
            too_late: odd > 250,
            webhook: webhook.map(|seen| Sighting {
                // The webhook raises two of the flags.
                flags: Flags::from_bits(seen.flags.bits() & 0b1_1000),
                ..seen
            }),
            eventbridge: eventbridge.map(|seen| Sighting {
                flags: Flags::from_bits(seen.flags.bits() & 0b1_0111),
                ..seen
            }),
            paired_by: webhook.and(eventbridge).and(Some(PairedBy::Fallback)),
            repeats: Repeats { webhook_retry: again, same_message: again / 2, other_message: 0 },
            payload_differs: differs && webhook.is_some() && eventbridge.is_some(),
            ..event(time, None, None)
        },
    )
}
