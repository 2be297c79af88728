//! The binomial distribution: the law of "which path was first" and "which path missed it" when the paths
//! are equal (probability one half), and of ranks around a quantile.
//!
//! Exact, by recurrence from the middle: term by term outwards the probability of `k` successes
//! is that of `k + 1` times `(k + 1) / (n - k)`, at one half. Only the middle needs a formula of its own.

use super::number::{as_f64, count_from};

/// P(X ≤ `k`) for X binomial with `n` trials of probability ½ and `k` at most `n / 2`.
///
/// What is below 1e-308 comes back as 0.
pub(super) fn lower_tail(k: u64, n: u64) -> f64 {
    let mut mass = middle_mass(n);
    let mut successes = n / 2;
    while successes > k && mass > 0.0 {
        mass *= step_down(successes, n);
        successes -= 1;
    }
    let mut tail = mass;
    while successes > 0 && mass > tail * f64::EPSILON {
        mass *= step_down(successes, n);
        successes -= 1;
        tail += mass;
    }
    tail
}

/// The ranks, counted from 1, of the two of `n` independent values that hold their quantile `p` between
/// them with a probability of `confidence` at least, and miss it on either side with half of the rest at
/// most; `None` where even the smallest or the largest value does not (fewer than 6 values for the median
/// at 95 %, fewer than 368 for the quantile 0.99).
///
/// The value of rank `k` is over the quantile when fewer than `k` values lie below it, which is binomial.
/// Source: order-statistic interval, David and Nagaraja, Order Statistics, 3rd edition, section 7.1.
pub(super) fn ranks(n: u64, p: f64, confidence: f64) -> Option<(u64, u64)> {
    let tail = (1.0 - confidence) / 2.0;
    let low = low_rank(n, p, tail);
    let from_top = low_rank(n, 1.0 - p, tail);
    (low > 0 && from_top > 0).then(|| (low, n + 1 - from_top))
}

/// The largest `k` for which P(X < k) ≤ `tail`, for X binomial with `n` trials of probability `p`; 0 where
/// no k from 1 is.
///
/// From near the mean outwards, in parts of the mass there: their sum tells how large they are.
fn low_rank(n: u64, p: f64, tail: f64) -> u64 {
    let mut rank = count_from(as_f64(n) * p).unwrap_or(0).min(n);
    let mut below: f64 = masses_below(rank, n, p).sum();
    let above: f64 = masses_below(n - rank, n, 1.0 - p).sum();
    let allowed = tail * (below + 1.0 + above);
    for mass in masses_below(rank, n, p) {
        if below <= allowed {
            return rank;
        }
        below -= mass;
        rank -= 1;
    }
    // What is left is what was too small to be added up.
    if rank > 0 && below <= allowed { rank } else { 0 }
}

/// P(X = k − 1), P(X = k − 2) and so on over P(X = k), down to what adds nothing.
fn masses_below(k: u64, n: u64, p: f64) -> impl Iterator<Item = f64> {
    let odds = (1.0 - p) / p;
    let mut mass = 1.0;
    let masses = (1..=k).rev().map(move |k| {
        mass *= step_down(k, n) * odds;
        mass
    });
    masses.take_while(|mass| *mass > 1e-20)
}

/// P(X = k − 1) / P(X = k) where the probability is ½.
fn step_down(k: u64, n: u64) -> f64 {
    as_f64(k) / as_f64(n - k + 1)
}

/// P(X = ⌊n/2⌋), which is C(2m, m) / 4ᵐ with m = ⌈n/2⌉ for even and odd `n` alike.
fn middle_mass(n: u64) -> f64 {
    let half = n.div_ceil(2);
    if half < 64 {
        return (1..=half).map(|i| as_f64(2 * i - 1) / as_f64(2 * i)).product();
    }
    // Stirling's series for both factorials; the first term left out is below 4e-16 from m = 64.
    let m = as_f64(half);
    let cubed = m.powi(3);
    let correction = -1.0 / (8.0 * m) + 1.0 / (192.0 * cubed) - 1.0 / (640.0 * cubed * m * m);
    correction.exp() / (std::f64::consts::PI * m).sqrt()
}

#[cfg(test)]
mod tests {
    use super::super::reference;
    use super::*;

    #[test]
    fn ranks_around_a_quantile_are_the_reference_s() {
        for case in &reference::table().ranks {
            let expected = (case.low > 0).then_some((case.low, case.high));
            assert_eq!(ranks(case.count, case.p, case.confidence), expected, "{case:?}");
        }
    }

    #[test]
    fn the_two_halves_of_an_odd_distribution_are_equal() {
        for n in [1, 3, 127, 129, 10_001] {
            reference::check_close(lower_tail(n / 2, n), 0.5);
        }
    }

    #[test]
    fn what_is_too_small_to_write_down_is_zero_and_found_at_once() {
        reference::check_close(lower_tail(0, 1_000_000_000), 0.0);
    }
}
