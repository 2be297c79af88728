//! Health, metrics and the API, on a listener of their own.

mod api;
mod guard;
mod health;

use std::net::SocketAddr;

use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
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
/// Requests carry no body that matters.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// Serves until `stop`.
pub fn run(
    listener: TcpListener,
    settings: &Settings,
    sources: Sources,
    stop: CancellationToken,
) -> impl Future<Output = ()> + Send + 'static {
    let guard = guard::Guard::new(settings.token.as_ref());
    let guarded = Router::new()
        .route("/metrics", get(health::metrics))
        .route("/api/v1/status", get(api::status))
        .route("/api/v1/events", get(api::events))
        .route("/api/v1/events/{id}", get(api::event))
        .route("/api/v1/compare", get(api::compare))
        .fallback(api::not_found)
        .layer(from_fn_with_state(guard.clone(), guard::check));
    let service = Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .layer(Extension(guard))
        .merge(guarded)
        .method_not_allowed_fallback(api::only_read)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER_WITHIN))
        .layer(SetResponseHeaderLayer::overriding(
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-store"),
        ))
        .layer(SetResponseHeaderLayer::overriding(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
        .layer(CatchPanicLayer::new())
        .with_state(sources);
    let refusal = Router::new()
        .fallback(|| async { (StatusCode::SERVICE_UNAVAILABLE, "too many connections\n") });
    Server::new(listener, service, refusal, settings.limits).run(stop)
}
