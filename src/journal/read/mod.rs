//! Reading, on connections of its own, beside the writer.

mod events;
mod lately;
mod letters;
pub(super) mod naming;
mod order_words;
mod orders;
mod pairs;
mod quarantine;
mod rescues;
mod story;
mod summaries;
mod witness;

use std::collections::BTreeMap;
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, params};
use tokio::sync::Semaphore;

use super::counts::{self, Counts};
use super::sqlite::path_of;
use super::{OpenError, OrderNo, ReadError, ids, sqlite};
use crate::event::{EventId, Path, Timestamp};
use crate::summary::Scope;

pub use events::{EventFilter, EventSummary};
pub use lately::Lately;
pub use letters::{Cause, Letter, LetterFilter, LetterSource, Letters, Page};
pub use naming::{Naming, NamingPage};
pub use order_words::about;
pub use orders::{OrderState, OrderStory, PausedTarget};
pub use pairs::{ObservedAfter, ObservedEvent, ObservedPage};
pub use quarantine::{QuarantineFilter, QuarantinedBytes, QuarantinedSummary};
pub use rescues::AskedFor;
pub use story::{ArrivalStory, AttemptStory, ContentLeft, DeliveryStory, EventStory};
pub use summaries::{Answer, Question};

/// Connections open at once; further readers wait.
const CONNECTIONS_MAX: usize = 4;

/// Reads the journal, of a running server or of none. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Reader {
    path: Arc<PathBuf>,
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
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
        self.run(move |connection| events::list(connection, &filter).map_err(ReadError::Sqlite))
            .await
    }

    /// The numbers of the first and the last event that the journal has.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn event_numbers(&self) -> Result<Option<(i64, i64)>, ReadError> {
        self.run(|connection| events::ends(connection).map_err(ReadError::Sqlite)).await
    }

    /// The states of these events' deliveries, by the journal's number of the event; names as in
    /// [`DeliveryStory::state`].
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn delivery_states(
        &self,
        seqs: Vec<i64>,
    ) -> Result<BTreeMap<i64, Vec<&'static str>>, ReadError> {
        self.run(move |connection| story::states(connection, &seqs).map_err(ReadError::Sqlite))
            .await
    }

    /// The events that came first since this time, or, when they are more than `most`, one in so many of
    /// them.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn lately(&self, since: Timestamp, most: u64) -> Result<Lately, ReadError> {
        self.run(move |connection| {
            lately::lately(connection, since, most).map_err(ReadError::Sqlite)
        })
        .await
    }

    /// One event's story, by any id it came under.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn event(&self, id: EventId) -> Result<Option<EventStory>, ReadError> {
        self.run(move |connection| {
            match ids::find_by_reading(connection, &id).map_err(ReadError::Sqlite)? {
                Some(seq) => story::story(connection, seq).map(Some),
                None => Ok(None),
            }
        })
        .await
    }

    /// Dead letters of the journal, a page of them. `matches` is asked of each one's CloudEvent.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn letters(
        &self,
        filter: LetterFilter,
        page: Page,
        matches: impl Fn(&serde_json::Value) -> bool + Send + 'static,
    ) -> Result<Letters, ReadError> {
        self.run(move |connection| letters::list(connection, &filter, page, &matches)).await
    }

    /// The causes of the last `letters` dead letters of the journal, the most frequent first, `limit` at
    /// most.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn causes(&self, letters: usize, limit: usize) -> Result<Vec<Cause>, ReadError> {
        self.run(move |connection| {
            letters::causes(connection, (letters, limit)).map_err(ReadError::Sqlite)
        })
        .await
    }

    /// The events that name this user, or whatever has this id, anywhere; looks at some thousand events
    /// from after this number.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn naming(&self, id: String, after: i64) -> Result<NamingPage, ReadError> {
        self.run(move |connection| naming::find(connection, &id, after)).await
    }

    /// The numbers of quarantined bytes in which this id stands.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn quarantined_naming(&self, id: String) -> Result<Vec<i64>, ReadError> {
        self.run(move |connection| naming::in_quarantine(connection, &id)).await
    }

    /// One order.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn order(&self, no: OrderNo) -> Result<Option<OrderStory>, ReadError> {
        self.run(move |connection| orders::one(connection, no).map_err(ReadError::Sqlite)).await
    }

    /// What people ordered, the last first, this many at most.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn orders(&self, limit: usize) -> Result<Vec<OrderStory>, ReadError> {
        self.orders_before(None, limit).await
    }

    /// The same, only those given before this one.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn orders_before(
        &self,
        before: Option<OrderNo>,
        limit: usize,
    ) -> Result<Vec<OrderStory>, ReadError> {
        self.run(move |connection| {
            orders::list(connection, before, limit).map_err(ReadError::Sqlite)
        })
        .await
    }

    /// The orders that are under way, the first first.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn orders_under_way(&self) -> Result<Vec<OrderStory>, ReadError> {
        self.run(|connection| orders::under_way(connection).map_err(ReadError::Sqlite)).await
    }

    /// The targets that are paused.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn paused(&self) -> Result<Vec<PausedTarget>, ReadError> {
        self.run(|connection| orders::paused(connection).map_err(ReadError::Sqlite)).await
    }

    /// Bytes that could not be understood, the last first.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn quarantined(
        &self,
        filter: QuarantineFilter,
    ) -> Result<Vec<QuarantinedSummary>, ReadError> {
        self.run(move |connection| quarantine::list(connection, &filter).map_err(ReadError::Sqlite))
            .await
    }

    /// Those of these numbers under which bytes are quarantined.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn quarantined_among(
        &self,
        numbers: Vec<i64>,
    ) -> Result<Vec<QuarantinedSummary>, ReadError> {
        self.run(move |connection| {
            quarantine::among(connection, &numbers).map_err(ReadError::Sqlite)
        })
        .await
    }

    /// The bytes quarantined under this number.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn quarantined_bytes(
        &self,
        number: i64,
    ) -> Result<Option<QuarantinedBytes>, ReadError> {
        self.run(move |connection| quarantine::bytes(connection, number)).await
    }

    /// Everything counted.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn counts(&self) -> Result<Counts, ReadError> {
        self.run(|connection| counts::read(connection).map_err(ReadError::Sqlite)).await
    }

    /// What is known of the events that are asked for.
    ///
    /// # Errors
    /// When the journal can't be read, or a summary is damaged.
    pub async fn summaries(&self, question: Question) -> Result<Answer, ReadError> {
        self.run(move |connection| summaries::answer(connection, question)).await
    }

    /// The events of a window that are still there, a page of them in the order of their `time`.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn observed(
        &self,
        window: (Timestamp, Timestamp),
        scope: Scope,
        after: Option<ObservedAfter>,
    ) -> Result<ObservedPage, ReadError> {
        self.run(move |connection| {
            pairs::page(connection, window, &scope, after).map_err(ReadError::Sqlite)
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

    /// The `time` of the first and the last event that is still there or summed up, the latter to the minute.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn time_range(&self) -> Result<Option<(Timestamp, Timestamp)>, ReadError> {
        self.run(|connection| {
            let read = || {
                let ask =
                    |sql: &str| connection.prepare_cached(sql)?.query_row([], |row| row.get(0));
                let first: Option<Timestamp> = ask("SELECT min(time_ns) FROM events")?;
                let last: Option<Timestamp> = ask("SELECT max(time_ns) FROM events")?;
                let summed = |end| {
                    ask(&format!(
                        "SELECT {end}(start) FROM summaries WHERE scale = 0 AND kind = ''"
                    ))
                };
                let (summed_first, summed_last) = (summed("min")?, summed("max")?);
                let first = [first, summed_first].into_iter().flatten().min();
                Ok(first.zip(last.max(summed_last)))
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
