//! Leasing what is due.
//!
//! Deliveries of one route and subject (a lane) go one at a time. On a route with `order = "every"`
//! they go in the order of their arrival: a lane is busy while one of them is under way or waits for
//! a retry. On one with `order = "latest"` what waits for a retry holds up nothing: what is newer
//! goes first, and then the older one is superseded. What is due behind a busy lane is parked: it
//! leaves the list of what is due, so that a claim never wades through a busy subject's backlog, and
//! comes back when the one before it has ended (`settle`).
//!
//! Whether it is an event's turn at all is asked here, in the transaction that leases it: what the
//! target may know from then on is on disk before anything is sent.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};
use tracing::error;

use super::due::{Due, Row, is_damage, read_due, time_of};
use super::end::{self, Ending};
use super::shelf::Shelf;
use super::told::{self, Lane};
use super::{RouteNo, erase};
use crate::event::{Candidacy, DeliveryOutcome, Moment, RouteOrder, Timestamp, Turn};
use crate::telemetry::Chain;

/// What to lease.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Deliveries of these routes.
    pub routes: Vec<RouteNo>,
    /// The target they lead to: nothing is leased while it is paused.
    pub target: Arc<str>,
    /// This many at most; above a thousand or so, fewer.
    pub limit: usize,
    /// So many of these are retries if as many are due; otherwise first attempts come before retries.
    pub retries_min: usize,
    /// What has gathered while the target was down, to be drained slowly.
    pub backlog: Option<Backlog>,
    /// How long they are leased. An attempt must be over by then.
    pub lease: Duration,
}

/// Deliveries that are leased slowly: retries, and those of events up to a number. Newer ones come
/// before them on routes with `order = "latest"`; on others the order of arrival is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// The number of the last event that belongs to it.
    pub up_to: i64,
    /// Of these, so many at most are leased by this claim.
    pub max: usize,
}

/// What was leased.
#[derive(Debug, Default)]
pub struct Claimed {
    /// The deliveries.
    pub due: Vec<Due>,
    /// When the next one of these routes will be due, if one is waiting.
    pub next_due: Option<Timestamp>,
    /// The number of the last event that was accepted.
    pub newest: i64,
    /// The target is paused: nothing was leased.
    pub paused: bool,
    /// Deliveries that ended when it would have been their turn: superseded, filtered, or damaged.
    pub ended: Vec<(RouteNo, DeliveryOutcome)>,
    /// Whether something of the backlog still waits for its first attempt.
    pub backlog_left: bool,
}

/// Deliveries leased by one claim at most, whatever it wants.
const LEASES_MAX: usize = 1_024;

/// New deliveries looked at for each one wanted, before the claim is content with fewer: bounds the
/// work of one transaction when a single subject floods.
const ROWS_FOR_EACH: usize = 8;
/// So many may be looked at in any case: about a millisecond.
const ROWS_MIN: usize = 256;

pub(super) fn claim(
    connection: &Connection,
    shelf: &mut Shelf,
    claim: &Claim,
    now: Timestamp,
) -> rusqlite::Result<Claimed> {
    let newest = shelf.next_seq.get() - 1;
    if is_paused(connection, &claim.target)? {
        return Ok(Claimed { newest, paused: true, ..Claimed::default() });
    }
    let mut left = Left {
        places: claim.limit.min(LEASES_MAX),
        retries: claim.retries_min,
        backlog: claim.backlog.map_or(usize::MAX, |backlog| backlog.max),
    };
    let (mut due, mut ended) = (Vec::new(), Vec::new());
    for (index, route) in claim.routes.iter().enumerate() {
        // A fair share of what is left: a route with a backlog does not starve those behind it.
        let wanted = left.places.div_ceil(claim.routes.len() - index);
        let order = shelf.orders.get(route).copied().unwrap_or_default();
        let mut leasing = Leasing {
            connection,
            shelf,
            route: *route,
            order,
            now,
            lease: claim.lease,
            ended: &mut ended,
        };
        leasing.claim(wanted, claim.backlog, &mut left, &mut due)?;
    }
    let backlog_left = match claim.backlog {
        Some(backlog) => any_fresh(connection, &claim.routes, backlog.up_to)?,
        None => false,
    };
    let next_due = next_due(connection, &claim.routes, now)?;
    Ok(Claimed { due, next_due, newest, paused: false, ended, backlog_left })
}

fn is_paused(connection: &Connection, target: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM paused WHERE target = ?)")?
        .query_row([target], |row| row.get(0))
}

/// What a claim may still take, over all its routes.
struct Left {
    places: usize,
    /// Retries that come before first attempts.
    retries: usize,
    backlog: usize,
}

/// The leasing of one route's deliveries.
struct Leasing<'a> {
    connection: &'a Connection,
    shelf: &'a mut Shelf,
    route: RouteNo,
    order: RouteOrder,
    now: Timestamp,
    lease: Duration,
    ended: &'a mut Vec<(RouteNo, DeliveryOutcome)>,
}

/// Which first attempts.
#[derive(Clone, Copy)]
struct Range {
    after: i64,
    up_to: i64,
}

impl Range {
    const ALL: Self = Self { after: 0, up_to: i64::MAX };
}

impl Leasing<'_> {
    fn claim(
        &mut self,
        wanted: usize,
        backlog: Option<Backlog>,
        left: &mut Left,
        due: &mut Vec<Due>,
    ) -> rusqlite::Result<()> {
        let before = due.len();
        let full = before + wanted;
        let mut retries = self.retries(wanted.min(left.backlog))?.into_iter();
        for row in retries.by_ref().take(wanted.min(left.retries)) {
            let leased = usize::from(self.retry(&row, due)?);
            left.retries -= leased;
            left.backlog = left.backlog.saturating_sub(leased);
        }
        match backlog {
            None => self.fresh(Range::ALL, full - due.len(), due)?,
            Some(backlog) => {
                let old = Range { after: 0, up_to: backlog.up_to };
                let new = Range { after: backlog.up_to, up_to: i64::MAX };
                if self.order == RouteOrder::Latest {
                    self.fresh(new, full - due.len(), due)?;
                }
                let so_far = due.len();
                self.fresh(old, (full - so_far).min(left.backlog), due)?;
                left.backlog -= due.len() - so_far;
                if self.order == RouteOrder::Every && !self.any_fresh(backlog.up_to)? {
                    self.fresh(new, full - due.len(), due)?;
                }
            }
        }
        for row in retries {
            if due.len() >= full || left.backlog == 0 {
                break;
            }
            left.backlog = left.backlog.saturating_sub(usize::from(self.retry(&row, due)?));
        }
        left.places -= due.len() - before;
        Ok(())
    }

    fn retries(&self, wanted: usize) -> rusqlite::Result<Vec<Row>> {
        self.connection
            .prepare_cached(
                "SELECT seq, lane, attempts, uncounted, since, watched
                 FROM deliveries INDEXED BY deliveries_retry
                 WHERE route = ? AND state = 3 AND due_at <= ? ORDER BY due_at LIMIT ?",
            )?
            .query_map(params![self.route.0, self.now, wanted], Row::read)?
            .collect()
    }

    /// Returns whether it was leased.
    fn retry(&mut self, row: &Row, due: &mut Vec<Due>) -> rusqlite::Result<bool> {
        // Another of its lane may be under way, where what waits for a retry holds up nothing.
        if self.is_leased(row.lane)? {
            self.park(row.seq)?;
            return Ok(false);
        }
        let leased = self.lease(row)?;
        let is_leased = leased.is_some();
        due.extend(leased);
        Ok(is_leased)
    }

    /// Leases first attempts of this range, `wanted` at most.
    fn fresh(&mut self, range: Range, wanted: usize, due: &mut Vec<Due>) -> rusqlite::Result<()> {
        let full = due.len() + wanted;
        for _ in 0..wanted.saturating_mul(ROWS_FOR_EACH).max(ROWS_MIN) {
            if due.len() >= full {
                break;
            }
            // Each time the first there is: when one ends here, another of its lane comes free, and goes
            // before what came later.
            let Some(row) = self.first_fresh(range)? else { break };
            if self.is_busy(row.lane)? {
                self.park(row.seq)?;
            } else {
                due.extend(self.lease(&row)?);
            }
        }
        Ok(())
    }

    fn first_fresh(&self, range: Range) -> rusqlite::Result<Option<Row>> {
        self.connection
            .prepare_cached(
                "SELECT seq, lane, attempts, uncounted, since, watched
                 FROM deliveries INDEXED BY deliveries_fresh
                 WHERE route = ? AND state = 0 AND seq > ? AND seq <= ? ORDER BY seq LIMIT 1",
            )?
            .query_row(params![self.route.0, range.after, range.up_to], Row::read)
            .optional()
    }

    fn any_fresh(&self, up_to: i64) -> rusqlite::Result<bool> {
        any_fresh(self.connection, &[self.route], up_to)
    }

    fn is_busy(&self, lane: i64) -> rusqlite::Result<bool> {
        match self.order {
            RouteOrder::Latest => self.is_leased(lane),
            RouteOrder::Every => self.is_held(lane),
        }
    }

    fn is_leased(&self, lane: i64) -> rusqlite::Result<bool> {
        self.connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM deliveries INDEXED BY deliveries_busy
                    WHERE route = ? AND lane = ? AND state IN (2, 3) AND state = 2)",
            )?
            .query_row(params![self.route.0, lane], |row| row.get(0))
    }

    fn is_held(&self, lane: i64) -> rusqlite::Result<bool> {
        self.connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM deliveries INDEXED BY deliveries_busy
                    WHERE route = ? AND lane = ? AND state IN (2, 3))",
            )?
            .query_row(params![self.route.0, lane], |row| row.get(0))
    }

    fn park(&self, seq: i64) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("UPDATE deliveries SET state = 1 WHERE seq = ? AND route = ?")?
            .execute(params![seq, self.route.0])?;
        Ok(())
    }

    /// Leases it if it is its turn; otherwise it has ended. A delivery whose event can't be read any
    /// more is dead: were it an error, this claim, and every request that shares its transaction,
    /// would fail for ever.
    fn lease(&mut self, row: &Row) -> rusqlite::Result<Option<Due>> {
        match self.try_to_lease(row) {
            Err(error) if is_damage(&error) => {
                if erase::is_erased(self.connection, row.seq)? {
                    self.end(row, &Ending::Discarded(erase::ERASED_MEANWHILE))?;
                    erase::forget_lanes(self.connection, row.seq)?;
                } else {
                    error!(event.seq = row.seq, error = %Chain(&error), "a stored event is damaged");
                    self.end(row, &Ending::Dead("the stored event is damaged"))?;
                }
                Ok(None)
            }
            result => result,
        }
    }

    fn try_to_lease(&mut self, row: &Row) -> rusqlite::Result<Option<Due>> {
        let lane = Lane { route: self.route, lane: row.lane };
        let before = told::read(self.connection, lane)?;
        let watched = row.watched.as_deref().map(told::watched).transpose()?;
        let moment = Moment { time: time_of(self.connection, row.seq)?, seq: row.seq };
        let event = Candidacy { moment, watched: watched.as_ref() };
        match (self.shelf.rule.turn.turn)(self.order, before.as_ref(), event) {
            Turn::Superseded => {
                let newer = before.map_or(0, |told| told.moment.seq);
                self.end(row, &Ending::Superseded { newer })?;
                Ok(None)
            }
            Turn::Filtered { told } => {
                if let Some(told) = told.filter(|told| before.as_ref() != Some(told)) {
                    told::write(self.connection, lane, &told, self.now)?;
                }
                self.end(row, &Ending::Filtered)?;
                Ok(None)
            }
            Turn::Send { late, told } => {
                let due = read_due(self.connection, self.route, row, late)?;
                if before.as_ref() != Some(&told) {
                    told::write(self.connection, lane, &told, self.now)?;
                }
                self.mark_leased(row.seq, late)?;
                Ok(Some(due))
            }
        }
    }

    fn mark_leased(&self, seq: i64, late: bool) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached(
                "UPDATE deliveries SET state = 2, attempts = attempts + 1, due_at = ?, late = ?
                 WHERE seq = ? AND route = ?",
            )?
            .execute(params![self.now.plus(self.lease), late, seq, self.route.0])?;
        Ok(())
    }

    fn end(&mut self, row: &Row, ending: &Ending<'_>) -> rusqlite::Result<()> {
        let lane = Lane { route: self.route, lane: row.lane };
        self.ended.push((self.route, ending.outcome()));
        end::end(self.connection, self.shelf, (row.seq, lane), ending, self.now)
    }
}

fn any_fresh(connection: &Connection, routes: &[RouteNo], up_to: i64) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM deliveries INDEXED BY deliveries_fresh
         WHERE route = ? AND state = 0 AND seq <= ? LIMIT 1",
    )?;
    for route in routes {
        if statement.query_row(params![route.0, up_to], |_| Ok(())).optional()?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn next_due(
    connection: &Connection,
    routes: &[RouteNo],
    now: Timestamp,
) -> rusqlite::Result<Option<Timestamp>> {
    let mut retry = connection.prepare_cached(
        "SELECT min(due_at) FROM deliveries INDEXED BY deliveries_retry
         WHERE route = ? AND state = 3",
    )?;
    if any_fresh(connection, routes, i64::MAX)? {
        return Ok(Some(now));
    }
    let mut soonest: Option<Timestamp> = None;
    for route in routes {
        let due = retry.query_row([route.0], |row| row.get(0))?;
        soonest = [soonest, due].into_iter().flatten().min();
    }
    Ok(soonest)
}
