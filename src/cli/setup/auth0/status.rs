//! `twinstream setup auth0 status`

use clap::Args;
use serde_json::{Value, json};

use super::super::super::admin::ConfigFile;
use super::super::super::{Failure, out};
use super::{Tenant, failure};
use crate::event::{Path, legible};
use crate::provision::auth0::{DeliveryFilter, DeliveryStatus, Destination, Stream, StreamStatus};
use crate::provision::reconcile::{Failures, IN_A_ROW_MAX, IN_ALL_MAX};

#[derive(Debug, Args)]
pub(in super::super::super) struct Arguments {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigFile,
}

/// More failures than this are not counted: far over what switches a stream off.
const COUNTED_MAX: usize = 6_000;

/// A stream, and what it could not deliver.
struct Looked {
    path: Path,
    name: String,
    stream: Option<Stream>,
    failed: usize,
    waiting: usize,
    is_cut: bool,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let tenant = Tenant::open(arguments.config.sources())?;
    let all = tenant.api.streams().await.map_err(failure)?;
    let mut looked = Vec::new();
    for path in Path::ALL {
        let name = tenant.name(path).to_owned();
        let stream = all.iter().find(|stream| stream.name == name).cloned();
        looked.push(look(&tenant, path, name, stream).await?);
    }
    if arguments.json {
        let streams: Vec<Value> = looked.iter().map(Looked::document).collect();
        out::line(&json!({ "streams": streams }).to_string());
    } else {
        let rows = looked.iter().map(Looked::row).collect();
        let header =
            ["path", "stream", "state", "sends to", "types", "failed", "until switched off"];
        out::line(&out::table(&header, rows, &[4, 5, 6]));
    }
    let missing = looked.iter().filter(|looked| tenant.settings.mode.contains(looked.path));
    let missing: Vec<&str> =
        missing.filter(|looked| !looked.is_on()).map(|looked| looked.name.as_str()).collect();
    match missing.as_slice() {
        [] => Ok(()),
        missing => {
            let what =
                format!("no events come by {}: not there, or switched off", missing.join(", "));
            Err(Failure::DoesNotHold(what))
        }
    }
}

async fn look(
    tenant: &Tenant,
    path: Path,
    name: String,
    stream: Option<Stream>,
) -> Result<Looked, Failure> {
    let (mut failed, mut waiting, mut is_cut) = (0, 0, false);
    if let Some(stream) = &stream {
        let filter = DeliveryFilter::default();
        let listed = tenant.api.all_deliveries(&stream.id, &filter, COUNTED_MAX).await;
        let (deliveries, more) = listed.map_err(failure)?;
        let has_ended = |status: &DeliveryStatus| {
            !matches!(status, DeliveryStatus::Pending | DeliveryStatus::Retrying)
        };
        failed = deliveries.iter().filter(|delivery| has_ended(&delivery.status)).count();
        waiting = deliveries.len() - failed;
        is_cut = more;
    }
    Ok(Looked { path, name, stream, failed, waiting, is_cut })
}

impl Looked {
    fn is_on(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| stream.status == StreamStatus::Enabled)
    }

    /// How many more failures would switch it off, at least. Auth0 does not tell how many there were in a row;
    /// all that are listed is the most it can be.
    fn left(&self) -> u64 {
        let in_all = u64::try_from(self.failed).unwrap_or(u64::MAX);
        Failures { in_a_row: in_all, in_all }.left()
    }

    fn state(&self) -> &str {
        match self.stream.as_ref().map(|stream| &stream.status) {
            None => "not there",
            Some(StreamStatus::Enabled) => "enabled",
            Some(StreamStatus::Disabled) => "disabled",
            Some(StreamStatus::Other(other)) => other,
        }
    }

    fn row(&self) -> Vec<String> {
        let path = self.path.to_string();
        let (name, state) = (legible(&self.name), legible(self.state()));
        let Some(stream) = &self.stream else {
            let none = || "–".to_owned();
            return vec![path, name, state, none(), none(), none(), none()];
        };
        let to = match &stream.destination {
            Destination::Webhook { endpoint, .. } => endpoint.clone(),
            Destination::Eventbridge { account, region, .. } => format!("{account}, {region}"),
            Destination::Other { kind } => kind.clone(),
        };
        let more = if self.is_cut { "+" } else { "" };
        let types = stream.event_types.len().to_string();
        let failed = format!("{}{more}", self.failed);
        vec![path, name, state, out::short(&to, 60), types, failed, format!("≥ {}", self.left())]
    }

    fn document(&self) -> Value {
        json!({
            "path": self.path,
            "name": self.name,
            "stream": self.stream,
            "failed": self.failed,
            "waiting": self.waiting,
            "more": self.is_cut,
            "failures_left_at_least": self.stream.as_ref().map(|_| self.left()),
            "limits": { "in_a_row": IN_A_ROW_MAX, "in_all": IN_ALL_MAX },
        })
    }
}
