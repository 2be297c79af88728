//! What people may order, as the API and the pages take it: checked, counted, written down.

pub(super) mod erase;
pub(super) mod letters;
pub(super) mod quarantine;
pub(super) mod targets;

use super::Sources;
use crate::journal::{JournalError, OrderKind, OrderNo, Person, ReadError};

/// Why an order is not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// It says something that can't be.
    #[error("{0}")]
    Wrong(String),
    /// What it is about is not there.
    #[error("{0}")]
    Unknown(&'static str),
    /// It comes too late.
    #[error("{0}")]
    TooLate(&'static str),
    /// The journal can't be read.
    #[error("reading the journal")]
    Unreadable(#[source] ReadError),
    /// The journal can't be changed.
    #[error("changing the journal")]
    Unwritable(#[source] JournalError),
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        Self::Unreadable(error)
    }
}

/// The longest name and the longest reason, in bytes.
pub(super) const TEXT_MAX: usize = 500;

/// Everyone who orders something has a name and a reason; both are kept.
pub(super) fn person(who: String, why: String) -> Result<Person, Refusal> {
    for (name, text) in [("who", &who), ("why", &why)] {
        // A line break would be one in every table and log that it is shown in.
        let is_one_line = !text.chars().any(char::is_control);
        if text.trim().is_empty() || text.len() > TEXT_MAX || !is_one_line {
            let what = format!("`{name}` is a line of text, of {TEXT_MAX} bytes at most");
            return Err(Refusal::Wrong(what));
        }
    }
    Ok(Person { who: who.into(), why: why.into() })
}

/// An order to be given.
struct Given {
    kind: OrderKind,
    by: Person,
    detail: String,
    /// How much there is to do.
    matched: u64,
}

/// Gives it: it is carried out from here on, whoever asks or not.
async fn give(sources: &Sources, given: Given) -> Result<OrderNo, Refusal> {
    let Given { kind, by, detail, matched } = given;
    let order = sources.journal.begin_order(kind, by, &detail, matched).await;
    order.map_err(Refusal::Unwritable)
}

/// Stops an order that is under way; what it did stays done.
pub(super) async fn stop(sources: &Sources, order: OrderNo) -> Result<(), Refusal> {
    let ended = sources.journal.end_order(order, true).await.map_err(Refusal::Unwritable)?;
    if ended.changed > 0 {
        return Ok(());
    }
    Err(match sources.reader.order(order).await? {
        Some(_) => Refusal::TooLate("this order is not under way any more"),
        None => Refusal::Unknown("no order of this number"),
    })
}
