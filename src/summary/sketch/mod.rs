//! The distribution of a duration in little room: a `DDSketch`.
//!
//! A value is counted in a bin whose edges are a fixed ratio apart, so that any value of a bin tells
//! all others of it within a relative error. Two sketches merge by adding their bins, which gives the
//! sketch of all values, whatever the order. Source: Masson, Rim, Lee, `DDSketch`: a fast and
//! fully-mergeable quantile sketch with relative-error guarantees, PVLDB 12 (2019), 2195-2205.
//!
//! Ours is kept sparse, since thousands of them are read from the journal for one report and most
//! hold few values; no bin is ever collapsed into another.

mod codec;
mod precision;
#[cfg(test)]
mod tests;

pub use codec::Malformed;
pub use precision::Precision;

use precision::LONGEST_MS;

/// So few new bins are put in one by one.
const FEW: usize = 8;

/// How many values lie between two edges.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    /// The lower edge, in milliseconds.
    pub low: f64,
    /// The upper edge, in milliseconds.
    pub high: f64,
    /// The values in between; never 0.
    pub count: u64,
}

/// Values in milliseconds, negative ones too, in bounded memory: 16 bytes for each bin that is not
/// empty, of which [`Precision`] has so many at most.
#[derive(Debug, Clone, PartialEq)]
pub struct Sketch {
    precision: Precision,
    /// Bins that are not empty, by their number, ascending.
    bins: Vec<(i32, u64)>,
    count: u64,
    negative: u64,
    /// Over `max` while there is no value.
    min: f64,
    max: f64,
}

impl Sketch {
    /// Without a value yet.
    pub const fn new(precision: Precision) -> Self {
        Self {
            precision,
            bins: Vec::new(),
            count: 0,
            negative: 0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
        }
    }

    /// How finely values are told from each other.
    pub const fn precision(&self) -> Precision {
        self.precision
    }

    /// A value that is shown is off by at most this share of itself, or by 0.001 ms.
    pub const fn relative_error(&self) -> f64 {
        self.precision.relative_error()
    }

    /// Adds a value, in milliseconds. What is beyond the 292 years that timestamps can lie apart counts
    /// as 292 years, and so does what is not a number, so that it is seen.
    pub fn add(&mut self, value_ms: f64) {
        let value = if value_ms.is_nan() { LONGEST_MS } else { value_ms };
        let value = value.clamp(-LONGEST_MS, LONGEST_MS);
        self.add_to(self.precision.index(value), 1);
        self.negative = self.negative.saturating_add(u64::from(value < 0.0));
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// Adds all values of another one, exactly as if each had been added here. Only where the other
    /// one is of another precision are they known by their bins alone, and the errors add up.
    pub fn merge(&mut self, other: &Self) {
        if self.precision == other.precision {
            self.merge_bins(&other.bins);
            self.count = self.count.saturating_add(other.count);
        } else {
            for (index, count) in &other.bins {
                let value = other.precision.centre(*index).clamp(other.min, other.max);
                self.add_to(self.precision.index(value), *count);
            }
        }
        self.negative = self.negative.saturating_add(other.negative);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    fn add_to(&mut self, index: i32, count: u64) {
        match self.bins.binary_search_by_key(&index, |(index, _)| *index) {
            Ok(place) => {
                if let Some((_, counted)) = self.bins.get_mut(place) {
                    *counted = counted.saturating_add(count);
                }
            }
            Err(place) => self.bins.insert(place, (index, count)),
        }
        self.count = self.count.saturating_add(count);
    }

    /// Adds to the bins that are there in place, and makes room for those that are not: where many are
    /// merged, few are new.
    fn merge_bins(&mut self, more: &[(i32, u64)]) {
        let mut new = Vec::new();
        let mut from = 0;
        for (index, count) in more {
            let rest = self.bins.get_mut(from..).unwrap_or_default();
            let ahead = rest.partition_point(|(at, _)| at < index);
            match rest.get_mut(ahead) {
                Some((at, counted)) if at == index => *counted = counted.saturating_add(*count),
                _ => new.push((*index, *count)),
            }
            from += ahead;
        }
        if new.len() > FEW {
            self.bins.append(&mut new);
            // Two ascending runs, which this sort merges in one pass.
            self.bins.sort_by_key(|(index, _)| *index);
            return;
        }
        for bin in new {
            let place = self.bins.partition_point(|(index, _)| *index < bin.0);
            self.bins.insert(place, bin);
        }
    }

    /// The number of values.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The number of values below zero, exactly.
    pub const fn negative(&self) -> u64 {
        self.negative
    }

    /// Whether there is no value.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The smallest value, exactly.
    pub fn min(&self) -> Option<f64> {
        (!self.is_empty()).then_some(self.min)
    }

    /// The largest value, exactly.
    pub fn max(&self) -> Option<f64> {
        (!self.is_empty()).then_some(self.max)
    }

    /// The quantile p of n values: the one of rank ⌊p·(n − 1)⌋ counted from 0, as the paper has it. Off
    /// by at most the relative error, or by 0.001 ms; the smallest and the largest are exact. `None`
    /// without a value and for p outside of 0 to 1.
    pub fn quantile(&self, p: f64) -> Option<f64> {
        if self.is_empty() || !(0.0..=1.0).contains(&p) {
            return None;
        }
        let rank = rank(p, self.count);
        if rank == 0 {
            return Some(self.min);
        }
        if rank == self.count - 1 {
            return Some(self.max);
        }
        let mut below = 0_u64;
        let bin = self.bins.iter().find(|(_, count)| {
            below = below.saturating_add(*count);
            below > rank
        });
        // The middle of an outermost bin may lie beyond the outermost value.
        bin.map(|(index, _)| self.precision.centre(*index).clamp(self.min, self.max))
    }

    /// The bins that hold a value, in ascending order. The outermost values of all lie within the
    /// outermost bins, not at their edges.
    pub fn bins(&self) -> impl Iterator<Item = Bin> {
        self.bins.iter().map(|(index, count)| {
            let (low, high) = self.precision.edges(*index);
            Bin { low, high, count: *count }
        })
    }

    /// The numbers of the bins that hold a value and how many each holds, in ascending order.
    pub fn indexed(&self) -> &[(i32, u64)] {
        &self.bins
    }
}

/// ⌊p·(n − 1)⌋, below n. What is a billionth below a whole number by rounding is that number.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "p is from 0 to 1, and over 2^53 values the rank is off in its sixteenth digit"
)]
fn rank(p: f64, count: u64) -> u64 {
    let last = count.saturating_sub(1);
    (((p * last as f64) + 1e-9).floor() as u64).min(last)
}
