//! Pages, health, metrics and the API, on a listener of their own.

mod api;
mod guard;
mod health;
mod orders;
mod pages;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use http::{HeaderValue, StatusCode, header};
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;

use crate::clock::Clock;
use crate::compare;
use crate::dead_letters::DeadLetters;
use crate::event::{PathSet, Timestamp};
use crate::journal::{Journal, Reader};
use crate::listen::{Limits, Server};
use crate::provision::reconcile;
use crate::telemetry::{Health, Metrics};

/// Where the admin listener is, and who may ask it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its address.
    pub listen: SocketAddr,
    /// Demanded of everything but the probes, when there is one.
    pub token: Option<SecretString>,
    /// What a client may do at most.
    pub limits: Limits,
}

/// What the pages are made of. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sources {
    /// Which doors the configuration opens.
    pub mode: PathSet,
    /// Asked whether it can commit.
    pub journal: Journal,
    /// Everything that is shown.
    pub reader: Reader,
    /// Dead letters, wherever they lie.
    pub letters: DeadLetters,
    /// The names of the configuration's targets.
    pub targets: Arc<[Arc<str>]>,
    /// What else the configuration says, for the page on the set-up's health.
    pub setup: Arc<Setup>,
    /// How the paths are compared.
    pub compare: compare::Settings,
    /// Where passes of `reconcile` are ordered, when a tenant is named.
    pub reconcile: Option<reconcile::Desk>,
    /// The state of the doors.
    pub health: Health,
    /// What is counted.
    pub metrics: Metrics,
    /// The time now.
    pub clock: Clock,
}

/// What the configuration says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Setup {
    /// The webhook's secrets by label, and from when on each is refused.
    pub secrets: Vec<(String, Option<Timestamp>)>,
    /// The SQS queue.
    pub queue_url: Option<String>,
    /// Whether the messages of queue and rule that failed can be looked at: that their dead-letter queues
    /// are known.
    pub rule_letters_known: bool,
    /// Routes with their targets.
    pub routes: Vec<(String, String)>,
    /// Targets whose deliveries are not signed.
    pub unsigned_targets: Vec<String>,
    /// The journal's file.
    pub journal_path: PathBuf,
    /// How long events are kept.
    pub keep: Duration,
    /// Above this size of the file, in bytes, the oldest events are deleted.
    pub journal_bytes_max: u64,
    /// What is allowed, and yet better otherwise.
    pub warnings: Vec<String>,
}

/// No answer of this listener takes longer.
const ANSWER_WITHIN: Duration = Duration::from_mins(1);
/// Orders are short.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// What is nowhere, said to people and to scripts.
async fn missing(desk: pages::Desk, nothing: Router, request: Request) -> Response {
    match pages::missing(&desk, &request) {
        Some(page) => page,
        None => match nothing.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        },
    }
}

/// Serves until `stop`.
pub fn run(
    listener: TcpListener,
    settings: &Settings,
    sources: Sources,
    stop: CancellationToken,
) -> impl Future<Output = ()> + Send + 'static {
    let guard = guard::Guard::new(settings.token.as_ref());
    let desk = pages::Desk::new(sources.clone(), settings.token.as_ref(), stop.clone());
    let asked = desk.clone();
    let guarded = Router::new()
        .route("/metrics", get(health::metrics))
        .route("/api/v1/status", get(api::status))
        .route("/api/v1/events", get(api::events))
        .route("/api/v1/events/{id}", get(api::event))
        .route("/api/v1/events/erase", post(api::erase::erase))
        .route("/api/v1/compare", get(api::compare))
        .route("/api/v1/targets", get(api::targets::list))
        .route("/api/v1/targets/{name}/pause", post(api::targets::pause))
        .route("/api/v1/targets/{name}/resume", post(api::targets::resume))
        .route("/api/v1/dead-letters", get(api::letters::list))
        .route("/api/v1/dead-letters/{id}", get(api::letters::show))
        .route("/api/v1/dead-letters/redrive", post(api::letters::redrive))
        .route("/api/v1/dead-letters/discard", post(api::letters::discard))
        .route("/api/v1/quarantine", get(api::quarantine::list))
        .route("/api/v1/quarantine/{no}", get(api::quarantine::show))
        .route("/api/v1/quarantine/{no}/raw", get(api::quarantine::raw))
        .route("/api/v1/quarantine/reprocess", post(api::quarantine::reprocess))
        .route("/api/v1/quarantine/discard", post(api::quarantine::discard))
        .route("/api/v1/reconcile", get(api::reconcile::show).post(api::reconcile::order))
        .route("/api/v1/orders", get(api::orders::list))
        .route("/api/v1/orders/{no}", get(api::orders::show))
        .route("/api/v1/orders/{no}/stop", post(api::orders::stop))
        .layer(from_fn_with_state(guard.clone(), guard::check));
    let nothing = Router::new()
        .fallback(api::not_found)
        .layer(from_fn_with_state(guard.clone(), guard::check));
    let service = Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .layer(Extension(guard))
        .merge(guarded)
        .with_state(sources)
        .merge(pages::routes(&desk))
        .fallback(move |request: Request| missing(asked, nothing, request))
        .method_not_allowed_fallback(api::other_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER_WITHIN))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-store"),
        ))
        .layer(SetResponseHeaderLayer::overriding(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
        .layer(CatchPanicLayer::new());
    let refusal = Router::new()
        .fallback(|| async { (StatusCode::SERVICE_UNAVAILABLE, "too many connections\n") });
    let serving = Server::new(listener, service, refusal, settings.limits).run(stop);
    async move {
        tokio::join!(serving, pages::run(desk));
    }
}
