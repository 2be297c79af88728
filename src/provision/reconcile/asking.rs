//! The first half of a pass: Auth0 is asked to deliver again what the journal lacks.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::choice::choose;
use super::pass::{DAY, PassError, count};
use super::report::{Lacking, Pass, Phase, StreamReport};
use super::standing::IN_ALL_MAX;
use super::{Failed, Order, Reconciler};
use crate::event::{EventId, Path};
use crate::telemetry::Chain;

/// Failures that are listed beyond which nothing is asked for by itself: each redelivery that fails counts.
const FAILURES_MAX: u64 = IN_ALL_MAX * 4 / 5;
/// Refusals that are told one by one.
const REFUSED_MAX: usize = 20;
/// Lacking events that are told one by one.
const TOLD_MAX: usize = 100;
/// How many asked events are remembered.
const REMEMBERED_MAX: usize = 20_000;

impl Reconciler {
    /// Asks for what the journal lacks.
    pub(super) async fn ask_for(
        &mut self,
        order: &Order,
        (pass, stream): (&mut Pass, &StreamReport),
        failed: &[Failed],
        stop: &CancellationToken,
    ) -> Result<(), PassError> {
        let ids = failed.iter().map(|failed| failed.id.clone()).collect();
        let known = self.sources.reader.known(ids).await.map_err(PassError::Read)?;
        let choice = choose(failed, &known, &self.asked, &order.selection);
        let asked = &mut pass.asked;
        asked.listed = count(failed.len());
        asked.known = choice.known;
        asked.still_tried = choice.still_tried;
        asked.not_selected = choice.not_selected;
        asked.given_up = choice.given_up;
        asked.left = choice.left;
        asked.chosen = count(choice.ask.len());
        asked.lacking = lacking(failed, &choice.ask);
        if choice.ask.is_empty() {
            return Ok(());
        }
        asked.held_back = self.holds_back(order, stream);
        if order.dry_run {
            asked.ids = choice.ask.iter().map(|id| id.as_str().to_owned()).collect();
            return Ok(());
        }
        if asked.held_back.is_some() {
            return Ok(());
        }
        self.ask_one_by_one(order, (pass, stream), choice.ask, stop).await
    }

    /// Why nothing may be asked for now: a redelivery that fails counts towards switching the stream off.
    fn holds_back(&self, order: &Order, stream: &StreamReport) -> Option<String> {
        if !order.redeliver {
            return Some("reconcile.redeliver is false".to_owned());
        }
        if !stream.enabled {
            return Some(
                "the stream is switched off; `twinstream setup auth0 enable` first".into(),
            );
        }
        if stream.failures > FAILURES_MAX && !order.selection.insists {
            return Some(format!(
                "Auth0 lists {} failures, and switches the stream off after {IN_ALL_MAX}; --force asks \
                 nevertheless",
                stream.failures
            ));
        }
        self.closed()
    }

    fn closed(&self) -> Option<String> {
        let door = self.sources.health.door(Path::Webhook);
        let is_open = door.is_some_and(|door| door.is_open());
        (!is_open).then(|| "the webhook door is not open".to_owned())
    }

    async fn ask_one_by_one(
        &mut self,
        order: &Order,
        (pass, stream): (&mut Pass, &StreamReport),
        ids: Vec<EventId>,
        stop: &CancellationToken,
    ) -> Result<(), PassError> {
        let pause = Duration::try_from_secs_f64(1.0 / order.rate.max(0.01)).unwrap_or(DAY);
        let (of, mut next) = (ids.len(), Instant::now());
        for (done, id) in ids.into_iter().enumerate() {
            self.at(Phase::Asking, done, of);
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                () = sleep_until(next) => {}
            }
            next = Instant::now() + pause;
            if let Some(why) = self.closed() {
                pass.asked.held_back = Some(why);
                return Ok(());
            }
            // On disk before Auth0 hears of it: it may be here sooner than the answer is.
            let remembered = self.sources.journal.rescue(vec![id.clone()]).await;
            drop(remembered.map_err(PassError::Write)?);
            match self.sources.api.redeliver(&stream.id, id.as_str()).await {
                Ok(()) => {
                    debug!(event.id = %id, "asked for a redelivery");
                    pass.asked.ids.push(id.as_str().to_owned());
                    self.remember(id);
                }
                // Of one event only: it is gone, or is being sent already.
                Err(error) if matches!(error.status(), Some(404 | 409)) => {
                    if pass.asked.refused.len() < REFUSED_MAX {
                        let why = Chain(&error).to_string();
                        pass.asked.refused.push((id.as_str().to_owned(), why));
                    }
                }
                Err(error) => return Err(PassError::Api(error)),
            }
        }
        Ok(())
    }

    fn remember(&mut self, id: EventId) {
        if self.asked.len() >= REMEMBERED_MAX {
            self.asked.clear();
        }
        *self.asked.entry(id).or_default() += 1;
    }
}

/// What is told of those that are lacking.
fn lacking(failed: &[Failed], ids: &[EventId]) -> Vec<Lacking> {
    let of = |id: &EventId| {
        let failed = failed.iter().find(|failed| failed.id == *id)?;
        Some(Lacking {
            id: id.as_str().to_owned(),
            kind: failed.kind.to_string(),
            time: failed.time,
            error: failed.error.as_deref().map(str::to_owned),
        })
    };
    ids.iter().take(TOLD_MAX).filter_map(of).collect()
}
