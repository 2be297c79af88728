//! What other people's libraries answer: `tests/reference/statistics.py` made the table.

use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct Table {
    pub(super) normal: Vec<Normal>,
    pub(super) student: Vec<Student>,
    pub(super) wilson: Vec<Wilson>,
    pub(super) wilson_coverage: Vec<WilsonCoverage>,
    pub(super) no_miss: Vec<NoMiss>,
    pub(super) mcnemar: Vec<McNemar>,
    pub(super) chapman: Vec<Chapman>,
    pub(super) ranks: Vec<Ranks>,
    pub(super) plan: Vec<Plan>,
    pub(super) simulated_median: Vec<SimulatedMedian>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Normal {
    pub(super) probability: f64,
    pub(super) point: f64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Student {
    pub(super) freedom: u32,
    pub(super) confidence: f64,
    pub(super) point: f64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Wilson {
    pub(super) part: u64,
    pub(super) whole: u64,
    pub(super) confidence: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

#[derive(Debug, Deserialize)]
pub(super) struct WilsonCoverage {
    pub(super) trials: u64,
    pub(super) truth: f64,
    pub(super) coverage: f64,
}

#[derive(Debug, Deserialize)]
pub(super) struct NoMiss {
    pub(super) whole: u64,
    pub(super) confidence: f64,
    pub(super) high: f64,
    pub(super) exact: f64,
}

#[derive(Debug, Deserialize)]
pub(super) struct McNemar {
    pub(super) first: u64,
    pub(super) second: u64,
    pub(super) p_value: f64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Chapman {
    pub(super) both: u64,
    pub(super) only_first: u64,
    pub(super) only_second: u64,
    pub(super) confidence: f64,
    pub(super) estimate: f64,
    pub(super) variance: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Ranks {
    pub(super) count: u64,
    pub(super) p: f64,
    pub(super) confidence: f64,
    pub(super) low: u64,
    pub(super) high: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Plan {
    pub(super) part: u64,
    pub(super) whole: u64,
    pub(super) loss_max: f64,
    pub(super) confidence: f64,
    pub(super) more: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct SimulatedMedian {
    pub(super) heaviness: f64,
    pub(super) median: f64,
}

pub(super) fn table() -> Table {
    serde_json::from_str(include_str!("../../tests/reference/statistics.json")).unwrap()
}

/// Equal to nine digits.
#[track_caller]
pub(super) fn check_close(actual: f64, expected: f64) {
    let error = (actual - expected).abs();
    assert!(error <= 1e-9 * expected.abs(), "{actual} instead of {expected}");
}
