//! How many more events would show that a loss is small.

use super::Settings;
use super::document::{Need, Plan};
use super::loss::Sightings;
use super::number::as_f64;
use super::planner::{Needed, events_needed};
use crate::event::Path;

/// The thresholds that are planned for, beside the one that is configured.
const THRESHOLDS: [f64; 3] = [0.01, 0.001, 0.0001];

/// For the thresholds, the largest first.
pub(super) fn plan(seen: Sightings, per_day: Option<f64>, settings: &Settings) -> Vec<Plan> {
    let mut thresholds = THRESHOLDS.to_vec();
    thresholds.push(settings.loss_max);
    thresholds.sort_by(|one, two| two.total_cmp(one));
    thresholds.dedup();
    let need =
        |path, loss_max| match events_needed(seen.missing(path), loss_max, settings.confidence) {
            Needed::Enough => Need::Nothing,
            Needed::Never => Need::Unreachable,
            Needed::More(events) => {
                Need::Events { events, days: per_day.map(|per_day| as_f64(events) / per_day) }
            }
        };
    let plan = |loss_max| Plan {
        loss_max,
        webhook: need(Path::Webhook, loss_max),
        eventbridge: need(Path::Eventbridge, loss_max),
    };
    thresholds.into_iter().map(plan).collect()
}
