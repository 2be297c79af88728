//! The first half of a pass: Auth0 is asked to deliver again what the journal lacks.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::super::auth0::ApiError;
use super::choice::{Knowledge, choose};
use super::desk::ASKING_MAX;
use super::pass::{DAY, FailedDeliveries, PassError, count};
use super::report::{Pass, Phase, StreamReport};
use super::standing::{LONG_LIST, askable, obstacle};
use super::{Choice, Order, Reconciler, Selection};
use crate::event::{EventId, Path, Timestamp};
use crate::telemetry::Chain;

/// Of the first few one must arrive before more are asked for: our door may be open, and a proxy, a name or a
/// wrong token keep everything from it. Each redelivery that fails counts towards switching the stream off.
const FIRST: usize = 5;
/// It must arrive within this time; what Auth0 tries in vain takes it some 7 s.
const ARRIVES_WITHIN: Duration = Duration::from_secs(15);
/// How often it is looked whether it has.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// So many failures of Auth0's own, one after the other, are no matter of single events.
const TROUBLES_MAX: u32 = 5;

/// What an answer means that is no success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// It is about this event: gone, under way already, not to be sent. Nothing comes of it.
    OfOne,
    /// Auth0 failed; the event may come nevertheless.
    Trouble,
    /// Nothing was done, and the next event would fare no better: no right to ask, or too fast.
    OfAll,
    /// No answer, or none that means anything: the event may come nevertheless.
    Unanswered,
}

impl Refusal {
    const fn of(status: Option<u16>) -> Self {
        match status {
            Some(401 | 403 | 429) => Self::OfAll,
            Some(400..=499) => Self::OfOne,
            Some(500..=599) => Self::Trouble,
            Some(_) | None => Self::Unanswered,
        }
    }
}

/// What became of asking for one event.
enum Told {
    /// Auth0 will send it.
    Taken,
    /// It will not, or can't.
    Refused(Refusal, ApiError),
}

/// Asking for one event after the other.
struct Asking<'a> {
    stream: &'a StreamReport,
    pause: Duration,
    began: Instant,
    began_at: Timestamp,
    stop: &'a CancellationToken,
    /// Before that the next is not asked for.
    next: Instant,
    /// What Auth0 will send.
    taken: Vec<EventId>,
    /// Failures of Auth0's own, one after the other.
    troubles: u32,
}

impl Reconciler {
    /// Asks for what the journal lacks.
    pub(super) async fn ask_for(
        &mut self,
        order: &Order,
        pass: &mut Pass,
        listed: &FailedDeliveries,
        stop: &CancellationToken,
    ) -> Result<(), PassError> {
        let FailedDeliveries { failed, stream, .. } = listed;
        let knowledge = self.knowledge(pass, listed).await?;
        let held_back = self.holds_back(order, (stream, pass.asked.more));
        // What is held back is told as if it were not.
        let most = match held_back {
            None => order.selection.most.min(askable(stream, order.selection.insists)),
            Some(_) => order.selection.most,
        };
        let selection = Selection { most, ..order.selection.clone() };
        let choice = choose(failed, &knowledge, &selection);
        pass.asked.chose(failed, &choice, knowledge.since);
        let Choice { ask, shorten, .. } = choice;
        let ids: Vec<EventId> = ask.into_iter().chain(shorten).collect();
        if ids.is_empty() {
            return Ok(());
        }
        pass.asked.held_back = held_back;
        if order.dry_run {
            pass.asked.shortened = pass.asked.shortening;
            pass.asked.ids = ids.iter().map(|id| id.as_str().to_owned()).collect();
        }
        if order.dry_run || pass.asked.held_back.is_some() {
            return Ok(());
        }
        let pause = Duration::try_from_secs_f64(1.0 / order.rate.max(0.01)).unwrap_or(DAY);
        let (began, began_at) = (Instant::now(), self.sources.clock.now());
        let (next, taken, troubles) = (began, Vec::new(), 0);
        let asking = Asking { stream, pause, began, began_at, stop, next, taken, troubles };
        self.ask_one_by_one(pass, asking, ids).await
    }

    async fn knowledge(
        &self,
        pass: &Pass,
        listed: &FailedDeliveries,
    ) -> Result<Knowledge, PassError> {
        let FailedDeliveries { failed, asked, stream } = listed;
        let ids = failed.iter().map(|failed| failed.id.clone()).collect();
        let reader = &self.sources.reader;
        let known = reader.known(ids).await.map_err(PassError::Read)?;
        let since = reader.remembers_since(self.sources.keep, self.sources.clock.now()).await;
        let since = since.map_err(PassError::Read)?;
        let shortens = pass.asked.more || stream.failures > LONG_LIST;
        Ok(Knowledge { known, asked: asked.clone(), since, shortens })
    }

    /// Why nothing may be asked for now: a redelivery that fails counts towards switching the stream off.
    fn holds_back(&self, order: &Order, (stream, more): (&StreamReport, bool)) -> Option<String> {
        if !order.redeliver {
            return Some("reconcile.redeliver is false".to_owned());
        }
        obstacle(stream, more, order.selection.insists).or_else(|| self.closed())
    }

    fn closed(&self) -> Option<String> {
        let door = self.sources.health.door(Path::Webhook);
        let is_open = door.is_some_and(|door| door.is_open());
        (!is_open).then(|| "the webhook door is not open".to_owned())
    }

    async fn ask_one_by_one(
        &mut self,
        pass: &mut Pass,
        mut asking: Asking<'_>,
        ids: Vec<EventId>,
    ) -> Result<(), PassError> {
        let of = ids.len();
        for (done, id) in ids.into_iter().enumerate() {
            self.at(Phase::Asking, done, of);
            pass.asked.held_back = self.turn(&mut asking).await?;
            if pass.asked.held_back.is_some() || asking.stop.is_cancelled() {
                return Ok(());
            }
            let shortens = count(done) >= pass.asked.chosen;
            if shortens && self.is_forgotten(&id).await? {
                continue;
            }
            match self.ask_once(asking.stream, &id).await? {
                Told::Taken => {
                    pass.asked.ids.push(id.as_str().to_owned());
                    pass.asked.shortened += u64::from(shortens);
                    asking.taken.push(id);
                    asking.troubles = 0;
                }
                Told::Refused(Refusal::OfAll | Refusal::Unanswered, error) => {
                    return Err(PassError::Api(error));
                }
                Told::Refused(refusal, error) => {
                    pass.asked.refuse(&id, Chain(&error).to_string());
                    let again = refusal == Refusal::Trouble;
                    asking.troubles = if again { asking.troubles + 1 } else { 0 };
                    if asking.troubles >= TROUBLES_MAX {
                        return Err(PassError::Api(error));
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether the journal has forgotten by now what it knew when it was chosen: it would be delivered a second
    /// time.
    async fn is_forgotten(&self, id: &EventId) -> Result<bool, PassError> {
        let known = self.sources.reader.known(vec![id.clone()]).await.map_err(PassError::Read)?;
        Ok(known.is_empty())
    }

    /// Waits until the next may be asked for, or `stop`. Says why none may.
    async fn turn(&mut self, asking: &mut Asking<'_>) -> Result<Option<String>, PassError> {
        if asking.taken.len() == FIRST && self.came_at < Some(asking.began_at) {
            let why = self.none_arrived(asking).await?;
            if why.is_some() {
                return Ok(why);
            }
        }
        tokio::select! {
            biased;
            () = asking.stop.cancelled() => {}
            () = sleep_until(asking.next) => {}
        }
        asking.next = Instant::now() + asking.pause;
        Ok(self.closed().or_else(|| too_long(asking.began.elapsed())))
    }

    /// Asks for one. That it is tried is on disk before Auth0 hears of it: the event may be here sooner than the
    /// answer is, and a try counts whatever is answered.
    async fn ask_once(&self, stream: &StreamReport, id: &EventId) -> Result<Told, PassError> {
        let journal = &self.sources.journal;
        drop(journal.rescue(vec![id.clone()]).await.map_err(PassError::Write)?);
        let Err(error) = self.sources.api.redeliver(&stream.id, id.as_str()).await else {
            debug!(event.id = %id, "asked for a redelivery");
            return Ok(Told::Taken);
        };
        let refusal = Refusal::of(error.status());
        let forgotten = match refusal {
            // Should it come, Auth0 has sent it by itself.
            Refusal::OfOne => journal.rescue_refused(id.clone()).await.map(Some),
            // It is the asking that was refused, and no try of this event.
            Refusal::OfAll => journal.rescue_taken_back(id.clone()).await.map(Some),
            Refusal::Trouble | Refusal::Unanswered => Ok(None),
        };
        let _on_disk = forgotten.map_err(PassError::Write)?;
        Ok(Told::Refused(refusal, error))
    }

    /// Waits until one that was asked for has come, or `stop`; says so where none does.
    async fn none_arrived(&mut self, asking: &Asking<'_>) -> Result<Option<String>, PassError> {
        let until = Instant::now() + ARRIVES_WITHIN;
        loop {
            let (asked, since) = (asking.taken.clone(), asking.began_at);
            let came = self.sources.reader.came_by_webhook(asked, since).await;
            if !came.map_err(PassError::Read)?.is_empty() {
                self.came_at = Some(self.sources.clock.now());
                return Ok(None);
            }
            if Instant::now() >= until {
                return Ok(Some(format!(
                    "none of the first {} arrived: what Auth0 sends does not reach the webhook door; \
                     `twinstream doctor` looks at it from outside",
                    asking.taken.len()
                )));
            }
            tokio::select! {
                biased;
                () = asking.stop.cancelled() => return Ok(None),
                () = sleep(LOOK_EVERY) => {}
            }
        }
    }
}

fn too_long(lasted: Duration) -> Option<String> {
    (lasted > ASKING_MAX).then(|| "an hour is over: the rest is left for the next pass".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_of_one_event_is_told_from_one_of_all() {
        let check = |statuses: &[u16], expected| {
            for status in statuses {
                assert_eq!(Refusal::of(Some(*status)), expected, "{status}");
            }
        };
        check(&[400, 404, 409, 410, 422], Refusal::OfOne);
        check(&[401, 403, 429], Refusal::OfAll);
        check(&[500, 502, 503, 599], Refusal::Trouble);
        check(&[301, 304, 600], Refusal::Unanswered);
        assert_eq!(Refusal::of(None), Refusal::Unanswered);
    }

    #[test]
    fn a_pass_asks_for_an_hour_at_most() {
        assert_eq!(too_long(ASKING_MAX), None);
        assert!(too_long(ASKING_MAX + Duration::from_millis(1)).is_some());
    }
}
