//! Asking Auth0 for what failed does no harm: it never switches the stream off, never asks for what may be known
//! already, and no event stands in the way of another.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};
use twinstream::event::Path;

use super::{of_tenant, pass, reach, reach_nobody, tenant};
use crate::management::{Tenant, updates};
use crate::support::gateway::Gateway;
use crate::support::http;
use crate::support::settings::Settings;
use crate::support::until;

const LONG_AGO: &str = "2020-01-01T00:00:00Z";

/// A gateway that its tenant's webhooks do not reach, and events that failed since it was started.
async fn after_an_outage(events: usize) -> (Tenant, Gateway, Vec<String>) {
    let (tenant, _) = tenant().await;
    let gateway = Gateway::start(of_tenant(&tenant, Settings::new("webhook"))).await;
    reach_nobody(&tenant);
    let changes = updates(events);
    for change in &changes {
        tenant.handle.happen(change).await;
    }
    let ids = changes.iter().map(|change| change.webhook.id.clone()).collect();
    (tenant, gateway, ids)
}

#[tokio::test]
async fn what_does_not_arrive_is_not_asked_for_on_and_on() {
    let (tenant, gateway, ids) = after_an_outage(8).await;
    let all = json!({ "since": LONG_AGO });
    let blind = pass(&gateway, all.clone()).await;
    assert_eq!(blind["asked"]["ids"], json!(ids[..5]), "a handful first: {blind}");
    let why = blind["asked"]["held_back"].as_str().unwrap();
    assert!(why.starts_with("none of the first 5 arrived"), "{why}");
    // Once they arrive the rest is asked for, too.
    reach(&tenant, &gateway);
    let seeing = pass(&gateway, all).await;
    assert_eq!(seeing["asked"]["held_back"], Value::Null, "{seeing}");
    assert_eq!(seeing["asked"]["ids"].as_array().unwrap().len(), 8);
    gateway.stop().await;
    tenant.end().await;
}

/// Asks for these as soon as Auth0 does not try them any more.
async fn ask_once(gateway: &Gateway, ids: &[String]) {
    until("the event is asked for", async || {
        let asked = pass(gateway, json!({ "since": LONG_AGO })).await["asked"]["ids"].clone();
        (asked == json!(ids)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn how_often_an_event_was_asked_for_outlives_a_restart() {
    let (tenant, gateway, ids) = after_an_outage(1).await;
    ask_once(&gateway, &ids).await;
    ask_once(&gateway, &ids).await;
    let gateway = Gateway::start(gateway.stop().await).await;
    ask_once(&gateway, &ids).await;
    let fourth = until("the event is listed again", async || {
        let fourth = pass(&gateway, json!({ "since": LONG_AGO })).await;
        (fourth["asked"]["still_tried"] == 0).then_some(fourth)
    })
    .await;
    assert_eq!((&fourth["asked"]["given_up"], &fourth["asked"]["ids"]), (&json!(1), &json!([])));
    gateway.stop().await;
    tenant.end().await;
}

#[tokio::test]
async fn one_event_that_auth0_refuses_stands_in_the_way_of_none() {
    let (tenant, gateway, ids) = after_an_outage(4).await;
    tenant.handle.refuse_redelivery(&ids[0], Some(StatusCode::NOT_FOUND));
    tenant.handle.refuse_redelivery(&ids[1], Some(StatusCode::INTERNAL_SERVER_ERROR));
    reach(&tenant, &gateway);
    let order = json!({ "since": LONG_AGO });
    let first = pass(&gateway, order).await;
    assert_eq!(first["asked"]["ids"], json!(ids[2..]), "{first}");
    assert_eq!(first["asked"]["refusals"], 2);
    gateway.arrived(2).await;
    gateway.stop().await;
    tenant.end().await;
}

/// The journal may have had them, and have forgotten them: then they would act a second time.
#[tokio::test]
async fn what_is_older_than_the_journal_is_asked_for_only_by_name() {
    let (tenant, _) = tenant().await;
    let old = updates(2);
    // When a door was opened is known to the second.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let gateway = Gateway::start(of_tenant(&tenant, Settings::new("webhook"))).await;
    reach(&tenant, &gateway);
    tenant.handle.has_failed(Path::Webhook, &old);
    let by_itself = pass(&gateway, json!({})).await;
    assert_eq!(
        (&by_itself["asked"]["too_old"], &by_itself["asked"]["ids"]),
        (&json!(2), &json!([]))
    );
    let meant = pass(&gateway, json!({ "since": LONG_AGO })).await;
    assert_eq!(meant["asked"]["ids"].as_array().unwrap().len(), 2, "{meant}");
    gateway.arrived(2).await;
    gateway.stop().await;
    tenant.end().await;
}

/// Each redelivery that fails may be one nearer to the end: 250 are always left.
#[tokio::test]
async fn a_stream_that_is_near_its_end_is_left_alone() {
    let (tenant, _) = tenant().await;
    let gateway = Gateway::start(of_tenant(&tenant, Settings::new("webhook"))).await;
    reach(&tenant, &gateway);
    tenant.handle.has_failed(Path::Webhook, &updates(260));
    let near = pass(&gateway, json!({ "since": LONG_AGO, "dry_run": true })).await;
    let why = near["asked"]["held_back"].as_str().unwrap_or_default();
    assert!(why.contains("switches the stream off"), "{near}");
    gateway.stop().await;
    tenant.end().await;
}

/// Auth0 switches a stream off at 5,000: what arrived otherwise is asked for too, and is off the list then.
#[tokio::test]
async fn a_long_list_is_made_shorter_by_what_is_known() {
    let (tenant, _) = tenant().await;
    let listed = updates(2_502);
    // They happen a millisecond apart; and when a door was opened is known to the second.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let gateway = Gateway::start(of_tenant(&tenant, Settings::new("webhook"))).await;
    reach(&tenant, &gateway);
    tenant.handle.has_failed(Path::Webhook, &listed);
    let known: Vec<String> = listed[..3].iter().map(|change| change.webhook.id.clone()).collect();
    for change in &listed[..3] {
        let door = gateway.webhook.unwrap();
        assert_eq!(http::post(door, &change.webhook.json).await.status, 204);
    }
    gateway.arrived(3).await;
    let long = pass(&gateway, json!({})).await;
    assert_eq!((&long["asked"]["shortening"], &long["asked"]["shortened"]), (&json!(3), &json!(3)));
    assert_eq!((&long["asked"]["ids"], &long["asked"]["too_old"]), (&json!(known), &json!(2_499)));
    let short = until("the list is shorter", async || {
        let short = pass(&gateway, json!({})).await;
        (short["asked"]["listed"] == 2_499).then_some(short)
    })
    .await;
    assert_eq!(short["asked"]["shortening"], 0);
    let story = gateway.story(&known[0]).await.unwrap();
    assert_eq!((story.arrivals.len(), story.summary.duplicates), (2, 0), "no fault of the path's");
    gateway.stop().await;
    tenant.end().await;
}
