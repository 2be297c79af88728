//! Old news never wins, from the doors to the application.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use twinstream::event::Timestamp;

use crate::support::cloud::Cloud;
use crate::support::event::{CloudEvent, event};
use crate::support::gateway::Gateway;
use crate::support::settings::Settings;
use crate::support::target::{Behaviour, Delivery, Target};
use crate::support::until;

const LATEST: &str = r#"order = "latest""#;
const LATEST_BLOCKED: &str = r#"order = "latest", changed = ["/data/object/blocked"]"#;

/// Each later than those of a lower number.
fn update(id: &str, number: u64, blocked: bool) -> CloudEvent {
    event(id, 1, number).having("blocked", blocked)
}

/// What its event says was before.
fn before(mut update: CloudEvent, blocked: bool) -> CloudEvent {
    update.0["data"]["previous_object"] = json!({"user_id": "auth0|1", "blocked": blocked});
    update
}

async fn gateway(target: &Target, route: &str) -> Gateway {
    let settings = Settings::new("webhook").deliver("app", &target.url(), &[]).routed_with(route);
    Gateway::start(settings).await
}

/// Posts it, and waits for the end of its delivery, which is returned.
async fn post(gateway: &Gateway, event: &CloudEvent) -> &'static str {
    assert_eq!(gateway.post(&event.body()).await.status, 204);
    gateway.delivered().await;
    state(gateway, event.0["id"].as_str().unwrap()).await
}

async fn state(gateway: &Gateway, id: &str) -> &'static str {
    gateway.story(id).await.unwrap().deliveries[0].state
}

async fn redrive(gateway: &Gateway, id: &str) {
    let order = json!({"filter": {"ids": [id]}, "who": "kim", "why": "the bug is mended"});
    let given = gateway.order("/api/v1/dead-letters/redrive", &order).await;
    assert!(matches!(given.status, 200..=299), "{given:?}");
    until("the redrive", async || {
        let story = gateway.story(id).await.unwrap();
        (story.deliveries[0].redrives > 0).then_some(())
    })
    .await;
    gateway.delivered().await;
}

fn ids(came: &[Delivery]) -> Vec<&str> {
    came.iter().map(Delivery::id).collect()
}

fn body(delivery: &Delivery) -> Value {
    serde_json::from_slice(&delivery.body).unwrap()
}

/// What an application holds that takes whatever comes.
fn is_blocked(came: &[Delivery]) -> bool {
    body(came.last().unwrap())["data"]["object"]["blocked"].as_bool().unwrap()
}

#[tokio::test]
async fn a_block_that_failed_does_not_come_back_after_the_unblock() {
    for route in [LATEST, LATEST_BLOCKED] {
        let target =
            Target::start(|number, _| Behaviour::Answer(if number == 0 { 400 } else { 204 })).await;
        let gateway = gateway(&target, route).await;
        assert_eq!(post(&gateway, &update("evt_block", 1, true)).await, "dead");
        assert_eq!(post(&gateway, &update("evt_unblock", 2, false)).await, "delivered");
        redrive(&gateway, "evt_block").await;
        let story = gateway.story("evt_block").await.unwrap();
        assert_eq!(story.deliveries[0].state, "superseded");
        let reason = story.deliveries[0].reason.as_deref().unwrap();
        assert!(reason.contains("evt_unblock"), "{reason}");
        let came = target.came();
        assert_eq!(ids(&came), ["evt_block", "evt_unblock"]);
        assert!(!is_blocked(&came));
        gateway.stop().await;
    }
}

#[tokio::test]
async fn what_the_slower_path_brings_is_superseded() {
    let cloud = Cloud::stand_in().await;
    let target = Target::up().await;
    let settings = Settings::new("both")
        .queue(&cloud.endpoint_url, &cloud.queue_url)
        .deliver("app", &target.url(), &[])
        .routed_with(LATEST);
    let gateway = Gateway::start(settings).await;
    let unblock = update("evt_unblock", 2, false);
    assert_eq!(post(&gateway, &unblock).await, "delivered");
    cloud.send(update("evt_block", 1, true).by_eventbridge().envelope()).await;
    cloud.send(unblock.by_eventbridge().envelope()).await;
    gateway.arrived(3).await;
    gateway.delivered().await;
    assert_eq!(state(&gateway, "evt_block").await, "superseded");
    assert_eq!(ids(&target.came()), ["evt_unblock"]);
    gateway.stop().await;
}

#[tokio::test]
async fn what_changes_nothing_that_is_watched_is_sent_once() {
    let target = Target::up().await;
    let gateway = gateway(&target, LATEST_BLOCKED).await;
    for (number, expected) in [(1, "delivered"), (2, "filtered"), (3, "filtered")] {
        let update = update(&format!("evt_{number}"), number, false).having("nickname", number);
        assert_eq!(post(&gateway, &before(update, false)).await, expected);
    }
    assert_eq!(post(&gateway, &before(update("evt_block", 4, true), false)).await, "delivered");
    let came = target.came();
    assert_eq!(ids(&came), ["evt_1", "evt_block"]);
    assert!(is_blocked(&came));
    gateway.stop().await;
}

#[tokio::test]
async fn an_update_that_overtook_the_block_before_it_tells_of_it() {
    let target = Target::up().await;
    let gateway = gateway(&target, LATEST_BLOCKED).await;
    let update_after = before(update("evt_update", 2, true), true);
    assert_eq!(post(&gateway, &update_after).await, "delivered");
    let block = before(update("evt_block", 1, true), false);
    assert_eq!(post(&gateway, &block).await, "superseded");
    assert!(is_blocked(&target.came()));
    gateway.stop().await;
}

#[tokio::test]
async fn where_every_event_counts_the_late_ones_say_so() {
    let target = Target::up().await;
    let gateway = gateway(&target, r#"order = "every""#).await;
    for (id, number) in [("evt_2", 2), ("evt_1", 1), ("evt_3", 3)] {
        assert_eq!(post(&gateway, &update(id, number, false)).await, "delivered");
    }
    let came = target.came();
    let late = came.iter().map(|came| (came.id(), came.header("twinstream-late")));
    assert_eq!(late.collect::<Vec<_>>(), [("evt_2", ""), ("evt_1", "true"), ("evt_3", "")]);
    assert!(gateway.story("evt_1").await.unwrap().deliveries[0].late);
    gateway.stop().await;
}

#[tokio::test]
async fn whatever_fails_and_in_whatever_order_it_comes_the_newest_is_last() {
    const USERS: u32 = 6;
    // Every number once, since 7 and 16 have no common divisor.
    let order = |n: u64| (n * 7 + 3) % 16;
    let target = Target::start(|number, _| match number % 3 {
        0 => Behaviour::Answer(503),
        _ => Behaviour::Answer(204),
    })
    .await;
    let gateway = gateway(&target, LATEST).await;
    for n in 0..16 {
        for user in 0..USERS {
            let update = event(&format!("evt_{user}_{}", order(n)), user, order(n));
            assert_eq!(gateway.post(&update.body()).await.status, 204);
        }
    }
    gateway.delivered().await;
    let mut of_user: BTreeMap<String, Vec<Timestamp>> = BTreeMap::new();
    for came in target.came() {
        let event = body(&came);
        let user = event["data"]["object"]["user_id"].to_string();
        let time = Timestamp::parse(event["time"].as_str().unwrap()).unwrap();
        of_user.entry(user).or_default().push(time);
    }
    assert_eq!(of_user.len(), usize::try_from(USERS).unwrap());
    let newest = Timestamp::parse(event("evt", 1, 15).0["time"].as_str().unwrap()).unwrap();
    for times in of_user.values() {
        assert!(times.is_sorted(), "old news was sent: {times:?}");
        assert_eq!(times.last(), Some(&newest), "the newest was not the last");
    }
    gateway.stop().await;
}
