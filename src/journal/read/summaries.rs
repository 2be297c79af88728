//! What the comparison reads: summaries of whole minutes, and the events themselves at the window's
//! ragged edges and where nothing is summed yet.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use crate::event::{Path, Timestamp};
use crate::journal::entries::{COLUMNS, Entries};
use crate::journal::summaries::{SUMMED, next_kind, scale_code};
use crate::journal::{ReadError, meta};
use crate::summary::{Cell, Count, Entry, Run, Scale, Scope, cut};

/// Events stand in the journal nearly in the order of their arrival; more than this, in nanoseconds, they
/// are not out of it.
const DISORDER_NS: i64 = 10_000_000_000;

/// Which events are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The first instant of their `time`.
    pub from: Timestamp,
    /// The first instant after them.
    pub to: Timestamp,
    /// Which of them.
    pub scope: Scope,
    /// What happened, or arrived, after this has not settled.
    pub settled_until: Timestamp,
    /// Payloads that differ at these JSON pointers, or below, do not.
    pub ignore: Vec<String>,
}

/// What is known of the events that were asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// As asked; or the whole minute where the events themselves are gone and only its summary is left.
    pub from: Timestamp,
    /// Likewise.
    pub to: Timestamp,
    /// The settled events, in stretches of time: each with its first instant and the first one after it,
    /// in order of time. Those without an event are left out.
    pub stretches: Vec<(Timestamp, Timestamp, Cell)>,
    /// Events that have not settled.
    pub unsettled: u64,
}

pub(super) fn answer(connection: &Connection, question: Question) -> Result<Answer, ReadError> {
    let summed = meta(connection, SUMMED).map_err(ReadError::Sqlite)?.unwrap_or(0);
    let length = question.to.nanos_since(question.from);
    let ignore = question.ignore.clone();
    let mut reading = Reading {
        connection,
        entries: Entries::new(connection, &ignore),
        summed,
        from: question.from,
        to: question.to,
        question,
        stretches: Stretches { scale: Scale::for_window(length), cells: BTreeMap::new() },
        unsettled: 0,
    };
    reading.edges().map_err(ReadError::Sqlite)?;
    reading.whole_minutes()?;
    reading.set_aside().map_err(ReadError::Sqlite)?;
    reading.tail().map_err(ReadError::Sqlite)?;
    Ok(reading.answer())
}

struct Reading<'a> {
    connection: &'a Connection,
    entries: Entries<'a>,
    question: Question,
    /// The last event that is in the summaries.
    summed: i64,
    from: Timestamp,
    to: Timestamp,
    stretches: Stretches,
    unsettled: u64,
}

/// What is known of the stretches of the window, in the scale in which it is cut.
#[derive(Debug)]
struct Stretches {
    scale: Scale,
    cells: BTreeMap<Timestamp, Cell>,
}

/// A cell as it is stored.
struct Row<'a> {
    start: Timestamp,
    webhook_stream: &'a str,
    eventbridge_stream: &'a str,
    cell: &'a [u8],
}

impl Reading<'_> {
    fn answer(self) -> Answer {
        let Self { from, to, unsettled, stretches: Stretches { scale, cells }, .. } = self;
        let stretches = cells.into_iter().map(|(start, cell)| {
            let end = Timestamp::from_nanos(start.as_nanos().saturating_add(scale.nanos()));
            (start.max(from), end.min(to), cell)
        });
        Answer { from, to, stretches: stretches.collect(), unsettled }
    }

    /// The minutes that are not wholly within the window: event by event; or whole, when some of their
    /// events are gone.
    fn edges(&mut self) -> rusqlite::Result<()> {
        let (from, to) = (self.question.from, self.question.to);
        let mut ragged = vec![from, to];
        ragged.retain(|edge| Scale::Minute.floor(*edge) != *edge);
        ragged.dedup_by_key(|edge| Scale::Minute.floor(*edge));
        for edge in ragged {
            let (start, end) = (Scale::Minute.floor(edge), Scale::Minute.ceil(edge));
            let there = self.events_of(start, end)?;
            if there.len() == self.summed_of(start)? {
                let inside = |entry: &&Entry| (from..to).contains(&entry.event.time);
                there.iter().filter(inside).for_each(|entry| self.add_entry(entry));
            } else {
                (self.from, self.to) = (self.from.min(start), self.to.max(end));
            }
        }
        Ok(())
    }

    /// The summed events of a stretch that are still there.
    fn events_of(&mut self, from: Timestamp, to: Timestamp) -> rusqlite::Result<Vec<Entry>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM events WHERE time_ns >= ? AND time_ns < ? AND seq <= ?
                AND seq NOT IN (SELECT seq FROM set_aside)"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params![from, to, self.summed])?;
        let mut there = Vec::new();
        while let Some(row) = rows.next()? {
            there.push(self.entries.read(row)?);
        }
        Ok(there)
    }

    /// How many events of this minute were summed.
    fn summed_of(&self, minute: Timestamp) -> rusqlite::Result<usize> {
        let end = Timestamp::from_nanos(minute.as_nanos().saturating_add(Scale::Minute.nanos()));
        let run = Run { scale: Scale::Minute, from: minute, to: end };
        let all =
            [Count::Both, Count::WebhookOnly, Count::EventbridgeOnly, Count::Test, Count::TooLate];
        let mut events = 0;
        cells(self.connection, run, "", &mut |row| {
            events += Cell::decode(row.cell).map_or(0, |cell| cell.counts().sum(&all));
        })?;
        Ok(usize::try_from(events).unwrap_or(usize::MAX))
    }

    fn whole_minutes(&mut self) -> Result<(), ReadError> {
        let Self { connection, question: Question { scope, .. }, stretches, .. } = self;
        let (from, to) = (Scale::Minute.ceil(self.from), Scale::Minute.floor(self.to));
        for run in cut(from, to, stretches.scale) {
            let kinds = if scope.is_all() {
                vec![String::new()]
            } else {
                kinds(connection, run.scale, scope).map_err(ReadError::Sqlite)?
            };
            for kind in kinds {
                let mut damaged = None;
                let mut add = |row: &Row<'_>| match Cell::decode(row.cell) {
                    Ok(cell) => {
                        let streams = (row.webhook_stream, row.eventbridge_stream);
                        stretches.add(row.start, cell, scope, streams);
                    }
                    Err(_) => damaged = Some(row.start),
                };
                cells(connection, run, &kind, &mut add).map_err(ReadError::Sqlite)?;
                if let Some(start) = damaged {
                    return Err(ReadError::Summary { start });
                }
            }
        }
        Ok(())
    }

    fn add_entry(&mut self, entry: &Entry) {
        let scope = &self.question.scope;
        if !scope.has_type(&entry.kind) {
            return;
        }
        let mut cell = Cell::default();
        entry.add_to(&mut cell);
        let streams = (&*entry.webhook_stream, &*entry.eventbridge_stream);
        self.stretches.add(entry.event.time, cell, scope, streams);
    }

    /// An event that is not summed yet.
    fn take(&mut self, entry: &Entry) {
        let scope = &self.question.scope;
        let streams = [&entry.webhook_stream, &entry.eventbridge_stream];
        let meant = scope.has_type(&entry.kind)
            && streams.iter().any(|stream| scope.has_stream(Some(stream)))
            && (self.from..self.to).contains(&entry.event.time);
        if !meant {
            return;
        }
        if entry.event.test || entry.event.has_settled_by(self.question.settled_until) {
            self.add_entry(entry);
        } else {
            self.unsettled += 1;
        }
    }

    fn set_aside(&mut self) -> rusqlite::Result<()> {
        let sql = format!("SELECT {COLUMNS} FROM events WHERE seq IN (SELECT seq FROM set_aside)");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let entry = self.entries.read(row)?;
            self.take(&entry);
        }
        Ok(())
    }

    /// What has not been summed yet: a few seconds' worth that has settled, then what has not.
    fn tail(&mut self) -> rusqlite::Result<()> {
        let sql = format!("SELECT {COLUMNS} FROM events WHERE seq > ? ORDER BY seq");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query([self.summed])?;
        let young = self.question.settled_until.as_nanos().saturating_add(DISORDER_NS);
        while let Some(row) = rows.next()? {
            let entry = self.entries.read(row)?;
            if entry.event.first_arrival().is_some_and(|first| first.as_nanos() > young) {
                return self.count_young(row.get(0)?);
            }
            self.take(&entry);
        }
        Ok(())
    }

    /// What came lately, from this event on, has not settled: it is counted without a closer look.
    fn count_young(&mut self, first: i64) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare_cached(
            "SELECT is_test, kind, iif(webhook_flags & 64, '', coalesce(webhook_stream, '')), coalesce(eventbridge_stream, ''),
                count(*), min(time_ns)
             FROM events NOT INDEXED WHERE seq >= ? AND time_ns >= ? AND time_ns < ?
             GROUP BY 1, 2, 3, 4",
        )?;
        let mut rows = statement.query(params![first, self.from, self.to])?;
        while let Some(row) = rows.next()? {
            let (test, kind): (bool, Box<str>) = (row.get(0)?, row.get(1)?);
            let (webhook, eventbridge): (Box<str>, Box<str>) = (row.get(2)?, row.get(3)?);
            let scope = &self.question.scope;
            let streams = [&webhook, &eventbridge];
            if !scope.has_type(&kind)
                || !streams.iter().any(|stream| scope.has_stream(Some(stream)))
            {
                continue;
            }
            let events: u64 = row.get(4)?;
            if test {
                let mut cell = Cell::default();
                cell.tests(events);
                self.stretches.add(row.get(5)?, cell, scope, (&webhook, &eventbridge));
            } else {
                self.unsettled += events;
            }
        }
        Ok(())
    }
}

impl Stretches {
    /// Adds a cell to the stretch that it lies in, without what came by streams that nobody asked for.
    fn add(
        &mut self,
        start: Timestamp,
        mut cell: Cell,
        scope: &Scope,
        (webhook, eventbridge): (&str, &str),
    ) {
        if !scope.streams.is_empty() {
            match (scope.has_stream(Some(webhook)), scope.has_stream(Some(eventbridge))) {
                (false, false) => return,
                (true, false) => cell.without(Path::Eventbridge),
                (false, true) => cell.without(Path::Webhook),
                (true, true) => {}
            }
        }
        self.cells.entry(self.scale.floor(start)).or_default().merge(&cell);
    }
}

fn kinds(connection: &Connection, scale: Scale, scope: &Scope) -> rusqlite::Result<Vec<String>> {
    if !scope.types.is_empty() {
        return Ok(scope.types.iter().cloned().collect());
    }
    let mut kinds = Vec::new();
    let mut last = String::new();
    while let Some(kind) = next_kind(connection, scale, &last)? {
        kinds.push(kind.clone());
        last = kind;
    }
    Ok(kinds)
}

/// The cells of a run.
fn cells(
    connection: &Connection,
    run: Run,
    kind: &str,
    each: &mut dyn FnMut(&Row<'_>),
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT start, webhook_stream, eventbridge_stream, cell FROM summaries
         WHERE scale = ? AND kind = ? AND start >= ? AND start < ?",
    )?;
    let mut rows = statement.query(params![scale_code(run.scale), kind, run.from, run.to])?;
    while let Some(row) = rows.next()? {
        each(&Row {
            start: row.get(0)?,
            webhook_stream: row.get_ref(1)?.as_str()?,
            eventbridge_stream: row.get_ref(2)?.as_str()?,
            cell: row.get_ref(3)?.as_blob()?,
        });
    }
    Ok(())
}
