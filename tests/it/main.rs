//! Twinstream as a whole, and its parts as others see them. The one integration test binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::string_slice,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    missing_docs,
    reason = "a test that can't go on fails, and says where; its tasks end with its runtime"
)]

mod admin;
mod alarms;
mod backup;
mod browser;
mod bus_target;
mod cli;
mod crash;
mod dead_letters;
mod delivery;
mod demo;
mod demo_app;
mod desk;
mod docs;
mod doctor;
mod erase;
mod event_bus;
mod examples;
mod faults;
mod management;
mod infrastructure;
mod model;
mod outage;
mod order;
mod observability;
mod ordering;
mod pages;
mod pairing;
mod pattern;
mod pause;
mod quarantine;
mod queue;
mod queue_retries;
mod repository;
mod reconcile;
mod restart;
mod setup_aws;
mod shutdown;
mod simulate;
mod support;
mod targets;
mod tenant;
mod tidy;
mod transform;
mod webhook;
