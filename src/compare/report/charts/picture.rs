//! A picture: shapes with places, before it is SVG.

use std::borrow::Borrow;
use std::fmt::{self, Write as _};

use askama::Template;

/// A place in a picture, with one decimal at most: finer than any screen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Px(pub f64);

/// Templates hand some numbers by reference.
pub fn px(place: impl Borrow<f64>) -> Px {
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
pub struct PathData(String);

impl PathData {
    /// A line.
    pub fn line(&mut self, from: Point, to: Point) {
        self.push('M', from);
        self.push('L', to);
    }

    /// A line without length: the stroke's width and ends make it a disc or a square.
    pub fn dot(&mut self, at: Point) {
        self.push('M', at);
        self.0.push_str("h0");
    }

    /// A rectangle, by its upper left corner and its measures.
    pub fn rectangle(&mut self, corner: Point, (width, height): (f64, f64)) {
        self.push('M', corner);
        // Writing to a String does not fail.
        write!(self.0, "h{}v{}h{}z", Px(width), Px(height), Px(-width)).unwrap_or_default();
    }

    /// A move (`M`) or a line (`L`) to a place.
    pub fn push(&mut self, command: char, (x, y): Point) {
        write!(self.0, "{command}{} {}", Px(x), Px(y)).unwrap_or_default();
    }

    /// Whether nothing is drawn.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for PathData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// From the left and from above.
pub type Point = (f64, f64);

/// Which width a picture is drawn for. The style sheet shows the one that fits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Size {
    /// The class of the picture.
    pub name: &'static str,
    /// Its width, in units that are pixels when it is shown at full size.
    pub width: f64,
    /// Most ticks on a horizontal axis.
    pub(super) ticks: usize,
}

impl Size {
    /// For screens of a computer, and for paper.
    pub(super) const BROAD: Self = Self { name: "broad", width: 600.0, ticks: 7 };
    /// For phones.
    pub(super) const NARROW: Self = Self { name: "narrow", width: 340.0, ticks: 4 };
}

/// Which end of a text is at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// Its beginning.
    Start,
    /// Its middle.
    Middle,
    /// Its end.
    End,
}

impl Anchor {
    /// The value of SVG's `text-anchor`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }
}

/// A part of a picture; its class says what it means, and the style sheet how that looks.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// A straight line.
    Line {
        /// Its class.
        class: &'static str,
        /// Its beginning.
        from: Point,
        /// Its end.
        to: Point,
    },
    /// A path.
    Path {
        /// Its class.
        class: String,
        /// Its way.
        data: PathData,
    },
    /// A text.
    Text {
        /// Its class.
        class: &'static str,
        /// Where its [`Anchor`] is.
        at: Point,
        /// Which end that is.
        anchor: Anchor,
        /// What it says.
        text: String,
    },
}

impl Shape {
    /// A text without a class.
    pub(super) fn text(at: Point, anchor: Anchor, text: impl Into<String>) -> Self {
        Self::Text { class: "", at, anchor, text: text.into() }
    }

    /// A path.
    pub(super) fn path(class: impl Into<String>, data: PathData) -> Self {
        Self::Path { class: class.into(), data }
    }
}

/// A picture, which is shown as SVG.
#[derive(Debug, Clone, PartialEq, Template)]
#[template(path = "compare_picture.html")]
pub struct Picture {
    /// The width it is drawn for.
    pub size: Size,
    /// Its height, in the same units.
    pub height: f64,
    /// What is seen, for those who do not see it.
    pub label: String,
    /// Its parts; later ones cover earlier ones.
    pub shapes: Vec<Shape>,
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
        path.rectangle((1.0, 2.0), (3.0, 4.5));
        assert_eq!(path.to_string(), "M0 1.2L10 20M3 4h0M1 2h3v4.5h-3z");
    }

    #[test]
    fn texts_are_escaped() {
        let text = Shape::text((1.0, 2.0), Anchor::End, "<b>&\"");
        let picture =
            Picture { size: Size::NARROW, height: 9.0, label: "\"<i>".into(), shapes: vec![text] };
        let svg = picture.to_string();
        assert!(!svg.contains("<b>") && !svg.contains("<i>") && !svg.contains("\"\""), "{svg}");
        assert!(svg.contains("text-anchor=\"end\""), "{svg}");
    }
}
