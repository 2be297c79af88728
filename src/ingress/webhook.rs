//! The webhook door.
//!
//! Auth0 never retries a 4XX and gives up on a 5XX after some 7 s, so whatever is temporary is 503,
//! and 4XX is for what would be refused for ever.
//!
//! | case | answer |
//! | --- | --- |
//! | accepted, or seen before | 204 |
//! | authenticated, not a CloudEvent of Auth0 | quarantined, 202 |
//! | no or wrong credentials | 401 |
//! | body too long | 413 |
//! | busy, disk full, too slow, stopping | 503 with `Retry-After` |
//! | `HEAD`, with credentials | 204 with the label of the secret that matched; nothing is stored |
//! | other method, other path | 405, 404 |

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::post;
use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::{debug, error, warn};

use super::credentials::Checked;
use super::{Credentials, Intake, Taken};
use crate::event::Path;
use crate::listen::{Limits, Server};
use crate::telemetry::{Chain, DoorState, Health};

/// What the door does.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The path of the endpoint.
    pub path: String,
    /// Who may post.
    pub credentials: Credentials,
    /// The longest body, in bytes.
    pub body_bytes_max: usize,
    /// A body that is not there after this long is cut off.
    pub body_timeout: Duration,
    /// An event that is not on disk after this long is answered with 503.
    pub commit_deadline: Duration,
    /// What a client may do at most.
    pub limits: Limits,
}

/// Takes events in by webhook.
#[derive(Debug)]
pub struct WebhookDoor {
    listener: TcpListener,
    settings: Settings,
    intake: Intake,
    health: Health,
}

#[derive(Debug)]
struct Shared {
    settings: Settings,
    intake: Intake,
    health: Health,
    /// Until then, no more is said of requests with an expired secret.
    warn_from: Mutex<Instant>,
}

/// How often requests with an expired secret are told of.
const WARN_AGAIN_AFTER: Duration = Duration::from_mins(1);

/// The label of the secret that a request by `HEAD` proved itself with, as a JSON text.
pub const LABEL_HEADER: HeaderName = HeaderName::from_static("twinstream-secret-label");

/// What is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Accepted,
    Quarantined,
    Unauthorized,
    /// The same to a question by HEAD.
    Unrecognized,
    TooLong,
    /// With the cause, for the metrics.
    ComeBack(&'static str),
}

impl WebhookDoor {
    /// A door at this listener.
    pub fn new(listener: TcpListener, settings: Settings, intake: Intake, health: Health) -> Self {
        Self { listener, settings, intake, health }
    }

    /// Takes events in until `stop`; requests under way are finished. `acceptors` of these futures,
    /// one for each core, share the listener; the caller runs each as a task.
    pub fn run(
        self,
        acceptors: usize,
        stop: &CancellationToken,
    ) -> Vec<impl Future<Output = ()> + Send + 'static> {
        let Self { listener, settings, intake, health } = self;
        health.set_door(Path::Webhook, DoorState::Open { since: intake.clock.now() });
        let limits = settings.limits;
        let path = settings.path.clone();
        let warn_from = Mutex::new(Instant::now());
        let shared = Arc::new(Shared { settings, intake, health, warn_from });
        let service = Router::new()
            .route(&path, post(receive).head(recognize))
            .layer(CatchPanicLayer::custom(panicked))
            .with_state(Arc::clone(&shared));
        let refusal = Router::new().fallback(refuse).with_state(shared);
        let server = Server::new(listener, service, refusal, limits);
        (0..acceptors.max(1)).map(|_| server.clone().run(stop.clone())).collect()
    }
}

async fn receive(State(door): State<Arc<Shared>>, request: Request<Body>) -> Response<Body> {
    let started = Instant::now();
    let (head, mut body) = request.into_parts();
    let answer = match door.check(&head.headers) {
        Ok(()) => door.take(&mut body, started).await,
        Err(answer) => answer,
    };
    if matches!(answer, Answer::Unauthorized | Answer::TooLong) {
        // The sender reads our answer only if its own sending does not fail first.
        drain(&mut body, &door.settings).await;
    }
    door.answer(answer, started)
}

/// Says whether credentials are taken here, without an event: what a rotation has to know before Auth0 gets
/// the new secret. It is no use of the secret by Auth0, and is not shown as one.
async fn recognize(State(door): State<Arc<Shared>>, headers: HeaderMap) -> Response<Body> {
    if door.health.is_stopping() {
        return door.answer(Answer::ComeBack("stopping"), Instant::now());
    }
    let Checked::Match(label) = door.settings.credentials.check(&headers, door.intake.clock.now())
    else {
        return door.answer(Answer::Unrecognized, Instant::now());
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    // A label with signs that a header can't have is named as any other: by its JSON.
    if let Ok(label) = HeaderValue::try_from(serde_json::Value::from(label).to_string()) {
        response.headers_mut().insert(LABEL_HEADER, label);
    }
    response
}

/// Above the limit of connections.
async fn refuse(State(door): State<Arc<Shared>>) -> Response<Body> {
    let mut response = door.answer(Answer::ComeBack("connections"), Instant::now());
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

impl Shared {
    fn check(&self, headers: &HeaderMap) -> Result<(), Answer> {
        if self.health.is_stopping() {
            return Err(Answer::ComeBack("stopping"));
        }
        let now = self.intake.clock.now();
        match self.settings.credentials.check(headers, now) {
            Checked::Match(label) => {
                self.health.secret_matched(label, now);
                return Ok(());
            }
            Checked::Expired(label) if self.may_warn() => {
                warn!(secret.label = label, "requests use a secret whose not_after has passed");
            }
            Checked::Expired(_) => {}
            Checked::Missing => debug!("a request without credentials"),
            Checked::Wrong => debug!("a request with wrong credentials"),
        }
        Err(Answer::Unauthorized)
    }

    /// Whether it was quiet for long enough: requests come as fast as the sender likes.
    fn may_warn(&self) -> bool {
        let mut warn_from = self.warn_from.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let may = now >= *warn_from;
        if may {
            *warn_from = now + WARN_AGAIN_AFTER;
        }
        may
    }

    async fn take(&self, body: &mut Body, started: Instant) -> Answer {
        let settings = &self.settings;
        let read = read(body, settings.body_bytes_max);
        let bytes = match timeout(settings.body_timeout, read).await {
            Err(_) => return Answer::ComeBack("slow_body"),
            Ok(Err(answer)) => return answer,
            Ok(Ok(bytes)) => bytes,
        };
        let at = self.intake.clock.now();
        let deadline = (Instant::now() + settings.commit_deadline)
            .min(started + settings.body_timeout + settings.commit_deadline);
        match timeout_at(deadline, self.intake.take_webhook(&bytes, at)).await {
            Err(_) => {
                self.intake.metrics.journal_failed("deadline");
                Answer::ComeBack("deadline")
            }
            Ok(Err(failure)) => {
                debug!(error = %Chain(&failure), "not stored");
                Answer::ComeBack(failure.cause())
            }
            Ok(Ok(taken)) => {
                let answer = match taken {
                    Taken::Accepted(..) => Answer::Accepted,
                    Taken::Quarantined(_) => Answer::Quarantined,
                };
                // Consumed here, where the sender is told.
                let _proof = taken.into_committed();
                answer
            }
        }
    }

    fn answer(&self, answer: Answer, started: Instant) -> Response<Body> {
        let metrics = &self.intake.metrics;
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        let status = match answer {
            Answer::Accepted => StatusCode::NO_CONTENT,
            Answer::Quarantined => StatusCode::ACCEPTED,
            Answer::Unauthorized => {
                metrics.webhook_refused("credentials");
                headers.insert(WWW_AUTHENTICATE, self.settings.credentials.challenge());
                StatusCode::UNAUTHORIZED
            }
            // Auth0 asks nothing by HEAD, so that no event is lost by it, and nobody need be woken.
            Answer::Unrecognized => {
                metrics.webhook_refused("head");
                headers.insert(WWW_AUTHENTICATE, self.settings.credentials.challenge());
                StatusCode::UNAUTHORIZED
            }
            Answer::TooLong => {
                metrics.webhook_refused("body_too_long");
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Answer::ComeBack(cause) => {
                metrics.webhook_refused(cause);
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
                if matches!(cause, "slow_body" | "broken_body" | "stopping") {
                    headers.insert(CONNECTION, HeaderValue::from_static("close"));
                }
                StatusCode::SERVICE_UNAVAILABLE
            }
        };
        *response.status_mut() = status;
        metrics.webhook_answered(status.as_u16(), started.elapsed());
        response
    }
}

/// Reads the whole body, up to the limit.
async fn read(body: &mut Body, bytes_max: usize) -> Result<Bytes, Answer> {
    use http_body::Body as _;
    // A declared length is believed when it is too long, never when it is short enough.
    if body.size_hint().lower() > u64::try_from(bytes_max).unwrap_or(u64::MAX) {
        return Err(Answer::TooLong);
    }
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Err(Answer::ComeBack("broken_body")) };
        let Ok(data) = frame.into_data() else { continue };
        let so_far = first.as_ref().map_or(0, Bytes::len) + rest.len();
        if so_far + data.len() > bytes_max {
            return Err(Answer::TooLong);
        }
        match first {
            None => first = Some(data),
            Some(_) => rest.extend_from_slice(&data),
        }
    }
    let first = first.unwrap_or_default();
    if rest.is_empty() {
        return Ok(first);
    }
    let mut whole = BytesMut::with_capacity(first.len() + rest.len());
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&rest);
    Ok(whole.freeze())
}

/// Reads and forgets what a refused sender still sends, as long as it is not much.
async fn drain(body: &mut Body, settings: &Settings) {
    let mut left = settings.body_bytes_max;
    let read = async {
        while let Some(Ok(frame)) = body.frame().await {
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            left = match left.checked_sub(bytes) {
                Some(left) => left,
                None => return,
            };
        }
    };
    // Whoever is slower than this is cut off by the answer.
    drop(timeout(settings.body_timeout, read).await);
}

/// A fault of ours is temporary for the sender: it must come back.
#[expect(clippy::needless_pass_by_value, reason = "the signature that tower-http asks for")]
fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response<Body> {
    let panic = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("of unknown kind");
    error!(panic, "a request failed by a fault of twinstream");
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}
