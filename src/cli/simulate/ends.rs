//! Where the events go.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;
use url::{Host, Url};

use super::Failure;
use crate::app::AwsAccess;
use crate::app::simulate::{CloudEnd, Place, Settings, WebhookEnd};
use crate::config::Sources;
use crate::sim::auth0::carrier::{Authorization, BusCarrier};

/// The webhook door.
#[derive(Debug, Args)]
#[command(next_help_heading = "Webhook")]
pub(super) struct WebhookArguments {
    /// Post webhooks to this URL.
    #[arg(long = "webhook-url", id = "webhook_url", value_name = "URL")]
    url: Option<String>,
    /// The environment variable with the secret of the webhook stream.
    #[arg(
        long = "webhook-token-env",
        value_name = "VAR",
        requires = "webhook_url",
        conflicts_with = "token_file"
    )]
    token_env: Option<String>,
    /// The file with that secret.
    #[arg(long = "webhook-token-file", value_name = "FILE", requires = "webhook_url")]
    token_file: Option<PathBuf>,
    /// How the secret is sent: bearer, basic (it is user:password), or the name of a header.
    #[arg(
        long = "webhook-auth",
        value_name = "HOW",
        default_value = "bearer",
        requires = "webhook_url"
    )]
    auth: String,
}

/// The event bus or the queue.
#[derive(Debug, Args)]
#[command(next_help_heading = "EventBridge (AWS's own credential chain)")]
pub(super) struct CloudArguments {
    /// Put events on this event bus, by name or ARN; a rule of yours takes them to the queue.
    #[arg(long, value_name = "NAME", conflicts_with = "queue_url")]
    bus: Option<String>,
    /// Their source. AWS lets nobody but Auth0 use one that begins with aws.
    #[arg(
        long,
        value_name = "SOURCE",
        default_value = BusCarrier::SOURCE,
        requires = "eventbridge"
    )]
    bus_source: String,
    /// Send events to this queue, in EventBridge's envelope.
    #[arg(long, value_name = "URL")]
    queue_url: Option<String>,
    /// The region, where the credential chain names none.
    #[arg(long, requires = "eventbridge")]
    region: Option<String>,
    /// The address of an emulator or a stand-in, instead of AWS.
    #[arg(long, value_name = "URL", requires = "eventbridge")]
    endpoint_url: Option<String>,
}

impl WebhookArguments {
    pub(super) fn end(&self, sources: &Sources) -> Result<Option<WebhookEnd>, Failure> {
        let Some(url) = self.url.clone() else { return Ok(None) };
        check_url("--webhook-url", &url)?;
        let (env, file) = (self.token_env.as_deref(), self.token_file.as_deref());
        if env.is_none() && file.is_none() {
            let what = "--webhook-url needs the stream's secret; add --webhook-token-env VAR or \
                        --webhook-token-file FILE";
            return Err(Failure::Input(what.to_owned()));
        }
        let secret = sources.secret(env, file).map_err(Failure::Input)?;
        let authorization = match self.auth.as_str() {
            "bearer" => Authorization::bearer(&secret),
            "basic" => Authorization::basic(&secret),
            name => Authorization::header(name, &secret),
        };
        let authorization = authorization
            .map_err(|error| Failure::Input(format!("--webhook-auth {}: {error}", self.auth)))?;
        Ok(Some(WebhookEnd { url, authorization }))
    }
}

impl CloudArguments {
    pub(super) fn end(self) -> Result<Option<CloudEnd>, Failure> {
        if let Some(url) = &self.endpoint_url {
            check_url("--endpoint-url", url)?;
        }
        let place = match (self.bus, self.queue_url) {
            (Some(bus), _) => Place::Bus(bus),
            (None, Some(url)) => Place::Queue(url),
            (None, None) => return Ok(None),
        };
        Ok(Some(CloudEnd {
            place,
            source: self.bus_source,
            region: self.region,
            endpoint_url: self.endpoint_url,
            access: AwsAccess::DefaultChain,
        }))
    }
}

/// Checked before anything is shown of it: a password in it must be in no output.
fn check_url(flag: &str, text: &str) -> Result<(), Failure> {
    let wrong = |what: &str| Err(Failure::Input(format!("{flag} {what}")));
    let Ok(url) = text.parse::<Url>() else {
        return wrong("is no http:// or https:// URL");
    };
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return wrong("is no http:// or https:// URL");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("has a name or a password in it; they go into the secret, as user:password");
    }
    Ok(())
}

/// Whether anything goes to another host than this one.
pub(super) fn is_elsewhere(settings: &Settings) -> bool {
    let webhook = settings.webhook.as_ref().is_some_and(|end| !is_here(&end.url));
    let cloud = settings.eventbridge.as_ref().is_some_and(|end| {
        end.endpoint_url.as_deref().is_none_or(|endpoint_url| !is_here(endpoint_url))
    });
    webhook || cloud
}

fn is_here(url: &str) -> bool {
    let Ok(url) = url.parse::<Url>() else { return false };
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expected: bool) {
        assert_eq!(is_here(url), expected, "{url}");
    }

    #[test]
    fn only_loopback_is_here() {
        check("http://127.0.0.1:8080/webhooks/auth0", true);
        check("http://localhost:4566", true);
        check("http://sqs.localhost:4566", true);
        check("http://[::1]/", true);
        check("https://gateway.example.com/webhooks/auth0", false);
        check("http://10.0.0.1/", false);
        check("http://localhost.example.com/", false);
        check("nonsense", false);
    }
}
