//! The binomial distribution with probability one half: the law of "which path was first" and
//! "which path missed it" when the paths are equal, and of ranks around a median.
//!
//! Exact, by recurrence from the middle: term by term outwards the probability of `k` successes
//! is that of `k + 1` times `(k + 1) / (n - k)`. Only the middle needs a formula of its own.

use super::number::as_f64;

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

/// The largest rank `k`, counted from 1, for which the `k`-th smallest and the `k`-th largest of
/// `n` independent values hold their median between them with a probability of `confidence` at
/// least; `None` when even the smallest and the largest do not (fewer than 6 values at 95 %).
///
/// The values hold it unless fewer than `k` lie below it, or fewer than `k` above: the probability
/// is P(k ≤ X ≤ n − k). Source: order-statistic interval, David and Nagaraja, Order Statistics,
/// 3rd edition, section 7.1.
pub(super) fn median_rank(n: u64, confidence: f64) -> Option<u64> {
    let mut rank = n / 2;
    let mut mass = middle_mass(n);
    // The middle of an odd number of trials is two equally likely counts.
    let mut held = if n.is_multiple_of(2) { mass } else { 2.0 * mass };
    while held < confidence {
        if rank <= 1 {
            return None;
        }
        mass *= step_down(rank, n);
        rank -= 1;
        held += 2.0 * mass;
    }
    (rank > 0).then_some(rank)
}

/// P(X = k − 1) / P(X = k).
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
    fn ranks_around_the_median_are_the_reference_s() {
        for case in &reference::table().median_rank {
            let expected = (case.rank > 0).then_some(case.rank);
            assert_eq!(median_rank(case.count, 0.95), expected, "{} values", case.count);
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
