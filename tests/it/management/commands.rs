//! `twinstream setup auth0` against a tenant: streams, switches, state.

use serde_json::Value;
use twinstream::sim::auth0::management::Recorded;

use super::{CLIENT_SECRET, DOMAIN, ENDPOINT, Tenant, updates};
use crate::support::cli::Said;
use crate::support::process;
use crate::support::settings::{Settings, TOKEN};
use crate::support::target::{Behaviour, Target};

/// A configuration that names the tenant.
pub(crate) fn named(settings: Settings, tenant: &Tenant) -> Settings {
    settings
        .set("auth0.domain", DOMAIN)
        .set("auth0.endpoint_url", &tenant.handle.url())
        .set("auth0.client_id", "client")
        .set("auth0.client_secret", r#"{ env = "CLIENT" }"#)
        .set("auth0.webhook_url", ENDPOINT)
        .set("auth0.event_types", r#"["user.created", "user.updated"]"#)
        .variable("CLIENT", CLIENT_SECRET)
}

/// Runs `twinstream setup auth0` with these words, to its end.
pub(crate) async fn setup(settings: &Settings, words: &str) -> Said {
    let mut command = process::command(settings);
    command.args(["setup", "auth0"]).args(words.split_whitespace());
    let output = tokio::process::Command::from(command).output().await.unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    let said = Said { code: output.status.code(), bytes: output.stdout, err };
    let all = format!("{}{}", said.out(), said.err);
    for secret in [CLIENT_SECRET, TOKEN, "token-1"] {
        assert!(!all.contains(secret), "a secret is shown: {all}");
    }
    said
}

pub(crate) const BOTH: &str = "streams --yes --aws-account 000000000000 --aws-region us-east-1";

/// What was changed, the oldest first.
pub(crate) fn changes(tenant: &Tenant) -> Vec<Recorded> {
    let mut all = tenant.handle.recorded();
    all.retain(|one| one.method != "GET" && one.path != "/oauth/token");
    all
}

#[tokio::test]
async fn both_streams_are_made_once_however_often_it_is_run() {
    let tenant = Tenant::start().await;
    let settings = named(Settings::new("both"), &tenant);
    let nowhere = setup(&settings, "streams --yes").await;
    nowhere.check(2, "say with --aws-account and --aws-region where it is to send to");
    let region = settings.set("eventbridge.region", "eu-central-1");
    let dry = setup(&region, "streams --dry-run --aws-account 123456789012").await;
    dry.check(0, "+ webhook stream twinstream-webhook");
    dry.check(0, "AWS account 123456789012, region eu-central-1");
    dry.check(0, "2 to create");
    setup(&region, "streams --aws-account 123456789012").await.check(2, "nothing was done");
    assert_eq!(changes(&tenant), []);

    let done = setup(&region, BOTH).await;
    done.check(0, "[2/2] EventBridge stream twinstream-eventbridge created");
    let streams = tenant.handle.streams();
    let source = streams[1].source.clone().unwrap();
    done.check(0, &source);
    done.check(0, "`twinstream setup aws` next");
    let made = changes(&tenant);
    assert_eq!(made.len(), 2);
    let authorization = "/destination/configuration/webhook_authorization";
    let sent = made[0].body.as_ref().unwrap().pointer(authorization).unwrap();
    assert_eq!(*sent, serde_json::json!({ "method": "bearer", "token": TOKEN }));

    let again = setup(&region, BOTH).await;
    again.check(0, "Nothing to do: everything is as it should be.");
    again.check(0, "Auth0 never tells a stream's secret");
    let json = setup(&region, "streams --yes --json").await.json();
    assert_eq!(
        (&json["done"], &json["steps"][0]["change"]),
        (&Value::from(false), &Value::from("keep"))
    );
    let moved = setup(&region, "streams --yes --aws-account 999999999999").await;
    moved.check(0, "Auth0 lets nobody change that");
    assert_eq!(changes(&tenant).len(), 2, "nothing more was changed");
    tenant.end().await;
}

#[tokio::test]
async fn what_differs_is_changed_and_a_secret_only_when_that_is_asked_for() {
    let tenant = Tenant::start().await;
    let settings = named(Settings::new("webhook"), &tenant);
    let made = setup(&settings, "streams --yes --json").await.json();
    assert_eq!(made["result"]["streams"][0]["name"], "twinstream-webhook");
    let settings = settings.set("auth0.event_types", r#"["user.updated", "user.deleted"]"#);
    let changed = setup(&settings, "streams --yes").await;
    changed.check(0, "subscription: + user.deleted");
    changed.check(0, "subscription: - user.created");
    assert_eq!(tenant.handle.streams()[0].event_types, ["user.updated", "user.deleted"]);
    let last = changes(&tenant).pop().unwrap().body.unwrap();
    assert_eq!(last.as_object().unwrap().keys().collect::<Vec<_>>(), ["subscriptions"]);
    let refused = setup(&settings, "streams --yes --set-secret --door http://127.0.0.1:1/x").await;
    refused.check(3, "nothing was changed: no webhook door answers at http://127.0.0.1:1/x");
    let last = changes(&tenant).pop().unwrap().body.unwrap();
    assert_eq!(last.as_object().unwrap().keys().collect::<Vec<_>>(), ["subscriptions"]);
    let unchecked = setup(&settings, "streams --yes --set-secret --unchecked").await;
    unchecked.check(0, "secret: set to `test`");
    let last = changes(&tenant).pop().unwrap().body.unwrap();
    assert_eq!(last.as_object().unwrap().keys().collect::<Vec<_>>(), ["destination"]);
    let elsewhere = settings.set("auth0.webhook_url", "https://other.example.com/in");
    let moved = setup(&elsewhere, "streams --yes --unchecked").await;
    moved.check(0, &format!("endpoint: {ENDPOINT} → https://other.example.com/in"));
    moved.check(0, "auth0.webhook_url has the path /in, the door has /webhooks/auth0");
    tenant.end().await;
}

#[tokio::test]
async fn streams_are_switched_off_and_on() {
    let tenant = Tenant::start().await;
    let settings = named(Settings::new("both"), &tenant);
    setup(&settings, "disable --yes")
        .await
        .check(1, "there is no event stream `twinstream-webhook`");
    setup(&settings, BOTH).await.check(0, "created");
    setup(&settings, "disable webhook --dry-run").await.check(0, "status: enabled → disabled");
    let off = setup(&settings, "disable webhook --yes").await;
    off.check(0, "is not kept for a stream that is switched off");
    let enabled =
        || tenant.handle.streams().iter().map(|stream| stream.enabled).collect::<Vec<_>>();
    assert_eq!(enabled(), [false, true]);
    setup(&settings, "streams --yes").await.check(0, "`twinstream setup auth0 enable webhook`");
    assert_eq!(enabled(), [false, true], "somebody may have meant it");
    setup(&settings, "enable --yes").await.check(0, "1 to update");
    assert_eq!(enabled(), [true, true]);
    setup(&settings, "enable --yes").await.check(0, "Nothing to do");
    tenant.end().await;
}

#[tokio::test]
async fn the_state_of_the_streams_is_told_with_how_near_they_are_to_being_switched_off() {
    let tenant = Tenant::start().await;
    let settings = named(Settings::new("both"), &tenant);
    setup(&settings, "status")
        .await
        .check(1, "no events come by twinstream-webhook, twinstream-eventb");
    setup(&settings, BOTH).await.check(0, "created");
    let target = Target::start(|_, _| Behaviour::Answer(400)).await;
    tenant.handle.reach(ENDPOINT, &target.url());
    for change in &updates(3) {
        tenant.handle.happen(change).await;
    }
    setup(&settings, "status").await.check(0, "≥ 497");
    let json = setup(&settings, "status --json").await.json();
    let webhook = &json["streams"][0];
    assert_eq!((webhook["failed"].as_u64(), webhook["more"].as_bool()), (Some(3), Some(false)));
    assert_eq!(webhook["failures_left_at_least"], 497);
    assert_eq!(webhook["stream"]["destination"]["endpoint"], ENDPOINT);
    assert_eq!(json["streams"][1]["failures_left_at_least"], 500);
    setup(&settings, "disable eventbridge --yes").await.check(0, "updated");
    setup(&settings, "status").await.check(1, "no events come by twinstream-eventbridge");
    tenant.end().await;
}

#[tokio::test]
async fn what_is_missing_is_named_with_what_to_do() {
    let tenant = Tenant::start().await;
    setup(&Settings::new("webhook"), "status").await.check(2, "set auth0.domain");
    let settings = named(Settings::new("webhook"), &tenant);
    tenant.handle.take_scope("create:event_streams");
    let scope = setup(&settings, "streams --yes").await;
    scope.check(2, "the permission create:event_streams of the Management API");
    let settings = settings.set("auth0.client_id", "another");
    let stranger = setup(&settings, "status").await;
    stranger.check(2, "check auth0.domain, auth0.client_id and auth0.client_secret");
    let settings = named(Settings::new("webhook"), &tenant).set("auth0.webhook_url", "");
    setup(&settings, "streams --yes").await.check(2, "auth0.webhook_url is missing");
    let settings = named(Settings::new("webhook"), &tenant).variable("TOKEN", "");
    setup(&settings, "streams --yes").await.check(2, "the secret `test` of webhook.secrets");
    tenant.end().await;
    let settings = settings.set("auth0.endpoint_url", "http://127.0.0.1:1");
    setup(&settings, "status").await.check(3, "no answer from Auth0");
}
