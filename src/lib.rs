//! twinstream

pub mod normalize;
pub mod routing;
pub mod journal;
pub mod listen;
pub mod clock;
pub mod telemetry;
pub mod event;
