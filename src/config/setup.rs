//! The part of the configuration that setting things up takes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use secrecy::SecretString;
use url::Url;

use super::check::Check;
use super::{ConfigError, Route, Sources, auth0, build, layers, raw, routes, secrets};
use crate::event::{PathSet, Timestamp};
use crate::provision::auth0::Settings;

/// What setting things up takes. Much of a configuration may be missing while things are being set up: what
/// stands there is checked, and no secret of a target is looked for.
#[derive(Debug)]
pub struct ForSetup {
    /// Which doors are to be open.
    pub mode: PathSet,
    /// The tenant's Management API, when one is named.
    pub auth0: Option<Settings>,
    /// The path of the webhook door.
    pub webhook_path: String,
    /// How Auth0 proves itself there: `bearer`, `basic` or `header`.
    pub webhook_method: &'static str,
    /// The user of `basic`, or the name of the header; empty for `bearer`.
    pub webhook_name: String,
    /// The secrets that the webhook door takes, in their order, not looked for yet.
    pub webhook_secrets: Vec<LabelledSecret>,
    /// The SQS door's queue, when one is named.
    pub queue_url: Option<Url>,
    /// Its region, when one is named or the queue's URL tells it.
    pub region: Option<String>,
    /// Another address for AWS.
    pub endpoint_url: Option<Url>,
    /// Which events go where.
    pub routes: Vec<Route>,
}

/// Where one of the webhook door's secrets is.
#[derive(Debug, Clone)]
pub struct LabelledSecret {
    /// Its label.
    pub label: String,
    /// The environment variable.
    pub env: Option<String>,
    /// Or the file.
    pub file: Option<PathBuf>,
    /// From then on the door refuses it.
    pub not_after: Option<Timestamp>,
}

impl LabelledSecret {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong, and what to do.
    pub fn read(&self, environment: &BTreeMap<String, String>) -> Result<SecretString, String> {
        let found = secrets::find(self.env.as_deref(), self.file.as_deref(), environment);
        found.map(|(secret, _)| secret).map_err(|(what, remedy)| format!("{what}: {remedy}"))
    }
}

impl ForSetup {
    /// Reads the keys and checks no more than it needs.
    ///
    /// # Errors
    /// All that is wrong, each with its source, key and remedy.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let layers = layers(sources)?;
        let raw = raw(&layers::merge(&layers), &layers)?;
        let mut check = Check::new(&layers, &sources.environment);
        let auth0 = auth0::auth0(&mut check, &raw.auth0);
        let routes = routes::routes(&mut check, &raw.routes, &raw.targets);
        let queue = &raw.eventbridge;
        let queue_url = build::optional_url(&mut check, "eventbridge.queue_url", &queue.queue_url);
        let endpoint_url =
            build::optional_url(&mut check, "eventbridge.endpoint_url", &queue.endpoint_url);
        if !check.problems.is_empty() {
            return Err(ConfigError { problems: check.problems });
        }
        let named = Some(queue.region.clone()).filter(|region| !region.is_empty());
        let (webhook_method, webhook_name) = match raw.webhook.method {
            raw::Method::Bearer => ("bearer", String::new()),
            raw::Method::Basic => ("basic", raw.webhook.username),
            raw::Method::Header => ("header", raw.webhook.header_name),
        };
        let secrets = raw.webhook.secrets.into_iter().map(|secret| LabelledSecret {
            label: secret.label,
            env: secret.env,
            file: secret.file,
            not_after: secret.not_after.map(|end| end.0),
        });
        Ok(Self {
            mode: raw.mode,
            auth0,
            webhook_path: raw.webhook.path,
            webhook_method,
            webhook_name,
            webhook_secrets: secrets.collect(),
            region: named.or_else(|| build::region_of(queue_url.as_ref()?)),
            queue_url,
            endpoint_url,
            routes,
        })
    }

    /// The account that the SQS door's queue is of, when its URL tells:
    /// `https://sqs.<region>.amazonaws.com/<account>/<name>`.
    pub fn queue_account(&self) -> Option<&str> {
        let account = self.queue_url.as_ref()?.path_segments()?.next()?;
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        is_account.then_some(account)
    }
}
