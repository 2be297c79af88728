//! Counts that outlive what they count, and the times when each door was open.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::RouteNo;
use super::sqlite::path_code;
use crate::event::{ArrivalOutcome, DeliveryOutcome, Path, Timestamp};

const ARRIVALS: i64 = 0;
const DELIVERIES: i64 = 1;

/// What one transaction adds to the counts.
#[derive(Debug, Default)]
pub(super) struct Tally(BTreeMap<(i64, i64, &'static str), i64>);

impl Tally {
    pub(super) fn arrival(&mut self, path: Path, outcome: ArrivalOutcome) {
        *self.0.entry((ARRIVALS, path_code(path), outcome.as_str())).or_default() += 1;
    }

    pub(super) fn delivery(&mut self, route: RouteNo, outcome: DeliveryOutcome) {
        *self.0.entry((DELIVERIES, route.0, outcome.as_str())).or_default() += 1;
    }

    /// A delivery that had ended so goes on.
    pub(super) fn take_back_delivery(&mut self, route: RouteNo, outcome: DeliveryOutcome) {
        *self.0.entry((DELIVERIES, route.0, outcome.as_str())).or_default() -= 1;
    }

    /// An arrival that had ended so ends otherwise.
    pub(super) fn take_back_arrival(&mut self, path: Path, outcome: ArrivalOutcome) {
        *self.0.entry((ARRIVALS, path_code(path), outcome.as_str())).or_default() -= 1;
    }

    /// Writes them, as one of the last steps of the transaction.
    pub(super) fn flush(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut add = connection.prepare_cached(
            "INSERT INTO counts (what, who, outcome, n) VALUES (?, ?, ?, ?)
             ON CONFLICT (what, who, outcome) DO UPDATE SET n = n + excluded.n",
        )?;
        for ((what, who, outcome), n) in std::mem::take(&mut self.0) {
            add.execute(params![what, who, outcome, n])?;
        }
        Ok(())
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// Everything counted since the journal began, and what is open now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Arrivals by path and outcome.
    pub arrivals: Vec<(Path, String, u64)>,
    /// Ended deliveries by route and outcome.
    pub deliveries: Vec<(String, String, u64)>,
    /// Deliveries that have not ended, by route.
    pub pending: Vec<DeliveryStates>,
    /// Quarantined bytes that are kept, by reason.
    pub quarantined: Vec<(String, u64)>,
    /// The size of the journal's file, in bytes.
    pub file_bytes: u64,
}

/// The deliveries of one route that have not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryStates {
    /// The route.
    pub route: String,
    /// Where it delivers.
    pub target: String,
    /// Waiting for their turn, for a retry, or behind another of their subject; or under way.
    pub pending: u64,
    /// When the oldest of them came.
    pub oldest: Option<Timestamp>,
    /// Deliveries that ended in failure, and are kept for redrive.
    pub dead: u64,
}

pub(super) fn read(connection: &Connection) -> rusqlite::Result<Counts> {
    let mut counts = Counts { pending: pending(connection)?, ..Counts::default() };
    let mut statement = connection.prepare_cached(
        "SELECT what, who, outcome, n, name FROM counts LEFT JOIN routes ON what = 1 AND no = who
         ORDER BY what, who, outcome",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (outcome, n) = (row.get(2)?, row.get(3)?);
        if row.get::<_, i64>(0)? == ARRIVALS {
            counts.arrivals.push((super::sqlite::path_of(row.get(1)?)?, outcome, n));
        } else {
            counts.deliveries.push((row.get(4)?, outcome, n));
        }
    }
    counts.quarantined = connection
        .prepare_cached("SELECT reason, count(*) FROM quarantine GROUP BY reason")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let pages: u64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
    let page: u64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    counts.file_bytes = pages.saturating_mul(page);
    Ok(counts)
}

/// Reads the small indexes of what has not ended, never the table. What is parked is younger than
/// what it is parked behind.
fn pending(connection: &Connection) -> rusqlite::Result<Vec<DeliveryStates>> {
    let dead = dead(connection)?;
    connection
        .prepare_cached(
            "SELECT name, target,
                (SELECT count(*) FROM deliveries INDEXED BY deliveries_fresh
                    WHERE route = no AND state = 0)
                + (SELECT count(*) FROM deliveries INDEXED BY deliveries_parked
                    WHERE route = no AND state = 1)
                + (SELECT count(*) FROM deliveries INDEXED BY deliveries_busy
                    WHERE route = no AND state IN (2, 3))
                + (SELECT count(*) FROM deliveries INDEXED BY deliveries_returned
                    WHERE route = no AND state = 4),
                (SELECT min(seq) FROM (
                    SELECT min(seq) AS seq FROM deliveries INDEXED BY deliveries_fresh
                        WHERE route = no AND state = 0
                    UNION ALL
                    SELECT min(seq) FROM deliveries INDEXED BY deliveries_busy
                        WHERE route = no AND state IN (2, 3)
                    UNION ALL
                    SELECT min(seq) FROM deliveries INDEXED BY deliveries_returned
                        WHERE route = no AND state = 4)), no
             FROM routes ORDER BY name",
        )?
        .query_map([], |row| {
            let oldest: Option<i64> = row.get(3)?;
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, oldest, row.get(4)?))
        })?
        .map(|row| {
            let (route, target, pending, oldest, no): (_, _, _, _, i64) = row?;
            let oldest = match oldest {
                None => None,
                Some(seq) => connection
                    .prepare_cached(
                        "SELECT coalesce(backfilled_at, min(webhook_stored_at, eventbridge_stored_at),
                            webhook_stored_at, eventbridge_stored_at) FROM events WHERE seq = ?",
                    )?
                    .query_row([seq], |row| row.get(0))
                    .optional()?
                    .flatten(),
            };
            let dead = dead.get(&no).copied().unwrap_or_default();
            Ok(DeliveryStates { route, target, pending, oldest, dead })
        })
        .collect()
}

/// Dead letters by the number of their route; reads their own small index.
fn dead(connection: &Connection) -> rusqlite::Result<BTreeMap<i64, u64>> {
    connection
        .prepare_cached(
            "SELECT route, count(*) FROM deliveries INDEXED BY deliveries_dead
             WHERE state = 6 GROUP BY route",
        )?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// A door that said nothing for this long was not open, whatever it says next. A clock set back by
/// less makes no gap.
pub(super) const SILENCE_MAX: Duration = Duration::from_secs(10);

pub(super) fn door_is_open(
    connection: &Connection,
    path: Path,
    opened: bool,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let stretched = !opened
        && connection
            .prepare_cached(
                "UPDATE coverage SET until = max(until, ?2) WHERE until BETWEEN ?3 AND ?4 AND no =
                    (SELECT no FROM coverage WHERE path = ?1 ORDER BY no DESC LIMIT 1)",
            )?
            .execute(params![
                path_code(path),
                now,
                now.minus(SILENCE_MAX),
                now.plus(SILENCE_MAX)
            ])?
            == 1;
    if !stretched {
        connection
            .prepare_cached("INSERT INTO coverage (path, since, until) VALUES (?1, ?2, ?2)")?
            .execute(params![path_code(path), now])?;
    }
    Ok(())
}
