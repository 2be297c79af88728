//! Events as they are summed: read from their row, with what the row alone does not tell.

use rusqlite::{Connection, Row, params};
use serde_json::Value;

use super::accept::paired_of;
use super::differences::differences;
use super::payload;
use super::sqlite::path_code;
use crate::event::{
    Flag, Flags, HopTimes, Observation, Path, PerPath, Repeats, Sighting, Timestamp,
};
use crate::summary::Entry;

/// What [`Entries::read`] takes, in this order.
pub(super) const COLUMNS: &str = "seq, kind, time_ns, is_test, too_late, paired_by, payload_differs, \
     webhook_at, webhook_stored_at, webhook_flags, webhook_overtaken, webhook_repeats, \
     coalesce(webhook_stream, ''), \
     eventbridge_at, eventbridge_stored_at, eventbridge_flags, eventbridge_overtaken, \
     eventbridge_repeats, coalesce(eventbridge_stream, ''), \
     envelope_time, sent_at, first_received_at, backfilled_at";

/// Times before and after an instant for which it is read at once when the doors were open.
const HALF_DAY_NS: i64 = 12 * 3_600 * 1_000_000_000;

/// Reads events, and remembers when the doors were open.
#[derive(Debug)]
pub(super) struct Entries<'a> {
    connection: &'a Connection,
    /// Differences of payloads at these JSON pointers, or below them, are none.
    ignore: &'a [String],
    known: Option<(Timestamp, Timestamp)>,
    doors: PerPath<Vec<(Timestamp, Timestamp)>>,
}

impl<'a> Entries<'a> {
    pub(super) fn new(connection: &'a Connection, ignore: &'a [String]) -> Self {
        Self { connection, ignore, known: None, doors: PerPath::default() }
    }

    /// The event with this number.
    pub(super) fn one(&mut self, seq: i64) -> rusqlite::Result<Entry> {
        let sql = format!("SELECT {COLUMNS} FROM events WHERE seq = ?");
        let connection = self.connection;
        connection.prepare_cached(&sql)?.query_row([seq], |row| self.read(row))
    }

    /// The event of a row with [`COLUMNS`].
    pub(super) fn read(&mut self, row: &Row<'_>) -> rusqlite::Result<Entry> {
        let (seq, time) = (row.get(0)?, row.get(2)?);
        let mut event = Observation {
            time,
            test: row.get(3)?,
            too_late: row.get(4)?,
            webhook: sighting(row, 7)?,
            eventbridge: sighting(row, 13)?,
            rescued: row.get(22)?,
            paired_by: row.get::<_, Option<i64>>(5)?.map(paired_of).transpose()?,
            repeats: Repeats { webhook_retry: row.get(11)?, ..Repeats::default() },
            payload_differs: row.get(6)?,
        };
        let mut webhook_stream = row.get(12)?;
        if let Some(webhook) = event.webhook.filter(|seen| seen.flags.has(Flag::Rescued)) {
            if webhook.flags.has(Flag::Backfilled) {
                webhook_stream = Box::default();
            }
            event = Observation {
                webhook: None,
                rescued: Some(webhook.at),
                paired_by: None,
                repeats: Repeats::default(),
                payload_differs: false,
                ..event
            };
        }
        if let Some(sighting) = &mut event.eventbridge {
            sighting.hops = HopTimes {
                envelope: row.get(19)?,
                sent: row.get(20)?,
                first_received: row.get(21)?,
            };
        }
        if row.get::<_, i64>(17)? > 0 {
            event.repeats =
                Repeats { webhook_retry: event.repeats.webhook_retry, ..self.messages(seq)? };
        }
        let differs_at =
            if event.payload_differs { self.differences(seq)? } else { Some(Vec::new()) };
        Ok(Entry {
            event,
            kind: row.get(1)?,
            webhook_stream,
            eventbridge_stream: row.get(18)?,
            covered: self.both_doors_open(time)?,
            differs_at,
        })
    }

    fn messages(&self, seq: i64) -> rusqlite::Result<Repeats> {
        self.connection
            .prepare_cached(
                "SELECT count(*) FILTER (WHERE kind = 1), count(*) FILTER (WHERE kind = 2)
                 FROM repeats WHERE seq = ?",
            )?
            .query_row([seq], |row| {
                let (same_message, other_message) = (row.get(0)?, row.get(1)?);
                Ok(Repeats { webhook_retry: 0, same_message, other_message })
            })
    }

    /// Where its payloads differ; `None` when too little of them is kept to tell.
    fn differences(&self, seq: i64) -> rusqlite::Result<Option<Vec<Box<str>>>> {
        let one =
            self.payloads("SELECT encoding, body FROM redacted_payloads WHERE seq = ?", seq)?;
        let one = if one.is_empty() {
            self.payloads("SELECT encoding, body FROM payloads WHERE seq = ?", seq)?
        } else {
            one
        };
        let rivals = self.payloads(
            "SELECT encoding, body FROM rival_payloads WHERE seq = ? ORDER BY path",
            seq,
        )?;
        let Some(one) = one.first().filter(|_| !rivals.is_empty()) else { return Ok(None) };
        let mut found = Vec::new();
        for rival in &rivals {
            differences(one, rival, "", &mut found);
        }
        let counts = |pointer: &String| pointer != "/a0stream" && !self.ignores(pointer);
        found.sort();
        found.dedup();
        Ok(Some(found.into_iter().filter(counts).map(Into::into).collect()))
    }

    fn ignores(&self, pointer: &str) -> bool {
        self.ignore.iter().any(|ignored| {
            pointer
                .strip_prefix(ignored.as_str())
                .is_some_and(|below| below.is_empty() || below.starts_with('/'))
        })
    }

    fn payloads(&self, sql: &str, seq: i64) -> rusqlite::Result<Vec<Value>> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([seq])?;
        let mut payloads = Vec::new();
        while let Some(row) = rows.next()? {
            // What is damaged tells nothing; whoever looks at the event is told of it.
            let bytes = payload::decode(row.get(0)?, row.get(1)?).ok();
            payloads.extend(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()));
        }
        Ok(payloads)
    }

    fn both_doors_open(&mut self, instant: Timestamp) -> rusqlite::Result<bool> {
        if !self.known.is_some_and(|(from, to)| from <= instant && instant <= to) {
            self.learn(instant)?;
        }
        let is_open = |path| {
            self.doors.of(path).iter().any(|(since, until)| *since <= instant && instant < *until)
        };
        Ok(Path::ALL.into_iter().all(is_open))
    }

    fn learn(&mut self, instant: Timestamp) -> rusqlite::Result<()> {
        let nanos = instant.as_nanos();
        let from = Timestamp::from_nanos(nanos.saturating_sub(HALF_DAY_NS));
        let to = Timestamp::from_nanos(nanos.saturating_add(HALF_DAY_NS));
        for path in Path::ALL {
            *self.doors.of_mut(path) = self
                .connection
                .prepare_cached(
                    "SELECT since, until FROM coverage WHERE path = ? AND until >= ? AND since <= ?",
                )?
                .query_map(params![path_code(path), from, to], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<_>>()?;
        }
        self.known = Some((from, to));
        Ok(())
    }
}

/// The first arrival by the path whose columns begin here.
fn sighting(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<Sighting>> {
    let Some(at) = row.get::<_, Option<Timestamp>>(first)? else { return Ok(None) };
    let stored_at: Option<Timestamp> = row.get(first + 1)?;
    Ok(Some(Sighting {
        at,
        stored_at: stored_at.unwrap_or(at),
        flags: Flags::from_bits(row.get(first + 2)?),
        out_of_order: row.get(first + 3)?,
        hops: HopTimes::default(),
    }))
}
