//! What came because `reconcile` saw to it is told from what a path brought, wherever somebody looks.

use serde_json::json;
use twinstream::event::Path;

use super::{
    delivering, follow, following, heard, judged, of_tenant, pass, reach, reach_nobody, tenant,
};
use crate::management::updates;
use crate::support::gateway::Gateway;
use crate::support::http;
use crate::support::process;
use crate::support::until;

/// The page of an event, the list of events and the overview say this.
async fn pages_say(gateway: &Gateway, id: &str, words: &str) {
    for page in [&*format!("/events/{id}"), "/events", "/"] {
        until(&format!("{page} to say {words:?}"), async || {
            gateway.get(page).await.body.contains(words).then_some(())
        })
        .await;
    }
}

async fn say(gateway: &Gateway, arguments: &[&str], words: &str) {
    let mut command = tokio::process::Command::from(process::command(gateway.settings()));
    let said = command.args(arguments).output().await.unwrap();
    let out = String::from_utf8(said.stdout).unwrap();
    assert!(out.contains(words), "{out}");
}

async fn counts(gateway: &Gateway, series: &str) -> bool {
    gateway.get("/metrics").await.body.lines().any(|line| line == series)
}

#[tokio::test]
async fn what_was_taken_in_is_called_so_until_its_path_brings_it() {
    let (tenant, _) = tenant().await;
    let (target, settings) = delivering().await;
    let gateway = follow(&tenant, following(&tenant, settings)).await;
    let changes = updates(1);
    let id = changes[0].webhook.id.as_str();
    tenant.handle.lose_next(Path::Webhook, 1);
    tenant.handle.happen(&changes[0]).await;
    heard(&gateway, 1).await;
    assert_eq!(judged(&gateway, 1).await["backfilled"], 1);
    gateway.delivered().await;
    assert_eq!(target.came()[0].header("twinstream-path"), "events-api");
    let story = gateway.get(&format!("/api/v1/events/{id}")).await.json();
    assert_eq!((&story["rescued"], &story["backfilled"]), (&json!(true), &json!(true)), "{story}");
    assert_eq!(story["webhook_at"], json!(null));
    assert_eq!(story["arrivals"][0]["backfilled"], true);
    pages_say(&gateway, id, "taken in from the Events API").await;
    say(&gateway, &["events", "show", id], "taken in from the Events API: no path brought it")
        .await;
    say(&gateway, &["events", "list"], "taken in +").await;
    assert!(counts(&gateway, "twinstream_backfilled_events_total 1").await);
    let accepted = "twinstream_arrivals_total{path=\"webhook\",outcome=\"accepted\"}";
    assert!(counts(&gateway, &format!("{accepted} 0")).await);

    // Auth0 sends its backlog: the webhook has not lost it.
    let door = gateway.webhook.unwrap();
    assert_eq!(http::post(door, &changes[0].webhook.json).await.status, 204);
    assert!(counts(&gateway, &format!("{accepted} 1")).await);
    let story = gateway.get(&format!("/api/v1/events/{id}")).await.json();
    assert_eq!((&story["rescued"], &story["duplicates"]), (&json!(false), &json!(0)));
    assert_ne!(story["webhook_at"], json!(null));
    assert_eq!(target.came().len(), 1, "it is delivered once");
    gateway.stop().await;
    tenant.end().await;
}

#[tokio::test]
async fn what_was_asked_for_did_come_by_webhook_and_is_none_of_its_arrivals() {
    let (tenant, _) = tenant().await;
    let (target, settings) = delivering().await;
    let gateway = Gateway::start(of_tenant(&tenant, settings)).await;
    let changes = updates(1);
    let id = changes[0].webhook.id.as_str();
    reach_nobody(&tenant);
    tenant.handle.happen(&changes[0]).await;
    reach(&tenant, &gateway);
    assert_eq!(pass(&gateway, json!({})).await["asked"]["ids"], json!([id]));
    gateway.arrived(1).await;
    gateway.delivered().await;
    assert_eq!(target.came()[0].header("twinstream-path"), "webhook");
    let story = gateway.get(&format!("/api/v1/events/{id}")).await.json();
    assert_eq!((&story["rescued"], &story["backfilled"]), (&json!(true), &json!(false)));
    assert_eq!(story["webhook_at"], json!(null));
    pages_say(&gateway, id, "asked for by reconcile").await;
    say(&gateway, &["events", "show", id], "asked for by reconcile: the webhook had lost it").await;
    gateway.stop().await;
    tenant.end().await;
}
