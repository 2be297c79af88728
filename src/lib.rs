#![doc = include_str!("../docs/ARCHITECTURE.md")]

pub mod ingress;
pub mod normalize;
pub mod journal;
pub mod routing;
pub mod delivery;
pub mod dead_letters;
pub mod compare;
pub mod admin;
pub mod sim;
pub mod config;
pub mod app;
pub mod cli;
pub mod listen;
pub mod clock;
pub mod telemetry;
pub mod event;
