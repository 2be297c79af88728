//! Charts: from numbers to places in a picture. Templates put them into SVG; colours come from the
//! style sheet, by class.

mod coverage;
mod race;
mod sparkline;

use std::borrow::Borrow;
use std::fmt::{self, Write as _};

pub(super) use self::coverage::{Stretch, stretches};
pub(super) use self::race::{
    HEIGHT as RACE_HEIGHT, NAMES_Y as RACE_NAMES_Y, Race, Runners, SECOND, Size, lane_y,
};
pub(super) use self::sparkline::Sparkline;

/// A place in a picture, with one decimal at most: finer than any screen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Px(f64);

/// Templates hand some numbers by reference.
pub(super) fn px(place: impl Borrow<f64>) -> Px {
    Px(*place.borrow())
}

impl fmt::Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is no number has no place; the beginning is as good as any.
        let number = if self.0.is_finite() { self.0 } else { 0.0 };
        let text = format!("{number:.1}");
        let text = text.strip_suffix(".0").unwrap_or(&text);
        f.pad(if text == "-0" { "0" } else { text })
    }
}

/// The `d` of an SVG path that grows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PathData(String);

impl PathData {
    /// A line.
    fn line(&mut self, from: (f64, f64), to: (f64, f64)) {
        self.push('M', from);
        self.push('L', to);
    }

    /// A line without length: the stroke's width and ends make it a disc or a square.
    fn dot(&mut self, at: (f64, f64)) {
        self.push('M', at);
        self.0.push_str("h0");
    }

    fn push(&mut self, command: char, (x, y): (f64, f64)) {
        // Writing to a String does not fail.
        write!(self.0, "{command}{} {}", Px(x), Px(y)).unwrap_or_default();
    }
}

impl fmt::Display for PathData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_one_decimal_at_most() {
        for (number, expected) in
            [(0.0, "0"), (-0.01, "0"), (12.34, "12.3"), (-7.96, "-8"), (f64::NAN, "0")]
        {
            assert_eq!(Px(number).to_string(), expected);
        }
    }

    #[test]
    fn paths_are_short() {
        let mut path = PathData::default();
        path.line((0.0, 1.25), (10.0, 20.0));
        path.dot((3.0, 4.0));
        assert_eq!(path.to_string(), "M0 1.2L10 20M3 4h0");
    }
}
