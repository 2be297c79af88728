//! How a tenant's Management API is reached, and what its streams are called.

use secrecy::SecretString;

/// The table `[auth0]`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The tenant's domain, without a scheme: `example-tenant.eu.auth0.com`.
    pub domain: String,
    /// Another address for its Management API, for stand-ins alone.
    pub endpoint_url: Option<url::Url>,
    /// The machine-to-machine application whose client credentials are used.
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretString,
    /// The name of the webhook stream.
    pub webhook_stream: String,
    /// The name of the EventBridge stream.
    pub eventbridge_stream: String,
    /// Where Auth0 posts webhooks: the public address of the webhook door, with its path.
    pub webhook_url: Option<url::Url>,
    /// The types of events that both streams send, in this order.
    pub event_types: Vec<String>,
}
