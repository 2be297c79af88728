//! The parts together: the state machine of one account, then the real SDKs against the endpoint.

mod account;
mod events;
mod faulty;
mod partner;
mod queue;
mod redrive;
mod sqs;

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use tokio_util::sync::CancellationToken;

use super::{Aws, Handle, Settings};

/// The clients' settings: any credentials do, and a call that fails is not tried again, so that a
/// test sees each answer.
macro_rules! client {
    ($sdk:ident, $url:expr) => {
        $sdk::Client::from_conf(
            $sdk::Config::builder()
                .behavior_version($sdk::config::BehaviorVersion::latest())
                .region($sdk::config::Region::new("us-east-1"))
                .credentials_provider($sdk::config::Credentials::new(
                    "key", "secret", None, None, "test",
                ))
                .endpoint_url($url)
                .retry_config($sdk::config::retry::RetryConfig::disabled())
                .build(),
        )
    };
}

/// The endpoint and the clients of it.
pub(super) struct Bench {
    pub(super) handle: Handle,
    pub(super) sqs: aws_sdk_sqs::Client,
    pub(super) events: aws_sdk_eventbridge::Client,
    pub(super) stop: CancellationToken,
}

/// Runs a test against an endpoint, and stops the endpoint after it.
pub(super) async fn with_endpoint<F: Future<Output = ()>>(
    settings: Settings,
    test: impl FnOnce(Bench) -> F,
) {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let aws = Aws::bind(address, settings).await.unwrap();
    let (handle, stop) = (aws.handle(), CancellationToken::new());
    let (url, serving) = (aws.url(), aws.run(stop.clone()));
    let bench = Bench {
        handle,
        sqs: client!(aws_sdk_sqs, &url),
        events: client!(aws_sdk_eventbridge, &url),
        stop: stop.clone(),
    };
    let testing = async {
        tokio::time::timeout(Duration::from_secs(30), test(bench)).await.unwrap();
        stop.cancel();
    };
    let (served, ()) = tokio::join!(serving, testing);
    served.unwrap();
}

impl Bench {
    pub(super) async fn queue(&self, name: &str, attributes: &[(&str, &str)]) -> String {
        let mut call = self.sqs.create_queue().queue_name(name);
        for (name, text) in attributes {
            call = call.attributes((*name).into(), *text);
        }
        call.send().await.unwrap().queue_url.unwrap()
    }

    pub(super) async fn send(&self, url: &str, bodies: &[&str]) {
        for body in bodies {
            self.sqs.send_message().queue_url(url).message_body(*body).send().await.unwrap();
        }
    }

    pub(super) async fn receive(&self, url: &str) -> Vec<Message> {
        let call = self
            .sqs
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(10)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All");
        call.send().await.unwrap().messages.unwrap_or_default()
    }

    pub(super) async fn delete(&self, url: &str, message: &Message) {
        let handle = message.receipt_handle().unwrap();
        self.sqs.delete_message().queue_url(url).receipt_handle(handle).send().await.unwrap();
    }
}

pub(super) fn bodies(messages: &[Message]) -> Vec<&str> {
    messages.iter().filter_map(Message::body).collect()
}
