//! What several tests need.

pub(crate) mod invariants;
pub(crate) mod store;
