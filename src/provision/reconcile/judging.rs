//! The second half of a pass: what came of the events that the Events API told of, and what neither path brought.

use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::super::auth0::{ApiError, Frame, Since};
use super::Reconciler;
use super::fates::{Evidence, fates, is_lost};
use super::pass::{PassError, count};
use super::report::{Pass, Phase};
use crate::event::{EventId, PerPath};
use crate::ingress::Rescued;
use crate::journal::{Fate, Judgement, LetterFilter, LetterSource, SettledWitness};
use crate::telemetry::Chain;

/// Witnessed events judged at once.
const JUDGED_AT_ONCE: usize = 500;
/// Fetching one event from the Events API may take so long.
const FETCH_WITHIN: Duration = Duration::from_secs(20);
/// What can't be fetched for so long is given up.
const FETCH_FOR: Duration = Duration::from_hours(24);
/// Looking for letters in the queues may take so long.
const LETTERS_WITHIN: Duration = Duration::from_mins(1);
/// Letters looked at.
const LETTERS_MAX: usize = 1_000;

impl Reconciler {
    /// Says what came of what has settled, and takes in what neither path brought.
    pub(super) async fn judge(
        &self,
        pass: &mut Pass,
        evidence: &mut Evidence,
        stop: &CancellationToken,
    ) -> Result<(), PassError> {
        let until = self.sources.clock.now().minus(self.sources.settle_after);
        let mut letters_read = false;
        loop {
            let reader = &self.sources.reader;
            let settled = reader.settled_witnesses(until, JUDGED_AT_ONCE).await;
            let settled = settled.map_err(PassError::Read)?;
            let of = settled.len();
            if settled.iter().any(|one| !one.seen.eventbridge) && !letters_read {
                self.read_letters(evidence).await;
                letters_read = true;
            }
            let mut judged = Vec::with_capacity(of);
            let mut waits = false;
            for (done, one) in settled.into_iter().enumerate() {
                if stop.is_cancelled() {
                    break;
                }
                self.at(Phase::Judging, done, of);
                let fates = fates(&one, evidence);
                let Some(backfilled) = self.backfill(&one, fates, pass).await? else {
                    waits = true;
                    continue;
                };
                let judgement = Judgement { fates, backfilled };
                judged.push((one.no, one.event.time, judgement));
            }
            let any = !judged.is_empty();
            pass.judged += count(judged.len());
            drop(self.sources.journal.judge(judged).await.map_err(PassError::Write)?);
            // What waits for its content would be read again and again.
            if of < JUDGED_AT_ONCE || !any || waits || stop.is_cancelled() {
                return Ok(());
            }
        }
    }

    /// Which events lie in dead-letter queues. What can't be looked into is evidence of nothing.
    async fn read_letters(&self, evidence: &mut Evidence) {
        for (source, ids) in [
            (LetterSource::Queue, &mut evidence.queue_letters),
            (LetterSource::Rule, &mut evidence.rule_letters),
        ] {
            let filter = LetterFilter { source: Some(source), ..LetterFilter::default() };
            let listing = self.sources.letters.list(&filter, None, LETTERS_MAX);
            match timeout(LETTERS_WITHIN, listing).await {
                Ok(Ok(list)) => {
                    let found = list.letters.iter().filter_map(|letter| letter.id.as_deref());
                    ids.extend(found.filter_map(|id| EventId::parse(id).ok()));
                }
                Ok(Err(error)) => warn!(error = %Chain(&error), "dead letters can't be looked at"),
                Err(_) => warn!("dead letters can't be looked at in time"),
            }
        }
    }

    /// Takes an event in that every path in use lost. `None`: not now, it is tried again.
    async fn backfill(
        &self,
        one: &SettledWitness,
        fates: PerPath<Fate>,
        pass: &mut Pass,
    ) -> Result<Option<bool>, PassError> {
        if !self.settings.backfill || !is_lost(fates) {
            return Ok(Some(false));
        }
        let fetched = timeout(FETCH_WITHIN, self.fetch(one)).await;
        let body = match fetched {
            Ok(Ok(body)) => body,
            Ok(Err(error)) => {
                debug!(event.id = %one.event.id, error = %Chain(&error), "can't be fetched");
                None
            }
            Err(_) => None,
        };
        let Some(body) = body else {
            let given_up = one.event.time.plus(FETCH_FOR) < self.sources.clock.now();
            pass.not_to_be_had += u64::from(given_up);
            return Ok(given_up.then_some(false));
        };
        let taken = self.sources.intake.take_rescued(body.as_bytes()).await;
        let backfilled = taken.map_err(PassError::Write)? == Rescued::TakenIn;
        pass.backfilled += u64::from(backfilled);
        Ok(Some(backfilled))
    }

    /// The event, as the Events API still has it: the first one after the offset before it.
    async fn fetch(&self, one: &SettledWitness) -> Result<Option<String>, ApiError> {
        let since = match &one.event.before {
            Some(offset) => Since::Offset(offset.clone()),
            None => Since::Time(one.event.time),
        };
        let api = &self.sources.api;
        let mut following = api.follow(&since, &[]).await?;
        while let Some(frame) = following.next().await? {
            match frame {
                Frame::Event { event, .. } if has_id(&event, &one.event.id) => {
                    return Ok(Some(event));
                }
                Frame::Event { .. } if one.event.before.is_some() => return Ok(None),
                Frame::Event { .. } | Frame::Offset(_) => {}
                Frame::Trouble(_) => return Ok(None),
            }
        }
        Ok(None)
    }
}

fn has_id(event: &str, id: &EventId) -> bool {
    #[derive(serde::Deserialize)]
    struct Named {
        id: String,
    }
    serde_json::from_str::<Named>(event).is_ok_and(|named| named.id == id.as_str())
}
