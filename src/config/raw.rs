//! The configuration's shape, key by key, before anything is checked. `config/default.toml` explains
//! each.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::event::{PathSet, RouteOrder, Timestamp};
use crate::ingress::DeleteAfter;
use crate::telemetry::log::Format;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    pub mode: PathSet,
    pub log: Log,
    pub webhook: Webhook,
    pub eventbridge: Eventbridge,
    pub journal: Journal,
    pub admin: Admin,
    pub compare: Compare,
    pub prices: Prices,
    pub alarms: Alarms,
    pub auth0: Auth0,
    pub reconcile: Reconcile,
    #[serde(default)]
    pub targets: Vec<Target>,
    #[serde(default)]
    pub routes: Vec<Route>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Log {
    pub format: Format,
    pub filter: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Webhook {
    pub listen: SocketAddr,
    pub path: String,
    pub method: Method,
    pub username: String,
    pub header_name: String,
    pub secrets: Vec<LabelledSecret>,
    pub body_bytes_max: usize,
    pub body_timeout: Span,
    pub commit_deadline: Span,
    pub connections_max: usize,
    pub head_timeout: Span,
    pub idle_timeout: Span,
    pub head_bytes_max: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Method {
    Bearer,
    Basic,
    Header,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LabelledSecret {
    pub label: String,
    pub env: Option<String>,
    pub file: Option<PathBuf>,
    pub not_after: Option<Instant>,
}

/// Where a secret is to be found.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SecretSource {
    pub env: Option<String>,
    pub file: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Eventbridge {
    pub queue_url: String,
    pub region: String,
    pub endpoint_url: String,
    pub dead_letter_queue_url: String,
    pub rule_dead_letter_queue_url: String,
    pub delete_after: DeleteAfter,
    pub receivers: usize,
    pub wait: Span,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Journal {
    pub path: PathBuf,
    pub keep: Span,
    pub size_bytes_max: u64,
    pub payload: Payload,
    pub redact: Vec<String>,
    pub queue_max: usize,
    pub batch_max: usize,
    pub busy_timeout: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Payload {
    Keep,
    Redact,
    Drop,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Admin {
    pub listen: SocketAddr,
    pub token: Option<SecretSource>,
    pub connections_max: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Compare {
    pub grace: Span,
    pub keep: Span,
    pub startup: Span,
    pub backlog_after: Span,
    pub ignore: Vec<String>,
    pub confidence: f64,
    pub loss_max: f64,
    pub p99_max: Option<Span>,
    pub cost_max: Option<f64>,
    pub difference_min_ms: f64,
    pub expect: crate::compare::Expect,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Alarms {
    pub every: Span,
    pub raise_after: Span,
    pub resolve_after: Span,
    pub repeat_after: Span,
    pub link: String,
    pub off: Vec<String>,
    pub within: Span,
    pub refused_max: u64,
    pub quarantined_max: u64,
    pub dead_letters_max: u64,
    pub silent_for: Span,
    pub silent_while: u64,
    pub pending_age_max: Span,
    pub queue_messages_max: u64,
    pub queue_age_max: Span,
    pub dead_letter_queue_max: u64,
    pub webhooks: Vec<AlarmWebhook>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AlarmWebhook {
    pub name: String,
    pub url: SecretSource,
    pub bearer: Option<SecretSource>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Prices {
    pub as_of: String,
    pub currency: String,
    pub eventbridge_per_million_events: f64,
    pub sqs_per_million_requests: f64,
    pub webhook_per_million_requests: f64,
    pub eventbridge_per_month: f64,
    pub webhook_per_month: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Auth0 {
    pub domain: String,
    pub endpoint_url: String,
    pub client_id: String,
    pub client_secret: Option<SecretSource>,
    pub webhook_url: String,
    pub webhook_stream: String,
    pub eventbridge_stream: String,
    pub event_types: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reconcile {
    pub every: Span,
    pub redeliver: bool,
    pub most: usize,
    pub rate: f64,
    pub follow: bool,
    pub backfill: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Target {
    pub name: String,
    pub url: Option<url::Url>,
    pub event_bus: Option<String>,
    pub source: Option<String>,
    pub region: Option<String>,
    pub endpoint_url: Option<String>,
    pub entry_bytes_max: Option<usize>,
    pub public_only: Option<bool>,
    pub signing_secret: Option<SecretSource>,
    pub bearer: Option<SecretSource>,
    #[serde(default)]
    pub headers: BTreeMap<String, SecretSource>,
    #[serde(default = "defaults::timeout")]
    pub timeout: Span,
    #[serde(default = "defaults::concurrency")]
    pub concurrency: usize,
    pub rate: Option<f64>,
    pub retry_on: Option<Vec<u16>>,
    #[serde(default = "defaults::max_age")]
    pub max_age: Span,
    #[serde(default = "defaults::max_attempts")]
    pub max_attempts: u32,
    #[serde(default = "defaults::pause_min")]
    pub pause_min: Span,
    #[serde(default = "defaults::pause_max")]
    pub pause_max: Span,
    #[serde(default = "defaults::breaker_failures")]
    pub breaker_failures: u32,
    #[serde(default = "defaults::breaker_pause")]
    pub breaker_pause: Span,
    #[serde(default = "defaults::drain_rate")]
    pub drain_rate: f64,
    #[serde(default)]
    pub redrive_on_recovery: bool,
}

/// The defaults of a table in a list can't stand in `config/default.toml`; a test compares them with
/// what it says of them.
pub(super) mod defaults {
    use std::time::Duration;

    use super::Span;

    pub(in super::super) fn timeout() -> Span {
        Span(Duration::from_secs(10))
    }

    pub(in super::super) fn concurrency() -> usize {
        16
    }

    pub(in super::super) fn max_age() -> Span {
        Span(Duration::from_hours(24))
    }

    pub(in super::super) fn max_attempts() -> u32 {
        185
    }

    pub(in super::super) fn pause_min() -> Span {
        Span(Duration::from_secs(1))
    }

    pub(in super::super) fn pause_max() -> Span {
        Span(Duration::from_mins(15))
    }

    pub(in super::super) fn breaker_failures() -> u32 {
        10
    }

    pub(in super::super) fn breaker_pause() -> Span {
        Span(Duration::from_secs(5))
    }

    pub(in super::super) fn drain_rate() -> f64 {
        100.0
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Route {
    pub name: String,
    pub target: String,
    pub pattern: Option<serde_json::Value>,
    pub changed: Option<Vec<String>>,
    #[serde(default)]
    pub order: RouteOrder,
    pub transform: Option<Transform>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Transform {
    #[serde(default)]
    pub paths: BTreeMap<String, String>,
    pub template: String,
}

/// A duration as people write it: `250ms`, `15m`, `1h 30m`, `30d`. A day has 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Span(pub Duration);

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is no duration such as \"250ms\", \"2s\", \"15m\" or \"30d\"");
        let span: jiff::Span = text.parse().map_err(|_| wrong())?;
        let days_are_24_hours = jiff::SpanRelativeTo::days_are_24_hours();
        let duration = span.to_duration(days_are_24_hours).map_err(|_| wrong())?;
        duration.try_into().map(Self).map_err(|_| wrong())
    }
}

/// A point in time, as text or as TOML's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "toml::Value")]
pub(super) struct Instant(pub Timestamp);

impl TryFrom<toml::Value> for Instant {
    type Error = String;

    fn try_from(value: toml::Value) -> Result<Self, String> {
        let text = match value {
            toml::Value::String(text) => text,
            toml::Value::Datetime(instant) => instant.to_string(),
            other => other.to_string(),
        };
        let wrong = |_| format!("`{text}` is no time such as \"2027-06-01T00:00:00Z\"");
        Timestamp::parse(&text).map(Self).map_err(wrong)
    }
}
