//! Which of the webhook door's secrets Auth0 is given.

use super::super::super::Failure;
use super::Tenant;
use crate::config::LabelledSecret;
use crate::event::Timestamp;
use crate::provision::auth0::Authorization;
use secrecy::{ExposeSecret as _, SecretString};

impl Tenant {
    /// How Auth0 is to prove itself, with the secret of this label, or else the newest.
    pub(super) fn authorization(
        &self,
        label: Option<&str>,
        now: Timestamp,
    ) -> Result<(String, Authorization), Failure> {
        let secrets = &self.settings.webhook_secrets;
        let secret = match label {
            Some(label) => secrets.iter().find(|secret| secret.label == label).ok_or_else(|| {
                Failure::Input(format!("webhook.secrets has none with the label `{label}`"))
            })?,
            None => newest(secrets, now).ok_or_else(|| {
                let what = "webhook.secrets has no secret whose not_after has not passed: add one, which Auth0 \
                            is given then";
                Failure::Input(what.to_owned())
            })?,
        };
        let value = self.read(secret)?;
        Ok((secret.label.clone(), self.by_method(value)))
    }

    /// One secret is good for longer than all others, so that nobody has to say which is the new one.
    pub(super) fn one_is_newest(&self, now: Timestamp) -> Result<(), Failure> {
        let secrets = &self.settings.webhook_secrets;
        let Some(newest) = newest(secrets, now) else { return Ok(()) };
        let equals = secrets.iter().filter(|secret| secret.not_after == newest.not_after);
        let equals: Vec<String> = equals.map(|secret| format!("`{}`", secret.label)).collect();
        if equals.len() < 2 {
            return Ok(());
        }
        let what = "say with --to LABEL which secret Auth0 is to get: good for equally long are";
        Err(Failure::Input(format!("{what} {}", equals.join(", "))))
    }

    /// Other secrets with the same text: changing to one of them changes nothing.
    pub(super) fn same_as(&self, label: &str) -> Result<Vec<&str>, Failure> {
        let secrets = &self.settings.webhook_secrets;
        let Some(this) = secrets.iter().find(|secret| secret.label == label) else {
            return Ok(Vec::new());
        };
        let this = self.read(this)?;
        let others = secrets.iter().filter(|other| other.label != label);
        // One that can't be read from here is the gateway's matter.
        let same = others.filter(|other| {
            let other = other.read(&self.environment);
            other.is_ok_and(|other| other.expose_secret() == this.expose_secret())
        });
        Ok(same.map(|other| other.label.as_str()).collect())
    }

    fn read(&self, secret: &LabelledSecret) -> Result<SecretString, Failure> {
        secret.read(&self.environment).map_err(|why| {
            Failure::Input(format!("the secret `{}` of webhook.secrets: {why}", secret.label))
        })
    }

    fn by_method(&self, value: SecretString) -> Authorization {
        let name = self.settings.webhook_name.clone();
        match self.settings.webhook_method {
            "basic" => Authorization::Basic { username: name, password: value },
            "header" => Authorization::Header { name, value },
            _ => Authorization::Bearer { token: value },
        }
    }
}

/// The secret that is good for longest; of several, the last in the configuration.
fn newest(secrets: &[LabelledSecret], now: Timestamp) -> Option<&LabelledSecret> {
    let good = secrets.iter().filter(|secret| secret.not_after.is_none_or(|end| now < end));
    good.max_by_key(|secret| secret.not_after.map_or(i64::MAX, Timestamp::as_nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000);

    #[track_caller]
    fn check(secrets: &[(&str, Option<i64>)], expected: Option<&str>) {
        let secret = |(label, end): &(&str, Option<i64>)| LabelledSecret {
            label: (*label).to_owned(),
            env: None,
            file: None,
            not_after: end.map(Timestamp::from_millis),
        };
        let secrets: Vec<LabelledSecret> = secrets.iter().map(secret).collect();
        let found = newest(&secrets, NOW).map(|secret| secret.label.as_str());
        assert_eq!(found, expected);
    }

    #[test]
    fn the_newest_secret_is_the_one_that_is_good_for_longest() {
        check(&[], None);
        check(&[("a", None), ("b", None)], Some("b"));
        check(&[("a", None), ("b", Some(2_000))], Some("a"));
        check(&[("a", Some(3_000)), ("b", Some(2_000))], Some("a"));
        check(&[("a", Some(1_000)), ("b", Some(999))], None);
    }
}
