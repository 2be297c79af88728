//! What the comparison reads.

use rusqlite::{Connection, params};

use crate::event::{Observation, Sighting, Timestamp};
use crate::journal::accept::paired_of;

pub(super) fn fold(
    connection: &Connection,
    (from, to): (Timestamp, Timestamp),
    observe: &mut dyn FnMut(&Observation),
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT time_ns, is_test, webhook_at, eventbridge_at, receive_count, paired_by,
                webhook_repeats, eventbridge_repeats, redriven
         FROM events WHERE time_ns >= ? AND time_ns < ? ORDER BY time_ns DESC",
    )?;
    let mut rows = statement.query(params![from, to])?;
    while let Some(row) = rows.next()? {
        let webhook: Option<Timestamp> = row.get(2)?;
        let eventbridge: Option<Timestamp> = row.get(3)?;
        let receive_count: Option<u32> = row.get(4)?;
        let paired_by: Option<i64> = row.get(5)?;
        let redriven = row.get(8)?;
        observe(&Observation {
            time: row.get(0)?,
            test: row.get(1)?,
            webhook: webhook.map(|at| Sighting { at, receive_count: 1, redriven: false }),
            eventbridge: eventbridge.map(|at| Sighting {
                at,
                receive_count: receive_count.unwrap_or(1),
                redriven,
            }),
            paired_by: paired_by.map(paired_of).transpose()?,
            webhook_repeats: row.get(6)?,
            eventbridge_repeats: row.get(7)?,
        });
    }
    Ok(())
}
