//! Taking an arrival in: is its event known, by which path has it come, what is to be stored.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::content::Content;
use super::payload::Stored;
use super::shelf::Shelf;
use super::sqlite::{path_code, path_of};
use super::{Committed, RouteNo, release, repeats, summaries, told, witness};
use crate::event::{
    Arrival, ArrivalOutcome, Candidate, Digest, EVENTS_API, Event, Flag, Flags, Hops, Newcomer,
    PairedBy, Pairing, PairingRule, Path, Purpose, Timestamp, Watched,
};

/// An arrival, ready to be stored; [`Arrived::new`] makes it.
#[derive(Debug)]
pub struct Arrived {
    pub(super) event: Event,
    pub(super) arrival: Arrival,
    pub(super) deliveries: Vec<NewDelivery>,
    pub(super) id_digest: Digest,
    pub(super) payload: Stored,
    /// What is to be left of it, where something is to be taken out.
    pub(super) redacted: Option<Stored>,
    pub(super) lane: i64,
}

/// A delivery that an event gets if it is new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// The route.
    pub route: RouteNo,
    /// What the event says at the places that the route watches, where it watches some.
    pub watched: Option<Watched>,
}

impl From<RouteNo> for NewDelivery {
    fn from(route: RouteNo) -> Self {
        Self { route, watched: None }
    }
}

/// An arrival that is on disk.
#[derive(Debug)]
pub struct Accepted {
    /// The proof.
    pub committed: Committed,
    /// Whether the event came by this path for the first time.
    pub outcome: ArrivalOutcome,
    /// Whether the event is new: nobody has seen it by any path.
    pub is_new: bool,
    /// The journal's number of the event.
    pub seq: i64,
}

const fn paired_code(paired_by: PairedBy) -> i64 {
    match paired_by {
        PairedBy::Id => 0,
        PairedBy::Fallback => 1,
        PairedBy::Ambiguous => 2,
    }
}

/// The way of pairing of a column value.
pub(super) fn paired_of(code: i64) -> rusqlite::Result<PairedBy> {
    match code {
        0 => Ok(PairedBy::Id),
        1 => Ok(PairedBy::Fallback),
        2 => Ok(PairedBy::Ambiguous),
        other => Err(rusqlite::Error::IntegralValueOutOfRange(0, other)),
    }
}

pub(super) fn accept(
    connection: &Connection,
    shelf: &mut Shelf,
    arrived: &mut Arrived,
    now: Timestamp,
) -> rusqlite::Result<Accepted> {
    let path = arrived.arrival.path();
    let is_backfill = arrived.arrival.flags.has(Flag::Backfilled);
    if path == Path::Webhook
        && shelf.has_rescues
        && witness::is_rescued(connection, arrived.id_digest)?
    {
        arrived.arrival.flags = arrived.arrival.flags.with(Flag::Rescued);
    }
    let known = match shelf.ids.find(connection, arrived.id_digest, shelf.first_seq.get())? {
        Some(seq) => Some((seq, PairedBy::Id)),
        None => by_fallback(connection, shelf.rule.pair, arrived)?,
    };
    let (outcome, is_new, seq) = match known {
        None => {
            let seq = add_event(connection, shelf, arrived, now)?;
            (ArrivalOutcome::Accepted, true, seq)
        }
        // It has come after all: what the Events API tells of it is no arrival.
        Some((seq, _)) if is_backfill => (ArrivalOutcome::Duplicate, false, seq),
        Some((seq, paired_by)) => {
            if paired_by != PairedBy::Id {
                shelf.ids.add_alias(connection, arrived.id_digest, seq)?;
            }
            let summed = summaries::as_summed(connection, shelf, seq)?;
            let outcome = add_arrival(connection, shelf, (seq, paired_by), arrived, now)?;
            if let Some(before) = summed {
                summaries::amend(connection, shelf, seq, &before)?;
            }
            // A delivery that waits for its message has it now.
            if path == Path::Eventbridge {
                shelf.woke |= release::take_back_returned(connection, seq, now)? > 0;
            }
            (outcome, false, seq)
        }
    };
    if !is_backfill {
        shelf.tally.arrival(path, outcome);
    }
    Ok(Accepted { committed: Committed(()), outcome, is_new, seq })
}

/// The most candidates looked at: that many events of one subject in one instant are no tie that
/// more looking would break.
const CANDIDATES_MAX: usize = 32;

fn by_fallback(
    connection: &Connection,
    rule: PairingRule,
    arrived: &Arrived,
) -> rusqlite::Result<Option<(i64, PairedBy)>> {
    let candidates = candidates(connection, &arrived.event)?;
    if candidates.is_empty() {
        return Ok(None);
    }
    let newcomer = Newcomer {
        path: arrived.arrival.path(),
        stream: arrived.arrival.stream.as_deref(),
        purpose: arrived.event.purpose,
        object_digest: arrived.event.object_digest,
    };
    Ok(match rule(&newcomer, &candidates) {
        Pairing::New => None,
        Pairing::Same { seq } => Some((seq, PairedBy::Fallback)),
        Pairing::Ambiguous { seq } => Some((seq, PairedBy::Ambiguous)),
    })
}

/// Known events of the same tenant, type, subject and time, oldest first.
fn candidates(connection: &Connection, event: &Event) -> rusqlite::Result<Vec<Candidate>> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, is_test, object_digest, webhook_at, webhook_stream, eventbridge_at,
                eventbridge_stream, webhook_repeats + eventbridge_repeats, backfilled_at, webhook_flags
         FROM events WHERE time_ns = ? AND kind = ? AND tenant = ? AND subject = ?
         ORDER BY seq LIMIT ?",
    )?;
    let mut rows = statement.query(params![
        event.time,
        event.kind,
        event.tenant,
        event.subject,
        CANDIDATES_MAX
    ])?;
    let mut candidates = Vec::new();
    while let Some(row) = rows.next()? {
        let seq = row.get(0)?;
        let mut arrived_by: Vec<(Path, Option<Box<str>>)> = Vec::new();
        for (path, at, stream) in [(Path::Webhook, 3, 4), (Path::Eventbridge, 5, 6)] {
            if row.get::<_, Option<i64>>(at)?.is_some() {
                arrived_by.push((path, row.get(stream)?));
            }
        }
        if row.get::<_, Option<i64>>(8)?.is_some() {
            arrived_by.push((Path::Webhook, Some(EVENTS_API.into())));
        }
        // What was asked for is no repeat of the path's, and shows by which stream it came nevertheless.
        let is_backfill = Flags::from_bits(row.get(9)?).has(Flag::Backfilled);
        if is_backfill || row.get::<_, i64>(7)? > 0 {
            arrived_by.extend(streams_of_repeats(connection, seq)?);
        }
        let purpose = if row.get(1)? { Purpose::Test } else { Purpose::Live };
        candidates.push(Candidate { seq, purpose, object_digest: row.get(2)?, arrived_by });
    }
    Ok(candidates)
}

fn streams_of_repeats(
    connection: &Connection,
    seq: i64,
) -> rusqlite::Result<Vec<(Path, Option<Box<str>>)>> {
    connection
        .prepare_cached("SELECT DISTINCT path, stream FROM repeats WHERE seq = ?")?
        .query_map([seq], |row| Ok((path_of(row.get(0)?)?, row.get(1)?)))?
        .collect()
}

fn add_event(
    connection: &Connection,
    shelf: &mut Shelf,
    arrived: &Arrived,
    now: Timestamp,
) -> rusqlite::Result<i64> {
    let seq = shelf.next_seq.get();
    shelf.next_seq.set(seq + 1);
    let overtaken = is_overtaken(shelf, arrived);
    let too_late = arrived.event.time.as_nanos() <= shelf.forgotten.get();
    insert_event(connection, seq, arrived, (overtaken, too_late), now)?;
    add_content(connection, seq, arrived, &shelf.content)?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO deliveries (seq, route, lane, since, due_at, watched)
         VALUES (?1, ?2, ?3, ?4, ?4, ?5)",
    )?;
    for delivery in &arrived.deliveries {
        let watched = delivery.watched.as_ref().map(told::watched_blob);
        insert.execute(params![seq, delivery.route.0, arrived.lane, now, watched])?;
    }
    shelf.ids.add(arrived.id_digest, seq);
    shelf.woke |= !arrived.deliveries.is_empty();
    Ok(seq)
}

/// Whether a later event has come by the same path before. Test events are in no order.
fn is_overtaken(shelf: &mut Shelf, arrived: &Arrived) -> bool {
    let Arrived { event, arrival, .. } = arrived;
    // What was asked for says nothing of the order in which the path brings things.
    let is_rescued = arrival.flags.has(Flag::Rescued);
    event.purpose == Purpose::Live
        && !is_rescued
        && shelf.latest.overtakes(arrival.path(), arrival.at, event.time)
}

/// Where the content is not kept for good, it is kept for the deliveries alone.
fn add_content(
    connection: &Connection,
    seq: i64,
    arrived: &Arrived,
    content: &Content,
) -> rusqlite::Result<()> {
    if *content == Content::Keep || !arrived.deliveries.is_empty() {
        connection
            .prepare_cached("INSERT INTO payloads (seq, encoding, body) VALUES (?, ?, ?)")?
            .execute(params![seq, arrived.payload.encoding, arrived.payload.body])?;
    }
    if let Some(redacted) = &arrived.redacted {
        connection
            .prepare_cached("INSERT INTO redacted_payloads (seq, encoding, body) VALUES (?, ?, ?)")?
            .execute(params![seq, redacted.encoding, redacted.body])?;
    }
    Ok(())
}

/// One statement for the event and its arrival, whichever path brought it: the columns of the other
/// path stay NULL.
fn insert_event(
    connection: &Connection,
    seq: i64,
    arrived: &Arrived,
    (overtaken, too_late): (bool, bool),
    now: Timestamp,
) -> rusqlite::Result<()> {
    let Arrived { event, arrival: Arrival { at, stream, hops, flags }, .. } = arrived;
    let path = arrived.arrival.path();
    let (webhook, queue) = match hops {
        Hops::Webhook => (true, None),
        Hops::Eventbridge(hops) => (false, Some(hops)),
    };
    connection
        .prepare_cached(
            "INSERT INTO events (seq, id, kind, tenant, subject, time_ns, is_test, object_digest,
                payload_digest, first_path, webhook_at, webhook_stored_at, webhook_stream,
                eventbridge_at, eventbridge_stored_at, eventbridge_stream, envelope_time, sent_at,
                first_received_at, receive_count, redriven, message_id, too_late, webhook_flags,
                webhook_overtaken, eventbridge_flags, eventbridge_overtaken)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
                ?)",
        )?
        .execute(params![
            seq,
            event.id.as_str(),
            event.kind,
            event.tenant,
            event.subject,
            event.time,
            event.purpose == Purpose::Test,
            event.object_digest,
            event.payload_digest,
            path_code(path),
            webhook.then_some(at),
            webhook.then_some(now),
            stream.as_ref().filter(|_| webhook),
            queue.map(|_| at),
            queue.map(|_| now),
            stream.as_ref().filter(|_| !webhook),
            queue.map(|hops| hops.envelope_time),
            queue.map(|hops| hops.sent),
            queue.map(|hops| hops.first_received),
            queue.map(|hops| hops.receive_count),
            queue.is_some_and(|hops| hops.redriven),
            queue.map(|hops| &hops.message_id),
            too_late,
            if webhook { flags.bits() } else { 0 },
            webhook && overtaken,
            if webhook { 0 } else { flags.bits() },
            !webhook && overtaken,
        ])?;
    Ok(())
}

/// What is known of an event that has come before.
pub(super) struct Known {
    pub(super) id: String,
    has_come: bool,
    /// It has come by no path: what stands for its webhook arrival was taken in from the Events API.
    is_backfill: bool,
    /// The id that it carried by the other path, where that is not `id`.
    other_id: Option<String>,
    payload_digest: Digest,
    pub(super) message_id: Option<String>,
    erased: bool,
}

fn known(connection: &Connection, seq: i64, path: Path) -> rusqlite::Result<Option<Known>> {
    connection
        .prepare_cached(
            "SELECT id, CASE ?2 WHEN 0 THEN webhook_at ELSE eventbridge_at END IS NOT NULL,
                    payload_digest, message_id, erased, webhook_flags, CASE ?2 WHEN 0 THEN eventbridge_id ELSE webhook_id END
             FROM events WHERE seq = ?1",
        )?
        .query_row(params![seq, path_code(path)], |row| {
            Ok(Known {
                id: row.get(0)?,
                has_come: row.get(1)?,
                payload_digest: row.get(2)?,
                message_id: row.get(3)?,
                erased: row.get(4)?,
                is_backfill: Flags::from_bits(row.get(5)?).has(Flag::Backfilled),
                other_id: row.get(6)?,
            })
        })
        .optional()
}

fn add_arrival(
    connection: &Connection,
    shelf: &mut Shelf,
    (seq, paired_by): (i64, PairedBy),
    arrived: &Arrived,
    now: Timestamp,
) -> rusqlite::Result<ArrivalOutcome> {
    let path = arrived.arrival.path();
    // `find` gives numbers of events that have not expired: the row is there.
    let known = known(connection, seq, path)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    // Of what was erased nobody can say whether it was the same.
    let differs = !known.erased && known.payload_digest != arrived.event.payload_digest;
    if differs {
        keep_rival(connection, seq, arrived, &shelf.content)?;
    }
    if known.has_come && !takes_its_place(&known, &arrived.arrival) {
        repeats::add(connection, (seq, &known), arrived, differs, now)?;
        return Ok(ArrivalOutcome::Duplicate);
    }
    let other_id = (known.id != arrived.event.id.as_str()).then(|| arrived.event.id.as_str());
    let Arrival { at, stream, hops, flags } = &arrived.arrival;
    let own_id = arrived.event.id.as_str();
    let paired_by = paired_code(paired(paired_by, own_id, known.other_id.as_deref()));
    let flags = flags.bits();
    let overtaken = is_overtaken(shelf, arrived);
    match hops {
        Hops::Webhook => connection
            .prepare_cached(
                "UPDATE events SET paired_by = CASE WHEN eventbridge_at IS NULL THEN NULL ELSE ?1 END,
                    payload_differs = payload_differs OR ?2, webhook_at = ?3,
                    webhook_stored_at = ?4, webhook_stream = ?5, webhook_id = ?6,
                    webhook_flags = ?7, webhook_overtaken = ?8,
                    backfilled_at = CASE WHEN ?9 THEN webhook_at END,
                    first_path = eventbridge_at IS NOT NULL WHERE seq = ?10",
            )?
            .execute(params![
                paired_by,
                differs,
                at,
                now,
                stream,
                other_id,
                flags,
                overtaken,
                known.is_backfill,
                seq
            ])?,
        Hops::Eventbridge(hops) => connection
            .prepare_cached(
                "UPDATE events SET paired_by = ?, payload_differs = payload_differs OR ?,
                    eventbridge_at = ?, eventbridge_stored_at = ?, eventbridge_stream = ?,
                    eventbridge_id = ?, envelope_time = ?, sent_at = ?, first_received_at = ?,
                    receive_count = ?, redriven = ?, message_id = ?, eventbridge_flags = ?,
                    eventbridge_overtaken = ? WHERE seq = ?",
            )?
            .execute(params![
                paired_by,
                differs,
                at,
                now,
                stream,
                other_id,
                hops.envelope_time,
                hops.sent,
                hops.first_received,
                hops.receive_count,
                hops.redriven,
                hops.message_id,
                flags,
                overtaken,
                seq
            ])?,
    };
    Ok(ArrivalOutcome::Accepted)
}

/// Whether an arrival takes the place of what was taken in from the Events API: its path brings it after all,
/// late. What was asked for is none of the path's.
fn takes_its_place(known: &Known, arrival: &Arrival) -> bool {
    known.is_backfill && arrival.path() == Path::Webhook && !arrival.flags.has(Flag::Rescued)
}

/// How both paths' arrivals are one event: where the other one carried another id than the event's, that is
/// what this one's is held against.
fn paired(found_by: PairedBy, own_id: &str, other_id: Option<&str>) -> PairedBy {
    match other_id {
        Some(other_id) if other_id == own_id => PairedBy::Id,
        Some(_) if found_by == PairedBy::Id => PairedBy::Fallback,
        Some(_) | None => found_by,
    }
}

/// Keeps a payload that is not the one known: nothing that came is thrown away, and the reader can
/// say in what they differ. The first one by each path is kept, as far as content is.
fn keep_rival(
    connection: &Connection,
    seq: i64,
    arrived: &Arrived,
    content: &Content,
) -> rusqlite::Result<()> {
    let payload = match content {
        Content::Keep => &arrived.payload,
        Content::Redact(_) => arrived.redacted.as_ref().unwrap_or(&arrived.payload),
        Content::Drop => return Ok(()),
    };
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO rival_payloads (seq, path, encoding, body) VALUES (?, ?, ?, ?)",
        )?
        .execute(params![seq, path_code(arrived.arrival.path()), payload.encoding, payload.body])?;
    Ok(())
}
