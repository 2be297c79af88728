//! Serving HTTP/1.1 on a listener with a bound on everything a client can do.
//!
//! The doors and the admin pages share it. It knows nothing of what it serves.

mod inherited;
mod watch;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

pub use self::inherited::{Inherited, InheritedError};
use self::watch::{Watch, Watched, WatchedService};
use crate::telemetry::Chain;

/// What a client may do at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at once. Some more are answered with a refusal, the rest wait in the
    /// listener's backlog.
    pub connections_max: usize,
    /// A connection on which a request's head has not come to its end after this long is closed, within
    /// twice the time.
    pub head_timeout: Duration,
    /// A connection on which nothing is sent for this long is closed.
    pub idle_timeout: Duration,
    /// The longest head of a request, in bytes; hyper answers 431 above it.
    pub head_bytes_max: usize,
    /// After a stop, requests under way may take this long.
    pub stop_within: Duration,
}

/// Connections above the limit that are told so at once, rather than left waiting.
const REFUSED_AT_ONCE_MAX: usize = 64;
/// A connection above the limit that has not sent its request's head by then is closed.
const REFUSED_WITHIN: Duration = Duration::from_secs(2);
/// The pause after a connection could not be accepted.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(50);
/// How often that is said, while it lasts.
const SAID_AGAIN_AFTER: Duration = Duration::from_mins(1);

/// Listens on an address.
///
/// # Errors
/// When the address can't be had.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Serves one listener; see [`Server::run`].
#[derive(Debug, Clone)]
pub struct Server {
    listener: Arc<TcpListener>,
    serving: Serving,
}

#[derive(Debug, Clone)]
struct Serving {
    service: Router,
    refusal: Router,
    limits: Limits,
    /// One for each connection that may be open, those to be refused included.
    seats: Arc<Semaphore>,
    /// One for each connection that is served.
    places: Arc<Semaphore>,
    share: Arc<Share>,
}

/// Has the clones of a server take connections in turns, so that each serves as many as the others.
/// Left to chance, a burst of 64 connections was seen to fall 48 to 16 on two, and one core waited
/// for the other.
#[derive(Debug, Default)]
struct Share {
    acceptors: AtomicUsize,
    open: AtomicUsize,
    opened: Notify,
}

impl Share {
    /// Whether one that has this many connections has no more than the average. One always has.
    fn is_fair(&self, connections: usize) -> bool {
        let acceptors = self.acceptors.load(Ordering::Relaxed);
        connections.saturating_mul(acceptors) <= self.open.load(Ordering::Relaxed)
    }

    fn opened(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
        // The average has grown: whoever was over it may not be any more.
        self.opened.notify_waiters();
    }

    fn closed(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Server {
    /// `refusal` answers requests on connections above the limit.
    pub fn new(listener: TcpListener, service: Router, refusal: Router, limits: Limits) -> Self {
        let places = Arc::new(Semaphore::new(limits.connections_max));
        let seats = Arc::new(Semaphore::new(limits.connections_max + REFUSED_AT_ONCE_MAX));
        let share = Arc::default();
        let serving = Serving { service, refusal, limits, seats, places, share };
        Self { listener: Arc::new(listener), serving }
    }

    /// Accepts and serves until `stop`, then lets requests under way finish, for
    /// [`Limits::stop_within`] at most. Several clones may run at once on one listener, one for each
    /// core.
    pub async fn run(self, stop: CancellationToken) {
        let Self { listener, serving } = self;
        let mut connections = FuturesUnordered::new();
        let share = &serving.share;
        share.acceptors.fetch_add(1, Ordering::Relaxed);
        let (mut accept_from, mut say_from) = (Instant::now(), Instant::now());
        loop {
            // Before the question, so that no answer is missed.
            let opened = share.opened.notified();
            let is_fair = share.is_fair(connections.len());
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(()) = connections.next() => share.closed(),
                () = opened, if !is_fair => {}
                accepted = serving.accept(&listener, accept_from), if is_fair => match accepted {
                    Ok((stream, peer, place)) => {
                        share.opened();
                        connections.push(serving.serve(stream, peer, place, stop.clone()));
                    }
                    Err(error) => {
                        // Out of file descriptors, most likely: a moment may free some.
                        let now = Instant::now();
                        accept_from = now + ACCEPT_AGAIN_AFTER;
                        if now >= say_from {
                            say_from = now + SAID_AGAIN_AFTER;
                            warn!(error = %Chain(&error), "connections can't be accepted");
                        }
                    }
                }
            }
        }
        drop(listener);
        let drained = async { while connections.next().await.is_some() {} };
        if tokio::time::timeout(serving.limits.stop_within, drained).await.is_err() {
            warn!("connections cut off: their requests took too long after the stop");
        }
    }
}

impl Serving {
    async fn accept(
        &self,
        listener: &TcpListener,
        from: Instant,
    ) -> io::Result<(TcpStream, SocketAddr, Place)> {
        sleep_until(from).await;
        // A seat is held while waiting for a connection, a place is not: those who wait would else
        // take the last places from the connections that come.
        let seat = Arc::clone(&self.seats).acquire_owned().await.map_err(io::Error::other)?;
        let (stream, peer) = listener.accept().await?;
        // A small answer must not wait for an acknowledgement. A connection that is broken by now
        // says so when it is read.
        drop(stream.set_nodelay(true));
        let served = Arc::clone(&self.places).try_acquire_owned().ok();
        Ok((stream, peer, Place { served, _seat: seat }))
    }

    async fn serve(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        place: Place,
        stop: CancellationToken,
    ) {
        // A seat of the few for refusals is not for waiting in.
        let (head_timeout, idle_timeout) = match &place.served {
            Some(_) => (self.limits.head_timeout, self.limits.idle_timeout),
            None => (self.limits.head_timeout.min(REFUSED_WITHIN), REFUSED_WITHIN),
        };
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            // Counts from the last answer, too: it is hyper's time-out of an idle connection as well.
            .header_read_timeout(idle_timeout.max(head_timeout))
            // Who closes its half after the request still waits for the answer.
            .half_close(true)
            .max_buf_size(self.limits.head_bytes_max);
        let router = if place.served.is_some() { &self.service } else { &self.refusal };
        let watch = Watch::new();
        let io = TokioIo::new(watch.stream(stream));
        let connection = builder.serve_connection(io, watch.service(router.clone()));
        let result = tokio::select! {
            result = drive(connection, stop) => result,
            () = watch.head_is_late(head_timeout) => {
                debug!(client = %peer, "a request's head did not come to its end");
                Ok(())
            }
        };
        if let Err(error) = result {
            debug!(client = %peer, error = %Chain(&error), "connection ended early");
        }
        drop(place);
    }
}

/// What a connection holds while it is open.
struct Place {
    /// Above the limit of connections there is none: it is told so, and no more.
    served: Option<OwnedSemaphorePermit>,
    _seat: OwnedSemaphorePermit,
}

/// Serves a connection to its end; at a stop, after the request under way.
async fn drive(
    connection: http1::Connection<TokioIo<Watched>, WatchedService>,
    stop: CancellationToken,
) -> hyper::Result<()> {
    tokio::pin!(connection);
    tokio::select! {
        result = connection.as_mut() => return result,
        () = stop.cancelled() => {}
    }
    connection.as_mut().graceful_shutdown();
    connection.await
}
