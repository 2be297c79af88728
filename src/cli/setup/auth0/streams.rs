//! `twinstream setup auth0 streams`

use clap::Args;
use serde_json::json;
use url::Url;

use super::super::super::admin::AdminArguments;
use super::super::super::plan::PlanArguments;
use super::super::super::{Failure, out};
use super::door::must_take;
use super::{Tenant, failure, rotate};
use crate::clock::Clock;
use crate::event::{Path, legible};
use crate::provision::auth0::{
    self, Destination, Stream, StreamAction, StreamStatus, Wanted, WantedBridge, WantedWebhook,
    Wish,
};
use crate::provision::{Change, Plan, Step};

#[derive(Debug, Args)]
#[command(
    after_help = "Streams are found by their names, auth0.webhook_stream and auth0.eventbridge_stream, and what \
    differs is changed: run it as often as you like. Auth0 never tells the secret of a stream, so it is set when \
    the stream is made, when its endpoint or its way of authorization changes, with --set-secret, and with \
    --rotate."
)]
pub(in super::super::super) struct Arguments {
    /// The AWS account that the EventBridge stream sends to: 12 digits. Can't be changed afterwards.
    #[arg(long, value_name = "ID", value_parser = account, conflicts_with = "rotate")]
    aws_account: Option<String>,
    /// The AWS region; that of the configuration when not given. Can't be changed afterwards.
    #[arg(long, value_name = "REGION", conflicts_with = "rotate")]
    aws_region: Option<String>,
    /// Give the webhook stream the newest of webhook.secrets, though nothing else of it changes.
    #[arg(long, conflicts_with = "rotate")]
    set_secret: bool,
    /// Give the webhook stream another secret, in the order that loses nothing: only when the running
    /// gateway takes it; then a test event is followed to its arrival.
    #[arg(long)]
    rotate: bool,
    /// Where the running gateway's webhook door is reached from here; the stream's own address when not
    /// given. It is asked whether it takes a secret before Auth0 gets it.
    #[arg(long, value_name = "URL", value_parser = door)]
    door: Option<Url>,
    /// Change the secret or the address of a stream that is switched on without asking the door first.
    #[arg(long, conflicts_with_all = ["rotate", "door"])]
    unchecked: bool,
    #[command(flatten)]
    rotation: rotate::RotationArguments,
    #[command(flatten)]
    plan: PlanArguments,
    #[command(flatten)]
    admin: AdminArguments,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let tenant = Tenant::open(arguments.admin.sources())?;
    if arguments.rotate {
        let told = (arguments.plan, arguments.admin);
        return rotate::run(&tenant, arguments.rotation, arguments.door, told).await;
    }
    let wanted = wanted(&tenant, &arguments)?;
    let found = tenant.api.streams().await.map_err(failure)?;
    let mut plan =
        auth0::plan(&found, &wanted).map_err(|error| Failure::Input(error.to_string()))?;
    plan.notes.extend(elsewhere(&tenant));
    let told = arguments.plan;
    let agreed = told.agreed(&plan)?;
    if agreed && !arguments.unchecked && changes_what_works(&plan, &found) {
        taken(&wanted, arguments.door.as_ref()).await?;
    }
    let streams = if agreed { carry_out(&tenant, told, &plan).await? } else { Vec::new() };
    told.end(&plan, agreed, json!({ "streams": streams }));
    if !told.json {
        next(&streams);
    }
    Ok(())
}

/// Whether a stream that is switched on is to prove itself by another secret, or elsewhere.
fn changes_what_works(plan: &Plan<StreamAction>, found: &[Stream]) -> bool {
    plan.steps.iter().any(|step| match &step.action {
        Some(StreamAction::Update { id, changes }) if changes.webhook.is_some() => {
            let stream = found.iter().find(|stream| stream.id == *id);
            stream.is_some_and(|stream| stream.status == StreamStatus::Enabled)
        }
        _ => false,
    })
}

/// The door takes what the stream will show it: with a wrong secret every event is lost, and Auth0 repeats none.
async fn taken(wanted: &Wanted, elsewhere: Option<&Url>) -> Result<(), Failure> {
    let Some(WantedWebhook { endpoint, authorization, label, .. }) = &wanted.webhook.should else {
        return Ok(());
    };
    let taken = must_take(elsewhere.unwrap_or(endpoint), label, authorization).await;
    taken.map_err(|failure| match failure {
        Failure::Unreachable { what, source } => {
            let what = format!("nothing was changed: {what}; --unchecked changes it nevertheless");
            Failure::Unreachable { what, source }
        }
        other => other,
    })
}

/// Does one step after the other, and tells how far it is. Gives what was changed, as it is now.
pub(super) async fn carry_out(
    tenant: &Tenant,
    told: PlanArguments,
    plan: &Plan<StreamAction>,
) -> Result<Vec<Stream>, Failure> {
    let doing: Vec<&Step<StreamAction>> =
        plan.steps.iter().filter(|step| step.change != Change::Keep).collect();
    let mut streams = Vec::new();
    for (position, step) in doing.iter().enumerate() {
        let Some(action) = &step.action else { continue };
        streams.push(action.carry_out(&tenant.api).await.map_err(failure)?);
        told.done(step, (position + 1, doing.len()));
    }
    Ok(streams)
}

fn wanted(tenant: &Tenant, arguments: &Arguments) -> Result<Wanted, Failure> {
    let mode = tenant.settings.mode;
    let webhook = if mode.contains(Path::Webhook) {
        let Some(endpoint) = tenant.auth0().webhook_url.clone() else {
            let what = "auth0.webhook_url is missing: set it to the public https:// address of the webhook door";
            return Err(Failure::Input(what.to_owned()));
        };
        let (label, authorization) = tenant.authorization(None, Clock::System.now())?;
        let set_secret = arguments.set_secret;
        Some(WantedWebhook { endpoint, authorization, label, set_secret })
    } else {
        None
    };
    let region = arguments.aws_region.as_ref().or(tenant.settings.region.as_ref());
    let bridge = arguments.aws_account.clone().zip(region.cloned());
    let bridge = bridge.map(|(account, region)| WantedBridge { account, region });
    let name = |path| tenant.name(path).to_owned();
    Ok(Wanted {
        webhook: Wish { name: name(Path::Webhook), should: webhook },
        eventbridge: Wish {
            name: name(Path::Eventbridge),
            should: mode.contains(Path::Eventbridge).then_some(bridge),
        },
        event_types: tenant.auth0().event_types.clone(),
    })
}

/// A proxy may well map one path to another; where there is none, no event would come.
fn elsewhere(tenant: &Tenant) -> Option<String> {
    let path = tenant.auth0().webhook_url.as_ref()?.path();
    let door = tenant.settings.webhook_path.as_str();
    (tenant.settings.mode.contains(Path::Webhook) && path != door).then(|| {
        format!(
            "auth0.webhook_url has the path {path}, the door has {door}: right only if what stands in front of the \
             gateway maps the one to the other"
        )
    })
}

/// What is to be done next, by somebody else.
fn next(streams: &[Stream]) {
    for stream in streams {
        let Destination::Eventbridge { source: Some(source), .. } = &stream.destination else {
            continue;
        };
        out::line(&format!(
            "\nThe partner event source of `{}`:\n\n  {}\n\nIt drops every event until a bus takes it: run \
             `twinstream setup aws` next.",
            legible(&stream.name),
            legible(source)
        ));
    }
}

fn account(text: &str) -> Result<String, String> {
    let is_account = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_account.then(|| text.to_owned()).ok_or_else(|| "an AWS account has 12 digits".to_owned())
}

/// The address of the webhook door, as the command line has it.
pub(super) fn door(text: &str) -> Result<Url, String> {
    let url: Option<Url> = text.parse().ok();
    url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| "write it like http://127.0.0.1:8080/webhooks/auth0".to_owned())
}
