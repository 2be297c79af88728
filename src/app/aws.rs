//! How AWS is reached.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::config::Credentials;

use crate::config::Eventbridge;
use crate::delivery::bus;
use crate::provision::aws::Services;

/// Where credentials come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AwsAccess {
    /// AWS's default chain: environment, profile, web identity, container, instance.
    DefaultChain,
    /// Any will do, because a stand-in is asked, which checks none.
    StandIn,
}

/// What a call may take beyond the wait that it asks for.
const CALL_SPARE: Duration = Duration::from_secs(10);
/// What a call may take where people wait for it, all its tries together.
const SETUP_CALL_WITHIN: Duration = Duration::from_secs(30);
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// A client for the queue. Does not ask the queue yet; but where nothing else tells the region,
/// AWS's default chain asks the instance it runs on, which may take seconds to give no answer.
pub(super) async fn sqs(settings: &Eventbridge, access: AwsAccess) -> aws_sdk_sqs::Client {
    let service = Service {
        region: settings.region.as_deref(),
        endpoint_url: settings.endpoint_url.as_deref(),
        call_within: settings.door.wait + CALL_SPARE,
    };
    aws_sdk_sqs::Client::new(&service.load(access).await)
}

/// A client for an event bus; see [`sqs`].
pub(super) async fn eventbridge(
    settings: &bus::Settings,
    access: AwsAccess,
) -> aws_sdk_eventbridge::Client {
    let service = Service {
        region: settings.region(),
        endpoint_url: settings.endpoint_url.as_deref(),
        call_within: settings.timeout,
    };
    aws_sdk_eventbridge::Client::new(&service.load(access).await)
}

/// Clients for an event bus and for a queue somewhere, which repeat no call by themselves. `None` when
/// nothing tells the region.
pub(super) async fn somewhere(
    region: Option<&str>,
    endpoint_url: Option<&str>,
    access: AwsAccess,
) -> Option<(aws_sdk_eventbridge::Client, aws_sdk_sqs::Client)> {
    let service = Service { region, endpoint_url, call_within: CALL_SPARE };
    let config = service.load(access).await;
    config.region()?;
    Some((aws_sdk_eventbridge::Client::new(&config), aws_sdk_sqs::Client::new(&config)))
}

/// Both services for `setup` and `doctor`, by AWS's default chain. People wait and nobody repeats calls for
/// them, so that these clients do, as AWS's SDKs do by default. `None` when nothing tells the region.
pub async fn services(region: Option<&str>, endpoint_url: Option<&str>) -> Option<Services> {
    let service = Service { region, endpoint_url, call_within: SETUP_CALL_WITHIN };
    let config = service.load(AwsAccess::DefaultChain).await;
    config.region()?;
    let config = config.into_builder().retry_config(RetryConfig::standard()).build();
    Some(Services::new(
        aws_sdk_eventbridge::Client::new(&config),
        aws_sdk_sqs::Client::new(&config),
    ))
}

/// How to reach one service.
struct Service<'a> {
    region: Option<&'a str>,
    endpoint_url: Option<&'a str>,
    /// How long a call may take.
    call_within: Duration,
}

impl Service<'_> {
    async fn load(self, access: AwsAccess) -> SdkConfig {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_WITHIN)
            .operation_timeout(self.call_within)
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .timeout_config(timeouts)
            // Whoever calls repeats calls itself, and says so.
            .retry_config(RetryConfig::disabled());
        if let Some(region) = self.region {
            loader = loader.region(Region::new(region.to_owned()));
        }
        if let Some(endpoint) = self.endpoint_url {
            loader = loader.endpoint_url(endpoint);
        }
        if access == AwsAccess::StandIn {
            let any = Credentials::new("stand-in", "stand-in", None, None, "stand-in");
            loader = loader.credentials_provider(any).region(Region::from_static("us-east-1"));
        }
        loader.load().await
    }
}
