//! The simulator: stands in for the parties outside, for demos, tests, drills and load.
//!
//! It knows nothing of the gateway's inside. What it does is ours, so it proves nothing alone; its
//! worth is that it misbehaves on demand, and says afterwards what really happened.

pub mod auth0;
pub mod aws;
pub mod demo_app;
