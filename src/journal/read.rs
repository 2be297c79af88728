//! Reading, on connections of its own, beside the writer.

use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};
use serde::Serialize;
use tokio::sync::Semaphore;

use super::accept::{paired_of, repeat_of};
use super::counts::{self, Counts};
use super::differences::differences;
use super::sqlite::path_of;
use super::{OpenError, ReadError, ids, payload, sqlite};
use crate::event::{EventId, Observation, PairedBy, Path, RepeatKind, Sighting, Timestamp};

/// Connections open at once; further readers wait.
const CONNECTIONS_MAX: usize = 4;

/// Reads the journal, of a running server or of none. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Reader {
    path: Arc<PathBuf>,
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

/// Which events to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Only this type.
    pub kind: Option<String>,
    /// Only this subject, in full (`user:auth0|1`) or without its family (`auth0|1`).
    pub subject: Option<String>,
    /// Only events that came before this one: the `next` of the page before.
    pub before: Option<i64>,
    /// This many at most.
    pub limit: usize,
}

/// One event in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventSummary {
    /// The journal's number: events that came later have higher ones.
    pub seq: i64,
    /// Auth0's id.
    pub id: String,
    /// The CloudEvent's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// When it happened, by Auth0's clock.
    pub time: Timestamp,
    /// Sent by the Management API's test call.
    pub test: bool,
    /// The path that brought it first.
    pub first_path: Path,
    /// When it first came by webhook.
    pub webhook_at: Option<Timestamp>,
    /// When it first came by EventBridge.
    pub eventbridge_at: Option<Timestamp>,
    /// Further arrivals.
    pub duplicates: u32,
}

/// One event's whole story.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventStory {
    /// As in a list.
    #[serde(flatten)]
    pub summary: EventSummary,
    /// The tenant, as the event names it.
    pub tenant: String,
    /// How the two paths' arrivals were found to be one event.
    pub paired_by: Option<PairedBy>,
    /// JSON pointers at which the two paths' payloads differ (`a0stream` apart).
    pub payload_differences: Vec<String>,
    /// Every arrival, in order.
    pub arrivals: Vec<ArrivalStory>,
    /// What became of it on each route.
    pub deliveries: Vec<DeliveryStory>,
    /// The CloudEvent.
    pub payload: serde_json::Value,
}

/// One arrival, with the times of its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArrivalStory {
    /// The path.
    pub path: Path,
    /// What kind of duplicate it is; `None` for the first by its path.
    pub duplicate: Option<RepeatKind>,
    /// The id it carried, where that is not the event's.
    pub id: Option<String>,
    /// The stream that carried it.
    pub stream: Option<String>,
    /// The time in EventBridge's envelope: whole seconds, a hint only.
    pub envelope_time: Option<Timestamp>,
    /// When SQS took the message.
    pub sent_at: Option<Timestamp>,
    /// When SQS first handed it out.
    pub first_received_at: Option<Timestamp>,
    /// How often SQS had handed it out.
    pub receive_count: Option<u32>,
    /// SQS's name of the message.
    pub message_id: Option<String>,
    /// When this host had all of it.
    pub at: Timestamp,
    /// When the journal's writer took it up; its commit followed at once.
    pub stored_at: Timestamp,
}

/// What became of an event on one route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeliveryStory {
    /// The route.
    pub route: String,
    /// Where it delivers.
    pub target: String,
    /// `waiting`, `parked` (behind another of its subject), `in_flight`, `retrying`, `delivered` or
    /// `dead`.
    pub state: &'static str,
    /// Why it is dead.
    pub reason: Option<String>,
    /// When it is due, while it waits.
    pub due_at: Option<Timestamp>,
    /// When it ended.
    pub settled_at: Option<Timestamp>,
    /// The tries.
    pub attempts: Vec<AttemptStory>,
}

/// One try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttemptStory {
    /// Which, from 1.
    pub attempt: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, in microseconds.
    pub took_us: i64,
    /// The answer's HTTP status.
    pub status: Option<u16>,
    /// What went wrong.
    pub error: Option<String>,
}

impl Reader {
    /// Opens the journal for reading.
    ///
    /// # Errors
    /// When there is none, or of another version.
    pub fn open(path: &FilePath) -> Result<Self, OpenError> {
        let first = sqlite::open_reader(path)?;
        Ok(Self {
            path: Arc::new(path.to_owned()),
            idle: Arc::new(Mutex::new(vec![first])),
            permits: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
        })
    }

    /// Events, newest arrival first.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn events(&self, filter: EventFilter) -> Result<Vec<EventSummary>, ReadError> {
        self.run(move |connection| list(connection, &filter).map_err(ReadError::Sqlite)).await
    }

    /// One event's story, by any id it came under.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn event(&self, id: EventId) -> Result<Option<EventStory>, ReadError> {
        self.run(move |connection| {
            match ids::find_by_reading(connection, &id).map_err(ReadError::Sqlite)? {
                Some(seq) => story(connection, seq).map(Some),
                None => Ok(None),
            }
        })
        .await
    }

    /// Everything counted.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn counts(&self) -> Result<Counts, ReadError> {
        self.run(|connection| counts::read(connection).map_err(ReadError::Sqlite)).await
    }

    /// Goes through the events whose `time` lies in the window, latest `time` first, and folds them
    /// into `state`. `to` is exclusive.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn fold_observations<S: Send + 'static>(
        &self,
        (from, to): (Timestamp, Timestamp),
        mut state: S,
        mut observe: impl FnMut(&mut S, &Observation) + Send + 'static,
    ) -> Result<S, ReadError> {
        self.run(move |connection| {
            fold(connection, (from, to), &mut |observation| observe(&mut state, observation))
                .map_err(ReadError::Sqlite)?;
            Ok(state)
        })
        .await
    }

    /// The times within the window when the door of each path was open.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn coverage(
        &self,
        (from, to): (Timestamp, Timestamp),
    ) -> Result<Vec<(Path, Timestamp, Timestamp)>, ReadError> {
        self.run(move |connection| {
            let read = || {
                connection
                    .prepare_cached(
                        "SELECT path, since, until FROM coverage WHERE until > ? AND since < ?
                         ORDER BY since",
                    )?
                    .query_map(params![from, to], |row| {
                        Ok((path_of(row.get(0)?)?, row.get(1)?, row.get(2)?))
                    })?
                    .collect::<rusqlite::Result<Vec<_>>>()
            };
            read().map_err(ReadError::Sqlite)
        })
        .await
    }

    /// The `time` of the first and the last event.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn time_range(&self) -> Result<Option<(Timestamp, Timestamp)>, ReadError> {
        self.run(|connection| {
            let read = || {
                let ask = |sql| connection.prepare_cached(sql)?.query_row([], |row| row.get(0));
                let first: Option<Timestamp> = ask("SELECT min(time_ns) FROM events")?;
                let last: Option<Timestamp> = ask("SELECT max(time_ns) FROM events")?;
                Ok(first.zip(last))
            };
            read().map_err(ReadError::Sqlite)
        })
        .await
    }

    /// Does the work on a thread for blocking calls, with a connection from the pool.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let permits = Arc::clone(&self.permits);
        let permit = permits.acquire_owned().await.map_err(|_| ReadError::CutOff)?;
        let reader = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            let connection = match reader.take_idle() {
                Some(connection) => connection,
                None => sqlite::open_reader(&reader.path).map_err(ReadError::Open)?,
            };
            let result = in_one_snapshot(&connection, work);
            reader.put_back(connection);
            drop(permit);
            result
        });
        task.await.map_err(|_| ReadError::CutOff)?
    }

    fn take_idle(&self) -> Option<Connection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn put_back(&self, connection: Connection) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }
}

/// All statements of one read see the journal at one moment: counts add up, and an event does not
/// expire between two of them.
fn in_one_snapshot<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, ReadError>,
) -> Result<T, ReadError> {
    let transaction = connection.unchecked_transaction().map_err(ReadError::Sqlite)?;
    work(&transaction)
}

const SUMMARY: &str = "seq, id, kind, subject, time_ns, is_test, first_path, webhook_at, \
                       eventbridge_at, webhook_repeats + eventbridge_repeats";

fn summary(row: &Row<'_>) -> rusqlite::Result<EventSummary> {
    Ok(EventSummary {
        seq: row.get(0)?,
        id: row.get(1)?,
        kind: row.get(2)?,
        subject: row.get(3)?,
        time: row.get(4)?,
        test: row.get(5)?,
        first_path: path_of(row.get(6)?)?,
        webhook_at: row.get(7)?,
        eventbridge_at: row.get(8)?,
        duplicates: row.get(9)?,
    })
}

fn list(connection: &Connection, filter: &EventFilter) -> rusqlite::Result<Vec<EventSummary>> {
    let mut sql = format!("SELECT {SUMMARY} FROM events WHERE seq < ?");
    let mut values = vec![Value::from(filter.before.unwrap_or(i64::MAX))];
    if let Some(kind) = &filter.kind {
        sql.push_str(" AND kind = ?");
        values.push(kind.clone().into());
    }
    if let Some(subject) = &filter.subject {
        sql.push_str(" AND (subject = ? OR substr(subject, instr(subject, ':') + 1) = ?)");
        values.extend([subject.clone().into(), subject.clone().into()]);
    }
    sql.push_str(" ORDER BY seq DESC LIMIT ?");
    values.push(i64::try_from(filter.limit).unwrap_or(i64::MAX).into());
    connection.prepare_cached(&sql)?.query_map(params_from_iter(values), summary)?.collect()
}

fn story(connection: &Connection, seq: i64) -> Result<EventStory, ReadError> {
    let event = (|| -> rusqlite::Result<_> {
        let summary = connection
            .prepare_cached(&format!("SELECT {SUMMARY} FROM events WHERE seq = ?"))?
            .query_row([seq], summary)?;
        let (tenant, paired_by) = connection
            .prepare_cached("SELECT tenant, paired_by FROM events WHERE seq = ?")?
            .query_row([seq], |row| {
                let paired_by: Option<i64> = row.get(1)?;
                Ok((row.get(0)?, paired_by.map(paired_of).transpose()?))
            })?;
        let arrivals = arrivals(connection, seq)?;
        let deliveries = deliveries(connection, seq)?;
        Ok((summary, tenant, paired_by, arrivals, deliveries))
    })();
    let (summary, tenant, paired_by, arrivals, deliveries) = event.map_err(ReadError::Sqlite)?;
    let payload = stored(connection, "SELECT encoding, body FROM payloads WHERE seq = ?", seq)?;
    let payload = payload.into_iter().next().unwrap_or_default();
    let rivals = "SELECT encoding, body FROM rival_payloads WHERE seq = ? ORDER BY path";
    let mut payload_differences = Vec::new();
    for rival in stored(connection, rivals, seq)? {
        differences(&payload, &rival, "", &mut payload_differences);
    }
    payload_differences.retain(|pointer| pointer != "/a0stream");
    payload_differences.sort();
    payload_differences.dedup();
    Ok(EventStory {
        summary,
        tenant,
        paired_by,
        payload_differences,
        arrivals,
        deliveries,
        payload,
    })
}

fn stored(
    connection: &Connection,
    sql: &str,
    seq: i64,
) -> Result<Vec<serde_json::Value>, ReadError> {
    let read = || -> rusqlite::Result<Vec<(i64, Vec<u8>)>> {
        connection
            .prepare_cached(sql)?
            .query_map([seq], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect()
    };
    read()
        .map_err(ReadError::Sqlite)?
        .into_iter()
        .map(|(encoding, body)| {
            let bytes = payload::decode(encoding, body)?;
            Ok(serde_json::from_slice(&bytes)?)
        })
        .collect::<std::io::Result<_>>()
        .map_err(|source| ReadError::Payload { seq, source })
}

fn arrivals(connection: &Connection, seq: i64) -> rusqlite::Result<Vec<ArrivalStory>> {
    let mut arrivals: Vec<ArrivalStory> = connection
        .prepare_cached(
            "SELECT 0, NULL, webhook_id, webhook_stream, NULL, NULL, NULL, NULL, NULL, webhook_at,
                webhook_stored_at FROM events WHERE seq = ?1 AND webhook_at IS NOT NULL
             UNION ALL
             SELECT 1, NULL, eventbridge_id, eventbridge_stream, envelope_time, sent_at,
                first_received_at, receive_count, message_id, eventbridge_at, eventbridge_stored_at
                FROM events WHERE seq = ?1 AND eventbridge_at IS NOT NULL
             UNION ALL
             SELECT path, kind, id, stream, NULL, NULL, NULL, receive_count, message_id, at,
                stored_at FROM repeats WHERE seq = ?1",
        )?
        .query_map([seq], |row| {
            let kind: Option<i64> = row.get(1)?;
            Ok(ArrivalStory {
                path: path_of(row.get(0)?)?,
                duplicate: kind.map(repeat_of).transpose()?,
                id: row.get(2)?,
                stream: row.get(3)?,
                envelope_time: row.get(4)?,
                sent_at: row.get(5)?,
                first_received_at: row.get(6)?,
                receive_count: row.get(7)?,
                message_id: row.get(8)?,
                at: row.get(9)?,
                stored_at: row.get(10)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    arrivals.sort_by_key(|arrival| arrival.at);
    Ok(arrivals)
}

fn deliveries(connection: &Connection, seq: i64) -> rusqlite::Result<Vec<DeliveryStory>> {
    connection
        .prepare_cached(
            "SELECT name, target, state, reason, due_at, settled_at, route
             FROM deliveries JOIN routes ON no = route WHERE seq = ? ORDER BY name",
        )?
        .query_map([seq], |row| {
            let (state, waits) = match row.get::<_, i64>(2)? {
                0 => ("waiting", true),
                1 => ("parked", false),
                2 => ("in_flight", false),
                3 => ("retrying", true),
                4 => ("delivered", false),
                _ => ("dead", false),
            };
            let due_at: Timestamp = row.get(4)?;
            Ok(DeliveryStory {
                route: row.get(0)?,
                target: row.get(1)?,
                state,
                reason: row.get(3)?,
                due_at: waits.then_some(due_at),
                settled_at: row.get(5)?,
                attempts: attempts(connection, seq, row.get(6)?)?,
            })
        })?
        .collect()
}

fn attempts(connection: &Connection, seq: i64, route: i64) -> rusqlite::Result<Vec<AttemptStory>> {
    connection
        .prepare_cached(
            "SELECT attempt, started_at, took_ns / 1000, status, error FROM attempts
             WHERE seq = ? AND route = ? ORDER BY attempt",
        )?
        .query_map([seq, route], |row| {
            Ok(AttemptStory {
                attempt: row.get(0)?,
                started_at: row.get(1)?,
                took_us: row.get(2)?,
                status: row.get(3)?,
                error: row.get(4)?,
            })
        })?
        .collect()
}

fn fold(
    connection: &Connection,
    (from, to): (Timestamp, Timestamp),
    observe: &mut dyn FnMut(&Observation),
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT time_ns, is_test, webhook_at, eventbridge_at, receive_count, paired_by,
                webhook_repeats, eventbridge_repeats
         FROM events WHERE time_ns >= ? AND time_ns < ? ORDER BY time_ns DESC",
    )?;
    let mut rows = statement.query(params![from, to])?;
    while let Some(row) = rows.next()? {
        let webhook: Option<Timestamp> = row.get(2)?;
        let eventbridge: Option<Timestamp> = row.get(3)?;
        let receive_count: Option<u32> = row.get(4)?;
        let paired_by: Option<i64> = row.get(5)?;
        observe(&Observation {
            time: row.get(0)?,
            test: row.get(1)?,
            webhook: webhook.map(|at| Sighting { at, receive_count: 1 }),
            eventbridge: eventbridge
                .map(|at| Sighting { at, receive_count: receive_count.unwrap_or(1) }),
            paired_by: paired_by.map(paired_of).transpose()?,
            webhook_repeats: row.get(6)?,
            eventbridge_repeats: row.get(7)?,
        });
    }
    Ok(())
}
