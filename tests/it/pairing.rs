//! One event on both paths is one delivery, whether its ids are equal or not.

use serde_json::json;

use crate::support::cloud::Cloud;
use crate::support::event::event;
use crate::support::gateway::Gateway;
use crate::support::settings::Settings;
use crate::support::target::Target;

async fn both_paths(cloud: Cloud, other_id: impl Fn(u32) -> String) {
    const EVENTS: u32 = 30;
    let target = Target::up().await;
    let settings = Settings::new("both").queue(&cloud.endpoint_url, &cloud.queue_url).deliver(
        "app",
        &target.url(),
        &[],
    );
    let gateway = Gateway::start(settings).await;
    for number in 0..EVENTS {
        let by_webhook = event(&format!("evt_{number}"), number, u64::from(number));
        let by_queue = by_webhook.clone().by_eventbridge().with("id", other_id(number));
        // Now one path is first, now the other.
        if number % 2 == 0 {
            assert_eq!(gateway.post(&by_webhook.body()).await.status, 204);
            cloud.send(by_queue.envelope()).await;
        } else {
            cloud.send(by_queue.envelope()).await;
            assert_eq!(gateway.post(&by_webhook.body()).await.status, 204);
        }
    }
    gateway.arrived(u64::from(EVENTS) * 2).await;
    gateway.delivered().await;
    cloud.emptied().await;
    let came = target.came();
    assert_eq!(came.len(), usize::try_from(EVENTS).unwrap(), "one delivery for each event");
    let mut bodies: Vec<String> = came
        .iter()
        .map(|came| {
            let event: serde_json::Value = serde_json::from_slice(&came.body).unwrap();
            event["data"]["object"]["user_id"].to_string()
        })
        .collect();
    bodies.sort_unstable();
    bodies.dedup();
    assert_eq!(bodies.len(), usize::try_from(EVENTS).unwrap());
    let document = gateway.get("/api/v1/compare?from=2026-01-01T00:00:00Z").await.json();
    let same_ids = other_id(7) == "evt_7";
    let expected = if same_ids {
        json!({"id": EVENTS, "fallback": 0, "ambiguous": 0})
    } else {
        json!({"id": 0, "fallback": EVENTS, "ambiguous": 0})
    };
    assert_eq!(document["pairs"]["paired_by"], expected, "{document:#}");
    assert_eq!(document["pairs"]["both"], EVENTS);
    // Either id leads to the event, and a repeat under either is a duplicate.
    for id in ["evt_7".to_owned(), other_id(7)] {
        assert_eq!(gateway.story(&id).await.unwrap().summary.subject, "user:auth0|7");
        let again = event(&id, 7, 7).with("a0stream", "est_eventbridge");
        cloud.send(again.envelope()).await;
    }
    gateway.arrived(u64::from(EVENTS) * 2 + 2).await;
    gateway.delivered().await;
    assert_eq!(target.came().len(), usize::try_from(EVENTS).unwrap());
    gateway.stop().await;
}

#[tokio::test]
async fn equal_ids_at_the_stand_in() {
    both_paths(Cloud::stand_in().await, |number| format!("evt_{number}")).await;
}

#[tokio::test]
async fn different_ids_at_the_stand_in() {
    both_paths(Cloud::stand_in().await, |number| format!("evt_other_{number}")).await;
}

#[tokio::test]
async fn equal_ids_at_the_emulator() {
    let cloud = Cloud::emulator_with(&[("VisibilityTimeout", "30")]).await;
    both_paths(cloud, |number| format!("evt_{number}")).await;
}

#[tokio::test]
async fn different_ids_at_the_emulator() {
    let cloud = Cloud::emulator_with(&[("VisibilityTimeout", "30")]).await;
    both_paths(cloud, |number| format!("evt_other_{number}")).await;
}

#[tokio::test]
async fn a_test_event_sent_to_two_streams_is_two_events() {
    let cloud = Cloud::stand_in().await;
    let settings = Settings::new("both").queue(&cloud.endpoint_url, &cloud.queue_url);
    let gateway = Gateway::start(settings).await;
    let one = event("evt_1", 1, 1).with("a0purpose", "test");
    assert_eq!(gateway.post(&one.body()).await.status, 204);
    cloud.send(one.by_eventbridge().with("id", "evt_2").envelope()).await;
    gateway.arrived(2).await;
    let document = gateway.get("/api/v1/compare?from=2026-01-01T00:00:00Z").await.json();
    assert_eq!(document["excluded"]["test"], 2);
    assert_eq!(document["paths"]["webhook"]["seen"], 0);
    assert!(gateway.story("evt_1").await.is_some() && gateway.story("evt_2").await.is_some());
    gateway.stop().await;
}

#[tokio::test]
async fn payloads_that_differ_are_both_kept_and_the_difference_is_told() {
    let cloud = Cloud::stand_in().await;
    let settings = Settings::new("both").queue(&cloud.endpoint_url, &cloud.queue_url);
    let gateway = Gateway::start(settings).await;
    let mut one = event("evt_1", 1, 1);
    assert_eq!(gateway.post(&one.body()).await.status, 204);
    one.0["data"]["object"]["blocked"] = json!(true);
    one.0["data"]["context"] = json!({"tenant": {}});
    cloud.send(one.by_eventbridge().envelope()).await;
    gateway.arrived(2).await;
    let story = gateway.story("evt_1").await.unwrap();
    assert_eq!(story.payload_differences, ["/data/context", "/data/object/blocked"]);
    gateway.stop().await;
}
