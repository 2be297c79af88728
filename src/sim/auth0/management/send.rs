//! Sending: what happens, what is sent again, what is sent as a test.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use tokio::time::Instant;
use tracing::debug;

use super::super::carrier::{Answer, Carrier, Letter, WebhookCarrier};
use super::super::faults::Faults;
use super::super::stream::{Attempt, Batch, Rules, Sent, deliver};
use super::Shared;
use super::refusal::Refusal;
use super::state::{Destination, Failed, Stream};
use crate::event::{Path, Timestamp};
use crate::telemetry::Chain;

/// What is sent without anybody waiting for it.
#[derive(Debug)]
pub(super) enum Job {
    /// An event by one stream, for the first time.
    New { stream: String, event: String, letter: Letter },
    /// An event that failed.
    Again { stream: String, event: String },
}

impl Shared {
    /// The tenant's name, as `a0tenant` has it.
    pub(super) fn tenant(&self) -> &str {
        let domain = &self.settings.domain;
        domain.split_once('.').map_or(domain.as_str(), |(tenant, _)| tenant)
    }

    pub(super) fn order(&self, job: Job) -> Result<(), Refusal> {
        self.jobs.try_send(job).map_err(|_| {
            let message = "Too many redeliveries wait";
            Refusal::new(StatusCode::TOO_MANY_REQUESTS, message, "too_many_requests")
        })
    }

    pub(super) async fn carry_out(&self, job: Job) {
        match job {
            Job::New { stream, event, letter } => self.send_new(&stream, event, letter).await,
            Job::Again { stream, event } => self.send_again(&stream, &event).await,
        }
    }

    /// Sends an event by one stream, when it is its turn; keeps it among the failed ones when that comes to
    /// nothing.
    pub(super) async fn send_new(&self, stream: &str, event: String, letter: Letter) {
        let Some(_turn) = self.turn(stream).await else { return };
        let at = self.settings.clock.now();
        let Some(sent) = self.send(stream, &letter).await else { return };
        let mut state = self.state();
        let Some(stream) = state.stream(stream) else { return };
        if !sent.is_delivered() {
            let attempts = sent.attempts.iter().map(|attempt| told(attempt, at)).collect();
            stream.failed.push(Failed { id: event, status: "failed", letter, at, attempts });
            let too_many = stream.failed.len().saturating_sub(self.settings.rules.listed_max);
            stream.failed.drain(..too_many);
        }
        settle(stream, sent.is_delivered(), &self.settings.rules);
    }

    /// Sends an event that failed once more; delivered, it is on the list no longer.
    async fn send_again(&self, stream: &str, event: &str) {
        let Some(_turn) = self.turn(stream).await else { return };
        let at = self.settings.clock.now();
        let letter = {
            let mut state = self.state();
            let failed = state.stream(stream).and_then(|stream| stream.failed(event));
            let Some(failed) = failed else { return };
            failed.status = "retrying";
            failed.letter.clone()
        };
        let Some(sent) = self.send(stream, &letter).await else { return };
        let mut state = self.state();
        let Some(stream) = state.stream(stream) else { return };
        if sent.is_delivered() {
            stream.failed.retain(|failed| failed.id != event);
        } else if let Some(failed) = stream.failed(event) {
            failed.status = "failed";
            failed.attempts.extend(sent.attempts.iter().map(|attempt| told(attempt, at)));
        }
        settle(stream, sent.is_delivered(), &self.settings.rules);
    }

    /// Waits until the stream sends nothing else.
    async fn turn(&self, stream: &str) -> Option<tokio::sync::OwnedSemaphorePermit> {
        let lane = Arc::clone(&self.state().stream(stream)?.lane);
        lane.acquire_owned().await.ok()
    }

    async fn send(&self, stream: &str, letter: &Letter) -> Option<Sent> {
        let destination = self.state().stream(stream)?.destination.clone();
        let (path, carrier) = match self.carrier(&destination) {
            Ok(Some(found)) => found,
            // To an account that is not there: Auth0 does not learn what becomes of it.
            Ok(None) => {
                let (at, took) = (Instant::now(), Duration::ZERO);
                let attempts = vec![Attempt { at, took, answer: Answer::Taken }];
                return Some(Sent { attempts, cut_off: false });
            }
            Err(why) => {
                debug!(why, "simulated auth0 can't post there");
                let (at, took) = (Instant::now(), Duration::ZERO);
                let attempts = vec![Attempt { at, took, answer: Answer::NotSent(why.into()) }];
                return Some(Sent { attempts, cut_off: false });
            }
        };
        let batch = Batch {
            path,
            carrier,
            rules: Arc::new(self.settings.rules.clone()),
            faults: Arc::new(Faults::default()),
            began: (Instant::now(), self.settings.clock.now()),
            letters: vec![letter.clone()],
        };
        deliver(&batch, &self.stop).await.pop()
    }

    fn carrier(&self, destination: &Destination) -> Result<Option<(Path, Carrier)>, String> {
        match destination {
            Destination::Webhook { endpoint, authorization, before, .. } => {
                let state = self.state();
                let to = state.reach.get(endpoint).unwrap_or(endpoint).clone();
                let old = before.as_ref().filter(|_| state.trouble.sends_old_secrets);
                drop(state);
                let webhook = WebhookCarrier::new(&to, old.unwrap_or(authorization).clone())
                    .map_err(|error| Chain(&error).to_string())?;
                Ok(Some((Path::Webhook, Carrier::Webhook(webhook))))
            }
            Destination::Eventbridge { source, .. } => {
                let Some(aws) = self.settings.aws.clone() else { return Ok(None) };
                let carrier = Carrier::Partner { aws, bus: Arc::clone(source) };
                Ok(Some((Path::Eventbridge, carrier)))
            }
        }
    }
}

/// Counts an event that was delivered or not, which may switch the stream off.
fn settle(stream: &mut Stream, delivered: bool, rules: &Rules) {
    let in_a_row = Rules { failures_max: u64::MAX, ..rules.clone() };
    stream.standing = stream.standing.after(delivered, &in_a_row);
    if !stream.standing.is_on() || stream.failures() >= rules.failures_max {
        stream.enabled = false;
    }
}

/// An attempt, as it was recorded.
fn told(attempt: &Attempt, began: Timestamp) -> Value {
    let why = match &attempt.answer {
        Answer::Status(status) => format!("HTTP {status}"),
        Answer::Taken => String::new(),
        Answer::Busy(why)
        | Answer::Refused(why)
        | Answer::NotSent(why)
        | Answer::Unanswered(why) => why.to_string(),
    };
    json!({
        "status": "failed",
        "timestamp": began.floor_to_millis(),
        "error_message": why,
        "duration": u64::try_from(attempt.took.as_millis()).unwrap_or_default(),
    })
}
