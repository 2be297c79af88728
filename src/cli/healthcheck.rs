//! `twinstream healthcheck`

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;

use super::{Failure, out};
use crate::telemetry::Chain;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The admin listener's address.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9400")]
    admin: SocketAddr,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let fault = |error: reqwest::Error| Failure::Fault(error.into());
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(3))
        .build()
        .map_err(fault)?;
    let url = format!("http://{}/readyz", arguments.admin);
    let unreachable = |error: reqwest::Error| {
        // To whoever asks whether it is ready, no answer is a no.
        let error = error.without_url();
        Failure::DoesNotHold(format!("no answer from {url}: {}", Chain(&error)))
    };
    let response = client.get(&url).send().await.map_err(unreachable)?;
    let ready = response.status().is_success();
    let text = response.text().await.map_err(unreachable)?;
    if ready {
        out::line(&text);
        return Ok(());
    }
    Err(Failure::DoesNotHold(format!("not ready: {text}")))
}
