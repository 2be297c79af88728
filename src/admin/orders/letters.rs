//! Orders to put dead letters back, or to give them up.

use super::{Given, Refusal, give};
use crate::admin::Sources;
use crate::dead_letters::{Count, DeadLetter, ListError, QueueLook};
use crate::journal::{LetterPlan, OrderKind, OrderNo, Person};

/// The fastest rate, in letters a second.
pub(in crate::admin) const RATE_MAX: f64 = 10_000.0;

/// What an order would touch.
#[derive(Debug)]
pub(in crate::admin) struct Matching {
    /// So many letters.
    pub(in crate::admin) matched: u64,
    /// There are more: counting took too long, or a queue has more than are looked at.
    pub(in crate::admin) at_least: bool,
    /// So many more can't be put back: their route is not in the configuration any more.
    pub(in crate::admin) routeless: u64,
    /// Ids that name none.
    pub(in crate::admin) unknown: Vec<String>,
    /// The first few letters.
    pub(in crate::admin) sample: Vec<DeadLetter>,
    /// Which queues were looked into.
    pub(in crate::admin) queues: Vec<QueueLook>,
}

impl From<ListError> for Refusal {
    fn from(failed: ListError) -> Self {
        match failed {
            ListError::Read(error) => Self::Unreadable(error),
            ListError::Pattern(_) => Self::Wrong(failed.to_string()),
        }
    }
}

/// Counts what it would touch, and keeps the first `sample` letters.
pub(in crate::admin) async fn matching(
    sources: &Sources,
    kind: OrderKind,
    plan: &LetterPlan,
    sample: usize,
) -> Result<Matching, Refusal> {
    let LetterPlan { filter, rate } = plan;
    if !(*rate > 0.0 && *rate <= RATE_MAX) {
        let what = "`rate` is over 0 and at most 10000 a second";
        return Err(Refusal::Wrong(what.to_owned()));
    }
    let count = sources.letters.count(filter, sample).await?;
    let Count { letters, routeless, at_least, unknown, sample, queues } = count;
    if !filter.ids.is_empty() && letters + routeless == 0 && !at_least {
        return Err(Refusal::Unknown("no dead letter has any of these ids"));
    }
    // Without a route a letter can't be put back, but it can be given up.
    let (matched, routeless) = match kind {
        OrderKind::Redrive => (letters, routeless),
        _ => (letters + routeless, 0),
    };
    Ok(Matching { matched, at_least, routeless, unknown, sample, queues })
}

/// Puts letters back, or gives them up.
pub(in crate::admin) async fn order(
    sources: &Sources,
    kind: OrderKind,
    plan: &LetterPlan,
    by: Person,
) -> Result<(OrderNo, Matching), Refusal> {
    let matching = matching(sources, kind, plan, 0).await?;
    let detail = serde_json::to_string(plan).unwrap_or_default();
    let matched = matching.matched;
    let order = give(sources, Given { kind, by, detail, matched }).await?;
    Ok((order, matching))
}
