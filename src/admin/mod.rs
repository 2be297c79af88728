//! Pages, health, metrics and the API, on a listener of their own.

mod api;
mod guard;
mod health;
mod pages;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use axum::{Extension, Router};
use http::{HeaderValue, StatusCode, header};
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;

use crate::clock::Clock;
use crate::compare;
use crate::dead_letters::DeadLetters;
use crate::event::PathSet;
use crate::journal::{Journal, Reader};
use crate::listen::{Limits, Server};
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
    /// How the paths are compared.
    pub compare: compare::Settings,
    /// The state of the doors.
    pub health: Health,
    /// What is counted.
    pub metrics: Metrics,
    /// The time now.
    pub clock: Clock,
}

/// No answer of this listener takes longer.
const ANSWER_WITHIN: std::time::Duration = std::time::Duration::from_mins(1);
/// Orders are short.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// Serves until `stop`.
pub fn run(
    listener: TcpListener,
    settings: &Settings,
    sources: Sources,
    stop: CancellationToken,
) -> impl Future<Output = ()> + Send + 'static {
    let guard = guard::Guard::new(settings.token.as_ref());
    let desk = pages::Desk::new(sources.clone(), settings.token.as_ref(), stop.clone());
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
        .route("/api/v1/orders", get(api::orders::list))
        .route("/api/v1/orders/{no}", get(api::orders::show))
        .route("/api/v1/orders/{no}/stop", post(api::orders::stop))
        .fallback(api::not_found)
        .layer(from_fn_with_state(guard.clone(), guard::check));
    let service = Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .layer(Extension(guard))
        .merge(guarded)
        .with_state(sources)
        .merge(pages::routes(&desk))
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
