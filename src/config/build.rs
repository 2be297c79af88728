//! From the raw keys to each part's settings, with every check that needs more than one key.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use http::HeaderName;
use secrecy::ExposeSecret as _;

use super::check::Check;
use super::layers::Layer;
use super::raw::{self, Raw};
use super::{
    Config, ConfigError, Eventbridge, Webhook, alarms, auth0, comparison, reconcile, routes,
    targets, variables,
};
use crate::event::Path;
use crate::ingress::{Credentials, DeleteAfter, Method, QueueSettings, Secret, WebhookSettings};
use crate::listen::Limits;
use crate::telemetry::log;
use crate::{admin, dead_letters, journal};

/// After a stop, requests under way may take this long.
const DRAIN: Duration = Duration::from_secs(1);

pub(super) fn build(
    raw: Raw,
    effective: toml::Table,
    layers: &[Layer],
    environment: &BTreeMap<String, String>,
) -> Result<Config, ConfigError> {
    let mut check = Check::new(layers, environment);
    let queue_retries = queue_retries(&mut check, &raw);
    let (compare, flags) = comparison::compare(&mut check, &raw);
    let alarms = alarms::alarms(&mut check, &raw.alarms);
    let log = log(&mut check, raw.log);
    let journal = journal::Settings {
        queue_retries,
        ..journal(&mut check, raw.journal, raw.webhook.commit_deadline.0)
    };
    let webhook = raw.mode.contains(Path::Webhook).then(|| webhook(&mut check, &raw.webhook));
    let eventbridge =
        raw.mode.contains(Path::Eventbridge).then(|| eventbridge(&mut check, raw.eventbridge));
    let admin = admin(&mut check, &raw.admin);
    let auth0 = auth0::auth0(&mut check, &raw.auth0);
    let reconcile = reconcile::reconcile(&mut check, &raw.reconcile, auth0.as_ref());
    let targets = targets::targets(&mut check, &raw.targets, journal.keep);
    let routes = routes::routes(&mut check, &raw.routes, &raw.targets);
    let journal =
        journal::Settings { summaries: comparison::summaries(&compare, &raw.compare), ..journal };
    if compare.grace >= journal.keep {
        let what = "not shorter than journal.keep: events would be deleted before they are judged";
        check.problem("compare.grace", what, "make it shorter, or journal.keep longer");
    }
    let Check { problems, mut warnings, secrets, variables, .. } = check;
    warnings.extend(variables::without_effect(environment, &variables, &effective));
    if !problems.is_empty() {
        return Err(ConfigError { problems });
    }
    Ok(Config {
        mode: raw.mode,
        log,
        webhook: webhook.flatten(),
        eventbridge: eventbridge.flatten(),
        journal,
        admin,
        compare,
        flags,
        alarms,
        auth0,
        reconcile,
        targets,
        routes,
        warnings,
        effective,
        secrets,
    })
}

fn log(check: &mut Check<'_>, raw: raw::Log) -> log::Settings {
    if let Err(error) = log::check_filter(&raw.filter) {
        check.problem("log.filter", error.to_string(), "use a level such as \"info\"");
    } else if let Some(word) = log::no_level(&raw.filter) {
        let what = format!("`{word}` is no level: nothing else would be logged");
        check.problem("log.filter", what, "use a level such as \"info\", or target=level");
    }
    log::Settings { format: raw.format, filter: raw.filter }
}

fn journal(check: &mut Check<'_>, raw: raw::Journal, deadline: Duration) -> journal::Settings {
    check.range("journal.queue_max", &raw.queue_max, (1, 1_000_000));
    check.range("journal.batch_max", &raw.batch_max, (1, 10_000));
    check.range("journal.size_bytes_max", &raw.size_bytes_max, (16 * 1024 * 1024, u64::MAX));
    check.range(
        "journal.keep",
        &raw.keep.0,
        (Duration::from_mins(1), Duration::from_hours(24 * 3650)),
    );
    if raw.busy_timeout.0 >= deadline {
        check.problem(
            "journal.busy_timeout",
            "not shorter than webhook.commit_deadline: senders would be told to come back before \
             the writer gives up",
            "make it shorter than webhook.commit_deadline",
        );
    }
    let content = content(check, raw.payload, &raw.redact);
    journal::Settings {
        path: raw.path,
        queue_max: raw.queue_max,
        batch_max: raw.batch_max,
        busy_timeout: raw.busy_timeout.0,
        keep: raw.keep.0,
        size_bytes_max: raw.size_bytes_max,
        content,
        summaries: journal::SummarySettings::default(),
        queue_retries: false,
    }
}

fn content(check: &mut Check<'_>, payload: raw::Payload, redact: &[String]) -> journal::Content {
    let remedy = "write JSON pointers into the CloudEvent, such as \"/data/object/email\"";
    for pointer in redact.iter().filter(|pointer| !pointer.starts_with('/')) {
        check.problem("journal.redact", format!("`{pointer}` is no JSON pointer"), remedy);
    }
    match payload {
        raw::Payload::Redact if redact.is_empty() => {
            check.problem("journal.redact", "empty, and journal.payload is \"redact\"", remedy);
        }
        raw::Payload::Keep | raw::Payload::Drop if !redact.is_empty() => {
            let remedy = "remove it, or set journal.payload = \"redact\"";
            check.problem("journal.redact", "has no use here", remedy);
        }
        raw::Payload::Keep | raw::Payload::Redact | raw::Payload::Drop => {}
    }
    match payload {
        raw::Payload::Keep => journal::Content::Keep,
        raw::Payload::Drop => journal::Content::Drop,
        raw::Payload::Redact => {
            journal::Content::Redact(redact.iter().map(|pointer| pointer.as_str().into()).collect())
        }
    }
}

/// Whether the queue is what retries. A webhook could not be retried so: Auth0 asks once.
fn queue_retries(check: &mut Check<'_>, raw: &Raw) -> bool {
    let queue_retries = raw.eventbridge.delete_after == DeleteAfter::Delivery;
    if queue_retries && raw.mode.contains(Path::Webhook) {
        check.problem(
            "eventbridge.delete_after",
            "\"delivery\" leaves retries to the queue, and webhooks have none",
            "set mode = \"eventbridge\", or delete_after = \"journal\"",
        );
    }
    queue_retries
}

fn webhook(check: &mut Check<'_>, raw: &raw::Webhook) -> Option<Webhook> {
    let valid_path = raw.path.starts_with('/')
        && raw.path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#{}*:".contains(&byte));
    if !valid_path {
        check.problem("webhook.path", "not a plain path", "use one such as \"/webhooks/auth0\"");
    }
    check.range("webhook.body_bytes_max", &raw.body_bytes_max, (1_024, 64 * 1024 * 1024));
    check.range("webhook.head_bytes_max", &raw.head_bytes_max, (8_192, 1024 * 1024));
    check.range("webhook.connections_max", &raw.connections_max, (1, 100_000));
    let seconds = Duration::from_secs;
    check.range("webhook.body_timeout", &raw.body_timeout.0, (seconds(1), seconds(60)));
    check.range("webhook.head_timeout", &raw.head_timeout.0, (seconds(1), seconds(60)));
    check.range("webhook.idle_timeout", &raw.idle_timeout.0, (seconds(1), seconds(3_600)));
    let deadline = (Duration::from_millis(100), seconds(6));
    check.range("webhook.commit_deadline", &raw.commit_deadline.0, deadline);
    let method = method(check, raw)?;
    let secrets = webhook_secrets(check, &raw.secrets, &method);
    Some(Webhook {
        listen: raw.listen,
        door: WebhookSettings {
            path: raw.path.clone(),
            credentials: Credentials::new(method, &secrets),
            body_bytes_max: raw.body_bytes_max,
            body_timeout: raw.body_timeout.0,
            commit_deadline: raw.commit_deadline.0,
            limits: Limits {
                connections_max: raw.connections_max,
                head_timeout: raw.head_timeout.0,
                idle_timeout: raw.idle_timeout.0,
                head_bytes_max: raw.head_bytes_max,
                stop_within: DRAIN,
            },
        },
    })
}

fn method(check: &mut Check<'_>, raw: &raw::Webhook) -> Option<Method> {
    let needed = |check: &mut Check<'_>, key, what: &str| {
        let what = format!("missing, and webhook.method needs {what}");
        check.problem_of("webhook.method", key, what, "set it, or choose another method");
        None
    };
    if !raw.username.is_empty() && raw.method != raw::Method::Basic {
        check.problem(
            "webhook.username",
            "has no use here",
            "remove it, or set method = \"basic\"",
        );
    }
    if !raw.header_name.is_empty() && raw.method != raw::Method::Header {
        let remedy = "remove it, or set method = \"header\"";
        check.problem("webhook.header_name", "has no use here", remedy);
    }
    match raw.method {
        raw::Method::Bearer => Some(Method::Bearer),
        raw::Method::Basic if raw.username.is_empty() => {
            needed(check, "webhook.username", "the user's name")
        }
        raw::Method::Basic => Some(Method::Basic { username: raw.username.clone() }),
        raw::Method::Header if raw.header_name.is_empty() => {
            needed(check, "webhook.header_name", "the header's name")
        }
        raw::Method::Header => {
            let name = raw.header_name.parse::<HeaderName>();
            if name.is_err() {
                check.problem("webhook.header_name", "no HTTP header's name", "use letters and -");
            }
            name.ok().map(Method::Header)
        }
    }
}

/// Shorter secrets can be guessed at the speed of HTTP.
const SECRET_BYTES_GOOD: usize = 16;

fn webhook_secrets(
    check: &mut Check<'_>,
    raw: &[raw::LabelledSecret],
    method: &Method,
) -> Vec<Secret> {
    if raw.is_empty() {
        check.problem(
            "webhook.secrets",
            "no secret, so that nobody could post",
            "add [[webhook.secrets]] with label = \"…\" and env = \"TWINSTREAM_WEBHOOK_TOKEN\" (or \
             file = \"…\"), or set mode = \"eventbridge\"",
        );
    }
    let mut labels = BTreeSet::new();
    let mut secrets = Vec::new();
    for (position, secret) in raw.iter().enumerate() {
        let key = format!("webhook.secrets[{position}]");
        if secret.label.is_empty() || !labels.insert(&secret.label) {
            check.problem(&key, "its label is empty or used twice", "give each its own label");
        }
        let value = check.secret(&key, secret.env.as_deref(), secret.file.as_deref());
        let Some(value) = value else { continue };
        match method {
            Method::Bearer | Method::Header(_) => check.fits_a_header(&key, &value),
            // In base64 everything fits.
            Method::Basic { .. } => {}
        }
        if value.expose_secret().len() < SECRET_BYTES_GOOD {
            check.warnings.push(format!(
                "the webhook secret `{}` is shorter than {SECRET_BYTES_GOOD} bytes; \
                 `openssl rand -hex 32` makes a good one",
                secret.label
            ));
        }
        let not_after = secret.not_after.map(|end| end.0);
        secrets.push(Secret { label: secret.label.clone(), value, not_after });
    }
    secrets
}

fn eventbridge(check: &mut Check<'_>, raw: raw::Eventbridge) -> Option<Eventbridge> {
    check.range("eventbridge.receivers", &raw.receivers, (1, 64));
    // Without a wait, empty polls would follow each other without a pause, each at a price.
    let (shortest, longest) = (Duration::from_secs(1), Duration::from_secs(20));
    check.range("eventbridge.wait", &raw.wait.0, (shortest, longest));
    let endpoint_url = optional_url(check, "eventbridge.endpoint_url", &raw.endpoint_url);
    let (of_queue, of_rule) = (raw.dead_letter_queue_url, raw.rule_dead_letter_queue_url);
    let queue_letters = optional_url(check, "eventbridge.dead_letter_queue_url", &of_queue);
    let rule_letters = optional_url(check, "eventbridge.rule_dead_letter_queue_url", &of_rule);
    if raw.queue_url.is_empty() {
        check.problem(
            "eventbridge.queue_url",
            "missing: the SQS door has no queue",
            "set it to the queue's URL, or set mode = \"webhook\"",
        );
        return None;
    }
    let queue = optional_url(check, "eventbridge.queue_url", &raw.queue_url)?;
    let region = if raw.region.is_empty() { region_of(&queue) } else { Some(raw.region) };
    let dead_letters = dead_letters::Settings {
        home: raw.queue_url.clone(),
        queue_letters: queue_letters.map(|_| of_queue),
        rule_letters: rule_letters.map(|_| of_rule),
    };
    Some(Eventbridge {
        dead_letters,
        door: QueueSettings {
            queue_url: raw.queue_url,
            receivers: raw.receivers,
            wait: raw.wait.0,
            delete_after: raw.delete_after,
        },
        region,
        endpoint_url: endpoint_url.map(|_| raw.endpoint_url),
    })
}

pub(super) fn optional_url(check: &mut Check<'_>, key: &str, text: &str) -> Option<url::Url> {
    if text.is_empty() {
        return None;
    }
    let url: Option<url::Url> = text.parse().ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
    if url.is_none() {
        check.problem(key, "not an http or https URL", "use the whole URL, with https://");
    }
    url
}

/// `https://sqs.<region>.amazonaws.com/…`: AWS General Reference, SQS endpoints.
pub(super) fn region_of(queue: &url::Url) -> Option<String> {
    let mut labels = queue.host_str()?.split('.');
    let (service, region, domain) = (labels.next()?, labels.next()?, labels.next()?);
    (service == "sqs" && domain == "amazonaws").then(|| region.to_owned())
}

fn admin(check: &mut Check<'_>, raw: &raw::Admin) -> admin::Settings {
    check.range("admin.connections_max", &raw.connections_max, (1, 10_000));
    let token = raw.token.as_ref().and_then(|source| check.secret_at("admin.token", source));
    if let Some(token) = &token {
        check.fits_a_header("admin.token", token);
    }
    if !raw.listen.ip().is_loopback() && raw.token.is_none() {
        check.problem(
            "admin.listen",
            format!("{} is not loopback, and there is no admin.token", raw.listen),
            "set admin.token = { env = \"TWINSTREAM_ADMIN_TOKEN\" }, or listen on 127.0.0.1",
        );
    }
    admin::Settings {
        listen: raw.listen,
        token,
        limits: Limits {
            connections_max: raw.connections_max,
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_mins(1),
            head_bytes_max: 64 * 1024,
            stop_within: DRAIN,
        },
    }
}
