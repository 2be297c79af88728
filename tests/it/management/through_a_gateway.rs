//! Test events and rotations through a real gateway, from Auth0 to the journal.

use std::time::Duration;

use serde_json::json;
use twinstream::sim::auth0::management;

use super::commands::{BOTH, changes, named, setup};
use super::{ENDPOINT, Tenant, settings};
use crate::support::cloud::Cloud;
use crate::support::gateway::Gateway;
use crate::support::settings::{Settings, TOKEN};

const OLD_AND_NEW: &str =
    r#"[{ label = "old", env = "TOKEN" }, { label = "new", env = "NEW_TOKEN" }]"#;

fn door(gateway: &Gateway) -> String {
    format!("http://{}/webhooks/auth0", gateway.webhook.unwrap())
}

/// A configuration with the old secret alone.
fn of_webhooks(settings: Settings, tenant: &Tenant) -> Settings {
    let settings = named(settings, tenant).variable("NEW_TOKEN", "new-token-9876543210");
    settings.set("webhook.secrets", r#"[{ label = "old", env = "TOKEN" }]"#)
}

/// A gateway that the tenant posts to.
async fn gateway_of(settings: Settings, tenant: &Tenant) -> Gateway {
    let gateway = Gateway::start(settings).await;
    tenant.handle.reach(ENDPOINT, &door(&gateway));
    gateway
}

#[tokio::test]
async fn an_event_of_the_test_call_arrives_by_each_path() {
    let cloud = Cloud::stand_in().await;
    let aws = Some(cloud.handle().clone());
    let tenant = Tenant::start_with(management::Settings { aws, ..settings() }).await;
    let both = Settings::new("both").queue(&cloud.endpoint_url, &cloud.queue_url);
    let gateway = gateway_of(of_webhooks(both, &tenant), &tenant).await;
    let asked = |words: &str| format!("{words} --admin {}", gateway.admin);
    setup(gateway.settings(), BOTH).await.check(0, "created");

    // The source is pending: Auth0 sends, and AWS drops it.
    let lost = setup(gateway.settings(), &asked("test eventbridge --within 1s")).await;
    lost.check(1, "`twinstream setup aws --dry-run` tells whether the source is pending");

    let source = tenant.handle.streams()[1].source.clone().unwrap();
    let queue = cloud.queue_url.rsplit('/').next().unwrap();
    cloud.handle().connect_partner(&source, queue).unwrap();
    let told = setup(gateway.settings(), &asked("test --type user.updated")).await;
    told.check(0, "webhook: evt_");
    told.check(0, "eventbridge: evt_");
    let json = setup(gateway.settings(), &asked("test webhook --json")).await.json();
    let test = &json["tests"][0];
    assert_eq!((test["arrived"].as_bool(), test["path"].as_str()), (Some(true), Some("webhook")));
    let story = gateway.story(test["event"].as_str().unwrap()).await.unwrap();
    assert!(story.summary.test, "it is kept out of the comparison");
    gateway.stop().await;
    tenant.end().await;
}

#[tokio::test]
async fn a_test_event_that_does_not_come_says_why() {
    let tenant = Tenant::start().await;
    let gateway = gateway_of(of_webhooks(Settings::new("webhook"), &tenant), &tenant).await;
    let asked = |words: &str| format!("{words} --admin {}", gateway.admin);
    setup(gateway.settings(), &asked("test")).await.check(1, "there is no event stream");
    // Made with another secret than the door takes.
    let wrong = of_webhooks(Settings::new("webhook"), &tenant).variable("TOKEN", "wrong");
    setup(&wrong, "streams --yes").await.check(0, "created");
    let refused = setup(gateway.settings(), &asked("test --within 1s")).await;
    refused.check(1, "Auth0 could not deliver it: HTTP 401");
    setup(gateway.settings(), "disable --yes").await.check(0, "updated");
    setup(gateway.settings(), &asked("test")).await.check(1, "is switched off, and sends nothing");
    let asked = setup(gateway.settings(), "test --admin 127.0.0.1:1").await;
    asked.check(3, "no gateway answers");
    gateway.stop().await;
    tenant.end().await;
}

#[tokio::test]
async fn a_secret_is_changed_only_when_the_running_gateway_takes_the_new_one() {
    let tenant = Tenant::start().await;
    let gateway = gateway_of(of_webhooks(Settings::new("webhook"), &tenant), &tenant).await;
    setup(gateway.settings(), "streams --yes").await.check(0, "created");
    let both =
        || of_webhooks(Settings::new("webhook"), &tenant).set("webhook.secrets", OLD_AND_NEW);
    let rotate = |gateway: &Gateway, more: &str| {
        let (door, admin) = (door(gateway), gateway.admin);
        format!("streams --rotate --yes --door {door} --admin {admin} {more}")
    };
    let either = setup(&both(), &rotate(&gateway, "")).await;
    either.check(
        2,
        "say with --to LABEL which secret Auth0 is to get: good for equally long are `old`, `new`",
    );
    let early = setup(&both(), &rotate(&gateway, "--to new")).await;
    early.check(1, "nothing was changed: the running gateway does not take the secret `new` yet");
    let same = both().variable("NEW_TOKEN", TOKEN);
    setup(&same, &rotate(&gateway, "--to new")).await.check(2, "are one and the same text");
    setup(&both(), &rotate(&gateway, "--to none")).await.check(2, "none with the label `none`");
    let elsewhere = both().set("auth0.webhook_url", "https://other.example.com/webhooks/auth0");
    let other = setup(&elsewhere, &rotate(&gateway, "--to new")).await;
    other.check(
        2,
        "and auth0.webhook_url is https://other.example.com/webhooks/auth0; make them one",
    );
    // What is not rotated is looked at as well.
    let only_new = both().set("webhook.secrets", r#"[{ label = "new", env = "NEW_TOKEN" }]"#);
    let unrotated = format!("streams --set-secret --yes --door {}", door(&gateway));
    let refused = setup(&only_new, &unrotated).await;
    refused.check(1, "nothing was changed: the running gateway does not take the secret `new` yet");
    assert_eq!(changes(&tenant).len(), 1, "the stream was made, and no more");
    gateway.stop().await;

    let gateway = gateway_of(both(), &tenant).await;
    let dry = rotate(&gateway, "--to new").replace("--yes", "--dry-run");
    setup(gateway.settings(), &dry).await.check(0, "secret: set to `new`, which the gateway takes");
    assert_eq!(changes(&tenant).len(), 1);
    let done = setup(gateway.settings(), &rotate(&gateway, "--to new")).await;
    done.check(0, "Auth0 proves itself with `new` now: a test event arrived by it after");
    done.check(0, "Nothing needs `old` any more");
    done.check(0, "not_after = \"20");
    let status = gateway.get("/api/v1/status").await.json();
    let labels: Vec<&str> = status["secrets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["label"].as_str().unwrap())
        .collect();
    assert_eq!(labels, ["new"], "Auth0 has used no other");
    let back = setup(gateway.settings(), &rotate(&gateway, "--to old --json")).await.json();
    assert_eq!(back["result"]["retire"], json!(["new"]));
    let [_, there, _, here, _] = changes(&tenant).try_into().unwrap();
    let token = "/destination/configuration/webhook_authorization/token";
    let sent =
        |request: &management::Recorded| request.body.as_ref().unwrap().pointer(token).cloned();
    assert_eq!(sent(&there), Some(json!("new-token-9876543210")));
    assert_eq!(sent(&here), Some(json!(TOKEN)));
    gateway.stop().await;
    tenant.end().await;
}

#[tokio::test]
async fn the_old_secret_is_kept_until_a_test_event_arrives_by_the_new_one() {
    let tenant = Tenant::start().await;
    let settings =
        of_webhooks(Settings::new("webhook"), &tenant).set("webhook.secrets", OLD_AND_NEW);
    let gateway = gateway_of(settings, &tenant).await;
    setup(gateway.settings(), "streams --yes").await.check(0, "created");
    let (door, admin) = (door(&gateway), gateway.admin);
    let words =
        format!("streams --rotate --yes --door {door} --admin {admin} --to old --within 1s");
    tenant.handle.send_old_secrets(true);
    let by_other = setup(gateway.settings(), &words).await;
    by_other.check(1, "test events arrive, and after 1 s none by the secret `old`");
    by_other
        .check(1, "Auth0 has the secret `old` now: leave it and the old one in the configuration");
    // That it was used once, before, is no proof.
    let by_other = setup(gateway.settings(), &words.replace("--to old", "--to new")).await;
    by_other.check(1, "test events arrive, and after 1 s none by the secret `new`");
    // Auth0 changes to the new secret a while later.
    let handle = tenant.handle.clone();
    let later = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(2)).await;
        handle.send_old_secrets(false);
    });
    let patient = words.replace(" --within 1s", "");
    setup(gateway.settings(), &patient).await.check(0, "Auth0 proves itself with `old` now");
    later.await.unwrap();

    tenant.handle.reach(ENDPOINT, "http://127.0.0.1:1/");
    let lost = setup(gateway.settings(), &words).await;
    lost.check(
        1,
        "a test event has not arrived within 1 s. Auth0 could not deliver it: no connection",
    );
    lost.check(1, "Auth0 has the secret `old` now: leave it and the old one in the configuration");
    let nobody = words.replace(&door, "http://127.0.0.1:1/x");
    setup(gateway.settings(), &nobody).await.check(3, "no webhook door answers");
    let other = words.replace(&door, &format!("http://{admin}/healthz"));
    setup(gateway.settings(), &other).await.check(3, "no webhook door of this version");
    setup(gateway.settings(), "disable --yes").await.check(0, "updated");
    let off = setup(gateway.settings(), &words).await;
    off.check(1, "nothing was changed: `twinstream-webhook` is switched off");
    gateway.stop().await;
    tenant.end().await;
}
