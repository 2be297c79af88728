//! Against the values themselves.

use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_assert_eq, prop_oneof, proptest};

use super::precision::SMALLEST_MS;
use super::*;

const PRECISIONS: [Precision; 2] = [Precision::Percent, Precision::PerMille];

fn sketch_of(precision: Precision, values: &[f64]) -> Sketch {
    let mut sketch = Sketch::new(precision);
    for value in values {
        sketch.add(*value);
    }
    sketch
}

/// Against the values themselves, for the quantiles 0 ‰, 1 ‰, … 1000 ‰.
#[track_caller]
fn check_quantiles(sketch: &Sketch, values: &[f64]) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    for per_mille in 0..=1_000_u32 {
        let exact = sorted[(sorted.len() - 1) * usize::try_from(per_mille).unwrap() / 1_000];
        let shown = sketch.quantile(f64::from(per_mille) / 1_000.0).unwrap();
        let allowed = exact.abs() * sketch.relative_error() * (1.0 + 1e-9) + SMALLEST_MS;
        assert!((shown - exact).abs() <= allowed, "{per_mille} ‰ of {exact} shown as {shown}");
    }
    assert_eq!((sketch.min(), sketch.max()), (sorted.first().copied(), sorted.last().copied()));
    assert_eq!(sketch.count(), u64::try_from(values.len()).unwrap());
    let negative = values.iter().filter(|value| **value < 0.0).count();
    assert_eq!(sketch.negative(), u64::try_from(negative).unwrap());
}

fn encoded(sketch: &Sketch) -> Vec<u8> {
    let mut bytes = Vec::new();
    sketch.encode(&mut bytes);
    bytes
}

#[track_caller]
fn check_decode(bytes: &[u8], expected: Result<&Sketch, Malformed>) {
    let mut rest = bytes;
    assert_eq!(Sketch::decode(&mut rest).as_ref(), expected.as_ref().copied());
}

/// Durations as they are, and the odd ones.
fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<i32>().prop_map(|micros| f64::from(micros) / 1_000.0),
        any::<i16>().prop_map(f64::from),
        any::<f64>()
            .prop_filter("finite", |value| value.is_finite())
            .prop_map(|value| value.clamp(-LONGEST_MS, LONGEST_MS)),
    ]
}

proptest! {
    #[test]
    fn quantiles_are_within_the_relative_error(values in vec(any_value(), 1..300)) {
        for precision in PRECISIONS {
            check_quantiles(&sketch_of(precision, &values), &values);
        }
    }

    #[test]
    fn merging_is_adding_all(
        left in vec(any_value(), 0..100), right in vec(any_value(), 0..100),
    ) {
        for precision in PRECISIONS {
            let mut merged = sketch_of(precision, &left);
            merged.merge(&sketch_of(precision, &right));
            prop_assert_eq!(merged, sketch_of(precision, &[&*left, &right].concat()));
        }
    }

    #[test]
    fn a_sketch_comes_back_as_it_was(values in vec(any_value(), 0..100), more in vec(any::<u8>(), 0..9)) {
        for precision in PRECISIONS {
            let sketch = sketch_of(precision, &values);
            let bytes = [encoded(&sketch), more.clone()].concat();
            let mut rest = &*bytes;
            prop_assert_eq!(Sketch::decode(&mut rest), Ok(sketch));
            prop_assert_eq!(rest, &more);
        }
    }

    #[test]
    fn no_bytes_bring_it_down(bytes in vec(any::<u8>(), 0..200), cut in 0..200_usize, flip in 0..200_usize) {
        drop(Sketch::decode(&mut &*bytes));
        let values: Vec<f64> = bytes.iter().map(|byte| f64::from(*byte) - 9.0).collect();
        let mut good = encoded(&sketch_of(Precision::Percent, &values));
        if let Some(byte) = good.get_mut(flip) {
            *byte ^= 0x91;
        }
        good.truncate(cut);
        if let Ok(mut sketch) = Sketch::decode(&mut &*good) {
            sketch.merge(&sketch.clone());
            prop_assert_eq!(sketch.quantile(0.5).is_some(), sketch.bins().count() > 0);
        }
    }
}

#[test]
fn what_is_not_there_has_no_quantile() {
    for precision in PRECISIONS {
        let mut sketch = Sketch::new(precision);
        assert!(sketch.is_empty());
        assert_eq!((sketch.quantile(0.5), sketch.min(), sketch.max()), (None, None, None));
        sketch.add(7.0);
        assert_eq!(sketch.quantile(0.5), Some(7.0));
        assert_eq!([-0.1, 1.1, f64::NAN].map(|p| sketch.quantile(p)), [None; 3]);
    }
}

#[test]
fn what_no_clock_can_show_is_counted_at_the_ends() {
    for precision in PRECISIONS {
        let odd = [f64::NAN, f64::INFINITY, f64::MAX, f64::NEG_INFINITY];
        let expected = [LONGEST_MS, LONGEST_MS, LONGEST_MS, -LONGEST_MS];
        assert_eq!(sketch_of(precision, &odd), sketch_of(precision, &expected));
    }
}

#[test]
fn the_ratio_of_the_edges_follows_from_the_error() {
    for precision in PRECISIONS {
        let exact = 2.0 * precision.relative_error().atanh();
        assert!((precision.ln_ratio() - exact).abs() < 1e-16);
    }
}

#[test]
fn the_bounds_are_those_that_are_documented() {
    for (precision, bins) in PRECISIONS.into_iter().zip([3_677, 36_763]) {
        assert_eq!(2 * precision.index_max() + 1, bins);
    }
}

#[test]
fn bins_ascend_and_hold_their_values() {
    for precision in PRECISIONS {
        for value in [-LONGEST_MS, -80.0, -0.002, -0.000_5, 0.0, 0.001, 0.0011, 3.0, 1e6] {
            let sketch = sketch_of(precision, &[value]);
            let bin = sketch.bins().next().unwrap();
            assert!(bin.low <= value && value <= bin.high * (1.0 + 1e-12), "{value} in {bin:?}");
        }
        let edges = |index| precision.edges(index);
        assert!((-50..50).all(|index| edges(index).1.total_cmp(&edges(index + 1).0).is_eq()));
    }
}

#[test]
fn another_precision_loses_no_value() {
    let values = [-3.0, 0.0, 5.0, 5.0, 800.0, 90_000.0];
    let mut sketch = sketch_of(Precision::Percent, &[1.0]);
    sketch.merge(&sketch_of(Precision::PerMille, &values));
    assert_eq!((sketch.count(), sketch.negative(), sketch.max()), (7, 1, Some(90_000.0)));
    let median = sketch.quantile(0.5).unwrap();
    assert!((median - 5.0).abs() < 0.06, "{median}");
}

#[test]
fn few_values_take_few_bytes() {
    for precision in PRECISIONS {
        assert_eq!(encoded(&Sketch::new(precision)).len(), 2);
        assert!(encoded(&sketch_of(precision, &[0.4, 80.0, 12_000.0])).len() < 40);
    }
    let many: Vec<f64> = (0..5_000).map(|millis| 100.0 + f64::from(millis)).collect();
    let sketch = sketch_of(Precision::Percent, &many);
    assert!(encoded(&sketch).len() < 20 + 3 * sketch.bins().count());
}

#[test]
fn what_adding_could_not_have_made_is_malformed() {
    let sketch = sketch_of(Precision::Percent, &[1.0, 2.0]);
    let good = encoded(&sketch);
    check_decode(&good, Ok(&sketch));
    let with = |place: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[place] = byte;
        bytes
    };
    let (precision, bins, min_sign, negative, delta, count) = (0, 1, 9, 18, 22, 23);
    assert_eq!((good.len(), good[count], good[delta]), (24, 1, 35));
    check_decode(&with(precision, 2), Err(Malformed));
    check_decode(&with(bins, 3), Err(Malformed));
    check_decode(&with(min_sign, 0x7f), Err(Malformed));
    check_decode(&with(negative, 3), Err(Malformed));
    check_decode(&with(delta, 0), Err(Malformed));
    check_decode(&with(count, 0), Err(Malformed));
    for length in 0..good.len() {
        check_decode(&good[..length], Err(Malformed));
    }
    check_decode(&[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], Err(Malformed));
}
