//! An application that answers as it is told, and remembers what came.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Delivery {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn id(&self) -> &str {
        self.header("webhook-id")
    }
}

/// How the target answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// With this status.
    Answer(u16),
    /// With this status and this text.
    Say(u16, &'static str),
    /// 503 with `Retry-After` of so many seconds.
    ComeBack(u64),
    /// 302 to another place.
    Redirect,
    /// Never, within the patience of any test.
    Stall,
    /// After a while, with 204.
    Slow(Duration),
}

/// Decides for each delivery; the number counts them from 0.
type Script = Box<dyn Fn(usize, &Delivery) -> Behaviour + Send + Sync>;

struct Shared {
    script: Script,
    came: Mutex<Vec<Delivery>>,
}

pub(crate) struct Target {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: Option<JoinHandle<()>>,
}

impl Target {
    pub(crate) async fn start(
        script: impl Fn(usize, &Delivery) -> Behaviour + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { script: Box::new(script), came: Mutex::new(Vec::new()) });
        let mut target = Self { address, shared, server: None };
        target.serve(listener);
        target
    }

    /// Answers 204 to everything.
    pub(crate) async fn up() -> Self {
        Self::start(|_, _| Behaviour::Answer(204)).await
    }

    fn serve(&mut self, listener: TcpListener) {
        let router = Router::new().fallback(take).with_state(Arc::clone(&self.shared));
        self.server =
            Some(tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }));
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/events", self.address)
    }

    /// Closes the listener and every connection: connections are refused from now on.
    pub(crate) async fn go_down(&mut self) {
        let server = self.server.take().unwrap();
        server.abort();
        drop(server.await);
    }

    /// Listens again, at the same address.
    pub(crate) fn come_up(&mut self) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(self.address).unwrap();
        self.serve(socket.listen(1_024).unwrap());
    }

    /// Everything that came, in order, failed attempts too.
    pub(crate) fn came(&self) -> Vec<Delivery> {
        self.shared.came.lock().unwrap().clone()
    }
}

/// A target that answers 503 while it is down.
pub(crate) struct Fragile {
    pub(crate) target: Target,
    pub(crate) is_down: Arc<AtomicBool>,
}

impl Fragile {
    pub(crate) async fn down() -> Self {
        let is_down = Arc::new(AtomicBool::new(true));
        let seen = Arc::clone(&is_down);
        let target = Target::start(move |_, _| {
            Behaviour::Answer(if seen.load(Ordering::SeqCst) { 503 } else { 204 })
        })
        .await;
        Self { target, is_down }
    }

    pub(crate) fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::SeqCst);
    }
}

async fn take(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let delivery = Delivery { headers, body };
    let behaviour = {
        let mut came = shared.came.lock().unwrap();
        let behaviour = (shared.script)(came.len(), &delivery);
        came.push(delivery);
        behaviour
    };
    let respond = |status: u16| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        response
    };
    match behaviour {
        Behaviour::Answer(status) => respond(status),
        Behaviour::Say(status, text) => {
            let mut response = respond(status);
            *response.body_mut() = Body::from(text);
            response
        }
        Behaviour::ComeBack(seconds) => {
            let mut response = respond(503);
            response.headers_mut().insert("retry-after", seconds.into());
            response
        }
        Behaviour::Redirect => {
            let mut response = respond(302);
            response.headers_mut().insert("location", "/elsewhere".parse().unwrap());
            response
        }
        Behaviour::Stall => std::future::pending().await,
        Behaviour::Slow(pause) => {
            tokio::time::sleep(pause).await;
            respond(204)
        }
    }
}
