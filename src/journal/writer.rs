//! The thread that writes.

use std::collections::{HashMap, HashSet};
use std::fs::{File, TryLockError};
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{info, warn};

use super::counts::Tally;
use super::end::{self, EventEnd};
use super::ids::IdIndex;
use super::latest::Latest;
use super::orders::{self, Order, Ordered};
use super::shelf::Shelf;
use super::{
    Accepted, Arrived, Claim, Claimed, Committed, JournalError, Judgement, OpenError, Quarantined,
    Retained, RouteNo, RouteSpec, Rules, Settings, Settlement, Summarized, Witnessed, accept,
    claim, counts, quarantine, release, retain, settle, shelf, sqlite, summaries, witness,
};
use crate::clock::Clock;
use crate::event::{Path, Timestamp};
use crate::telemetry::Chain;

pub(super) type Reply<T> = oneshot::Sender<Result<T, JournalError>>;

/// A request, and where its answer goes.
#[derive(Debug)]
pub(super) enum Op {
    Accept(Box<Arrived>, Reply<Accepted>),
    Quarantine(Box<Quarantined>, Reply<Committed>),
    Claim(Claim, Reply<Claimed>),
    /// Answered when no delivery of the event goes on by itself any more.
    AwaitEnd(i64, Reply<EventEnd>),
    Order(Box<Order>, Reply<Ordered>),
    /// Quarantined bytes, by their number, that are understood now; `None` when they are gone.
    Reprocess(i64, Box<Arrived>, Reply<Option<Accepted>>),
    Settle(Box<Settlement>, Reply<Committed>),
    DoorIsOpen(Path, bool, Reply<Committed>),
    Retain(Reply<Retained>),
    Summarize(Reply<Summarized>),
    Rescue(witness::Rescue, Reply<Committed>),
    /// What the Events API told, and up to which offset.
    Witness(Vec<Witnessed>, Option<String>, Reply<Committed>),
    Judge(Vec<(i64, Timestamp, Judgement)>, Reply<Committed>),
    Probe(Reply<Committed>),
}

/// Tells a requester that its request is on disk, or why not.
type Finish = Box<dyn FnOnce(Result<(), &JournalError>)>;

/// Who is woken by what.
#[derive(Debug)]
pub(super) struct Wake {
    /// Deliveries may have become due.
    pub due: watch::Sender<u64>,
    /// An order was given.
    pub orders: watch::Sender<u64>,
}

/// The one that writes. Has the file to itself from [`super::Journal::open`] until it is dropped.
#[derive(Debug)]
pub struct Writer {
    connection: Connection,
    shelf: Shelf,
    ops: mpsc::Receiver<Op>,
    wake: Wake,
    settings: Settings,
    clock: Clock,
    failing: bool,
    /// Who waits for the end of an event's deliveries.
    awaiting: HashMap<i64, Vec<Reply<EventEnd>>>,
    /// Holds the lock on the file beside the journal.
    _lock: File,
}

impl Writer {
    pub(super) fn open(
        settings: &Settings,
        rule: Rules,
        clock: Clock,
        (ops, wake): (mpsc::Receiver<Op>, Wake),
    ) -> Result<Self, OpenError> {
        let path = &settings.path;
        // The folder has to be there before the lock, and the lock before anything is changed.
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)
                .map_err(|source| OpenError::Folder { path: folder.into(), source })?;
        }
        let lock = lock(path)?;
        let connection = sqlite::open_writer(path, settings.busy_timeout, clock.now())?;
        let at = |source| OpenError::Open { path: path.clone(), source };
        let released = release::release_leases(&connection, clock.now()).map_err(at)?;
        if released > 0 {
            info!(
                deliveries = released,
                "took back deliveries that were under way at the last stop"
            );
        }
        if !settings.queue_retries {
            release::take_back_all_returned(&connection, clock.now()).map_err(at)?;
        }
        let shelf = Shelf {
            ids: IdIndex::load(&connection).map_err(at)?,
            rule,
            first_seq: shelf::first_seq(&connection).map_err(at)?,
            next_seq: shelf::next_seq(&connection).map_err(at)?,
            summed: shelf::summed(&connection).map_err(at)?,
            book: crate::summary::Book::default(),
            ignore: settings.summaries.ignore.clone(),
            latest: Latest::load(&connection).map_err(at)?,
            forgotten: shelf::forgotten(&connection).map_err(at)?,
            content: settings.content.clone(),
            orders: HashMap::new(),
            told_swept: None,
            moved_on: Vec::new(),
            in_hand: HashSet::new(),
            ordered: false,
            erasure: shelf::Erasure {
                truncation_due: super::meta(&connection, orders::TRUNCATE_LOG)
                    .map_err(at)?
                    .is_some(),
                ..shelf::Erasure::default()
            },
            tally: Tally::default(),
            has_rescues: witness::any_rescues(&connection).map_err(at)?,
            woke: false,
        };
        Ok(Self {
            connection,
            shelf,
            ops,
            wake,
            settings: settings.clone(),
            clock,
            failing: false,
            awaiting: HashMap::new(),
            _lock: lock,
        })
    }

    /// Numbers for the names of routes, new ones for new names.
    ///
    /// # Errors
    /// When they can't be stored.
    pub fn register_routes(&mut self, routes: &[RouteSpec]) -> Result<Vec<RouteNo>, OpenError> {
        let mut numbers = Vec::with_capacity(routes.len());
        for route in routes {
            let number = register_route(&self.connection, route)
                .map_err(|source| OpenError::Open { path: self.settings.path.clone(), source })?;
            self.shelf.orders.insert(number, route.order);
            numbers.push(number);
        }
        Ok(numbers)
    }

    /// For tests that make the store fail.
    #[cfg(test)]
    pub(super) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Works until every handle is gone, then brings the write-ahead log into the file.
    ///
    /// The process may die anywhere in here: what was answered is on disk, the rest is not there.
    pub fn run(mut self) {
        let mut waiting = Vec::new();
        while let Some(first) = self.ops.blocking_recv() {
            waiting.push(first);
            while waiting.len() < self.settings.batch_max {
                let Ok(next) = self.ops.try_recv() else { break };
                waiting.push(next);
            }
            self.commit(&mut waiting);
        }
        if let Err(error) = self.connection.pragma_update(None, "wal_checkpoint", "TRUNCATE") {
            // The write-ahead log stays beside the file; the next start reads it.
            warn!(error = %Chain(&error), "could not bring the write-ahead log into the journal");
        }
        info!("journal closed");
    }

    /// One transaction for all that waits.
    fn commit(&mut self, waiting: &mut Vec<Op>) {
        let requests = waiting.len();
        let mut finishes: Vec<Finish> = Vec::with_capacity(requests);
        let result = self.transact(waiting, &mut finishes);
        waiting.clear();
        match result {
            Ok(()) => {
                let moved_on = std::mem::take(&mut self.shelf.moved_on);
                let woke = self.shelf.committed();
                if std::mem::take(&mut self.failing) {
                    info!("the journal commits again");
                }
                for finish in finishes {
                    finish(Ok(()));
                }
                self.tell_of_ends(&moved_on);
                self.tidy_up();
                if woke {
                    self.wake.due.send_modify(|count| *count = count.wrapping_add(1));
                }
                if std::mem::take(&mut self.shelf.ordered) {
                    self.wake.orders.send_modify(|count| *count = count.wrapping_add(1));
                }
            }
            Err(source) => self.roll_back(source, finishes, requests),
        }
    }

    fn transact(
        &mut self,
        waiting: &mut Vec<Op>,
        finishes: &mut Vec<Finish>,
    ) -> rusqlite::Result<()> {
        // When it can't even begin, every requester is told why.
        let mut result = self.begin();
        for op in waiting.drain(..) {
            if result.is_ok() {
                result = self.apply(op, finishes);
            } else {
                refuse_later(op, finishes);
            }
        }
        result?;
        self.shelf.ids.move_some(&self.connection)?;
        self.shelf.latest.flush(&self.connection)?;
        summaries::flush(&self.connection, &mut self.shelf.book)?;
        self.shelf.tally.flush(&self.connection)?;
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(())
    }

    /// Tells those who wait for the end of an event's deliveries, where they have ended.
    fn tell_of_ends(&mut self, moved_on: &[i64]) {
        for seq in moved_on {
            if !self.awaiting.contains_key(seq) && !self.shelf.in_hand.contains(seq) {
                continue;
            }
            match end::event_end(&self.connection, &self.shelf.orders, *seq) {
                Ok(None) => {}
                Ok(Some(end)) => {
                    self.shelf.in_hand.remove(seq);
                    for reply in self.awaiting.remove(seq).unwrap_or_default() {
                        drop(reply.send(Ok(end)));
                    }
                }
                // They are told nothing, and ask again when they have waited long enough.
                Err(error) => {
                    warn!(error = %Chain(&error), "reading how an event's deliveries ended");
                }
            }
        }
    }

    /// After an erasure: nothing of what was deleted is left in the write-ahead log either. While
    /// somebody reads it can't be emptied; then it is tried again when it is time to retain.
    fn tidy_up(&mut self) {
        let erasure = &mut self.shelf.erasure;
        if std::mem::take(&mut erasure.deletes_securely)
            && let Err(error) = self.connection.pragma_update(None, "secure_delete", "FAST")
        {
            warn!(error = %Chain(&error), "deleting without overwriting again");
        }
        if std::mem::take(&mut erasure.truncate_log) {
            match truncate_log(&self.connection, self.settings.busy_timeout) {
                Ok(truncated) => erasure.truncation_due = !truncated,
                Err(error) => {
                    erasure.truncation_due = true;
                    warn!(error = %Chain(&error), "emptying the write-ahead log after an erasure");
                }
            }
        }
    }

    fn begin(&self) -> rusqlite::Result<()> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([]).map(drop)
    }

    fn roll_back(&mut self, source: rusqlite::Error, finishes: Vec<Finish>, requests: usize) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            warn!(error = %Chain(&error), "rolling back");
        }
        self.shelf.rolled_back();
        let error = JournalError::Commit { requests, source: Arc::new(source) };
        // Said once for as long as it lasts: a full disk would otherwise be filled with logs.
        if !std::mem::replace(&mut self.failing, true) {
            warn!(error = %Chain(&error), "the journal can't commit; senders are told to come back");
        }
        for finish in finishes {
            finish(Err(&error));
        }
    }

    /// Carries out one request inside the transaction. Its requester hears of it after the commit.
    fn apply(&mut self, op: Op, finishes: &mut Vec<Finish>) -> rusqlite::Result<()> {
        let now = self.clock.now();
        let Self { connection, shelf, awaiting, .. } = self;
        match op {
            // The requester gave up: it told its sender to come back, or nobody would attempt
            // what is leased.
            Op::Accept(_, reply) if reply.is_closed() => Ok(()),
            Op::Quarantine(_, reply) if reply.is_closed() => Ok(()),
            Op::Claim(_, reply) if reply.is_closed() => Ok(()),
            Op::Accept(mut arrived, reply) => {
                let accepted =
                    accept::accept(connection, shelf, &mut arrived, now).and_then(|accepted| {
                        if self.settings.queue_retries {
                            end::take_in_hand(connection, shelf, &arrived, accepted.seq)?;
                        }
                        Ok(accepted)
                    });
                later(reply, accepted, finishes)
            }
            Op::Quarantine(quarantined, reply) => {
                let result = quarantine::quarantine(connection, shelf, &quarantined);
                later(reply, result.map(|()| Committed(())), finishes)
            }
            Op::Claim(claim, reply) => {
                later(reply, claim::claim(connection, shelf, &claim, now), finishes)
            }
            Op::AwaitEnd(seq, reply) => {
                if let Some(end) = end::event_end(connection, &shelf.orders, seq).transpose() {
                    return later(reply, end, finishes);
                }
                awaiting.retain(|_, replies| {
                    replies.retain(|reply| !reply.is_closed());
                    !replies.is_empty()
                });
                awaiting.entry(seq).or_default().push(reply);
                Ok(())
            }
            Op::Order(order, reply) => {
                later(reply, orders::carry_out(connection, shelf, &order, now), finishes)
            }
            Op::Reprocess(number, mut arrived, reply) => {
                let result = quarantine::take_out(connection, shelf, number).and_then(|there| {
                    there.then(|| accept::accept(connection, shelf, &mut arrived, now)).transpose()
                });
                later(reply, result, finishes)
            }
            Op::Settle(settlement, reply) => {
                let result = settle::settle(connection, shelf, &settlement, now);
                later(reply, result.map(|()| Committed(())), finishes)
            }
            Op::DoorIsOpen(path, opened, reply) => {
                let result = counts::door_is_open(connection, path, opened, now);
                later(reply, result.map(|()| Committed(())), finishes)
            }
            Op::Retain(reply) => {
                shelf.erasure.truncate_log |= shelf.erasure.truncation_due;
                let result = retain::step(connection, shelf, &self.settings, now);
                later(reply, result, finishes)
            }
            Op::Summarize(reply) => {
                let settled_until = now.minus(self.settings.summaries.settle_after());
                later(reply, summaries::step(connection, shelf, settled_until, now), finishes)
            }
            Op::Rescue(..) | Op::Witness(..) | Op::Judge(..) => {
                third_observer(connection, shelf, op, now, finishes)
            }
            Op::Probe(reply) => {
                let result = super::set_meta(connection, "probed_at", now.as_nanos());
                later(reply, result.map(|()| Committed(())), finishes)
            }
        }
    }
}

/// Whether nothing is left in the write-ahead log. Waits for nobody: `wal_checkpoint` answers with a row
/// that says so when a reader is in the way.
fn truncate_log(connection: &Connection, busy_timeout: Duration) -> rusqlite::Result<bool> {
    connection.busy_timeout(Duration::ZERO)?;
    let busy: rusqlite::Result<bool> =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
    connection.busy_timeout(busy_timeout)?;
    let truncated = !busy?;
    if truncated {
        connection.execute("DELETE FROM meta WHERE key = ?", [orders::TRUNCATE_LOG])?;
    }
    Ok(truncated)
}

/// A route that leads elsewhere from now on starts anew: its new target was told nothing.
fn register_route(connection: &Connection, route: &RouteSpec) -> rusqlite::Result<RouteNo> {
    let moved: Option<i64> = connection
        .query_row(
            "SELECT no FROM routes WHERE name = ? AND target <> ?",
            [&route.name, &route.target],
            |row| row.get(0),
        )
        .optional()?;
    if let Some(number) = moved {
        // Reads the whole table, which is why it is done for such a route alone.
        connection.execute("DELETE FROM told WHERE route = ?", [number])?;
        info!(route.name = %route.name, target.name = %route.target, "the route has a new target");
    }
    connection.query_row(
        "INSERT INTO routes (name, target) VALUES (?, ?)
         ON CONFLICT (name) DO UPDATE SET target = excluded.target RETURNING no",
        [&route.name, &route.target],
        |row| row.get(0).map(RouteNo),
    )
}

/// Puts an answer aside until the commit. If the request failed, it fails with the transaction.
fn later<T: 'static>(
    reply: Reply<T>,
    result: rusqlite::Result<T>,
    finishes: &mut Vec<Finish>,
) -> rusqlite::Result<()> {
    let (value, result) = match result {
        Ok(value) => (Some(value), Ok(())),
        Err(error) => (None, Err(error)),
    };
    finishes.push(Box::new(move |outcome| {
        let answer = match (outcome, value) {
            (Ok(()), Some(value)) => Ok(value),
            (Ok(()), None) => return,
            (Err(error), _) => Err(error.clone()),
        };
        // Whoever asked may have given up meanwhile.
        drop(reply.send(answer));
    }));
    result
}

/// What is remembered of what Auth0 was asked for, and said itself.
fn third_observer(
    connection: &Connection,
    shelf: &mut Shelf,
    op: Op,
    now: Timestamp,
    finishes: &mut Vec<Finish>,
) -> rusqlite::Result<()> {
    let (reply, result) = match op {
        Op::Rescue(rescue, reply) => {
            shelf.has_rescues = true;
            (reply, witness::rescue(connection, &rescue, now))
        }
        Op::Witness(told, offset, reply) => {
            (reply, witness::witness(connection, &told, offset.as_deref(), now))
        }
        Op::Judge(judged, reply) => (reply, witness::judge(connection, &judged)),
        // No other is handed to it.
        _ => return Ok(()),
    };
    later(reply, result.map(|()| Committed(())), finishes)
}

/// A request of a transaction that failed before its turn.
fn refuse_later(op: Op, finishes: &mut Vec<Finish>) {
    fn refuse<T: 'static>(reply: Reply<T>) -> Finish {
        Box::new(move |outcome| {
            if let Err(error) = outcome {
                drop(reply.send(Err(error.clone())));
            }
        })
    }
    finishes.push(match op {
        Op::Accept(_, reply) => refuse(reply),
        Op::Claim(_, reply) => refuse(reply),
        Op::AwaitEnd(_, reply) => refuse(reply),
        Op::Order(_, reply) => refuse(reply),
        Op::Reprocess(_, _, reply) => refuse(reply),
        Op::Retain(reply) => refuse(reply),
        Op::Summarize(reply) => refuse(reply),
        Op::Quarantine(_, reply)
        | Op::Settle(_, reply)
        | Op::DoorIsOpen(_, _, reply)
        | Op::Rescue(_, reply)
        | Op::Witness(_, _, reply)
        | Op::Judge(_, reply)
        | Op::Probe(reply) => refuse(reply),
    });
}

/// One journal has one server: two writers would each believe that nobody else delivers.
pub(super) fn lock(path: &FilePath) -> Result<File, OpenError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    let beside = PathBuf::from(beside);
    let at = |source| OpenError::Lock { path: beside.clone(), source };
    let file = File::options().create(true).append(true).open(&beside).map_err(at)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: path.into() }),
        Err(TryLockError::Error(source)) => Err(at(source)),
    }
}
