//! Stops, crashes and failures: no message is lost, and none burns a receive that it need not.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{DOWN, LONG, RECEIVES_MAX, UP, outcomes, queue_name, sent, settings, settings_to};
use super::{FIFO, settled, state};
use crate::support::cloud::Cloud;
use crate::support::event::event;
use crate::support::gateway::Gateway;
use crate::support::journal_file;
use crate::support::process::Process;
use crate::support::target::{Behaviour, Delivery, Target};
use crate::support::until;

/// Their visibility time-out is ten minutes, so that waiting for it is no way out.
async fn a_stop_lets_messages_go_at_once_and_loses_nothing(cloud: Cloud) {
    let slow = Behaviour::Slow(Duration::from_secs(9));
    let script = move |_, came: &Delivery| match came.id() {
        "evt_failed" => DOWN,
        "evt_done" => UP,
        _ => slow,
    };
    let (target, later) = (Target::start(script).await, Target::up().await);
    let long = r#"pause_min = "9m", pause_max = "9m""#;
    let (url, later_url) = (target.url(), later.url());
    let gateway = Gateway::start(settings(&cloud).deliver_with("app", &url, &[], long)).await;
    for (user, id) in ["evt_done", "evt_failed", "evt_slow", "evt_slower"].iter().enumerate() {
        cloud.send(sent(id, u32::try_from(user).unwrap(), 1).envelope()).await;
    }
    // Behind another of its subject.
    cloud.send(sent("evt_parked", 2, 2).envelope()).await;
    gateway.arrived(5).await;
    until("attempts", async || (target.came().len() == 4).then_some(())).await;
    let stopped = gateway.stop().await;
    // The back-off of the one that failed stays; it is drawn from zero up.
    let depth = cloud.depth(&cloud.queue_url).await;
    assert!(depth.visible >= 3 && depth.visible + depth.hidden == 4, "{depth:?}");
    // Another target under the old name, which answers.
    let targets = stopped.environment["TWINSTREAM__TARGETS"].replace(&url, &later_url);
    let gateway = Gateway::start(stopped.set("targets", &targets)).await;
    until("the end of what was let go", async || {
        let depth = cloud.depth(&cloud.queue_url).await;
        (depth.visible == 0 && depth.hidden <= 1).then_some(())
    })
    .await;
    for id in ["evt_done", "evt_slow", "evt_slower", "evt_parked"] {
        assert_eq!(state(&gateway, id, "to-app").await, "delivered", "{id}");
    }
    let ids: BTreeSet<String> = later.came().iter().map(|came| came.id().to_owned()).collect();
    assert!(!ids.contains("evt_done"), "{ids:?}");
    gateway.stop().await;
}

#[tokio::test]
async fn a_stop_lets_messages_go_at_once_and_loses_nothing_at_the_stand_in() {
    a_stop_lets_messages_go_at_once_and_loses_nothing(Cloud::stand_in_with(&[LONG]).await).await;
}

#[tokio::test]
async fn a_stop_lets_messages_go_at_once_and_loses_nothing_at_the_emulator() {
    a_stop_lets_messages_go_at_once_and_loses_nothing(Cloud::emulator_with(&[LONG]).await).await;
}

#[tokio::test]
async fn while_the_journal_can_not_commit_messages_burn_no_receives() {
    let cloud = Cloud::stand_in().await;
    let dead_url = cloud.dead_letters_after(1).await;
    let target = Target::up().await;
    let gateway =
        Gateway::start(settings_to(&cloud, &target).set("journal.busy_timeout", "50ms")).await;
    gateway.ready().await;
    let other = rusqlite::Connection::open(gateway.settings().journal()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    for number in 0..5 {
        cloud.send(sent(&format!("evt_{number}"), 1, number).envelope()).await;
    }
    // Longer than the queue's visibility time-out of 3 s.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(cloud.handle().totals(queue_name(&cloud)).deleted, 0);
    other.execute_batch("COMMIT").unwrap();
    drop(other);
    gateway.arrived(5).await;
    settled(&cloud, &dead_url, 0).await;
    assert_eq!(cloud.handle().totals(queue_name(&cloud)).received, 5, "each received once");
    assert_eq!(outcomes(&gateway).await, [("delivered".to_owned(), 5)]);
    gateway.stop().await;
}

/// Each tries again after a pause of its own; none goes before the one in front of it.
#[tokio::test]
async fn a_group_is_stored_in_its_order_though_the_journal_could_not_commit() {
    let cloud = Cloud::stand_in_with(&FIFO).await;
    let gateway = Gateway::start(settings(&cloud).set("journal.busy_timeout", "20ms")).await;
    gateway.ready().await;
    let other = rusqlite::Connection::open(gateway.settings().journal()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let bodies: Vec<String> =
        (0..10).map(|n| event(&format!("evt_{n:02}"), n, 1).envelope()).collect();
    cloud.send_in_group(&bodies, "one").await;
    until("a batch in hand", async || {
        (cloud.depth(&cloud.queue_url).await.hidden == 10).then_some(())
    })
    .await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    other.execute_batch("COMMIT").unwrap();
    drop(other);
    cloud.emptied().await;
    let ids = journal_file::ids(&gateway.stop().await.journal());
    assert!(ids.len() == 10 && ids.is_sorted(), "{ids:?}");
}

/// What this mode is for: a disk that does not outlive the process.
#[tokio::test]
async fn a_lost_journal_loses_nothing_that_was_not_delivered() {
    let cloud = Cloud::stand_in().await;
    let dead_url = cloud.dead_letters_after(RECEIVES_MAX).await;
    let script = |_, came: &Delivery| if came.id() == "evt_0" { UP } else { Behaviour::Stall };
    let (target, later) = (Target::start(script).await, Target::up().await);
    let settings = settings_to(&cloud, &target);
    let gateway = Process::serve(&settings).await;
    for number in 0..6 {
        cloud.send(sent(&format!("evt_{number}"), number, 1).envelope()).await;
    }
    until("attempts", async || (target.came().len() == 6).then_some(())).await;
    until("a delete", async || {
        (cloud.handle().totals(queue_name(&cloud)).deleted == 1).then_some(())
    })
    .await;
    gateway.kill();
    let settings = settings_to(&cloud, &later);
    let gateway = Process::serve(&settings).await;
    settled(&cloud, &dead_url, 0).await;
    assert_eq!(gateway.terminate().await.0.code(), Some(0));
    let ids: BTreeSet<String> = later.came().iter().map(|came| came.id().to_owned()).collect();
    let expected = (1..6).map(|number| format!("evt_{number}"));
    assert_eq!(ids, expected.collect());
    journal_file::check(&settings.journal());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_at_any_moment_loses_nothing_and_leaves_nothing_behind() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let cloud = Cloud::stand_in_with(&[("VisibilityTimeout", "1")]).await;
    let target = Target::start(|n, _| if n % 5 == 0 { DOWN } else { UP }).await;
    let settings = settings_to(&cloud, &target);
    let mut expected = BTreeSet::new();
    for round in 0..10 {
        for number in 0..40 {
            let id = format!("evt_{round}_{number}");
            let body = sent(&id, number, 1).envelope();
            cloud.handle().send(queue_name(&cloud), body).unwrap();
            expected.insert(id);
        }
        let gateway = Process::serve(&settings).await;
        tokio::time::sleep(Duration::from_millis(random.u64(0..400))).await;
        gateway.kill();
    }
    let gateway = Process::serve(&settings).await;
    cloud.emptied().await;
    let (status, _) = gateway.terminate().await;
    assert!(status.success(), "{status}");
    journal_file::check(&settings.journal());
    let came: BTreeSet<String> = target.came().iter().map(|came| came.id().to_owned()).collect();
    assert_eq!(came, expected);
    assert_eq!(cloud.handle().totals(queue_name(&cloud)).deleted, 400);
}
