//! Temporary.
use super::proportion::Interval;
use crate::summary::Sketch;

pub(super) fn quantile_interval(blocks: &[&Sketch], p: f64, _confidence: f64) -> Option<Interval> {
    let mut all = Sketch::new(blocks.first()?.precision());
    for block in blocks {
        all.merge(block);
    }
    if all.count() < 6 {
        return None;
    }
    let estimate = all.quantile(p)?;
    Some(Interval { estimate, low: estimate * 0.99, high: estimate * 1.01 })
}
