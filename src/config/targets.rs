//! Where events go: from the raw keys to each target's settings.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use http::header::AUTHORIZATION;
use secrecy::{ExposeSecret as _, SecretString};

use super::build::optional_url;
use super::check::Check;
use super::raw;
use crate::delivery::bus::{self, EventBus, EventSource};
use crate::delivery::{
    BreakerRule, Destination, HttpSettings, Limits, Retry, SigningSecret, Target, check_literal,
    is_reserved,
};

/// The slowest and the fastest that a target may be sent to, a second.
const RATE: (f64, f64) = (0.01, 100_000.0);
/// The `source` of what is put on a bus, unless another one is asked for.
const SOURCE: &str = "twinstream";
/// Headers of a target's own.
const HEADERS_MAX: usize = 32;

pub(super) fn targets(check: &mut Check<'_>, raw: &[raw::Target], keep: Duration) -> Vec<Target> {
    let mut names = BTreeSet::new();
    let targets = raw.iter().enumerate().filter_map(|(position, raw)| {
        let mut keys = Keys { check: &mut *check, position };
        if raw.name.is_empty() || !names.insert(raw.name.as_str()) {
            keys.problem("name", "empty, or used twice", "give each target its own name");
        }
        let (timeout, limits) = (timeout(&mut keys, raw), limits(&mut keys, raw));
        let (retry, retry_on) = (retry(&mut keys, raw, keep), retry_on(&mut keys, raw));
        Some(Target {
            name: Arc::from(raw.name.as_str()),
            destination: destination(&mut keys, raw)?,
            timeout,
            limits,
            retry,
            retry_on,
            redrive_on_recovery: raw.redrive_on_recovery,
        })
    });
    targets.collect()
}

/// An application's URL or an event bus, and the keys that go with it.
fn destination(keys: &mut Keys<'_, '_>, raw: &raw::Target) -> Option<Destination> {
    let of_http = [
        ("public_only", raw.public_only.is_some()),
        ("signing_secret", raw.signing_secret.is_some()),
        ("bearer", raw.bearer.is_some()),
        ("headers", !raw.headers.is_empty()),
        ("retry_on", raw.retry_on.is_some()),
    ];
    let of_a_bus = [
        ("source", raw.source.is_some()),
        ("region", raw.region.is_some()),
        ("endpoint_url", raw.endpoint_url.is_some()),
        ("entry_bytes_max", raw.entry_bytes_max.is_some()),
    ];
    match (&raw.url, &raw.event_bus) {
        (Some(url), None) => {
            keys.without_use(&of_a_bus, "event_bus");
            Some(Destination::Http(http(keys, raw, url)))
        }
        (None, Some(event_bus)) => {
            keys.without_use(&of_http, "url");
            bus(keys, raw, event_bus).map(Destination::Bus)
        }
        (Some(_), Some(_)) => {
            keys.problem("event_bus", "stands beside a url", "keep one of them");
            None
        }
        (None, None) => {
            let remedy = "add url = \"https://…\", or event_bus = \"…\"";
            keys.problem("url", "missing: the target is nowhere", remedy);
            None
        }
    }
}

/// The keys of one target, for what is wrong with them.
struct Keys<'a, 'b> {
    check: &'a mut Check<'b>,
    position: usize,
}

impl Keys<'_, '_> {
    fn key(&self, name: &str) -> String {
        format!("targets[{}].{name}", self.position)
    }

    fn problem(&mut self, name: &str, what: impl Into<String>, remedy: &str) {
        self.check.problem(&self.key(name), what, remedy);
    }

    fn range<T: PartialOrd + std::fmt::Debug>(&mut self, name: &str, value: &T, range: (T, T)) {
        self.check.range(&self.key(name), value, range);
    }

    /// Keys that say nothing without another one.
    fn without_use(&mut self, keys: &[(&str, bool)], of: &str) {
        for (name, _) in keys.iter().filter(|(_, is_set)| *is_set) {
            self.problem(name, format!("has no use without `{of}`"), "remove it");
        }
    }

    /// A secret that is sent as a header.
    fn header(&mut self, name: &str, source: &raw::SecretSource) -> Option<SecretString> {
        let key = self.key(name);
        let secret = self.check.secret_at(&key, source)?;
        self.check.fits_a_header(&key, &secret);
        Some(secret)
    }
}

fn http(keys: &mut Keys<'_, '_>, raw: &raw::Target, url: &url::Url) -> HttpSettings {
    let public_only = raw.public_only.unwrap_or(false);
    if !matches!(url.scheme(), "http" | "https") {
        keys.problem("url", "not an http or https URL", "use https://…");
    }
    if !url.username().is_empty() || url.password().is_some() {
        keys.problem("url", "holds a user or password", "use `bearer` for a secret");
    }
    if public_only && let Err(why) = check_literal(url) {
        let remedy = "use a public address or a name, or remove public_only";
        keys.problem("url", format!("{why}, and public_only allows public addresses only"), remedy);
    }
    HttpSettings {
        url: url.clone(),
        public_only,
        signing_secret: signing_secret(keys, raw),
        bearer: raw.bearer.as_ref().and_then(|source| keys.header("bearer", source)),
        headers: headers(keys, raw),
    }
}

fn signing_secret(keys: &mut Keys<'_, '_>, raw: &raw::Target) -> Option<SigningSecret> {
    let Some(source) = &raw.signing_secret else {
        keys.check.warnings.push(format!(
            "the target `{}` has no signing_secret: it can't tell our events from anybody's",
            raw.name
        ));
        return None;
    };
    let secret = keys.check.secret_at(&keys.key("signing_secret"), source)?;
    match SigningSecret::parse(secret.expose_secret()) {
        Ok(secret) => Some(secret),
        Err(error) => {
            let remedy = "put whsec_<base64 of 32 random bytes> there";
            keys.problem("signing_secret", error.to_string(), remedy);
            None
        }
    }
}

fn headers(keys: &mut Keys<'_, '_>, raw: &raw::Target) -> Vec<(HeaderName, SecretString)> {
    if raw.headers.len() > HEADERS_MAX {
        let what = format!("{} headers; {HEADERS_MAX} is too many", raw.headers.len());
        keys.problem("headers", what, "use fewer");
    }
    let mut names = BTreeSet::new();
    let mut headers = Vec::new();
    for (text, source) in &raw.headers {
        let key = format!("headers.{text}");
        let Ok(name) = text.parse::<HeaderName>() else {
            keys.problem(&key, "no HTTP header's name", "use letters, digits and -");
            continue;
        };
        if is_reserved(&name) || (name == AUTHORIZATION && raw.bearer.is_some()) {
            let what = format!("`{name}` is set by twinstream itself");
            keys.problem(&key, what, "remove it, or choose another name");
        } else if !names.insert(name.as_str().to_owned()) {
            keys.problem(&key, "the same header twice", "keep one of them");
        } else if let Some(value) = keys.header(&key, source) {
            headers.push((name, value));
        }
    }
    headers
}

fn bus(keys: &mut Keys<'_, '_>, raw: &raw::Target, event_bus: &str) -> Option<bus::Settings> {
    let source = raw.source.as_deref().unwrap_or(SOURCE);
    let entry_bytes_max = raw.entry_bytes_max.unwrap_or(bus::Settings::ENTRY_BYTES_MAX);
    let largest = bus::Settings::ENTRY_BYTES_MAX;
    keys.range("entry_bytes_max", &entry_bytes_max, (1_024, largest));
    let endpoint_url = raw.endpoint_url.as_deref().unwrap_or_default();
    let key = keys.key("endpoint_url");
    let endpoint_url = optional_url(keys.check, &key, endpoint_url).map(String::from);
    let event_bus = EventBus::parse(event_bus).map_err(|error| {
        let remedy = "use the name of an event bus in your account, or a bus's ARN";
        keys.problem("event_bus", error.to_string(), remedy);
    });
    let source = EventSource::parse(source).map_err(|error| {
        keys.problem("source", error.to_string(), "use a name such as \"com.example.auth\"");
    });
    Some(bus::Settings {
        event_bus: event_bus.ok()?,
        source: source.ok()?,
        region: raw.region.clone(),
        endpoint_url,
        entry_bytes_max,
        timeout: raw.timeout.0,
        concurrency: raw.concurrency,
    })
}

fn timeout(keys: &mut Keys<'_, '_>, raw: &raw::Target) -> Duration {
    let longest = Duration::from_mins(15);
    keys.range("timeout", &raw.timeout.0, (Duration::from_millis(10), longest));
    raw.timeout.0
}

fn limits(keys: &mut Keys<'_, '_>, raw: &raw::Target) -> Limits {
    keys.range("concurrency", &raw.concurrency, (1, 1_000));
    for (name, rate) in [("rate", raw.rate), ("drain_rate", Some(raw.drain_rate))] {
        match rate {
            // Which is inside of no range and outside of none.
            Some(rate) if rate.is_nan() => keys.problem(name, "no number", "use a number"),
            Some(rate) => keys.range(name, &rate, RATE),
            None => {}
        }
    }
    keys.range("breaker_failures", &raw.breaker_failures, (1, 1_000_000));
    let shortest = Duration::from_millis(10);
    keys.range("breaker_pause", &raw.breaker_pause.0, (shortest, BreakerRule::PAUSE_MAX));
    Limits {
        concurrency: raw.concurrency,
        rate: raw.rate,
        drain_rate: raw.drain_rate,
        breaker: BreakerRule { failures: raw.breaker_failures, pause: raw.breaker_pause.0 },
    }
}

fn retry(keys: &mut Keys<'_, '_>, raw: &raw::Target, keep: Duration) -> Retry {
    keys.range("max_attempts", &raw.max_attempts, (1, 100_000));
    keys.range("pause_min", &raw.pause_min.0, (Duration::from_millis(1), raw.pause_max.0));
    if raw.max_age.0 >= keep {
        keys.problem(
            "max_age",
            "not shorter than journal.keep: events would be deleted before their deliveries end",
            "make it shorter, or journal.keep longer",
        );
    }
    Retry {
        max_age: raw.max_age.0,
        max_attempts: raw.max_attempts,
        pause_min: raw.pause_min.0,
        pause_max: raw.pause_max.0,
    }
}

fn retry_on(keys: &mut Keys<'_, '_>, raw: &raw::Target) -> Box<[u16]> {
    let statuses = raw.retry_on.as_deref().unwrap_or_default();
    for status in statuses.iter().filter(|status| !(400..=599).contains(*status)) {
        let what = match status {
            200..=299 => format!("{status} is a success"),
            300..=399 => format!("{status} is a redirect, and none is followed"),
            _ => format!("{status} is no status of a failure"),
        };
        keys.problem("retry_on", what, "list statuses from 400 to 599");
    }
    statuses.into()
}
