//! What the tenant holds.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::super::carrier::{Authorization, Letter};
use super::super::faults::Skew;
use super::super::stream::Standing;
use super::access::Access;
use super::handle::Recorded;
use super::{Settings, Shared};
use crate::event::{Path, Timestamp};

/// In which of the recorded forms failed deliveries are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ListShape {
    /// `{"deliveries": […], "next": "…"}`.
    #[default]
    Next,
    /// `{"deliveries": […], "nextPageToken": "…"}`.
    NextPageToken,
    /// `[…]`, as the reference has it: no page is followed by another.
    Bare,
}

/// What the tenant holds.
#[derive(Debug)]
pub(super) struct State {
    pub access: Access,
    /// By id, in the order in which they were made.
    pub streams: Vec<Stream>,
    pub log: Log,
    pub list_shape: ListShape,
    pub trouble: Trouble,
    /// Where webhooks really go.
    pub reach: BTreeMap<String, String>,
    pub recorded: VecDeque<Recorded>,
    random: fastrand::Rng,
}

/// What goes wrong on demand.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    /// So many calls are refused for their rate, and until when.
    pub limited: Option<(usize, Duration)>,
    /// So many calls fail with this status.
    pub failing: Option<(usize, StatusCode)>,
    /// How far Auth0's clock is off.
    pub skew: Skew,
    /// Redeliveries of these events are refused with these statuses.
    pub refused: BTreeMap<String, StatusCode>,
    /// A webhook's new secret is taken, and the old one goes on being sent.
    pub sends_old_secrets: bool,
}

/// One event stream.
#[derive(Debug)]
pub(super) struct Stream {
    pub id: String,
    pub name: String,
    pub enabled: bool,
    pub event_types: Vec<String>,
    pub destination: Destination,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub standing: Standing,
    pub failed: Vec<Failed>,
    /// So many of the next events are lost on it, before anything is sent.
    pub losing: usize,
    /// One event is sent at a time, in the order in which they come.
    pub lane: Arc<Semaphore>,
}

/// Where a stream sends to.
#[derive(Debug, Clone)]
pub(super) enum Destination {
    Webhook {
        endpoint: String,
        /// As it is told: without its secret.
        told: Value,
        authorization: Authorization,
        /// What it was before the last change.
        before: Option<Authorization>,
    },
    Eventbridge {
        account: String,
        region: String,
        source: Arc<str>,
    },
}

/// An event that could not be delivered.
#[derive(Debug, Clone)]
pub(super) struct Failed {
    pub id: String,
    pub status: &'static str,
    pub letter: Letter,
    pub at: Timestamp,
    pub attempts: Vec<Value>,
}

/// What the Events API has kept.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub kept: VecDeque<Logged>,
    /// The number of the last one; the first is 1.
    pub last: u64,
    /// How the next event is told.
    pub next: Telling,
    /// In how many ways offsets were written until now. One of another way is none of ours.
    pub form: u32,
}

/// How the Events API tells of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Telling {
    /// As it should.
    #[default]
    Whole,
    /// In a frame that is no JSON: this is not documented, and may happen anywhere.
    Garbled,
    /// Not: the stream ends with the error `payload_too_large`, and the offset after the event.
    TooLarge,
}

/// An event in the log.
#[derive(Debug, Clone)]
pub(super) struct Logged {
    pub number: u64,
    pub kind: &'static str,
    pub at: Timestamp,
    pub event: Value,
    pub telling: Telling,
}

/// Requests that are remembered.
const RECORDED_MAX: usize = 10_000;
const BASE_58: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            access: Access::new(settings),
            streams: Vec::new(),
            log: Log::default(),
            list_shape: ListShape::default(),
            trouble: Trouble::default(),
            reach: settings.reach.clone(),
            recorded: VecDeque::new(),
            random: fastrand::Rng::with_seed(settings.seed),
        }
    }

    /// `prefix` and 22 base-58 characters, as Auth0's ids of streams and of events.
    pub(super) fn id(&mut self, prefix: &str) -> String {
        let letter = |_| BASE_58.get(self.random.usize(..BASE_58.len())).copied().unwrap_or(b'1');
        prefix.chars().chain((0..22).map(letter).map(char::from)).collect()
    }

    /// A UUID, as in the names of partner event sources.
    pub(super) fn uuid(&mut self) -> String {
        let hex = format!("{:032x}", self.random.u128(..));
        let part = |from, to| hex.get(from..to).unwrap_or_default();
        [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
    }

    pub(super) fn stream(&mut self, id: &str) -> Option<&mut Stream> {
        self.streams.iter_mut().find(|stream| stream.id == id)
    }

    pub(super) fn record(&mut self, recorded: Recorded) {
        if self.recorded.len() >= RECORDED_MAX {
            self.recorded.pop_front();
        }
        self.recorded.push_back(recorded);
    }
}

impl Stream {
    /// As the API tells of it.
    pub(super) fn document(&self) -> Value {
        let types = self.event_types.iter().map(|kind| json!({ "event_type": kind }));
        json!({
            "id": self.id,
            "status": if self.enabled { "enabled" } else { "disabled" },
            "name": self.name,
            "subscriptions": types.collect::<Vec<_>>(),
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "destination": self.destination.document(),
        })
    }

    pub(super) const fn path(&self) -> Path {
        match self.destination {
            Destination::Webhook { .. } => Path::Webhook,
            Destination::Eventbridge { .. } => Path::Eventbridge,
        }
    }

    /// How many failures there are in all: those that are listed. A redelivery that arrives makes them fewer, and
    /// one that fails makes them no more (Auth0 docs, "Auto-disable mechanism": the total "drops" as failed
    /// events are redelivered).
    pub(super) fn failures(&self) -> u64 {
        u64::try_from(self.failed.len()).unwrap_or(u64::MAX)
    }

    pub(super) fn failed(&mut self, event: &str) -> Option<&mut Failed> {
        self.failed.iter_mut().find(|failed| failed.id == event)
    }
}

impl Destination {
    fn document(&self) -> Value {
        match self {
            Self::Webhook { endpoint, told, .. } => json!({
                "type": "webhook",
                "configuration": { "webhook_endpoint": endpoint, "webhook_authorization": told },
            }),
            Self::Eventbridge { account, region, source } => json!({
                "type": "eventbridge",
                "configuration": {
                    "aws_region": region,
                    "aws_account_id": account,
                    "aws_partner_event_source": source.as_ref(),
                },
            }),
        }
    }
}

impl Failed {
    pub(super) fn document(&self, stream: &str) -> Value {
        json!({
            "id": self.id,
            "event_stream_id": stream,
            "status": self.status,
            "event_type": self.letter.kind,
            "attempts": self.attempts,
            "event": serde_json::from_str::<Value>(&self.letter.json).unwrap_or_default(),
        })
    }
}

impl Log {
    /// Keeps an event.
    pub(super) fn push(&mut self, kind: &'static str, at: Timestamp, event: Value, max: usize) {
        self.last += 1;
        let telling = std::mem::take(&mut self.next);
        self.kept.push_back(Logged { number: self.last, kind, at, event, telling });
        while self.kept.len() > max {
            self.kept.pop_front();
        }
    }

    /// A text that tells nothing of itself.
    pub(super) fn offset(&self, number: u64) -> String {
        STANDARD.encode(format!("{}:{number}", self.form))
    }

    /// The number of an offset, where it is one.
    pub(super) fn number(&self, offset: &str) -> Option<u64> {
        let bytes = STANDARD.decode(offset).ok()?;
        let (form, number) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
        number.parse().ok().filter(|at| form == self.form.to_string() && *at <= self.last)
    }

    /// Whether everything after this number is still there.
    pub(super) fn has_all_after(&self, number: u64) -> bool {
        let first = self.kept.front().map_or(self.last + 1, |first| first.number);
        number + 1 >= first
    }
}
