//! Arrivals after the first by a path.

use rusqlite::{Connection, params};

use super::accept::{Arrived, Known};
use super::sqlite::path_code;
use crate::event::{Flag, Hops, Path, QueueHops, RepeatKind, Timestamp};

/// Keeps an arrival of an event that had come by the same path before.
pub(super) fn add(
    connection: &Connection,
    (seq, known): (i64, &Known),
    arrived: &Arrived,
    differs: bool,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let path = arrived.arrival.path();
    let hops: Option<&QueueHops> = match &arrived.arrival.hops {
        Hops::Webhook => None,
        Hops::Eventbridge(hops) => Some(hops),
    };
    let kind = match hops {
        None if arrived.arrival.flags.has(Flag::Rescued) => RepeatKind::AskedFor,
        None => RepeatKind::WebhookRetry,
        Some(hops) if is_same_message(connection, seq, known, hops)? => RepeatKind::SameMessage,
        Some(_) => RepeatKind::OtherMessage,
    };
    let other_id = (known.id != arrived.event.id.as_str()).then(|| arrived.event.id.as_str());
    connection
        .prepare_cached(
            "INSERT INTO repeats (seq, no, path, kind, at, stored_at, stream, id, receive_count,
                redriven, message_id)
             SELECT ?1, 1 + COALESCE(MAX(no), 0), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10
             FROM repeats WHERE seq = ?1",
        )?
        .execute(params![
            seq,
            path_code(path),
            repeat_code(kind),
            arrived.arrival.at,
            now,
            arrived.arrival.stream,
            other_id,
            hops.map(|hops| hops.receive_count),
            hops.is_some_and(|hops| hops.redriven),
            hops.map(|hops| &hops.message_id)
        ])?;
    connection
        .prepare_cached(
            "UPDATE events SET webhook_repeats = webhook_repeats + (?2 IS 0),
                eventbridge_repeats = eventbridge_repeats + (?2 IS 1),
                payload_differs = payload_differs OR ?3 WHERE seq = ?1",
        )?
        .execute(params![seq, counts_as(kind, path), differs])?;
    Ok(())
}

/// Whether this message brought the event before, as the first of its path or as a repeat.
fn is_same_message(
    connection: &Connection,
    seq: i64,
    known: &Known,
    hops: &QueueHops,
) -> rusqlite::Result<bool> {
    if known.message_id.as_deref() == Some(&*hops.message_id) {
        return Ok(true);
    }
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM repeats WHERE seq = ? AND message_id = ?)")?
        .query_row(params![seq, hops.message_id], |row| row.get(0))
}

const fn repeat_code(kind: RepeatKind) -> i64 {
    match kind {
        RepeatKind::WebhookRetry => 0,
        RepeatKind::SameMessage => 1,
        RepeatKind::OtherMessage => 2,
        RepeatKind::AskedFor => 3,
    }
}

/// The path whose duplicate it is; none's, where it was asked for.
fn counts_as(kind: RepeatKind, path: Path) -> Option<i64> {
    (kind != RepeatKind::AskedFor).then(|| path_code(path))
}

/// The kind of a column value.
pub(super) fn repeat_of(code: i64) -> rusqlite::Result<RepeatKind> {
    match code {
        0 => Ok(RepeatKind::WebhookRetry),
        1 => Ok(RepeatKind::SameMessage),
        2 => Ok(RepeatKind::OtherMessage),
        3 => Ok(RepeatKind::AskedFor),
        other => Err(rusqlite::Error::IntegralValueOutOfRange(0, other)),
    }
}
