//! Lists of events.

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};
use serde::Serialize;

use crate::event::{Flag, Flags, Path, Timestamp};
use crate::journal::sqlite::path_of;

/// Which events to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Only this type.
    pub kind: Option<String>,
    /// Only this subject, in full (`user:auth0|1`) or without its family (`auth0|1`).
    pub subject: Option<String>,
    /// Only events that came before this one: the `next` of the page before.
    pub before: Option<i64>,
    /// Only events that came after this one.
    pub after: Option<i64>,
    /// This many at most.
    pub limit: usize,
}

/// One event in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventSummary {
    /// The journal's number: events that came later have higher ones.
    pub seq: i64,
    /// Auth0's id.
    pub id: String,
    /// The CloudEvent's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// When it happened, by Auth0's clock.
    pub time: Timestamp,
    /// Sent by the Management API's test call.
    pub test: bool,
    /// The path that brought it first; where none did by itself, the webhook.
    pub first_path: Path,
    /// When it first came by webhook, of itself.
    pub webhook_at: Option<Timestamp>,
    /// When it first came by EventBridge.
    pub eventbridge_at: Option<Timestamp>,
    /// It was lost by the webhook, and came because `reconcile` asked for it.
    pub rescued: bool,
    /// It was not even delivered then, but taken in from Auth0's Events API.
    pub backfilled: bool,
    /// When that came.
    pub rescued_at: Option<Timestamp>,
    /// Further arrivals.
    pub duplicates: u32,
}

impl EventSummary {
    /// How it came though the webhook had lost it; `None` where it had not.
    pub const fn rescue_words(&self) -> Option<&'static str> {
        match (self.rescued, self.backfilled) {
            (false, _) => None,
            (true, false) => Some("asked for by reconcile"),
            (true, true) => Some("taken in from the Events API"),
        }
    }

    /// When it first came, by whatever way.
    pub fn first_at(&self) -> Option<Timestamp> {
        [self.webhook_at, self.eventbridge_at, self.rescued_at].into_iter().flatten().min()
    }
}

pub(super) const SUMMARY: &str = "seq, id, kind, subject, time_ns, is_test, first_path, webhook_at, \
                       eventbridge_at, webhook_repeats + eventbridge_repeats, webhook_flags";

pub(super) fn summary(row: &Row<'_>) -> rusqlite::Result<EventSummary> {
    let flags = Flags::from_bits(row.get(10)?);
    let rescued = flags.has(Flag::Rescued);
    let (webhook_at, eventbridge_at): (Option<Timestamp>, Option<Timestamp>) =
        (row.get(7)?, row.get(8)?);
    let first_path = match path_of(row.get(6)?)? {
        Path::Webhook if rescued && eventbridge_at.is_some() => Path::Eventbridge,
        first => first,
    };
    Ok(EventSummary {
        seq: row.get(0)?,
        id: row.get(1)?,
        kind: row.get(2)?,
        subject: row.get(3)?,
        time: row.get(4)?,
        test: row.get(5)?,
        first_path,
        webhook_at: webhook_at.filter(|_| !rescued),
        eventbridge_at,
        rescued,
        backfilled: flags.has(Flag::Backfilled),
        rescued_at: webhook_at.filter(|_| rescued),
        duplicates: row.get(9)?,
    })
}

pub(super) fn list(
    connection: &Connection,
    filter: &EventFilter,
) -> rusqlite::Result<Vec<EventSummary>> {
    let mut sql = format!("SELECT {SUMMARY} FROM events WHERE seq < ?");
    let mut values = vec![Value::from(filter.before.unwrap_or(i64::MAX))];
    if let Some(after) = filter.after {
        sql.push_str(" AND seq > ?");
        values.push(after.into());
    }
    if let Some(kind) = &filter.kind {
        sql.push_str(" AND kind = ?");
        values.push(kind.clone().into());
    }
    if let Some(subject) = &filter.subject {
        sql.push_str(" AND (subject = ? OR substr(subject, instr(subject, ':') + 1) = ?)");
        values.extend([subject.clone().into(), subject.clone().into()]);
    }
    sql.push_str(" ORDER BY seq DESC LIMIT ?");
    values.push(i64::try_from(filter.limit).unwrap_or(i64::MAX).into());
    connection.prepare_cached(&sql)?.query_map(params_from_iter(values), summary)?.collect()
}

/// The first and the last event's number.
pub(super) fn ends(connection: &Connection) -> rusqlite::Result<Option<(i64, i64)>> {
    let ask = |sql| connection.prepare_cached(sql)?.query_row([], |row| row.get(0));
    let first: Option<i64> = ask("SELECT min(seq) FROM events")?;
    let last: Option<i64> = ask("SELECT max(seq) FROM events")?;
    Ok(first.zip(last))
}
