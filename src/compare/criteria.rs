//! What a path has to keep to be good enough, and whether it is shown to.

use super::Settings;
use super::document::{Costs, Paths};
use super::proportion::Interval;
use super::verdict::{Criterion, Expect, Expectation, Outcome};
use crate::event::{Path, PerPath};

/// The criteria of each path.
pub(super) fn all(
    settings: &Settings,
    paths: &Paths,
    costs: Option<&Costs>,
) -> PerPath<Vec<Criterion>> {
    PerPath::from_fn(|path| of_path(path, settings, paths, costs))
}

fn of_path(
    path: Path,
    settings: &Settings,
    paths: &Paths,
    costs: Option<&Costs>,
) -> Vec<Criterion> {
    let report = paths.of(path);
    let criterion = |measure, limit, measured: Option<Interval>| Criterion {
        path,
        measure,
        limit,
        measured,
        outcome: outcome(limit, measured),
    };
    let cost = costs.map(|costs| {
        let estimate = costs.of(path).per_month;
        Interval { estimate, low: estimate, high: estimate }
    });
    let mut criteria = vec![criterion("loss", settings.loss_max, report.covered.loss)];
    criteria.extend(settings.p99_max_ms().map(|limit| criterion("p99_ms", limit, report.p99_ms)));
    criteria.extend(settings.cost_max.map(|limit| criterion("cost_per_month", limit, cost)));
    criteria
}

/// Where an interval lies.
pub(super) fn outcome(limit: f64, measured: Option<Interval>) -> Outcome {
    match measured {
        Some(interval) if interval.high <= limit => Outcome::Holds,
        Some(interval) if interval.low > limit => Outcome::Fails,
        Some(_) | None => Outcome::NotEnoughData,
    }
}

/// Whether all hold: one that is shown not to is enough to fail.
pub(super) fn together(criteria: &[Criterion]) -> Outcome {
    let has = |outcome| criteria.iter().any(|criterion| criterion.outcome == outcome);
    if has(Outcome::Fails) {
        Outcome::Fails
    } else if has(Outcome::NotEnoughData) {
        Outcome::NotEnoughData
    } else {
        Outcome::Holds
    }
}

/// Whether what is expected of the paths holds.
pub(super) fn expectation(
    settings: &Settings,
    paths: &Paths,
    costs: Option<&Costs>,
) -> Expectation {
    let criteria = all(settings, paths, costs);
    let outcomes = PerPath::from_fn(|path| together(criteria.of(path)));
    let PerPath { webhook, eventbridge } = criteria;
    let either = [outcomes.webhook, outcomes.eventbridge];
    let (outcome, criteria) = match settings.expect {
        Expect::Webhook => (outcomes.webhook, webhook),
        Expect::Eventbridge => (outcomes.eventbridge, eventbridge),
        Expect::Either => (best(either), [webhook, eventbridge].concat()),
        Expect::Both => (worst(either), [webhook, eventbridge].concat()),
    };
    Expectation { expected: settings.expect, outcome, criteria }
}

fn best(outcomes: [Outcome; 2]) -> Outcome {
    if outcomes.contains(&Outcome::Holds) {
        Outcome::Holds
    } else if outcomes.contains(&Outcome::NotEnoughData) {
        Outcome::NotEnoughData
    } else {
        Outcome::Fails
    }
}

fn worst(outcomes: [Outcome; 2]) -> Outcome {
    if outcomes.contains(&Outcome::Fails) {
        Outcome::Fails
    } else if outcomes.contains(&Outcome::NotEnoughData) {
        Outcome::NotEnoughData
    } else {
        Outcome::Holds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_outcome(measured: Option<(f64, f64)>, expected: Outcome) {
        let measured = measured.map(|(low, high)| Interval { estimate: low, low, high });
        assert_eq!(outcome(10.0, measured), expected, "{measured:?}");
    }

    #[test]
    fn a_threshold_is_kept_when_the_whole_interval_is() {
        check_outcome(Some((0.0, 10.0)), Outcome::Holds);
        check_outcome(Some((9.0, 10.1)), Outcome::NotEnoughData);
        check_outcome(Some((10.0, 12.0)), Outcome::NotEnoughData);
        check_outcome(Some((10.1, 12.0)), Outcome::Fails);
        check_outcome(None, Outcome::NotEnoughData);
    }

    #[track_caller]
    fn check_pair(outcomes: [Outcome; 2], either: Outcome, both: Outcome) {
        assert_eq!((best(outcomes), worst(outcomes)), (either, both), "{outcomes:?}");
    }

    #[test]
    fn either_takes_the_better_path_and_both_the_worse() {
        use Outcome::{Fails, Holds, NotEnoughData};
        check_pair([Holds, Fails], Holds, Fails);
        check_pair([Fails, Fails], Fails, Fails);
        check_pair([Holds, Holds], Holds, Holds);
        check_pair([NotEnoughData, Fails], NotEnoughData, Fails);
        check_pair([NotEnoughData, Holds], Holds, NotEnoughData);
    }
}
