//! Delivery to HTTP targets: signed, retried, in order, and never forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::support::event::event;
use crate::support::gateway::Gateway;
use crate::support::settings::{SIGNING_SECRET, Settings};
use crate::support::target::{Behaviour, Delivery, Target};
use crate::support::until;

async fn gateway(target: &Target) -> Gateway {
    Gateway::start(Settings::new("webhook").deliver("app", &target.url(), &[])).await
}

async fn post(gateway: &Gateway, id: &str, user: u32, number: u64) {
    assert_eq!(gateway.post(&event(id, user, number).body()).await.status, 204);
}

/// How the one delivery of an event ended: state, reason, statuses of the attempts.
async fn ended(gateway: &Gateway, id: &str) -> (String, Option<String>, Vec<Option<u16>>) {
    gateway.delivered().await;
    let story = gateway.story(id).await.unwrap();
    let delivery = &story.deliveries[0];
    let statuses = delivery.attempts.iter().map(|attempt| attempt.status).collect();
    (delivery.state.to_owned(), delivery.reason.clone(), statuses)
}

/// As a receiver would check it, by the specification and not by our own code.
fn signature_is_good(delivery: &Delivery) -> bool {
    let key = STANDARD.decode(SIGNING_SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    let (id, timestamp) = (delivery.id(), delivery.header("webhook-timestamp"));
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(&delivery.body);
    let signature = delivery.header("webhook-signature").strip_prefix("v1,").unwrap();
    mac.verify_slice(&STANDARD.decode(signature).unwrap()).is_ok()
}

#[tokio::test]
async fn a_delivery_is_the_signed_cloud_event_as_it_came() {
    let target = Target::up().await;
    let gateway = gateway(&target).await;
    let body = format!(" {} ", event("evt_1", 1, 1).body());
    assert_eq!(gateway.post(&body).await.status, 204);
    gateway.delivered().await;
    let came = target.came();
    assert_eq!(came.len(), 1);
    assert_eq!(came[0].body, body);
    assert_eq!(came[0].id(), "evt_1");
    assert!(signature_is_good(&came[0]));
    let now = twinstream::clock::Clock::System.now().as_seconds();
    let stamped: i64 = came[0].header("webhook-timestamp").parse().unwrap();
    assert!((now - stamped).abs() < 120);
    assert_eq!(came[0].header("content-type"), "application/cloudevents+json; charset=UTF-8");
    assert_eq!(came[0].header("twinstream-path"), "webhook");
    assert_eq!(came[0].header("twinstream-route"), "to-app");
    assert_eq!(ended(&gateway, "evt_1").await, ("delivered".into(), None, vec![Some(204)]));
    gateway.stop().await;
}

#[tokio::test]
async fn routes_take_the_types_they_name() {
    let (users, all) = (Target::up().await, Target::up().await);
    let settings = Settings::new("webhook")
        .deliver("users", &users.url(), &["user.updated", "user.deleted"])
        .deliver("all", &all.url(), &[]);
    let gateway = Gateway::start(settings).await;
    for (number, kind) in ["user.updated", "user.created", "brand.new"].iter().enumerate() {
        let event = event(&format!("evt_{number}"), 1, 1).with("type", *kind);
        assert_eq!(gateway.post(&event.body()).await.status, 204);
    }
    gateway.delivered().await;
    let ids = |target: &Target| target.came().iter().map(|came| came.id().to_owned()).collect();
    let (users, all): (BTreeSet<String>, BTreeSet<String>) = (ids(&users), ids(&all));
    assert_eq!(users, BTreeSet::from(["evt_0".to_owned()]));
    assert_eq!(all.len(), 3);
    gateway.stop().await;
}

#[tokio::test]
async fn what_may_succeed_later_is_tried_again_under_the_same_id() {
    let answers = [408, 425, 429, 500, 503, 204];
    let target = Target::start(move |number, _| Behaviour::Answer(answers[number])).await;
    let gateway = gateway(&target).await;
    post(&gateway, "evt_1", 1, 1).await;
    let statuses = answers.map(Some).to_vec();
    assert_eq!(ended(&gateway, "evt_1").await, ("delivered".into(), None, statuses));
    let came = target.came();
    assert_eq!(came.len(), 6);
    assert!(came.iter().all(|one| one.id() == "evt_1" && one.body == came[0].body));
    assert!(came.iter().all(signature_is_good));
    gateway.stop().await;
}

#[tokio::test]
async fn what_will_never_succeed_is_dead_at_once() {
    for (behaviour, status, reason) in [
        (Behaviour::Answer(400), 400, "the target answered 400"),
        (Behaviour::Answer(404), 404, "the target answered 404"),
        (Behaviour::Redirect, 302, "the target answered 302; redirects are not followed"),
    ] {
        let target = Target::start(move |_, _| behaviour).await;
        let gateway = gateway(&target).await;
        post(&gateway, "evt_1", 1, 1).await;
        let expected = ("dead".into(), Some(reason.into()), vec![Some(status)]);
        assert_eq!(ended(&gateway, "evt_1").await, expected);
        assert_eq!(target.came().len(), 1);
        gateway.stop().await;
    }
}

#[tokio::test]
async fn it_is_dead_after_so_many_attempts_or_at_such_an_age() {
    let down = Target::start(|_, _| Behaviour::Answer(500)).await;
    let cases = [
        ("max_attempts = 3, pause_min = \"1ms\", pause_max = \"1ms\"", "every attempt failed"),
        (
            "max_age = \"100ms\", pause_min = \"80ms\", pause_max = \"80ms\"",
            "too old for another attempt",
        ),
    ];
    for (more, reason) in cases {
        let settings = Settings::new("webhook").deliver_with("app", &down.url(), &[], more);
        let gateway = Gateway::start(settings).await;
        post(&gateway, "evt_1", 1, 1).await;
        let (state, why, statuses) = ended(&gateway, "evt_1").await;
        assert_eq!((state.as_str(), why.as_deref()), ("dead", Some(reason)));
        if reason == "every attempt failed" {
            assert_eq!(statuses.len(), 3);
        }
        gateway.stop().await;
    }
}

#[tokio::test]
async fn retry_after_is_waited_for() {
    let target =
        Target::start(
            |number, _| {
                if number == 0 { Behaviour::ComeBack(2) } else { Behaviour::Answer(204) }
            },
        )
        .await;
    let gateway = gateway(&target).await;
    let started = Instant::now();
    post(&gateway, "evt_1", 1, 1).await;
    gateway.delivered().await;
    assert!(started.elapsed() >= Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(target.came().len(), 2);
    gateway.stop().await;
}

#[tokio::test]
async fn a_target_that_does_not_answer_is_tried_again() {
    let target = Target::start(
        |number, _| {
            if number == 0 { Behaviour::Stall } else { Behaviour::Answer(200) }
        },
    )
    .await;
    let more = "timeout = \"200ms\", pause_min = \"1ms\", pause_max = \"1ms\"";
    let settings = Settings::new("webhook").deliver_with("app", &target.url(), &[], more);
    let gateway = Gateway::start(settings).await;
    post(&gateway, "evt_1", 1, 1).await;
    let (state, _, statuses) = ended(&gateway, "evt_1").await;
    assert_eq!((state.as_str(), statuses), ("delivered", vec![None, Some(200)]));
    let story = gateway.story("evt_1").await.unwrap();
    let error = story.deliveries[0].attempts[0].error.clone().unwrap();
    assert!(error.contains("timed out"), "{error}");
    gateway.stop().await;
}

#[tokio::test]
async fn a_target_that_is_down_and_comes_up_gets_everything_under_one_id_each() {
    const EVENTS: u32 = 60;
    let mut target = Target::up().await;
    let gateway = gateway(&target).await;
    for number in 0..EVENTS {
        match number {
            20 => target.go_down().await,
            // Some attempts fail while it is down.
            40 => until("a failed attempt", async || failed_attempts(&gateway).await).await,
            _ => {}
        }
        post(&gateway, &format!("evt_{number}"), number % 10, u64::from(number)).await;
    }
    target.come_up();
    gateway.delivered().await;
    let mut bodies: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for came in target.came() {
        assert!(signature_is_good(&came));
        let body = String::from_utf8(came.body.to_vec()).unwrap();
        bodies.entry(body).or_default().insert(came.id().to_owned());
    }
    assert_eq!(bodies.len(), usize::try_from(EVENTS).unwrap(), "every event was delivered");
    for (body, ids) in &bodies {
        assert_eq!(ids.len(), 1, "one event under several ids {ids:?}: {body}");
    }
    let counts = gateway.counts().await;
    assert_eq!(counts.deliveries, [("to-app".into(), "delivered".into(), u64::from(EVENTS))]);
    gateway.stop().await;
}

async fn failed_attempts(gateway: &Gateway) -> Option<()> {
    let metrics = gateway.get("/metrics").await.body;
    let line = "twinstream_delivery_attempts_total{target=\"app\",outcome=\"retry\"}";
    metrics.contains(line).then_some(())
}

#[tokio::test]
async fn what_was_not_delivered_survives_a_restart() {
    let mut target = Target::up().await;
    let first = gateway(&target).await;
    target.go_down().await;
    for number in 0..20 {
        post(&first, &format!("evt_{number}"), number, u64::from(number)).await;
    }
    until("a failed attempt", async || failed_attempts(&first).await).await;
    let settings = first.stop().await;
    target.come_up();
    let second = Gateway::start(settings).await;
    second.delivered().await;
    let ids: BTreeSet<String> = target.came().iter().map(|came| came.id().to_owned()).collect();
    assert_eq!(ids.len(), 20);
    second.stop().await;
}

#[tokio::test]
async fn one_subject_is_delivered_one_at_a_time_and_in_order_beside_the_others() {
    const OF_EACH: u64 = 12;
    // Every third attempt fails, so that order has to survive retries.
    let target = Target::start(|number, _| {
        if number % 3 == 2 {
            Behaviour::Answer(503)
        } else {
            Behaviour::Slow(Duration::from_millis(5))
        }
    })
    .await;
    let gateway = gateway(&target).await;
    for number in 0..OF_EACH {
        for user in 0..4 {
            post(&gateway, &format!("evt_{user}_{number:02}"), user, number).await;
        }
    }
    gateway.delivered().await;
    let mut of_user: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for came in target.came() {
        let user = came.id()[..5].to_owned();
        let ids = of_user.entry(user).or_default();
        // A repeated attempt follows the failed one with nothing of its subject between them.
        if ids.last().is_none_or(|last| last != came.id()) {
            ids.push(came.id().to_owned());
        }
    }
    assert_eq!(of_user.len(), 4);
    for ids in of_user.values() {
        assert_eq!(u64::try_from(ids.len()).unwrap(), OF_EACH);
        assert!(ids.is_sorted(), "{ids:?}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_target_that_hangs_holds_up_no_other() {
    let hangs = Target::start(|_, _| Behaviour::Stall).await;
    let works = Target::up().await;
    let settings = Settings::new("webhook")
        .deliver_with("hangs", &hangs.url(), &[], "concurrency = 1, timeout = \"60s\"")
        .deliver("works", &works.url(), &[]);
    let gateway = Gateway::start(settings).await;
    for number in 0..20 {
        post(&gateway, &format!("evt_{number}"), number, 1).await;
    }
    until("all at the one that works", async || (works.came().len() == 20).then_some(())).await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_journal_that_hangs_makes_no_attempt_time_out() {
    let target = Target::start(|_, _| Behaviour::Slow(Duration::from_millis(1_200))).await;
    let settings = Settings::new("webhook")
        .deliver_with("app", &target.url(), &[], r#"timeout = "1500ms""#)
        .set("webhook.commit_deadline", "5s")
        .set("journal.busy_timeout", "4s");
    let gateway = Gateway::start(settings).await;
    post(&gateway, "evt_1", 1, 1).await;
    until("an attempt under way", async || (!target.came().is_empty()).then_some(())).await;
    let other = rusqlite::Connection::open(gateway.settings().journal()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // The answer comes meanwhile; only that it came can't be written down.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);
    assert_eq!(ended(&gateway, "evt_1").await, ("delivered".into(), None, vec![Some(204)]));
    assert_eq!(target.came().len(), 1);
    gateway.stop().await;
}
