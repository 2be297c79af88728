//! twinstream

pub mod normalize;
pub mod journal;
pub mod clock;
pub mod telemetry;
pub mod event;
