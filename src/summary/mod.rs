//! What is known of the events of a stretch of time, in little room. Stretches merge into longer ones.

mod sketch;

pub use sketch::{Bin, Malformed, Precision, Sketch};
