//! How AWS is reached.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_sqs::config::Credentials;

use crate::config::Eventbridge;

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
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// A client for the queue. Does not ask the queue yet; but where nothing else tells the region,
/// AWS's default chain asks the instance it runs on, which may take seconds to give no answer.
pub(super) async fn sqs(settings: &Eventbridge, access: AwsAccess) -> aws_sdk_sqs::Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_WITHIN)
        .operation_timeout(settings.door.wait + CALL_SPARE)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts)
        // The door repeats calls itself, and says so.
        .retry_config(RetryConfig::disabled());
    if let Some(region) = &settings.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(endpoint) = &settings.endpoint_url {
        loader = loader.endpoint_url(endpoint);
    }
    if access == AwsAccess::StandIn {
        let any = Credentials::new("stand-in", "stand-in", None, None, "stand-in");
        loader = loader.credentials_provider(any).region(Region::from_static("us-east-1"));
    }
    aws_sdk_sqs::Client::new(&loader.load().await)
}
