//! A stand-in for a tenant's Management API: event streams, what they could not deliver, redelivery, test
//! events, and the Events API.
//!
//! It follows the reference (August 2026) and, where recorded replies differ, those. What neither tells was
//! chosen; the doc comment at the place says so. What happens in the tenant is told to it by
//! [`Handle::happen`], and goes out by every stream that is on and subscribed, through the same carriers and
//! by the same rules as in a simulated play.

mod access;
mod deliveries;
mod events;
mod handle;
mod refusal;
mod send;
mod server;
mod state;
mod streams;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use http::StatusCode;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;

pub use handle::{Handle, Recorded, StreamNow};
pub use state::{ListShape, Telling};

use super::stream::Rules;
use crate::clock::Clock;
use crate::listen::{Limits, Server, bind};
use crate::sim::aws;
use send::Job;
use state::State;

/// How the stand-in is set up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The tenant's domain; part of the audience that a token is asked for.
    pub domain: String,
    /// The application that may have tokens.
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretString,
    /// What it may do.
    pub scopes: Vec<String>,
    /// How long a token is good.
    pub token_life: Duration,
    /// How streams send.
    pub rules: Rules,
    /// Where webhooks really go, by the `https://` address that a stream has; as it stands where none is
    /// given.
    pub reach: BTreeMap<String, String>,
    /// Where partner event sources appear.
    pub aws: Option<aws::Handle>,
    /// The time.
    pub clock: Clock,
    /// What ids are drawn from.
    pub seed: u64,
    /// How the Events API behaves.
    pub events: EventsSettings,
    /// Event streams that the plan has room for.
    pub streams_max: usize,
}

/// How the Events API behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventsSettings {
    /// How often something is sent while nothing happens.
    pub heartbeat: Duration,
    /// A connection is closed after this long, whatever happens.
    pub close_after: Duration,
    /// Connections at a time: 1, 4 or 8 by plan (Auth0 docs, "Consume Events with the Events API").
    pub connections_max: usize,
    /// So many events are kept; an offset before them has expired.
    pub kept_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            domain: "example-tenant.eu.auth0.com".to_owned(),
            client_id: "client".to_owned(),
            client_secret: SecretString::from("client-secret"),
            scopes: access::SCOPES.map(str::to_owned).to_vec(),
            token_life: Duration::from_hours(24),
            rules: Rules::default(),
            reach: BTreeMap::new(),
            aws: None,
            clock: Clock::System,
            seed: 0,
            events: EventsSettings::default(),
            streams_max: 20,
        }
    }
}

impl Default for EventsSettings {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(15),
            close_after: Duration::from_mins(5),
            connections_max: 4,
            kept_max: 10_000,
        }
    }
}

/// The stand-in, bound and not yet served.
#[derive(Debug)]
pub struct Management {
    listener: TcpListener,
    shared: Arc<Shared>,
    jobs: mpsc::Receiver<Job>,
}

/// What all requests share.
#[derive(Debug)]
struct Shared {
    settings: Settings,
    address: SocketAddr,
    state: Mutex<State>,
    /// What is sent without anybody waiting for it.
    jobs: mpsc::Sender<Job>,
    /// The number of the last event, for those who follow.
    happened: watch::Sender<u64>,
    followers: Arc<Semaphore>,
    stop: CancellationToken,
}

const LIMITS: Limits = Limits {
    connections_max: 256,
    head_timeout: Duration::from_secs(10),
    idle_timeout: Duration::from_secs(30),
    head_bytes_max: 64 * 1024,
    stop_within: Duration::from_millis(200),
};
/// Redeliveries and tests that wait; for more there is no place, which is a 429.
const JOBS_MAX: usize = 10_000;

impl Management {
    /// Listens at this address; port 0 takes a free one.
    ///
    /// # Errors
    /// When the address can't be had.
    pub async fn bind(address: SocketAddr, settings: Settings) -> io::Result<Self> {
        let listener = bind(address).await?;
        let address = listener.local_addr()?;
        let (jobs, waiting) = mpsc::channel(JOBS_MAX);
        let followers = Arc::new(Semaphore::new(settings.events.connections_max));
        let state = Mutex::new(State::new(&settings));
        let (happened, _) = watch::channel(0);
        let stop = CancellationToken::new();
        let shared = Shared { settings, address, state, jobs, happened, followers, stop };
        Ok(Self { listener, shared: Arc::new(shared), jobs: waiting })
    }

    /// Its address, for `auth0.endpoint_url`.
    pub fn url(&self) -> String {
        format!("http://{}", self.shared.address)
    }

    /// A handle, good also while and after it is served.
    pub fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.shared))
    }

    /// Serves until `stop`. What is being sent then is cut off.
    pub async fn run(self, stop: CancellationToken) {
        let Self { listener, shared, mut jobs } = self;
        let refusal = Router::new().fallback(|| async { StatusCode::SERVICE_UNAVAILABLE });
        let service = Router::new().fallback(server::answer).with_state(Arc::clone(&shared));
        let mut served =
            std::pin::pin!(Server::new(listener, service, refusal, LIMITS).run(stop.clone()));
        let mut sending = FuturesUnordered::new();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(()) = sending.next() => {}
                () = served.as_mut() => return,
                Some(job) = jobs.recv() => sending.push(shared.carry_out(job)),
            }
        }
        // Else those who follow would hold up the end.
        shared.stop.cancel();
        served.await;
    }
}
