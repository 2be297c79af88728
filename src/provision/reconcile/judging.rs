//! The second half of a pass: what came of the events that the Events API told of, and what neither path brought.

use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::Reconciler;
use super::fates::{Evidence, fates, is_lost, is_waited_for_in_vain};
use super::pass::{PassError, count};
use super::report::{Pass, Phase};
use crate::event::{EventId, Path, Timestamp};
use crate::journal::{Judgement, LetterFilter, LetterSource, SettledWitness};
use crate::telemetry::Chain;

/// Witnessed events judged at once.
const JUDGED_AT_ONCE: usize = 500;
/// What may come yet, or can't be fetched, is waited for so long after it was told of.
const WAIT_FOR: Duration = Duration::from_hours(24);
/// Looking for letters in the queues may take so long.
const LETTERS_WITHIN: Duration = Duration::from_mins(1);
/// Letters looked at.
const LETTERS_MAX: usize = 1_000;

impl Reconciler {
    /// Says what came of what has settled, and takes in what neither path brought. What waits is passed by.
    pub(super) async fn judge(
        &self,
        pass: &mut Pass,
        evidence: &mut Evidence,
        stop: &CancellationToken,
    ) -> Result<(), PassError> {
        let now = self.sources.clock.now();
        evidence.queue_is_read = self.queue_is_read(now);
        evidence.waited_since = Some(now.minus(WAIT_FOR));
        let until = now.minus(self.sources.settle_after);
        let (mut after, mut fetches, mut letters_read) = (0, self.settings.backfill, false);
        while !stop.is_cancelled() {
            let reader = &self.sources.reader;
            let settled = reader.settled_witnesses(until, after, JUDGED_AT_ONCE).await;
            let settled = settled.map_err(PassError::Read)?;
            let Some(last) = settled.last() else { break };
            after = last.no;
            if settled.iter().any(|one| !one.seen.eventbridge) && !letters_read {
                self.read_letters(evidence).await;
                letters_read = true;
            }
            self.judge_some(settled, evidence, pass, &mut fetches).await?;
        }
        Ok(())
    }

    /// Whether the queue's door has been open for long enough that what lay in the queue has come and settled.
    fn queue_is_read(&self, now: Timestamp) -> bool {
        let door = self.sources.health.door(Path::Eventbridge);
        let since = door.and_then(|door| door.open_since());
        since.is_some_and(|since| since.plus(self.sources.settle_after) < now)
    }

    /// Judges some. `fetches`: whether what every path lost is taken in, as long as that succeeds.
    async fn judge_some(
        &self,
        settled: Vec<SettledWitness>,
        evidence: &Evidence,
        pass: &mut Pass,
        fetches: &mut bool,
    ) -> Result<(), PassError> {
        self.at(Phase::Judging, 0, settled.len());
        let (mut judged, mut lost) = (Vec::with_capacity(settled.len()), Vec::new());
        for one in settled {
            let Some(fates) = fates(&one, evidence) else { continue };
            // What the journal has, because it was asked for, is taken in already.
            if self.settings.backfill && is_lost(fates) && !one.is_known {
                lost.push((one, fates));
            } else {
                judged.push((one.no, one.event.time, Judgement { fates, backfilled: false }));
            }
        }
        if *fetches && !lost.is_empty() {
            let taken = self.take_in(&lost, pass).await?;
            *fetches = taken.1;
            lost.retain(|(one, _)| !taken.0.contains(&one.no));
        }
        for (one, fates) in lost {
            if is_waited_for_in_vain(&one, evidence) {
                pass.not_to_be_had += 1;
                judged.push((one.no, one.event.time, Judgement { fates, backfilled: false }));
            }
        }
        pass.judged += count(judged.len());
        drop(self.sources.journal.judge(judged).await.map_err(PassError::Write)?);
        Ok(())
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
}
