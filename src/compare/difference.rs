//! How much later the same event came by EventBridge than by the webhook.

use serde::Serialize;

use super::bootstrap::quantile_interval;
use super::proportion::Share;
use crate::summary::{Cell, Count, Series, Sketch};

/// EventBridge's arrival minus the webhook's, in milliseconds by this host's clock: positive where
/// the webhook came first. Every value is within 0.1 % of the truth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct DifferenceSummary {
    /// Pairs that were measured.
    pub count: u64,
    /// Median.
    pub median: f64,
    /// Lower end of the median's interval; `None` below 6 pairs. A block bootstrap, since arrivals that
    /// follow each other closely are not independent.
    pub low: Option<f64>,
    /// Upper end of the median's interval.
    pub high: Option<f64>,
    /// 5 of 100 pairs are below.
    pub p5: f64,
    /// 5 of 100 pairs are above.
    pub p95: f64,
}

/// How often the webhook's arrival was the first of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct WebhookFirst {
    /// Share of the pairs, from 0 to 1.
    pub share: f64,
    /// Lower end of its interval (Wilson).
    pub low: f64,
    /// Upper end of its interval (Wilson).
    pub high: f64,
    /// Pairs in which both arrived at the same instant: nobody was first.
    pub same_instant: u64,
}

/// How often the webhook was first; `None` without a measured pair.
pub(super) fn webhook_first(total: &Cell, confidence: f64) -> Option<WebhookFirst> {
    let pairs = total.series(Series::Difference).count();
    let part = total.counts().get(Count::WebhookFirst);
    let wilson = Share { part, whole: pairs }.wilson(confidence)?;
    Some(WebhookFirst {
        share: wilson.estimate,
        low: wilson.low,
        high: wilson.high,
        same_instant: total.counts().get(Count::SameInstant),
    })
}

/// The numbers that reports show; `None` without a pair. `blocks` are the same differences, slot after
/// slot.
pub(super) fn summary(
    all: &Sketch,
    blocks: &[&Sketch],
    confidence: f64,
) -> Option<DifferenceSummary> {
    let interval = quantile_interval(blocks, 0.5, confidence);
    Some(DifferenceSummary {
        count: all.count(),
        median: interval.map(|interval| interval.estimate).or_else(|| all.quantile(0.5))?,
        low: interval.map(|interval| interval.low),
        high: interval.map(|interval| interval.high),
        p5: all.quantile(0.05)?,
        p95: all.quantile(0.95)?,
    })
}
