//! What `setup`, `doctor` and `reconcile` do at AWS and at Auth0. Nothing here belongs to the life of an
//! event: a gateway that was set up by hand runs without it.

mod plan;

pub mod auth0;
pub mod doctor;
pub mod reconcile;
pub mod aws;

pub use plan::{Change, Plan, Step};
