//! What people order: each order is kept with who gave it, and why.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

use super::RouteNo;
use super::end::{self, Ending};
use super::read::LetterFilter;
use super::read::{Naming, naming};
use super::shelf::Shelf;
use super::told::Lane;
use crate::event::{DeliveryOutcome, Digest, EventId, Timestamp};

/// Who ordered something, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub who: Box<str>,
    /// Why.
    pub why: Box<str>,
}

/// Names an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrderNo(pub i64);

/// Names a dead letter of the journal: one event on one route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LetterNo {
    /// The journal's number of the event.
    pub seq: i64,
    /// The route.
    pub route: RouteNo,
}

/// What kind of order it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OrderKind {
    /// Dead letters are delivered again.
    Redrive,
    /// Dead letters, or quarantined bytes, are given up.
    Discard,
    /// The content of one user's events is erased.
    Erase,
    /// A target is sent nothing for now.
    Pause,
    /// It is again.
    Resume,
    /// Quarantined bytes are read once more.
    Reprocess,
}

impl OrderKind {
    /// The name used in columns and documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Redrive => "redrive",
            Self::Discard => "discard",
            Self::Erase => "erase",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Reprocess => "reprocess",
        }
    }
}

/// What a redrive or a discard is to do: the detail of its order, as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LetterPlan {
    /// Which dead letters.
    #[serde(default)]
    pub filter: LetterFilter,
    /// How many a second at most.
    #[serde(default = "LetterPlan::rate_default")]
    pub rate: f64,
}

impl LetterPlan {
    /// What is put back a second unless another rate is asked for.
    pub const fn rate_default() -> f64 {
        50.0
    }
}

/// An order that is carried out in the transaction that takes it, or begins there.
#[derive(Debug)]
pub(super) enum Order {
    /// Sends a target nothing, or again.
    SetPaused { target: Arc<str>, paused: bool, by: Person },
    /// Writes down an order that is carried out step by step; `total` is how much there is to do.
    Begin { kind: OrderKind, by: Person, detail: Box<str>, total: u64 },
    /// A step of an order: `looked_at` is how far it has looked, `done` what it did elsewhere.
    Step { order: OrderNo, looked_at: i64, done: u64 },
    /// Makes these dead letters due, as a step of an order.
    Redrive { order: OrderNo, letters: Vec<LetterNo>, looked_at: i64 },
    /// Gives these dead letters up, as a step of an order.
    Discard { order: OrderNo, letters: Vec<LetterNo>, by: Person, looked_at: i64 },
    /// Gives up the deliveries of this event that wait for its SQS message.
    DiscardReturned { id: EventId, by: Person },
    /// Gives up quarantined bytes, at once.
    DiscardQuarantined { by: Person, detail: Box<str>, numbers: Vec<i64> },
    /// Gives up quarantined bytes, as a step of an order.
    DropQuarantined { order: OrderNo, numbers: Vec<i64>, looked_at: i64 },
    /// Erases the content of these events, as a step of an order.
    Erase { order: OrderNo, found: Vec<Naming>, reason: Box<str>, looked_at: i64 },
    /// The order is done, or stopped.
    End { order: OrderNo, stopped: bool },
}

impl Order {
    /// The order that this is a step of.
    const fn step_of(&self) -> Option<OrderNo> {
        match self {
            Self::Step { order, .. }
            | Self::Redrive { order, .. }
            | Self::Discard { order, .. }
            | Self::DropQuarantined { order, .. }
            | Self::Erase { order, .. } => Some(*order),
            Self::SetPaused { .. }
            | Self::Begin { .. }
            | Self::DiscardReturned { .. }
            | Self::DiscardQuarantined { .. }
            | Self::End { .. } => None,
        }
    }
}

/// What an order did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ordered {
    /// The order's number.
    pub order: OrderNo,
    /// What it changed: letters, events, rows.
    pub changed: u64,
    /// It was a step of an order that had ended, and changed nothing.
    pub too_late: bool,
}

impl Ordered {
    const fn changed(order: OrderNo, changed: u64) -> Self {
        Self { order, changed, too_late: false }
    }
}

/// A step of an order that was stopped changes nothing: whoever stopped it can count on that.
/// The name in `meta` of the wish to empty the write-ahead log: there while it has not been done.
pub(super) const TRUNCATE_LOG: &str = "truncate_log";

pub(super) fn carry_out(
    connection: &Connection,
    shelf: &mut Shelf,
    order: &Order,
    now: Timestamp,
) -> rusqlite::Result<Ordered> {
    if let Some(order) = order.step_of()
        && !is_under_way(connection, order)?
    {
        return Ok(Ordered { order, changed: 0, too_late: true });
    }
    match order {
        Order::SetPaused { target, paused, by } => {
            set_paused(connection, shelf, (target, *paused), by, now)
        }
        Order::Begin { kind, by, detail, total } => {
            let order = begin(connection, (*kind, detail), by, *total, now)?;
            shelf.ordered = true;
            Ok(Ordered::changed(order, 0))
        }
        Order::Step { order, looked_at, done } => {
            step(connection, *order, *looked_at, *done)?;
            Ok(Ordered::changed(*order, *done))
        }
        Order::Redrive { order, letters, looked_at } => {
            let changed = redrive(connection, shelf, letters, now)?;
            step(connection, *order, *looked_at, changed)?;
            Ok(Ordered::changed(*order, changed))
        }
        Order::Discard { order, letters, by, looked_at } => {
            let changed = discard(connection, shelf, letters, by, now)?;
            step(connection, *order, *looked_at, changed)?;
            Ok(Ordered::changed(*order, changed))
        }
        Order::DiscardReturned { id, by } => {
            let changed = discard_returned(connection, shelf, id, by, now)?;
            // A part of the order by which the message was discarded, which has its own row.
            Ok(Ordered::changed(OrderNo(0), changed))
        }
        Order::DiscardQuarantined { by, detail, numbers } => {
            let total = u64::try_from(numbers.len()).unwrap_or(u64::MAX);
            let kind = (OrderKind::Discard, &**detail);
            let order = begin(connection, kind, by, total, now)?;
            shelf.secure_delete(connection)?;
            let changed = super::quarantine::drop_these(connection, numbers)?;
            step(connection, order, 0, changed)?;
            end_order(connection, shelf, order, false, now)?;
            Ok(Ordered::changed(order, changed))
        }
        Order::DropQuarantined { order, numbers, looked_at } => {
            shelf.secure_delete(connection)?;
            let changed = super::quarantine::drop_these(connection, numbers)?;
            step(connection, *order, *looked_at, changed)?;
            Ok(Ordered::changed(*order, changed))
        }
        Order::Erase { order, found, reason, looked_at } => {
            let mut changed = 0;
            for event in found {
                let erased = super::erase::erase(connection, shelf, *event, reason, now)?;
                changed += u64::from(erased);
            }
            step(connection, *order, *looked_at, changed)?;
            Ok(Ordered::changed(*order, changed))
        }
        Order::End { order, stopped } => end_order(connection, shelf, *order, *stopped, now),
    }
}

fn set_paused(
    connection: &Connection,
    shelf: &mut Shelf,
    (target, paused): (&str, bool),
    by: &Person,
    now: Timestamp,
) -> rusqlite::Result<Ordered> {
    let changed = if paused {
        connection
            .prepare_cached(
                "INSERT OR IGNORE INTO paused (target, at, who, why) VALUES (?, ?, ?, ?)",
            )?
            .execute(params![target, now, by.who, by.why])?
    } else {
        connection.prepare_cached("DELETE FROM paused WHERE target = ?")?.execute([target])?
    };
    let kind = if paused { OrderKind::Pause } else { OrderKind::Resume };
    let changed = u64::try_from(changed).unwrap_or_default();
    let order = begin(connection, (kind, target), by, changed, now)?;
    step(connection, order, 0, changed)?;
    end_order(connection, shelf, order, false, now)?;
    shelf.woke = true;
    Ok(Ordered::changed(order, changed))
}

fn begin(
    connection: &Connection,
    (kind, detail): (OrderKind, &str),
    by: &Person,
    total: u64,
    now: Timestamp,
) -> rusqlite::Result<OrderNo> {
    connection
        .prepare_cached(
            "INSERT INTO orders (at, kind, who, why, detail, state, total, done)
             VALUES (?, ?, ?, ?, ?, 0, ?, 0)",
        )?
        .execute(params![now, kind.as_str(), by.who, by.why, detail, total])?;
    Ok(OrderNo(connection.last_insert_rowid()))
}

fn is_under_way(connection: &Connection, order: OrderNo) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM orders WHERE no = ? AND state = 0)")?
        .query_row([order.0], |row| row.get(0))
}

fn step(
    connection: &Connection,
    order: OrderNo,
    looked_at: i64,
    done: u64,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE orders SET cursor = ?, done = done + ? WHERE no = ?")?
        .execute(params![looked_at, done, order.0])?;
    Ok(())
}

fn end_order(
    connection: &Connection,
    shelf: &mut Shelf,
    order: OrderNo,
    stopped: bool,
    now: Timestamp,
) -> rusqlite::Result<Ordered> {
    let ended: Option<String> = connection
        .prepare_cached(
            "UPDATE orders SET state = ?, ended_at = ? WHERE no = ? AND state = 0 RETURNING kind",
        )?
        .query_row(params![if stopped { 2 } else { 1 }, now, order.0], |row| row.get(0))
        .optional()?;
    if ended.as_deref() == Some(OrderKind::Erase.as_str()) {
        // Neither orders nor the write-ahead log are to remember whom it was about.
        shelf.secure_delete(connection)?;
        forget(connection, order)?;
        super::set_meta(connection, TRUNCATE_LOG, 1)?;
        shelf.erasure.truncate_log = true;
    }
    Ok(Ordered::changed(order, u64::from(ended.is_some())))
}

/// Takes the user's name out of the erasure, and out of orders that were about the same user's letters.
fn forget(connection: &Connection, erasure: OrderNo) -> rusqlite::Result<()> {
    let id: String = connection
        .prepare_cached("SELECT detail FROM orders WHERE no = ?")?
        .query_row([erasure.0], |row| row.get(0))?;
    let about_letters: Vec<(i64, String)> = connection
        .prepare_cached(
            "SELECT no, detail FROM orders
             WHERE kind IN ('redrive', 'discard') AND state <> 0 AND instr(detail, ?) > 0",
        )?
        .query_map([&id], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let naming = about_letters.iter().filter(|(_, detail)| naming::stands_in(detail, &id));
    for no in naming.map(|(no, _)| *no).chain([erasure.0]) {
        connection.prepare_cached("UPDATE orders SET detail = '' WHERE no = ?")?.execute([no])?;
    }
    Ok(())
}

/// What is not dead any more is left as it is. They come before all that is younger, and their age
/// and their attempts count from here.
fn redrive(
    connection: &Connection,
    shelf: &mut Shelf,
    letters: &[LetterNo],
    now: Timestamp,
) -> rusqlite::Result<u64> {
    let mut changed = 0;
    for letter in letters {
        let redriven = connection
            .prepare_cached(
                "UPDATE deliveries SET state = 0, since = ?1, due_at = ?1, settled_at = NULL,
                    reason = NULL, uncounted = attempts, redrives = redrives + 1
                 WHERE seq = ?2 AND route = ?3 AND state = 6",
            )?
            .execute(params![now, letter.seq, letter.route.0])?;
        if redriven > 0 {
            shelf.tally.take_back_delivery(letter.route, DeliveryOutcome::Dead);
            shelf.woke = true;
            changed += 1;
        }
    }
    Ok(changed)
}

fn discard_returned(
    connection: &Connection,
    shelf: &mut Shelf,
    id: &EventId,
    by: &Person,
    now: Timestamp,
) -> rusqlite::Result<u64> {
    let digest = Digest::of(id.as_str().as_bytes());
    let Some(seq) = shelf.ids.find(connection, digest, shelf.first_seq.get())? else {
        return Ok(0);
    };
    let lanes: Vec<Lane> = connection
        .prepare_cached("SELECT route, lane FROM deliveries WHERE seq = ? AND state = 4")?
        .query_map([seq], |row| end::lane_of(row, 0, 1))?
        .collect::<rusqlite::Result<_>>()?;
    let reason = discarded_by(by);
    for lane in &lanes {
        end::end(connection, shelf, (seq, *lane), &Ending::Discarded(&reason), now)?;
    }
    Ok(u64::try_from(lanes.len()).unwrap_or(u64::MAX))
}

fn discarded_by(by: &Person) -> String {
    format!("discarded by {}: {}", by.who, by.why)
}

fn discard(
    connection: &Connection,
    shelf: &mut Shelf,
    letters: &[LetterNo],
    by: &Person,
    now: Timestamp,
) -> rusqlite::Result<u64> {
    let reason = discarded_by(by);
    let mut changed = 0;
    for letter in letters {
        let lane = connection
            .prepare_cached(
                "SELECT route, lane FROM deliveries WHERE seq = ? AND route = ? AND state = 6",
            )?
            .query_row(params![letter.seq, letter.route.0], |row| end::lane_of(row, 0, 1))
            .optional()?;
        if let Some(lane) = lane {
            shelf.tally.take_back_delivery(letter.route, DeliveryOutcome::Dead);
            let ending = Ending::Discarded(&reason);
            end::end(connection, shelf, (letter.seq, lane), &ending, now)?;
            changed += 1;
        }
    }
    Ok(changed)
}
