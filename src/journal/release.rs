//! Making due again what nobody has in hand any more.

use rusqlite::{Connection, params};

use crate::event::Timestamp;

/// Takes back what the process before this one had under way. It may have reached its target; it is
/// attempted again, under the same id.
pub(super) fn release_leases(connection: &Connection, now: Timestamp) -> rusqlite::Result<usize> {
    connection.execute(
        "UPDATE deliveries INDEXED BY deliveries_busy SET state = 3, due_at = ?
         WHERE state IN (2, 3) AND state = 2",
        [now],
    )
}

/// Takes back leases that ended without a word: the attempt's end could not be recorded. Reads the
/// index alone, one entry for each busy lane.
pub(super) fn release_ended_leases(
    connection: &Connection,
    now: Timestamp,
) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "UPDATE deliveries SET state = 3 WHERE (seq, route) IN
                (SELECT seq, route FROM deliveries INDEXED BY deliveries_busy
                 WHERE state IN (2, 3) AND state = 2 AND due_at < ?)",
        )?
        .execute([now])
}

/// Makes due at once what waits for its SQS message to come again: the message of this event came.
pub(super) fn take_back_returned(
    connection: &Connection,
    seq: i64,
    now: Timestamp,
) -> rusqlite::Result<usize> {
    connection
        .prepare_cached("UPDATE deliveries SET state = 3, due_at = ? WHERE seq = ? AND state = 4")?
        .execute(params![now, seq])
}

/// The same for all events: no message will bring them, since the journal retries by itself now.
pub(super) fn take_back_all_returned(
    connection: &Connection,
    now: Timestamp,
) -> rusqlite::Result<usize> {
    connection.execute(
        "UPDATE deliveries INDEXED BY deliveries_returned SET state = 3, due_at = ?
         WHERE state = 4",
        [now],
    )
}
