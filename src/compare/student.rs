//! Points of Student's distribution: how many deviations wide an interval is whose deviation is itself
//! only estimated.

use std::f64::consts::{FRAC_2_PI, FRAC_PI_2};

/// So many estimated deviations to both sides hold a share of `confidence`, where the deviation was
/// estimated with so many degrees of freedom, 1 at least: 2.09 for 95 % and 19.
///
/// By bisection of the distribution function, to the last digits.
pub(super) fn deviations(freedom: u32, confidence: f64) -> f64 {
    let (mut low, mut high) = (0.0, FRAC_PI_2);
    for _ in 0..60 {
        let angle = f64::midpoint(low, high);
        if share_within(freedom, angle) < confidence { low = angle } else { high = angle }
    }
    f64::from(freedom).sqrt() * f64::midpoint(low, high).tan()
}

/// The share within √ν·tan(angle) of the middle, with ν degrees of freedom. Source: Abramowitz and
/// Stegun, Handbook of Mathematical Functions (1964), 26.7.3 for odd and 26.7.4 for even ν.
fn share_within(freedom: u32, angle: f64) -> f64 {
    let (sine, cosine) = angle.sin_cos();
    let odd = freedom % 2;
    let mut term = if odd == 1 { cosine } else { 1.0 };
    let mut sum = 0.0;
    for step in (odd..freedom.saturating_sub(1)).step_by(2) {
        sum += term;
        term *= cosine * cosine * f64::from(step + 1) / f64::from(step + 2);
    }
    if odd == 1 { FRAC_2_PI * (angle + sine * sum) } else { sine * sum }
}

#[cfg(test)]
mod tests {
    use super::super::reference::{check_close, table};
    use super::*;

    #[test]
    fn student_s_points_are_the_reference_s() {
        for case in &table().student {
            check_close(deviations(case.freedom, case.confidence), case.point);
        }
    }
}
