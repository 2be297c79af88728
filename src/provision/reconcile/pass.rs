//! Making one pass.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::super::auth0::{ApiError, DeliveryFilter, Stream, StreamStatus};
use super::fates::{Evidence, is_lost};
use super::report::{Pass, Phase, Running, StreamReport, Witnesses};
use super::standing::Failures;
use super::{Failed, Order, Reconciler};
use crate::event::{EventId, Path, PerPath};
use crate::journal::{AskedFor, Fate, JournalError, Judgement, ReadError};
use crate::telemetry::StreamState;

/// Why a pass could not be made to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum PassError {
    /// Auth0 did not answer, or refused.
    #[error("Auth0")]
    Api(#[source] ApiError),
    /// The journal can't be read.
    #[error("the journal")]
    Read(#[source] ReadError),
    /// The journal can't be written.
    #[error("the journal")]
    Write(#[source] JournalError),
}

/// What a stream could not deliver.
#[derive(Debug)]
pub(super) struct FailedDeliveries {
    pub failed: Vec<Failed>,
    /// How often Auth0 was asked for each.
    pub asked: HashMap<EventId, AskedFor>,
    pub stream: StreamReport,
}

/// Failed deliveries read of one stream: as many as switch it off, and no more.
const LISTED_MAX: usize = 5_000;
/// What is witnessed is told of over the last day.
pub(super) const DAY: Duration = Duration::from_hours(24);

impl Reconciler {
    pub(super) async fn make(
        &mut self,
        order: &Order,
        pass: &mut Pass,
        stop: &CancellationToken,
    ) -> Result<(), PassError> {
        let mut evidence = Evidence { mode: Some(self.sources.mode), ..Evidence::default() };
        let lacking = self.look(pass, &mut evidence).await?;
        let asked = match lacking {
            Some(failed) => self.ask_for(order, pass, &failed, stop).await,
            None => Ok(()),
        };
        // Whatever came of asking: else one that can't be asked for would keep everything from being judged.
        let judged =
            if order.dry_run { Ok(()) } else { self.judge(pass, &mut evidence, stop).await };
        let told = self.witnesses(pass).await;
        asked.and(judged).and(told)
    }

    /// Reads what both streams could not deliver. Returns that of the webhook stream, where there is one.
    async fn look(
        &self,
        pass: &mut Pass,
        evidence: &mut Evidence,
    ) -> Result<Option<FailedDeliveries>, PassError> {
        let streams = self.streams().await?;
        let mut lacking = None;
        for path in Path::ALL {
            let Some(stream) = streams.of(path) else { continue };
            let (failed, more) = self.failed(stream).await?;
            *evidence.subscribed.of_mut(path) =
                Some(stream.event_types.iter().cloned().collect::<HashSet<_>>());
            *evidence.failed.of_mut(path) = failed.iter().map(|one| one.id.clone()).collect();
            let asked = self.asked(path, &failed).await?;
            let report = self.stand(path, stream, (&failed, &asked)).await?;
            if path == Path::Webhook {
                pass.asked.more = more;
                lacking = Some(FailedDeliveries { failed, asked, stream: report.clone() });
            }
            *pass.streams.of_mut(path) = Some(report);
        }
        Ok(lacking)
    }

    /// How often each was asked for, of the webhook stream: of the other one nothing is.
    async fn asked(
        &self,
        path: Path,
        failed: &[Failed],
    ) -> Result<HashMap<EventId, AskedFor>, PassError> {
        match path {
            Path::Webhook => {
                let ids = failed.iter().map(|failed| failed.id.clone()).collect();
                self.sources.reader.asked_for(ids).await.map_err(PassError::Read)
            }
            Path::Eventbridge => Ok(HashMap::new()),
        }
    }

    pub(super) fn at(&self, phase: Phase, done: usize, of: usize) {
        self.status.send_modify(|status| {
            let number = status.passes + 1;
            status.running = Some(Running { number, phase, done, of });
        });
    }

    /// The streams that the configuration names.
    async fn streams(&self) -> Result<PerPath<Option<Stream>>, PassError> {
        self.at(Phase::Listing, 0, 0);
        let all = self.sources.api.streams().await.map_err(PassError::Api)?;
        let settings = self.sources.api.settings();
        let named = |name: &str| all.iter().find(|stream| stream.name == name).cloned();
        Ok(PerPath {
            webhook: named(&settings.webhook_stream),
            eventbridge: named(&settings.eventbridge_stream),
        })
    }

    async fn failed(&self, stream: &Stream) -> Result<(Vec<Failed>, bool), PassError> {
        let api = &self.sources.api;
        let read = api.all_deliveries(&stream.id, &DeliveryFilter::default(), LISTED_MAX).await;
        let (deliveries, more) = read.map_err(PassError::Api)?;
        Ok((deliveries.iter().filter_map(Failed::of).collect(), more))
    }

    /// What Auth0 says of a stream: told to metrics and alarms as well.
    async fn stand(
        &self,
        path: Path,
        stream: &Stream,
        (failed, asked): (&[Failed], &HashMap<EventId, AskedFor>),
    ) -> Result<StreamReport, PassError> {
        let mut last = self.sources.reader.last_arrival(path).await.map_err(PassError::Read)?;
        if path == Path::Webhook {
            last = last.max(self.came_at);
        }
        let failures = Failures::of(failed, last, asked);
        let state = StreamState {
            enabled: stream.status == StreamStatus::Enabled,
            failures_in_a_row: failures.in_a_row,
            failures: failures.in_all,
            failures_left: failures.left(),
            at: self.sources.clock.now(),
        };
        self.sources.health.set_stream(path, state);
        self.sources.metrics.set_stream(path, &state);
        Ok(StreamReport {
            id: stream.id.clone(),
            name: stream.name.clone(),
            enabled: state.enabled,
            failures_in_a_row: state.failures_in_a_row,
            failures: state.failures,
            failures_left: state.failures_left,
        })
    }

    async fn witnesses(&self, pass: &mut Pass) -> Result<(), PassError> {
        if !self.settings.follow {
            return Ok(());
        }
        let from = self.sources.clock.now().minus(DAY);
        let judged = self.sources.reader.judged(from).await.map_err(PassError::Read)?;
        let witnesses = summed(&judged.0, judged.1);
        for path in Path::ALL {
            for (fate, events) in witnesses.fates.of(path) {
                self.sources.metrics.set_witnessed(path, fate, *events);
            }
        }
        pass.witnesses = Some(witnesses);
        Ok(())
    }
}

fn summed(judged: &[(Judgement, u64)], waiting: u64) -> Witnesses {
    let every = || Fate::ALL.iter().map(|fate| (fate.as_str(), 0)).collect::<BTreeMap<_, _>>();
    let mut sum =
        Witnesses { fates: PerPath::from_fn(|_| every()), waiting, ..Witnesses::default() };
    for (judgement, events) in judged {
        sum.events += events;
        for path in Path::ALL {
            let fate = judgement.fates.of(path).as_str();
            *sum.fates.of_mut(path).entry(fate).or_default() += events;
        }
        sum.lost += if is_lost(judgement.fates) { *events } else { 0 };
        sum.backfilled += if judgement.backfilled { *events } else { 0 };
    }
    sum
}

pub(super) fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_witnessed_event_is_counted_once_on_each_path() {
        let of = |webhook, eventbridge, backfilled| Judgement {
            fates: PerPath { webhook, eventbridge },
            backfilled,
        };
        let judged = [
            (of(Fate::Seen, Fate::Seen, false), 90),
            (of(Fate::LostUs, Fate::Seen, false), 4),
            (of(Fate::LostAuth0, Fate::LostEventbridge, true), 3),
            (of(Fate::LostUs, Fate::LostQueue, false), 2),
            (of(Fate::LostUs, Fate::Unused, false), 1),
        ];
        let sum = summed(&judged, 7);
        assert_eq!((sum.events, sum.lost, sum.backfilled, sum.waiting), (100, 6, 3, 7));
        for path in Path::ALL {
            assert_eq!(sum.fates.of(path).values().sum::<u64>(), sum.events);
        }
        assert_eq!(sum.fates.webhook["lost_us"], 7);
        assert_eq!(sum.fates.eventbridge["seen"], 94);
    }
}
