//! Erasing what names a user.

use std::time::Duration;

use tokio::time::Instant;

use super::{Given, Refusal, give};
use crate::admin::Sources;
use crate::journal::{OrderKind, OrderNo, Person, ReadError, Reader};

/// How many events, and rows of the quarantine, name somebody.
#[derive(Debug, Clone, Copy)]
pub(in crate::admin) struct Named {
    /// So many.
    pub(in crate::admin) matched: u64,
    /// There may be more: counting took too long.
    pub(in crate::admin) at_least: bool,
}

/// Counting takes no longer: a request to erase is taken however large the journal is.
const COUNT_WITHIN: Duration = Duration::from_secs(20);

/// The id in `user:auth0|1`, or in `auth0|1`.
fn id_of(subject: &str) -> Result<&str, Refusal> {
    let id = subject.strip_prefix("user:").unwrap_or(subject);
    if id.is_empty() {
        let what = "`subject` is the id of a user, such as auth0|1";
        return Err(Refusal::Wrong(what.to_owned()));
    }
    Ok(id)
}

/// Counts what names it.
pub(in crate::admin) async fn matching(sources: &Sources, subject: &str) -> Result<Named, Refusal> {
    Ok(count(&sources.reader, id_of(subject)?).await?)
}

/// Erases the content of every event that names it.
pub(in crate::admin) async fn order(
    sources: &Sources,
    subject: &str,
    by: Person,
) -> Result<(OrderNo, Named), Refusal> {
    let named = matching(sources, subject).await?;
    let detail = id_of(subject)?.to_owned();
    let given = Given { kind: OrderKind::Erase, by, detail, matched: named.matched };
    Ok((give(sources, given).await?, named))
}

async fn count(reader: &Reader, id: &str) -> Result<Named, ReadError> {
    let deadline = Instant::now() + COUNT_WITHIN;
    let quarantined = reader.quarantined_naming(id.to_owned()).await?;
    let (mut after, mut found) = (0, quarantined.len());
    loop {
        let page = reader.naming(id.to_owned(), after).await?;
        found += page.found.len();
        let matched = u64::try_from(found).unwrap_or(u64::MAX);
        match page.looked_at {
            Some(_) if Instant::now() >= deadline => return Ok(Named { matched, at_least: true }),
            Some(looked_at) => after = looked_at,
            None => return Ok(Named { matched, at_least: false }),
        }
    }
}
