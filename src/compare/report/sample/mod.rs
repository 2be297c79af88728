//! Documents filled by hand, for the tests of the reports: every field has something to show.

mod busy;
mod timeline;

use std::time::Duration;

pub(crate) use self::busy::busy_day;
pub(super) use self::busy::note;
use crate::compare::{
    Bin, Choice, Document, Events, Excluded, Expect, Expectation, Hop, LatencySummary, Method,
    Outcome, PairRules, Pairs, PathReport, Paths, Payloads, PointerCount, Scope, SettledWindow,
    Slot, SlotPath, Verdict,
};
use crate::event::Timestamp;

/// What somebody may write into an event's type to break a report.
pub(crate) const HOSTILE: &str =
    "</table><script>alert(1)</script>&\"'|`*_[x](https://a.example)@b";

/// The first instant of the day.
fn start() -> Timestamp {
    Timestamp::parse("2026-03-01T00:00:00Z").unwrap()
}

/// An instant of the day.
fn at(seconds: u64) -> Timestamp {
    start().plus(Duration::from_secs(seconds))
}

fn method() -> Method {
    Method {
        confidence: 0.95,
        latency_relative_error: 0.01,
        difference_relative_error: 0.001,
        receivers: 2,
        grace_ms: 900_000,
        loss_max: 0.001,
        p99_max_ms: Some(2_000.0),
        cost_max: Some(50.0),
        difference_min_ms: 100.0,
    }
}

/// One door open for the whole day, and nobody came.
pub(crate) fn quiet_day() -> Document {
    let mut document = nothing();
    document.paths.webhook.open = true;
    document.paths.webhook.covered_seconds = 86_400.0;
    document
}

/// The webhook alone: there is no witness of what it missed.
pub(super) fn one_door() -> Document {
    let busy = busy_day();
    let mut document = nothing();
    document.events = Events { observed: 11_988, settled: 11_988 };
    document.paths.webhook = PathReport { missing: None, loss: None, ..busy.paths.webhook };
    document.paths.webhook.covered = crate::compare::CoveredLoss::default();
    document.pairs.webhook_only = 11_988;
    document.timeline = busy.timeline;
    for slot in &mut document.timeline {
        slot.eventbridge = SlotPath::default();
        slot.webhook.missing = 0;
        slot.difference_ms = None;
    }
    document.verdict.reasons =
        vec!["Only the door of the webhook was open: there is no witness.".into()];
    document
}

/// A document of a day without anything.
fn nothing() -> Document {
    let path = PathReport {
        open: false,
        seen: 0,
        missing: None,
        loss: None,
        covered: crate::compare::CoveredLoss::default(),
        duplicates: 0,
        duplicates_by: crate::compare::DuplicateKinds::default(),
        out_of_order: None,
        latency_ms: LatencySummary {
            count: 0,
            p50: None,
            p90: None,
            p99: None,
            p999: None,
            max: None,
            negative: 0,
            flagged: 0,
        },
        p99_ms: None,
        distribution: Vec::new(),
        hops: Vec::new(),
        covered_seconds: 0.0,
    };
    Document {
        window: SettledWindow { from: at(0), to: at(86_400), settled_until: at(85_500) },
        scope: Scope::default(),
        events: Events::default(),
        paths: Paths { webhook: path.clone(), eventbridge: path },
        pairs: Pairs {
            both: 0,
            webhook_only: 0,
            eventbridge_only: 0,
            paired_by: PairRules::default(),
            webhook_first: None,
            difference_ms: None,
        },
        unseen: None,
        mcnemar: None,
        payloads: Payloads::default(),
        verdict: Verdict {
            choice: Choice::NotEnoughData,
            reasons: vec!["No event came in this window.".into()],
            needs_more_events: Some(3_000),
        },
        expectation: Expectation {
            expected: Expect::Either,
            outcome: Outcome::NotEnoughData,
            criteria: Vec::new(),
        },
        costs: None,
        plan: Vec::new(),
        excluded: Excluded::default(),
        timeline: Vec::new(),
        method: method(),
        notes: Vec::new(),
    }
}

/// The busy day with numbers at the ends of what they can be, and texts that want to break out.
pub(crate) fn extremes() -> Document {
    let mut document = busy_day();
    document.events = Events { observed: u64::MAX, settled: u64::MAX };
    document.scope.types = ["user.created".to_owned(), HOSTILE.to_owned()].into();
    document.scope.streams = [HOSTILE.to_owned()].into();
    document.payloads.pointers = (0..20)
        .map(|at| PointerCount { pointer: format!("/{at}/{HOSTILE}"), events: u64::MAX })
        .collect();
    document.pairs.paired_by.id = u64::MAX;
    let webhook = &mut document.paths.webhook;
    webhook.seen = u64::MAX;
    webhook.missing = Some(u64::MAX);
    webhook.latency_ms.max = Some(9.2e12);
    webhook.latency_ms.p50 = Some(-4.1e7);
    webhook.latency_ms.negative = u64::MAX;
    webhook.distribution = vec![
        Bin { low_ms: -9e6, high_ms: 0.0, count: u64::MAX / 4 },
        Bin { low_ms: 0.0, high_ms: 0.001, count: 1 },
        Bin { low_ms: 5.0, high_ms: 5.0, count: 7 },
        Bin { low_ms: 1e12, high_ms: 9.2e12, count: u64::MAX / 4 },
    ];
    webhook.hops = vec![
        Hop { from: "event", to: "request", count: u64::MAX, p50: -4.1e7, p90: 0.0, p99: 9.2e12 },
        Hop { from: "request", to: "commit", count: 1, p50: 0.0, p90: 0.0, p99: 0.0 },
    ];
    document.timeline = slots(200);
    document.notes.push("word ".repeat(100));
    document.notes.push(format!("{HOSTILE}\nand a second line"));
    document.verdict.reasons.push(HOSTILE.to_owned());
    document
}

/// The busy day in so many slots, one of them with all that can go wrong.
pub(super) fn with_slots(number: u32) -> Document {
    Document { timeline: slots(number), ..busy_day() }
}

fn slots(number: u32) -> Vec<Slot> {
    let path = |at: u32, ms: f64| SlotPath {
        seen: if at == 7 { u64::MAX } else { u64::from(at) },
        missing: u64::from(at.is_multiple_of(5)),
        covered_seconds: if at == 3 { 0.0 } else { 432.0 },
        out_of_order: u64::from(at % 3),
        p50: (at % 11 != 4).then_some(ms),
        p99: (at % 11 != 4).then_some(if at == 7 { 9.2e12 } else { ms * 3.0 }),
    };
    let slot = |slot: u32| Slot {
        from: at(u64::from(slot) * 432),
        to: at(u64::from(slot + 1) * 432),
        webhook: path(slot, 180.0),
        eventbridge: path(slot, 560.0),
        difference_ms: (slot % 11 != 4).then_some(if slot == 7 { -3.6e8 } else { 380.0 }),
    };
    (0..number).map(slot).collect()
}
