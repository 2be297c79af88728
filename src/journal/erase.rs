//! Erasing what is known of one user.
//!
//! What goes: the content of every event that names the user, wherever it names it; the subject, the
//! digests of its content, what targets answered. What stays: the event's id, its times and outcomes,
//! so that counts and comparison stay right, and a repeat is still found to be one.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::end::{self, Ending};
use super::read::Naming;
use super::shelf::Shelf;
use super::told::Lane;
use super::{Journal, OrderDesk, OrderKind, OrderStory, Reader, StepError, witness};
use crate::event::{Digest, Timestamp};
use crate::telemetry::Chain;

/// Carries out orders to erase.
#[derive(Debug)]
pub struct Eraser {
    journal: Journal,
    reader: Reader,
}

/// Quarantined bytes erased in one step: each may be of some megabytes.
const QUARANTINED: usize = 20;
/// The pause between two steps: leaves the journal to the doors most of the time.
const PAUSE: Duration = Duration::from_millis(20);
/// The pause after a step that failed.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(2);

impl Eraser {
    /// For this journal.
    pub const fn new(journal: Journal, reader: Reader) -> Self {
        Self { journal, reader }
    }

    /// Erases when ordered to, until `stop`. An order under way goes on after a restart.
    pub async fn run(self, stop: CancellationToken) {
        let mut desk = OrderDesk::new(&self.journal, self.reader.clone(), &[OrderKind::Erase]);
        while let Some(order) = desk.next(&stop).await {
            if let Err(error) = self.step(&order).await {
                warn!(order = order.order.0, error = %Chain(&error), "an erasure waits");
                desk.put_aside(order.order, PAUSE_AFTER_FAILURE);
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    /// Erases what names the user, first in the quarantine, then among the next events: what is read
    /// once more meanwhile becomes an event that is still to be looked at.
    async fn step(&self, order: &OrderStory) -> Result<(), StepError> {
        let id = order.detail.clone();
        if order.looked_at == 0 {
            let numbers = self.reader.quarantined_naming(id.clone()).await?;
            for numbers in numbers.chunks(QUARANTINED) {
                self.journal.drop_quarantined(order.order, numbers.to_vec(), 0).await?;
            }
        }
        let page = self.reader.naming(id, order.looked_at).await?;
        let reason = format!("erased by {}: {}", order.who, order.why);
        let looked_at = page.looked_at.unwrap_or(order.looked_at);
        self.journal.erase(order.order, page.found, &reason, looked_at).await?;
        if page.looked_at.is_none() {
            self.journal.end_order(order.order, false).await?;
            info!(order = order.order.0, "what names a user is erased");
        }
        Ok(())
    }
}

/// What stands in place of an erased subject.
pub(super) const ERASED: &str = "erased";

/// Erases one event, unless it is erased. Deliveries that have not ended, and dead ones, are
/// discarded: there is nothing left to deliver. What is under way keeps its lane until it has ended, so
/// that nothing overtakes it. Where the event is about the user, what targets know goes as well; when
/// they were last told stays, or older events would be news again.
pub(super) fn erase(
    connection: &Connection,
    shelf: &mut Shelf,
    Naming { seq, is_about }: Naming,
    reason: &str,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    // Retention may have been there since it was found.
    let Some(told_of) = told_of(connection, seq)? else { return Ok(false) };
    let erased = connection
        .prepare_cached(
            "UPDATE events SET subject = ?, object_digest = zeroblob(16),
                payload_digest = zeroblob(16), erased = 1 WHERE seq = ? AND erased = 0",
        )?
        .execute(params![ERASED, seq])?;
    if erased == 0 {
        return Ok(false);
    }
    shelf.secure_delete(connection)?;
    forget_witnesses(connection, seq, told_of)?;
    for sql in [
        "DELETE FROM payloads WHERE seq = ?",
        "DELETE FROM redacted_payloads WHERE seq = ?",
        "DELETE FROM rival_payloads WHERE seq = ?",
        "UPDATE attempts SET answer = NULL WHERE seq = ?",
        "UPDATE deliveries SET watched = NULL WHERE seq = ?",
    ] {
        connection.prepare_cached(sql)?.execute([seq])?;
    }
    for (lane, state) in deliveries(connection, seq)? {
        if state == DEAD {
            shelf.tally.take_back_delivery(lane.route, crate::event::DeliveryOutcome::Dead);
        }
        if state <= DEAD && state != DELIVERED && state != LEASED {
            end::end(connection, shelf, (seq, lane), &Ending::Discarded(reason), now)?;
        }
        if is_about {
            connection
                .prepare_cached("UPDATE told SET known = NULL WHERE lane = ? AND route = ?")?
                .execute(params![lane.lane, lane.route.0])?;
        }
    }
    forget_lanes(connection, seq)?;
    Ok(true)
}

/// What the Events API tells of an event under whatever id, as long as its subject is known.
fn told_of(connection: &Connection, seq: i64) -> rusqlite::Result<Option<(Digest, Timestamp)>> {
    connection
        .prepare_cached("SELECT tenant, kind, subject, time_ns FROM events WHERE seq = ?")?
        .query_row([seq], |row| {
            let names: (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let time: Timestamp = row.get(3)?;
            Ok((witness::fingerprint((&names.0, &names.1, &names.2), time), time))
        })
        .optional()
}

pub(super) const FORGET_WITNESSES: &str =
    "DELETE FROM witnessed WHERE (fingerprint = ?2 AND time_ns = ?3) OR id IN (
        SELECT id FROM events WHERE seq = ?1
        UNION ALL SELECT webhook_id FROM events WHERE seq = ?1
        UNION ALL SELECT eventbridge_id FROM events WHERE seq = ?1
        UNION ALL SELECT id FROM repeats WHERE seq = ?1)";

/// Forgets what the Events API told of it: under any of its ids, or about the same subject at the same time. The
/// digest would confirm a guess of who was erased; and where the ids differ, nothing would tell any more that it
/// had come: it would be judged lost, and taken in again.
fn forget_witnesses(
    connection: &Connection,
    seq: i64,
    (fingerprint, time): (Digest, Timestamp),
) -> rusqlite::Result<()> {
    connection.prepare_cached(FORGET_WITNESSES)?.execute(params![seq, fingerprint, time])?;
    Ok(())
}

/// The lane is a digest of the subject, and of no use to what has ended.
pub(super) fn forget_lanes(connection: &Connection, seq: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE deliveries SET lane = 0 WHERE seq = ? AND state > 4")?
        .execute([seq])?;
    Ok(())
}

/// Whether the event was erased.
pub(super) fn is_erased(connection: &Connection, seq: i64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM events WHERE seq = ? AND erased = 1)")?
        .query_row([seq], |row| row.get(0))
}

/// Why a delivery ends whose event was erased while it was under way.
pub(super) const ERASED_MEANWHILE: &str = "its event was erased while it was under way";

/// Ends a delivery whose event was erased while it was under way.
pub(super) fn end_erased(
    connection: &Connection,
    shelf: &mut Shelf,
    (seq, lane): (i64, Lane),
    ending: &Ending<'_>,
    now: Timestamp,
) -> rusqlite::Result<()> {
    end::end(connection, shelf, (seq, lane), ending, now)?;
    forget_lanes(connection, seq)
}

const LEASED: i64 = 2;
const DELIVERED: i64 = 5;
const DEAD: i64 = 6;

fn deliveries(connection: &Connection, seq: i64) -> rusqlite::Result<Vec<(Lane, i64)>> {
    connection
        .prepare_cached("SELECT route, lane, state FROM deliveries WHERE seq = ?")?
        .query_map([seq], |row| Ok((end::lane_of(row, 0, 1)?, row.get(2)?)))?
        .collect()
}
