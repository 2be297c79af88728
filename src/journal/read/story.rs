//! The whole story of one event.

use std::collections::BTreeMap;

use rusqlite::Connection;
use serde::Serialize;

use super::events::{EventSummary, SUMMARY, summary};
use crate::event::{Flag, Flags, PairedBy, Path, RepeatKind, Timestamp};
use crate::journal::accept::paired_of;
use crate::journal::differences::differences;
use crate::journal::repeats::repeat_of;
use crate::journal::sqlite::path_of;
use crate::journal::{ReadError, payload};

/// One event's whole story.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventStory {
    /// As in a list.
    #[serde(flatten)]
    pub summary: EventSummary,
    /// The tenant, as the event names it.
    pub tenant: String,
    /// How the two paths' arrivals were found to be one event.
    pub paired_by: Option<PairedBy>,
    /// JSON pointers at which the two paths' payloads differ (`a0stream` apart).
    pub payload_differences: Vec<String>,
    /// Every arrival, in order.
    pub arrivals: Vec<ArrivalStory>,
    /// What became of it on each route.
    pub deliveries: Vec<DeliveryStory>,
    /// What is left of the content.
    pub content: ContentLeft,
    /// The CloudEvent, as far as its content is left; null otherwise.
    pub payload: serde_json::Value,
}

/// What is left of an event's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ContentLeft {
    /// All of it.
    Whole,
    /// All but what `journal.redact` names.
    Redacted,
    /// Nothing: the event is delivered, and `journal.payload` is `"drop"`.
    Dropped,
    /// Nothing: it was erased on request.
    Erased,
}

/// One arrival, with the times of its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArrivalStory {
    /// The path.
    pub path: Path,
    /// What kind of duplicate it is; `None` for the first by its path.
    pub duplicate: Option<RepeatKind>,
    /// It came because `reconcile` had asked for it: it is none of the path's.
    pub rescued: bool,
    /// It came by no path: it was taken in from Auth0's Events API.
    pub backfilled: bool,
    /// The id it carried, where that is not the event's.
    pub id: Option<String>,
    /// The stream that carried it.
    pub stream: Option<String>,
    /// The time in EventBridge's envelope: whole seconds, a hint only.
    pub envelope_time: Option<Timestamp>,
    /// When SQS took the message.
    pub sent_at: Option<Timestamp>,
    /// When SQS first handed it out.
    pub first_received_at: Option<Timestamp>,
    /// How often SQS had handed it out.
    pub receive_count: Option<u32>,
    /// It was put back into the queue from a dead-letter queue.
    pub redriven: bool,
    /// SQS's name of the message.
    pub message_id: Option<String>,
    /// When this host had all of it.
    pub at: Timestamp,
    /// When the journal's writer took it up; its commit followed at once.
    pub stored_at: Timestamp,
}

/// What became of an event on one route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeliveryStory {
    /// The route.
    pub route: String,
    /// Where it delivers.
    pub target: String,
    /// `waiting`, `parked` (behind another of its subject), `in_flight`, `retrying`, `returned` (until
    /// its SQS message comes again), `delivered`, `dead`, `superseded`, `filtered` or `discarded`.
    pub state: &'static str,
    /// Why it ended as it did.
    pub reason: Option<String>,
    /// It was attempted after a newer event of its subject.
    pub late: bool,
    /// How often it was put back after it was dead.
    pub redrives: u32,
    /// When it is due, while it waits.
    pub due_at: Option<Timestamp>,
    /// When it ended.
    pub settled_at: Option<Timestamp>,
    /// The tries.
    pub attempts: Vec<AttemptStory>,
}

/// One try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttemptStory {
    /// Which, from 1.
    pub attempt: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, in microseconds.
    pub took_us: i64,
    /// The answer's HTTP status.
    pub status: Option<u16>,
    /// What went wrong.
    pub error: Option<String>,
    /// The beginning of an answer that was no success, with secrets taken out.
    pub answer: Option<String>,
}
pub(super) fn story(connection: &Connection, seq: i64) -> Result<EventStory, ReadError> {
    let event = (|| -> rusqlite::Result<_> {
        let summary = connection
            .prepare_cached(&format!("SELECT {SUMMARY} FROM events WHERE seq = ?"))?
            .query_row([seq], summary)?;
        let (tenant, paired_by, erased) = connection
            .prepare_cached("SELECT tenant, paired_by, erased FROM events WHERE seq = ?")?
            .query_row([seq], |row| {
                let paired_by: Option<i64> = row.get(1)?;
                Ok((row.get(0)?, paired_by.map(paired_of).transpose()?, row.get(2)?))
            })?;
        let arrivals = arrivals(connection, seq)?;
        let deliveries = deliveries(connection, seq)?;
        Ok((summary, (tenant, erased), paired_by, arrivals, deliveries))
    })();
    let (summary, (tenant, erased), paired_by, arrivals, deliveries) =
        event.map_err(ReadError::Sqlite)?;
    let one = |sql| Ok(stored(connection, sql, seq)?.into_iter().next());
    let whole = one("SELECT encoding, body FROM payloads WHERE seq = ?")?;
    let redacted = one("SELECT encoding, body FROM redacted_payloads WHERE seq = ?")?;
    let content = match (&whole, &redacted) {
        (Some(_), _) => ContentLeft::Whole,
        (None, Some(_)) => ContentLeft::Redacted,
        (None, None) if erased => ContentLeft::Erased,
        (None, None) => ContentLeft::Dropped,
    };
    // Of two that are kept redacted, only what is left can be compared.
    let compared = redacted.as_ref().or(whole.as_ref()).cloned().unwrap_or_default();
    let rivals = "SELECT encoding, body FROM rival_payloads WHERE seq = ? ORDER BY path";
    let mut payload_differences = Vec::new();
    for rival in stored(connection, rivals, seq)? {
        differences(&compared, &rival, "", &mut payload_differences);
    }
    payload_differences.retain(|pointer| pointer != "/a0stream");
    payload_differences.sort();
    payload_differences.dedup();
    Ok(EventStory {
        summary,
        tenant,
        paired_by,
        payload_differences,
        arrivals,
        deliveries,
        content,
        payload: whole.or(redacted).unwrap_or_default(),
    })
}

fn stored(
    connection: &Connection,
    sql: &str,
    seq: i64,
) -> Result<Vec<serde_json::Value>, ReadError> {
    let read = || -> rusqlite::Result<Vec<(i64, Vec<u8>)>> {
        connection
            .prepare_cached(sql)?
            .query_map([seq], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect()
    };
    read()
        .map_err(ReadError::Sqlite)?
        .into_iter()
        .map(|(encoding, body)| {
            let bytes = payload::decode(encoding, body)?;
            Ok(serde_json::from_slice(&bytes)?)
        })
        .collect::<std::io::Result<_>>()
        .map_err(|source| ReadError::Payload { seq, source })
}

fn arrivals(connection: &Connection, seq: i64) -> rusqlite::Result<Vec<ArrivalStory>> {
    let mut arrivals: Vec<ArrivalStory> = connection
        .prepare_cached(
            "SELECT 0, NULL, webhook_id, webhook_stream, NULL, NULL, NULL, NULL, NULL, webhook_at,
                webhook_stored_at, 0, webhook_flags FROM events WHERE seq = ?1 AND webhook_at IS NOT NULL
             UNION ALL
             SELECT 1, NULL, eventbridge_id, eventbridge_stream, envelope_time, sent_at,
                first_received_at, receive_count, message_id, eventbridge_at, eventbridge_stored_at,
                redriven, 0 FROM events WHERE seq = ?1 AND eventbridge_at IS NOT NULL
             UNION ALL
             SELECT path, kind, id, stream, NULL, NULL, NULL, receive_count, message_id, at,
                stored_at, redriven, 0 FROM repeats WHERE seq = ?1",
        )?
        .query_map([seq], |row| {
            let kind: Option<i64> = row.get(1)?;
            let flags = Flags::from_bits(row.get(12)?);
            Ok(ArrivalStory {
                path: path_of(row.get(0)?)?,
                duplicate: kind.map(repeat_of).transpose()?,
                rescued: flags.has(Flag::Rescued),
                backfilled: flags.has(Flag::Backfilled),
                id: row.get(2)?,
                stream: row.get(3)?,
                envelope_time: row.get(4)?,
                sent_at: row.get(5)?,
                first_received_at: row.get(6)?,
                receive_count: row.get(7)?,
                message_id: row.get(8)?,
                at: row.get(9)?,
                stored_at: row.get(10)?,
                redriven: row.get(11)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    arrivals.sort_by_key(|arrival| arrival.at);
    Ok(arrivals)
}

/// The name of a delivery's state.
const fn state_of(column: i64) -> &'static str {
    match column {
        0 => "waiting",
        1 => "parked",
        2 => "in_flight",
        3 => "retrying",
        4 => "returned",
        5 => "delivered",
        7 => "superseded",
        8 => "filtered",
        9 => "discarded",
        _ => "dead",
    }
}

/// The states of these events' deliveries, in the order of their routes; nothing for an event that no
/// route takes.
pub(super) fn states(
    connection: &Connection,
    seqs: &[i64],
) -> rusqlite::Result<BTreeMap<i64, Vec<&'static str>>> {
    let mut statement =
        connection.prepare_cached("SELECT state FROM deliveries WHERE seq = ? ORDER BY route")?;
    let mut states = BTreeMap::new();
    for seq in seqs {
        let of_event = statement.query_map([seq], |row| Ok(state_of(row.get(0)?)))?;
        states.insert(*seq, of_event.collect::<rusqlite::Result<_>>()?);
    }
    Ok(states)
}

fn deliveries(connection: &Connection, seq: i64) -> rusqlite::Result<Vec<DeliveryStory>> {
    connection
        .prepare_cached(
            "SELECT name, target, state, reason, due_at, settled_at, route, late, redrives
             FROM deliveries JOIN routes ON no = route WHERE seq = ? ORDER BY name",
        )?
        .query_map([seq], |row| {
            let state = state_of(row.get(2)?);
            let waits = matches!(state, "waiting" | "retrying" | "returned");
            let due_at: Timestamp = row.get(4)?;
            Ok(DeliveryStory {
                route: row.get(0)?,
                target: row.get(1)?,
                state,
                reason: row.get(3)?,
                due_at: waits.then_some(due_at),
                settled_at: row.get(5)?,
                late: row.get(7)?,
                redrives: row.get(8)?,
                attempts: attempts(connection, seq, row.get(6)?)?,
            })
        })?
        .collect()
}

fn attempts(connection: &Connection, seq: i64, route: i64) -> rusqlite::Result<Vec<AttemptStory>> {
    connection
        .prepare_cached(
            "SELECT attempt, started_at, took_ns / 1000, status, error, answer FROM attempts
             WHERE seq = ? AND route = ? ORDER BY attempt",
        )?
        .query_map([seq, route], |row| {
            Ok(AttemptStory {
                attempt: row.get(0)?,
                started_at: row.get(1)?,
                took_us: row.get(2)?,
                status: row.get(3)?,
                error: row.get(4)?,
                answer: row.get(5)?,
            })
        })?
        .collect()
}
