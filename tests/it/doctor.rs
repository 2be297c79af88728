//! `twinstream doctor`, as the executable: everything is broken once, one thing at a time, and that thing
//! alone is told, with what mends it.

use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::Value;
use twinstream::provision::auth0::StreamChanges;
use twinstream::provision::doctor::door::{self, Credential};
use twinstream::provision::doctor::{Check, State};
use twinstream::sim::auth0::faults::Skew;
use twinstream::sim::aws::Faults;

use crate::management::{CLIENT_SECRET, DOMAIN, ENDPOINT, Tenant, webhook_stream};
use crate::setup_aws::{Bench, SOURCE, section};
use crate::support::cli::{self, Said};
use crate::support::gateway::Gateway;
use crate::support::settings::{Settings, TOKEN};

/// What doctor says of these places.
async fn doctor(gateway: &Gateway, places: &[&str]) -> Said {
    let only: Vec<&str> = places.iter().flat_map(|place| ["--only", place]).collect();
    cli::ask(gateway.settings(), gateway.admin, &[&["doctor", "--json"], &only[..]].concat()).await
}

/// The checks that came out so, by what they are of.
fn of_state<'a>(document: &'a Value, state: &str) -> Vec<&'a Value> {
    let sections = document["sections"].as_array().unwrap().iter();
    let checks = sections.flat_map(|section| section["checks"].as_array().unwrap());
    checks.filter(|check| check["state"] == state).collect()
}

/// Exactly this is wrong, and this mends it.
#[track_caller]
fn check_wrong(said: &Said, what: &str, command: &str) {
    assert_eq!(said.code, Some(1), "{}{}", said.out(), said.err);
    let document: Value = serde_json::from_slice(&said.bytes).unwrap();
    let wrong = of_state(&document, "bad");
    let whats: Vec<&str> = wrong.iter().map(|check| check["what"].as_str().unwrap()).collect();
    assert!(whats.len() == 1 && whats[0].starts_with(what), "{what}: {wrong:#?}");
    let found = wrong[0]["command"].as_str().unwrap_or_default();
    assert!(found.starts_with(command), "{what}: {found}");
    assert!(!wrong[0]["advice"].as_str().unwrap().is_empty());
}

/// A gateway on what `setup aws` made.
async fn wired() -> (Bench, Gateway) {
    let bench = Bench::stand_in().await;
    let printed = section(&bench.run_well(&["--yes"]).await);
    let mut settings = Settings::new("eventbridge");
    for (key, value) in &printed {
        settings = settings.set(&format!("eventbridge.{key}"), value.as_str().unwrap());
    }
    let gateway = Gateway::start(settings).await;
    gateway.ready().await;
    (bench, gateway)
}

#[tokio::test]
async fn what_setup_made_is_good() {
    let (_bench, gateway) = wired().await;
    let said = doctor(&gateway, &["host", "gateway", "aws"]).await;
    let document = said.json();
    assert_eq!(
        (&document["wrong"], &document["not_asked"]),
        (&0.into(), &0.into()),
        "{document:#}"
    );
    assert!(document["good"].as_u64() > Some(15), "{document:#}");
    let page = cli::ask(gateway.settings(), gateway.admin, &["doctor", "--only", "aws"]).await;
    page.check(0, &format!("good   partner event source {SOURCE}: ACTIVE"));
    let all = cli::ask(gateway.settings(), gateway.admin, &["doctor"]).await;
    all.check(0, "?      Management API: auth0.domain is empty");
    gateway.stop().await;
}

#[tokio::test]
async fn what_is_broken_at_aws_is_told_and_set_right_by_setup() {
    const SETUP: &str = "twinstream setup aws";
    let (bench, gateway) = wired().await;
    let url = gateway.settings().environment["TWINSTREAM__EVENTBRIDGE__QUEUE_URL"].clone();
    let once = r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:auth0-events-dead-letters","maxReceiveCount":"1"}"#;
    for (attribute, text, what) in [
        ("VisibilityTimeout", "5", "visibility time-out"),
        ("RedrivePolicy", once, "dead-letter queue of the queue"),
        ("RedrivePolicy", "", "dead-letter queue of the queue"),
        ("Policy", "", "rule twinstream: queue policy"),
    ] {
        let call = bench.queues.set_queue_attributes().queue_url(&url);
        call.attributes(QueueAttributeName::from(attribute), text).send().await.unwrap();
        check_wrong(&doctor(&gateway, &["aws"]).await, what, SETUP);
        bench.run_well(&["--yes"]).await;
    }
    let exact = r#"{"source": ["aws.partner/auth0.com"]}"#;
    let rule = bench.events.put_rule().name("twinstream").event_bus_name(SOURCE);
    rule.event_pattern(exact).send().await.unwrap();
    check_wrong(&doctor(&gateway, &["aws"]).await, "rule twinstream: pattern", SETUP);
    bench.run_well(&["--yes"]).await;
    let off = bench.events.disable_rule().name("twinstream").event_bus_name(SOURCE);
    off.send().await.unwrap();
    let enable = "aws events enable-rule";
    check_wrong(&doctor(&gateway, &["aws"]).await, "rule twinstream: state", enable);
    bench.run_well(&["--yes"]).await;

    let pending = "aws.partner/auth0.com/other-2/auth0.events";
    bench.handle().offer_partner_source(pending).unwrap();
    let said = doctor(&gateway, &["aws"]).await;
    let document = said.json();
    let looks = of_state(&document, "look");
    assert_eq!(looks[0]["what"], format!("partner event source {pending}"), "it may be another's");
    assert_eq!(said.code, Some(0));
    bench.handle().withdraw_partner_source(pending);

    let denied_operations = vec!["events:ListEventSources".to_owned()];
    bench.handle().set_faults(Faults { denied_operations, ..Faults::default() });
    let said = doctor(&gateway, &["aws"]).await;
    check_wrong(&said, "partner event source", "");
    assert!(said.out().contains("the permission events:ListEventSources"), "{}", said.out());
    bench.handle().set_faults(Faults::default());
    assert_eq!(doctor(&gateway, &["aws"]).await.code, Some(0));
    gateway.stop().await;
}

#[tokio::test]
async fn what_is_broken_at_auth0_is_told() {
    let tenant = Tenant::start().await;
    let made = tenant.api().create_stream(&webhook_stream("twinstream-webhook")).await.unwrap();
    let settings = Settings::new("webhook")
        .set("auth0.domain", DOMAIN)
        .set("auth0.endpoint_url", &tenant.handle.url())
        .set("auth0.client_id", "client")
        .set("auth0.client_secret", r#"{ env = "CLIENT_SECRET" }"#)
        .set("auth0.webhook_url", ENDPOINT)
        .variable("CLIENT_SECRET", CLIENT_SECRET);
    let gateway = Gateway::start(settings).await;
    let said = doctor(&gateway, &["auth0"]).await;
    assert_eq!(said.json()["wrong"], 0, "{}", said.out());

    let enabled = |enabled| StreamChanges { enabled: Some(enabled), ..StreamChanges::default() };
    tenant.api().update_stream(&made.id, &enabled(false)).await.unwrap();
    let said = doctor(&gateway, &["auth0"]).await;
    check_wrong(&said, "webhook stream", "twinstream setup auth0 enable webhook");
    tenant.api().update_stream(&made.id, &enabled(true)).await.unwrap();

    tenant.handle.skew("+30s".parse().unwrap());
    let said = doctor(&gateway, &["auth0"]).await;
    check_wrong(&said, "clock against Auth0's", "timedatectl");
    tenant.handle.skew(Skew::default());

    tenant.handle.take_scope("read:events");
    let document = doctor(&gateway, &["auth0"]).await.json();
    let looks = of_state(&document, "look");
    assert_eq!(looks[0]["what"], "scope read:events", "{document:#}");
    tenant.api().delete_stream(&made.id).await.unwrap();
    let said = doctor(&gateway, &["auth0"]).await;
    check_wrong(&said, "webhook stream", "twinstream setup auth0");
    gateway.stop().await;
    tenant.end().await;
}

/// The checks that are not good, by what they are of.
fn not_good(checks: &[Check]) -> Vec<&str> {
    let others = checks.iter().filter(|check| check.found_to_be != State::Good);
    others.map(|check| check.what.as_str()).collect()
}

#[tokio::test]
async fn a_real_door_answers_as_doctor_expects_and_keeps_nothing_of_it() {
    let gateway = Gateway::start(Settings::new("webhook")).await;
    let of = |label: &str, secret: &str| Credential {
        label: label.to_owned(),
        header: door::header_of("bearer", ""),
        value: format!("Bearer {secret}").into(),
    };
    let address = |path: &str| -> url::Url {
        format!("http://{}{path}", gateway.webhook.unwrap()).parse().unwrap()
    };
    let credentials = [of("right", TOKEN), of("wrong", "no")];
    let found = door::checks(&door::look(address("/webhooks/auth0"), &credentials).await);
    // There is no TLS on loopback.
    assert_eq!(not_good(&found), ["public address of the webhook door", "secret wrong"]);
    let elsewhere = door::checks(&door::look(address("/elsewhere"), &[]).await);
    assert!(not_good(&elsewhere).contains(&"without a secret"), "{elsewhere:?}");
    let counts = gateway.counts().await;
    assert_eq!((counts.arrivals.len(), counts.quarantined.len()), (0, 0));
    gateway.stop().await;
}

#[tokio::test]
async fn a_configuration_that_cannot_be_used_is_told_key_by_key() {
    let settings = Settings::new("webhook").set("webhook.secrets", "[]");
    let gateway = Gateway::start(Settings::new("webhook")).await;
    let said = cli::ask(&settings, gateway.admin, &["doctor", "--only", "host"]).await;
    said.check(1, "WRONG  webhook.secrets");
    said.check(1, "$ twinstream check-config");
    gateway.stop().await;
}
