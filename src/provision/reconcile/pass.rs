//! Making one pass.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::super::auth0::{ApiError, DeliveryFilter, Frame, Since, Stream, StreamStatus};
use super::choice::choose;
use super::fates::{Evidence, fates};
use super::report::{Lacking, Pass, Phase, Running, StreamReport, Witnesses};
use super::standing::{Failures, IN_ALL_MAX};
use super::{Failed, Order, Reconciler};
use crate::event::{EventId, Path, PerPath};
use crate::ingress::Rescued;
use crate::journal::{
    Fate, JournalError, Judgement, LetterFilter, LetterSource, ReadError, SettledWitness,
};
use crate::telemetry::{Chain, StreamState};

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

/// Failed deliveries read of one stream: as many as switch it off, and no more.
const LISTED_MAX: usize = 5_000;
/// Failures that are listed beyond which nothing is asked for by itself: each redelivery that fails counts.
const FAILURES_MAX: u64 = IN_ALL_MAX * 4 / 5;
/// Refusals that are told one by one.
const REFUSED_MAX: usize = 20;
/// Lacking events that are told one by one.
const TOLD_MAX: usize = 100;
/// Witnessed events judged at once.
const JUDGED_AT_ONCE: usize = 500;
/// What is witnessed is told of over the last day.
const DAY: Duration = Duration::from_hours(24);
/// Fetching one event from the Events API may take so long.
const FETCH_WITHIN: Duration = Duration::from_secs(20);
/// What can't be fetched for so long is given up.
const FETCH_FOR: Duration = Duration::from_hours(24);
/// Looking for letters in the queues may take so long.
const LETTERS_WITHIN: Duration = Duration::from_mins(1);
/// Letters looked at.
const LETTERS_MAX: usize = 1_000;
/// How many asked events are remembered.
const REMEMBERED_MAX: usize = 20_000;

impl Reconciler {
    pub(super) async fn make(
        &mut self,
        order: &Order,
        pass: &mut Pass,
        stop: &CancellationToken,
    ) -> Result<(), PassError> {
        let streams = self.streams().await?;
        let mut evidence = Evidence { mode: Some(self.sources.mode), ..Evidence::default() };
        for path in Path::ALL {
            let Some(stream) = streams.of(path) else { continue };
            let (failed, more) = self.failed(stream).await?;
            *evidence.subscribed.of_mut(path) =
                Some(stream.event_types.iter().cloned().collect::<HashSet<_>>());
            *evidence.failed.of_mut(path) = failed.iter().map(|one| one.id.clone()).collect();
            let report = self.stand(path, stream, &failed).await?;
            if path == Path::Webhook {
                pass.asked.more = more;
                self.ask_for(order, (pass, &report), &failed, stop).await?;
            }
            *pass.streams.of_mut(path) = Some(report);
        }
        if !order.dry_run {
            self.judge(pass, &mut evidence, stop).await?;
        }
        self.witnesses(pass).await
    }

    fn at(&self, phase: Phase, done: usize, of: usize) {
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
        failed: &[Failed],
    ) -> Result<StreamReport, PassError> {
        let last = self.sources.reader.last_arrival(path).await.map_err(PassError::Read)?;
        let failures = Failures::of(failed, last);
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

    /// Asks for what the journal lacks.
    async fn ask_for(
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

    /// Says what came of what has settled, and takes in what neither path brought.
    async fn judge(
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

/// Whether every path in use lost it.
fn is_lost(fates: PerPath<Fate>) -> bool {
    let all = [fates.webhook, fates.eventbridge];
    all.iter().all(|fate| fate.is_lost() || *fate == Fate::Unused)
        && all.iter().any(|fate| fate.is_lost())
}

fn has_id(event: &str, id: &EventId) -> bool {
    #[derive(serde::Deserialize)]
    struct Named {
        id: String,
    }
    serde_json::from_str::<Named>(event).is_ok_and(|named| named.id == id.as_str())
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

fn count(number: usize) -> u64 {
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

    #[test]
    fn only_what_every_path_in_use_lost_is_taken_in() {
        let check = |webhook, eventbridge, expected| {
            assert_eq!(is_lost(PerPath { webhook, eventbridge }), expected);
        };
        check(Fate::LostUs, Fate::LostQueue, true);
        check(Fate::LostUs, Fate::Unused, true);
        check(Fate::LostUs, Fate::Seen, false);
        check(Fate::Unused, Fate::Unused, false);
    }
}
