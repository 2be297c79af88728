//! A queue for the gateway, at our own stand-in or at an emulator written by others: the same tests
//! run against both.

use std::collections::HashMap;
use std::net::SocketAddr;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use twinstream::sim::aws::{Aws, Handle, Settings};

use super::emulator::Emulator;
use super::until;

/// A queue somewhere.
#[derive(Debug)]
pub(crate) struct Cloud {
    pub(crate) endpoint_url: String,
    pub(crate) queue_url: String,
    pub(crate) client: Client,
    /// Faults and ground truth, where it is our own.
    pub(crate) stand_in: Option<StandIn>,
}

#[derive(Debug)]
pub(crate) struct StandIn {
    pub(crate) handle: Handle,
    pub(crate) address: SocketAddr,
    stop: CancellationToken,
    server: JoinHandle<()>,
}

impl StandIn {
    pub(crate) async fn start(address: SocketAddr) -> Self {
        let aws = Aws::bind(address, Settings::default()).await.unwrap();
        let (handle, address) = (aws.handle(), aws.address());
        let stop = CancellationToken::new();
        let run = aws.run(stop.clone());
        let server = tokio::spawn(async move { run.await.unwrap() });
        Self { handle, address, stop, server }
    }

    /// Nobody answers at its address any more.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.server.await.unwrap();
    }
}

/// How many messages of a queue are where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Depth {
    /// To be received.
    pub(crate) visible: u32,
    /// Received, and neither deleted nor visible again; or not visible yet.
    pub(crate) hidden: u32,
}

pub(crate) const QUEUE: &str = "auth0-events";

/// Messages come back soon when nobody deletes them.
pub(crate) const VISIBILITY: (&str, &str) = ("VisibilityTimeout", "3");

impl Cloud {
    /// Our own stand-in, with one standard queue.
    pub(crate) async fn stand_in() -> Self {
        Self::stand_in_with(&[VISIBILITY]).await
    }

    pub(crate) async fn stand_in_with(attributes: &[(&str, &str)]) -> Self {
        let stand_in = StandIn::start("127.0.0.1:0".parse().unwrap()).await;
        let endpoint_url = stand_in.handle.url();
        let client = client(&endpoint_url);
        let fifo = attributes.contains(&("FifoQueue", "true"));
        let queue_url = create(&client, fifo, attributes).await;
        Self { endpoint_url, queue_url, client, stand_in: Some(stand_in) }
    }

    /// MiniStack, with one queue of its own.
    pub(crate) async fn emulator_with(attributes: &[(&str, &str)]) -> Self {
        let endpoint_url = Emulator::shared().await.url();
        let client = client(&endpoint_url);
        let fifo = attributes.contains(&("FifoQueue", "true"));
        let queue_url = create(&client, fifo, attributes).await;
        Self { endpoint_url, queue_url, client, stand_in: None }
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.stand_in.as_ref().expect("our own stand-in").handle
    }

    pub(crate) async fn send(&self, body: impl Into<String>) {
        let call = self.client.send_message().queue_url(&self.queue_url).message_body(body);
        call.send().await.unwrap();
    }

    /// Sends into one FIFO group, in order.
    pub(crate) async fn send_in_group(&self, bodies: &[String], group: &str) {
        for (chunk, bodies) in bodies.chunks(10).enumerate() {
            let entries = bodies.iter().enumerate().map(|(position, body)| {
                SendMessageBatchRequestEntry::builder()
                    .id(position.to_string())
                    .message_body(body)
                    .message_group_id(group)
                    .message_deduplication_id(format!("{group}-{chunk}-{position}"))
                    .build()
                    .unwrap()
            });
            let call = self.client.send_message_batch().queue_url(&self.queue_url);
            call.set_entries(Some(entries.collect())).send().await.unwrap();
        }
    }

    /// Waits until the queue has nothing to hand out and nothing out of hand.
    pub(crate) async fn emptied(&self) {
        until("an empty queue", async || {
            (self.depth(&self.queue_url).await == Depth::default()).then_some(())
        })
        .await;
    }

    /// How many messages of a queue are where.
    pub(crate) async fn depth(&self, queue_url: &str) -> Depth {
        let attributes = self.attributes(queue_url).await;
        let number = |name: QueueAttributeName| {
            attributes.get(&name).map_or(0, |number| number.parse().unwrap())
        };
        Depth {
            visible: number(QueueAttributeName::ApproximateNumberOfMessages),
            hidden: number(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
                + number(QueueAttributeName::ApproximateNumberOfMessagesDelayed),
        }
    }

    /// Makes a dead-letter queue, where a message goes after so many receives. Returns its URL.
    pub(crate) async fn dead_letters_after(&self, receives: u32) -> String {
        let dead_url = create(&self.client, false, &[]).await;
        let arn = self.arn(&dead_url).await;
        let policy = json!({"deadLetterTargetArn": arn, "maxReceiveCount": receives.to_string()});
        let call = self.client.set_queue_attributes().queue_url(&self.queue_url);
        call.attributes(QueueAttributeName::RedrivePolicy, policy.to_string())
            .send()
            .await
            .unwrap();
        dead_url
    }

    pub(crate) async fn arn(&self, queue_url: &str) -> String {
        self.attributes(queue_url).await[&QueueAttributeName::QueueArn].clone()
    }

    async fn attributes(&self, queue_url: &str) -> HashMap<QueueAttributeName, String> {
        let call = self.client.get_queue_attributes().queue_url(queue_url);
        let answer = call.attribute_names(QueueAttributeName::All).send().await.unwrap();
        answer.attributes.unwrap()
    }
}

pub(crate) fn client(endpoint_url: &str) -> Client {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(endpoint_url);
    Client::from_conf(config.build())
}

async fn create(client: &Client, fifo: bool, attributes: &[(&str, &str)]) -> String {
    // Unique, because tests share the emulator.
    let name = format!("{QUEUE}-{:x}{}", fastrand::u64(..), if fifo { ".fifo" } else { "" });
    let mut call = client.create_queue().queue_name(name);
    for (name, value) in attributes {
        call = call.attributes(QueueAttributeName::from(*name), *value);
    }
    call.send().await.unwrap().queue_url.unwrap()
}
