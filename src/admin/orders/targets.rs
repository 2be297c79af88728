//! Targets: their state, pausing and resuming them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Refusal;
use crate::admin::Sources;
use crate::event::Timestamp;
use crate::journal::{Counts, Ordered, PausedTarget, Person, ReadError};
use crate::telemetry::{BreakerState, TargetState};

/// One target of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::admin) struct Target {
    pub(in crate::admin) name: String,
    /// Deliveries that have not ended.
    pub(in crate::admin) pending: u64,
    /// When the oldest of them came.
    pub(in crate::admin) oldest: Option<Timestamp>,
    /// Dead letters of the journal that were to go there.
    pub(in crate::admin) dead: u64,
    /// Who paused it, when and why; `null` when it is not.
    pub(in crate::admin) paused: Option<PausedTarget>,
    /// Whether it is up; `null` when no route leads to it.
    pub(in crate::admin) breaker: Option<BreakerState>,
    /// Since when it has been up, or has not.
    pub(in crate::admin) since: Option<Timestamp>,
    /// Why it is held to be down, while it is.
    pub(in crate::admin) down_because: Option<Box<str>>,
    /// Whether what gathered while it was down is being delivered, at a bounded rate.
    pub(in crate::admin) draining: bool,
    /// Attempts under way.
    pub(in crate::admin) under_way: usize,
    /// What went there, and waits for it, by route.
    pub(in crate::admin) routes: Vec<RouteOf>,
}

/// A route to a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::admin) struct RouteOf {
    pub(in crate::admin) route: String,
    /// Deliveries that have not ended.
    pub(in crate::admin) pending: u64,
    /// Dead letters that are kept.
    pub(in crate::admin) dead: u64,
    /// Deliveries that ended, by outcome, since the journal began.
    pub(in crate::admin) ended: BTreeMap<String, u64>,
}

/// The targets of the configuration.
pub(in crate::admin) async fn list(sources: &Sources) -> Result<Vec<Target>, ReadError> {
    let counts = sources.reader.counts().await?;
    let paused = sources.reader.paused().await?;
    let states = sources.health.targets();
    let targets = sources.targets.iter().map(|name| {
        let paused = paused.iter().find(|paused| *paused.target == **name).cloned();
        target(name, &counts, states.get(name), paused)
    });
    Ok(targets.collect())
}

fn target(
    name: &str,
    counts: &Counts,
    state: Option<&TargetState>,
    paused: Option<PausedTarget>,
) -> Target {
    let routes = || counts.pending.iter().filter(|route| *route.target == *name);
    Target {
        name: name.to_owned(),
        pending: routes().map(|route| route.pending).sum(),
        oldest: routes().filter_map(|route| route.oldest).min(),
        dead: routes().map(|route| route.dead).sum(),
        paused,
        breaker: state.map(|state| state.breaker),
        since: state.map(|state| state.since),
        down_because: state.and_then(|state| state.down_because.clone()),
        draining: state.is_some_and(|state| state.draining),
        under_way: state.map_or(0, |state| state.under_way),
        routes: routes()
            .map(|route| RouteOf {
                route: route.route.clone(),
                pending: route.pending,
                dead: route.dead,
                ended: ended(counts, &route.route),
            })
            .collect(),
    }
}

fn ended(counts: &Counts, route: &str) -> BTreeMap<String, u64> {
    let of_route = counts.deliveries.iter().filter(|(of, _, _)| of == route);
    of_route.map(|(_, outcome, count)| (outcome.clone(), *count)).collect()
}

/// Sends a target nothing until it is resumed, or events again.
pub(in crate::admin) async fn set_paused(
    sources: &Sources,
    name: &str,
    paused: bool,
    by: Person,
) -> Result<Ordered, Refusal> {
    let target = sources.targets.iter().find(|target| ***target == *name).cloned();
    let target = target.ok_or(Refusal::Unknown("no target of this name in the configuration"))?;
    let ordered = if paused {
        sources.journal.pause(target, by).await
    } else {
        sources.journal.resume(target, by).await
    };
    ordered.map_err(Refusal::Unwritable)
}
