//! The interval of a quantile, of values that are not independent of each other.
//!
//! Arrivals that follow each other closely have much in common: what delays one delays the next. Then a
//! thousand values tell as much as a hundred independent ones would, and an interval that takes them as
//! independent holds the truth far too rarely. How many independent ones they are worth is measured by a
//! block bootstrap; the interval is then that of so many by order statistics, which assumes nothing
//! of the distribution. `docs/STATISTICS.md` has what it holds in simulations.

use super::number::{as_f64, count_from};
use super::proportion::Interval;
use super::{binomial, normal, student};
use crate::summary::Sketch;

/// Stretches of time are joined to so many blocks, with about as many values in each. Few, so that they
/// are long against what correlates neighbours; enough to estimate a deviation (Schmeiser, Batch size
/// effects in the analysis of simulation output, Operations Research 30 (1982), 556-568, has 10 to 30).
const BLOCKS: usize = 20;

/// With fewer blocks nothing can be said of how values depend on each other: they count as independent.
const BLOCKS_MIN: f64 = 4.5;

/// With fewer values a design effect below 1 is taken for chance: 10 to a block.
const VALUES_MIN: f64 = 200.0;

/// No value tells as much as four independent ones.
const EFFECT_MIN: f64 = 0.25;

/// So many times blocks are drawn: the deviation that they show is off by 1.6 % then.
const RESAMPLES: u32 = 2_000;

/// The same values give the same interval.
const SEED: u64 = 0x5477_696e;

/// The interval of the quantile `p`, from over 0 to below 1, of all values of `blocks`: stretches of time of
/// one length in their order, sketched at one precision. `None` where so many values, or the independent
/// ones that they are worth, cannot hold it with this confidence: fewer than 6 for the median and than 368
/// for the quantile 0.99, at 95 %.
///
/// In four steps:
///
/// 1. Neighbouring stretches are joined to [`BLOCKS`] blocks that do not overlap (Carlstein, The use of
///    subseries values for estimating the variance of a general statistic from a stationary sequence,
///    Annals of Statistics 14 (1986), 1171-1179).
/// 2. The share of values below the quantile is computed of resamples of the blocks. Its variance, over
///    p(1 − p)/n, is the design effect: how many values tell as much as one independent one. It is
///    multiplied by (t/z)² for the few blocks that it is from. Far out, where few values are
///    beyond the quantile, the design effect five times further in counts if it is larger: the values beyond
///    may be of very few spells.
/// 3. The ranks of the order-statistic interval of n over the design effect, rounded down, are taken, and
///    stretched to n (Woodruff, Confidence intervals for medians and other position measures, JASA 47
///    (1952), 635-646; the effective number: Korn and Graubard, Confidence intervals for proportions with
///    small expected number of positive counts estimated from survey data, Survey Methodology 24 (1998),
///    193-201).
/// 4. The values of these ranks are interpolated within their bins, but the interval always holds the
///    whole bin of the estimate: no more than that is known.
pub(super) fn quantile_interval(blocks: &[&Sketch], p: f64, confidence: f64) -> Option<Interval> {
    let mut all = Sketch::new(blocks.first()?.precision());
    for block in blocks {
        all.merge(block);
    }
    let (estimate, count) = (all.quantile(p)?, as_f64(all.count()));
    binomial::ranks(all.count(), p, confidence)?;
    let effect = design_effect(blocks, &all, p, confidence);
    let worth = count_from((count / effect).floor())?;
    let (low, high) = binomial::ranks(worth, p, confidence)?;
    let stretch = (count + 1.0) / (as_f64(worth) + 1.0);
    let bin = all.bins().find(|bin| estimate <= bin.high)?;
    Some(Interval {
        estimate,
        low: value_at(&all, as_f64(low) * stretch)?.min(bin.low.max(all.min()?)),
        high: value_at(&all, as_f64(high) * stretch)?.max(bin.high.min(all.max()?)),
    })
}

/// The value of a rank from 1 to the number of values, which may lie between two: by linear interpolation
/// within the bin.
fn value_at(all: &Sketch, rank: f64) -> Option<f64> {
    let (min, max) = (all.min()?, all.max()?);
    let mut before = 0.0;
    for bin in all.bins() {
        let count = as_f64(bin.count);
        if rank <= before + count {
            let (low, high) = (bin.low.max(min), bin.high.min(max));
            let within = ((rank - before - 0.5) / count).clamp(0.0, 1.0);
            return Some(low + (high - low) * within);
        }
        before += count;
    }
    Some(max)
}

/// How many values tell as much of the quantile as one independent value would. 1 at least where a block
/// has few values, which show no such thing as values that even each other out.
fn design_effect(blocks: &[&Sketch], all: &Sketch, p: f64, confidence: f64) -> f64 {
    let further_in = if p < 0.5 { (5.0 * p).min(0.5) } else { (1.0 - 5.0 * (1.0 - p)).max(0.5) };
    let cuts = [p, further_in].map(|p| Cut::at(all, p));
    let joined = join(blocks, all.count(), &cuts);
    let total = as_f64(all.count());
    let squares: f64 = joined.iter().map(|tally| tally.count * tally.count).sum();
    // Kish's effective number: as many blocks of one size would tell as much.
    let worth = total * total / squares;
    if worth < BLOCKS_MIN {
        return 1.0;
    }
    let freedom =
        (1..=20_u32).rev().find(|freedom| f64::from(*freedom) <= worth - 0.5).unwrap_or(1);
    let wider = student::deviations(freedom, confidence) / normal::deviations(confidence);
    let variances = variances(&joined, &cuts).map(|variance| variance * worth / (worth - 1.0));
    let effects = cuts
        .iter()
        .zip(variances)
        .map(|(cut, variance)| wider * wider * variance * total / (cut.p * (1.0 - cut.p)));
    let least = if total < VALUES_MIN { 1.0 } else { EFFECT_MIN };
    effects.fold(least, f64::max)
}

/// Where a quantile cuts the values: below it are the bins before one, and a share of that one.
#[derive(Debug, Clone, Copy)]
struct Cut {
    p: f64,
    bin: i32,
    share: f64,
}

impl Cut {
    fn at(all: &Sketch, p: f64) -> Self {
        let mut left = p * as_f64(all.count());
        for (bin, count) in all.indexed() {
            let count = as_f64(*count);
            if left <= count {
                return Self { p, bin: *bin, share: left / count };
            }
            left -= count;
        }
        Self { p, bin: i32::MAX, share: 0.0 }
    }

    fn below(&self, block: &Sketch) -> f64 {
        let bins = block.indexed();
        let (below, rest) = bins.split_at(bins.partition_point(|(bin, _)| *bin < self.bin));
        let below: u64 = below.iter().map(|(_, count)| count).sum();
        let within = rest.first().filter(|(bin, _)| *bin == self.bin);
        as_f64(below) + within.map_or(0.0, |(_, count)| self.share * as_f64(*count))
    }
}

/// The values of a block, and how many of them each cut has below it.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    count: f64,
    below: [f64; 2],
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.count += other.count;
        for (below, more) in self.below.iter_mut().zip(other.below) {
            *below += more;
        }
    }
}

/// Joins neighbours: a stretch belongs to the block that its middle value lies in.
fn join(blocks: &[&Sketch], total: u64, cuts: &[Cut; 2]) -> Vec<Tally> {
    let mut joined = [Tally::default(); BLOCKS];
    let mut before = 0.0;
    let mut number: usize = 0;
    let per_block = as_f64(total) / as_f64(u64::try_from(BLOCKS).unwrap_or(1));
    let mut end = per_block;
    for block in blocks.iter().filter(|block| !block.is_empty()) {
        let count = as_f64(block.count());
        while before + count / 2.0 > end && number + 1 < BLOCKS {
            number += 1;
            end += per_block;
        }
        if let Some(tally) = joined.get_mut(number) {
            tally.add(&Tally { count, below: cuts.map(|cut| cut.below(block)) });
        }
        before += count;
    }
    joined.into_iter().filter(|tally| tally.count > 0.0).collect()
}

/// The variance of the share below each cut, of resamples of as many blocks.
fn variances(joined: &[Tally], cuts: &[Cut; 2]) -> [f64; 2] {
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut squares = [0.0; 2];
    for _ in 0..RESAMPLES {
        let mut sum = Tally::default();
        for _ in joined {
            if let Some(drawn) = joined.get(random.usize(..joined.len())) {
                sum.add(drawn);
            }
        }
        for ((square, below), cut) in squares.iter_mut().zip(sum.below).zip(cuts) {
            *square += (below / sum.count - cut.p).powi(2);
        }
    }
    squares.map(|square| square / f64::from(RESAMPLES))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::Precision;

    fn sketch(values: impl IntoIterator<Item = f64>) -> Sketch {
        let mut sketch = Sketch::new(Precision::PerMille);
        for value in values {
            sketch.add(value);
        }
        sketch
    }

    fn interval(blocks: &[Sketch], p: f64, confidence: f64) -> Option<Interval> {
        quantile_interval(&blocks.iter().collect::<Vec<_>>(), p, confidence)
    }

    #[track_caller]
    fn check_close(interval: Option<Interval>, expected: Option<(f64, f64)>) {
        let close = |one: f64, other: f64| (one - other).abs() <= 0.002 * other.abs();
        let as_expected = match (interval, expected) {
            (Some(interval), Some((low, high))) => {
                close(interval.low, low)
                    && close(interval.high, high)
                    && interval.low <= interval.estimate
                    && interval.estimate <= interval.high
            }
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        assert!(as_expected, "{interval:?} instead of {expected:?}");
    }

    #[test]
    fn too_few_values_or_blocks_are_taken_by_order_statistics() {
        let block = |values: u32| [sketch((1..=values).map(f64::from))];
        check_close(interval(&[], 0.5, 0.95), None);
        check_close(interval(&block(5), 0.5, 0.95), None);
        check_close(interval(&block(6), 0.5, 0.95), Some((1.0, 6.0)));
        check_close(interval(&block(9), 0.5, 0.95), Some((2.0, 8.0)));
        check_close(interval(&block(100), 0.5, 0.95), Some((40.0, 61.0)));
        check_close(interval(&block(367), 0.99, 0.95), None);
        check_close(interval(&block(368), 0.99, 0.95), Some((359.7, 367.7)));
    }

    #[test]
    fn values_that_are_all_equal_are_known() {
        for value in [-250.0, 0.0, 250.0] {
            let blocks: Vec<Sketch> = (0..60).map(|_| sketch([value; 10])).collect();
            let known = Some(Interval { estimate: value, low: value, high: value });
            assert_eq!(interval(&blocks, 0.5, 0.95), known);
        }
    }

    #[test]
    fn a_block_of_equal_values_tells_as_much_as_one_value() {
        // As if there were one value for each block: t with 19 degrees instead of z makes 20 worth 17.
        let alike: Vec<Sketch> = (1..=20).map(|value| sketch([f64::from(value); 500])).collect();
        let wide = interval(&alike, 0.5, 0.95).unwrap();
        assert!(wide.low <= 6.1 && wide.high >= 14.9, "{wide:?}");
        // The same values in an order that leaves every block alike tell far more.
        let mixed: Vec<Sketch> = (0..500).map(|_| sketch((1..=20).map(f64::from))).collect();
        let narrow = interval(&mixed, 0.5, 0.95).unwrap();
        assert!(narrow.low >= 9.9 && narrow.high <= 11.1, "{narrow:?}");
    }

    #[test]
    fn stretches_without_a_value_change_nothing() {
        let full: Vec<Sketch> = (1..=40).map(|value| sketch([f64::from(value % 7); 9])).collect();
        let gaps: Vec<Sketch> = full.iter().flat_map(|block| [block.clone(), sketch([])]).collect();
        assert_eq!(interval(&full, 0.5, 0.95), interval(&gaps, 0.5, 0.95));
    }

    #[test]
    fn more_confidence_is_a_wider_interval() {
        let blocks: Vec<Sketch> = (0..100_u32)
            .map(|block| {
                sketch((1..=30_u32).map(|i| f64::from((i * 7_919 + block * 104_729) % 997)))
            })
            .collect();
        let width = |confidence| {
            let interval = interval(&blocks, 0.5, confidence).unwrap();
            interval.high - interval.low
        };
        assert!(width(0.8) < width(0.95) && width(0.95) < width(0.999));
    }
}
