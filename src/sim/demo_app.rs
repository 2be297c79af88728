//! An application that takes deliveries and remembers which.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use http::{HeaderMap, StatusCode};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::listen::{Limits, Server, bind};

/// An application that takes deliveries. It listens on loopback alone.
#[derive(Debug)]
pub struct DemoApp {
    listener: TcpListener,
    address: SocketAddr,
    deliveries: Deliveries,
}

/// What came, by `webhook-id`. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Deliveries(Arc<Mutex<BTreeMap<String, u32>>>);

const LIMITS: Limits = Limits {
    connections_max: 256,
    head_timeout: Duration::from_secs(10),
    idle_timeout: Duration::from_secs(30),
    head_bytes_max: 64 * 1024,
    stop_within: Duration::from_millis(200),
};

impl DemoApp {
    /// Listens on a free port.
    ///
    /// # Errors
    /// When none can be had.
    pub async fn bind() -> io::Result<Self> {
        let listener = bind((Ipv4Addr::LOCALHOST, 0).into()).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, deliveries: Deliveries::default() })
    }

    /// Where events are to be delivered.
    pub fn url(&self) -> String {
        format!("http://{}/events", self.address)
    }

    /// What came.
    pub fn deliveries(&self) -> Deliveries {
        self.deliveries.clone()
    }

    /// Takes deliveries until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let service = Router::new().route("/events", post(take)).with_state(self.deliveries);
        let refusal = Router::new().fallback(|| async { StatusCode::SERVICE_UNAVAILABLE });
        Server::new(self.listener, service, refusal, LIMITS).run(stop).await;
    }
}

async fn take(State(deliveries): State<Deliveries>, headers: HeaderMap) -> StatusCode {
    let id = headers.get("webhook-id").and_then(|id| id.to_str().ok());
    let Some(id) = id else { return StatusCode::BAD_REQUEST };
    *deliveries.lock().entry(id.to_owned()).or_default() += 1;
    StatusCode::NO_CONTENT
}

impl Deliveries {
    /// Different events that came.
    pub fn events(&self) -> usize {
        self.lock().len()
    }

    /// Times that something came.
    pub fn attempts(&self) -> u32 {
        self.lock().values().sum()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
