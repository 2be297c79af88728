//! Erasing what is known of one user.
//!
//! What goes: the content of every event that names the user, wherever it names it; the subject, the
//! digests of its content, what targets answered. What stays: the event's id, its times and outcomes,
//! so that counts and comparison stay right, and a repeat is still found to be one.

use rusqlite::{Connection, params};

use super::end::{self, Ending};
use super::shelf::Shelf;
use super::told::Lane;
use crate::event::Timestamp;

/// What stands in place of an erased subject.
pub(super) const ERASED: &str = "erased";

/// Erases one event, unless it is erased. Deliveries that have not ended, and dead ones, are
/// discarded: there is nothing left to deliver. `lanes_too` for events that are about the user: what
/// targets were told goes as well.
pub(super) fn erase(
    connection: &Connection,
    shelf: &mut Shelf,
    (seq, lanes_too): (i64, bool),
    reason: &str,
    now: Timestamp,
) -> rusqlite::Result<bool> {
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
        if state <= DEAD && state != DELIVERED {
            end::end(connection, shelf, (seq, lane), &Ending::Discarded(reason), now)?;
        }
        if lanes_too {
            connection
                .prepare_cached("DELETE FROM told WHERE lane = ? AND route = ?")?
                .execute(params![lane.lane, lane.route.0])?;
        }
    }
    // The lane is a digest of the subject.
    connection.prepare_cached("UPDATE deliveries SET lane = 0 WHERE seq = ?")?.execute([seq])?;
    Ok(true)
}

const DELIVERED: i64 = 5;
const DEAD: i64 = 6;

fn deliveries(connection: &Connection, seq: i64) -> rusqlite::Result<Vec<(Lane, i64)>> {
    connection
        .prepare_cached("SELECT route, lane, state FROM deliveries WHERE seq = ?")?
        .query_map([seq], |row| Ok((end::lane_of(row, 0, 1)?, row.get(2)?)))?
        .collect()
}
