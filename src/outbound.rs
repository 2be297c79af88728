//! The clients of every HTTP request that leaves this process, and what all of them have in common.

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};
use url::Url;

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[error(
    "no HTTPS client can be made; it takes the machine's certificate authorities: the package \
     ca-certificates, or a file of them in SSL_CERT_FILE"
)]
pub struct NoClient(#[from] reqwest::Error);

/// A client for this URL, with what `with` adds. It follows no redirect, which would carry a token or an event to a
/// place that nobody configured, and asks no proxy of the environment.
///
/// One for plain http needs no certificate authorities, and is had on a machine without any, such as a minimal
/// container. The client of [reqwest] is refused there otherwise, whatever it is for.
///
/// # Errors
/// When the URL is of https, and this machine has no certificate authorities.
pub fn client(
    url: &Url,
    with: impl FnOnce(ClientBuilder) -> ClientBuilder,
) -> Result<Client, NoClient> {
    let client = Client::builder().redirect(Policy::none()).no_proxy();
    let client = if url.scheme() == "https" { client } else { client.tls_certs_only([]) };
    Ok(with(client).build()?)
}
