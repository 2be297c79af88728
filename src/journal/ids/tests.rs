//! The index of ids.
