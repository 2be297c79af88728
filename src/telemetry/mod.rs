//! What the process says of itself: logs, the error chain, metrics, the state of the doors.

mod chain;
mod health;
pub mod log;
mod metrics;

pub use chain::Chain;
pub use health::{DoorState, Health, SecretUse};
pub use metrics::Metrics;
