//! The events one by one, in the order of their time, as the comparison sees them.

use rusqlite::{Connection, params};

use crate::event::Timestamp;
use crate::journal::entries::{COLUMNS, Entries};
use crate::summary::{Entry, Scope};

/// Events in one page.
const PAGE: usize = 1_000;

/// One event that is still there.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedEvent {
    /// Auth0's id, as the path that brought it first spells it.
    pub id: String,
    /// All that the comparison knows of it.
    pub entry: Entry,
}

/// Some of the events of a window.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedPage {
    /// The events, the earliest `time` first.
    pub events: Vec<ObservedEvent>,
    /// Where the next page begins; `None` after the last one.
    pub next: Option<ObservedAfter>,
}

/// Everything after this event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObservedAfter {
    time: Timestamp,
    seq: i64,
}

pub(super) fn page(
    connection: &Connection,
    (from, to): (Timestamp, Timestamp),
    scope: &Scope,
    after: Option<ObservedAfter>,
) -> rusqlite::Result<ObservedPage> {
    let sql = format!(
        "SELECT {COLUMNS}, id FROM events
         WHERE time_ns >= ?1 AND time_ns < ?2 AND (time_ns > ?1 OR seq > ?3)
         ORDER BY time_ns, seq LIMIT ?4"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let start = after.unwrap_or(ObservedAfter { time: from, seq: 0 });
    let mut rows = statement.query(params![start.time, to, start.seq, PAGE])?;
    let mut entries = Entries::new(connection, &[]);
    let (mut events, mut read, mut next) = (Vec::new(), 0, None);
    while let Some(row) = rows.next()? {
        read += 1;
        next = Some(ObservedAfter { time: row.get(2)?, seq: row.get(0)? });
        if let Some(entry) = of_scope(entries.read(row)?, scope) {
            events.push(ObservedEvent { id: row.get("id")?, entry });
        }
    }
    Ok(ObservedPage { events, next: next.filter(|_| read == PAGE) })
}

/// The event without what came by streams that nobody asked for; `None` when nothing is left.
fn of_scope(mut entry: Entry, scope: &Scope) -> Option<Entry> {
    if !scope.has_type(&entry.kind) {
        return None;
    }
    if !scope.has_stream(Some(&entry.webhook_stream)) {
        entry.event.webhook = None;
    }
    if !scope.has_stream(Some(&entry.eventbridge_stream)) {
        entry.event.eventbridge = None;
    }
    entry.event.paired_by = entry
        .event
        .paired_by
        .filter(|_| entry.event.webhook.and(entry.event.eventbridge).is_some());
    entry.event.first_arrival().is_some().then_some(entry)
}
