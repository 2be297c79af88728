//! What changes on a page, sent as it changes: server-sent events whose data is HTML.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::unfold;
use http::{HeaderMap, HeaderName, StatusCode};
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{Desk, pages};

/// Where a page asks from.
#[derive(Debug, Deserialize)]
pub(super) struct From {
    /// The number of the last change that the page shows.
    after: Option<u64>,
}

/// What a page shows.
#[derive(Debug)]
enum View {
    People,
    Session(String),
}

struct Viewer {
    desk: Desk,
    view: View,
    /// The last change that was sent.
    after: u64,
    changed: watch::Receiver<u64>,
    stop: CancellationToken,
    _permit: OwnedSemaphorePermit,
}

/// Changes within this time are sent together.
const GATHER: Duration = Duration::from_millis(100);
/// A comment goes out when nothing else did for so long, so that a page that is gone is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

pub(super) async fn people(
    State(desk): State<Desk>,
    Query(from): Query<From>,
    headers: HeaderMap,
) -> Response {
    stream(desk, View::People, &from, &headers)
}

pub(super) async fn session(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    Query(from): Query<From>,
    headers: HeaderMap,
) -> Response {
    stream(desk, View::Session(id), &from, &headers)
}

fn stream(desk: Desk, view: View, from: &From, headers: &HeaderMap) -> Response {
    let Ok(permit) = Arc::clone(&desk.viewers).try_acquire_owned() else {
        let said = "too many pages are open; this one is as of when it was loaded\n";
        return (StatusCode::SERVICE_UNAVAILABLE, said).into_response();
    };
    // A browser that lost the line says what it got last.
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let (changed, stop) = (desk.changed.subscribe(), desk.stop.clone());
    // A page that knows of more than there is has seen another run of the application.
    let after = last.or(from.after).filter(|after| *after <= *changed.borrow()).unwrap_or(0);
    let viewer = Viewer { desk, view, after, changed, stop, _permit: permit };
    let events = unfold(viewer, async |mut viewer| {
        let event = viewer.next().await?;
        Some((Ok::<_, Infallible>(event), viewer))
    });
    let sse = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    // A proxy that gathers the answer would make it anything but live.
    ([(HeaderName::from_static("x-accel-buffering"), "no")], sse).into_response()
}

impl Viewer {
    /// The next parts to put into the page; `None` when the application stops.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let newer = self.changed.wait_for(|version| *version != self.after);
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return None,
                newer = newer => drop(newer.ok()?),
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return None,
                () = sleep(GATHER) => {}
            }
            let (version, html) = match &self.view {
                View::People => pages::people_since(&self.desk, self.after),
                View::Session(id) => pages::session_since(&self.desk, id, self.after),
            };
            self.after = version;
            if !html.is_empty() {
                return Some(Event::default().event("parts").id(version.to_string()).data(html));
            }
        }
    }
}
