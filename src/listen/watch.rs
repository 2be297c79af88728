//! Telling a connection that is idle from one whose request's head does not come to its end.
//!
//! hyper has one time-out for both. An idle connection must be left alone for longer than the proxy in
//! front keeps it; a head that takes that long is somebody who holds the place on purpose.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::future::RouteFuture;
use http::{Request, Response};
use hyper::body::Incoming;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};
use tower::Service as _;

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing: the next request may come, or not.
    Idle,
    /// A head is being sent, since then; a new connection owes one.
    Head(Instant),
    /// A request is being answered, its body read included; until the answer goes out.
    Request,
}

/// The phase of one connection. Clones are one.
#[derive(Debug, Clone)]
pub(super) struct Watch(Arc<Mutex<Phase>>);

impl Watch {
    /// A connection that was just opened.
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Phase::Head(Instant::now()))))
    }

    fn set(&self, next: impl FnOnce(Phase) -> Phase) {
        let mut phase = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *phase = next(*phase);
    }

    fn phase(&self) -> Phase {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends when a head has been under way for longer than this, within twice the time.
    pub(super) async fn head_is_late(&self, within: Duration) {
        loop {
            let now = Instant::now();
            let look_at = match self.phase() {
                Phase::Head(since) if since + within <= now => return,
                Phase::Head(since) => since + within,
                Phase::Idle | Phase::Request => now + within,
            };
            sleep_until(look_at).await;
        }
    }

    /// The connection's bytes, watched.
    pub(super) fn stream(&self, stream: TcpStream) -> Watched {
        Watched { stream, watch: self.clone() }
    }

    /// The connection's service, watched.
    pub(super) fn service(&self, router: Router) -> WatchedService {
        WatchedService { router, watch: self.clone() }
    }
}

/// Notices when a head begins, and when an answer goes out.
#[derive(Debug)]
pub(super) struct Watched {
    stream: TcpStream,
    watch: Watch,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.watch.set(|phase| match phase {
                Phase::Idle => Phase::Head(Instant::now()),
                Phase::Head(_) | Phase::Request => phase,
            });
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.watch.set(|_| Phase::Idle);
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.watch.set(|_| Phase::Idle);
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// Notices when a head has come to its end.
#[derive(Debug, Clone)]
pub(super) struct WatchedService {
    router: Router,
    watch: Watch,
}

impl hyper::service::Service<Request<Incoming>> for WatchedService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.watch.set(|_| Phase::Request);
        // A router is always ready.
        self.router.clone().call(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WITHIN: Duration = Duration::from_secs(10);

    /// Whether the connection is cut off within a minute in this phase.
    async fn check(phase: Phase, expected: bool) {
        let watch = Watch::new();
        watch.set(|_| phase);
        let late = tokio::time::timeout(Duration::from_mins(1), watch.head_is_late(WITHIN)).await;
        assert_eq!(late.is_ok(), expected, "{phase:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_head_can_be_late() {
        check(Phase::Idle, false).await;
        check(Phase::Request, false).await;
        check(Phase::Head(Instant::now()), true).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_is_late_within_twice_its_time() {
        let watch = Watch::new();
        watch.set(|_| Phase::Idle);
        let started = Instant::now();
        let begins = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            watch.set(|_| Phase::Head(Instant::now()));
        };
        tokio::join!(begins, watch.head_is_late(WITHIN));
        assert_eq!(started.elapsed(), Duration::from_secs(11));
    }
}
