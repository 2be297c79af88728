//! Targets that are down for a while: they are left alone, nothing dies of it, and what gathered comes
//! afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use twinstream::delivery::BreakerRule;
use twinstream::event::RouteOrder;
use twinstream::journal::{LetterFilter, LetterPlan};
use twinstream::telemetry::BreakerState;

use crate::support::dispatching::{Choices, Dispatching, NAME};
use crate::support::event::event;
use crate::support::gateway::Gateway;
use crate::support::settings::Settings;
use crate::support::store::START;
use crate::support::target::{Behaviour, Delivery, Fragile, Target};
use crate::support::until;

/// The ids in the order in which they came, those that came again in a row once.
fn ids(target: &Target) -> Vec<String> {
    let mut ids: Vec<String> = target.came().iter().map(|came| came.id().to_owned()).collect();
    ids.dedup();
    ids
}

async fn metric(gateway: &Gateway, sample: &str) -> Option<u64> {
    let metrics = gateway.get("/metrics").await.body;
    let line = metrics.lines().find_map(|line| line.strip_prefix(sample));
    line.and_then(|value| value.trim().parse().ok())
}

#[tokio::test]
async fn a_target_that_is_down_is_left_alone_and_gets_everything_in_order_afterwards() {
    const EVENTS: u64 = 48;
    const USERS: u64 = 8;
    const DOWN_FOR: Duration = Duration::from_secs(2);
    let fragile = Fragile::down().await;
    let more = r#"breaker_failures = 3, breaker_pause = "100ms", concurrency = 4,
        max_attempts = 6, pause_min = "1ms", pause_max = "10ms""#;
    let settings = Settings::new("webhook").deliver_with("app", &fragile.target.url(), &[], more);
    let gateway = Gateway::start(settings).await;
    let started = Instant::now();
    for number in 0..EVENTS {
        let user = u32::try_from(number % USERS).unwrap();
        let event = event(&format!("evt_{user}_{number:02}"), user, number);
        assert_eq!(gateway.post(&event.body()).await.status, 204);
    }
    let state = r#"twinstream_target_breaker_state{target="app"} "#;
    until("the breaker to open", async || metric(&gateway, state).await.filter(|at| *at > 0)).await;
    tokio::time::sleep(DOWN_FOR.saturating_sub(started.elapsed())).await;
    // Retried alone, at some 5 ms each, eight users' events would come a thousand times. With the
    // breaker: those that open it, those under way then, and probes from 50 ms on.
    let came = fragile.target.came().len();
    assert!(came < 60, "{came} requests while it was down");
    fragile.set_down(false);
    gateway.delivered().await;
    let counts = gateway.counts().await;
    assert_eq!(counts.deliveries, [("to-app".into(), "delivered".into(), EVENTS)]);
    let mut of_user: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for id in ids(&fragile.target) {
        let ids = of_user.entry(id[..5].to_owned()).or_default();
        if ids.last() != Some(&id) {
            ids.push(id);
        }
    }
    for ids in of_user.values() {
        assert_eq!(ids.len(), usize::try_from(EVENTS / USERS).unwrap());
        assert!(ids.is_sorted(), "{ids:?}");
    }
    until("the breaker to close", async || metric(&gateway, state).await.filter(|at| *at == 0))
        .await;
    let opened = r#"twinstream_target_breaker_openings_total{target="app"} "#;
    assert_eq!(metric(&gateway, opened).await, Some(1));
    let uncounted = r#"twinstream_delivery_attempts_total{target="app",outcome="uncounted"} "#;
    assert!(metric(&gateway, uncounted).await.unwrap() > 0);
    gateway.stop().await;
}

#[tokio::test]
async fn an_outage_of_days_burns_neither_attempts_nor_age() {
    let mut target = Target::up().await;
    target.go_down().await;
    let choices = Choices::new(&target.url()).with(|choices| choices.target.limits.concurrency = 1);
    let dispatching = Dispatching::start(choices);
    dispatching.accept(&event("evt_1", 1, 1)).await;
    dispatching.target_is("down", |target| target.breaker != BreakerState::Closed).await;
    // Four days, and more attempts than a delivery has.
    for attempts in 1..=8 {
        until("an attempt", async || {
            let made = dispatching.delivery("evt_1").await.attempts.len();
            (made >= attempts).then_some(())
        })
        .await;
        dispatching.clock.advance(Duration::from_hours(12));
    }
    assert_eq!(dispatching.delivery("evt_1").await.state, "retrying");
    let state = dispatching.target();
    assert_ne!(state.breaker, BreakerState::Closed);
    assert!(state.down_because.is_some_and(|because| because.contains("onnect")));
    target.come_up();
    let delivery = dispatching.is("evt_1", "delivered").await;
    assert_eq!(delivery.attempts.last().unwrap().status, Some(204));
    dispatching.target_is("up", |target| target.breaker == BreakerState::Closed).await;
    assert_eq!(dispatching.target().down_because, None);
    dispatching.stop().await;
}

#[tokio::test]
async fn a_restart_in_the_middle_of_an_outage_kills_nothing_that_is_old() {
    let fragile = Fragile::down().await;
    let choices = Choices::new(&fragile.target.url()).with(|choices| {
        choices.target.limits.breaker.failures = 1;
    });
    let mut dispatching = Dispatching::start(choices);
    dispatching.accept(&event("evt_1", 1, 1)).await;
    for start in 1..=3 {
        until("an attempt", async || {
            (dispatching.delivery("evt_1").await.attempts.len() >= 2 * start).then_some(())
        })
        .await;
        dispatching = dispatching.restart(Duration::from_hours(48)).await;
    }
    fragile.set_down(false);
    dispatching.is("evt_1", "delivered").await;
    dispatching.stop().await;
}

#[tokio::test]
async fn refusals_and_too_many_requests_do_not_open_the_breaker() {
    let answers = [400, 404, 422, 429, 408, 425, 429, 429, 429, 204];
    let target = Target::start(move |number, _| {
        Behaviour::Answer(answers.get(number).copied().unwrap_or(204))
    })
    .await;
    let choices = Choices::new(&target.url()).with(|choices| {
        choices.target.limits.concurrency = 1;
        choices.target.limits.breaker.failures = 1;
        choices.target.retry.max_attempts = 50;
    });
    let dispatching = Dispatching::start(choices);
    for number in 0..4 {
        dispatching.accept(&event(&format!("evt_{number}"), number, 1)).await;
    }
    for number in 0..3 {
        dispatching.is(&format!("evt_{number}"), "dead").await;
    }
    let last = dispatching.is("evt_3", "delivered").await;
    assert_eq!(last.attempts.len(), 7);
    assert!(!dispatching.metrics.render().contains("outcome=\"uncounted\""));
    assert_eq!(dispatching.target().since, START);
    dispatching.stop().await;
}

#[tokio::test]
async fn after_an_outage_new_events_come_before_a_backlog_that_drains_at_its_rate() {
    const BACKLOG: u32 = 60;
    const RATE: u32 = 20;
    let fragile = Fragile::down().await;
    let choices = Choices::new(&fragile.target.url()).with(|choices| {
        choices.order = RouteOrder::Latest;
        choices.target.limits.drain_rate = f64::from(RATE);
    });
    let dispatching = Dispatching::start(choices);
    for user in 0..BACKLOG {
        dispatching.accept(&event(&format!("evt_old_{user}"), user, 1)).await;
    }
    dispatching.target_is("down", |target| target.breaker == BreakerState::Open).await;
    let before = fragile.target.came().len();
    let started = Instant::now();
    fragile.set_down(false);
    dispatching.target_is("draining", |target| target.draining).await;
    for user in 100..110 {
        dispatching.accept(&event(&format!("evt_new_{user}"), user, 1)).await;
    }
    let last = BACKLOG - 1;
    dispatching.is(&format!("evt_old_{last}"), "delivered").await;
    dispatching.target_is("drained", |target| !target.draining).await;
    // Some of them were attempted while the target was down.
    let took = started.elapsed();
    assert!(took >= Duration::from_secs(2), "60 at 20 a second in {took:?}");
    let came = fragile.target.came().split_off(before);
    let position = |id: &str| came.iter().position(|came| came.id() == id).unwrap();
    let new_ones = (100..110).map(|user| position(&format!("evt_new_{user}")));
    let last_new = new_ones.max().unwrap();
    let old_after = came[last_new..].iter().filter(|came| came.id().starts_with("evt_old")).count();
    assert!(old_after >= 20, "{old_after} of the backlog came after the last new event");
    let delivered: BTreeSet<&str> = came.iter().map(Delivery::id).collect();
    assert_eq!(delivered.len(), 70);
    dispatching.stop().await;
}

/// A target that refuses the first event, finds three more dead while it is down, and recovers.
async fn recovered(redrive_on_recovery: bool) -> Dispatching {
    let fragile = Fragile::down().await;
    let is_down = Arc::clone(&fragile.is_down);
    let target = Target::start(move |number, _| {
        let down = is_down.load(Ordering::SeqCst);
        Behaviour::Answer(match (number, down) {
            (0, _) => 400,
            (_, true) => 503,
            (_, false) => 204,
        })
    })
    .await;
    let choices = Choices::new(&target.url()).with(|choices| {
        choices.target.retry.max_attempts = 1;
        choices.target.limits.concurrency = 1;
        choices.target.redrive_on_recovery = redrive_on_recovery;
    });
    let dispatching = Dispatching::start(choices);
    for user in 0..5 {
        dispatching.accept(&event(&format!("evt_{user}"), user, 1)).await;
    }
    for user in 0..4 {
        dispatching.is(&format!("evt_{user}"), "dead").await;
    }
    dispatching.target_is("down", |target| target.breaker != BreakerState::Closed).await;
    fragile.set_down(false);
    dispatching.is("evt_4", "delivered").await;
    dispatching.target_is("drained", |target| !target.draining).await;
    dispatching
}

#[tokio::test]
async fn a_target_that_recovers_has_its_dead_letters_put_back_but_for_those_it_refused() {
    let dispatching = recovered(true).await;
    let reader = dispatching.journal.reader().unwrap();
    let orders = until("an order", async || {
        Some(reader.orders_under_way().await.unwrap()).filter(|orders| !orders.is_empty())
    })
    .await;
    assert_eq!(orders.len(), 1);
    let order = &orders[0];
    assert_eq!(
        (order.kind.as_str(), order.who.as_str(), order.total),
        ("redrive", "twinstream", 3)
    );
    let plan: LetterPlan = serde_json::from_str(&order.detail).unwrap();
    let filter =
        LetterFilter { target: Some(NAME.into()), given_up: true, ..LetterFilter::default() };
    assert_eq!(plan, LetterPlan { filter, rate: 1_000.0 });
    dispatching.stop().await;
}

#[tokio::test]
async fn dead_letters_stay_dead_unless_it_is_asked_for() {
    let dispatching = recovered(false).await;
    let orders = dispatching.journal.reader().unwrap().orders(10).await.unwrap();
    assert_eq!(orders, []);
    dispatching.stop().await;
}

#[tokio::test]
async fn what_was_leased_when_the_breaker_opened_is_given_back_unattempted() {
    let fragile = Fragile::down().await;
    let choices = Choices::new(&fragile.target.url()).with(|choices| {
        let pause = Duration::from_mins(1);
        choices.target.limits.concurrency = 64;
        choices.target.limits.breaker = BreakerRule { failures: 1, pause };
    });
    let dispatching = Dispatching::start(choices);
    for user in 0..40 {
        dispatching.accept(&event(&format!("evt_{user}"), user, 1)).await;
    }
    dispatching.target_is("down", |target| target.breaker == BreakerState::Open).await;
    dispatching.target_is("idle", |target| target.under_way == 0).await;
    // Nothing is held by a lease: all of it waits, attempted or not.
    for user in 0..40 {
        let delivery = dispatching.delivery(&format!("evt_{user}")).await;
        let waits = matches!(delivery.state, "waiting" | "retrying");
        assert!(waits, "evt_{user} is {}", delivery.state);
    }
    dispatching.stop().await;
}
