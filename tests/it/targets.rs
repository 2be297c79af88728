//! What is particular to each target: its rate, its headers, where it may be, what it is sent, and who
//! may pause it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use http::HeaderMap;
use serde_json::Value;
use twinstream::delivery::{Destination, HttpTarget, Retries};
use twinstream::routing::Transform;
use twinstream::telemetry::BreakerState;

use crate::event_bus;
use crate::support::cloud::Cloud;
use crate::support::dispatching::{Choices, Dispatching};
use crate::support::event::event;
use crate::support::gateway::Gateway;
use crate::support::settings::Settings;
use crate::support::target::{Behaviour, Fragile, Target};
use crate::support::until;

/// The answers that were recorded.
fn statuses(delivery: &twinstream::journal::DeliveryStory) -> Vec<Option<u16>> {
    delivery.attempts.iter().map(|attempt| attempt.status).collect()
}

#[tokio::test]
async fn a_target_gets_no_more_than_its_rate() {
    let target = Target::up().await;
    let choices =
        Choices::new(&target.url()).with(|choices| choices.target.limits.rate = Some(20.0));
    let started = Instant::now();
    let dispatching = Dispatching::start(choices);
    for user in 0..60 {
        dispatching.accept(&event(&format!("evt_{user:02}"), user, 1)).await;
    }
    until("all of them", async || (target.came().len() == 60).then_some(())).await;
    // One second's worth at once, and then 40 at 20 a second.
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(1_900), "60 at 20 a second in {took:?}");
    dispatching.stop().await;
}

#[tokio::test]
async fn a_target_has_no_more_attempts_at_once_than_it_may() {
    let target = Target::start(|_, _| Behaviour::Stall).await;
    let choices = Choices::new(&target.url()).with(|choices| choices.target.limits.concurrency = 3);
    let dispatching = Dispatching::start(choices);
    for user in 0..10 {
        dispatching.accept(&event(&format!("evt_{user}"), user, 1)).await;
    }
    dispatching.target_is("busy", |target| target.under_way == 3).await;
    until("three requests", async || (target.came().len() == 3).then_some(())).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(target.came().len(), 3);
    dispatching.stop().await;
}

#[tokio::test]
async fn first_attempts_come_before_retries_and_starve_none() {
    const BUSY: u32 = 400;
    // Whatever is repeated is repeated for ever; new ones are taken.
    let target = Target::start(|_, delivery| {
        Behaviour::Answer(if delivery.id().starts_with("evt_again") { 429 } else { 204 })
    })
    .await;
    let choices = Choices::new(&target.url()).with(|choices| {
        choices.target.retry.max_attempts = 100_000;
        choices.target.retry.pause_min = Duration::from_nanos(1);
        choices.target.retry.pause_max = Duration::from_nanos(1);
    });
    let dispatching = Dispatching::start(choices);
    for user in 0..8 {
        dispatching.accept(&event(&format!("evt_again_{user}"), user, 1)).await;
    }
    until("the first retries", async || (target.came().len() > 16).then_some(())).await;
    dispatching.pause(true).await;
    dispatching.target_is("paused", |target| target.paused_since.is_some()).await;
    dispatching.target_is("idle", |target| target.under_way == 0).await;
    for user in 0..BUSY {
        dispatching.accept(&event(&format!("evt_new_{user}"), 1_000 + user, 1)).await;
    }
    let before = target.came().len();
    dispatching.pause(false).await;
    dispatching.is(&format!("evt_new_{}", BUSY - 1), "delivered").await;
    let came = target.came().split_off(before);
    let is_new = |id: &str| id.starts_with("evt_new");
    let last_new = came.iter().rposition(|came| is_new(came.id())).unwrap();
    let retries = came[..last_new].iter().filter(|came| !is_new(came.id())).count();
    // One place in eight, give or take those that were under way.
    assert!((30..80).contains(&retries), "{retries} retries among {BUSY} new ones");
    dispatching.stop().await;
}

#[tokio::test]
async fn statuses_of_retry_on_are_tried_again() {
    let answers = [404, 409, 404, 204];
    let target = Target::start(move |number, _| Behaviour::Answer(answers[number])).await;
    let more = r#"retry_on = [404, 409], pause_min = "1ms", pause_max = "5ms""#;
    let settings = Settings::new("webhook").deliver_with("app", &target.url(), &[], more);
    let gateway = Gateway::start(settings).await;
    assert_eq!(gateway.post(&event("evt_1", 1, 1).body()).await.status, 204);
    gateway.delivered().await;
    let story = gateway.story("evt_1").await.unwrap();
    assert_eq!(statuses(&story.deliveries[0]), answers.map(Some));
    assert_eq!(story.deliveries[0].state, "delivered");
    gateway.stop().await;
}

#[tokio::test]
async fn what_a_target_answers_is_kept_without_its_secrets() {
    let target = Target::start(|number, _| match number {
        0 => Behaviour::Say(503, "try\nlater"),
        _ => Behaviour::Say(422, r#"{"error":"no user ada@example.com","token":"s3cr3t"}"#),
    })
    .await;
    let dispatching = Dispatching::start(Choices::new(&target.url()));
    dispatching.accept(&event("evt_1", 1, 1)).await;
    let delivery = dispatching.is("evt_1", "dead").await;
    let answers: Vec<_> =
        delivery.attempts.iter().map(|attempt| attempt.answer.as_deref()).collect();
    let last = r#"{"error":"no user [redacted]","token":"[redacted]"}"#;
    assert_eq!(answers, [Some("try later"), Some(last)]);
    dispatching.stop().await;
}

#[tokio::test]
async fn what_a_target_says_of_a_success_is_not_kept() {
    let target = Target::start(|_, _| Behaviour::Say(200, "thank you")).await;
    let dispatching = Dispatching::start(Choices::new(&target.url()));
    dispatching.accept(&event("evt_1", 1, 1)).await;
    let delivery = dispatching.is("evt_1", "delivered").await;
    assert_eq!(delivery.attempts[0].answer, None);
    dispatching.stop().await;
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_where_only_public_addresses_are_allowed() {
    let target = Target::up().await;
    let url = target.url().replace("127.0.0.1", "localhost");
    let more = r#"public_only = true, pause_min = "1ms", pause_max = "5ms""#;
    let settings = Settings::new("webhook").deliver_with("app", &url, &[], more).deliver_with(
        "free",
        &url,
        &[],
        r#"timeout = "30s""#,
    );
    let gateway = Gateway::start(settings).await;
    assert_eq!(gateway.post(&event("evt_1", 1, 1).body()).await.status, 204);
    let error = until("an attempt", async || {
        let deliveries = gateway.story("evt_1").await?.deliveries;
        let delivery = deliveries.into_iter().find(|delivery| delivery.target == "app")?;
        delivery.attempts.first()?.error.clone()
    })
    .await;
    assert!(error.contains("`localhost` has no public address: "), "{error}");
    assert!(error.contains("is loopback (RFC "), "{error}");
    // The same name is no obstacle for a target that may be anywhere.
    until("the other one", async || (!target.came().is_empty()).then_some(())).await;
    assert!(target.came().iter().all(|came| came.header("twinstream-route") == "to-free"));
    gateway.stop().await;
}

#[tokio::test]
async fn an_address_that_is_not_public_makes_no_target() {
    let choices = Choices::new("http://169.254.169.254/latest/meta-data");
    let Destination::Http(mut http) = choices.target.destination.clone() else {
        panic!("no HTTP target")
    };
    http.public_only = true;
    let error = HttpTarget::new(&choices.target, http).unwrap_err();
    assert!(error.to_string().contains("169.254.169.254 is link-local"), "{error}");
}

#[tokio::test]
async fn a_targets_own_headers_are_sent_beside_ours() {
    let target = Target::up().await;
    let more = r#"headers = { "X-App" = { env = "APP" }, authorization = { env = "BASIC" } },
        timeout = "5s""#;
    let settings = Settings::new("webhook")
        .deliver_with("app", &target.url(), &[], more)
        .variable("APP", "a value")
        .variable("BASIC", "Basic dXNlcjpwYXNz");
    let gateway = Gateway::start(settings).await;
    assert_eq!(gateway.post(&event("evt_1", 1, 1).body()).await.status, 204);
    gateway.delivered().await;
    let came = target.came();
    assert_eq!(came[0].header("x-app"), "a value");
    assert_eq!(came[0].header("authorization"), "Basic dXNlcjpwYXNz");
    assert_eq!(came[0].id(), "evt_1");
    let ours = |headers: &HeaderMap| headers.get_all("webhook-id").iter().count();
    assert_eq!(ours(&came[0].headers), 1);
    assert!(came[0].header("user-agent").starts_with("twinstream/"));
    gateway.stop().await;
}

async fn a_bus_gets_each_event(cloud: Cloud) {
    const EVENTS: u64 = 24;
    let bus = format!("orders-{:x}", fastrand::u64(..));
    event_bus::connect(&cloud, &bus, r#"{"source": ["com.example.auth"]}"#).await;
    let endpoint_url = &cloud.endpoint_url;
    let settings = Settings::new("webhook")
        .set(
            "targets",
            &format!(
                r#"[{{ name = "orders", event_bus = "{bus}", source = "com.example.auth",
                    endpoint_url = "{endpoint_url}" }}]"#
            ),
        )
        .set("routes", r#"[{ name = "to-orders", target = "orders" }]"#);
    let gateway = Gateway::start(settings).await;
    for number in 0..EVENTS {
        let user = u32::try_from(number % 4).unwrap();
        let body = event(&format!("evt_{user}_{number:02}"), user, number).body();
        assert_eq!(gateway.post(&body).await.status, 204);
    }
    gateway.delivered().await;
    let counts = gateway.counts().await;
    assert_eq!(counts.deliveries, [("to-orders".into(), "delivered".into(), EVENTS)]);
    let mut ids = BTreeSet::new();
    until("all of them behind the rule", async || {
        let call = cloud.client.receive_message().queue_url(&cloud.queue_url);
        let received = call.max_number_of_messages(10).send().await.unwrap();
        for message in received.messages.unwrap_or_default() {
            let envelope: Value = serde_json::from_str(&message.body.unwrap()).unwrap();
            assert_eq!(envelope["detail-type"], "user.updated");
            ids.insert(envelope["detail"]["id"].as_str().unwrap().to_owned());
        }
        (u64::try_from(ids.len()).unwrap() == EVENTS).then_some(())
    })
    .await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_bus_gets_each_event_at_the_stand_in() {
    a_bus_gets_each_event(Cloud::stand_in().await).await;
}

#[tokio::test]
async fn a_bus_gets_each_event_at_the_emulator() {
    a_bus_gets_each_event(Cloud::emulator_with(&[]).await).await;
}

#[tokio::test]
async fn a_bus_that_is_not_there_is_a_target_that_is_down() {
    let cloud = Cloud::stand_in().await;
    let endpoint_url = &cloud.endpoint_url;
    let settings = Settings::new("webhook")
        .set(
            "targets",
            &format!(
                r#"[{{ name = "orders", event_bus = "orders", endpoint_url = "{endpoint_url}",
                    pause_min = "1ms", pause_max = "5ms", breaker_failures = 3,
                    breaker_pause = "50ms", max_attempts = 4 }}]"#
            ),
        )
        .set("routes", r#"[{ name = "to-orders", target = "orders" }]"#);
    let gateway = Gateway::start(settings).await;
    assert_eq!(gateway.post(&event("evt_1", 1, 1).body()).await.status, 204);
    let story = until("more attempts than count", async || {
        gateway.story("evt_1").await.filter(|story| story.deliveries[0].attempts.len() > 5)
    })
    .await;
    assert_eq!(story.deliveries[0].state, "retrying");
    let error = story.deliveries[0].attempts[0].error.clone();
    assert_eq!(error.as_deref(), Some("there is no such event bus"));
    event_bus::connect(&cloud, "orders", r#"{"source": ["twinstream"]}"#).await;
    gateway.delivered().await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_paused_target_gets_nothing_until_it_is_resumed() {
    let target = Target::up().await;
    let mut dispatching = Dispatching::start(Choices::new(&target.url()));
    dispatching.pause(true).await;
    dispatching.accept(&event("evt_1", 1, 1)).await;
    dispatching.target_is("paused", |target| target.paused_since.is_some()).await;
    // Nor by the next process.
    dispatching = dispatching.restart(Duration::ZERO).await;
    dispatching.accept(&event("evt_2", 2, 1)).await;
    dispatching.target_is("paused", |target| target.paused_since.is_some()).await;
    assert_eq!(target.came(), []);
    dispatching.pause(false).await;
    dispatching.is("evt_1", "delivered").await;
    dispatching.is("evt_2", "delivered").await;
    dispatching.target_is("resumed", |target| target.paused_since.is_none()).await;
    dispatching.stop().await;
}

#[tokio::test]
async fn nothing_ages_while_its_target_is_paused() {
    let target =
        Target::start(|number, _| Behaviour::Answer(if number == 0 { 503 } else { 204 })).await;
    let dispatching = Dispatching::start(Choices::new(&target.url()));
    dispatching.pause(true).await;
    dispatching.accept(&event("evt_1", 1, 1)).await;
    dispatching.target_is("paused", |target| target.paused_since.is_some()).await;
    dispatching.clock.advance(Duration::from_hours(48));
    dispatching.pause(false).await;
    let delivery = dispatching.is("evt_1", "delivered").await;
    assert_eq!(statuses(&delivery), [Some(503), Some(204)]);
    dispatching.stop().await;
}

#[tokio::test]
async fn an_event_that_comes_after_newer_ones_says_so() {
    let target = Target::up().await;
    let dispatching = Dispatching::start(Choices::new(&target.url()));
    dispatching.accept(&event("evt_new", 1, 2)).await;
    dispatching.is("evt_new", "delivered").await;
    dispatching.accept(&event("evt_old", 1, 1)).await;
    assert!(dispatching.is("evt_old", "delivered").await.late);
    let late: Vec<_> =
        target.came().iter().map(|came| came.header("twinstream-late").to_owned()).collect();
    assert_eq!(late, ["", "true"]);
    dispatching.stop().await;
}

#[tokio::test]
async fn a_route_with_a_transform_sends_what_that_makes() {
    let target = Target::up().await;
    let paths = BTreeMap::from([("user".to_owned(), "$.data.object.user_id".to_owned())]);
    let transform = Transform::parse(&paths, r#"{"user": <user>}"#).unwrap();
    let choices = Choices::new(&target.url()).with(|choices| choices.transform = Some(transform));
    let dispatching = Dispatching::start(choices);
    dispatching.accept(&event("evt_1", 1, 1)).await;
    dispatching.is("evt_1", "delivered").await;
    let came = target.came();
    assert_eq!(came[0].body, r#"{"user": "auth0|1"}"#);
    assert_eq!(came[0].header("content-type"), "application/json");
    assert_eq!(came[0].id(), "evt_1");
    dispatching.stop().await;
}

#[tokio::test]
async fn an_event_that_no_body_can_be_made_of_is_dead_without_an_attempt() {
    let fragile = Fragile::down().await;
    // Twice as long as may be for a long name.
    let paths = BTreeMap::from([("name".to_owned(), "$.data.object.name".to_owned())]);
    let template = format!("\"{}\"", "<name>".repeat(1_000));
    let transform = Transform::parse(&paths, &template).unwrap();
    let choices = Choices::new(&fragile.target.url()).with(|choices| {
        choices.transform = Some(transform);
        choices.target.limits.concurrency = 1;
    });
    let dispatching = Dispatching::start(choices);
    let named = |id: &str, user, name: &str| {
        let mut event = event(id, user, 1);
        event.0["data"]["object"]["name"] = name.into();
        event
    };
    dispatching.accept(&named("evt_1", 1, "Ada")).await;
    dispatching.target_is("down", |target| target.breaker != BreakerState::Closed).await;
    dispatching.accept(&named("evt_2", 2, &"Ada".repeat(700))).await;
    // Even as a probe, whose place is another's then.
    let dead = dispatching.is("evt_2", "dead").await;
    assert_eq!(dead.attempts, []);
    let reason = "transforming the event: the transformed event has more than 1048576 bytes";
    assert_eq!(dead.reason.as_deref(), Some(reason));
    fragile.set_down(false);
    dispatching.is("evt_1", "delivered").await;
    dispatching.stop().await;
}

#[tokio::test]
async fn where_the_queue_retries_everything_that_failed_goes_back_to_it() {
    for status in [400, 503] {
        let target = Target::start(move |_, _| Behaviour::Answer(status)).await;
        let choices = Choices::new(&target.url()).with(|choices| {
            choices.retries = Retries::Queue;
            choices.target.retry.max_attempts = 1;
        });
        let dispatching = Dispatching::start(choices);
        dispatching.accept(&event("evt_1", 1, 1)).await;
        let delivery = dispatching.is("evt_1", "returned").await;
        assert_eq!(statuses(&delivery), [Some(status)]);
        dispatching.stop().await;
    }
}
