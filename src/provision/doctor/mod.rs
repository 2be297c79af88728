//! What `doctor` looks at: this host, AWS, Auth0, and the door as the world sees it. Facts are gathered
//! first; each check is a pure function of them.

pub mod auth0;
pub mod aws;
mod check;
pub mod clock;
pub mod door;
pub mod local;

pub use check::{Check, Section, State};
