//! Every metric, in one place: name, unit, labels, help. `docs/METRICS.md` is checked against it.

mod watched;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::health::TargetState;
use crate::event::{ArrivalOutcome, DeliveryOutcome, Path};
pub use watched::Measured;
use watched::Watched;

/// Label sets. All values come from enums or from the configuration, never from input.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByPath {
    path: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByPathOutcome {
    path: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByStatus {
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByCause {
    cause: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByCall {
    call: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByTarget {
    target: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByTargetOutcome {
    target: Arc<str>,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByRouteOutcome {
    route: Arc<str>,
    target: Arc<str>,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByRoute {
    route: String,
    target: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByReason {
    reason: String,
}

type Seconds = Gauge<f64, AtomicU64>;

/// The metrics. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    arrivals: Family<ByPathOutcome, Counter>,
    arrival_lag: Family<ByPath, Histogram, fn() -> Histogram>,
    backfilled: Counter,
    answers: Family<ByStatus, Counter>,
    answer_time: Histogram,
    refused: Family<ByCause, Counter>,
    journal_failures: Family<ByCause, Counter>,
    sqs_calls: Family<ByCall, Counter>,
    attempts: Family<ByTargetOutcome, Counter>,
    attempt_time: Family<ByTarget, Histogram, fn() -> Histogram>,
    deliveries: Family<ByRouteOutcome, Counter>,
    pending: Family<ByRoute, Gauge>,
    dead_letters: Family<ByRoute, Gauge>,
    oldest_pending: Family<ByRoute, Seconds>,
    quarantined: Family<ByReason, Gauge>,
    journal_file: Gauge,
    journal_queue: Gauge,
    door_open: Family<ByPath, Gauge>,
    target_breaker: Family<ByTarget, Gauge>,
    target_opened: Family<ByTarget, Counter>,
    target_draining: Family<ByTarget, Gauge>,
    target_paused: Family<ByTarget, Gauge>,
    target_under_way: Family<ByTarget, Gauge>,
    watched: Watched,
}

/// Upper bounds in seconds: from a fast flush to a slow target.
const SECONDS: [f64; 16] = [
    0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0,
    30.0,
];

/// Upper bounds in seconds for a path's lag: from a quick webhook to a day's backlog.
const LAG_SECONDS: [f64; 15] =
    [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0, 1_800.0, 7_200.0, 86_400.0];

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

fn lag_seconds() -> Histogram {
    Histogram::new(LAG_SECONDS)
}

impl Default for Metrics {
    fn default() -> Self {
        let by_time: fn() -> Histogram = seconds;
        let by_lag: fn() -> Histogram = lag_seconds;
        let mut metrics = Self {
            registry: Arc::default(),
            arrivals: Family::default(),
            arrival_lag: Family::new_with_constructor(by_lag),
            backfilled: Counter::default(),
            answers: Family::default(),
            answer_time: seconds(),
            refused: Family::default(),
            journal_failures: Family::default(),
            sqs_calls: Family::default(),
            attempts: Family::default(),
            attempt_time: Family::new_with_constructor(by_time),
            deliveries: Family::default(),
            pending: Family::default(),
            dead_letters: Family::default(),
            oldest_pending: Family::default(),
            quarantined: Family::default(),
            journal_file: Gauge::default(),
            journal_queue: Gauge::default(),
            door_open: Family::default(),
            target_breaker: Family::default(),
            target_opened: Family::default(),
            target_draining: Family::default(),
            target_paused: Family::default(),
            target_under_way: Family::default(),
            watched: Watched::default(),
        };
        metrics.registry = Arc::new(metrics.register());
        metrics.begin_at_zero();
        metrics
    }
}

/// Why a webhook is refused for good, or told to come back.
const REFUSALS: [&str; 10] = [
    "body_too_long",
    "broken_body",
    "busy",
    "connections",
    "credentials",
    "deadline",
    "disk_full",
    "locked",
    "slow_body",
    "stopping",
];

impl Metrics {
    fn register(&self) -> Registry {
        let mut all = Registry::with_prefix("twinstream");
        self.register_doors(&mut all);
        self.register_journal(&mut all);
        self.register_delivery(&mut all);
        self.register_targets(&mut all);
        self.watched.register(&mut all);
        all
    }

    fn register_doors(&self, all: &mut Registry) {
        all.register(
            "arrivals",
            "Arrivals on disk, by path and how they ended: accepted, duplicate or quarantined",
            self.arrivals.clone(),
        );
        all.register(
            "backfilled_events",
            "Events that no path brought, taken in from Auth0's Events API",
            self.backfilled.clone(),
        );
        all.register_with_unit(
            "arrival_lag",
            "From the event's time, by Auth0's clock, to its first arrival by the path; live events",
            Unit::Seconds,
            self.arrival_lag.clone(),
        );
        all.register(
            "webhook_answers",
            "Answers of the webhook door, by HTTP status",
            self.answers.clone(),
        );
        all.register_with_unit(
            "webhook_answer",
            "From a webhook request's head to its answer",
            Unit::Seconds,
            self.answer_time.clone(),
        );
        all.register(
            "webhook_refused",
            "Requests that the webhook door refused, by cause; `credentials` is never retried by \
             Auth0, so alarm on it",
            self.refused.clone(),
        );
        all.register(
            "sqs_calls",
            "Calls to SQS, by call and outcome (ok, error)",
            self.sqs_calls.clone(),
        );
        all.register("door_open", "Whether a path's door is open: 1 or 0", self.door_open.clone());
    }

    fn register_journal(&self, all: &mut Registry) {
        all.register(
            "journal_failures",
            "Arrivals that could not be stored, by cause; their senders were told to come back",
            self.journal_failures.clone(),
        );
        all.register_with_unit(
            "journal_file",
            "Size of the journal's file, its write-ahead log apart",
            Unit::Bytes,
            self.journal_file.clone(),
        );
        all.register(
            "journal_queue_requests",
            "Requests that wait for the journal's writer",
            self.journal_queue.clone(),
        );
        all.register(
            "quarantined",
            "Quarantined bodies that are kept, by reason",
            self.quarantined.clone(),
        );
    }

    fn register_delivery(&self, all: &mut Registry) {
        all.register(
            "delivery_attempts",
            "Tries to deliver, by target and outcome: delivered, retry, uncounted, returned or dead",
            self.attempts.clone(),
        );
        all.register_with_unit(
            "delivery_attempt",
            "Duration of a try to deliver, by target",
            Unit::Seconds,
            self.attempt_time.clone(),
        );
        all.register(
            "deliveries",
            "Deliveries that ended, by route, target and outcome",
            self.deliveries.clone(),
        );
        all.register(
            "deliveries_pending",
            "Deliveries that have not ended, by route and target",
            self.pending.clone(),
        );
        all.register(
            "dead_letters",
            "Deliveries that failed for good and are kept, by route and target",
            self.dead_letters.clone(),
        );
        all.register_with_unit(
            "delivery_oldest_pending_age",
            "Age of the oldest delivery that has not ended, by route and target",
            Unit::Seconds,
            self.oldest_pending.clone(),
        );
    }

    fn register_targets(&self, all: &mut Registry) {
        all.register(
            "target_breaker_state",
            "Whether a target is up: 0 closed (up), 1 half-open (being probed), 2 open (down)",
            self.target_breaker.clone(),
        );
        all.register(
            "target_breaker_openings",
            "How often a target was found to be down",
            self.target_opened.clone(),
        );
        all.register(
            "target_draining",
            "Whether what gathered while a target was down is being delivered: 1 or 0",
            self.target_draining.clone(),
        );
        all.register(
            "target_paused",
            "Whether a target is paused by somebody's order: 1 or 0",
            self.target_paused.clone(),
        );
        all.register(
            "target_attempts_under_way",
            "Tries to deliver to a target that have not ended",
            self.target_under_way.clone(),
        );
    }

    /// A series that begins with its first event hides that event from Prometheus's `increase()`: those
    /// that somebody alarms on begin at zero.
    fn begin_at_zero(&self) {
        for path in Path::ALL {
            for outcome in ArrivalOutcome::ALL {
                let labels = ByPathOutcome { path: path.as_str(), outcome: outcome.as_str() };
                drop(self.arrivals.get_or_create(&labels));
            }
        }
        self.watched.begin_at_zero();
        for cause in REFUSALS {
            drop(self.refused.get_or_create(&ByCause { cause }));
        }
        for cause in ["busy", "deadline", "disk_full", "locked", "stopped", "store"] {
            drop(self.journal_failures.get_or_create(&ByCause { cause }));
        }
    }

    /// A route that is configured: its series begin at zero too.
    pub fn expect_route(&self, route: &Arc<str>, target: &Arc<str>) {
        for outcome in [DeliveryOutcome::Delivered, DeliveryOutcome::Dead] {
            let (route, target) = (Arc::clone(route), Arc::clone(target));
            let labels = ByRouteOutcome { route, target, outcome: outcome.as_str() };
            drop(self.deliveries.get_or_create(&labels));
        }
        for outcome in ["delivered", "retry", "uncounted", "returned", "dead"] {
            let labels = ByTargetOutcome { target: Arc::clone(target), outcome };
            drop(self.attempts.get_or_create(&labels));
        }
        drop(self.target_opened.get_or_create(&ByTarget { target: Arc::clone(target) }));
    }

    /// An arrival is on disk.
    pub fn arrival(&self, path: Path, outcome: ArrivalOutcome) {
        let labels = ByPathOutcome { path: path.as_str(), outcome: outcome.as_str() };
        self.arrivals.get_or_create(&labels).inc();
    }

    /// An event that no path brought was taken in from Auth0's Events API.
    pub fn backfilled(&self) {
        self.backfilled.inc();
    }

    /// A live event came by this path for the first time, this long after its time.
    pub fn arrival_lag(&self, path: Path, lag_ms: f64) {
        self.arrival_lag.get_or_create(&ByPath { path: path.as_str() }).observe(lag_ms / 1e3);
    }

    /// The webhook door answered.
    pub fn webhook_answered(&self, status: u16, took: Duration) {
        self.answers.get_or_create(&ByStatus { status }).inc();
        self.answer_time.observe(took.as_secs_f64());
    }

    /// The webhook door refused a request.
    pub fn webhook_refused(&self, cause: &'static str) {
        self.refused.get_or_create(&ByCause { cause }).inc();
    }

    /// Requests that the webhook door refused for this cause since the start.
    pub fn webhooks_refused(&self, cause: &'static str) -> u64 {
        self.refused.get_or_create(&ByCause { cause }).get()
    }

    /// An arrival could not be stored.
    pub fn journal_failed(&self, cause: &'static str) {
        self.journal_failures.get_or_create(&ByCause { cause }).inc();
    }

    /// SQS was called.
    pub fn sqs_called(&self, call: &'static str, ok: bool) {
        let labels = ByCall { call, outcome: if ok { "ok" } else { "error" } };
        self.sqs_calls.get_or_create(&labels).inc();
    }

    /// A target was tried.
    pub fn attempted(&self, target: &Arc<str>, outcome: &'static str, took: Duration) {
        let labels = ByTargetOutcome { target: Arc::clone(target), outcome };
        self.attempts.get_or_create(&labels).inc();
        let labels = ByTarget { target: Arc::clone(target) };
        self.attempt_time.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// A target was up, and is held to be down from now on.
    pub fn target_opened(&self, target: &Arc<str>) {
        self.target_opened.get_or_create(&ByTarget { target: Arc::clone(target) }).inc();
    }

    /// The state of a target, read at a scrape.
    pub fn set_target(&self, target: &Arc<str>, state: &TargetState) {
        let labels = ByTarget { target: Arc::clone(target) };
        let under_way = i64::try_from(state.under_way).unwrap_or(i64::MAX);
        for (gauges, value) in [
            (&self.target_breaker, state.breaker.level()),
            (&self.target_draining, i64::from(state.draining)),
            (&self.target_paused, i64::from(state.paused_since.is_some())),
            (&self.target_under_way, under_way),
        ] {
            gauges.get_or_create(&labels).set(value);
        }
    }

    /// A delivery ended.
    pub fn delivery_ended(&self, route: &Arc<str>, target: &Arc<str>, outcome: DeliveryOutcome) {
        let labels = ByRouteOutcome {
            route: Arc::clone(route),
            target: Arc::clone(target),
            outcome: outcome.as_str(),
        };
        self.deliveries.get_or_create(&labels).inc();
    }

    /// What a route has waiting, read from the journal at a scrape.
    pub fn set_pending(&self, route: &str, target: &str, deliveries: u64, oldest_age: Duration) {
        let labels = ByRoute { route: route.into(), target: target.into() };
        self.pending.get_or_create(&labels).set(i64::try_from(deliveries).unwrap_or(i64::MAX));
        self.oldest_pending.get_or_create(&labels).set(oldest_age.as_secs_f64());
    }

    /// What a route has failed to deliver and keeps, read from the journal at a scrape.
    pub fn set_dead_letters(&self, route: &str, target: &str, letters: u64) {
        let labels = ByRoute { route: route.into(), target: target.into() };
        self.dead_letters.get_or_create(&labels).set(i64::try_from(letters).unwrap_or(i64::MAX));
    }

    /// What the quarantine holds, read from the journal at a scrape.
    pub fn set_quarantined(&self, by_reason: &[(String, u64)]) {
        self.quarantined.clear();
        for (reason, bodies) in by_reason {
            let labels = ByReason { reason: reason.clone() };
            let bodies = i64::try_from(*bodies).unwrap_or(i64::MAX);
            self.quarantined.get_or_create(&labels).set(bodies);
        }
    }

    /// The journal's size and queue, read at a scrape.
    pub fn set_journal(&self, file_bytes: u64, requests_waiting: usize) {
        self.journal_file.set(i64::try_from(file_bytes).unwrap_or(i64::MAX));
        self.journal_queue.set(i64::try_from(requests_waiting).unwrap_or(i64::MAX));
    }

    /// Whether a door is open, read at a scrape.
    pub fn set_door_open(&self, path: Path, open: bool) {
        self.door_open.get_or_create(&ByPath { path: path.as_str() }).set(i64::from(open));
    }

    /// The OpenMetrics text of all of them.
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        encode(&mut text, &self.registry).unwrap_or_default();
        text
    }
}
