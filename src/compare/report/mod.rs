//! The document as people and programs read it.

pub mod charts;
mod html;
mod json;
mod markdown;
mod pairs;
mod said;
mod sheets;
mod terminal;
#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;

pub use html::html;
pub use json::json;
pub use markdown::markdown;
pub use pairs::{PairRow, header as pairs_header, line as pairs_line};
pub use said::{asserted, expectation, headline, mood};
pub use sheets::{Cell, Row, Sheet, all as sheets};
pub use terminal::terminal;
