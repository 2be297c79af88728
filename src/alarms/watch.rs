//! Looking every now and then, and handing on what is to be told.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::facts::{Counted, Facts, Tape};
use super::hysteresis::{Change, Hysteresis, Patience};
use super::message::News;
use super::post::{Poster, WAITING_MAX};
use super::{Alarm, PostError, Settings, rules};
use crate::clock::Clock;
use crate::compare::{self, Document, Expect, Scope, Window};
use crate::dead_letters::DeadLetters;
use crate::event::{ArrivalOutcome, DeliveryOutcome, Path, PathSet, PerPath, Timestamp};
use crate::journal::{Counts, Journal, ReadError, Reader};
use crate::telemetry::{Chain, Health, Measured, Metrics};

/// What criteria are measured over.
const OVER: Duration = Duration::from_hours(24);
/// How often the paths are compared, and the queues asked.
const COMPARE_EVERY: Duration = Duration::from_mins(5);
/// Queues are asked so often: each time is a call or two that is paid for.
const QUEUES_EVERY: Duration = Duration::from_mins(1);
/// A commit that takes longer counts as none.
const COMMIT_WITHIN: Duration = Duration::from_secs(5);
/// Asking the queues may take so long.
const QUEUES_WITHIN: Duration = Duration::from_secs(20);

/// What is looked at.
#[derive(Debug, Clone)]
pub struct Sources {
    /// Which doors the configuration opens.
    pub mode: PathSet,
    /// Whether it commits.
    pub journal: Journal,
    /// What it has counted.
    pub reader: Reader,
    /// The most that its file may have, in bytes.
    pub journal_bytes_max: u64,
    /// How the paths are compared.
    pub compare: compare::Settings,
    /// The queues.
    pub letters: DeadLetters,
    /// Doors and targets.
    pub health: Health,
    /// What is counted since the start; what is found is told there too.
    pub metrics: Metrics,
    /// The time.
    pub clock: Clock,
}

/// Watches over a gateway.
#[derive(Debug)]
pub struct Watch {
    settings: Settings,
    sources: Sources,
    posters: Vec<Poster>,
}

/// What goes from one look to the next.
#[derive(Debug, Default)]
struct Memory {
    tape: Tape,
    queues: BTreeMap<&'static str, u64>,
    queues_asked: Option<Timestamp>,
    document: Option<Document>,
    compared: Option<Timestamp>,
}

impl Watch {
    /// # Errors
    /// When a destination can't be used.
    pub fn new(settings: Settings, sources: Sources) -> Result<Self, PostError> {
        let posters = settings.destinations.iter().map(Poster::new).collect::<Result<_, _>>()?;
        Ok(Self { settings, sources, posters })
    }

    /// Works until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let Self { settings, sources, posters } = self;
        let (mut telling, mut posting) = (Vec::new(), Vec::new());
        for poster in posters {
            let (tell, messages) = mpsc::channel(WAITING_MAX);
            telling.push((poster.name().to_owned(), tell));
            posting.push(poster.run(messages, sources.metrics.clone(), stop.clone()));
        }
        let looking = look_on(&settings, &sources, &telling);
        let looking = async {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = looking => {}
            }
        };
        tokio::join!(looking, futures_util::future::join_all(posting));
    }
}

type Telling = [(String, mpsc::Sender<Value>)];

async fn look_on(settings: &Settings, sources: &Sources, telling: &Telling) {
    let patience = Patience {
        raise: settings.raise_after,
        resolve: settings.resolve_after,
        repeat: settings.repeat_after,
    };
    let (mut memory, mut hysteresis) = (Memory::default(), Hysteresis::default());
    loop {
        let now = sources.clock.now();
        match facts(settings, sources, &mut memory, now).await {
            Ok(facts) => {
                sources.metrics.set_queues(&facts.queues);
                let found = rules::findings(&facts, &settings.limits);
                for change in hysteresis.look(found, now, patience) {
                    tell(&change, settings, &sources.metrics, telling);
                }
                for alarm in Alarm::ALL {
                    sources.metrics.set_alarm(alarm.as_str(), hysteresis.firing(alarm));
                }
            }
            Err(error) => warn!(error = %Chain(&error), "alarms can't look at the journal"),
        }
        tokio::time::sleep(settings.every).await;
    }
}

/// Into the log, and to everybody.
fn tell(change: &Change, settings: &Settings, metrics: &Metrics, telling: &Telling) {
    match change {
        Change::Raised { finding, since } => {
            warn!(alarm = finding.alarm.as_str(), about = finding.about, %since, "alarm: {}", finding.what);
        }
        Change::Lasts { .. } => {}
        Change::Resolved { finding, since } => {
            info!(alarm = finding.alarm.as_str(), about = finding.about, %since, "an alarm is over");
        }
    }
    let message = News::of(change).slack(settings.link.as_ref());
    for (destination, tell) in telling {
        if tell.try_send(message.clone()).is_err() {
            metrics.alarm_told(false);
            warn!(destination, "too many alarms wait; this one is not told");
        }
    }
}

async fn facts(
    settings: &Settings,
    sources: &Sources,
    memory: &mut Memory,
    now: Timestamp,
) -> Result<Facts, ReadError> {
    let limits = &settings.limits;
    let counts = sources.reader.counts().await?;
    let counted = counted(&counts, sources.metrics.webhooks_refused("credentials"));
    memory.tape.push(now, counted, limits.within.max(limits.silent_for));
    let due = |last: Option<Timestamp>, every| last.is_none_or(|last| last.plus(every) <= now);
    if due(memory.compared, COMPARE_EVERY) {
        memory.compared = Some(now);
        let window = Window { from: now.minus(OVER), to: now };
        let asked = compare::Settings { expect: Expect::Both, ..sources.compare.clone() };
        let all = Scope::default();
        let document = compare::run(&sources.reader, &asked, &all, window, now).await?;
        sources.metrics.set_compared(&PerPath::from_fn(|path| {
            let report = document.paths.of(path);
            let loss = report.covered.loss.map(|loss| (loss.low, loss.estimate, loss.high));
            Measured { loss, latency_p99: report.latency_ms.p99.map(|ms| ms / 1e3) }
        }));
        memory.document = Some(document);
    }
    if sources.mode.contains(Path::Eventbridge) && due(memory.queues_asked, QUEUES_EVERY) {
        memory.queues_asked = Some(now);
        if let Ok(depths) = timeout(QUEUES_WITHIN, sources.letters.depths()).await {
            memory.queues = depths;
        }
    }
    let growth = |within, of: fn(&Counted) -> u64| memory.tape.growth(within, of);
    let document = memory.document.as_ref();
    let negative = |document: &Document| {
        Path::ALL.into_iter().map(|path| document.paths.of(path).latency_ms.negative).sum()
    };
    Ok(Facts {
        mode: Some(sources.mode),
        doors: sources.health.doors(),
        targets: sources.health.targets(),
        streams: sources.health.streams(),
        unheard: sources.health.following().map(|is| (is.unheard_for(now), is.error)),
        came_lately: PerPath {
            webhook: growth(limits.silent_for, |counted| counted.came.webhook),
            eventbridge: growth(limits.silent_for, |counted| counted.came.eventbridge),
        },
        watched_for: memory.tape.length(),
        refused: growth(limits.within, |counted| counted.refused),
        quarantined: growth(limits.within, |counted| counted.quarantined),
        died: growth(limits.within, |counted| counted.died),
        oldest_pending: oldest_pending(&counts, now),
        queues: memory.queues.clone(),
        queue_age: sources.metrics.queue_age(),
        no_commit: no_commit(&sources.journal).await,
        journal_bytes: (counts.file_bytes, sources.journal_bytes_max),
        criteria: document.map(|all| all.expectation.criteria.clone()).unwrap_or_default(),
        negative_latencies: document.map_or(0, negative),
    })
}

async fn no_commit(journal: &Journal) -> Option<String> {
    match timeout(COMMIT_WITHIN, journal.probe()).await {
        Ok(Ok(_committed)) => None,
        Ok(Err(error)) => Some(Chain(&error).to_string()),
        Err(_) => Some("no commit within 5 s".to_owned()),
    }
}

fn counted(counts: &Counts, refused: u64) -> Counted {
    let arrivals = |is_meant: &dyn Fn(Path, &str) -> bool| {
        let meant = counts.arrivals.iter().filter(|(path, outcome, _)| is_meant(*path, outcome));
        meant.map(|(_, _, count)| count).sum::<u64>()
    };
    let dead = DeliveryOutcome::Dead.as_str();
    let dead = counts.deliveries.iter().filter(|(_, outcome, _)| outcome == dead);
    Counted {
        came: PerPath::from_fn(|path| arrivals(&|by, _| by == path)),
        refused,
        quarantined: arrivals(&|_, outcome| outcome == ArrivalOutcome::Quarantined.as_str()),
        died: dead.map(|(_, _, count)| count).sum(),
    }
}

fn oldest_pending(counts: &Counts, now: Timestamp) -> BTreeMap<String, Duration> {
    let mut ages = BTreeMap::<String, Duration>::new();
    for route in &counts.pending {
        let Some(oldest) = route.oldest else { continue };
        let nanos = u64::try_from(now.nanos_since(oldest)).unwrap_or(0);
        let age = ages.entry(route.target.clone()).or_default();
        *age = (*age).max(Duration::from_nanos(nanos));
    }
    ages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_of_several_routes_of_a_target_counts() {
        let route = |route: &str, oldest| crate::journal::DeliveryStates {
            route: route.to_owned(),
            target: "app".to_owned(),
            pending: 1,
            oldest: Some(Timestamp::from_millis(oldest)),
            dead: 0,
        };
        let pending = vec![route("a", 5_000), route("b", 2_000)];
        let counts = Counts { pending, ..Counts::default() };
        let ages = oldest_pending(&counts, Timestamp::from_millis(10_000));
        assert_eq!(ages, [("app".to_owned(), Duration::from_secs(8))].into());
    }
}
