//! Gathering what is wrong with a configuration.

use std::collections::BTreeMap;
use std::path::Path as FilePath;

use http::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};

use super::layers::{self, Layer};
use super::{Problem, raw, secrets};

/// Gathers what is wrong, so that one run tells all of it.
pub(super) struct Check<'a> {
    pub(super) layers: &'a [Layer],
    pub(super) environment: &'a BTreeMap<String, String>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<String>,
    pub(super) secrets: Vec<String>,
    /// The environment variables that hold secrets.
    pub(super) variables: Vec<String>,
}

impl<'a> Check<'a> {
    pub(super) fn new(layers: &'a [Layer], environment: &'a BTreeMap<String, String>) -> Self {
        let (problems, warnings) = (Vec::new(), Vec::new());
        let (secrets, variables) = (Vec::new(), Vec::new());
        Self { layers, environment, problems, warnings, secrets, variables }
    }

    pub(super) fn problem(
        &mut self,
        key: &str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.problem_of(key, key, what, remedy);
    }

    /// A problem with one key that another one made: the other one's source is to blame.
    pub(super) fn problem_of(
        &mut self,
        blamed: &str,
        key: &str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let origin = layers::origin(self.layers, blamed);
        let (what, remedy) = (what.into(), remedy.into());
        self.problems.push(Problem { origin, key: key.to_owned(), what, remedy });
    }

    /// A whole number within a range.
    pub(super) fn range<T: PartialOrd + std::fmt::Debug>(
        &mut self,
        key: &str,
        value: &T,
        (min, max): (T, T),
    ) {
        if *value < min || *value > max {
            let what = format!("{value:?} is outside {min:?} to {max:?}");
            self.problem(key, what, "choose a value in that range");
        }
    }

    pub(super) fn secret(
        &mut self,
        key: &str,
        env: Option<&str>,
        file: Option<&FilePath>,
    ) -> Option<SecretString> {
        self.variables.extend(env.map(str::to_owned));
        match secrets::find(env, file, self.environment) {
            Ok((secret, source)) => {
                self.secrets.push(format!("{key}: {source}"));
                Some(secret)
            }
            Err((what, remedy)) => {
                self.problem(key, what, remedy);
                None
            }
        }
    }

    pub(super) fn secret_at(
        &mut self,
        key: &str,
        source: &raw::SecretSource,
    ) -> Option<SecretString> {
        self.secret(key, source.env.as_deref(), source.file.as_deref())
    }

    /// What no header can carry never comes, and never gets out: senders would be refused for ever.
    pub(super) fn fits_a_header(&mut self, key: &str, secret: &SecretString) {
        let secret = secret.expose_secret();
        if secret.trim() != secret || HeaderValue::from_str(secret).is_err() {
            let what = "the secret has a space at an end, or characters that no header may have";
            self.problem(key, what, "use visible ASCII; `openssl rand -hex 32` makes a good one");
        }
    }
}
