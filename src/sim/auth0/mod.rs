//! Auth0: a tenant whose users change, and the streams that tell of it.

mod tenant;
mod webhook;

pub use tenant::{Change, CloudEvent, Ids, Mix, Population, Shares, TENANT, Tenant};
pub use webhook::{Posted, WebhookStream};
