//! The tenant's Management API.

use super::check::Check;
use super::{build, raw};
use crate::event::EVENT_TYPES;
use crate::provision::auth0::Settings;

/// The table `[auth0]`; `None` where no tenant is named, or where something is wrong.
pub(super) fn auth0(check: &mut Check<'_>, raw: &raw::Auth0) -> Option<Settings> {
    let webhook_url = webhook_url(check, &raw.webhook_url);
    let endpoint_url = endpoint_url(check, &raw.endpoint_url);
    for (key, name) in [
        ("auth0.webhook_stream", &raw.webhook_stream),
        ("auth0.eventbridge_stream", &raw.eventbridge_stream),
    ] {
        // Auth0: 1 to 128 characters (Management API, `POST /event-streams`, `name`).
        if !(1..=128).contains(&name.chars().count()) {
            check.problem(key, "not 1 to 128 characters", "give the stream a name");
        }
    }
    if raw.webhook_stream == raw.eventbridge_stream {
        let what = "the same as auth0.webhook_stream";
        check.problem("auth0.eventbridge_stream", what, "give each stream a name of its own");
    }
    if let Some(odd) = raw.event_types.iter().find(|kind| !EVENT_TYPES.contains(&kind.as_str())) {
        check.warnings.push(format!(
            "auth0.event_types: `{odd}` is no type that Auth0 was known to take in August 2026"
        ));
    }
    if raw.domain.is_empty() {
        return None;
    }
    let remedy = "write it as Auth0's dashboard shows it: \"example-tenant.eu.auth0.com\"";
    let is_host = url::Host::parse(&raw.domain).is_ok() && raw.domain.contains('.');
    if !is_host {
        let what = format!("`{}` is no domain", raw.domain);
        check.problem("auth0.domain", what, remedy);
    }
    if raw.client_id.is_empty() {
        let remedy = "set it to the client id of a machine-to-machine application that may use \
                      the Management API";
        check.problem("auth0.client_id", "missing, and auth0.domain names a tenant", remedy);
    }
    let Some(source) = &raw.client_secret else {
        let remedy =
            "set it to { env = \"TWINSTREAM_AUTH0_CLIENT_SECRET\" }, or to { file = \"…\" }";
        check.problem("auth0.client_secret", "missing, and auth0.domain names a tenant", remedy);
        return None;
    };
    let client_secret = check.secret_at("auth0.client_secret", source)?;
    let event_types = if raw.event_types.is_empty() {
        EVENT_TYPES.map(str::to_owned).to_vec()
    } else {
        raw.event_types.clone()
    };
    Some(Settings {
        domain: raw.domain.clone(),
        endpoint_url,
        client_id: raw.client_id.clone(),
        client_secret,
        webhook_stream: raw.webhook_stream.clone(),
        eventbridge_stream: raw.eventbridge_stream.clone(),
        webhook_url,
        event_types,
    })
}

/// The client secret goes there, so that no network may carry it in clear.
fn endpoint_url(check: &mut Check<'_>, text: &str) -> Option<url::Url> {
    const KEY: &str = "auth0.endpoint_url";
    let url = build::optional_url(check, KEY, text)?;
    let is_here = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    if url.scheme() != "https" && !is_here {
        let what = "plain http to another host, and it would carry auth0.client_secret";
        check.problem(KEY, what, "use https://, or leave it empty: it is for stand-ins");
        return None;
    }
    Some(url)
}

fn webhook_url(check: &mut Check<'_>, text: &str) -> Option<url::Url> {
    let url = build::optional_url(check, "auth0.webhook_url", text)?;
    // Auth0: `^https://` (Management API, `webhook_endpoint`).
    if url.scheme() != "https" {
        let what = "not https, and Auth0 posts to nothing else";
        check.problem("auth0.webhook_url", what, "write the public https:// address of the door");
        return None;
    }
    Some(url)
}
