//! `twinstream setup auth0 streams --rotate`: another secret, in the order that loses nothing. The running
//! gateway takes the new one first, then Auth0 gets it, then a test event shows that it is used; only then the
//! old one may go.

use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use url::Url;

use super::super::super::admin::{Admin, AdminArguments};
use super::super::super::plan::PlanArguments;
use super::super::super::{Failure, out};
use super::streams::carry_out;
use super::{Tenant, Which, door, failure};
use crate::clock::Clock;
use crate::event::{Path, Timestamp, legible};
use crate::provision::auth0::{
    Authorization, Destination, Stream, StreamAction, StreamChanges, StreamStatus,
};
use crate::provision::{Change, Plan, Step};
use crate::sim::auth0::faults;

#[derive(Debug, Args)]
pub(super) struct RotationArguments {
    /// The label of the new secret in webhook.secrets; where one alone is good for longest, it is that one.
    #[arg(long, value_name = "LABEL", requires = "rotate")]
    to: Option<String>,
    /// Wait for the test event for so long.
    #[arg(long, value_name = "DURATION", value_parser = faults::duration, default_value = "60s",
        requires = "rotate")]
    within: Duration,
}

/// The old secret is good for so much longer.
const SPARE: Duration = Duration::from_hours(1);
/// When a test event arrived by the old secret, another is sent after this long.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What changes to what.
struct Rotation<'a> {
    tenant: &'a Tenant,
    admin: Admin,
    stream: Stream,
    label: String,
    authorization: Authorization,
}

pub(super) async fn run(
    tenant: &Tenant,
    RotationArguments { to, within }: RotationArguments,
    door: Option<Url>,
    (told, admin): (PlanArguments, AdminArguments),
) -> Result<(), Failure> {
    let now = Clock::System.now();
    if to.is_none() {
        tenant.one_is_newest(now)?;
    }
    let (label, authorization) = tenant.authorization(to.as_deref(), now)?;
    if let Some(other) = tenant.same_as(&label)?.first() {
        let what = format!(
            "the secrets `{label}` and `{other}` are one and the same text: that would change nothing"
        );
        return Err(Failure::Input(what));
    }
    let streams = tenant.streams(Some(Which::Webhook)).await?;
    let Some((_, stream)) = streams.into_iter().next() else {
        return Err(super::no_stream(tenant.name(Path::Webhook)));
    };
    let rotation = Rotation { tenant, admin: admin.find()?, stream, label, authorization };
    let endpoint = rotation.endpoint()?;
    let door = match door {
        Some(door) => door,
        None => endpoint.clone(),
    };
    door::must_take(&door, &rotation.label, &rotation.authorization).await?;
    let plan = rotation.plan(endpoint);
    if !told.agreed(&plan)? {
        told.end(&plan, false, json!({}));
        return Ok(());
    }
    let since = rotation.gateways_clock().await?;
    let changed = carry_out(tenant, told, &plan).await;
    changed.map_err(|failure| rotation.after(failure, "may have"))?;
    let proven = rotation.prove(since, within).await;
    let (event, took) = proven.map_err(|failure| rotation.after(failure, "has"))?;
    let old = rotation.others();
    let result = json!({
        "label": rotation.label, "event": event, "after_ms": took.as_secs_f64() * 1e3, "retire": old,
    });
    told.end(&plan, true, result);
    if !told.json {
        out::line(&rotation.what_now(took, &old));
    }
    Ok(())
}

impl Rotation<'_> {
    /// Where the stream posts to, as it is to go on: this changes the secret alone.
    fn endpoint(&self) -> Result<Url, Failure> {
        let Stream { name, destination, status, .. } = &self.stream;
        let Destination::Webhook { endpoint, .. } = destination else {
            return Err(Failure::Input(format!("the event stream `{name}` is no webhook stream")));
        };
        if *status != StreamStatus::Enabled {
            return Err(Failure::DoesNotHold(format!(
                "nothing was changed: `{name}` is switched off, so that no test event could show whether the new \
                 secret works; `twinstream setup auth0 enable webhook` first"
            )));
        }
        let endpoint: Url = endpoint.parse().map_err(|_| {
            Failure::Input(format!("the event stream `{name}` posts to `{}`", legible(endpoint)))
        })?;
        match &self.tenant.auth0().webhook_url {
            // It would be another gateway that is asked whether it takes the secret.
            Some(url) if *url != endpoint => Err(Failure::Input(format!(
                "nothing was changed: `{name}` posts to {endpoint}, and auth0.webhook_url is {url}; make them one \
                 with `twinstream setup auth0 streams` first, or mend auth0.webhook_url"
            ))),
            Some(_) | None => Ok(endpoint),
        }
    }

    fn plan(&self, endpoint: Url) -> Plan<StreamAction> {
        let Stream { id, name, .. } = &self.stream;
        let webhook = Some((endpoint, self.authorization.clone()));
        let changes = StreamChanges { webhook, ..StreamChanges::default() };
        let action = StreamAction::Update { id: id.clone(), changes };
        let step = Step::new(format!("webhook stream {name}"), Change::Update, action);
        let details = vec![format!("secret: set to `{}`, which the gateway takes", self.label)];
        Plan { steps: vec![step.because(details)], notes: Vec::new() }
    }

    /// A failure after Auth0 was given the secret: whoever reads it must not take the secret away again.
    fn after(&self, failure: Failure, has: &str) -> Failure {
        let now = format!(
            "Auth0 {has} the secret `{}` now: leave it and the old one in the configuration, and run this again",
            self.label
        );
        match failure {
            Failure::DoesNotHold(what) => Failure::DoesNotHold(format!("{what}. {now}")),
            Failure::Input(what) => Failure::Input(format!("{what}. {now}")),
            Failure::Unreachable { what, source } => {
                Failure::Unreachable { what: format!("{now}. {what}"), source }
            }
            other => other,
        }
    }

    /// What the running gateway says of itself.
    async fn status(&self) -> Result<Value, Failure> {
        self.admin.get(&["status"], &[]).await
    }

    /// The time by which it tells when a secret was used.
    async fn gateways_clock(&self) -> Result<Timestamp, Failure> {
        let status = self.status().await?;
        self.admin.understand(status["now"].clone())
    }

    /// A test event arrives by the new secret. Auth0 may go on with the old one for a moment, so that a few are
    /// sent if need be.
    async fn prove(
        &self,
        since: Timestamp,
        within: Duration,
    ) -> Result<(String, Duration), Failure> {
        let label = &self.label;
        let began = Instant::now();
        let stream = self.tenant.api.stream(&self.stream.id).await.map_err(failure)?;
        loop {
            let sent = self.tenant.send_test(Path::Webhook, &stream, None).await?;
            let Some(took) = sent.follow(&self.admin, within).await? else {
                let (why, within) = (self.tenant.why_not(&sent).await, within.as_secs());
                let what = format!("a test event has not arrived within {within} s. {why}");
                return Err(Failure::DoesNotHold(what));
            };
            if self.was_used(since).await? {
                return Ok((sent.event, took));
            }
            if began.elapsed() + AGAIN_AFTER >= within {
                let within = within.as_secs();
                let what = format!(
                    "test events arrive, and after {within} s none by the secret `{label}`"
                );
                return Err(Failure::DoesNotHold(what));
            }
            sleep(AGAIN_AFTER).await;
        }
    }

    /// Whether Auth0 has used the new secret, by the clock of the gateway.
    async fn was_used(&self, since: Timestamp) -> Result<bool, Failure> {
        let status = self.status().await?;
        let mut secrets = status["secrets"].as_array().into_iter().flatten();
        let this = secrets.find(|secret| secret["label"] == *self.label);
        let last = this.and_then(|secret| secret["last_matched_at"].as_str());
        Ok(last.and_then(|last| Timestamp::parse(last).ok()).is_some_and(|at| at >= since))
    }

    /// The labels of all others.
    fn others(&self) -> Vec<&str> {
        let secrets = self.tenant.settings.webhook_secrets.iter();
        secrets.map(|secret| secret.label.as_str()).filter(|label| *label != self.label).collect()
    }

    fn what_now(&self, took: Duration, old: &[&str]) -> String {
        let (label, took) = (&self.label, took.as_secs_f64());
        let done = format!(
            "Auth0 proves itself with `{label}` now: a test event arrived by it after {took:.1} s."
        );
        if old.is_empty() {
            return done;
        }
        // How soon all of Auth0's senders use the new one is not documented.
        let end = Clock::System.now().plus(SPARE);
        let end = Timestamp::from_millis(end.as_seconds().saturating_mul(1_000));
        let old: Vec<String> = old.iter().map(|label| format!("`{label}`")).collect();
        format!(
            "{done}\nNothing needs {} any more. Retire it in webhook.secrets with\n\n  not_after = \"{end}\"\n\n\
             and restart the gateway; take it out some days later.",
            old.join(", ")
        )
    }
}
