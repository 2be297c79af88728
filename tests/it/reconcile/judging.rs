//! What the Events API tells of, and what becomes of it, when something is in the way.

use std::time::Duration;

use serde_json::{Value, json};
use twinstream::clock::Clock;
use twinstream::event::Path;
use twinstream::provision::auth0::{NewDestination, NewStream};
use twinstream::sim::auth0::Change;
use twinstream::sim::auth0::management::{self, EventsSettings, Telling};

use super::{follow, following, heard, judged, pass, reach, reach_nobody, tenant, tenant_with};
use crate::management::{Tenant, changes, settings, updates, webhook_stream};
use crate::support::gateway::Gateway;
use crate::support::settings::Settings;
use crate::support::until;

fn webhook_alone(tenant: &Tenant) -> Settings {
    following(tenant, Settings::new("webhook"))
}

/// The same change, a moment later than anything that was heard.
fn later(change: &Change) -> Change {
    Change { time: Clock::System.now().plus(Duration::from_secs(1)), ..change.clone() }
}

/// How often somebody began to follow, and was let.
fn connections(tenant: &Tenant) -> usize {
    let all = tenant.handle.recorded();
    all.iter().filter(|one| one.path == "/api/v2/events" && one.status == 200).count()
}

#[tokio::test]
async fn what_was_lost_is_found_among_the_types_that_are_listened_to() {
    let (tenant, _) = tenant().await;
    let settings = webhook_alone(&tenant).set("auth0.event_types", r#"["user.updated"]"#);
    let gateway = follow(&tenant, settings).await;
    let changes = [updates(2), changes(&["user.created"], 1)].concat();
    tenant.handle.happen(&changes[0]).await;
    heard(&gateway, 1).await;
    tenant.handle.lose_next(Path::Webhook, 2);
    tenant.handle.happen(&changes[2]).await;
    tenant.handle.happen(&changes[1]).await;
    heard(&gateway, 2).await;
    let witnesses = judged(&gateway, 2).await;
    assert_eq!((&witnesses["lost"], &witnesses["backfilled"]), (&json!(1), &json!(1)));
    assert!(gateway.story(&changes[1].webhook.id).await.is_some());
    let types = [("event_type".to_owned(), "user.updated".to_owned())];
    let all = tenant.handle.recorded();
    let followed: Vec<_> = all.iter().filter(|one| one.path == "/api/v2/events").collect();
    assert!(followed.len() >= 2 && followed.iter().all(|one| one.query == types), "{followed:?}");
    gateway.stop().await;
    tenant.end().await;
}

#[tokio::test]
async fn all_that_was_lost_is_fetched_by_the_one_connection_that_the_plan_has() {
    let events = EventsSettings { connections_max: 1, ..settings().events };
    let (tenant, _) = tenant_with(management::Settings { events, ..settings() }).await;
    let gateway = follow(&tenant, webhook_alone(&tenant)).await;
    let changes = updates(21);
    tenant.handle.lose_next(Path::Webhook, 20);
    for change in &changes[..20] {
        tenant.handle.happen(change).await;
    }
    heard(&gateway, 20).await;
    let witnesses = judged(&gateway, 20).await;
    assert_eq!(witnesses["backfilled"], 20);
    let last = changes[19].webhook.id.clone();
    assert!(gateway.story(&last).await.is_some(), "{last}");
    let connections = connections(&tenant);
    assert!((2..10).contains(&connections), "{connections}");
    // And it is listened again.
    tenant.handle.happen(&changes[20]).await;
    heard(&gateway, 21).await;
    gateway.stop().await;
    tenant.end().await;
}

#[tokio::test]
async fn what_was_asked_for_and_came_needs_no_fetching() {
    let (tenant, _) = tenant().await;
    let gateway = follow(&tenant, webhook_alone(&tenant).set("compare.grace", "5s")).await;
    reach_nobody(&tenant);
    tenant.handle.happen(&updates(1)[0]).await;
    heard(&gateway, 1).await;
    reach(&tenant, &gateway);
    assert_eq!(pass(&gateway, json!({})).await["asked"]["chosen"], 1);
    gateway.arrived(1).await;
    tenant.handle.expire_offsets();
    let witnesses = judged(&gateway, 1).await;
    assert_eq!(witnesses["fates"]["webhook"]["lost_us"], 1);
    assert_eq!(witnesses["backfilled"], 0);
    gateway.stop().await;
    tenant.end().await;
}

#[tokio::test]
async fn what_may_come_yet_holds_up_nothing_behind_it() {
    const WAIT: usize = 501;
    let (tenant, _) = tenant().await;
    let stream = webhook_stream("twinstream-eventbridge");
    let destination = NewDestination::Eventbridge {
        account: "123456789012".to_owned(),
        region: "eu-central-1".to_owned(),
    };
    let event_types = vec!["user.updated".to_owned()];
    let stream = NewStream { destination, event_types, ..stream };
    tenant.api().create_stream(&stream).await.unwrap();
    // Nobody answers for the queue: nobody knows what lies there.
    let nowhere = Settings::new("both").queue("http://127.0.0.1:9/", "http://127.0.0.1:9/1/queue");
    let settings = following(&tenant, nowhere).set("reconcile.backfill", "false");
    let gateway = follow(&tenant, settings).await;
    tenant.handle.lose_next(Path::Webhook, WAIT + 1);
    for change in updates(WAIT).iter().chain(&changes(&["user.created"], 1)) {
        tenant.handle.happen(change).await;
    }
    heard(&gateway, 502).await;
    let witnesses = until("the judgement", async || {
        let witnesses = pass(&gateway, json!({})).await["witnesses"].clone();
        (witnesses["events"] == 1).then_some(witnesses)
    })
    .await;
    assert_eq!(witnesses["waiting"], WAIT);
    assert_eq!(witnesses["fates"]["eventbridge"]["unused"], 1);
    gateway.stop().await;
    tenant.end().await;
}

#[tokio::test]
async fn an_offset_that_auth0_does_not_take_is_passed_over_by_the_time_and_told() {
    let (tenant, _) = tenant().await;
    let gateway = follow(&tenant, webhook_alone(&tenant)).await;
    let changes = updates(2);
    tenant.handle.happen(&changes[0]).await;
    let before = heard(&gateway, 1).await;
    assert_eq!(before["gap_until"], Value::Null);
    let settings = gateway.stop().await;
    tenant.handle.change_offsets();
    reach_nobody(&tenant);
    // What happens meanwhile is not passed over.
    tenant.handle.happen(&later(&changes[1])).await;
    let gateway = Gateway::start(settings).await;
    reach(&tenant, &gateway);
    assert_ne!(heard(&gateway, 1).await["gap_until"], Value::Null);
    assert_eq!(judged(&gateway, 2).await["lost"], 1);
    gateway.stop().await;
    tenant.end().await;
}

#[tokio::test]
async fn what_auth0_can_t_tell_is_passed_over_where_it_says() {
    let (tenant, _) = tenant().await;
    let gateway = follow(&tenant, webhook_alone(&tenant)).await;
    let changes = updates(3);
    tenant.handle.happen(&changes[0]).await;
    heard(&gateway, 1).await;
    tenant.handle.tell_next(Telling::TooLarge);
    tenant.handle.happen(&changes[1]).await;
    tenant.handle.happen(&changes[2]).await;
    let following = heard(&gateway, 2).await;
    assert_eq!(following["gap_until"], Value::Null, "Auth0 said where to go on");
    let metrics = gateway.get("/metrics").await.body;
    let line = metrics.lines().find(|line| line.starts_with("twinstream_following"));
    assert!(line.is_some_and(|line| line.ends_with(" 1")), "{line:?}");
    gateway.stop().await;
    tenant.end().await;
}

#[tokio::test]
async fn what_nobody_understands_is_passed_over_after_a_few_tries_and_told() {
    let (tenant, _) = tenant().await;
    let gateway = follow(&tenant, webhook_alone(&tenant)).await;
    let changes = updates(1_000);
    tenant.handle.happen(&changes[0]).await;
    heard(&gateway, 1).await;
    tenant.handle.tell_next(Telling::Garbled);
    tenant.handle.happen(&changes[1]).await;
    let mut after_it = changes[2..].iter();
    until("what comes after it", async || {
        let status = gateway.get("/api/v1/reconcile").await.json();
        let following = &status["following"];
        let passed_over = following["connected"] == true && !following["gap_until"].is_null();
        if let (true, Some(change)) = (passed_over, after_it.next()) {
            tenant.handle.happen(&later(change)).await;
        }
        (following["events"].as_u64() > Some(3)).then_some(())
    })
    .await;
    gateway.stop().await;
    tenant.end().await;
}
