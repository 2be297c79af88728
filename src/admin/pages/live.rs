//! Parts of a page that are sent again as they change, by server-sent events.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::Stream;
use futures_util::stream::unfold;
use http::{HeaderName, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, TryAcquireError};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::Desk;

/// One element of a page in HTML, with the id by which the page finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) id: &'static str,
    pub(super) html: String,
}

/// A comment goes out when nothing else did for so long, so that a page that is gone is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Renders the parts again and again, and sends those that differ from what was sent last. Where
/// `render` gives `None`, nothing is sent this time. Ends at the stop of the process; the page then
/// asks again.
pub(super) fn stream<F, R>(desk: &Desk, every: Duration, render: F) -> Response
where
    F: Fn() -> R + Send + 'static,
    R: Future<Output = Option<Vec<Part>>> + Send + 'static,
{
    let permit = match Arc::clone(&desk.viewers).try_acquire_owned() {
        Ok(permit) => permit,
        Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => {
            let said = "too many pages are open; this one is as of when it was loaded\n";
            return (StatusCode::SERVICE_UNAVAILABLE, said).into_response();
        }
    };
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let stop = desk.stop.clone();
    let sender = Sender {
        render,
        ticks,
        stop,
        sent: BTreeMap::new(),
        due: VecDeque::new(),
        _permit: permit,
    };
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    let sse = Sse::new(events(sender)).keep_alive(keep_alive);
    // A proxy that gathers the answer would make it anything but live.
    ([(HeaderName::from_static("x-accel-buffering"), "no")], sse).into_response()
}

struct Sender<F> {
    render: F,
    ticks: Interval,
    stop: CancellationToken,
    /// What the page has, by id.
    sent: BTreeMap<&'static str, String>,
    due: VecDeque<Part>,
    _permit: OwnedSemaphorePermit,
}

fn events<F, R>(sender: Sender<F>) -> impl Stream<Item = Result<Event, Infallible>>
where
    F: Fn() -> R + Send + 'static,
    R: Future<Output = Option<Vec<Part>>> + Send + 'static,
{
    unfold(sender, async |mut sender| {
        let part = sender.next().await?;
        let event = Event::default().event("part").data(&part.html);
        sender.sent.insert(part.id, part.html);
        Some((Ok(event), sender))
    })
}

impl<F, R> Sender<F>
where
    F: Fn() -> R,
    R: Future<Output = Option<Vec<Part>>>,
{
    /// The next part that the page does not have; `None` when the process stops.
    async fn next(&mut self) -> Option<Part> {
        loop {
            if let Some(part) = self.due.pop_front() {
                return Some(part);
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return None,
                _ = self.ticks.tick() => {}
            }
            let parts = (self.render)().await.unwrap_or_default();
            let sent = &self.sent;
            self.due.extend(parts.into_iter().filter(|part| sent.get(part.id) != Some(&part.html)));
        }
    }
}
