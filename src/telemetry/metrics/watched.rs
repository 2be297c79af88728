//! What the gateway watches itself by: its queues, the last day's comparison, its alarms.

use std::collections::BTreeMap;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::super::StreamState;
use super::{ByPath, Metrics, Seconds};
use crate::event::{Path, PerPath};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByQueue {
    queue: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByPathBound {
    path: &'static str,
    bound: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByPathOutcome {
    path: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByAlarm {
    alarm: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    outcome: &'static str,
}

/// No label: a family of one series, that is absent until it is set.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Whole {}

/// What the last day's comparison says of a path.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Measured {
    /// Its loss while both doors were open, from 0 to 1: low end, estimate, high end.
    pub loss: Option<(f64, f64, f64)>,
    /// The latency that one event of 100 exceeds, in seconds.
    pub latency_p99: Option<f64>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Watched {
    queue_messages: Family<ByQueue, Gauge>,
    queue_oldest: Seconds,
    compared_loss: Family<ByPathBound, Seconds>,
    compared_latency: Family<ByPath, Seconds>,
    stream_enabled: Family<ByPath, Gauge>,
    stream_failures: Family<ByPath, Gauge>,
    stream_failures_left: Family<ByPath, Gauge>,
    witnessed: Family<ByPathOutcome, Gauge>,
    /// Of one series, and of none where nothing is followed.
    following: Family<Whole, Gauge>,
    alarm_firing: Family<ByAlarm, Gauge>,
    alarm_messages: Family<ByOutcome, Counter>,
}

impl Watched {
    /// Messages that are not sent are told of: their series has to begin with the process.
    pub(super) fn begin_at_zero(&self) {
        for outcome in ["sent", "failed"] {
            drop(self.alarm_messages.get_or_create(&ByOutcome { outcome }));
        }
    }

    pub(super) fn register(&self, all: &mut Registry) {
        all.register(
            "queue_messages",
            "Messages in a queue, hidden ones too, as SQS counts them: main, dead_letters or \
             rule_dead_letters",
            self.queue_messages.clone(),
        );
        all.register_with_unit(
            "queue_oldest_age",
            "Age of the oldest message of the last receive; 0 when there was none",
            Unit::Seconds,
            self.queue_oldest.clone(),
        );
        all.register(
            "compare_loss_ratio",
            "Loss of a path over the last day, while both doors were open: estimate, and the low and \
             high end of its interval",
            self.compared_loss.clone(),
        );
        all.register_with_unit(
            "compare_latency_p99",
            "Latency that one event of 100 exceeded over the last day, by path",
            Unit::Seconds,
            self.compared_latency.clone(),
        );
        all.register(
            "stream_enabled",
            "Whether Auth0's stream for a path is switched on, when it was asked last",
            self.stream_enabled.clone(),
        );
        all.register(
            "stream_failures",
            "Failed deliveries that Auth0 lists of its stream for a path",
            self.stream_failures.clone(),
        );
        all.register(
            "stream_failures_left",
            "Failures after which Auth0 switches the stream for a path off, counted down",
            self.stream_failures_left.clone(),
        );
        all.register(
            "witnessed_events",
            "Events of the last day that Auth0's Events API told of, by what came of them on a path",
            self.witnessed.clone(),
        );
        all.register(
            "following",
            "Whether Auth0's Events API is being heard, where it is followed",
            self.following.clone(),
        );
        all.register(
            "alarm_firing",
            "Alarms that have been told and are not over, by kind",
            self.alarm_firing.clone(),
        );
        all.register(
            "alarm_messages",
            "Messages of alarms, by outcome: sent or failed",
            self.alarm_messages.clone(),
        );
    }
}

impl Metrics {
    /// What Auth0 says of its stream for a path.
    pub fn set_stream(&self, path: Path, stream: &StreamState) {
        let path = ByPath { path: path.as_str() };
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.watched.stream_enabled.get_or_create(&path).set(stream.enabled.into());
        self.watched.stream_failures.get_or_create(&path).set(number(stream.failures));
        self.watched.stream_failures_left.get_or_create(&path).set(number(stream.failures_left));
    }

    /// How many witnessed events of the last day came to this on a path.
    pub fn set_witnessed(&self, path: Path, outcome: &'static str, events: u64) {
        let events = i64::try_from(events).unwrap_or(i64::MAX);
        let label = ByPathOutcome { path: path.as_str(), outcome };
        self.watched.witnessed.get_or_create(&label).set(events);
    }

    /// Whether Auth0's Events API is being heard.
    pub fn set_following(&self, is_heard: bool) {
        self.watched.following.get_or_create(&Whole {}).set(is_heard.into());
    }

    /// Messages in each queue, hidden ones too, as SQS counts them.
    pub fn set_queues(&self, queues: &BTreeMap<&'static str, u64>) {
        for (queue, messages) in queues {
            let messages = i64::try_from(*messages).unwrap_or(i64::MAX);
            self.watched.queue_messages.get_or_create(&ByQueue { queue }).set(messages);
        }
    }

    /// How old the oldest message of a receive was; zero when there was none.
    pub fn received(&self, oldest: Duration) {
        self.watched.queue_oldest.set(oldest.as_secs_f64());
    }

    /// How old the oldest message of the last receive was; `None` when there was none.
    pub fn queue_age(&self) -> Option<Duration> {
        let seconds = self.watched.queue_oldest.get();
        Duration::try_from_secs_f64(seconds).ok().filter(|age| !age.is_zero())
    }

    /// What the last day's comparison says of each path.
    pub fn set_compared(&self, paths: &PerPath<Measured>) {
        self.watched.compared_loss.clear();
        self.watched.compared_latency.clear();
        for path in Path::ALL {
            let Measured { loss, latency_p99: latency } = paths.of(path);
            let path = path.as_str();
            if let Some((low, estimate, high)) = loss {
                for (bound, value) in [("low", low), ("estimate", estimate), ("high", high)] {
                    self.watched
                        .compared_loss
                        .get_or_create(&ByPathBound { path, bound })
                        .set(*value);
                }
            }
            if let Some(latency) = latency {
                self.watched.compared_latency.get_or_create(&ByPath { path }).set(*latency);
            }
        }
    }

    /// How many alarms of a kind have been told and are not over.
    pub fn set_alarm(&self, alarm: &'static str, firing: usize) {
        let firing = i64::try_from(firing).unwrap_or(i64::MAX);
        self.watched.alarm_firing.get_or_create(&ByAlarm { alarm }).set(firing);
    }

    /// A message of an alarm was taken by its destination, or was not.
    pub fn alarm_told(&self, sent: bool) {
        let outcome = if sent { "sent" } else { "failed" };
        self.watched.alarm_messages.get_or_create(&ByOutcome { outcome }).inc();
    }
}
