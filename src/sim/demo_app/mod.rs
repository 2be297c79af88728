//! An application that follows its users: the target of the demo.
//!
//! ```text
//! POST /events ─▶ conduct: down? ─▶ intake: signed? an event? new? ─▶ people: who is blocked now
//!                                                                       │
//!          GET /  and  /users/{id}  ◀── pages ◀──────────────────────────┤
//!          GET /live, /users/{id}/live  ◀── live: what changed, as it changes
//! ```
//! It behaves as a good receiver does: checks the signature, drops repeats by `webhook-id`, and
//! answers when it has kept what it was told. It can be made to misbehave: [`Conduct`].

mod assets;
mod conduct;
mod intake;
mod lately;
mod live;
mod news;
mod pages;
mod people;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use http::StatusCode;
use secrecy::{ExposeSecret as _, SecretString};
use standardwebhooks::{Webhook, WebhookError};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::listen::{Limits, Server, bind};
use lately::Lately;
use people::People;

pub use conduct::Conduct;

/// How the application is started.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The port on loopback; 0 takes a free one.
    pub port: u16,
    /// The secret by which deliveries are signed: `whsec_` and base64.
    pub signing_secret: SecretString,
    /// Tells when a delivery arrived.
    pub clock: Clock,
}

/// Why the application can't be started.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The port can't be had.
    #[error("listening on port {port} of loopback")]
    Listen {
        /// The port.
        port: u16,
        /// Why not.
        source: io::Error,
    },
    /// The signing secret is none.
    #[error("reading the signing secret")]
    Secret {
        /// What is wrong with it.
        source: WebhookError,
    },
}

/// An application that takes deliveries and shows what they say. It listens on loopback alone.
#[derive(Debug)]
pub struct DemoApp {
    listener: TcpListener,
    address: SocketAddr,
    desk: Desk,
}

/// What came. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub struct Deliveries(Desk);

/// What all requests share. Cheap to clone.
#[derive(Debug, Clone)]
struct Desk {
    verifier: Arc<Verifier>,
    clock: Clock,
    conduct: Conduct,
    state: Arc<Mutex<State>>,
    /// The number of the last change, for whoever waits for the next.
    changed: Arc<watch::Sender<u64>>,
    viewers: Arc<Semaphore>,
    /// Ends the live parts, which would else hold up the stop.
    stop: CancellationToken,
}

/// Without the key.
struct Verifier(Webhook);

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier(hidden)")
    }
}

#[derive(Debug)]
struct State {
    people: People,
    /// Ids of events that were taken.
    events: Lately,
    /// The same with the route that brought them.
    deliveries: Lately,
    counts: Counts,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    events: usize,
    attempts: u32,
    repeats: u32,
}

const LIMITS: Limits = Limits {
    connections_max: 256,
    head_timeout: Duration::from_secs(10),
    idle_timeout: Duration::from_secs(30),
    head_bytes_max: 64 * 1024,
    stop_within: Duration::from_millis(200),
};
/// EventBridge and SQS take 1 MiB at most, and no event of Auth0 comes near it.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Pages that may be live at once; one more shows what it showed when it was loaded.
const VIEWERS_MAX: usize = 64;
/// A repeat of an event is known for as many others.
const IDS_MAX: usize = 50_000;

impl DemoApp {
    /// Listens on loopback.
    ///
    /// # Errors
    /// When the port can't be had, or the secret is none.
    pub async fn bind(settings: Settings) -> Result<Self, BindError> {
        let Settings { port, signing_secret, clock } = settings;
        let webhook = Webhook::new(signing_secret.expose_secret())
            .map_err(|source| BindError::Secret { source })?;
        let listening = async {
            let listener = bind((Ipv4Addr::LOCALHOST, port).into()).await?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        let (listener, address) =
            listening.await.map_err(|source| BindError::Listen { port, source })?;
        Ok(Self { listener, address, desk: Desk::new(webhook, clock) })
    }

    /// Where events are to be delivered.
    pub fn url(&self) -> String {
        format!("http://{}/events", self.address)
    }

    /// The page to look at.
    pub fn page_url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// What came.
    pub fn deliveries(&self) -> Deliveries {
        Deliveries(self.desk.clone())
    }

    /// Makes it misbehave.
    pub fn conduct(&self) -> Conduct {
        self.desk.conduct.clone()
    }

    /// Takes deliveries and shows pages until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let Self { listener, desk, .. } = self;
        let desk = Desk { stop: stop.clone(), ..desk };
        let refusal = Router::new().fallback(|| async { StatusCode::SERVICE_UNAVAILABLE });
        Server::new(listener, routes(desk), refusal, LIMITS).run(stop).await;
    }
}

fn routes(desk: Desk) -> Router {
    Router::new()
        .route("/", get(pages::people))
        .route("/live", get(live::people))
        .route("/users/{id}", get(pages::session))
        .route("/users/{id}/live", get(live::session))
        .route("/assets/{name}", get(assets::asset))
        .route("/events", post(intake::take))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .fallback(pages::nothing)
        .with_state(desk)
}

impl Desk {
    fn new(webhook: Webhook, clock: Clock) -> Self {
        let state = State {
            people: People::default(),
            events: Lately::up_to(IDS_MAX),
            deliveries: Lately::up_to(IDS_MAX),
            counts: Counts::default(),
        };
        Self {
            verifier: Arc::new(Verifier(webhook)),
            clock,
            conduct: Conduct::default(),
            state: Arc::new(Mutex::new(state)),
            changed: Arc::new(watch::Sender::new(0)),
            viewers: Arc::new(Semaphore::new(VIEWERS_MAX)),
            stop: CancellationToken::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deliveries {
    /// Different events that were taken.
    pub fn events(&self) -> usize {
        self.0.state().counts.events
    }

    /// Times that something came with a good signature, whatever the answer was.
    pub fn attempts(&self) -> u32 {
        self.0.state().counts.attempts
    }

    /// Deliveries that came again after they were taken, by the same route.
    pub fn repeats(&self) -> u32 {
        self.0.state().counts.repeats
    }

    /// Whether a user is blocked, as far as the application was told.
    pub fn is_blocked(&self, user_id: &str) -> Option<bool> {
        self.0.state().people.person(user_id)?.blocked
    }
}
