//! What the checks look at: gathered once, so that the checks themselves are pure.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::admin::Setup;
use crate::admin::pages::Desk;
use crate::compare::{self, PairRules, Window};
use crate::event::{Path, PathSet, Timestamp};
use crate::journal::{Counts, EventFilter, PausedTarget, ReadError};
use crate::telemetry::{Chain, DoorState, SecretUse, StreamState, TargetState};

/// What is so, at one moment.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) now: Timestamp,
    pub(super) mode: PathSet,
    pub(super) setup: Arc<Setup>,
    pub(super) doors: BTreeMap<Path, DoorState>,
    /// When each path last brought one of the latest [`LATEST`] events.
    pub(super) last_arrival: BTreeMap<Path, Timestamp>,
    pub(super) secrets: Vec<SecretUse>,
    /// How the pairs of the last hour were found.
    pub(super) pairs: PairRules,
    pub(super) counts: Counts,
    pub(super) targets: BTreeMap<Arc<str>, TargetState>,
    /// What Auth0 says of its streams, where `reconcile` has asked.
    pub(super) streams: BTreeMap<Path, StreamState>,
    pub(super) paused: Vec<PausedTarget>,
    /// Why the journal can't commit, if it can't.
    pub(super) journal_error: Option<String>,
    pub(super) has_token: bool,
}

/// Events that are looked at for the last arrival of each path.
const LATEST: usize = 500;
/// The journal must be able to commit within this.
const PROBE_WITHIN: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);

impl Facts {
    pub(super) async fn gather(desk: &Desk) -> Result<Self, ReadError> {
        let sources = &desk.sources;
        let (now, reader) = (sources.clock.now(), &sources.reader);
        let latest = EventFilter { limit: LATEST, ..EventFilter::default() };
        let mut last_arrival = BTreeMap::new();
        for event in reader.events(latest).await? {
            let arrivals =
                [(Path::Webhook, event.webhook_at), (Path::Eventbridge, event.eventbridge_at)];
            for (path, at) in arrivals {
                let Some(at) = at else { continue };
                let last = last_arrival.entry(path).or_insert(at);
                *last = at.max(*last);
            }
        }
        let hour = Window { from: now.minus(HOUR), to: now };
        let compared =
            compare::run(reader, &sources.compare, &compare::Scope::default(), hour, now).await?;
        let journal_error = match tokio::time::timeout(PROBE_WITHIN, sources.journal.probe()).await
        {
            Ok(Ok(_committed)) => None,
            Ok(Err(error)) => Some(Chain(&error).to_string()),
            Err(_) => Some("no commit within 1 s".to_owned()),
        };
        Ok(Self {
            now,
            mode: sources.mode,
            setup: Arc::clone(&sources.setup),
            doors: sources.health.doors(),
            last_arrival,
            secrets: sources.health.secrets(),
            pairs: compared.pairs.paired_by,
            counts: reader.counts().await?,
            targets: sources.health.targets(),
            streams: sources.health.streams(),
            paused: reader.paused().await?,
            journal_error,
            has_token: desk.sessions.demands_token(),
        })
    }
}
