//! The SQS door. The tests that a queue's ordinary life is made of run against our own stand-in and
//! against an emulator written by others.

use std::time::Duration;

use twinstream::sim::aws::{Outage, Probability};

use crate::support::cloud::{Cloud, StandIn, VISIBILITY};
use crate::support::event::event;
use crate::support::gateway::Gateway;
use crate::support::http;
use crate::support::process::Process;
use crate::support::settings::Settings;
use crate::support::target::Target;
use crate::support::until;

fn settings(cloud: &Cloud) -> Settings {
    Settings::new("eventbridge").queue(&cloud.endpoint_url, &cloud.queue_url)
}

async fn messages_are_stored_delivered_and_deleted(cloud: Cloud) {
    let target = Target::up().await;
    let gateway = Gateway::start(settings(&cloud).deliver("app", &target.url(), &[])).await;
    for number in 0..25 {
        let event = event(&format!("evt_{number}"), number, u64::from(number)).by_eventbridge();
        // EventBridge's envelope, and a CloudEvent without one.
        cloud.send(if number % 2 == 0 { event.envelope() } else { event.body() }).await;
    }
    gateway.arrived(25).await;
    cloud.emptied().await;
    gateway.delivered().await;
    let mut ids: Vec<String> = target.came().iter().map(|came| came.id().to_owned()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 25);
    let story = gateway.story("evt_0").await.unwrap();
    let arrival = &story.arrivals[0];
    assert_eq!(arrival.envelope_time.unwrap().to_string(), "2026-03-01T09:15:45Z");
    assert_eq!(arrival.receive_count, Some(1));
    assert!(arrival.sent_at.is_some() && arrival.first_received_at.is_some());
    gateway.stop().await;
}

#[tokio::test]
async fn messages_are_stored_delivered_and_deleted_at_the_stand_in() {
    messages_are_stored_delivered_and_deleted(Cloud::stand_in().await).await;
}

#[tokio::test]
async fn messages_are_stored_delivered_and_deleted_at_the_emulator() {
    messages_are_stored_delivered_and_deleted(Cloud::emulator_with(&[VISIBILITY]).await).await;
}

async fn poison_is_kept_and_deleted(cloud: Cloud) {
    let gateway = Gateway::start(settings(&cloud)).await;
    let log = r#"{"version":"0","id":"1","detail-type":"Auth0 log","source":"aws.partner/auth0.com/a/auth0.logs","detail":{"log_id":"1"}}"#;
    for body in ["not json", "[1]", r#"{"detail":{}}"#, log] {
        cloud.send(body).await;
    }
    cloud.send(event("evt_1", 1, 1).envelope()).await;
    gateway.arrived(5).await;
    cloud.emptied().await;
    let reasons: Vec<_> = gateway.counts().await.quarantined;
    let expected = ["log_stream", "not_a_cloud_event", "not_an_object", "not_json"];
    assert_eq!(reasons, expected.map(|reason| (reason.to_owned(), 1)));
    assert!(gateway.story("evt_1").await.is_some());
    gateway.stop().await;
}

#[tokio::test]
async fn poison_is_kept_and_deleted_at_the_stand_in() {
    poison_is_kept_and_deleted(Cloud::stand_in().await).await;
}

#[tokio::test]
async fn poison_is_kept_and_deleted_at_the_emulator() {
    poison_is_kept_and_deleted(Cloud::emulator_with(&[VISIBILITY]).await).await;
}

async fn a_fifo_queue_keeps_the_order_of_each_group(cloud: Cloud) {
    let gateway = Gateway::start(settings(&cloud)).await;
    for group in ["one", "two"] {
        let bodies: Vec<String> =
            (0..25).map(|n| event(&format!("{group}_{n:02}"), 1, n).envelope()).collect();
        cloud.send_in_group(&bodies, group).await;
    }
    gateway.arrived(50).await;
    cloud.emptied().await;
    let settings = gateway.stop().await;
    let ids = crate::support::journal_file::ids(&settings.journal());
    for group in ["one", "two"] {
        let of_group: Vec<_> = ids.iter().filter(|id| id.starts_with(group)).collect();
        assert_eq!(of_group.len(), 25);
        assert!(of_group.is_sorted(), "{of_group:?}");
    }
}

const FIFO: [(&str, &str); 2] = [("FifoQueue", "true"), VISIBILITY];

#[tokio::test]
async fn a_fifo_queue_keeps_the_order_of_each_group_at_the_stand_in() {
    a_fifo_queue_keeps_the_order_of_each_group(Cloud::stand_in_with(&FIFO).await).await;
}

#[tokio::test]
async fn a_fifo_queue_keeps_the_order_of_each_group_at_the_emulator() {
    a_fifo_queue_keeps_the_order_of_each_group(Cloud::emulator_with(&FIFO).await).await;
}

#[tokio::test]
async fn a_message_received_twice_is_one_event() {
    let cloud = Cloud::stand_in().await;
    cloud.handle().change_faults(|faults| faults.repeat = Probability::ALWAYS);
    let gateway = Gateway::start(settings(&cloud)).await;
    for number in 0..10 {
        cloud.send(event(&format!("evt_{number}"), 1, number).envelope()).await;
    }
    gateway.arrived(20).await;
    let counts = gateway.counts().await;
    let ended: Vec<_> =
        counts.arrivals.iter().map(|(_, outcome, count)| (outcome.as_str(), *count)).collect();
    assert_eq!(ended, [("accepted", 10), ("duplicate", 10)]);
    let story = gateway.story("evt_3").await.unwrap();
    assert_eq!(story.arrivals.len(), 2);
    assert_eq!(story.arrivals[1].duplicate.unwrap().as_str(), "same_message");
    gateway.stop().await;
}

#[tokio::test]
async fn deletes_that_fail_are_repeated() {
    let cloud = Cloud::stand_in().await;
    cloud.handle().change_faults(|faults| faults.entry_failure = Probability::clamped(0.5));
    let gateway = Gateway::start(settings(&cloud)).await;
    let bodies: Vec<_> =
        (0..40).map(|number| event(&format!("evt_{number}"), 1, number).envelope()).collect();
    for body in &bodies {
        cloud.send(body).await;
    }
    gateway.arrived(40).await;
    cloud.emptied().await;
    assert_eq!(cloud.handle().totals(&queue_name(&cloud)).deleted, 40);
    gateway.stop().await;
}

fn queue_name(cloud: &Cloud) -> String {
    cloud.queue_url.rsplit('/').next().unwrap().to_owned()
}

#[tokio::test]
async fn while_the_journal_can_not_commit_messages_are_held_and_burn_no_receives() {
    // Moved to the dead-letter queue at the second receive: one that is let go is lost to us.
    let cloud = Cloud::stand_in().await;
    let dead = cloud.handle().create_queue("dead", &[]).unwrap();
    let arn = cloud.handle().queue_arn("dead");
    let policy = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"1"}}"#);
    let call = cloud.client.set_queue_attributes().queue_url(&cloud.queue_url);
    call.attributes("RedrivePolicy".into(), policy).send().await.unwrap();
    let settings = settings(&cloud).set("journal.busy_timeout", "50ms");
    let gateway = Gateway::start(settings).await;
    gateway.ready().await;
    let other = rusqlite::Connection::open(gateway.settings().journal()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    for number in 0..5 {
        cloud.send(event(&format!("evt_{number}"), 1, number).envelope()).await;
    }
    // A receiver that holds messages asks for no more, so that some may stay in the queue.
    until("messages in hand", async || {
        (cloud.handle().depth(&queue_name(&cloud)).unwrap().in_flight >= 2).then_some(())
    })
    .await;
    // Longer than the queue's visibility time-out of 3 s: only heartbeats keep them in hand.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(cloud.handle().totals(&queue_name(&cloud)).deleted, 0);
    other.execute_batch("COMMIT").unwrap();
    drop(other);
    gateway.arrived(5).await;
    cloud.emptied().await;
    assert_eq!(cloud.handle().totals(&queue_name(&cloud)).received, 5, "each received once");
    assert_eq!(cloud.handle().depth("dead").unwrap().visible, 0, "{dead}");
    gateway.stop().await;
}

/// Forwards to the stand-in, and leaves calls of one operation without an answer.
async fn stalling(cloud: &Cloud, operation: &'static str) -> String {
    let client = reqwest::Client::new();
    let url = cloud.endpoint_url.clone();
    let forward = async move |headers: ::http::HeaderMap, body: bytes::Bytes| {
        let target = headers.get("x-amz-target").map_or("", |target| target.to_str().unwrap());
        if target.ends_with(operation) {
            std::future::pending::<()>().await;
        }
        let answer = client.post(&url).headers(headers).body(body).send().await.unwrap();
        (answer.status(), answer.headers().clone(), answer.bytes().await.unwrap())
    };
    let router = axum::Router::new().fallback(forward);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}")
}

#[tokio::test]
async fn a_heartbeat_without_an_answer_does_not_hold_up_storing_and_deleting() {
    let cloud = Cloud::stand_in().await;
    let endpoint_url = stalling(&cloud, ".ChangeMessageVisibilityBatch").await;
    let settings = Settings::new("eventbridge")
        .queue(&endpoint_url, &cloud.queue_url)
        // No other may take the message meanwhile.
        .set("eventbridge.receivers", "1")
        .set("journal.busy_timeout", "50ms");
    let gateway = Gateway::start(settings).await;
    gateway.ready().await;
    let other = rusqlite::Connection::open(gateway.settings().journal()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    cloud.send(event("evt_1", 1, 1).envelope()).await;
    // The first heartbeat comes after a third of the visibility time-out of 3 s.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);
    let unlocked = tokio::time::Instant::now();
    gateway.arrived(1).await;
    cloud.emptied().await;
    let took = unlocked.elapsed();
    assert!(took < Duration::from_secs(4), "{took:?}");
    gateway.stop().await;
}

#[tokio::test]
async fn the_webhook_door_does_not_wait_for_a_region_that_nobody_tells() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let metadata = format!("http://{}", silent.local_addr().unwrap());
    let settings = Settings::new("both").set("eventbridge.queue_url", "https://queue.invalid/1/q");
    let started = tokio::time::Instant::now();
    let gateway = Process::serve_with(&settings, |command| {
        command.env_remove("AWS_REGION").env_remove("AWS_EC2_METADATA_DISABLED");
        command.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata);
    })
    .await;
    let took = started.elapsed();
    let body = event("evt_1", 1, 1).body();
    assert_eq!(http::post(gateway.webhook.unwrap(), &body).await.status, 204);
    assert!(took < Duration::from_millis(900), "{took:?}");
    assert_eq!(gateway.terminate().await.0.code(), Some(0));
}

#[tokio::test]
async fn what_is_in_hand_at_a_stop_and_not_stored_is_let_go_at_once() {
    let cloud = Cloud::stand_in_with(&[("VisibilityTimeout", "600")]).await;
    let gateway = Gateway::start(settings(&cloud).set("journal.busy_timeout", "50ms")).await;
    gateway.ready().await;
    let journal = gateway.settings().journal();
    let other = rusqlite::Connection::open(&journal).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    cloud.send(event("evt_1", 1, 1).envelope()).await;
    until("the message in hand", async || {
        (cloud.handle().depth(&queue_name(&cloud)).unwrap().in_flight == 1).then_some(())
    })
    .await;
    let stopping = tokio::spawn(gateway.stop());
    until("the message let go", async || {
        (cloud.handle().depth(&queue_name(&cloud)).unwrap().visible == 1).then_some(())
    })
    .await;
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);
    stopping.await.unwrap();
}

#[tokio::test]
async fn a_gateway_that_starts_before_its_queue_waits_and_says_so() {
    // An address where nobody answers yet.
    let first = StandIn::start("127.0.0.1:0".parse().unwrap()).await;
    let (address, endpoint_url) = (first.address, first.handle.url());
    first.stop().await;
    let queue_url = format!("{endpoint_url}/000000000000/late");
    let settings = Settings::new("both").queue(&endpoint_url, &queue_url);
    let gateway = Gateway::start(settings).await;
    let not_ready = until("a reason", async || {
        let response = gateway.get("/readyz").await;
        response.body.contains("asking for the attributes").then_some(response)
    })
    .await;
    assert_eq!(not_ready.status, 503);
    assert_eq!(not_ready.json()["ready"], false);
    // The webhook door is open all the same.
    assert_eq!(gateway.post(&event("evt_w", 1, 1).body()).await.status, 204);
    let late = StandIn::start(address).await;
    late.handle.create_queue("late", &[VISIBILITY]).unwrap();
    late.handle.send("late", event("evt_1", 1, 1).envelope()).unwrap();
    gateway.ready().await;
    gateway.arrived(2).await;
    gateway.stop().await;
    late.stop().await;
}

#[tokio::test]
async fn a_queue_that_goes_away_comes_back_without_a_restart() {
    for outage in [Outage::Unavailable, Outage::Reset] {
        let cloud = Cloud::stand_in().await;
        let gateway = Gateway::start(settings(&cloud)).await;
        gateway.ready().await;
        cloud.handle().change_faults(|faults| faults.outage = Some(outage));
        let degraded = until("the outage to be told", async || {
            let response = gateway.get("/readyz").await;
            (!response.json()["degraded"].as_array().unwrap().is_empty()).then_some(response)
        })
        .await;
        assert_eq!(degraded.status, 200, "what can be taken in still is: {degraded:?}");
        // EventBridge's side is not hit by the outage of the endpoint.
        let queue = queue_name(&cloud);
        for number in 0..12 {
            let body = event(&format!("evt_{number}"), 1, number).envelope();
            cloud.handle().send(&queue, body).unwrap();
        }
        cloud.handle().change_faults(|faults| faults.outage = None);
        gateway.arrived(12).await;
        cloud.emptied().await;
        until("an end of it", async || {
            let body = gateway.get("/readyz").await.json();
            body["degraded"].as_array().unwrap().is_empty().then_some(())
        })
        .await;
        gateway.stop().await;
    }
}
