//! The endpoint over HTTP: which call it is, who answers it, and how.

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::account::Account;
use super::faults::Outage;
use super::message::MessageId;
use super::refusal::{Code, Refusal};
use super::sqs::Receive;
use super::{events, sqs};
use crate::clock::Clock;

/// The longest body taken: a batch of 1 MiB whose every character JSON writes as six.
const BODY_BYTES_MAX: usize = 8 * 1_048_576;
/// How often a long poll looks at a clock that a test moves.
const MANUAL_CLOCK_INTERVAL: Duration = Duration::from_millis(10);

/// What all connections and handles share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) clock: Clock,
    account: Mutex<Account>,
}

/// The connection is to be cut, instead of an answer.
#[derive(Debug)]
pub(super) struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the simulator was told to cut connections")
    }
}

impl std::error::Error for Cut {}

/// Why a call has no result.
enum Failure {
    Refused(Refusal),
    Cut,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Which of the two services is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    Sqs,
    Events,
}

impl Service {
    /// As permissions begin.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Sqs => "sqs",
            Self::Events => "events",
        }
    }
}

impl Shared {
    pub(super) const fn new(clock: Clock, account: Account) -> Self {
        Self { clock, account: Mutex::new(account) }
    }

    /// The account. A panic elsewhere leaves at worst one call half done; that is no reason to
    /// end all others.
    pub(super) fn lock(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what is due without a call.
    pub(super) fn tick(&self) {
        let now = self.clock.now();
        self.lock().advance_moves(now);
    }

    /// Fails when the endpoint is told to be out of order, or to refuse this call.
    fn check_faults(&self, service: Service, operation: &str) -> Result<(), Failure> {
        let mut account = self.lock();
        match account.dice.outage() {
            Some(Outage::Reset) => return Err(Failure::Cut),
            Some(Outage::Unavailable) => return Err(Failure::Refused(unavailable())),
            None => {}
        }
        let permission = format!("{}:{operation}", service.prefix());
        if account.dice.denies(&permission) {
            return Err(Failure::Refused(access_denied(&account, &permission)));
        }
        account.asked.insert(permission);
        if account.dice.throttles(operation) {
            let code = match service {
                Service::Sqs => Code::RequestThrottled,
                Service::Events => Code::Throttling,
            };
            return Err(Failure::Refused(Refusal::new(code, "Rate exceeded")));
        }
        if account.dice.is_too_early(operation) {
            return Err(Failure::Refused(too_early(service)));
        }
        Ok(())
    }
}

/// As IAM words it (IAM user guide, "Troubleshoot access denied error messages").
fn access_denied(account: &Account, permission: &str) -> Refusal {
    Refusal::new(
        Code::AccessDenied,
        format_args!(
            "User: arn:aws:iam::{}:user/somebody is not authorized to perform: {permission} because \
             no identity-based policy allows the {permission} action",
            account.names.account()
        ),
    )
}

/// What was made a moment ago is not known everywhere yet.
fn too_early(service: Service) -> Refusal {
    match service {
        Service::Sqs => Refusal::new(
            Code::InvalidParameterValue,
            "Value for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.",
        ),
        Service::Events => Refusal::new(
            Code::ConcurrentModification,
            "There is concurrent modification on a rule, target, archive, or replay.",
        ),
    }
}

fn unavailable() -> Refusal {
    Refusal::new(Code::InternalFailure, "The simulator was told to be out of order.")
}

/// Answers one request.
///
/// # Errors
/// [`Cut`], when the connection is to be cut.
pub(super) async fn answer(
    shared: Arc<Shared>,
    stop: CancellationToken,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Cut> {
    let service = service_of(&request);
    let result = match &service {
        Ok((service, operation)) => call(&shared, &stop, (*service, operation), request).await,
        Err(refusal) => Err(Failure::Refused(refusal.clone())),
    };
    let is_sqs = service.is_ok_and(|(service, _)| service == Service::Sqs);
    let id = MessageId::new(shared.lock().dice.uuid());
    match result {
        Ok(value) => Ok(respond(StatusCode::OK, is_sqs, id, &value, None)),
        Err(Failure::Refused(refusal)) => Ok(refuse(&refusal, is_sqs, id)),
        Err(Failure::Cut) => Err(Cut),
    }
}

/// The protocols name the call in a header (`AmazonSQS.SendMessage`, `AWSEvents.PutEvents`).
fn service_of(request: &Request<Incoming>) -> Result<(Service, String), Refusal> {
    let target = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok());
    match target.and_then(|target| target.split_once('.')) {
        _ if request.method() != Method::POST => {}
        Some(("AmazonSQS", operation)) => return Ok((Service::Sqs, operation.to_owned())),
        Some(("AWSEvents", operation)) => return Ok((Service::Events, operation.to_owned())),
        Some(_) | None => {}
    }
    Err(Refusal::new(
        Code::UnknownOperation,
        "Only the JSON protocols of SQS and EventBridge are spoken here: POST with X-Amz-Target.",
    ))
}

async fn call(
    shared: &Shared,
    stop: &CancellationToken,
    (service, operation): (Service, &str),
    request: Request<Incoming>,
) -> Result<Value, Failure> {
    shared.check_faults(service, operation)?;
    let body = Limited::new(request.into_body(), BODY_BYTES_MAX).collect().await;
    let body = body.map_err(|error| Refusal::new(Code::Serialization, error))?.to_bytes();
    if operation == "ReceiveMessage" {
        return receive(shared, stop, &Receive::parse(&body)?).await;
    }
    let now = shared.clock.now();
    let mut account = shared.lock();
    let result = match service {
        Service::Sqs => sqs::answer(&mut account, operation, &body, now),
        Service::Events => events::answer(&mut account, operation, &body, now),
    };
    Ok(result?)
}

/// Receives, and waits for messages when there are none.
async fn receive(
    shared: &Shared,
    stop: &CancellationToken,
    call: &Receive,
) -> Result<Value, Failure> {
    let (wait, wake) = {
        let mut account = shared.lock();
        (call.wait(&mut account)?, Arc::clone(&account.queue(&call.queue)?.wake))
    };
    let deadline = Instant::now() + wait;
    loop {
        // Registered before the look, so that no message slips in between look and sleep.
        let mut woken = pin!(wake.notified());
        woken.as_mut().enable();
        let due_in = match look(shared, call)? {
            Look::Found(messages) => return Ok(messages),
            Look::Nothing { due_in } => due_in,
        };
        if Instant::now() >= deadline || stop.is_cancelled() {
            return Ok(call.nothing(&mut shared.lock(), !wait.is_zero())?);
        }
        let again = due_in.map_or(deadline, |due_in| deadline.min(Instant::now() + due_in));
        tokio::select! {
            () = woken => {}
            () = sleep_until(again) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// What a look into a queue finds.
enum Look {
    Found(Value),
    /// Nothing; look again after this time, if not woken before.
    Nothing {
        due_in: Option<Duration>,
    },
}

fn look(shared: &Shared, call: &Receive) -> Result<Look, Failure> {
    let now = shared.clock.now();
    let mut account = shared.lock();
    match account.dice.outage() {
        Some(Outage::Reset) => return Err(Failure::Cut),
        Some(Outage::Unavailable) => return Err(Failure::Refused(unavailable())),
        None => {}
    }
    if let Some(messages) = call.try_now(&mut account, now)? {
        return Ok(Look::Found(messages));
    }
    let due_in =
        match shared.clock {
            Clock::System => account.queue(&call.queue)?.queue.next_change().map(|at| {
                Duration::from_nanos(u64::try_from(at.nanos_since(now)).unwrap_or_default())
            }),
            Clock::Manual(_) => Some(MANUAL_CLOCK_INTERVAL),
        };
    Ok(Look::Nothing { due_in })
}

fn refuse(refusal: &Refusal, is_sqs: bool, id: MessageId) -> Response<Full<Bytes>> {
    let code = refusal.code();
    let status = if code.is_service_fault() {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::BAD_REQUEST
    };
    let namespace = if is_sqs { "com.amazonaws.sqs" } else { "com.amazonaws.eventbridge" };
    let body = json!({
        "__type": format!("{namespace}#{code}"),
        "message": refusal.message(),
    });
    let fault = if code.is_service_fault() { "Receiver" } else { "Sender" };
    let query_error = is_sqs.then(|| format!("{};{fault}", code.query_name()));
    respond(status, is_sqs, id, &body, query_error)
}

fn respond(
    status: StatusCode,
    is_sqs: bool,
    id: MessageId,
    body: &Value,
    query_error: Option<String>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    let kind = if is_sqs { "application/x-amz-json-1.0" } else { "application/x-amz-json-1.1" };
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
    let texts = [("x-amzn-requestid", Some(id.to_string())), ("x-amzn-query-error", query_error)];
    for (name, text) in texts {
        if let Some(value) = text.and_then(|text| http::HeaderValue::try_from(text).ok()) {
            headers.insert(name, value);
        }
    }
    response
}
