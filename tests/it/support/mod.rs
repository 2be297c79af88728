//! What several tests need.

pub mod invariants;
pub mod store;
