//! The third observer: what Auth0 could not deliver is asked for, and what it tells of is judged.

mod asking;
mod judging;
mod rescued;

use std::net::TcpListener;

use secrecy::SecretString;
use serde_json::{Value, json};
use twinstream::event::Path;
use twinstream::provision::auth0::{Authorization, NewDestination, NewStream, StreamChanges};
use twinstream::sim::auth0::Change;

use crate::management::{CLIENT_SECRET, DOMAIN, ENDPOINT, Tenant, updates, webhook_stream};
use crate::support::cli;
use crate::support::cloud::Cloud;
use crate::support::gateway::Gateway;
use crate::support::process;
use crate::support::settings::{Settings, TOKEN};
use crate::support::target::{Behaviour, Target};
use crate::support::until;

/// Settings with the tenant's Management API.
fn of_tenant(tenant: &Tenant, settings: Settings) -> Settings {
    settings
        .set("auth0.domain", DOMAIN)
        .set("auth0.endpoint_url", &tenant.handle.url())
        .set("auth0.client_id", "client")
        .set("auth0.client_secret", r#"{ env = "CLIENT_SECRET" }"#)
        .set("auth0.event_types", r#"["user.created", "user.updated"]"#)
        .set("reconcile.rate", "10.0")
        .variable("CLIENT_SECRET", CLIENT_SECRET)
}

/// A tenant with a webhook stream that posts to a gateway, once it is told where.
async fn tenant() -> (Tenant, String) {
    tenant_with(crate::management::settings()).await
}

async fn tenant_with(settings: twinstream::sim::auth0::management::Settings) -> (Tenant, String) {
    let tenant = Tenant::start_with(settings).await;
    let token = SecretString::from(TOKEN);
    let stream = NewStream {
        destination: NewDestination::Webhook {
            endpoint: ENDPOINT.parse().unwrap(),
            authorization: Authorization::Bearer { token },
        },
        ..webhook_stream("twinstream-webhook")
    };
    let stream = tenant.api().create_stream(&stream).await.unwrap();
    (tenant, stream.id)
}

/// An application that takes everything, and settings that deliver to it.
async fn delivering() -> (Target, Settings) {
    let target = Target::start(|_, _| Behaviour::Answer(204)).await;
    let settings = Settings::new("webhook").deliver("app", &target.url(), &[]);
    (target, settings)
}

/// The stream's webhooks reach this gateway.
fn reach(tenant: &Tenant, gateway: &Gateway) {
    let door = gateway.webhook.unwrap();
    tenant.handle.reach(ENDPOINT, &format!("http://{door}/webhooks/auth0"));
}

/// Nobody answers the stream's webhooks.
fn reach_nobody(tenant: &Tenant) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    tenant.handle.reach(ENDPOINT, &format!("http://{free}/"));
}

/// Orders a pass, and waits for its end.
async fn pass(gateway: &Gateway, order: Value) -> Value {
    let mut order = order;
    order["who"] = json!("kim");
    order["why"] = json!("a test");
    let taken = gateway.order("/api/v1/reconcile", &order).await;
    assert_eq!(taken.status, 202, "{}", taken.body);
    let ticket = taken.json()["ticket"].clone();
    let last = until("the end of the pass", async || {
        let status = gateway.get("/api/v1/reconcile").await.json();
        let ordered = status["ordered"].as_array().cloned().unwrap_or_default();
        ordered.into_iter().find(|pass| pass["ticket"] == ticket)
    })
    .await;
    assert_eq!(last["error"], Value::Null, "{last}");
    last
}

async fn compared(gateway: &Gateway) -> Value {
    gateway.settled().await;
    gateway.get("/api/v1/compare?from=2026-01-01T00:00:00Z").await.json()
}

#[tokio::test]
async fn what_failed_is_asked_for_once_and_is_no_arrival_of_the_path() {
    let (tenant, _) = tenant().await;
    let (target, settings) = delivering().await;
    let gateway = Gateway::start(of_tenant(&tenant, settings)).await;
    let changes = updates(3);
    reach(&tenant, &gateway);
    tenant.handle.happen(&changes[0]).await;
    reach_nobody(&tenant);
    tenant.handle.happen(&changes[1]).await;
    tenant.handle.happen(&changes[2]).await;
    reach(&tenant, &gateway);

    let dry = pass(&gateway, json!({ "dry_run": true })).await;
    assert_eq!((&dry["asked"]["listed"], &dry["asked"]["chosen"]), (&json!(2), &json!(2)));
    assert_eq!(dry["asked"]["ids"].as_array().unwrap().len(), 2);
    assert_eq!(dry["streams"]["webhook"]["failures"], 2);
    assert!(gateway.story(&changes[1].webhook.id).await.is_none(), "a dry run asks for nothing");

    let one = pass(&gateway, json!({ "most": 1 })).await;
    assert_eq!((&one["asked"]["chosen"], &one["asked"]["left"]), (&json!(1), &json!(1)));
    gateway.arrived(2).await;
    let other = pass(&gateway, json!({})).await;
    assert_eq!(other["asked"]["ids"], json!([changes[2].webhook.id]));
    gateway.arrived(3).await;
    gateway.delivered().await;
    assert_eq!(target.came().len(), 3, "each is delivered once");
    let document = compared(&gateway).await;
    assert_eq!(document["excluded"]["rescued"], 2);
    assert_eq!(document["paths"]["webhook"]["seen"], 1);
    let metrics = gateway.get("/metrics").await.body;
    assert!(metrics.contains("twinstream_stream_enabled{path=\"webhook\"} 1"), "{metrics}");
    gateway.stop().await;
    tenant.end().await;
}

#[tokio::test]
async fn what_the_other_path_brought_is_not_asked_for() {
    let (tenant, stream) = tenant().await;
    let cloud = Cloud::stand_in().await;
    let settings = Settings::new("both").queue(&cloud.endpoint_url, &cloud.queue_url);
    let gateway = Gateway::start(of_tenant(&tenant, settings)).await;
    let changes = updates(2);
    reach_nobody(&tenant);
    for change in &changes {
        tenant.handle.happen(change).await;
    }
    cloud.send(changes[0].eventbridge.json.clone()).await;
    gateway.arrived(1).await;
    // It failed, and its stream is off: nothing may be asked for.
    let off = StreamChanges { enabled: Some(false), ..StreamChanges::default() };
    tenant.api().update_stream(&stream, &off).await.unwrap();
    let held = pass(&gateway, json!({})).await;
    assert_eq!((&held["asked"]["known"], &held["asked"]["chosen"]), (&json!(1), &json!(1)));
    assert_eq!(held["asked"]["ids"], json!([]));
    assert!(held["asked"]["held_back"].as_str().unwrap().contains("switched off"));
    let on = StreamChanges { enabled: Some(true), ..StreamChanges::default() };
    tenant.api().update_stream(&stream, &on).await.unwrap();
    reach(&tenant, &gateway);
    let asked = pass(&gateway, json!({})).await;
    assert_eq!(asked["asked"]["ids"], json!([changes[1].webhook.id]));
    gateway.stop().await;
    tenant.end().await;
}

/// Waits until so many events were told of, since the start.
async fn heard(gateway: &Gateway, events: u64) -> Value {
    until("the Events API", async || {
        let following = gateway.get("/api/v1/reconcile").await.json()["following"].clone();
        let enough = following["connected"] == true && following["events"].as_u64() >= Some(events);
        enough.then_some(following)
    })
    .await
}

fn following(tenant: &Tenant, settings: Settings) -> Settings {
    of_tenant(tenant, settings)
        .set("reconcile.every", "24h")
        .set("reconcile.follow", "true")
        .set("reconcile.backfill", "true")
}

/// A gateway that follows a tenant's Events API, and is heard by it.
async fn follow(tenant: &Tenant, settings: Settings) -> Gateway {
    let gateway = Gateway::start(settings).await;
    reach(tenant, &gateway);
    heard(&gateway, 0).await;
    gateway
}

/// Every witnessed event is old enough to be judged.
async fn judged(gateway: &Gateway, events: u64) -> Value {
    until("the judgement", async || {
        let witnesses = pass(gateway, json!({})).await["witnesses"].clone();
        (witnesses["events"] == events && witnesses["waiting"] == 0).then_some(witnesses)
    })
    .await
}

#[tokio::test]
async fn what_every_path_lost_is_taken_in_from_the_events_api_and_put_down_to_who_lost_it() {
    let (tenant, _) = tenant().await;
    let (target, settings) = delivering().await;
    let gateway = follow(&tenant, following(&tenant, settings)).await;
    let changes: Vec<Change> = updates(4);
    tenant.handle.happen(&changes[0]).await;
    tenant.handle.lose_next(Path::Webhook, 1);
    tenant.handle.happen(&changes[1]).await;
    heard(&gateway, 2).await;
    let witnesses = judged(&gateway, 2).await;
    assert_eq!(witnesses["fates"]["webhook"]["seen"], 1);
    assert_eq!(witnesses["fates"]["webhook"]["lost_auth0"], 1);
    assert_eq!(witnesses["fates"]["eventbridge"]["unused"], 2);
    assert_eq!((&witnesses["lost"], &witnesses["backfilled"]), (&json!(1), &json!(1)));
    gateway.delivered().await;
    let came: Vec<String> =
        target.came().iter().map(|came| came.header("webhook-id").to_owned()).collect();
    assert_eq!(came, [changes[0].webhook.id.clone(), changes[1].webhook.id.clone()]);
    assert_eq!(compared(&gateway).await["excluded"]["rescued"], 1);

    // What happens while no gateway runs is told of afterwards: it is taken up where it broke off.
    let settings = gateway.stop().await;
    reach_nobody(&tenant);
    tenant.handle.happen(&changes[2]).await;
    let gateway = Gateway::start(settings).await;
    reach(&tenant, &gateway);
    heard(&gateway, 1).await;
    let witnesses = judged(&gateway, 3).await;
    assert_eq!(witnesses["fates"]["webhook"]["lost_us"], 1);
    until("its delivery", async || (target.came().len() == 3).then_some(())).await;

    // What Auth0 has forgotten meanwhile is a gap that is told, and what comes then is heard.
    let settings = gateway.stop().await;
    tenant.handle.expire_offsets();
    let gateway = Gateway::start(settings).await;
    reach(&tenant, &gateway);
    let gap = heard(&gateway, 0).await;
    assert_ne!(gap["gap_until"], Value::Null);
    tenant.handle.happen(&changes[3]).await;
    heard(&gateway, 1).await;
    assert_eq!(judged(&gateway, 4).await["fates"]["webhook"]["seen"], 2);
    gateway.delivered().await;
    assert_eq!(target.came().len(), 4, "each is delivered once");
    gateway.stop().await;
    tenant.end().await;
}

#[tokio::test]
async fn what_a_restored_backup_lacks_is_taken_in_again() {
    let (tenant, _) = tenant().await;
    let (_target, settings) = delivering().await;
    let gateway = follow(&tenant, following(&tenant, settings)).await;
    let changes = updates(2);
    tenant.handle.happen(&changes[0]).await;
    heard(&gateway, 1).await;
    let copy = gateway.settings().file("copy.db").to_str().unwrap().to_owned();
    let journal = async |settings: &Settings, verb: &str| {
        let mut command = tokio::process::Command::from(process::command(settings));
        let status = command.args(["journal", verb, &copy]).status().await.unwrap();
        assert_eq!(status.code(), Some(0), "{verb}");
    };
    journal(gateway.settings(), "backup").await;
    tenant.handle.happen(&changes[1]).await;
    heard(&gateway, 2).await;
    gateway.delivered().await;
    let settings = gateway.stop().await;
    journal(&settings, "restore").await;
    let gateway = Gateway::start(settings).await;
    reach(&tenant, &gateway);
    assert!(gateway.story(&changes[1].webhook.id).await.is_none(), "the backup was made before it");
    heard(&gateway, 1).await;
    let witnesses = judged(&gateway, 2).await;
    assert_eq!((&witnesses["lost"], &witnesses["backfilled"]), (&json!(1), &json!(1)));
    assert!(gateway.story(&changes[1].webhook.id).await.is_some());
    gateway.stop().await;
    tenant.end().await;
}

#[tokio::test]
async fn the_command_tells_a_stranger_what_was_done() {
    let (tenant, stream) = tenant().await;
    let gateway = Gateway::start(of_tenant(&tenant, Settings::new("webhook"))).await;
    let changes = updates(2);
    reach_nobody(&tenant);
    tenant.handle.happen(&changes[0]).await;
    reach(&tenant, &gateway);
    let run = async |flags: &[&str]| {
        cli::ask(gateway.settings(), gateway.admin, &[&["reconcile"], flags].concat()).await
    };
    let dry = run(&["--dry-run"]).await;
    dry.check(0, "1 would be asked for, of 1 that are lacking");
    dry.check(0, "1 failed, 1 of them in a row; 499 more switch it off");
    run(&[]).await.check(2, "--why");
    run(&["--why", "a test"]).await.check(0, "1 asked for, of 1 that are lacking");
    gateway.arrived(1).await;
    let status = run(&["--status", "--json"]).await.json();
    assert_eq!(status["asked"]["chosen"], 1);
    reach_nobody(&tenant);
    tenant.handle.happen(&changes[1]).await;
    let off = StreamChanges { enabled: Some(false), ..StreamChanges::default() };
    tenant.api().update_stream(&stream, &off).await.unwrap();
    run(&["--why", "a test"]).await.check(1, "SWITCHED OFF");
    gateway.stop().await;
    tenant.end().await;
}

#[tokio::test]
async fn without_a_tenant_there_is_nobody_to_ask() {
    let gateway = Gateway::start(Settings::new("webhook")).await;
    let refused = gateway.get("/api/v1/reconcile").await;
    assert_eq!(refused.status, 404);
    assert!(refused.body.contains("[auth0]"), "{}", refused.body);
    gateway.stop().await;
}
