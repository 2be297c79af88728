//! One event's whole story.

use super::html::{follow, form, page, says, text};
use super::{becomes, gateway, post};
use crate::dead_letters::Broken;
use crate::support::cloud::Cloud;
use crate::support::event::event;
use crate::support::gateway::Gateway;
use crate::support::settings::Settings;
use crate::support::target::{Behaviour, Target};

/// Comes by both paths, with different payloads, and by webhook again; the target takes it at the third
/// attempt.
async fn eventful() -> (Cloud, Gateway) {
    let cloud = Cloud::stand_in().await;
    let target = Target::start(|came, _| match came {
        0 => Behaviour::Say(503, "{\"error\": \"<b>away</b>\"}"),
        1 => Behaviour::Answer(429),
        _ => Behaviour::Answer(204),
    })
    .await;
    let settings = Settings::new("both").queue(&cloud.endpoint_url, &cloud.queue_url).deliver(
        "app",
        &target.url(),
        &[],
    );
    let gateway = Gateway::start(settings).await;
    let by_webhook = event("evt_1", 1, 1);
    assert_eq!(gateway.post(&by_webhook.body()).await.status, 204);
    let by_queue = by_webhook.clone().by_eventbridge().having("nickname", "other");
    cloud.send(by_queue.envelope()).await;
    assert_eq!(gateway.post(&by_webhook.body()).await.status, 204);
    gateway.arrived(3).await;
    gateway.delivered().await;
    (cloud, gateway)
}

#[tokio::test]
async fn an_event_that_came_both_ways_and_was_retried_is_told_hop_by_hop() {
    let (_cloud, gateway) = eventful().await;
    let html = page(&gateway, "/events/evt_1").await;
    for expected in [
        "Webhook was first, by",
        "Delivered to app",
        "Auth0 → request here",
        "EventBridge's envelope whole seconds: a hint",
        "Auth0 → EventBridge → SQS",
        "In the queue",
        "Received here",
        "Stored, on disk",
        "It came again",
        "webhook retry",
        "to-app → app delivered",
        "Attempt 1",
        "answered 503",
        "{\"error\": \"<b>away</b>\"}",
        "answered 429",
        "Attempt 3",
        "answered 204",
        "by id: both paths carried the same one",
        "the paths' payloads differ",
        "/data/object/nickname",
        "stream est_webhook",
        "stream est_eventbridge",
    ] {
        says(&html, expected);
    }
    assert!(!html.contains("<b>away"), "an answer is text, never a part of the page");
    for class in ["bar webhook", "bar eventbridge", "bar hint", "bar bad", "bar good"] {
        assert!(html.contains(&format!(r#"class="{class}""#)), "{class}");
    }
    assert!(!text(&html).contains("Put it back"), "only a dead letter can be put back");
    gateway.stop().await;
}

#[tokio::test]
async fn a_dead_letter_is_put_back_from_its_event_s_own_page() {
    let broken = Broken::start().await;
    let gateway = gateway(&broken).await;
    post(&gateway, 2).await;
    let html = page(&gateway, "/events/evt_1").await;
    says(&html, "Not delivered to app: a dead letter after 1 attempt: the target answered 400.");
    says(&html, "Came by webhook,");
    broken.mend();
    let redrive = form(&html, "/orders/redrive");
    assert_eq!(redrive.required, ["who", "why"]);
    let answer = redrive.signed().send(&gateway).await;
    let (path, html) = follow(&gateway, &answer).await;
    assert_eq!(path, "/orders/1");
    for expected in ["Order 1: redrive", "ids evt_1/to-app", "By Kim", "it is mended"] {
        says(&html, expected);
    }
    becomes(&gateway, "evt_1", "delivered").await;
    assert_eq!(super::state(&gateway, "evt_0").await, "dead");
    says(&page(&gateway, "/events/evt_1").await, "put back once");
    gateway.stop().await;
}

#[tokio::test]
async fn what_is_left_of_the_content_is_said() {
    let target = Target::up().await;
    let plain = || Settings::new("webhook").deliver("app", &target.url(), &[]);
    let redacted = plain().set("journal.redact", r#"["/data/object/email"]"#);
    for (settings, expected) in [
        (
            plain().set("journal.payload", "drop"),
            "Its payload is not kept: journal.payload is \"drop\".",
        ),
        (redacted.set("journal.payload", "redact"), "As journal.redact leaves it."),
    ] {
        let gateway = Gateway::start(settings).await;
        post(&gateway, 2).await;
        let html = page(&gateway, "/events/evt_1").await;
        says(&html, expected);
        assert!(!html.contains("user1@example.com"));
        gateway.stop().await;
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_page_that_says_so() {
    let broken = Broken::start().await;
    let gateway = gateway(&broken).await;
    for (path, expected) in [
        ("/events/evt_9", "No such event"),
        ("/events/%3Cb%3E", "No such event"),
        ("/dead-letters/evt_9", "No such dead letter"),
        ("/quarantine/9", "Not quarantined"),
        ("/quarantine/x", "Not quarantined"),
        ("/quarantine/9/raw", "Not quarantined"),
        ("/orders/9", "No such order"),
        ("/orders/x", "No such order"),
        ("/orders/pause?target=nobody", "Not there"),
    ] {
        let response = gateway.get(path).await;
        assert_eq!(response.status, 404, "{path}");
        assert_eq!(response.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
        says(&response.body, expected);
    }
    gateway.stop().await;
}
