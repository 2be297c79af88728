//! Whose interval lies where decides, and what is missing is told.

use super::super::criteria;
use super::*;

const HOUR_APART: DifferenceSummary = DifferenceSummary {
    count: 9_000,
    median: 3.6e6,
    low: Some(3.5e6),
    high: Some(3.7e6),
    p5: 3e6,
    p95: 4e6,
};

fn evidence(seen: [u64; 3], difference_ms: Option<DifferenceSummary>) -> Evidence {
    let [both, webhook_only, eventbridge_only] = seen;
    let sightings = Sightings { both, webhook_only, eventbridge_only };
    let criteria = PerPath::from_fn(|path| vec![loss_of(path, sightings)]);
    Evidence { open: Some(PathSet::Both), sightings, difference_ms, criteria }
}

fn loss_of(path: Path, sightings: Sightings) -> Criterion {
    let limit = Settings::default().loss_max;
    let measured = sightings.loss(path, 0.95);
    let outcome = criteria::outcome(limit, measured);
    Criterion { path, measure: "loss", limit, measured, outcome }
}

fn with(mut evidence: Evidence, path: Path, limit: Criterion) -> Evidence {
    evidence.criteria.of_mut(path).push(Criterion { path, ..limit });
    evidence
}

#[track_caller]
fn check(evidence: &Evidence, choice: Choice, needs_more_events: Option<u64>) {
    let verdict = decide(evidence, &Settings::default());
    assert_eq!((verdict.choice, verdict.needs_more_events), (choice, needs_more_events));
    assert!(!verdict.reasons.is_empty());
}

#[track_caller]
fn check_interval(median: f64, low: f64, high: f64, choice: Choice) {
    let difference = DifferenceSummary { median, low: Some(low), high: Some(high), ..HOUR_APART };
    check(&evidence([9_000, 0, 0], Some(difference)), choice, None);
}

#[test]
fn of_two_paths_that_lose_little_the_faster_one() {
    check_interval(400.0, 380.0, 420.0, Choice::Webhook);
    check_interval(-400.0, -420.0, -380.0, Choice::Eventbridge);
    check_interval(110.0, 90.0, 130.0, Choice::Either);
    check_interval(-110.0, -130.0, -90.0, Choice::Either);
    check_interval(0.0, -5_000.0, 5_000.0, Choice::Either);
}

#[test]
fn the_only_path_that_loses_little_even_if_slower() {
    check(&evidence([9_000, 300, 0], Some(HOUR_APART)), Choice::Webhook, None);
    check(&evidence([9_000, 0, 300], Some(HOUR_APART)), Choice::Eventbridge, None);
    check(&evidence([9_000, 9, 0], Some(HOUR_APART)), Choice::Webhook, None);
}

#[test]
fn both_when_each_is_shown_to_lose_too_much() {
    check(&evidence([9_000, 300, 200], Some(HOUR_APART)), Choice::Both, None);
}

#[test]
fn not_enough_data_says_how_much_is() {
    check(&evidence([0, 0, 0], None), Choice::NotEnoughData, Some(2_996));
    check(&evidence([1_000, 0, 0], Some(HOUR_APART)), Choice::NotEnoughData, Some(1_996));
    check(&evidence([2_995, 0, 0], Some(HOUR_APART)), Choice::NotEnoughData, Some(1));
    check(&evidence([2_996, 0, 0], Some(HOUR_APART)), Choice::Webhook, None);
    // z²·L·(1 − L)/(L − 1/2001)² − 2001 for the path with the miss; 996 for the other one.
    check(&evidence([2_000, 1, 0], Some(HOUR_APART)), Choice::NotEnoughData, Some(13_335));
    check(&evidence([2_000, 0, 1], Some(HOUR_APART)), Choice::NotEnoughData, Some(13_335));
    check(&evidence([2_000, 300, 0], Some(HOUR_APART)), Choice::NotEnoughData, Some(996));
    // A loss of exactly the threshold can be shown to be neither within nor over it.
    check(&evidence([999, 1, 1], Some(HOUR_APART)), Choice::NotEnoughData, None);
}

#[test]
fn losses_that_hold_without_enough_undisturbed_pairs_are_not_enough() {
    check(&evidence([9_000, 0, 0], None), Choice::NotEnoughData, Some(6));
    let two = DifferenceSummary { count: 2, low: None, high: None, ..HOUR_APART };
    check(&evidence([9_000, 0, 0], Some(two)), Choice::NotEnoughData, Some(4));
}

#[track_caller]
fn check_reason(seen: [u64; 3], says: &str, expected: bool) {
    let verdict = decide(&evidence(seen, Some(HOUR_APART)), &Settings::default());
    let said = verdict.reasons.iter().any(|reason| reason.contains(says));
    assert_eq!(said, expected, "{:?}", verdict.reasons);
}

#[test]
fn reasons_tell_the_losses_and_which_path_loses_more() {
    check_reason([9_000, 0, 0], "EventBridge missed 0 of 9,000", true);
    check_reason([9_000, 5, 40], "The webhook loses more than EventBridge", true);
    check_reason([9_000, 40, 5], "EventBridge loses more than the webhook", true);
    check_reason([9_000, 40, 40], "loses more than", false);
    check_reason([9_000, 3, 1], "loses more than", false);
    check_reason([9_000, 300, 200], "which happened to an estimated 6.7", true);
}

#[test]
fn with_one_door_there_is_no_witness() {
    for open in [None, Some(PathSet::Webhook), Some(PathSet::Eventbridge)] {
        let evidence = Evidence { open, ..evidence([0, 9_000, 0], None) };
        check(&evidence, Choice::NotEnoughData, None);
    }
}

#[test]
fn a_limit_beside_the_loss_counts_as_much() {
    let seen = || evidence([9_000, 0, 0], Some(HOUR_APART));
    let slow = |low, high| {
        let measured = Some(super::super::Interval { estimate: low, low, high });
        let outcome = criteria::outcome(2_000.0, measured);
        Criterion { path: Path::Webhook, measure: "p99_ms", limit: 2_000.0, measured, outcome }
    };
    let only = with(seen(), Path::Webhook, slow(2_500.0, 3_000.0));
    check(&only, Choice::Eventbridge, None);
    let reasons = decide(&only, &Settings::default()).reasons;
    let said = "The webhook: its 99 % latency, 2.5 s to 3 s, is over the 2 s allowed.";
    assert!(reasons.iter().any(|reason| reason == said), "{reasons:?}");
    check(&with(only, Path::Eventbridge, slow(1_000.0, 3_000.0)), Choice::NotEnoughData, None);
    check(&with(seen(), Path::Eventbridge, slow(1_000.0, 1_900.0)), Choice::Webhook, None);
}

#[test]
fn what_is_open_or_fails_beside_the_loss_is_said_to_be() {
    let limit = |low, high| {
        let measured = Some(super::super::Interval { estimate: low, low, high });
        let outcome = criteria::outcome(2_000.0, measured);
        Criterion { path: Path::Webhook, measure: "p99_ms", limit: 2_000.0, measured, outcome }
    };
    let said = |webhook: Criterion, eventbridge: Criterion| {
        let seen = evidence([9_000, 0, 0], Some(HOUR_APART));
        let both = with(with(seen, Path::Webhook, webhook), Path::Eventbridge, eventbridge);
        let verdict = decide(&both, &Settings::default());
        (verdict.choice, verdict.reasons.join(" "))
    };
    let (open, slow, quick) = (limit(1_000.0, 3_000.0), limit(3_000.0, 4_000.0), limit(1.0, 2.0));
    let (choice, reasons) = said(open, slow);
    assert_eq!(choice, Choice::NotEnoughData);
    assert!(reasons.contains("the 99 % latency of the webhook is not known well"), "{reasons}");
    let (choice, reasons) = said(slow, slow);
    assert_eq!(choice, Choice::Webhook);
    assert!(reasons.contains("No path keeps all its limits, though both lose"), "{reasons}");
    let (choice, reasons) = said(slow, quick);
    assert_eq!(choice, Choice::Eventbridge);
    assert!(reasons.contains("EventBridge is the only path shown to keep all"), "{reasons}");
}
