//! What people see: pages rendered on the server, whose parts are sent again as they change.
//!
//! A page is a struct with a template of the same name. It can be read, and orders can be given on it,
//! without a script; the one script there is puts in the parts that [`live`] sends.

mod assets;
mod compare;
mod events;
mod chart;
mod guard;
mod json;
mod letters;
mod live;
mod moment;
mod orders;
mod overview;
mod quarantine;
mod query;
mod pulse;
mod session;
mod setup;
mod story;
mod targets;
mod words;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::Request;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use http::{HeaderValue, StatusCode, header};
use secrecy::SecretString;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::error;

use self::pulse::{Pulses, Sampler};
use self::session::{Sessions, Visitor};
use super::Sources;
use crate::journal::ReadError;
use crate::telemetry::Chain;

/// Pages that may be live at once, half of the connections that the listener takes by default: probes must
/// find a place beside them; one more shows what it showed when it was loaded.
const VIEWERS_MAX: usize = 32;

/// What every page is made of. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Desk {
    sources: Sources,
    sessions: Sessions,
    pulses: Pulses,
    viewers: Arc<Semaphore>,
    /// Ends the live parts, which would else hold up the stop.
    stop: CancellationToken,
}

impl Desk {
    pub(super) fn new(
        sources: Sources,
        token: Option<&SecretString>,
        stop: CancellationToken,
    ) -> Self {
        let viewers = Arc::new(Semaphore::new(VIEWERS_MAX));
        let (sessions, pulses) = (Sessions::new(token), Pulses::new());
        Self { sources, sessions, pulses, viewers, stop }
    }
}

/// Reads what the overview shows, until the stop.
pub(super) async fn run(desk: Desk) {
    Sampler::new(desk.sources, desk.pulses).run(desk.stop).await;
}

/// The routes of all pages.
pub(super) fn routes(desk: &Desk) -> Router {
    let guarded = Router::new()
        .route("/", get(overview::page))
        .route("/live", get(overview::live))
        .route("/compare", get(compare::page))
        .route("/compare/{name}", get(compare::file))
        .route("/setup", get(setup::page))
        .route("/events", get(events::page))
        .route("/events/live", get(events::live))
        .route("/events/{id}", get(story::page))
        .route("/events/{id}/live", get(story::live))
        .route("/dead-letters", get(letters::page))
        .route("/dead-letters/live", get(letters::live))
        .route("/dead-letters/{id}", get(letters::one::page))
        .route("/targets", get(targets::page))
        .route("/targets/live", get(targets::live))
        .route("/quarantine", get(quarantine::page))
        .route("/quarantine/live", get(quarantine::live))
        .route("/quarantine/{no}", get(quarantine::one))
        .route("/quarantine/{no}/raw", get(quarantine::raw))
        .route("/orders", get(orders::page))
        .route("/orders/live", get(orders::live))
        .route("/orders/{no}", get(orders::one::page))
        .route("/orders/{no}/live", get(orders::one::live))
        .route("/orders/{no}/stop", post(orders::one::stop))
        .route("/orders/redrive", get(orders::letters::redrive).post(orders::letters::put_back))
        .route("/orders/discard", get(orders::letters::discard).post(orders::letters::give_up))
        .route("/orders/pause", get(orders::targets::pause).post(orders::targets::paused))
        .route("/orders/resume", get(orders::targets::resume).post(orders::targets::resumed))
        .route(
            "/orders/reprocess",
            get(orders::quarantine::reprocess).post(orders::quarantine::read_again),
        )
        .route("/orders/drop", get(orders::quarantine::discard).post(orders::quarantine::given_up))
        .route("/orders/erase", get(orders::erase::erase).post(orders::erase::erased))
        .route("/sign-out", post(session::sign_out))
        .layer(from_fn_with_state(desk.clone(), guard::check));
    Router::new()
        .route("/sign-in", get(session::form).post(session::sign_in))
        .route("/assets/{name}", get(assets::asset))
        .merge(guarded)
        .with_state(desk.clone())
}

/// The places of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tab {
    Overview,
    Compare,
    Events,
    DeadLetters,
    Targets,
    Quarantine,
    Orders,
    Setup,
}

impl Tab {
    const ALL: [Self; 8] = [
        Self::Overview,
        Self::Compare,
        Self::Events,
        Self::DeadLetters,
        Self::Targets,
        Self::Quarantine,
        Self::Orders,
        Self::Setup,
    ];

    const fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Compare => "Compare",
            Self::Events => "Events",
            Self::DeadLetters => "Dead letters",
            Self::Targets => "Targets",
            Self::Quarantine => "Quarantine",
            Self::Orders => "Orders",
            Self::Setup => "Set-up",
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Overview => "/",
            Self::Compare => "/compare",
            Self::Events => "/events",
            Self::DeadLetters => "/dead-letters",
            Self::Targets => "/targets",
            Self::Quarantine => "/quarantine",
            Self::Orders => "/orders",
            Self::Setup => "/setup",
        }
    }
}

/// What stands around every page.
#[derive(Debug)]
struct Layout {
    title: String,
    here: Option<Tab>,
    visitor: Visitor,
    mode: String,
}

impl Layout {
    fn new(desk: &Desk, tab: Tab, visitor: Visitor) -> Self {
        Self {
            title: tab.title().into(),
            here: Some(tab),
            visitor,
            mode: desk.sources.mode.to_string(),
        }
    }

    fn is_here(&self, tab: Tab) -> bool {
        self.here == Some(tab)
    }
}

/// A page that says one thing: what is missing, or went wrong.
#[derive(Debug, Template)]
#[template(path = "message.html")]
struct Message {
    layout: Layout,
    text: String,
}

/// Scripts, styles and pictures of this very place alone; nothing may frame a page.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
     connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A page in full.
fn shown(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => {
            let kind = (header::CONTENT_TYPE, "text/html; charset=utf-8");
            let mut response = (status, [kind], html).into_response();
            let headers = response.headers_mut();
            let policy = HeaderValue::from_static(CONTENT_SECURITY_POLICY);
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
            headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
            response
        }
        Err(error) => {
            error!(error = %Chain(&error), "a page can't be made");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A page for what can't be shown.
fn message(desk: &Desk, visitor: Visitor, status: StatusCode, title: &str, text: &str) -> Response {
    let mode = desk.sources.mode.to_string();
    let layout = Layout { title: title.into(), here: None, visitor, mode };
    shown(status, &Message { layout, text: text.into() })
}

/// Says to people that there is no such page; `None` where a script asks.
pub(super) fn missing(desk: &Desk, request: &Request) -> Option<Response> {
    let headers = request.headers();
    let accepted = headers.get(header::ACCEPT).and_then(|accepted| accepted.to_str().ok());
    let is_page = accepted.is_some_and(|accepted| accepted.contains("text/html"));
    if !is_page || request.uri().path().starts_with("/api/") {
        return None;
    }
    let Some(visitor) = desk.sessions.visitor(headers, desk.sources.clock.now()) else {
        return Some(Redirect::to("/sign-in").into_response());
    };
    let text = "There is no such page. What there is stands above.";
    Some(message(desk, visitor, StatusCode::NOT_FOUND, "Not found", text))
}

/// A page that says that the journal can't be read.
fn unreadable(desk: &Desk, visitor: Visitor, error: &ReadError) -> Response {
    error!(error = %Chain(error), "the journal can't be read");
    let text = "The log says why. Nothing is lost by it: what came in stays on disk.";
    message(desk, visitor, StatusCode::SERVICE_UNAVAILABLE, "The journal can't be read", text)
}
