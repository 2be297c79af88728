//! twinstream

pub mod normalize;
pub mod clock;
pub mod telemetry;
pub mod event;
