//! What the process says of itself: logs, the error chain, metrics, the state of the doors and
//! of the targets.

mod chain;
mod health;
pub mod log;
mod metrics;

pub use chain::Chain;
pub use health::{
    BreakerState, DoorState, FollowingState, Health, SecretUse, StreamState, TargetState,
};
pub use metrics::{Measured, Metrics};
