//! What is known of the events of a stretch of time, in little room: pure values that the journal keeps
//! for longer than the events, and the comparison merges.
//!
//! Each settled event is summed up in the cells of its minute, its ten minutes, its hour and its day: once with all others, once
//! with those of its type and streams. Whatever is learnt of it later (its arrival by the other path, a
//! duplicate) amends the same cells.

mod book;
mod cell;
mod codec;
mod count;
#[cfg(test)]
pub(crate) mod fixture;
mod scope;
mod sketch;
mod slice;
#[cfg(test)]
mod tests;
mod varint;

pub use book::{Book, Entry, Key};
pub use cell::{Cell, Series};
pub use count::{Circumstances, Count, Counts};
pub use scope::Scope;
pub use sketch::{Bin, Malformed, Precision, Sketch};
pub use slice::{Run, Scale, cut};
