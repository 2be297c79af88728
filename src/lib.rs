//! twinstream

pub mod ingress;
pub mod normalize;
pub mod journal;
pub mod routing;
pub mod delivery;
pub mod compare;
pub mod listen;
pub mod clock;
pub mod telemetry;
pub mod event;
