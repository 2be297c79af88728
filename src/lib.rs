//! twinstream

pub mod event;
pub mod clock;
pub mod telemetry;
pub mod sim;
