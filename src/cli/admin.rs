//! Asking a running gateway, through its admin listener.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use bytes::Bytes;
use clap::Args;
use http::StatusCode;
use reqwest::{RequestBuilder, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Failure;
use crate::config::{ForAsking, Sources};
use crate::outbound;

/// Where the gateway is.
#[derive(Debug, Clone, Args)]
pub(super) struct AdminArguments {
    /// The gateway's admin listener, host and port; `admin.listen` of the configuration by default.
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<String>,
    /// The configuration file (or `TWINSTREAM_CONFIG`), for `admin.listen` and `admin.token`. Without
    /// it, the token is that of `TWINSTREAM_ADMIN_TOKEN`.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Where the configuration is, for what asks no gateway.
#[derive(Debug, Args)]
pub(super) struct ConfigFile {
    /// The configuration file (or `TWINSTREAM_CONFIG`); config/default.toml explains every key.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigFile {
    pub(super) fn sources(self) -> Sources {
        Sources { file: self.config, ..Sources::default() }.with_environment()
    }
}

/// Who orders something, and why.
#[derive(Debug, Args)]
pub(super) struct PersonArguments {
    /// Your name; by default the one you logged in by.
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
    /// Your reason. Both are kept with the order for good: name no user in it.
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
}

impl PersonArguments {
    /// Puts both into the JSON of an order.
    pub(super) fn sign(&self, admin: &Admin, order: &mut Value) -> Result<(), Failure> {
        let missing = |what: &str| Failure::Input(what.to_owned());
        let Some(why) = &self.why else {
            return Err(missing("say why, with --why TEXT: it is kept with the order"));
        };
        let Some(who) = self.who.as_ref().or(admin.who.as_ref()) else {
            return Err(missing("say who you are, with --who NAME: it is kept with the order"));
        };
        order["who"] = json!(who);
        order["why"] = json!(why);
        Ok(())
    }
}

/// A running gateway.
#[derive(Debug)]
pub(super) struct Admin {
    client: reqwest::Client,
    base: Url,
    token: Option<SecretString>,
    who: Option<String>,
}

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// The gateway gives every answer within a minute.
const ANSWER_WITHIN: Duration = Duration::from_secs(70);

impl AdminArguments {
    /// Where the settings are, for what needs more of them.
    pub(super) fn sources(&self) -> Sources {
        Sources { file: self.config.clone(), ..Sources::default() }.with_environment()
    }

    /// Finds out whom to ask. Asks nothing yet.
    pub(super) fn find(self) -> Result<Admin, Failure> {
        let sources = Sources { file: self.config, ..Sources::default() }.with_environment();
        let ForAsking { admin, token, who } = ForAsking::load(&sources)?;
        let base = match (self.admin, admin) {
            (Some(address), _) => base(&address)?,
            (None, Some(address)) => base(&address.to_string())?,
            (None, None) => {
                let what = "admin.listen leaves the port to the gateway: say with --admin ADDRESS \
                            which one it took; its log tells, and `serve --addresses-file`";
                return Err(Failure::Input(what.into()));
            }
        };
        let client = outbound::client(&base, |client| {
            client.connect_timeout(CONNECT_WITHIN).timeout(ANSWER_WITHIN)
        })?;
        Ok(Admin { client, base, token, who })
    }
}

/// `host:port`, or a whole URL where a proxy ends TLS in front of the gateway.
fn base(address: &str) -> Result<Url, Failure> {
    let text =
        if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
    let url: Option<Url> = text.parse().ok();
    url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| Failure::Input(format!("`{address}` is no address such as 127.0.0.1:9400")))
}

impl Admin {
    /// The login name of whoever asks, where one is known.
    pub(super) fn who(&self) -> Option<&str> {
        self.who.as_deref()
    }

    /// What is at this path, below `/api/v1`.
    pub(super) async fn get(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<Value, Failure> {
        self.read(&self.bytes(path, query).await?)
    }

    /// The same, for what is no JSON.
    pub(super) async fn bytes(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<Bytes, Failure> {
        let mut url = self.url(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.send(self.client.get(url)).await
    }

    /// Gives an order.
    pub(super) async fn post(&self, path: &[&str], order: &Value) -> Result<Value, Failure> {
        let request = self.client.post(self.url(path));
        let request = request.header(http::header::CONTENT_TYPE, "application/json");
        self.read(&self.send(request.body(order.to_string())).await?)
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        // A base of http or https always has segments.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "v1"]).extend(path);
        }
        url
    }

    async fn send(&self, mut request: RequestBuilder) -> Result<Bytes, Failure> {
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose_secret());
        }
        let unreachable = |error: reqwest::Error| Failure::Unreachable {
            what: format!(
                "no gateway answers at {} (is it running, and is that its admin.listen? --admin \
                 ADDRESS names another)",
                self.name()
            ),
            source: anyhow!("{}", cause(&error.without_url())),
        };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let body = response.bytes().await.map_err(unreachable)?;
        if status.is_success() { Ok(body) } else { Err(self.refusal(status, &body)) }
    }

    fn refusal(&self, status: StatusCode, body: &[u8]) -> Failure {
        let document: Option<Value> = serde_json::from_slice(body).ok();
        let said = document.as_ref().and_then(|document| document["error"].as_str());
        let Some(said) = said else {
            let answered = anyhow!("it answered {status}");
            // As when it took too long, or as a proxy in front says that it is not there.
            return if status.is_server_error() {
                self.not_now(answered)
            } else {
                self.stranger(answered)
            };
        };
        match status {
            StatusCode::UNAUTHORIZED => {
                let what = match self.token {
                    Some(_) => "does not take this token: use that of its admin.token",
                    None => "demands the token of its admin.token",
                };
                Failure::Input(format!(
                    "the gateway at {} {what}, named by the configuration (--config FILE) or in \
                     TWINSTREAM_ADMIN_TOKEN",
                    self.name()
                ))
            }
            StatusCode::NOT_FOUND | StatusCode::CONFLICT => Failure::DoesNotHold(said.to_owned()),
            status if status.is_client_error() => Failure::Input(said.to_owned()),
            _ => self.not_now(anyhow!("{said}")),
        }
    }

    /// As it was asked for.
    fn name(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    fn read(&self, bytes: &[u8]) -> Result<Value, Failure> {
        serde_json::from_slice(bytes).map_err(|error| self.stranger(error.into()))
    }

    /// What is asked of a document.
    pub(super) fn understand<T: DeserializeOwned>(&self, document: Value) -> Result<T, Failure> {
        serde_json::from_value(document).map_err(|error| self.stranger(error.into()))
    }

    fn not_now(&self, source: anyhow::Error) -> Failure {
        let what = format!("the gateway at {} can't do it now", self.name());
        Failure::Unreachable { what, source }
    }

    fn stranger(&self, source: anyhow::Error) -> Failure {
        let what = format!(
            "what answers at {} is no admin listener of this version of twinstream",
            self.name()
        );
        Failure::Unreachable { what, source }
    }
}

/// The first cause alone: those between are the client's own layers.
fn cause(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, path: &[&str], expected: Option<&str>) {
        let url = base(address).ok().map(|base| {
            let client = reqwest::Client::builder().build().unwrap();
            Admin { client, base, token: None, who: None }.url(path).to_string()
        });
        assert_eq!(url.as_deref(), expected, "{address}");
    }

    #[test]
    fn addresses_become_urls() {
        check("127.0.0.1:9400", &["orders"], Some("http://127.0.0.1:9400/api/v1/orders"));
        check("[::1]:80", &["orders", "1"], Some("http://[::1]/api/v1/orders/1"));
        check("gateway:9400", &["x"], Some("http://gateway:9400/api/v1/x"));
        check("https://g.example/admin/", &["x"], Some("https://g.example/admin/api/v1/x"));
        check("g:1", &["dead-letters", "a/b?c"], Some("http://g:1/api/v1/dead-letters/a%2Fb%3Fc"));
        check("ftp://g", &[], None);
        check("", &[], None);
        check("a b", &[], None);
    }
}
