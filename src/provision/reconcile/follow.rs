//! Listening to the Events API.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::super::auth0::{ApiError, Frame, Since, StreamTrouble};
use super::Sources;
use super::line::Line;
use super::place::{End, Place};
use super::report::{Following, Status};
use crate::event::{Purpose, Timestamp};
use crate::journal::{JournalError, ReadError, Witnessed};
use crate::normalize;
use crate::telemetry::{Chain, FollowingState};

/// Writes down what the Events API tells, without its content, and how far it was heard.
#[derive(Debug)]
pub struct Follower {
    sources: Sources,
    status: watch::Sender<Status>,
    line: Line,
}

/// Why listening broke off.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("Auth0")]
    Api(#[source] ApiError),
    #[error(transparent)]
    Trouble(StreamTrouble),
    #[error("the journal")]
    Read(#[source] ReadError),
    #[error("the journal")]
    Write(#[source] JournalError),
}

/// How far one connection was heard.
#[derive(Debug)]
struct Heard {
    /// The last offset, be it the one to begin after.
    last: Option<String>,
    written_at: Timestamp,
    opened_at: Timestamp,
    /// It was good for a while: what broke it off was not met at its beginning.
    stood: bool,
}

/// The shortest and the longest pause before it is listened again.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));
/// An offset without an event is written down so often at most.
const OFFSET_EVERY: Duration = Duration::from_secs(15);
/// A connection that is there for so long is good: were it dead, the client would give it up some time later.
const STANDS_AFTER: Duration = Duration::from_mins(1);

impl Follower {
    pub(super) fn new(sources: Sources, status: watch::Sender<Status>, line: Line) -> Self {
        Self { sources, status, line }
    }

    /// Listens until `stop`. What was heard and not written down is heard again.
    pub async fn run(self, stop: CancellationToken) {
        let (mut pause, mut place, mut times) = (PAUSE.0, Place::default(), 0);
        let began_at = self.sources.clock.now();
        let state = FollowingState { began_at, heard_at: None, error: None };
        self.sources.health.set_following(state);
        self.tell(|_| {});
        loop {
            self.sources.metrics.set_following(false);
            let now = self.sources.clock.now();
            let mut heard = Heard { last: None, written_at: now, opened_at: now, stood: false };
            let heard_before = self.heard_at();
            let ended = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                ended = self.listen(&mut place, &mut heard) => ended,
            };
            if self.heard_at() > heard_before {
                pause = PAUSE.0;
            }
            times = self.broke_off(ended.as_ref().err(), times);
            if heard.stood {
                place.ended(End::Well, heard.last.as_deref());
            }
            place.ended(
                ended.as_ref().map_or_else(Broken::end, |()| End::Well),
                heard.last.as_deref(),
            );
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = sleep(pause) => {}
            }
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    fn heard_at(&self) -> Option<Timestamp> {
        self.status.borrow().following.as_ref().and_then(|following| following.heard_at)
    }

    fn tell(&self, change: impl FnOnce(&mut Following)) {
        self.status.send_modify(|status| change(status.following.get_or_insert_default()));
    }

    /// Listens to one connection, until it ends, or the line is wanted for something else.
    async fn listen(&self, place: &mut Place, heard: &mut Heard) -> Result<(), Broken> {
        let Sources { api, reader, clock, .. } = &self.sources;
        let _line = self.line.listen().await;
        let known = reader.feed_offset().await.map_err(Broken::Read)?;
        let since = place.since(known.as_ref());
        if let Since::Offset(offset) = &since {
            heard.last = Some(offset.clone());
        }
        let opening = api.follow(&since, &api.settings().event_types);
        let Some(opened) = self.line.unless_wanted(opening).await else { return Ok(()) };
        let mut following = opened.map_err(Broken::Api)?;
        heard.opened_at = clock.now();
        if let (true, Some((_, at))) = (place.has_gap(), &known) {
            self.gap(*at, &since);
        }
        self.tell(|following| following.connected = true);
        loop {
            let next = timeout(STANDS_AFTER, following.next());
            // Between two frames alone: what is being written down must be, or it would be heard again.
            let Some(next) = self.line.unless_wanted(next).await else { return Ok(()) };
            if let Ok(next) = next {
                let Some(frame) = next.map_err(Broken::Api)? else { return Ok(()) };
                self.take(frame, heard).await?;
            }
            self.good(heard);
        }
    }

    async fn take(&self, frame: Frame, heard: &mut Heard) -> Result<(), Broken> {
        let now = self.sources.clock.now();
        match frame {
            Frame::Event { offset, event } => {
                let told = understood(&event, heard.last.replace(offset.clone()));
                heard.written_at = now;
                self.keep(told, offset).await
            }
            Frame::Offset(offset) => {
                heard.last = Some(offset.clone());
                if now < heard.written_at.plus(OFFSET_EVERY) {
                    return Ok(());
                }
                heard.written_at = now;
                self.keep(None, offset).await
            }
            Frame::Trouble(trouble) => {
                // Reference, `EventStreamCloudEventErrorDetail`: it can be used to resume from this position.
                if let Some(offset) = trouble.offset.clone() {
                    if trouble.is_expired() {
                        self.gap(heard.written_at, &Since::Offset(offset.clone()));
                    }
                    heard.last = Some(offset.clone());
                    self.keep(None, offset).await?;
                }
                Err(Broken::Trouble(trouble))
            }
        }
    }

    /// Something was heard, or the connection is good without.
    fn good(&self, heard: &mut Heard) {
        let now = self.sources.clock.now();
        heard.stood |= now >= heard.opened_at.plus(STANDS_AFTER);
        self.tell(|following| {
            following.heard_at = Some(now);
            following.error = None;
        });
        self.sources.metrics.set_following(true);
        self.sources.health.change_following(|state| {
            state.heard_at = Some(now);
            state.error = None;
        });
    }

    /// Tells why it is not heard: aloud the second time, when it is no passing thing, and not again as long as
    /// it is the same. Returns how often it was by now.
    fn broke_off(&self, broken: Option<&Broken>, times: u32) -> u32 {
        let error = broken.map(|broken| Chain(broken).to_string());
        let before = self.status.borrow().following.as_ref().and_then(|is| is.error.clone());
        self.tell(|following| {
            following.connected = false;
            following.error = error.clone().or_else(|| following.error.take());
        });
        let Some(error) = error else { return times };
        let text = Some(error.as_str().into());
        self.sources.health.change_following(|state| state.error = text);
        let times = if before.as_ref() == Some(&error) { times.saturating_add(1) } else { 1 };
        if times == 2 {
            warn!(error, "Auth0's Events API is not heard");
        } else {
            debug!(error, times, "Auth0's Events API is not heard");
        }
        times
    }

    /// Auth0 does not go on where it was last heard.
    fn gap(&self, heard_until: Timestamp, since: &Since) {
        let now = self.sources.clock.now();
        let from = match since {
            Since::Offset(_) => "where Auth0 said",
            Since::Time(_) => "when it was last heard",
            Since::Now => "now",
        };
        warn!(%heard_until, from, "Auth0's Events API can't be taken up where it broke off; there is a gap");
        self.tell(|following| following.gap_until = Some(now));
    }

    async fn keep(&self, told: Option<Witnessed>, offset: String) -> Result<(), Broken> {
        let events = u64::from(told.is_some());
        let told: Vec<_> = told.into_iter().collect();
        drop(self.sources.journal.witness(told, Some(offset)).await.map_err(Broken::Write)?);
        self.tell(|following| following.events += events);
        Ok(())
    }
}

impl Broken {
    /// What that says of the place.
    fn end(&self) -> End {
        match self {
            Self::Api(error) => match error {
                ApiError::Offset | ApiError::OffsetExpired => End::Refused,
                ApiError::Unclear { .. } | ApiError::TooLong { .. } => End::Unreadable,
                // The reference: "Invalid cursor format", or another parameter.
                error if error.status() == Some(400) => End::Refused,
                _ => End::Elsewhere,
            },
            Self::Trouble(trouble) => match (trouble.code.as_str(), &trouble.offset) {
                ("timeout" | "connection_timeout", _) => End::Well,
                ("invalid_cursor" | "cursor_expired", None) => End::Refused,
                _ => End::Unreadable,
            },
            Self::Read(_) | Self::Write(_) => End::Elsewhere,
        }
    }
}

/// What is kept of an event; nothing of a test, which no other path brings, nor of what is no event.
fn understood(event: &str, before: Option<String>) -> Option<Witnessed> {
    match normalize::webhook(event.as_bytes()) {
        Ok(normalized) if normalized.event.purpose == Purpose::Live => {
            Some(Witnessed::of(&normalized.event, before))
        }
        Ok(_) => None,
        Err(rejection) => {
            info!(reason = rejection.reason.as_str(), "the Events API told of no event");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::auth0::Refusal;
    use super::*;

    #[track_caller]
    fn check(broken: &Broken, expected: End) {
        assert_eq!(broken.end(), expected, "{broken}");
    }

    fn trouble(code: &str, offset: Option<&str>) -> Broken {
        let offset = offset.map(str::to_owned);
        Broken::Trouble(StreamTrouble { code: code.to_owned(), message: String::new(), offset })
    }

    #[test]
    fn what_broke_it_off_says_whether_the_place_is_any_good() {
        let what = || "following the events".to_owned();
        let refused = |status| {
            let (message, code, retry_after) = (String::new(), None, None);
            let refusal = Box::new(Refusal { status, message, code, retry_after });
            Broken::Api(ApiError::Refused { what: what(), refusal })
        };
        check(&refused(400), End::Refused);
        for elsewhere in [401, 403, 429, 503] {
            check(&refused(elsewhere), End::Elsewhere);
        }
        check(&Broken::Api(ApiError::OffsetExpired), End::Refused);
        check(&Broken::Api(ApiError::Offset), End::Refused);
        check(&Broken::Api(ApiError::TooLong { what: what(), bytes_max: 1 }), End::Unreadable);
        let within = Duration::from_secs(1);
        check(&Broken::Api(ApiError::TooLate { what: what(), within }), End::Elsewhere);
        check(&trouble("invalid_cursor", None), End::Refused);
        check(&trouble("cursor_expired", None), End::Refused);
        check(&trouble("cursor_expired", Some("o1")), End::Unreadable);
        check(&trouble("payload_too_large", Some("o1")), End::Unreadable);
        check(&trouble("processing_error", None), End::Unreadable);
        check(&trouble("connection_timeout", Some("o1")), End::Well);
    }
}
