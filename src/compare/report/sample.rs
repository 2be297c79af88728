//! A day of a made-up tenant, for the tests of the reports.

use crate::compare::fixture::compare_with;
use crate::compare::{Coverage, Document, Settings, Window};
use crate::event::{Flag, Flags, Observation, PairedBy, Repeats, Sighting, Timestamp};

const DAY_MS: i64 = 86_400_000;

fn day() -> Window {
    let from = Timestamp::parse("2026-03-01T00:00:00Z").unwrap();
    Window { from, to: from.plus(std::time::Duration::from_hours(24)) }
}

/// 12,000 events; the webhook takes about 180 ms and EventBridge 560 ms, and each loses some.
pub(super) fn busy_day() -> Document {
    let window = day();
    let mut random = fastrand::Rng::with_seed(1);
    let events: Vec<_> = (0..12_000)
        .rev()
        .map(|number| event(&mut random, window, number * DAY_MS / 12_000))
        .filter(|event| event.first_arrival().is_some())
        .collect();
    let coverage = Coverage { webhook: vec![window], eventbridge: vec![window] };
    compare_with(&Settings::default(), (window, window.to), &events, &coverage)
}

/// The same door open for the whole day, and nobody came.
pub(super) fn quiet_day() -> Document {
    let window = day();
    let coverage = Coverage { webhook: vec![window], eventbridge: Vec::new() };
    compare_with(&Settings::default(), (window, window.to), &[], &coverage)
}

fn event(random: &mut fastrand::Rng, window: Window, after_start_ms: i64) -> Observation {
    let time = Timestamp::from_millis(window.from.as_nanos() / 1_000_000 + after_start_ms);
    let mut arrives = |share: f64, typical_ms: f64| {
        let wait_ms = typical_ms * (0.6 - (1.0 - random.f64()).ln() * 0.5);
        let wait = std::time::Duration::from_secs_f64(wait_ms / 1e3);
        (random.f64() < share).then(|| Sighting::plain(time.plus(wait)))
    };
    let webhook = arrives(0.999, 180.0);
    let mut eventbridge = arrives(0.999_9, 560.0);
    let again = random.u32(..1_000);
    if let Some(sighting) = &mut eventbridge
        && again == 7
    {
        sighting.flags = Flags::NONE.with(Flag::ReceiveCount);
        sighting.at = sighting.at.plus(std::time::Duration::from_secs(90));
    }
    Observation {
        time,
        test: again == 13,
        webhook,
        eventbridge,
        paired_by: Some(if again == 9 { PairedBy::Fallback } else { PairedBy::Id }),
        repeats: Repeats {
            webhook_retry: u32::from(again == 3),
            same_message: u32::from(again < 3),
            other_message: 0,
        },
        too_late: false,
        payload_differs: false,
    }
}
