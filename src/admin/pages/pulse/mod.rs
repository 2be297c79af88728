//! What the overview shows, read once for all who look at it.

#[cfg(test)]
pub(super) mod fixture;
mod tape;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::admin::Sources;
use crate::compare::{self, Coverage, Document, Window};
use crate::event::{ArrivalOutcome, DeliveryOutcome, Path, PerPath, Timestamp};
use crate::journal::{Counts, EventFilter, EventSummary, Lately, PausedTarget, ReadError};
use crate::telemetry::{Chain, DoorState, SecretUse, TargetState};

pub(super) use self::tape::{KEPT_FOR, Sample, Tape};

/// While somebody looks.
const EVERY: Duration = Duration::from_secs(1);
/// While nobody does: enough for the tape to be there when somebody comes.
const EVERY_UNWATCHED: Duration = Duration::from_secs(10);
/// Reading pauses for so many times what it took: it takes 5 % of the time at most.
const PAUSE_TO_READ: u32 = 20;
/// A page that says it is live is not older than this, whatever a read takes.
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// The same for what it says of the comparison.
const COMPARE_PAUSE_MAX: Duration = Duration::from_mins(2);
/// Likewise for the comparison, which goes through an hour of events.
const COMPARE_EVERY: Duration = Duration::from_secs(10);
const COMPARE_EVERY_UNWATCHED: Duration = Duration::from_mins(1);
/// How often the journal is asked whether it commits, and how long that may take.
const PROBE_EVERY: Duration = Duration::from_secs(10);
const PROBE_WITHIN: Duration = Duration::from_secs(1);
/// A page waits so long for what is newer than [`EVERY`].
const FRESH_WITHIN: Duration = Duration::from_secs(3);

/// Events are shown that came first in this time; longer than a lane, for those whose other arrival
/// is late.
pub(super) const LATELY: Duration = Duration::from_secs(75);
/// So many of them at most.
const LATELY_MAX: u64 = 600;
/// The list of the last events.
const NEWEST: usize = 8;
/// Longer than any journal keeps.
const LONG_AGO: Duration = Duration::from_hours(24 * 3_650);
/// The comparison and the coverage are of this time.
pub(super) const HOUR: Duration = Duration::from_hours(1);

/// How things are at one moment.
#[derive(Debug, Clone)]
pub(super) struct Pulse {
    pub(super) at: Timestamp,
    /// The journal could not be read since: all below is as of `at`, and the process goes on.
    pub(super) unreadable: bool,
    pub(super) counts: Counts,
    pub(super) lately: Lately,
    /// The last events, the last first.
    pub(super) newest: Vec<EventSummary>,
    /// When each path brought something last, as far as known.
    pub(super) last_arrival: PerPath<Option<Timestamp>>,
    pub(super) tape: Tape,
    /// When each door was open in the last hour.
    pub(super) coverage: Coverage,
    /// When a door was open for the first time ever, if that is in the last hour.
    pub(super) began: Option<Timestamp>,
    pub(super) doors: BTreeMap<Path, DoorState>,
    pub(super) targets: BTreeMap<Arc<str>, TargetState>,
    pub(super) paused: Vec<PausedTarget>,
    pub(super) secrets: Vec<SecretUse>,
    /// Requests that wait for the journal's writer, and the most that may.
    pub(super) queue_depth: (usize, usize),
    pub(super) probe: Option<Probe>,
    /// The last hour's comparison; made less often than all else.
    pub(super) document: Option<Arc<Document>>,
}

/// Whether the journal commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Probe {
    Committed { took: Duration },
    Failed { why: String },
}

/// Hands out the last pulse. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub(super) struct Pulses {
    pulse: Arc<watch::Sender<Option<Arc<Pulse>>>>,
    /// Goes up when somebody comes to look.
    wanted: Arc<watch::Sender<u64>>,
}

impl Pulses {
    pub(super) fn new() -> Self {
        Self { pulse: Arc::new(watch::Sender::new(None)), wanted: Arc::new(watch::Sender::new(0)) }
    }

    /// The pulse as of now, or the last one if none can be had; `None` when there never was one.
    pub(super) async fn fresh(&self, now: Timestamp) -> Option<Arc<Pulse>> {
        let mut pulses = self.pulse.subscribe();
        let last = pulses.borrow_and_update().clone();
        let is_fresh = |pulse: &Arc<Pulse>| pulse.at.plus(EVERY) >= now && !pulse.unreadable;
        if last.as_ref().is_some_and(is_fresh) {
            return last;
        }
        self.want();
        match timeout(FRESH_WITHIN, pulses.changed()).await {
            Ok(Ok(())) => pulses.borrow_and_update().clone(),
            Ok(Err(_)) | Err(_) => last,
        }
    }

    /// Every pulse from here on. As long as somebody holds this, there is one each second.
    pub(super) fn watch(&self) -> watch::Receiver<Option<Arc<Pulse>>> {
        self.want();
        self.pulse.subscribe()
    }

    fn want(&self) {
        self.wanted.send_modify(|wanted| *wanted = wanted.wrapping_add(1));
    }

    fn is_watched(&self) -> bool {
        self.pulse.receiver_count() > 0
    }
}

/// Reads the journal for [`Pulses`].
#[derive(Debug)]
pub(super) struct Sampler {
    sources: Sources,
    pulses: Pulses,
    probe: watch::Sender<Option<Probe>>,
    document: watch::Sender<Option<Arc<Document>>>,
}

impl Sampler {
    pub(super) fn new(sources: Sources, pulses: Pulses) -> Self {
        Self {
            sources,
            pulses,
            probe: watch::Sender::new(None),
            document: watch::Sender::new(None),
        }
    }

    /// Reads until `stop`. It only reads: dropping it at any point harms nothing.
    pub(super) async fn run(self, stop: CancellationToken) {
        let all = async { tokio::join!(self.sample_all(), self.compare_all(), self.probe_all()) };
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            _ = all => {}
        }
    }

    async fn sample_all(&self) {
        let mut wanted = self.pulses.wanted.subscribe();
        let mut memory = Memory::default();
        let mut is_readable = true;
        loop {
            wanted.mark_unchanged();
            let began = Instant::now();
            match self.read(&mut memory).await {
                Ok(pulse) => {
                    is_readable = true;
                    self.pulses.pulse.send_replace(Some(Arc::new(pulse)));
                }
                Err(error) => {
                    if std::mem::replace(&mut is_readable, false) {
                        error!(error = %Chain(&error), "the journal can't be read");
                    }
                    self.say_unreadable();
                }
            }
            let owed = EVERY.max(began.elapsed() * PAUSE_TO_READ).min(PAUSE_MAX);
            tokio::time::sleep_until(began + owed).await;
            if !self.pulses.is_watched() {
                drop(timeout(EVERY_UNWATCHED.saturating_sub(owed), wanted.changed()).await);
            }
        }
    }

    fn say_unreadable(&self) {
        self.pulses.pulse.send_if_modified(|last| {
            let Some(pulse) = last else { return false };
            *last = Some(Arc::new(Pulse { unreadable: true, ..Pulse::clone(pulse) }));
            true
        });
    }

    async fn compare_all(&self) {
        let mut wanted = self.pulses.wanted.subscribe();
        loop {
            wanted.mark_unchanged();
            let began = Instant::now();
            let now = self.sources.clock.now();
            let window = Window { from: now.minus(HOUR), to: now };
            let settings = &self.sources.compare;
            // That the journal can't be read, `sample_all` says.
            if let Ok(document) = compare::run(
                &self.sources.reader,
                settings,
                &compare::Scope::default(),
                window,
                now,
            )
            .await
            {
                self.document.send_replace(Some(Arc::new(document)));
            }
            sleep(COMPARE_EVERY.max(began.elapsed() * PAUSE_TO_READ).min(COMPARE_PAUSE_MAX)).await;
            if !self.pulses.is_watched() {
                drop(timeout(COMPARE_EVERY_UNWATCHED, wanted.changed()).await);
            }
        }
    }

    async fn probe_all(&self) {
        loop {
            let began = Instant::now();
            let probe = match timeout(PROBE_WITHIN, self.sources.journal.probe()).await {
                Ok(Ok(_committed)) => Probe::Committed { took: began.elapsed() },
                Ok(Err(error)) => Probe::Failed { why: Chain(&error).to_string() },
                Err(_) => Probe::Failed { why: "no commit within 1 s".to_owned() },
            };
            self.probe.send_replace(Some(probe));
            sleep(PROBE_EVERY).await;
        }
    }

    async fn began(&self, first: Option<Timestamp>) -> Result<Began, ReadError> {
        let Some(first) = first else { return Ok(Began::Unknown) };
        let before = (first.minus(LONG_AGO), first.minus(Duration::from_nanos(1)));
        let before = self.sources.reader.coverage(before).await?;
        Ok(if before.is_empty() { Began::Lately(first) } else { Began::LongAgo })
    }

    async fn read(&self, memory: &mut Memory) -> Result<Pulse, ReadError> {
        let Sources { reader, clock, health, metrics, journal, .. } = &self.sources;
        let now = clock.now();
        let counts = reader.counts().await?;
        let lately = reader.lately(now.minus(LATELY), LATELY_MAX).await?;
        let newest = EventFilter { limit: NEWEST, ..EventFilter::default() };
        let newest = reader.events(newest).await?;
        let open = reader.coverage((now.minus(HOUR), now)).await?;
        if memory.began == Began::Unknown {
            memory.began = self.began(open.iter().map(|(_, from, _)| *from).min()).await?;
        }
        memory.tape.push(sample(now, &counts, metrics.webhooks_refused("credentials")));
        memory.last_arrival =
            PerPath::from_fn(|path| lately.last_arrival(path).max(*memory.last_arrival.of(path)));
        Ok(Pulse {
            at: now,
            unreadable: false,
            counts,
            lately,
            newest,
            last_arrival: memory.last_arrival,
            tape: memory.tape.clone(),
            coverage: coverage(&open, &health.doors(), now),
            began: memory.began.lately(),
            doors: health.doors(),
            targets: health.targets(),
            paused: reader.paused().await?,
            secrets: health.secrets(),
            queue_depth: journal.queue_depth(),
            probe: self.probe.borrow().clone(),
            document: self.document.borrow().clone(),
        })
    }
}

/// What goes from one pulse to the next.
#[derive(Debug, Default)]
struct Memory {
    tape: Tape,
    last_arrival: PerPath<Option<Timestamp>>,
    began: Began,
}

/// When a door was open for the first time ever; looked up once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Began {
    /// None was open yet, as far as the journal knows.
    #[default]
    Unknown,
    /// While this process runs, or within the hour before.
    Lately(Timestamp),
    LongAgo,
}

impl Began {
    const fn lately(self) -> Option<Timestamp> {
        match self {
            Self::Lately(at) => Some(at),
            Self::Unknown | Self::LongAgo => None,
        }
    }
}

fn sample(at: Timestamp, counts: &Counts, refused: u64) -> Sample {
    let arrivals = |is_meant: &dyn Fn(Path, &str) -> bool| {
        let meant = counts.arrivals.iter().filter(|(path, outcome, _)| is_meant(*path, outcome));
        meant.map(|(_, _, count)| count).sum::<u64>()
    };
    let dead = counts
        .deliveries
        .iter()
        .filter(|(_, outcome, _)| outcome == DeliveryOutcome::Dead.as_str());
    Sample {
        at,
        came: PerPath::from_fn(|path| arrivals(&|by, _| by == path)),
        quarantined: arrivals(&|_, outcome| outcome == ArrivalOutcome::Quarantined.as_str()),
        refused,
        died: dead.map(|(_, _, count)| count).sum(),
    }
}

/// A door that is open says so every few seconds: what lies between is no gap.
const SAID_WITHIN: Duration = Duration::from_secs(10);

fn coverage(
    open: &[(Path, Timestamp, Timestamp)],
    doors: &BTreeMap<Path, DoorState>,
    now: Timestamp,
) -> Coverage {
    let of = |path| {
        let is_open = doors.get(&path).is_some_and(DoorState::is_open);
        let until = |to: Timestamp| if is_open && to.plus(SAID_WITHIN) >= now { now } else { to };
        let open = open.iter().filter(|(by, _, _)| *by == path);
        open.map(|(_, from, to)| Window { from: *from, to: until(*to) }).collect()
    };
    Coverage { webhook: of(Path::Webhook), eventbridge: of(Path::Eventbridge) }
}
