//! Auth0's Management API.

mod settings;

pub use settings::Settings;
