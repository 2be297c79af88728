//! What to do about it: which path to keep, in one word and with the reasons.
//!
//! A claim is made only when the interval shows it. A path *holds* when the whole interval of each of
//! its criteria (loss, and p99 latency and cost where a limit is set) is at or below its limit, is
//! *exceeded* when one is wholly above, and is *open* in between: then more events decide, and the verdict
//! says how many.

use serde::Serialize;

use super::Settings;
use super::criteria::together;
use super::difference::DifferenceSummary;
use super::loss::{self, Sightings};
use super::planner::{Needed, events_to_decide};
use super::proportion::Share;
use super::words::{count, counted, duration, percent, probability, quantity};
use crate::event::{Path, PathSet, PerPath};

/// The median's interval needs this many pairs at 95 %.
const PAIRS_MIN: u64 = 6;

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
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Evidence {
    /// The doors that were open; `None` when none was.
    pub open: Option<PathSet>,
    /// Settled events that happened while both doors were open, by the paths that saw them.
    pub sightings: Sightings,
    /// EventBridge's arrival minus the webhook's.
    pub difference_ms: Option<DifferenceSummary>,
    /// What each path has to keep.
    pub criteria: PerPath<Vec<Criterion>>,
}

/// What a path's interval says about the threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Standing {
    Holds,
    Exceeded,
    /// The loss is open.
    Open {
        more_events: Option<u64>,
    },
    /// The loss holds; something else is open.
    Waiting,
}

/// Decides by the thresholds of the settings.
pub(super) fn decide(evidence: &Evidence, settings: &Settings) -> Verdict {
    match evidence.open {
        None => undecided("No door was open in this window.".to_owned()),
        Some(PathSet::Webhook) => one_door(Path::Webhook),
        Some(PathSet::Eventbridge) => one_door(Path::Eventbridge),
        Some(PathSet::Both) => {
            let mut verdict = by_loss(evidence, settings);
            let mut reasons = loss_reasons(evidence.sightings, settings);
            reasons.extend(Path::ALL.into_iter().flat_map(|path| limit_reasons(path, evidence)));
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
    let standing = |path| standing(path, evidence, settings);
    match (standing(Path::Webhook), standing(Path::Eventbridge)) {
        (Standing::Holds, Standing::Holds) => by_difference(evidence, settings),
        (Standing::Holds, other) => only_one_holds(Path::Webhook, other, evidence),
        (other, Standing::Holds) => only_one_holds(Path::Eventbridge, other, evidence),
        (Standing::Exceeded, Standing::Exceeded) => both_exceed(evidence, settings),
        (Standing::Waiting, _) => waiting(Path::Webhook, evidence),
        (_, Standing::Waiting) => waiting(Path::Eventbridge, evidence),
        (Standing::Open { more_events }, Standing::Exceeded)
        | (Standing::Exceeded, Standing::Open { more_events }) => more_needed(more_events),
        (Standing::Open { more_events: webhook }, Standing::Open { more_events: eventbridge }) => {
            more_needed(webhook.zip(eventbridge).map(|(one, other)| one.max(other)))
        }
    }
}

/// Where the path stands, and how many more events would settle its loss at the rate seen.
fn standing(path: Path, evidence: &Evidence, settings: &Settings) -> Standing {
    match together(evidence.criteria.of(path)) {
        Outcome::Holds => Standing::Holds,
        Outcome::Fails => Standing::Exceeded,
        Outcome::NotEnoughData if loss_of(path, evidence) == Outcome::Holds => Standing::Waiting,
        Outcome::NotEnoughData => {
            let missing = evidence.sightings.missing(path);
            match events_to_decide(missing, settings.loss_max, settings.confidence) {
                Needed::More(events) => Standing::Open { more_events: Some(events) },
                Needed::Enough | Needed::Never => Standing::Open { more_events: None },
            }
        }
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
        "median {}, {} interval {} to {}",
        duration(difference.median.abs()),
        percent(settings.confidence),
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
             the median {}, {} interval {} to {}.",
            duration(difference.median),
            percent(settings.confidence),
            duration(low),
            duration(high),
        );
        (Choice::Either, reason)
    };
    decided(choice, reason)
}

/// Where the path's loss stands.
fn loss_of(path: Path, evidence: &Evidence) -> Outcome {
    let mut criteria = evidence.criteria.of(path).iter();
    let loss = criteria.find(|criterion| criterion.measure == "loss");
    loss.map_or(Outcome::NotEnoughData, |criterion| criterion.outcome)
}

/// The loss is small enough, and something else is not known well enough yet.
fn waiting(path: Path, evidence: &Evidence) -> Verdict {
    let mut criteria = evidence.criteria.of(path).iter();
    let open = criteria.find(|criterion| criterion.outcome == Outcome::NotEnoughData);
    let what = open.map_or("something", |criterion| what(criterion));
    undecided(format!(
        "Not enough data yet: the {what} of {} is not known well enough; its loss is.",
        name(path)
    ))
}

fn only_one_holds(path: Path, other: Standing, evidence: &Evidence) -> Verdict {
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
        _ if loss_of(missed, evidence) == Outcome::Holds => {
            format!("{} is the only path shown to keep all its limits.", title(path))
        }
        Standing::Holds
        | Standing::Exceeded
        | Standing::Waiting
        | Standing::Open { more_events: None } => {
            format!("{} is the only path shown to lose little enough.", title(path))
        }
    };
    decided(choice, reason)
}

fn both_exceed(evidence: &Evidence, settings: &Settings) -> Verdict {
    let holds = |path| loss_of(path, evidence) == Outcome::Holds;
    let beside = "No path keeps all its limits";
    match (holds(Path::Webhook), holds(Path::Eventbridge)) {
        (false, false) => {}
        (true, true) => {
            let mut verdict = by_difference(evidence, settings);
            verdict.reasons.insert(0, format!("{beside}, though both lose little enough."));
            return verdict;
        }
        (webhook, _) => {
            let path = if webhook { Path::Webhook } else { Path::Eventbridge };
            let choice = if webhook { Choice::Webhook } else { Choice::Eventbridge };
            return decided(choice, format!("{beside}; {} alone loses little enough.", name(path)));
        }
    }
    let sightings = evidence.sightings;
    let rule = "Neither path alone loses little enough: with both, an event is lost only when both \
                lose it";
    let settled = sightings.both + sightings.webhook_only + sightings.eventbridge_only;
    let reason = match sightings.unseen(settings.confidence) {
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

/// Where the path stands to the limits beside that of its loss.
fn limit_reasons(path: Path, evidence: &Evidence) -> Vec<String> {
    let others = evidence.criteria.of(path).iter().filter(|criterion| criterion.measure != "loss");
    others.map(limit_reason).collect()
}

/// What is measured, in words.
fn what(criterion: &Criterion) -> &'static str {
    match criterion.measure {
        "loss" => "loss",
        "cost_per_month" => "cost of a month",
        _ => "99 % latency",
    }
}

fn limit_reason(criterion: &Criterion) -> String {
    let is_cost = criterion.measure == "cost_per_month";
    let what = what(criterion);
    let show = |value| if is_cost { quantity(value) } else { duration(value) };
    let (title, limit) = (title(criterion.path), show(criterion.limit));
    let Some(measured) = criterion.measured else {
        return format!("{title}: its {what} is not known; {limit} is allowed.");
    };
    let standing = match criterion.outcome {
        Outcome::Holds => "is within",
        Outcome::Fails => "is over",
        Outcome::NotEnoughData => "is not yet known to be within or over",
    };
    if is_cost {
        return format!(
            "{title}: its {what}, {}, {standing} the {limit} allowed.",
            show(measured.estimate)
        );
    }
    let (low, high) = (show(measured.low), show(measured.high));
    format!("{title}: its {what}, {low} to {high}, {standing} the {limit} allowed.")
}

/// What each path's loss is, and whether one loses more than the other.
fn loss_reasons(sightings: Sightings, settings: &Settings) -> Vec<String> {
    let mut reasons: Vec<String> = Path::ALL
        .into_iter()
        .map(|path| loss_reason(path, sightings.missing(path), settings))
        .collect();
    let more = Path::ALL
        .into_iter()
        .find(|path| sightings.missing(*path).part > sightings.missing(path.other()).part);
    if let (Some(path), Some(test)) = (more, sightings.mcnemar())
        && test.p_value < 1.0 - settings.confidence
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

fn loss_reason(path: Path, missing: Share, settings: &Settings) -> String {
    let Some(interval) = loss::loss(missing, settings.confidence) else {
        let witness = name(path.other());
        return format!("{}: {witness} saw no event, so nothing tells its loss.", title(path));
    };
    let standing = if interval.high <= settings.loss_max {
        "is within"
    } else if interval.low > settings.loss_max {
        "is over"
    } else {
        "is not yet known to be within or over"
    };
    format!(
        "{} missed {} of {}: its loss, {} to {}, {standing} the {} allowed.",
        title(path),
        count(missing.part),
        count(missing.whole),
        percent(interval.low),
        percent(interval.high),
        percent(settings.loss_max)
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
mod tests;
