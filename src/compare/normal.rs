//! Points of the standard normal distribution: how many deviations wide an interval is.

/// A polynomial over another, lowest power first.
type Ratio = [[f64; 8]; 2];

/// Within 0.425 of one half.
const CENTRAL: Ratio = [
    [
        3.387_132_872_796_366_5,
        133.141_667_891_784_38,
        1_971.590_950_306_551_3,
        13_731.693_765_509_46,
        45_921.953_931_549_87,
        67_265.770_927_008_7,
        33_430.575_583_588_13,
        2_509.080_928_730_122_7,
    ],
    [
        1.0,
        42.313_330_701_600_91,
        687.187_007_492_057_9,
        5_394.196_021_424_751,
        21_213.794_301_586_597,
        39_307.895_800_092_71,
        28_729.085_735_721_943,
        5_226.495_278_852_854,
    ],
];

/// Down to probabilities of e⁻²⁵.
const TAIL: Ratio = [
    [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        0.241_780_725_177_450_6,
        0.022_723_844_989_269_184,
        0.000_774_545_014_278_341_4,
    ],
    [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        0.689_767_334_985_1,
        0.148_103_976_427_480_08,
        0.015_198_666_563_616_457,
        0.000_547_593_808_499_534_5,
        1.050_750_071_644_416_9e-09,
    ],
];

/// Below.
const FAR_TAIL: Ratio = [
    [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        0.296_560_571_828_504_87,
        0.026_532_189_526_576_124,
        0.001_242_660_947_388_078_4,
        2.711_555_568_743_487_6e-05,
        2.010_334_399_292_288_1e-07,
    ],
    [
        1.0,
        0.599_832_206_555_888,
        0.136_929_880_922_735_8,
        0.014_875_361_290_850_615,
        0.000_786_869_131_145_613_3,
        1.846_318_317_510_054_8e-05,
        1.421_511_758_316_446e-07,
        2.044_263_103_389_939_7e-15,
    ],
];

/// The point that a standard normal variable is below with this probability, which is over 0 and below 1.
///
/// Off by some 1e-16 of its value. Source: Wichura, Algorithm AS 241: the percentage points of the normal
/// distribution, Applied Statistics 37 (1988), 477-484, PPND16.
pub(super) fn quantile(probability: f64) -> f64 {
    let from_half = probability - 0.5;
    if from_half.abs() <= 0.425 {
        return from_half * ratio(&CENTRAL, 0.180_625 - from_half * from_half);
    }
    let tail = if from_half < 0.0 { probability } else { 1.0 - probability };
    let depth = (-tail.ln()).sqrt();
    let size = if depth <= 5.0 { ratio(&TAIL, depth - 1.6) } else { ratio(&FAR_TAIL, depth - 5.0) };
    size.copysign(from_half)
}

/// So many deviations to both sides of the middle hold a share of `confidence` of a normal distribution:
/// 1.96 for 95 %.
pub(super) fn deviations(confidence: f64) -> f64 {
    -quantile((1.0 - confidence) / 2.0)
}

fn ratio([over, under]: &Ratio, at: f64) -> f64 {
    let value = |powers: &[f64; 8]| powers.iter().rev().fold(0.0, |sum, power| sum * at + power);
    value(over) / value(under)
}

#[cfg(test)]
mod tests {
    use super::super::reference::{check_close, table};
    use super::*;

    #[test]
    fn normal_points_are_the_reference_s() {
        for case in &table().normal {
            check_close(quantile(case.probability), case.point);
        }
    }

    #[test]
    fn so_many_deviations_hold_the_confidence() {
        check_close(deviations(0.95), 1.959_963_984_540_054);
    }
}
