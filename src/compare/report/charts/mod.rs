//! Charts: from the document to places in a picture, to SVG. Pure, and shared by the HTML report and
//! the pages; colours come from the style sheet, by class.

mod axis;
mod distribution;
mod lanes;
mod picture;
mod plot;
mod ranges;
mod series;
mod time;
mod waterfall;

use askama::Template;

pub use self::picture::{Anchor, PathData, Picture, Point, Px, Shape, Size, px};
use super::sheets::Sheet;
use crate::compare::words::duration;
use crate::compare::{Document, Slot};

/// A chart with what it says, in words and in numbers.
#[derive(Debug, Clone, PartialEq, Template)]
#[template(path = "compare_figure.html")]
pub struct Figure {
    /// What it is called in a link.
    pub id: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// What is seen.
    pub says: String,
    /// What the marks mean.
    pub legend: Vec<Key>,
    /// For broad screens and paper.
    pub broad: Picture,
    /// For phones.
    pub narrow: Picture,
    /// The numbers that are drawn.
    pub numbers: Sheet,
}

/// A line of a legend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The class of the mark.
    pub class: &'static str,
    /// What it means.
    pub text: &'static str,
}

/// A picture's height, and its parts.
type Drawn = (f64, Vec<Shape>);

/// All charts that have something to show, in the order in which a reader decides from them.
pub fn all(document: &Document) -> Vec<Figure> {
    let figures = [
        ranges::losses(document),
        distribution::latencies(document),
        series::differences(document),
        lanes::losses(document),
        waterfall::hops(document),
        series::latencies(document),
        lanes::disorder(document),
    ];
    figures.into_iter().flatten().collect()
}

impl Figure {
    /// Draws the same for each size; the numbers' table has the figure's id and title.
    fn new(says: String, numbers: Sheet, draw: impl Fn(Size) -> Drawn) -> Self {
        let picture = |size| {
            let (height, shapes) = draw(size);
            let label = format!("{}. {says}", numbers.title);
            Picture { size, height, label, shapes }
        };
        let (broad, narrow) = (picture(Size::BROAD), picture(Size::NARROW));
        let (id, title) = (numbers.id, numbers.title);
        Self { id, title, says, legend: Vec::new(), broad, narrow, numbers }
    }

    fn with_legend(mut self, legend: &[(&'static str, &'static str)]) -> Self {
        self.legend = legend.iter().map(|(class, text)| Key { class, text }).collect();
        self
    }
}

/// The marks of the paths.
const PATHS: [(&str, &str); 2] = [("path webhook", "webhook"), ("path eventbridge", "eventbridge")];

/// The length of a slot, in words: `15 min`.
fn slot_length(slots: &[Slot]) -> String {
    let longest = slots.iter().map(|slot| slot.to.millis_since(slot.from)).fold(0.0, f64::max);
    duration(longest)
}

/// When a slot begins, as a row's title.
fn slot_title(slot: &Slot) -> String {
    slot.from.to_string()
}

#[cfg(test)]
mod tests;
