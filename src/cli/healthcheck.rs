//! `twinstream healthcheck`

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use url::Url;

use super::{Failure, out};
use crate::outbound;
use crate::telemetry::Chain;

/// No answer in this time is a no: whoever asks has a time limit of its own.
const WITHIN: Duration = Duration::from_secs(3);

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The admin listener's address.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9400")]
    admin: SocketAddr,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let url = format!("http://{}/readyz", arguments.admin);
    let url: Url = url.parse().map_err(|error: url::ParseError| Failure::Fault(error.into()))?;
    let client = outbound::client(&url, |client| client.timeout(WITHIN))?;
    let unreachable = |error: reqwest::Error| {
        // To whoever asks whether it is ready, no answer is a no.
        let error = error.without_url();
        Failure::DoesNotHold(format!("no answer from {url}: {}", Chain(&error)))
    };
    let response = client.get(url.clone()).send().await.map_err(unreachable)?;
    let ready = response.status().is_success();
    let text = response.text().await.map_err(unreachable)?;
    if ready {
        out::line(&text);
        return Ok(());
    }
    Err(Failure::DoesNotHold(format!("not ready: {text}")))
}
