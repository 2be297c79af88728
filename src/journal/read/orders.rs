//! What people ordered.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};

use crate::event::Timestamp;
use crate::journal::orders::OrderNo;

/// An order, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderStory {
    /// Its number.
    pub order: OrderNo,
    /// When it was given.
    pub at: Timestamp,
    /// `redrive`, `discard`, `erase`, `pause`, `resume` or `reprocess`.
    pub kind: String,
    /// Who gave it.
    pub who: String,
    /// Why.
    pub why: String,
    /// What exactly: the filter of a redrive as JSON, the target of a pause.
    pub detail: String,
    /// How far it is.
    pub state: OrderState,
    /// How much there was to do when it was given.
    pub total: u64,
    /// How much of it is done.
    pub done: u64,
    /// The last event that it looked at.
    #[serde(skip)]
    pub looked_at: i64,
    /// When it was done, or stopped.
    pub ended_at: Option<Timestamp>,
}

/// How far an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// It goes on, after a restart too.
    UnderWay,
    /// It is done.
    Done,
    /// It was stopped before its end.
    Stopped,
}

/// A target that is paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PausedTarget {
    /// Its name.
    pub target: String,
    /// Since when.
    pub since: Timestamp,
    /// Who paused it.
    pub who: String,
    /// Why.
    pub why: String,
}

pub(super) fn list(
    connection: &Connection,
    before: Option<OrderNo>,
    limit: usize,
) -> rusqlite::Result<Vec<OrderStory>> {
    connection
        .prepare_cached(
            "SELECT no, at, kind, who, why, detail, state, total, done, cursor, ended_at
             FROM orders WHERE no < ? ORDER BY no DESC LIMIT ?",
        )?
        .query_map(params![before.map_or(i64::MAX, |order| order.0), limit], story)?
        .collect()
}

pub(super) fn one(connection: &Connection, no: OrderNo) -> rusqlite::Result<Option<OrderStory>> {
    connection
        .prepare_cached(
            "SELECT no, at, kind, who, why, detail, state, total, done, cursor, ended_at
             FROM orders WHERE no = ?",
        )?
        .query_row([no.0], story)
        .optional()
}

pub(super) fn under_way(connection: &Connection) -> rusqlite::Result<Vec<OrderStory>> {
    connection
        .prepare_cached(
            "SELECT no, at, kind, who, why, detail, state, total, done, cursor, ended_at
             FROM orders INDEXED BY orders_under_way WHERE state = 0 ORDER BY no",
        )?
        .query_map([], story)?
        .collect()
}

fn story(row: &Row<'_>) -> rusqlite::Result<OrderStory> {
    Ok(OrderStory {
        order: OrderNo(row.get(0)?),
        at: row.get(1)?,
        kind: row.get(2)?,
        who: row.get(3)?,
        why: row.get(4)?,
        detail: row.get(5)?,
        state: match row.get::<_, i64>(6)? {
            0 => OrderState::UnderWay,
            1 => OrderState::Done,
            _ => OrderState::Stopped,
        },
        total: row.get(7)?,
        done: row.get(8)?,
        looked_at: row.get(9)?,
        ended_at: row.get(10)?,
    })
}

pub(super) fn paused(connection: &Connection) -> rusqlite::Result<Vec<PausedTarget>> {
    connection
        .prepare_cached("SELECT target, at, who, why FROM paused ORDER BY target")?
        .query_map([], |row| {
            let (target, since) = (row.get(0)?, row.get(1)?);
            Ok(PausedTarget { target, since, who: row.get(2)?, why: row.get(3)? })
        })?
        .collect()
}
