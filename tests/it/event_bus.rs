//! The whole of EventBridge's path: put-events → bus → rule → queue → gateway, with the real SDKs, at
//! our own stand-in and at an emulator written by others.

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, Target};
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::json;

use crate::support::cloud::{Cloud, VISIBILITY};
use crate::support::event::event;
use crate::support::gateway::Gateway;
use crate::support::settings::Settings;

pub(crate) fn client(endpoint_url: &str) -> Client {
    let config = aws_sdk_eventbridge::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(endpoint_url);
    Client::from_conf(config.build())
}

/// A bus whose rule sends to the queue what fits the pattern.
pub(crate) async fn connect(cloud: &Cloud, bus: &str, pattern: &str) -> Client {
    let events = client(&cloud.endpoint_url);
    events.create_event_bus().name(bus).send().await.unwrap();
    let rule = events.put_rule().name("to-queue").event_bus_name(bus).event_pattern(pattern);
    rule.send().await.unwrap();
    let call = cloud.client.get_queue_attributes().queue_url(&cloud.queue_url);
    let answer = call.attribute_names(QueueAttributeName::QueueArn).send().await.unwrap();
    let arn = answer.attributes.unwrap().remove(&QueueAttributeName::QueueArn).unwrap();
    admit_rules(&cloud.client, &cloud.queue_url, &arn).await;
    let target = Target::builder().id("queue").arn(arn).build().unwrap();
    let call = events.put_targets().rule("to-queue").event_bus_name(bus).targets(target);
    assert_eq!(call.send().await.unwrap().failed_entry_count, 0);
    events
}

/// Without this, EventBridge may not send to the queue.
pub(crate) async fn admit_rules(client: &aws_sdk_sqs::Client, queue_url: &str, arn: &str) {
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
        }],
    });
    let call = client.set_queue_attributes().queue_url(queue_url);
    call.attributes(QueueAttributeName::Policy, policy.to_string()).send().await.unwrap();
}

async fn put(events: &Client, bus: &str, source: &str, detail: &str) {
    let entry = PutEventsRequestEntry::builder()
        .event_bus_name(bus)
        .source(source)
        .detail_type("whatever Auth0 calls it")
        .detail(detail)
        .build();
    let answer = events.put_events().entries(entry).send().await.unwrap();
    assert_eq!(answer.failed_entry_count, 0);
}

async fn events_come_through_bus_and_rule(cloud: Cloud) {
    let bus = format!("auth0-{:x}", fastrand::u64(..));
    // A real partner source begins with `aws.`, which nobody but AWS may put.
    let pattern = r#"{"source": [{"prefix": "partner.auth0.com/"}]}"#;
    let events = connect(&cloud, &bus, pattern).await;
    let settings = Settings::new("both").queue(&cloud.endpoint_url, &cloud.queue_url);
    let gateway = Gateway::start(settings).await;
    for number in 0..10 {
        let one = event(&format!("evt_{number}"), number, u64::from(number));
        assert_eq!(gateway.post(&one.body()).await.status, 204);
        let source = "partner.auth0.com/acme-1/auth0.events";
        put(&events, &bus, source, &one.by_eventbridge().body()).await;
    }
    put(&events, &bus, "somebody.else", &event("evt_other", 1, 1).body()).await;
    gateway.arrived(20).await;
    cloud.emptied().await;
    let counts = gateway.counts().await;
    let ended: Vec<_> = counts
        .arrivals
        .iter()
        .map(|(path, outcome, count)| (path.as_str(), outcome.as_str(), *count))
        .collect();
    assert_eq!(ended, [("webhook", "accepted", 10), ("eventbridge", "accepted", 10)]);
    let story = gateway.story("evt_7").await.unwrap();
    assert!(story.payload_differences.is_empty(), "the detail comes through unchanged");
    assert!(story.arrivals.iter().any(|arrival| arrival.envelope_time.is_some()));
    gateway.stop().await;
}

#[tokio::test]
async fn events_come_through_bus_and_rule_at_the_stand_in() {
    events_come_through_bus_and_rule(Cloud::stand_in().await).await;
}

#[tokio::test]
async fn events_come_through_bus_and_rule_at_the_emulator() {
    events_come_through_bus_and_rule(Cloud::emulator_with(&[VISIBILITY]).await).await;
}
