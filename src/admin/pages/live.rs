//! Parts of a page that are sent again as they change, by server-sent events.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::unfold;
use futures_util::{Stream, StreamExt as _};
use http::{HeaderName, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, TryAcquireError, watch};
use tokio::time::{MissedTickBehavior, interval};
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

/// What a page is sent next; ends when there will be nothing more.
type Renders = Pin<Box<dyn Stream<Item = Vec<Part>> + Send>>;

/// Renders the parts again and again, and sends those that differ from what was sent last. Where
/// `render` gives `None`, nothing is sent this time. Ends at the stop of the process; the page then
/// asks again.
pub(super) fn stream<F, R>(desk: &Desk, every: Duration, render: F) -> Response
where
    F: Fn() -> R + Send + 'static,
    R: Future<Output = Option<Vec<Part>>> + Send + 'static,
{
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let renders = unfold((ticks, render), async |(mut ticks, render)| {
        ticks.tick().await;
        let parts = render().await.unwrap_or_default();
        Some((parts, (ticks, render)))
    });
    send(desk, Box::pin(renders))
}

/// Likewise, whenever there is a new value.
pub(super) fn stream_of<T, F>(desk: &Desk, values: watch::Receiver<T>, render: F) -> Response
where
    T: Clone + Send + Sync + 'static,
    F: Fn(&T) -> Option<Vec<Part>> + Send + 'static,
{
    let renders = unfold((values, render), async |(mut values, render)| {
        values.changed().await.ok()?;
        let value = values.borrow_and_update().clone();
        let parts = render(&value).unwrap_or_default();
        Some((parts, (values, render)))
    });
    send(desk, Box::pin(renders))
}

fn send(desk: &Desk, renders: Renders) -> Response {
    let permit = match Arc::clone(&desk.viewers).try_acquire_owned() {
        Ok(permit) => permit,
        Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => {
            let said = "too many pages are open; this one is as of when it was loaded\n";
            return (StatusCode::SERVICE_UNAVAILABLE, said).into_response();
        }
    };
    let stop = desk.stop.clone();
    let sender =
        Sender { renders, stop, sent: BTreeMap::new(), due: VecDeque::new(), _permit: permit };
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    let sse = Sse::new(events(sender)).keep_alive(keep_alive);
    // A proxy that gathers the answer would make it anything but live.
    ([(HeaderName::from_static("x-accel-buffering"), "no")], sse).into_response()
}

struct Sender {
    renders: Renders,
    stop: CancellationToken,
    /// What the page has, by id.
    sent: BTreeMap<&'static str, String>,
    due: VecDeque<Part>,
    _permit: OwnedSemaphorePermit,
}

fn events(sender: Sender) -> impl Stream<Item = Result<Event, Infallible>> {
    unfold(sender, async |mut sender| {
        let part = sender.next().await?;
        let event = Event::default().event("part").data(&part.html);
        sender.sent.insert(part.id, part.html);
        Some((Ok(event), sender))
    })
}

impl Sender {
    /// The next part that the page does not have; `None` when the process stops.
    async fn next(&mut self) -> Option<Part> {
        loop {
            if let Some(part) = self.due.pop_front() {
                return Some(part);
            }
            let parts = tokio::select! {
                biased;
                () = self.stop.cancelled() => return None,
                parts = self.renders.next() => parts?,
            };
            let sent = &self.sent;
            self.due.extend(parts.into_iter().filter(|part| sent.get(part.id) != Some(&part.html)));
        }
    }
}
