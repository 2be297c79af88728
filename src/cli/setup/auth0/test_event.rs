//! `twinstream setup auth0 test`

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::super::super::admin::AdminArguments;
use super::super::super::{Failure, out};
use super::{Tenant, Which};
use crate::sim::auth0::faults;

#[derive(Debug, Args)]
pub(in super::super::super) struct Arguments {
    /// The stream; those of the mode when none is named.
    stream: Option<Which>,
    /// The event's type; the first that the stream is subscribed to when none is given.
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Wait for its arrival for so long.
    #[arg(long, value_name = "DURATION", value_parser = faults::duration, default_value = "60s")]
    within: Duration,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    admin: AdminArguments,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { stream, kind, within, json, admin } = arguments;
    let tenant = Tenant::open(admin.sources())?;
    let admin = admin.find()?;
    // A gateway that is not there could not tell of the event that is about to be sent.
    admin.get(&["status"], &[]).await?;
    let mut sent = Vec::new();
    for (path, stream) in tenant.streams(stream).await? {
        sent.push(tenant.send_test(path, &stream, kind.as_deref()).await?);
    }
    let mut told = Vec::new();
    let mut missing = Vec::new();
    for test in &sent {
        let took = test.follow(&admin, within).await?;
        let why = match took {
            Some(_) => None,
            None => Some(tenant.why_not(test).await),
        };
        if !json {
            out::line(&match (took, &why) {
                (Some(took), _) => {
                    let took = took.as_secs_f64();
                    format!("{}: {} arrived after {took:.1} s", test.path, test.event)
                }
                (None, why) => format!(
                    "{}: {} has not arrived within {} s. {}",
                    test.path,
                    test.event,
                    within.as_secs(),
                    why.as_deref().unwrap_or_default()
                ),
            });
        }
        if took.is_none() {
            missing.push(test.path.as_str());
        }
        told.push(json!({
            "path": test.path, "stream": test.stream.id, "event": test.event,
            "arrived": took.is_some(), "after_ms": took.map(|took| took.as_secs_f64() * 1e3),
            "why_not": why,
        }));
    }
    if json {
        out::line(&json!({ "tests": told }).to_string());
    }
    match missing.as_slice() {
        [] => Ok(()),
        missing => {
            let what = format!("no test event arrived by {}", missing.join(" nor by "));
            Err(Failure::DoesNotHold(what))
        }
    }
}
