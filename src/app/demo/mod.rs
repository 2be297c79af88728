//! Everything at once on loopback: a simulated tenant, the stand-in for AWS, the gateway with both
//! doors open, and an application that takes the deliveries.

mod script;
mod stage;

use std::num::NonZeroUsize;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

pub use script::Level;
pub use stage::Places;

use self::stage::{GRACE, Stage};
use crate::clock::Clock;
use crate::compare::{self, Document, Window};
use crate::event::{ArrivalOutcome, Path, PerPath};
use crate::journal::ReadError;
use crate::sim::auth0::faults::Skew;
use crate::sim::auth0::truth::Totals;
use crate::sim::auth0::{self, Arrivals, Play, Player, Rules, Schedule, Stream, Tenant, Truth};

/// What happens in the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How much goes wrong.
    pub faults: Level,
    /// Events a second.
    pub rate: u32,
    /// Ends after so many events.
    pub events: Option<u64>,
    /// Ends after this time.
    pub within: Option<Duration>,
    /// Whether both streams carry one id for one event.
    pub ids: Ids,
    /// Makes the same events and losses again.
    pub seed: u64,
}

/// Whether the two streams carry the same id for one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Ids {
    /// They do.
    Same,
    /// They don't: events are paired by tenant, type, subject and time.
    Different,
}

/// What the demo has to tell while it runs.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// All of it runs; this is where to look.
    Up(Places),
    /// Something goes wrong.
    Scene(String),
    /// How far it is.
    Progress(Progress),
    /// Nothing more happens; what is under way arrives.
    Settling,
}

/// How far the demo is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Since it began.
    pub elapsed: Duration,
    /// Events that have happened.
    pub happened: u64,
    /// Events that each path has brought.
    pub accepted: PerPath<u64>,
    /// Deliveries that the application has acknowledged.
    pub delivered: u64,
    /// Deliveries that wait.
    pub waiting: u64,
    /// Open dead letters.
    pub dead: u64,
}

/// What came of it.
#[derive(Debug)]
pub struct Told {
    /// The two paths against each other.
    pub comparison: Document,
    /// What the comparison should have found.
    pub truth: Totals,
    /// How it stood at the end.
    pub progress: Progress,
    /// Different events that the application took.
    pub events_taken: usize,
    /// Times that something was delivered to it.
    pub attempts: u32,
}

/// After the last event, everything must be there within this.
const SETTLE_WITHIN: Duration = Duration::from_secs(20);
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// Plays until its end or until `stop`, then lets everything arrive and compares. `tell` hears what
/// happens.
///
/// # Errors
/// When a listener or a temporary folder can't be had.
pub async fn run(
    settings: &Settings,
    stop: CancellationToken,
    tell: impl Fn(News),
) -> anyhow::Result<Told> {
    let (stage, mut gateway) = Stage::set(settings.seed).await?;
    tell(News::Up(stage.places.clone()));
    let from = Clock::System.now().floor_to_millis();
    let (player, controls) = Player::new(play(settings, &stage)?);
    let began = Instant::now();
    let watching = async {
        let mut ticks = interval(PROGRESS_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            // What can't be read now is told a second later.
            if let Ok(progress) = progress(&stage, began.elapsed(), controls.now().happened).await {
                tell(News::Progress(progress));
            }
        }
    };
    let scenes = script::play(settings.faults, &stage.conduct, |scene| {
        tell(News::Scene(scene.to_owned()));
    });
    let ended = tokio::select! {
        ended = player.run(stop) => ended?,
        () = watching => ended_early()?,
        () = scenes => ended_early()?,
        // Its own error says more than what would be missed without it.
        early = gateway.wait() => early.and_then(|()| ended_early())?,
    };
    // Whatever the application was up to is over.
    stage.conduct.down_for(Duration::ZERO);
    tell(News::Settling);
    settle(&stage, &ended.totals).await?;
    sleep(GRACE).await;
    let now = Clock::System.now().floor_to_millis();
    let window = Window { from, to: now };
    let comparison =
        compare::run(&stage.reader, &stage.compare, &compare::Scope::default(), window, now)
            .await?;
    let progress = progress(&stage, began.elapsed(), ended.happened).await?;
    let (events_taken, attempts) = (stage.deliveries.events(), stage.deliveries.attempts());
    stage.strike(gateway).await?;
    Ok(Told { comparison, truth: ended.totals, progress, events_taken, attempts })
}

/// What goes on until the play ends can't end before it.
fn ended_early<T>() -> anyhow::Result<T> {
    Err(anyhow::anyhow!("a part of the demo ended by itself"))
}

fn play(settings: &Settings, stage: &Stage) -> anyhow::Result<Play> {
    let faults = settings.faults.faults()?;
    let stream = |path: Path| Stream {
        carrier: stage.carriers.of(path).clone(),
        faults: faults.of(path).clone(),
        at_once: NonZeroUsize::MIN,
    };
    let ids = match settings.ids {
        Ids::Same => auth0::Ids::Same,
        Ids::Different => auth0::Ids::Different,
    };
    Ok(Play {
        tenant: Tenant::new(settings.seed, ids),
        schedule: Schedule {
            rate: settings.rate.into(),
            arrivals: Arrivals::Poisson,
            burst: None,
            within: settings.within,
            events: settings.events,
        },
        streams: PerPath::from_fn(|path| Some(stream(path))),
        rules: Rules::default(),
        seed: settings.seed,
        clock: Clock::System,
        clock_skew: Skew::None,
        // An administrator who sees it switches it on again.
        switch_on_after: Some(Duration::from_secs(10)),
        truth: Truth::totals_only(),
    })
}

async fn progress(stage: &Stage, elapsed: Duration, happened: u64) -> Result<Progress, ReadError> {
    let counts = stage.reader.counts().await?;
    let accepted = |path: Path| {
        let of_path = counts.arrivals.iter().filter(|(by, _, _)| *by == path);
        let accepted =
            of_path.filter(|(_, outcome, _)| outcome == ArrivalOutcome::Accepted.as_str());
        accepted.map(|(_, _, count)| count).sum()
    };
    let delivered = counts.deliveries.iter().filter(|(_, outcome, _)| outcome == "delivered");
    Ok(Progress {
        elapsed,
        happened,
        accepted: PerPath::from_fn(accepted),
        delivered: delivered.map(|(_, _, count)| count).sum(),
        waiting: counts.pending.iter().map(|route| route.pending).sum(),
        dead: counts.pending.iter().map(|route| route.dead).sum(),
    })
}

/// Waits until the queue is empty, every event that a door accepted is in the journal, and nothing
/// waits to be delivered.
async fn settle(stage: &Stage, truth: &Totals) -> Result<(), ReadError> {
    let deadline = Instant::now() + SETTLE_WITHIN;
    let seen = |path| truth.paths.of(path).map_or(0, |path| path.seen);
    loop {
        let progress = progress(stage, Duration::ZERO, truth.events).await?;
        let all_in = Path::ALL.into_iter().all(|path| *progress.accepted.of(path) >= seen(path));
        if all_in && stage.queue_is_empty() && progress.waiting == 0 || Instant::now() > deadline {
            return Ok(());
        }
        sleep(Duration::from_millis(100)).await;
    }
}
