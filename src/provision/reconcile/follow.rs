//! Listening to the Events API.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::super::auth0::{ApiError, Frame, Since};
use super::Sources;
use super::report::{Following, Status};
use crate::event::{Purpose, Timestamp};
use crate::journal::{JournalError, ReadError, Witnessed};
use crate::normalize;
use crate::telemetry::Chain;

/// Writes down what the Events API tells, without its content, and how far it was heard.
#[derive(Debug)]
pub struct Follower {
    sources: Sources,
    status: watch::Sender<Status>,
}

/// Why listening broke off.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("Auth0")]
    Api(#[source] ApiError),
    #[error("Auth0 ended the stream: {0}")]
    Ended(String),
    #[error("the journal")]
    Read(#[source] ReadError),
    #[error("the journal")]
    Write(#[source] JournalError),
}

/// The shortest and the longest pause before it is listened again.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));
/// An offset without an event is written down so often at most.
const OFFSET_EVERY: Duration = Duration::from_secs(15);

impl Follower {
    pub(super) fn new(sources: Sources, status: watch::Sender<Status>) -> Self {
        Self { sources, status }
    }

    /// Listens until `stop`. What was heard and not written down is heard again.
    pub async fn run(self, stop: CancellationToken) {
        let mut pause = PAUSE.0;
        self.tell(|_| {});
        loop {
            let heard_before = self.heard();
            let ended = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                ended = self.listen() => ended,
            };
            if self.heard() > heard_before {
                pause = PAUSE.0;
            }
            if let Err(error) = &ended {
                debug!(error = %Chain(error), "the Events API is not heard");
            }
            self.tell(|following| {
                following.connected = false;
                following.error = ended.as_ref().err().map(|error| Chain(error).to_string());
            });
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = sleep(pause) => {}
            }
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    fn heard(&self) -> Option<Timestamp> {
        self.status.borrow().following.as_ref().and_then(|following| following.heard_at)
    }

    fn tell(&self, change: impl FnOnce(&mut Following)) {
        self.status.send_modify(|status| {
            change(status.following.get_or_insert(Following {
                connected: false,
                events: 0,
                heard_at: None,
                error: None,
                gap_until: None,
            }));
        });
    }

    /// Listens to one connection, until it ends.
    async fn listen(&self) -> Result<(), Broken> {
        let Sources { api, reader, clock, .. } = &self.sources;
        let known = reader.feed_offset().await.map_err(Broken::Read)?;
        let since = match &known {
            Some((offset, _)) => Since::Offset(offset.clone()),
            None => Since::Now,
        };
        let types = &api.settings().event_types;
        let mut following = match api.follow(&since, types).await {
            Err(ApiError::OffsetExpired) => {
                self.forget(known.as_ref().map(|(_, at)| *at));
                api.follow(&Since::Now, types).await.map_err(Broken::Api)?
            }
            other => other.map_err(Broken::Api)?,
        };
        self.tell(|following| {
            following.connected = true;
            following.error = None;
        });
        let mut last = known.map(|(offset, _)| offset);
        let mut written_at = clock.now();
        while let Some(frame) = following.next().await.map_err(Broken::Api)? {
            let now = clock.now();
            match frame {
                Frame::Event { offset, event } => {
                    let told = understood(&event, last.replace(offset.clone()));
                    self.keep(told, offset).await?;
                    written_at = now;
                }
                Frame::Offset(offset) => {
                    last = Some(offset.clone());
                    if now >= written_at.plus(OFFSET_EVERY) {
                        self.keep(None, offset).await?;
                        written_at = now;
                    }
                }
                Frame::Trouble(trouble) if trouble.is_expired() => {
                    self.forget(Some(written_at));
                    return Err(Broken::Ended(trouble.to_string()));
                }
                Frame::Trouble(trouble) => return Err(Broken::Ended(trouble.to_string())),
            }
            self.tell(|following| following.heard_at = Some(now));
        }
        Ok(())
    }

    /// Auth0 has forgotten what came after the last offset: from here on it is listened anew.
    fn forget(&self, heard_until: Option<Timestamp>) {
        let now = self.sources.clock.now();
        let until = heard_until.map(tracing::field::display);
        warn!(
            heard_until = until,
            "Auth0's Events API has forgotten where we were; there is a gap"
        );
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
