//! Orders for bytes that could not be understood.

use serde_json::json;

use super::{Given, Refusal, give};
use crate::admin::Sources;
use crate::journal::{OrderKind, OrderNo, Ordered, Person, QuarantinedSummary};

/// Which of them.
#[derive(Debug, Clone, Default)]
pub(in crate::admin) struct Chosen {
    /// Only these; all when there are none.
    pub(in crate::admin) numbers: Vec<i64>,
    /// Only for this reason.
    pub(in crate::admin) reason: Option<String>,
}

/// What an order would touch.
#[derive(Debug)]
pub(in crate::admin) struct Matching {
    /// So many of them.
    pub(in crate::admin) matched: u64,
    /// Numbers under which there is nothing.
    pub(in crate::admin) unknown: Vec<i64>,
}

/// Counts what it would touch.
pub(in crate::admin) async fn matching(
    sources: &Sources,
    chosen: &Chosen,
) -> Result<Matching, Refusal> {
    let Chosen { numbers, reason } = chosen;
    let is_meant = |found: &str| reason.as_deref().is_none_or(|wanted| wanted == found);
    if numbers.is_empty() {
        let counts = sources.reader.counts().await?;
        let of_reason = counts.quarantined.iter().filter(|(found, _)| is_meant(found));
        return Ok(Matching { matched: of_reason.map(|(_, n)| n).sum(), unknown: Vec::new() });
    }
    let there = sources.reader.quarantined_among(numbers.clone()).await?;
    if there.is_empty() {
        return Err(Refusal::Unknown("nothing is quarantined under any of these numbers"));
    }
    let matched = there.iter().filter(|one: &&QuarantinedSummary| is_meant(&one.reason)).count();
    let is_unknown = |number: &&i64| there.iter().all(|one| one.no != **number);
    let unknown = numbers.iter().filter(is_unknown).copied().collect();
    Ok(Matching { matched: u64::try_from(matched).unwrap_or(u64::MAX), unknown })
}

/// Reads them once more; what is understood now is taken in, as if it had just come.
pub(in crate::admin) async fn reprocess(
    sources: &Sources,
    chosen: &Chosen,
    by: Person,
) -> Result<(OrderNo, Matching), Refusal> {
    let matching = matching(sources, chosen).await?;
    let Chosen { numbers, reason } = chosen;
    let detail = json!({ "numbers": numbers, "reason": reason }).to_string();
    let (kind, matched) = (OrderKind::Reprocess, matching.matched);
    let order = give(sources, Given { kind, by, detail, matched }).await?;
    Ok((order, matching))
}

/// Gives bytes up, at once.
pub(in crate::admin) async fn discard(
    sources: &Sources,
    numbers: Vec<i64>,
    by: Person,
) -> Result<(Ordered, Matching), Refusal> {
    if numbers.is_empty() {
        let what = "`numbers` names what is to be given up";
        return Err(Refusal::Wrong(what.to_owned()));
    }
    let chosen = Chosen { numbers, reason: None };
    let matching = matching(sources, &chosen).await?;
    let Chosen { numbers, .. } = chosen;
    let detail = json!({ "quarantined": numbers }).to_string();
    let ordered = sources.journal.discard_quarantined(by, &detail, numbers).await;
    Ok((ordered.map_err(Refusal::Unwritable)?, matching))
}
