//! The document as people and programs read it.

mod json;
pub mod rows;
mod terminal;
#[cfg(test)]
mod sample;

pub use json::json;
pub use terminal::terminal;
