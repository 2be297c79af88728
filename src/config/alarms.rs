//! When alarms are raised, and who is told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::check::Check;
use super::layers::Layer;
use super::{ConfigError, raw};
use crate::alarms::{Alarm, Destination, Limits, Poster, Settings};

/// The settings of the alarms, for those who need no more.
pub(super) fn alarms_alone(
    raw: &raw::Alarms,
    layers: &[Layer],
    environment: &BTreeMap<String, String>,
) -> Result<Settings, ConfigError> {
    let mut check = Check::new(layers, environment);
    let settings = alarms(&mut check, raw);
    if check.problems.is_empty() {
        Ok(settings)
    } else {
        Err(ConfigError { problems: check.problems })
    }
}

pub(super) fn alarms(check: &mut Check<'_>, raw: &raw::Alarms) -> Settings {
    let (second, day) = (Duration::from_secs(1), Duration::from_hours(24));
    for (key, value, range) in [
        ("every", raw.every.0, (Duration::from_millis(100), day)),
        ("raise_after", raw.raise_after.0, (Duration::ZERO, day)),
        ("resolve_after", raw.resolve_after.0, (Duration::ZERO, day)),
        ("repeat_after", raw.repeat_after.0, (second, 365 * day)),
        ("within", raw.within.0, (second, day)),
        ("silent_for", raw.silent_for.0, (second, day)),
        ("pending_age_max", raw.pending_age_max.0, (second, 365 * day)),
        ("queue_age_max", raw.queue_age_max.0, (second, 365 * day)),
    ] {
        check.range(&format!("alarms.{key}"), &value, range);
    }
    Settings {
        every: raw.every.0,
        raise_after: raw.raise_after.0,
        resolve_after: raw.resolve_after.0,
        repeat_after: raw.repeat_after.0,
        link: link(check, &raw.link),
        limits: Limits {
            off: off(check, &raw.off),
            within: raw.within.0,
            refused_max: raw.refused_max,
            quarantined_max: raw.quarantined_max,
            died_max: raw.dead_letters_max,
            silent_for: raw.silent_for.0,
            silent_while: raw.silent_while,
            pending_age_max: raw.pending_age_max.0,
            queue_messages_max: raw.queue_messages_max,
            queue_age_max: raw.queue_age_max.0,
            dead_letter_queue_max: raw.dead_letter_queue_max,
        },
        destinations: destinations(check, &raw.webhooks),
    }
}

fn link(check: &mut Check<'_>, text: &str) -> Option<url::Url> {
    if text.is_empty() {
        return None;
    }
    // A page is joined to it, and would take the place of what follows the last slash.
    let parsed = url::Url::parse(&format!("{}/", text.trim_end_matches('/')));
    let parsed = parsed.ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    if parsed.is_none() {
        let what = format!("`{text}` is no http:// or https:// URL");
        check.problem("alarms.link", what, "write the address of the admin pages");
    }
    parsed
}

fn off(check: &mut Check<'_>, names: &[String]) -> Vec<Alarm> {
    let mut alarms = Vec::new();
    for name in names {
        if let Some(alarm) = Alarm::ALL.into_iter().find(|alarm| alarm.as_str() == name) {
            alarms.push(alarm);
        } else {
            let known: Vec<_> = Alarm::ALL.iter().map(|alarm| alarm.as_str()).collect();
            let what = format!("there is no alarm `{name}`");
            check.problem("alarms.off", what, format!("there are {}", known.join(", ")));
        }
    }
    alarms
}

fn destinations(check: &mut Check<'_>, raw: &[raw::AlarmWebhook]) -> Vec<Destination> {
    let (mut names, mut destinations) = (BTreeSet::new(), Vec::new());
    for (index, webhook) in raw.iter().enumerate() {
        let key = format!("alarms.webhooks[{index}]");
        if webhook.name.is_empty() || !names.insert(webhook.name.as_str()) {
            let what = format!("`{}` is empty, or the name of another one", webhook.name);
            check.problem(&format!("{key}.name"), what, "give each destination a name of its own");
        }
        let mut secret = |name: &str, source: &raw::SecretSource| {
            check.secret(&format!("{key}.{name}"), source.env.as_deref(), source.file.as_deref())
        };
        let url = secret("url", &webhook.url);
        let bearer = webhook.bearer.as_ref().map(|source| secret("bearer", source));
        let (Some(url), None | Some(Some(_))) = (url, &bearer) else { continue };
        let name = webhook.name.as_str().into();
        let destination = Destination { name, url, bearer: bearer.flatten() };
        if let Err(error) = Poster::new(&destination) {
            check.problem(&key, error.to_string(), "see that the secret is the whole address");
        }
        destinations.push(destination);
    }
    destinations
}
