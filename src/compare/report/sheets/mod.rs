//! The document's numbers in words, as tables that every report shows in its own way.

mod counted;
mod paths;
mod sheet;
mod ways;

pub(super) use self::paths::{measure, number_of};
pub use self::sheet::{Cell, Row, Sheet};
pub(super) use self::ways::station;
use crate::compare::{Document, Interval, Outcome};

/// Stands where a number cannot be computed.
const NO_DATA: &str = "no data";

/// All tables that have something to say, in the order in which a reader decides from them.
pub fn all(document: &Document) -> Vec<Sheet> {
    let mut sheets = vec![
        paths::criteria(document),
        paths::paths(document),
        paths::pairs(document),
        ways::hops(document),
        ways::payloads(document),
        ways::costs(document),
        ways::plan(document),
        counted::counted(document),
        counted::excluded(document),
        counted::method(document),
    ];
    sheets.retain(|sheet| !sheet.rows.is_empty());
    sheets
}

/// Where an interval lies, in words.
pub(super) const fn standing(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Holds => "holds",
        Outcome::Fails => "fails",
        Outcome::NotEnoughData => "not enough data",
    }
}

fn known<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map_or_else(|| NO_DATA.to_owned(), show)
}

/// An interval by its ends: `3 to 7`.
pub(super) fn between(interval: Interval, show: impl Fn(f64) -> String) -> String {
    format!("{} to {}", show(interval.low), show(interval.high))
}

/// A number with its interval: `5 (3 to 7)`.
pub(super) fn estimated(interval: Interval, show: impl Fn(f64) -> String) -> String {
    let estimate = show(interval.estimate);
    if interval.low < interval.high {
        format!("{estimate} ({})", between(interval, show))
    } else {
        estimate
    }
}
