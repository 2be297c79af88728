//! Serving HTTP/1.1 on a listener with a bound on everything a client can do.
//!
//! The doors and the admin pages share it. It knows nothing of what it serves.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt as _};
use tracing::{debug, warn};

use crate::telemetry::Chain;

/// What a client may do at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at once. Some more are answered with a refusal, the rest wait in the
    /// listener's backlog.
    pub connections_max: usize,
    /// A connection that is idle, or still sending a request's head, for this long is closed.
    pub head_timeout: Duration,
    /// The longest head of a request, in bytes; hyper answers 431 above it.
    pub head_bytes_max: usize,
    /// After a stop, requests under way may take this long.
    pub stop_within: Duration,
}

/// Connections above the limit that are told so at once, rather than left waiting.
const REFUSED_AT_ONCE_MAX: usize = 64;

/// Listens on an address.
///
/// # Errors
/// When the address can't be had.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Serves one listener; see [`Server::run`].
#[derive(Debug, Clone)]
pub struct Server<S, R> {
    listener: Arc<TcpListener>,
    serving: Serving<S, R>,
}

#[derive(Debug, Clone)]
struct Serving<S, R> {
    service: S,
    refusal: R,
    limits: Limits,
    places: Arc<Semaphore>,
    refusals: Arc<Semaphore>,
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

impl<S, R> Server<S, R>
where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send,
    R: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    R::Future: Send,
{
    /// `refusal` answers requests on connections above the limit.
    pub fn new(listener: TcpListener, service: S, refusal: R, limits: Limits) -> Self {
        let places = Arc::new(Semaphore::new(limits.connections_max));
        let refusals = Arc::new(Semaphore::new(REFUSED_AT_ONCE_MAX));
        let share = Arc::default();
        let serving = Serving { service, refusal, limits, places, refusals, share };
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
        loop {
            // Before the question, so that no answer is missed.
            let opened = share.opened.notified();
            let is_fair = share.is_fair(connections.len());
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(()) = connections.next() => share.closed(),
                () = opened, if !is_fair => {}
                accepted = serving.accept(&listener), if is_fair => match accepted {
                    Ok((stream, peer, place)) => {
                        share.opened();
                        connections.push(serving.serve(stream, peer, place, stop.clone()));
                    }
                    Err(error) => {
                        // Out of file descriptors, most likely: a moment may free some.
                        warn!(error = %Chain(&error), "accepting a connection");
                        tokio::time::sleep(Duration::from_millis(50)).await;
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

impl<S, R> Serving<S, R>
where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send,
    R: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    R::Future: Send,
{
    async fn accept(&self, listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr, Place)> {
        let place = tokio::select! {
            biased;
            Ok(permit) = Arc::clone(&self.places).acquire_owned() => Place::Served(permit),
            Ok(permit) = Arc::clone(&self.refusals).acquire_owned() => Place::Refused(permit),
            else => return Err(io::Error::other("the server is closed")),
        };
        let (stream, peer) = listener.accept().await?;
        // A small answer must not wait for an acknowledgement.
        stream.set_nodelay(true)?;
        Ok((stream, peer, place))
    }

    async fn serve(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        place: Place,
        stop: CancellationToken,
    ) {
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.head_timeout)
            .max_buf_size(self.limits.head_bytes_max);
        let io = TokioIo::new(stream);
        let result = match &place {
            Place::Served(_) => {
                let service = with_peer(self.service.clone(), peer);
                drive(builder.serve_connection(io, TowerToHyperService::new(service)), stop).await
            }
            Place::Refused(_) => {
                let service = self.refusal.clone();
                drive(builder.serve_connection(io, TowerToHyperService::new(service)), stop).await
            }
        };
        if let Err(error) = result {
            debug!(client = %peer, error = %Chain(&error), "connection ended early");
        }
        drop(place);
    }
}

/// What a connection holds while it is open.
enum Place {
    Served(#[expect(dead_code, reason = "held, not read")] tokio::sync::OwnedSemaphorePermit),
    Refused(#[expect(dead_code, reason = "held, not read")] tokio::sync::OwnedSemaphorePermit),
}

fn with_peer<S>(
    service: S,
    peer: SocketAddr,
) -> impl Service<Request<Incoming>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone
where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible> + Clone,
    S::Future: Send,
{
    service.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request
    })
}

/// Serves a connection to its end; at a stop, after the request under way.
async fn drive<S>(
    connection: http1::Connection<TokioIo<TcpStream>, S>,
    stop: CancellationToken,
) -> hyper::Result<()>
where
    S: hyper::service::HttpService<
            Incoming,
            ResBody = Body,
            Error: std::error::Error + Send + Sync,
        >,
{
    tokio::pin!(connection);
    tokio::select! {
        result = connection.as_mut() => return result,
        () = stop.cancelled() => {}
    }
    connection.as_mut().graceful_shutdown();
    connection.await
}
