//! What the pages, the configuration's comments and the container's file say, against the program.

mod commands;
mod configuration;
mod container;
mod links;
mod metrics;
mod operations;
