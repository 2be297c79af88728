//! Taking in what every path lost, from the Events API: all of a batch in one connection.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde::Deserialize;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tracing::warn;

use super::super::auth0::{ApiError, Following, Frame, Since, StreamTrouble};
use super::Reconciler;
use super::pass::PassError;
use super::report::Pass;
use crate::event::{PerPath, Timestamp};
use crate::ingress::Rescued;
use crate::journal::{Fate, Judgement, SettledWitness};
use crate::telemetry::Chain;

/// What was lost, and by whom on each path.
pub(super) type Lost = (SettledWitness, PerPath<Fate>);

/// Why not all of a batch was fetched.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("Auth0")]
    Api(#[source] ApiError),
    #[error(transparent)]
    Trouble(StreamTrouble),
    #[error("nothing of it came within {} s", FETCH_WITHIN.as_secs())]
    TooLate,
    #[error(transparent)]
    Pass(PassError),
}

/// Fetching a batch may take so long: nobody listens meanwhile.
const FETCH_WITHIN: Duration = Duration::from_mins(1);
/// What has happened is told at once: when no event comes for so long, that was all.
const QUIET_AFTER: Duration = Duration::from_secs(10);
/// Events read of one connection.
const READ_MAX: usize = 100_000;
/// Events come in the order in which they happened, about: so long after the last that is sought none of them
/// will come.
const DISORDER_MAX: Duration = Duration::from_mins(1);
/// How soon Auth0 sees that the other connection is closed is not documented: it is asked so often, every
/// second.
const TRIES_MAX: u32 = 5;

/// What is looked for among the events that come.
#[derive(Debug)]
struct Sought<'a> {
    by_id: HashMap<&'a str, &'a Lost>,
    newest: Timestamp,
    read: usize,
}

/// What an event is to who looks for some.
#[derive(Debug)]
enum Met<'a> {
    Found(&'a Lost),
    Another,
    /// None that is looked for comes after it.
    Beyond,
}

impl<'a> Sought<'a> {
    fn of(lost: &'a [Lost]) -> Self {
        let by_id = lost.iter().map(|one| (one.0.event.id.as_str(), one)).collect();
        let newest = lost.iter().map(|(one, _)| one.event.time).max();
        Self { by_id, newest: newest.unwrap_or(Timestamp::from_millis(0)), read: 0 }
    }

    fn meet(&mut self, event: &str) -> Met<'a> {
        #[derive(Deserialize)]
        struct Named {
            id: String,
            time: String,
        }
        self.read += 1;
        let Ok(Named { id, time }) = serde_json::from_str(event) else { return Met::Another };
        if let Some(found) = self.by_id.remove(id.as_str()) {
            return Met::Found(found);
        }
        let beyond = self.newest.plus(DISORDER_MAX);
        let is_beyond = Timestamp::parse(&time).is_ok_and(|time| time > beyond);
        if is_beyond || self.read >= READ_MAX { Met::Beyond } else { Met::Another }
    }
}

/// Where to begin, to come by all of them: they are in the order in which they were told.
fn start(lost: &[Lost]) -> (Since, Since) {
    let oldest = lost.iter().map(|(one, _)| one.event.time).min();
    let time = Since::Time(oldest.unwrap_or(Timestamp::from_millis(0)));
    let before = lost.first().and_then(|(one, _)| one.event.before.clone());
    (before.map_or_else(|| time.clone(), Since::Offset), time)
}

impl Reconciler {
    /// Takes in what it can. Returns the numbers of those that were taken in, which are judged; and whether it
    /// is worth while to try others.
    pub(super) async fn take_in(
        &self,
        lost: &[Lost],
        pass: &mut Pass,
    ) -> Result<(HashSet<i64>, bool), PassError> {
        let mut done = HashSet::new();
        let fetched = match timeout(FETCH_WITHIN, self.fetch(lost, pass, &mut done)).await {
            Ok(fetched) => fetched,
            Err(_) if done.is_empty() => Err(Broken::TooLate),
            Err(_) => Ok(()),
        };
        let could = fetched.is_ok();
        let is_news = self.line.could_fetch(could);
        match fetched {
            Ok(()) => {}
            Err(Broken::Pass(error)) => return Err(error),
            Err(error) => {
                let error = Chain(&error).to_string();
                if is_news {
                    warn!(
                        error,
                        "what every path lost can't be fetched from the Events API for now"
                    );
                }
                pass.not_fetched = Some(error);
            }
        }
        Ok((done, could))
    }

    async fn fetch(
        &self,
        lost: &[Lost],
        pass: &mut Pass,
        done: &mut HashSet<i64>,
    ) -> Result<(), Broken> {
        let _line = self.line.fetch().await;
        let mut following = self.open(lost).await?;
        let mut sought = Sought::of(lost);
        let mut quiet_at = Instant::now() + QUIET_AFTER;
        while !sought.by_id.is_empty() {
            let Ok(next) = timeout_at(quiet_at, following.next()).await else { return Ok(()) };
            match next.map_err(Broken::Api)? {
                Some(Frame::Event { event, .. }) => {
                    quiet_at = Instant::now() + QUIET_AFTER;
                    match sought.meet(&event) {
                        Met::Found(found) => {
                            self.take_one(found, &event, pass).await.map_err(Broken::Pass)?;
                            done.insert(found.0.no);
                        }
                        Met::Another => {}
                        Met::Beyond => return Ok(()),
                    }
                }
                Some(Frame::Offset(_)) => {}
                Some(Frame::Trouble(trouble)) => return Err(Broken::Trouble(trouble)),
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// With the types that are listened to: an offset is one of that selection.
    async fn open(&self, lost: &[Lost]) -> Result<Following, Broken> {
        let api = &self.sources.api;
        let types = &api.settings().event_types;
        let (mut since, time) = start(lost);
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match api.follow(&since, types).await {
                Ok(following) => return Ok(following),
                Err(error) => error,
            };
            let is_refused = matches!(error, ApiError::Offset | ApiError::OffsetExpired)
                || error.status() == Some(400);
            let is_busy = error.status() == Some(403) && error.missing_scopes().is_empty();
            if is_refused && since != time {
                since = time.clone();
            } else if is_busy && tries < TRIES_MAX {
                sleep(Duration::from_secs(1)).await;
            } else {
                return Err(Broken::Api(error));
            }
        }
    }

    /// Takes one in, and says at once what came of it: what is cut off here is known to the journal the next
    /// time.
    async fn take_one(
        &self,
        (one, fates): &Lost,
        event: &str,
        pass: &mut Pass,
    ) -> Result<(), PassError> {
        let taken = self.sources.intake.take_rescued(event.as_bytes()).await;
        let backfilled = taken.map_err(PassError::Write)? == Rescued::TakenIn;
        let judged = vec![(one.no, one.event.time, Judgement { fates: *fates, backfilled })];
        drop(self.sources.journal.judge(judged).await.map_err(PassError::Write)?);
        pass.backfilled += u64::from(backfilled);
        pass.judged += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Digest, EventId};
    use crate::journal::Witnessed;

    fn lost(id: &str, millis: i64, before: Option<&str>) -> Lost {
        let event = Witnessed {
            id: EventId::parse(id).unwrap(),
            kind: "user.updated".into(),
            time: Timestamp::from_millis(millis),
            fingerprint: Digest::of(b""),
            before: before.map(str::to_owned),
        };
        let witness = SettledWitness {
            no: 1,
            told_at: event.time,
            event,
            seen: PerPath::default(),
            is_known: false,
            open: PerPath::default(),
            asked_for: false,
        };
        (witness, PerPath::default())
    }

    fn told(id: &str, millis: i64) -> String {
        format!(r#"{{"id":"{id}","time":"{}"}}"#, Timestamp::from_millis(millis))
    }

    #[test]
    fn events_are_met_in_whatever_order_and_others_passed_by() {
        let all = [lost("evt_1", 1_000, None), lost("evt_2", 5_000, None)];
        let mut sought = Sought::of(&all);
        let mut check = |event: &str, expected: &str| {
            let met = match sought.meet(event) {
                Met::Found((one, _)) => one.event.id.as_str(),
                Met::Another => "another",
                Met::Beyond => "beyond",
            };
            assert_eq!(met, expected);
        };
        check(&told("evt_0", 900), "another");
        check(&told("evt_2", 5_000), "evt_2");
        check("no json", "another");
        check(&told("evt_3", 65_000), "another");
        check(&told("evt_1", 1_000), "evt_1");
        check(&told("evt_1", 1_000), "another");
        check(&told("evt_4", 65_001), "beyond");
        sought.read = READ_MAX - 1;
        assert!(matches!(sought.meet(&told("evt_5", 0)), Met::Beyond));
    }

    #[test]
    fn it_begins_before_the_first_that_was_told() {
        let check = |all: &[Lost], expected: Since| {
            let time = Since::Time(Timestamp::from_millis(1_000));
            assert_eq!(start(all), (expected, time));
        };
        let second = lost("evt_2", 1_000, Some("o5"));
        check(&[lost("evt_1", 2_000, Some("o4")), second.clone()], Since::Offset("o4".into()));
        let time = Timestamp::from_millis(1_000);
        check(&[lost("evt_1", 2_000, None), second], Since::Time(time));
    }
}
