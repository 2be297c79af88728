//! Settings from the defaults, a file, the environment and flags, checked as a whole, and cut into
//! what each part of the program needs. The only module that reads the environment.

mod alarms;
mod asking;
mod auth0;
mod build;
mod check;
mod comparison;
mod layers;
mod raw;
mod reconcile;
mod routes;
mod secrets;
mod setup;
mod targets;
mod variables;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::admin;
use crate::compare;
use crate::dead_letters;
use crate::delivery::Target;
use crate::event::{FlagRules, PathSet, RouteOrder};
use crate::ingress::{QueueSettings, WebhookSettings};
use crate::journal;
use crate::provision::auth0 as auth0_api;
use crate::routing::{Changed, Pattern, Transform};
use crate::telemetry::log;

pub use asking::ForAsking;
use layers::Layer;
pub use setup::{ForSetup, LabelledSecret};

/// Every key with its default, unit and reason.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");

/// The name of the defaults in an error.
const DEFAULTS_ORIGIN: &str = "config/default.toml (compiled in)";

/// Everything the program was told, checked.
#[derive(Debug)]
pub struct Config {
    /// Which doors are open.
    pub mode: PathSet,
    /// How the log is written.
    pub log: log::Settings,
    /// The webhook door, when it is open.
    pub webhook: Option<Webhook>,
    /// The SQS door, when it is open.
    pub eventbridge: Option<Eventbridge>,
    /// The journal.
    pub journal: journal::Settings,
    /// Health, metrics, API.
    pub admin: admin::Settings,
    /// How the paths are compared.
    pub compare: compare::Settings,
    /// When alarms are raised, and who is told.
    pub alarms: crate::alarms::Settings,
    /// The tenant's Management API, when one is named.
    pub auth0: Option<auth0_api::Settings>,
    /// What is asked of Auth0 while serving, when a tenant is named.
    pub reconcile: Option<crate::provision::reconcile::Settings>,
    /// When an arrival's time says nothing about its path.
    pub flags: FlagRules,
    /// Where events go.
    pub targets: Vec<Target>,
    /// Which events go where.
    pub routes: Vec<Route>,
    /// What is allowed, and yet better otherwise.
    pub warnings: Vec<String>,
    effective: toml::Table,
    secrets: Vec<String>,
}

/// The webhook door's part.
#[derive(Debug)]
pub struct Webhook {
    /// The public listener's address.
    pub listen: SocketAddr,
    /// What the door does.
    pub door: WebhookSettings,
}

/// The SQS door's part.
#[derive(Debug, Clone)]
pub struct Eventbridge {
    /// Where its dead letters lie.
    pub dead_letters: dead_letters::Settings,
    /// What the door does.
    pub door: QueueSettings,
    /// The queue's region; AWS's default chain decides when there is none.
    pub region: Option<String>,
    /// Another address for SQS.
    pub endpoint_url: Option<String>,
}

/// Which events go to which target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Its name.
    pub name: String,
    /// The target's name.
    pub target: String,
    /// Which events.
    pub pattern: Pattern,
    /// Of these, only those that say something new there.
    pub changed: Option<Changed>,
    /// What becomes of events that come after newer ones.
    pub order: RouteOrder,
    /// The body that the target gets; the CloudEvent itself when there is none.
    pub transform: Option<Transform>,
}

/// Where settings come from, beside the defaults.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// `--config FILE`.
    pub file: Option<PathBuf>,
    /// `--mode MODE`.
    pub mode: Option<String>,
    /// The environment. [`Sources::with_environment`] fills it in.
    pub environment: BTreeMap<String, String>,
    /// More settings, as TOML, over the file and under the environment; for programs that start a
    /// gateway of their own. With the name that errors call them by.
    pub overlay: Option<(String, String)>,
}

impl Sources {
    /// Adds this process's environment. `TWINSTREAM_CONFIG` stands for a missing `--config`.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the module that may")]
    pub fn with_environment(mut self) -> Self {
        // Not UTF-8: no variable that twinstream knows, and none that it could name in an error.
        self.environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        if self.file.is_none() {
            let file = self.environment.get("TWINSTREAM_CONFIG");
            self.file = file.filter(|file| !file.is_empty()).map(PathBuf::from);
        }
        self
    }

    /// The secret in this environment variable or in this file; one of them is given.
    ///
    /// # Errors
    /// What is wrong, and what to do.
    pub fn secret(&self, env: Option<&str>, file: Option<&Path>) -> Result<SecretString, String> {
        let found = secrets::find(env, file, &self.environment);
        found.map(|(secret, _)| secret).map_err(|(wrong, to_do)| format!("{wrong}; {to_do}"))
    }
}

/// The part of the configuration that reading the journal takes; no secret is looked for.
#[derive(Debug, Clone)]
pub struct ForReading {
    /// The journal's file.
    pub journal: PathBuf,
    /// How the paths are compared.
    pub compare: compare::Settings,
}

impl ForReading {
    /// Reads the keys and checks no more than it needs.
    ///
    /// # Errors
    /// The key that is wrong, with its source and remedy.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let layers = layers(sources)?;
        let raw = raw(&layers::merge(&layers), &layers)?;
        let compare = comparison::compare_alone(&raw, &layers)?;
        Ok(Self { journal: raw.journal.path, compare })
    }
}

/// The part of the configuration that telling of alarms takes; no other secret is looked for.
#[derive(Debug, Clone)]
pub struct ForAlarms {
    /// When alarms are raised, and who is told.
    pub alarms: crate::alarms::Settings,
}

impl ForAlarms {
    /// Reads the keys and checks no more than it needs.
    ///
    /// # Errors
    /// The key that is wrong, with its source and remedy.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let layers = layers(sources)?;
        let raw = raw(&layers::merge(&layers), &layers)?;
        let alarms = alarms::alarms_alone(&raw.alarms, &layers, &sources.environment)?;
        Ok(Self { alarms })
    }
}

/// What is wrong with the configuration: all that was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Who says so: a file, a variable, a flag.
    pub origin: String,
    /// The key, such as `webhook.listen`.
    pub key: String,
    /// What is wrong with it.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

impl ConfigError {
    fn one(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }

    /// What was found.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration can't be used")?;
        for Problem { origin, key, what, remedy } in &self.problems {
            write!(f, "\n  {origin}: {key}: {what}\n    to mend it: {remedy}")?;
        }
        Ok(())
    }
}

impl Config {
    /// Reads and checks everything.
    ///
    /// # Errors
    /// All that is wrong, each with its source, key and remedy.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let layers = layers(sources)?;
        let effective = layers::merge(&layers);
        let raw = raw(&effective, &layers)?;
        build::build(raw, effective, &layers, &sources.environment)
    }

    /// The settings in force, as TOML, and where each secret comes from; never a secret itself.
    pub fn show(&self) -> String {
        let mut text = self.effective.to_string();
        if !self.secrets.is_empty() {
            text.push_str("\n# Secrets, all found:\n");
            for secret in &self.secrets {
                text.push_str("#   ");
                text.push_str(secret);
                text.push('\n');
            }
        }
        text
    }
}

fn raw(effective: &toml::Table, layers: &[Layer]) -> Result<raw::Raw, ConfigError> {
    serde_path_to_error::deserialize(effective.clone()).map_err(|error| {
        let key = error.path().to_string();
        let error: &toml::de::Error = error.inner();
        let origin = layers::origin(layers, &key);
        // What stands there may be the secret itself, and serde's message would show it.
        let (what, remedy) = if is_for_a_secret(&key) && error.message().starts_with("invalid") {
            (
                "must say where the secret is, and not be it".to_owned(),
                "use { env = \"VARIABLE\" } or { file = \"/path\" }; config/default.toml shows where",
            )
        } else {
            (error.message().to_owned(), "see config/default.toml, which explains every key")
        };
        ConfigError::one(Problem { origin, key, what, remedy: remedy.into() })
    })
}

/// Whether this key names a secret's source, or the list of them.
fn is_for_a_secret(key: &str) -> bool {
    let name = key.rsplit('.').next().unwrap_or(key);
    matches!(name, "token" | "bearer" | "client_secret" | "signing_secret" | "secrets" | "headers")
        || name.starts_with("secrets[")
        // The name of a header may have dots in it.
        || key.contains(".headers.")
}

fn layers(sources: &Sources) -> Result<Vec<Layer>, ConfigError> {
    let mut layers = vec![Layer::parse(DEFAULTS_ORIGIN, DEFAULTS)?];
    let defaults = layers.first().map(|layer| layer.settings.clone()).unwrap_or_default();
    if let Some(path) = &sources.file {
        let origin = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            ConfigError::one(Problem {
                origin: origin.clone(),
                key: "the file".into(),
                what: format!("can't be read: {error}"),
                remedy: "give --config (or TWINSTREAM_CONFIG) the path of a readable file".into(),
            })
        })?;
        layers.push(Layer::parse(&origin, &text)?);
    }
    if let Some((origin, text)) = &sources.overlay {
        layers.push(Layer::parse(origin, text)?);
    }
    let environment = &sources.environment;
    let mode = ["mode".to_owned()];
    if let Some(text) = environment.get("TWINSTREAM_MODE") {
        if environment.get("TWINSTREAM__MODE").is_some_and(|other| other != text) {
            return Err(ConfigError::one(Problem {
                origin: "TWINSTREAM_MODE and TWINSTREAM__MODE".into(),
                key: "mode".into(),
                what: "two variables say two things".into(),
                remedy: "unset one of them".into(),
            }));
        }
        layers.push(Layer::key("TWINSTREAM_MODE", &mode, text, &defaults));
    }
    for (name, text) in environment {
        if let Some(key) = name.strip_prefix("TWINSTREAM__") {
            let key: Vec<String> = key.split("__").map(str::to_lowercase).collect();
            if let Some(list) = variables::list_above(&key) {
                let whole = variables::name_of(list.iter().copied());
                return Err(ConfigError::one(Problem {
                    origin: name.clone(),
                    key: key.join("."),
                    what: "a list can't be set item by item".into(),
                    remedy: format!("set {whole} to the whole list, [{{ … }}, …], or use a file"),
                }));
            }
            layers.push(Layer::key(name, &key, text, &defaults));
        }
    }
    if let Some(text) = &sources.mode {
        layers.push(Layer::key("--mode", &mode, text, &defaults));
    }
    Ok(layers)
}

#[cfg(test)]
mod tests;
