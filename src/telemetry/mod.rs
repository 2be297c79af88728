//! What the process says of itself: logs, the error chain, metrics.

mod chain;

pub use chain::Chain;
