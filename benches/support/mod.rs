//! What benchmarks share: events, the load generator, the gateway's process, the report.

pub(crate) mod events;
pub(crate) mod journal;
pub(crate) mod load;
pub(crate) mod processes;
pub(crate) mod report;
pub(crate) mod run;

pub(crate) use report::{Report, Row, Target};
pub(crate) use run::{Options, part, run};

/// The value in the middle, or just above it.
pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

pub(crate) fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() as f64 * share) as usize;
    sorted.get(at.min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}
