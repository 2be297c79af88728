//! Putting back and giving up messages that lie in dead-letter queues.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use twinstream::event::Path;

use super::list::die;
use super::redrive::nothing_pending;
use super::{Broken, ask, ended, order, order_ended, post, state};
use crate::support::cli;
use crate::support::cloud::{Cloud, Depth, VISIBILITY};
use crate::support::event::event;
use crate::support::gateway::Gateway;
use crate::support::journal_file;
use crate::support::process::Process;
use crate::support::settings::Settings;
use crate::support::target::Target;
use crate::support::{http, until};

fn settings(cloud: &Cloud, target: &Target) -> Settings {
    Settings::new("eventbridge").queue(&cloud.endpoint_url, &cloud.queue_url).deliver(
        "app",
        &target.url(),
        &[],
    )
}

/// Sends events of user `first`, `first + 1`, … straight into a dead-letter queue.
async fn fill(cloud: &Cloud, dead_url: &str, users: std::ops::Range<u32>) {
    for user in users {
        let event = event(&format!("evt_{user}"), user, u64::from(user)).by_eventbridge();
        let call = cloud.client.send_message().queue_url(dead_url);
        call.message_body(event.envelope()).send().await.unwrap();
    }
}

async fn emptied(cloud: &Cloud, url: &str) {
    until("an empty queue", async || (cloud.depth(url).await == Depth::default()).then_some(()))
        .await;
}

async fn a_message_that_is_put_back_is_an_arrival_and_is_delivered_once(cloud: Cloud) {
    let dead_url = cloud.dead_letters_after(1).await;
    die(&cloud, &event("evt_1", 1, 1).by_eventbridge().envelope()).await;
    die(&cloud, &event("evt_2", 2, 2).by_eventbridge().envelope()).await;
    let target = Target::up().await;
    let gateway = Gateway::start(settings(&cloud, &target)).await;
    gateway.ready().await;
    let all =
        ["dead-letters", "redrive", "--source", "queue", "--subject", "auth0|1", "--why", "x"];
    let dry = ask(&gateway, &[&all[..], &["--dry-run"]].concat()).await;
    dry.check(0, "would redrive 1 dead letter; nothing is done");
    assert_eq!(cloud.depth(&dead_url).await, Depth { visible: 2, hidden: 0 });
    ask(&gateway, &all).await.check(0, "redriven 1 of 1");
    gateway.arrived(1).await;
    gateway.delivered().await;
    cloud.emptied().await;
    assert_eq!(cloud.depth(&dead_url).await, Depth { visible: 1, hidden: 0 });
    assert_eq!(target.came().len(), 1);
    assert_eq!(state(&gateway, "evt_1").await, "delivered");
    let story = gateway.story("evt_1").await.unwrap();
    assert_eq!((story.arrivals.len(), story.arrivals[0].path), (1, Path::Eventbridge));
    assert!(story.arrivals[0].redriven);
    let show = ask_journal(&gateway, &["events", "show", "evt_1"]).await;
    assert!(show.contains("put back from a dead-letter queue"), "{show}");
    // By its own name, too; once more is a repeat, and no second delivery.
    let list = gateway.get("/api/v1/dead-letters").await.json();
    let name = list["letters"][0]["letter"].as_str().unwrap().to_owned();
    cloud.send(event("evt_2", 2, 2).by_eventbridge().envelope()).await;
    gateway.arrived(2).await;
    ask(&gateway, &["dead-letters", "redrive", &name, "--why", "x"]).await.check(0, "1 of 1");
    gateway.arrived(3).await;
    gateway.delivered().await;
    emptied(&cloud, &dead_url).await;
    let story = gateway.story("evt_2").await.unwrap();
    let redriven: Vec<bool> = story.arrivals.iter().map(|arrival| arrival.redriven).collect();
    assert_eq!((redriven, target.came().len()), (vec![false, true], 2));
    gateway.stop().await;
}

/// Runs a command that reads the journal's file.
async fn ask_journal(gateway: &Gateway, arguments: &[&str]) -> String {
    let mut command = crate::support::process::command(gateway.settings());
    command.args(arguments);
    let output = tokio::process::Command::from(command).output().await.unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_message_that_is_put_back_is_an_arrival_at_the_stand_in() {
    let cloud = Cloud::stand_in().await;
    a_message_that_is_put_back_is_an_arrival_and_is_delivered_once(cloud).await;
}

#[tokio::test]
async fn a_message_that_is_put_back_is_an_arrival_at_the_emulator() {
    let cloud = Cloud::emulator_with(&[VISIBILITY]).await;
    a_message_that_is_put_back_is_an_arrival_and_is_delivered_once(cloud).await;
}

async fn only_what_is_meant_is_touched_and_the_rest_is_visible_at_the_end(cloud: Cloud) {
    let dead_url = cloud.dead_letters_after(1).await;
    fill(&cloud, &dead_url, 0..60).await;
    let target = Target::up().await;
    let gateway = Gateway::start(settings(&cloud, &target)).await;
    gateway.ready().await;
    let pattern = gateway.settings().file("pattern.json");
    let users = ["auth0|7", "auth0|33", "auth0|59"];
    let asked = json!({"data": {"object": {"user_id": users}}});
    std::fs::write(&pattern, asked.to_string()).unwrap();
    let pattern = pattern.to_str().unwrap();
    let some = ["dead-letters", "redrive", "--pattern", pattern, "--why", "x", "--rate", "500"];
    ask(&gateway, &some).await.check(0, "redriven 3 of 3");
    gateway.arrived(3).await;
    gateway.delivered().await;
    assert_eq!(target.came().len(), 3);
    assert_eq!(cloud.depth(&dead_url).await, Depth { visible: 57, hidden: 0 });

    let some = ["dead-letters", "discard", "--subject", "auth0|8", "--why", "gone"];
    ask(&gateway, &some).await.check(0, "discarded 1 of 1");
    assert_eq!(cloud.depth(&dead_url).await, Depth { visible: 56, hidden: 0 });
    let orders = gateway.get("/api/v1/orders").await.json();
    assert_eq!(
        (&orders["orders"][0]["who"], &orders["orders"][0]["why"]),
        (&json!("kim"), &json!("gone"))
    );
    let all = ["dead-letters", "discard", "--all", "--why", "all gone", "--rate", "1000", "--json"];
    let order = ask(&gateway, &all).await.json();
    assert_eq!((&order["done"], &order["total"]), (&json!(56), &json!(56)));
    assert_eq!(cloud.depth(&dead_url).await, Depth::default());
    assert_eq!(target.came().len(), 3);
    gateway.stop().await;
}

#[tokio::test]
async fn only_what_is_meant_is_touched_at_the_stand_in() {
    let cloud = Cloud::stand_in().await;
    only_what_is_meant_is_touched_and_the_rest_is_visible_at_the_end(cloud).await;
}

#[tokio::test]
async fn only_what_is_meant_is_touched_at_the_emulator() {
    let cloud = Cloud::emulator_with(&[VISIBILITY]).await;
    only_what_is_meant_is_touched_and_the_rest_is_visible_at_the_end(cloud).await;
}

#[tokio::test]
async fn what_somebody_else_looks_at_is_waited_for() {
    let cloud = Cloud::stand_in().await;
    let dead_url = cloud.dead_letters_after(1).await;
    fill(&cloud, &dead_url, 0..2).await;
    let target = Target::up().await;
    let gateway = Gateway::start(settings(&cloud, &target)).await;
    gateway.ready().await;
    // As a list that was broken off would leave it.
    let call = cloud.client.receive_message().queue_url(&dead_url).visibility_timeout(4);
    let taken = call.max_number_of_messages(1).send().await.unwrap().messages.unwrap();
    assert_eq!(taken.len(), 1);
    let all =
        ask(&gateway, &["dead-letters", "redrive", "--all", "--why", "x", "--json"]).await.json();
    assert_eq!((&all["done"], &all["total"]), (&json!(2), &json!(1)));
    gateway.arrived(2).await;
    gateway.stop().await;
}

#[tokio::test]
async fn lists_beside_an_order_hide_nothing_from_it() {
    let cloud = Cloud::stand_in().await;
    let dead_url = cloud.dead_letters_after(1).await;
    fill(&cloud, &dead_url, 0..50).await;
    let target = Target::up().await;
    let gateway = Gateway::start(settings(&cloud, &target)).await;
    gateway.ready().await;
    let all = ["dead-letters", "redrive", "--all", "--why", "x", "--rate", "100"];
    let mut redrive = cli::start(gateway.settings(), gateway.admin, &all);
    loop {
        tokio::select! {
            biased;
            ended = redrive.wait() => break assert!(ended.unwrap().success()),
            list = gateway.get("/api/v1/dead-letters?source=queue") => assert_eq!(list.status, 200),
        }
    }
    assert_eq!(order(&gateway, 1).await["done"], 50);
    emptied(&cloud, &dead_url).await;
    gateway.arrived(50).await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_message_that_dies_again_is_not_put_back_by_the_same_order() {
    // Nobody deletes what arrives: a second journal holds the write lock.
    let cloud = Cloud::stand_in_with(&[("VisibilityTimeout", "1")]).await;
    let dead_url = cloud.dead_letters_after(1).await;
    fill(&cloud, &dead_url, 0..5).await;
    let target = Target::up().await;
    let settings = settings(&cloud, &target).set("mode", "both");
    let gateway = Gateway::start(settings).await;
    gateway.ready().await;
    let all =
        ["dead-letters", "redrive", "--source", "queue", "--why", "x", "--rate", "3", "--no-wait"];
    ask(&gateway, &all).await.check(0, "order 1 is under way");
    let mut again = 0;
    until("messages that die again", async || {
        let call = cloud.client.send_message().queue_url(&dead_url);
        let body = event(&format!("evt_again_{again}"), 90, again).by_eventbridge().envelope();
        call.message_body(body).send().await.unwrap();
        again += 1;
        (order(&gateway, 1).await["state"] == "done").then_some(())
    })
    .await;
    assert_eq!(order(&gateway, 1).await["done"], 5, "of what was there when it was given");
    let left = u32::try_from(again).unwrap();
    assert_eq!(cloud.depth(&dead_url).await, Depth { visible: left, hidden: 0 });
    gateway.stop().await;
}

#[tokio::test]
async fn without_a_dead_letter_queue_an_order_comes_to_its_end() {
    let (cloud, broken) = (Cloud::stand_in().await, Broken::start().await);
    let settings = settings(&cloud, &broken.target).set("mode", "both");
    let gateway = Gateway::start(settings).await;
    gateway.ready().await;
    post(&gateway, 3).await;
    broken.mend();
    let all = ask(&gateway, &["dead-letters", "redrive", "--all", "--why", "x"]).await;
    all.check(0, "redriven 3 of 3");
    all.check(0, "has no redrive policy, so no dead-letter queue");
    gateway.delivered().await;
    assert_eq!(ended(&gateway, "delivered").await, 3);
    gateway.stop().await;
}

#[tokio::test]
async fn an_order_that_can_not_reach_its_queue_holds_up_no_other() {
    let (cloud, broken) = (Cloud::stand_in().await, Broken::start().await);
    let later = format!("{}/000000000000/rule-letters", cloud.endpoint_url);
    let settings = settings(&cloud, &broken.target)
        .set("mode", "both")
        .set("eventbridge.rule_dead_letter_queue_url", &later);
    let gateway = Gateway::start(settings).await;
    gateway.ready().await;
    post(&gateway, 3).await;
    broken.mend();
    let rule = ["dead-letters", "redrive", "--source", "rule", "--why", "x", "--no-wait"];
    let rule = ask(&gateway, &rule).await;
    rule.check(0, "order 1 is under way");
    rule.check(0, "the dead-letter queue of the rule's target could not be looked into");
    let own = ["dead-letters", "redrive", "--source", "journal", "--why", "x"];
    ask(&gateway, &own).await.check(0, "redriven 3 of 3 (order 2)");
    assert_eq!(order(&gateway, 1).await["state"], "under_way");
    // It goes on when the queue is there.
    cloud.handle().create_queue("rule-letters", &[]).unwrap();
    assert_eq!(order_ended(&gateway, 1).await["state"], "done");
    gateway.stop().await;
}

#[tokio::test]
async fn a_stop_lets_go_of_what_an_order_holds() {
    let cloud = Cloud::stand_in().await;
    let dead_url = cloud.dead_letters_after(1).await;
    fill(&cloud, &dead_url, 0..30).await;
    let target = Target::up().await;
    let gateway = Gateway::start(settings(&cloud, &target)).await;
    gateway.ready().await;
    // The last one is meant, and the pause after it is long.
    let slow = ["dead-letters", "redrive", "--all", "--why", "x", "--rate", "2", "--no-wait"];
    ask(&gateway, &slow).await.check(0, "order 1 is under way");
    until("messages in hand", async || (cloud.depth(&dead_url).await.hidden > 0).then_some(()))
        .await;
    gateway.stop().await;
    let left = cloud.depth(&dead_url).await;
    assert_eq!(left.hidden, 0, "{left:?}");
    assert!(left.visible >= 25, "{left:?}");
}

#[tokio::test]
async fn kill_9_in_the_middle_of_a_queues_redrive_loses_nothing() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let cloud = Cloud::stand_in().await;
    let dead_url = cloud.dead_letters_after(3).await;
    fill(&cloud, &dead_url, 0..80).await;
    let target = Target::up().await;
    let settings = settings(&cloud, &target);
    let mut gateway = Process::serve(&settings).await;
    gateway.ready().await;
    let all = ["dead-letters", "redrive", "--all", "--why", "x", "--rate", "100", "--no-wait"];
    cli::ask(&settings, gateway.admin, &all).await.check(0, "order 1 is under way");
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(random.u64(20..250))).await;
        gateway.kill();
        gateway = Process::serve(&settings).await;
    }
    // What the killed ones had in hand is hidden for half a minute, and waited for.
    until("the order's end", async || {
        let order = http::get(gateway.admin, "/api/v1/orders/1").await.json();
        (order["state"] == "done").then_some(())
    })
    .await;
    assert_eq!(cloud.depth(&dead_url).await, Depth::default());
    cloud.emptied().await;
    nothing_pending(&gateway).await;
    let delivered: BTreeSet<String> =
        target.came().iter().map(|came| came.id().to_owned()).collect();
    assert_eq!(delivered.len(), 80);
    let status = http::get(gateway.admin, "/api/v1/status").await.json();
    let count = status["deliveries"][0]["count"].as_u64().unwrap();
    assert_eq!(count, 80, "one outcome each");
    assert!(gateway.terminate().await.0.success());
    journal_file::check(&settings.journal());
}

#[tokio::test]
async fn a_fifo_queues_letters_go_back_in_their_groups() {
    let fifo = [("FifoQueue", "true"), ("VisibilityTimeout", "3")];
    let cloud = Cloud::stand_in_with(&fifo).await;
    let letters = cloud.client.create_queue().queue_name("letters.fifo");
    let letters = letters.attributes("FifoQueue".into(), "true").send().await.unwrap();
    let letters = letters.queue_url.unwrap();
    for number in 0..6_u32 {
        let event = event(&format!("evt_{number}"), number % 2, u64::from(number)).by_eventbridge();
        let call = cloud.client.send_message().queue_url(&letters).message_body(event.envelope());
        let call = call.message_group_id(format!("user-{}", number % 2));
        call.message_deduplication_id(number.to_string()).send().await.unwrap();
    }
    let target = Target::up().await;
    let settings = settings(&cloud, &target).set("eventbridge.dead_letter_queue_url", &letters);
    let gateway = Gateway::start(settings).await;
    gateway.ready().await;
    let all =
        ask(&gateway, &["dead-letters", "redrive", "--all", "--why", "x", "--json"]).await.json();
    assert_eq!(all["done"], 6);
    gateway.arrived(6).await;
    gateway.delivered().await;
    for user in 0..2 {
        let of_user = target.came().into_iter().filter(|came| {
            let number: u32 = came.id().strip_prefix("evt_").unwrap().parse().unwrap();
            number % 2 == user
        });
        let ids: Vec<String> = of_user.map(|came| came.id().to_owned()).collect();
        let expected: Vec<String> = (0..3).map(|n| format!("evt_{}", 2 * n + user)).collect();
        assert_eq!(ids, expected);
    }
    gateway.stop().await;
}
