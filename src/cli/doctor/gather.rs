//! Gathering the facts, place by place.

use std::collections::HashMap;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use super::super::Failure;
use super::super::admin::AdminArguments;
use crate::app;
use crate::clock::Clock;
use crate::config::{Config, ConfigError, ForSetup, LabelledSecret, Sources};
use crate::event::{Path, PerPath, Timestamp};
use crate::journal::{self, Reader};
use crate::provision::auth0::{Api, DeliveryFilter, Stream};
use crate::provision::doctor::clock::{self, Answered};
use crate::provision::doctor::door::Credential;
use crate::provision::doctor::gateway::Silent;
use crate::provision::doctor::{Check, auth0, aws, door, gateway, local};
use crate::provision::reconcile::{Failed, Failures};
use crate::telemetry::Chain;

/// What everything is gathered by.
pub(super) struct Gathering<'a> {
    pub(super) sources: &'a Sources,
    pub(super) setup: ForSetup,
    pub(super) config: Result<Config, ConfigError>,
}

/// Storing a message takes no longer, as a rule.
const WORK: Duration = Duration::from_secs(12);
/// Failed deliveries read of one stream.
const LISTED_MAX: usize = 5_000;

impl Gathering<'_> {
    pub(super) async fn host(&self, deep: bool) -> Result<Vec<Check>, Failure> {
        let config = match &self.config {
            Ok(config) => config,
            Err(error) => return Ok(unusable(error)),
        };
        let path = config.journal.path.clone();
        let at_disk = path.clone();
        let looked = tokio::task::spawn_blocking(move || local::look_at_disk(&at_disk)).await;
        let (free_bytes, flush) = looked.map_err(|error| Failure::Fault(error.into()))?;
        let door = config.webhook.as_ref().map(|webhook| &webhook.door);
        let connections = door.map_or(0, |door| door.limits.connections_max);
        let connections = connections + config.admin.limits.connections_max;
        let mut checks = local::checks(&local::Facts {
            journal_bytes: std::fs::metadata(&path).ok().map(|file| file.len()),
            journal_bytes_max: config.journal.size_bytes_max,
            journal: path.clone(),
            free_bytes,
            flush,
            commit_deadline: door.map_or(Duration::from_secs(2), |door| door.commit_deadline),
            files_max: local::files_max(),
            connections_max: u64::try_from(connections).unwrap_or(u64::MAX),
            warnings: config.warnings.clone(),
        });
        if deep && path.exists() {
            let checked = tokio::task::spawn_blocking(move || journal::check(&path)).await;
            let checked = checked.map_err(|error| Failure::Fault(error.into()))?;
            checks.push(match checked {
                Ok(contents) => Check::good(
                    "the whole journal",
                    format!("{} events, no damage", contents.events),
                ),
                Err(error) => {
                    let advice = "Stop the gateway, and put the last backup back.";
                    Check::bad("the whole journal", Chain(&error).to_string(), advice)
                        .mended_by("twinstream journal restore FILE")
                }
            });
        }
        Ok(checks)
    }

    pub(super) async fn gateway(&self, admin: AdminArguments) -> Vec<Check> {
        let (status, reconcile) = match admin.find() {
            Ok(admin) => {
                let status = admin.get(&["status"], &[]).await;
                // Without [auth0] there is none.
                (status, admin.get(&["reconcile"], &[]).await.ok())
            }
            Err(failure) => (Err(failure), None),
        };
        let status = status.map_err(|failure| {
            let why = Chain(&failure).to_string();
            match failure {
                Failure::Unreachable { .. } => Silent::NoneAnswers(why),
                _ => Silent::Unasked(why),
            }
        });
        gateway::checks(&status, reconcile.as_ref(), self.setup.mode)
    }

    pub(super) async fn aws(&self) -> Vec<Check> {
        if !self.setup.mode.contains(Path::Eventbridge) {
            return Vec::new();
        }
        let Some(queue_url) = &self.setup.queue_url else {
            let advice = "The door of eventbridge has no queue.";
            let check = Check::bad("eventbridge.queue_url", "empty", advice);
            return vec![check.mended_by("twinstream setup aws")];
        };
        let endpoint = self.setup.endpoint_url.as_ref();
        let endpoint = endpoint.map(|url| url.as_str().trim_end_matches('/'));
        let Some(services) = app::services(self.setup.region.as_deref(), endpoint).await else {
            let advice = "Set eventbridge.region, or AWS_REGION.";
            return vec![Check::not_asked("AWS", "nothing tells the region", advice)];
        };
        let routes = self.setup.routes.iter();
        let facts = aws::Facts {
            now: Clock::System.now(),
            survey: services.survey(queue_url.as_str()).await,
            work: self.work(),
            routes: routes.map(|route| (route.name.clone(), route.pattern.clone())).collect(),
        };
        let mut checks = aws::checks(&facts);
        let address = self.setup.endpoint_url.as_ref().unwrap_or(queue_url).clone();
        let answered = door::ask_the_time(address, &Clock::System).await;
        checks.push(clock::check("AWS", answered));
        checks
    }

    /// How long a message may be worked on: where the queue retries, until its deliveries have ended.
    fn work(&self) -> Duration {
        let Ok(config) = &self.config else { return WORK };
        if !config.journal.queue_retries {
            return WORK;
        }
        let timeouts = config.targets.iter().map(|target| target.timeout);
        timeouts.max().unwrap_or_default() + WORK
    }

    pub(super) async fn auth0(&self) -> Vec<Check> {
        let Some(settings) = &self.setup.auth0 else {
            let advice = "Without a tenant's Management API the streams can't be looked at: fill in [auth0].";
            return vec![Check::not_asked("Management API", "auth0.domain is empty", advice)];
        };
        let api = match Api::new(settings.clone(), Clock::System) {
            Ok(api) => api,
            Err(error) => {
                let advice = "See auth0.domain and auth0.endpoint_url.";
                return vec![Check::bad("Management API", Chain(&error).to_string(), advice)];
            }
        };
        let scopes = api.granted_scopes().await;
        let streams = api.streams().await;
        let mut failures = PerPath::from_fn(|_| None);
        let mut newest_error = PerPath::default();
        if let Ok(streams) = &streams {
            for path in Path::ALL {
                let name = match path {
                    Path::Webhook => &settings.webhook_stream,
                    Path::Eventbridge => &settings.eventbridge_stream,
                };
                let stream = streams.iter().find(|stream| stream.name == *name);
                let Some(stream) = stream else { continue };
                let last = self.last_arrival(path).await;
                let failed = failed_of(&api, stream).await;
                if let Ok(failed) = &failed {
                    let newest = failed.iter().max_by_key(|failed| failed.last_attempt);
                    let error = newest.and_then(|failed| failed.error.as_deref());
                    *newest_error.of_mut(path) = error.map(str::to_owned);
                }
                *failures.of_mut(path) =
                    Some(failed.map(|failed| Failures::of(&failed, last, &HashMap::new())));
            }
        }
        let region = self.setup.region.as_deref();
        let queue = self.setup.queue_account().zip(region);
        let queue = queue.map(|(account, region)| (account.to_owned(), region.to_owned()));
        let facts = auth0::Facts {
            mode: self.setup.mode,
            settings: settings.clone(),
            scopes,
            streams,
            failures,
            newest_error,
            queue,
        };
        let mut checks = auth0::checks(&facts);
        let answered = api.server_date().map(|date| Answered {
            said: date.said,
            asked_at: date.asked_at,
            heard_at: date.heard_at,
        });
        checks.push(clock::check("Auth0", answered));
        checks
    }

    /// Of a journal that can't be read from here, nothing is taken for certain, and least of all that nothing came.
    async fn last_arrival(&self, path: Path) -> Option<Timestamp> {
        let unknown = Some(Clock::System.now());
        let Ok(config) = &self.config else { return unknown };
        let Ok(reader) = Reader::open(&config.journal.path) else { return unknown };
        reader.last_arrival(path).await.unwrap_or(unknown)
    }

    pub(super) async fn door(&self) -> Vec<Check> {
        if !self.setup.mode.contains(Path::Webhook) {
            return Vec::new();
        }
        let url = self.setup.auth0.as_ref().and_then(|auth0| auth0.webhook_url.clone());
        let Some(url) = url else {
            let advice =
                "Write the public https:// address of the door there, to have it looked at.";
            let what = "public address of the webhook door";
            return vec![Check::not_asked(what, "auth0.webhook_url is empty", advice)];
        };
        let now = Clock::System.now();
        let is_good = |secret: &&LabelledSecret| secret.not_after.is_none_or(|end| now < end);
        let (mut credentials, mut checks) = (Vec::new(), Vec::new());
        for secret in self.setup.webhook_secrets.iter().filter(is_good) {
            let what = format!("secret {}", secret.label);
            match self.sources.secret(secret.env.as_deref(), secret.file.as_deref()) {
                Ok(value) => credentials.push(self.credential(secret.label.clone(), &value)),
                Err(why) => {
                    let advice = "Whether the door takes it can't be tried from here.";
                    checks.push(Check::not_asked(what, why, advice));
                }
            }
        }
        let mut found = door::checks(&door::look(url, &credentials).await);
        found.extend(checks);
        found
    }

    fn credential(&self, label: String, secret: &SecretString) -> Credential {
        let (method, name) = (self.setup.webhook_method, self.setup.webhook_name.as_str());
        let header = door::header_of(method, name);
        let text = secret.expose_secret();
        let value = match method {
            "basic" => {
                use base64::Engine as _;
                let pair = format!("{name}:{text}");
                format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
            }
            "header" => text.to_owned(),
            _ => format!("Bearer {text}"),
        };
        Credential { label, header, value: value.into() }
    }
}

async fn failed_of(
    api: &Api,
    stream: &Stream,
) -> Result<Vec<Failed>, crate::provision::auth0::ApiError> {
    let (listed, _) =
        api.all_deliveries(&stream.id, &DeliveryFilter::default(), LISTED_MAX).await?;
    Ok(listed.iter().filter_map(Failed::of).collect())
}

fn unusable(error: &ConfigError) -> Vec<Check> {
    let problems = error.problems().iter().map(|problem| {
        let found = format!("{}: {}", problem.origin, problem.what);
        Check::bad(problem.key.clone(), found, problem.remedy.clone())
            .mended_by("twinstream check-config")
    });
    problems.collect()
}
