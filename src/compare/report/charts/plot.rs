//! What stands around the marks of a chart: axes, their ticks and their titles.

use super::picture::{Anchor, Point, Shape, Size};

/// Above the plot: the title of the vertical axis.
pub(super) const TOP: f64 = 24.0;
/// Left of the plot: the numbers of the vertical axis.
pub(super) const LEFT: f64 = 64.0;
/// Right of the plot: half of the last tick's text.
pub(super) const RIGHT: f64 = 24.0;
/// Below the plot: the ticks and the title of the horizontal axis.
pub(super) const BOTTOM: f64 = 40.0;

/// Where the marks are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

impl Area {
    /// The place for marks of this height.
    pub(super) fn new(size: Size, top: f64, height: f64) -> Self {
        Self { left: LEFT, right: size.width - RIGHT, top, bottom: top + height }
    }

    /// The height of the whole picture.
    pub(super) fn height(self) -> f64 {
        self.bottom + BOTTOM
    }

    /// From left to right.
    pub(super) const fn across(self) -> (f64, f64) {
        (self.left, self.right)
    }

    /// From the bottom up.
    pub(super) const fn up(self) -> (f64, f64) {
        (self.bottom, self.top)
    }

    /// The lower edge, with ticks and a title below it.
    pub(super) fn horizontal(self, ticks: &[(f64, String)], title: &str) -> Vec<Shape> {
        let mut shapes = Vec::new();
        for (x, text) in ticks {
            shapes.push(self.upright("grid", *x));
            let at = (*x, self.bottom + 16.0);
            shapes.push(Shape::text(at, Anchor::Middle, text.as_str()));
        }
        let (left, right) = ((self.left, self.bottom), (self.right, self.bottom));
        shapes.push(Shape::Line { class: "axis", from: left, to: right });
        let at = (self.right + RIGHT - 4.0, self.bottom + 34.0);
        shapes.push(Shape::Text {
            class: "title",
            at,
            anchor: Anchor::End,
            text: title.to_owned(),
        });
        shapes
    }

    /// Lines across, with numbers left of them and a title above.
    pub(super) fn vertical(self, ticks: &[(f64, String)], title: &str) -> Vec<Shape> {
        let mut shapes = Vec::new();
        for (y, text) in ticks {
            let ends = ((self.left, *y), (self.right, *y));
            shapes.push(Shape::Line { class: "grid", from: ends.0, to: ends.1 });
            let at = (self.left - 8.0, y + 4.0);
            shapes.push(Shape::text(at, Anchor::End, text.as_str()));
        }
        let at: Point = (4.0, self.top - 12.0);
        let title = title.to_owned();
        shapes.push(Shape::Text { class: "title", at, anchor: Anchor::Start, text: title });
        shapes
    }

    /// A line from top to bottom.
    pub(super) fn upright(self, class: &'static str, x: f64) -> Shape {
        Shape::Line { class, from: (x, self.top), to: (x, self.bottom) }
    }
}
