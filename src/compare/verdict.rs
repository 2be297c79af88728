//! What to do about it: which path to keep, in one word and with the reasons.
//!
//! A claim is made only when the 95 % interval shows it. A path's loss *holds* when the whole
//! interval is at or below the threshold, is *exceeded* when the whole interval is above, and is
//! *open* in between: then more events decide, and the verdict says how many.

use serde::Serialize;

use super::Settings;
use super::difference::DifferenceSummary;
use super::loss::{self, Sightings};
use super::planner::{Needed, events_to_decide};
use super::proportion::Share;
use super::words::{count, counted, duration, percent, probability, quantity};
use crate::event::{Path, PathSet};

/// The median's interval needs this many pairs at 95 %.
const PAIRS_MIN: u64 = 6;

/// A p-value below this is mentioned.
const P_VALUE_MAX: f64 = 0.05;

/// Which path to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// The webhook alone: its loss holds, and EventBridge's does not or it is faster.
    Webhook,
    /// EventBridge alone, likewise.
    Eventbridge,
    /// Either alone: both losses hold, and no path is shown to be faster.
    Either,
    /// Both together: neither loses little enough alone.
    Both,
    /// The numbers do not say yet.
    NotEnoughData,
}

impl Choice {
    /// The name used in the document.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Eventbridge => "eventbridge",
            Self::Either => "either",
            Self::Both => "both",
            Self::NotEnoughData => "not_enough_data",
        }
    }
}

/// The verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Which path to keep.
    pub choice: Choice,
    /// Why, in sentences.
    pub reasons: Vec<String>,
    /// With [`Choice::NotEnoughData`]: about how many more settled events would decide, if things
    /// go on as they went; `None` when no number of events would.
    pub needs_more_events: Option<u64>,
}

/// What is expected of the paths, for a pipeline that asserts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expect {
    /// The webhook is good enough.
    Webhook,
    /// EventBridge is good enough.
    Eventbridge,
    /// One of them is, whichever.
    #[default]
    Either,
    /// Both are.
    Both,
}

/// Whether something holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is shown to hold.
    Holds,
    /// It is shown not to.
    Fails,
    /// The numbers do not say yet.
    NotEnoughData,
}

/// The expectation, and whether it holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Expectation {
    /// What was expected.
    pub expected: Expect,
    /// Whether it holds: the exit code of `compare --assert`.
    pub outcome: Outcome,
    /// What it is made of.
    pub criteria: Vec<Criterion>,
}

/// One threshold of one path.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Criterion {
    /// The path.
    pub path: Path,
    /// What is measured: `loss` (a share), `p99_ms` or `cost_per_month`.
    pub measure: &'static str,
    /// It may be at most this.
    pub limit: f64,
    /// The interval that was measured; `None` when nothing was.
    pub measured: Option<super::Interval>,
    /// Where the interval lies.
    pub outcome: Outcome,
}

/// What the verdict is made from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// The doors that were open; `None` when none was.
    pub open: Option<PathSet>,
    /// Settled events by the paths that saw them.
    pub sightings: Sightings,
    /// EventBridge's arrival minus the webhook's.
    pub difference_ms: Option<DifferenceSummary>,
}

/// What a path's interval says about the threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Standing {
    Holds,
    Exceeded,
    Open { more_events: Option<u64> },
}

/// Decides by the thresholds of the settings.
pub(super) fn decide(evidence: &Evidence, settings: &Settings) -> Verdict {
    match evidence.open {
        None => undecided("No door was open in this window.".to_owned()),
        Some(PathSet::Webhook) => one_door(Path::Webhook),
        Some(PathSet::Eventbridge) => one_door(Path::Eventbridge),
        Some(PathSet::Both) => {
            let mut verdict = by_loss(evidence, settings);
            let mut reasons = loss_reasons(evidence.sightings, settings.loss_max);
            reasons.append(&mut verdict.reasons);
            Verdict { reasons, ..verdict }
        }
    }
}

fn one_door(open: Path) -> Verdict {
    let (open, closed) = (name(open), name(open.other()));
    undecided(format!(
        "Only the door of {open} was open: without {closed} there is no witness of what {open} \
         missed, and nothing to compare it with. Run with both doors open for a while."
    ))
}

fn undecided(reason: String) -> Verdict {
    Verdict { choice: Choice::NotEnoughData, reasons: vec![reason], needs_more_events: None }
}

fn by_loss(evidence: &Evidence, settings: &Settings) -> Verdict {
    let standing = |path| standing(evidence.sightings.missing(path), settings.loss_max);
    match (standing(Path::Webhook), standing(Path::Eventbridge)) {
        (Standing::Holds, Standing::Holds) => by_difference(evidence, settings),
        (Standing::Holds, other) => only_one_holds(Path::Webhook, other),
        (other, Standing::Holds) => only_one_holds(Path::Eventbridge, other),
        (Standing::Exceeded, Standing::Exceeded) => both_exceed(evidence.sightings),
        (Standing::Open { more_events }, Standing::Exceeded)
        | (Standing::Exceeded, Standing::Open { more_events }) => more_needed(more_events),
        (Standing::Open { more_events: webhook }, Standing::Open { more_events: eventbridge }) => {
            more_needed(webhook.zip(eventbridge).map(|(one, other)| one.max(other)))
        }
    }
}

/// Where the path's loss stands, and how many more events would settle it at the rate seen.
fn standing(missing: Share, loss_max: f64) -> Standing {
    match events_to_decide(missing, loss_max, 0.95) {
        Needed::More(more) => Standing::Open { more_events: Some(more) },
        Needed::Never => Standing::Open { more_events: None },
        Needed::Enough => match loss::loss(missing, 0.95) {
            Some(interval) if interval.low > loss_max => Standing::Exceeded,
            Some(_) | None => Standing::Holds,
        },
    }
}

fn by_difference(evidence: &Evidence, settings: &Settings) -> Verdict {
    let measured = evidence.difference_ms.map_or(0, |difference| difference.count);
    let Some((difference, low, high)) = evidence
        .difference_ms
        .and_then(|difference| Some((difference, difference.low?, difference.high?)))
    else {
        let reason = format!(
            "Which path is faster takes {PAIRS_MIN} events with undisturbed arrivals by both \
             paths; there are {measured}."
        );
        let needs_more_events = Some(PAIRS_MIN.saturating_sub(measured).max(1));
        return Verdict { needs_more_events, ..undecided(reason) };
    };
    let interval = format!(
        "median {}, 95 % interval {} to {}",
        duration(difference.median.abs()),
        duration(low.abs().min(high.abs())),
        duration(low.abs().max(high.abs())),
    );
    let threshold = duration(settings.difference_min_ms);
    let (choice, reason) = if low > settings.difference_min_ms {
        (Choice::Webhook, format!("The webhook is faster by more than {threshold}: {interval}."))
    } else if high < -settings.difference_min_ms {
        (
            Choice::Eventbridge,
            format!("EventBridge is faster by more than {threshold}: {interval}."),
        )
    } else {
        let reason = format!(
            "No path is shown to be faster by more than {threshold}: EventBridge minus webhook has \
             the median {}, 95 % interval {} to {}.",
            duration(difference.median),
            duration(low),
            duration(high),
        );
        (Choice::Either, reason)
    };
    decided(choice, reason)
}

fn only_one_holds(path: Path, other: Standing) -> Verdict {
    let choice = match path {
        Path::Webhook => Choice::Webhook,
        Path::Eventbridge => Choice::Eventbridge,
    };
    let missed = path.other();
    let reason = match other {
        Standing::Open { more_events: Some(more) } => format!(
            "{} is the only path shown to lose little enough; about {} would tell of {}.",
            title(path),
            counted(more, "more event"),
            name(missed)
        ),
        Standing::Holds | Standing::Exceeded | Standing::Open { more_events: None } => {
            format!("{} is the only path shown to lose little enough.", title(path))
        }
    };
    decided(choice, reason)
}

fn both_exceed(sightings: Sightings) -> Verdict {
    let rule = "Neither path alone loses little enough: with both, an event is lost only when both \
                lose it";
    let settled = sightings.both + sightings.webhook_only + sightings.eventbridge_only;
    let reason = match sightings.unseen(0.95) {
        Some(unseen) => format!(
            "{rule}, which happened to an estimated {} (at most {}) beside the {} that were seen.",
            quantity(unseen.estimate),
            quantity(unseen.high),
            count(settled)
        ),
        None => format!("{rule}."),
    };
    decided(Choice::Both, reason)
}

fn more_needed(more_events: Option<u64>) -> Verdict {
    let reason = match more_events {
        Some(more) => format!(
            "Not enough data yet: about {} would do, if things go on as they went.",
            counted(more, "more settled event")
        ),
        None => "Not enough data, and at this rate no number of events would be: the loss is at \
                 the threshold itself."
            .to_owned(),
    };
    Verdict { needs_more_events: more_events, ..undecided(reason) }
}

fn decided(choice: Choice, reason: String) -> Verdict {
    Verdict { choice, reasons: vec![reason], needs_more_events: None }
}

/// What each path's loss is, and whether one loses more than the other.
fn loss_reasons(sightings: Sightings, loss_max: f64) -> Vec<String> {
    let mut reasons: Vec<String> = Path::ALL
        .into_iter()
        .map(|path| loss_reason(path, sightings.missing(path), loss_max))
        .collect();
    let more = Path::ALL
        .into_iter()
        .find(|path| sightings.missing(*path).part > sightings.missing(path.other()).part);
    if let (Some(path), Some(test)) = (more, sightings.mcnemar())
        && test.p_value < P_VALUE_MAX
    {
        reasons.push(format!(
            "{} loses more than {} (p {}, exact McNemar test).",
            title(path),
            name(path.other()),
            probability(test.p_value)
        ));
    }
    reasons
}

fn loss_reason(path: Path, missing: Share, loss_max: f64) -> String {
    let Some(interval) = loss::loss(missing, 0.95) else {
        let witness = name(path.other());
        return format!("{}: {witness} saw no event, so nothing tells its loss.", title(path));
    };
    let standing = match standing(missing, loss_max) {
        Standing::Holds => "is within",
        Standing::Exceeded => "is over",
        Standing::Open { more_events: _ } => "is not yet known to be within or over",
    };
    format!(
        "{} missed {} of {}: its loss, {} to {}, {standing} the {} allowed.",
        title(path),
        count(missing.part),
        count(missing.whole),
        percent(interval.low),
        percent(interval.high),
        percent(loss_max)
    )
}

/// The path inside a sentence.
const fn name(path: Path) -> &'static str {
    match path {
        Path::Webhook => "the webhook",
        Path::Eventbridge => "EventBridge",
    }
}

/// The path at the start of a sentence.
const fn title(path: Path) -> &'static str {
    match path {
        Path::Webhook => "The webhook",
        Path::Eventbridge => "EventBridge",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, proptest};

    use super::super::number::as_f64;
    use super::*;

    const HOUR_APART: DifferenceSummary = DifferenceSummary {
        count: 9_000,
        sampled: 9_000,
        median: 3.6e6,
        low: Some(3.5e6),
        high: Some(3.7e6),
        p5: 3e6,
        p95: 4e6,
    };

    fn evidence(seen: [u64; 3], difference_ms: Option<DifferenceSummary>) -> Evidence {
        let [both, webhook_only, eventbridge_only] = seen;
        let sightings = Sightings { both, webhook_only, eventbridge_only };
        Evidence { open: Some(PathSet::Both), sightings, difference_ms }
    }

    #[track_caller]
    fn check(evidence: &Evidence, choice: Choice, needs_more_events: Option<u64>) {
        let verdict = decide(evidence, &Settings::default());
        assert_eq!((verdict.choice, verdict.needs_more_events), (choice, needs_more_events));
        assert!(!verdict.reasons.is_empty());
    }

    #[track_caller]
    fn check_interval(median: f64, low: f64, high: f64, choice: Choice) {
        let difference =
            DifferenceSummary { median, low: Some(low), high: Some(high), ..HOUR_APART };
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
        // z²·L·(1 − L)/(L − 1/2001)² − 2001 for the path with the miss; 1000 for the other one.
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

    proptest! {
        #[test]
        fn as_many_events_as_were_asked_for_do_decide(
            loss_max in 0.000_01..0.2_f64, part in 0..50_u64, more in 0..50_000_u64,
        ) {
            let missing = Share { part, whole: part + more };
            if let Standing::Open { more_events: Some(more) } = standing(missing, loss_max) {
                // The same share of more events, up to the rounding to whole events.
                let grown = Share {
                    part: missing.part * (missing.whole + more) / missing.whole.max(1),
                    whole: missing.whole + more,
                };
                let again = standing(grown, loss_max);
                let rounding = 2.0 / as_f64(grown.whole);
                let near = grown.ratio().is_some_and(|ratio| {
                    loss::loss(grown, 0.95).is_some_and(|interval| {
                        let end = if ratio < loss_max { interval.high } else { interval.low };
                        (end - loss_max).abs() <= rounding
                    })
                });
                prop_assert!(
                    matches!(again, Standing::Holds | Standing::Exceeded) || near,
                    "{grown:?} is still {again:?}"
                );
            }
        }
    }
}
