//! Putting back and giving up deliveries that failed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::json;
use twinstream::journal::OrderState;

use super::{Broken, ask, ended, order, order_ended, post, state};
use crate::support::cli;
use crate::support::event::event;
use crate::support::gateway::Gateway;
use crate::support::journal_file;
use crate::support::process::Process;
use crate::support::settings::Settings;
use crate::support::{http, until};

#[tokio::test]
async fn letters_are_put_back_by_id_and_by_filter_and_a_dry_run_changes_nothing() {
    let broken = Broken::start().await;
    let gateway = Gateway::start(broken.settings()).await;
    post(&gateway, 6).await;
    broken.mend();

    let filter = ["dead-letters", "redrive", "--subject", "auth0|4"];
    let dry = ask(&gateway, &[&filter[..], &["--dry-run"]].concat()).await;
    dry.check(0, "evt_4");
    dry.check(0, "would redrive 1 dead letter; nothing is done");
    let dry =
        ask(&gateway, &["dead-letters", "redrive", "--all", "--dry-run", "--json"]).await.json();
    assert_eq!((&dry["matched"], &dry["at_least"]), (&json!(6), &json!(false)));
    assert_eq!(gateway.get("/api/v1/orders").await.json()["orders"], json!([]));
    assert_eq!((ended(&gateway, "dead").await, broken.came().len()), (6, 6));

    let by_id = ["dead-letters", "redrive", "evt_1", "evt_3/to-app", "evt_9", "--why", "mended"];
    let by_id = ask(&gateway, &by_id).await;
    by_id.check(0, "redriven 2 of 2 (order 1)");
    by_id.check(0, "no dead letter is named evt_9");
    gateway.delivered().await;
    ask(&gateway, &[&filter[..], &["--why", "mended"]].concat()).await.check(0, "redriven 1 of 1");
    gateway.delivered().await;
    assert_eq!(&broken.came()[6..], ["evt_1", "evt_3", "evt_4"]);
    for (id, expected) in [("evt_0", "dead"), ("evt_1", "delivered"), ("evt_2", "dead")] {
        assert_eq!(state(&gateway, id).await, expected, "{id}");
    }
    let delivery = gateway.story("evt_1").await.unwrap().deliveries.remove(0);
    assert_eq!((delivery.redrives, delivery.attempts.len()), (1, 2));
    assert_eq!((ended(&gateway, "dead").await, ended(&gateway, "delivered").await), (3, 3));
    let again = ask(&gateway, &["dead-letters", "redrive", "evt_1", "--why", "again"]).await;
    again.check(1, "no dead letter has any of these ids");
    gateway.stop().await;
}

#[tokio::test]
async fn what_is_to_be_put_back_has_to_be_said_and_so_has_why() {
    let broken = Broken::start().await;
    let gateway = Gateway::start(broken.settings()).await;
    post(&gateway, 1).await;
    for deed in ["redrive", "discard"] {
        let all = ask(&gateway, &["dead-letters", deed, "--why", "x"]).await;
        all.check(2, "by ids, by filters, or --all");
        ask(&gateway, &["dead-letters", deed, "--all"]).await.check(2, "--why TEXT");
        let rate = ["dead-letters", deed, "--all", "--why", "x", "--rate", "0"];
        ask(&gateway, &rate).await.check(2, "`rate` is over 0");
    }
    let nothing = ["dead-letters", "redrive", "--type", "user.created", "--why", "x"];
    ask(&gateway, &nothing).await.check(0, "nothing to do (order 1)");
    assert_eq!(state(&gateway, "evt_0").await, "dead");
    gateway.stop().await;
}

#[tokio::test]
async fn the_rate_is_kept_and_progress_adds_up() {
    let broken = Broken::start().await;
    let gateway = Gateway::start(broken.settings()).await;
    post(&gateway, 60).await;
    broken.mend();
    let arguments =
        ["dead-letters", "redrive", "--all", "--why", "mended", "--rate", "40", "--json"];
    let started = Instant::now();
    let told = ask(&gateway, &[&arguments[..], &["--no-wait"]].concat()).await.json();
    assert_eq!((&told["order"], &told["matched"]), (&json!(1), &json!(60)));
    let mut before = 0;
    let ended_order = until("the end of the order", async || {
        let order = order(&gateway, 1).await;
        let done = order["done"].as_u64().unwrap();
        assert!(before <= done && done <= 60 && order["total"] == 60, "{order}");
        // The first comes at once, and what is late by a tenth of a second is caught up.
        let most = 1.0 + 40.0 * (started.elapsed().as_secs_f64() + 0.1);
        assert!(f64::from(u32::try_from(done).unwrap()) <= most, "{order} over {most}");
        before = done;
        (order["state"] == "done").then_some(order)
    })
    .await;
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(1_300), "60 letters at 40 a second in {took:?}");
    assert_eq!(ended_order["done"], 60);
    gateway.delivered().await;
    assert_eq!((ended(&gateway, "delivered").await, ended(&gateway, "dead").await), (60, 0));
    gateway.stop().await;
}

#[tokio::test]
async fn a_stopped_order_touches_nothing_more() {
    let broken = Broken::start().await;
    let gateway = Gateway::start(broken.settings()).await;
    post(&gateway, 40).await;
    broken.mend();
    let slow = ["dead-letters", "redrive", "--all", "--why", "slowly", "--rate", "15"];
    let mut waiting = cli::start(gateway.settings(), gateway.admin, &slow);
    until("some of it", async || {
        let order = gateway.reader.orders(1).await.unwrap().pop()?;
        (order.done >= 3).then_some(())
    })
    .await;
    let stopped = ask(&gateway, &["orders", "stop", "1", "--json"]).await.json();
    let done = stopped["done"].as_u64().unwrap();
    assert_eq!(stopped["state"], "stopped");
    // Whoever waits for it hears of it.
    assert_eq!(waiting.wait().await.unwrap().code(), Some(1));
    // A next order is not held up by what the stopped one still has to wait for.
    ask(&gateway, &["dead-letters", "discard", "evt_39", "--why", "x"]).await.check(0, "1 of 1");
    gateway.delivered().await;
    assert_eq!(ended(&gateway, "delivered").await, done);
    assert_eq!(ended(&gateway, "dead").await, 39 - done);
    let order = gateway.reader.orders(9).await.unwrap().pop().unwrap();
    assert_eq!((order.done, order.state), (done, OrderState::Stopped));
    ask(&gateway, &["orders", "stop", "1"]).await.check(1, "is not under way any more");
    ask(&gateway, &["orders", "stop", "9"]).await.check(1, "no order of this number");
    ask(&gateway, &["orders", "show", "9"]).await.check(1, "no order of this number");
    gateway.stop().await;
}

#[tokio::test]
async fn a_stop_is_heard_in_the_middle_of_a_long_pause() {
    let broken = Broken::start().await;
    let gateway = Gateway::start(broken.settings()).await;
    post(&gateway, 3).await;
    broken.mend();
    let snail = ["dead-letters", "redrive", "--all", "--why", "x", "--rate", "0.001", "--no-wait"];
    ask(&gateway, &snail).await.check(0, "order 1 is under way");
    until("the first", async || (order(&gateway, 1).await["done"] == 1).then_some(())).await;
    ask(&gateway, &["orders", "stop", "1"]).await.check(0, "order 1 is stopped: redriven 1 of 3");
    let rest = ask(&gateway, &["dead-letters", "redrive", "--all", "--why", "x"]).await;
    rest.check(0, "redriven 2 of 2");
    gateway.delivered().await;
    assert_eq!(ended(&gateway, "delivered").await, 3);
    gateway.stop().await;
}

#[tokio::test]
async fn whoever_waits_may_leave_and_the_order_goes_on() {
    let broken = Broken::start().await;
    let gateway = Gateway::start(broken.settings()).await;
    post(&gateway, 20).await;
    broken.mend();
    let slow = ["dead-letters", "redrive", "--all", "--why", "slowly", "--rate", "10"];
    let waiting = cli::start(gateway.settings(), gateway.admin, &slow);
    until("some of it", async || {
        let order = gateway.reader.orders(1).await.unwrap().pop()?;
        (order.done >= 2).then_some(())
    })
    .await;
    let pid = waiting.id().unwrap().to_string();
    let sent = tokio::process::Command::new("kill").args(["-INT", &pid]).status().await.unwrap();
    assert!(sent.success());
    let said = waiting.wait_with_output().await.unwrap();
    let err = String::from_utf8(said.stderr).unwrap();
    assert_eq!(said.status.code(), Some(0), "{err}");
    assert!(err.contains("order 1 goes on without you"), "{err}");
    assert!(err.contains("`twinstream orders stop 1`"), "{err}");
    assert_eq!(order_ended(&gateway, 1).await["done"], 20);
    gateway.stop().await;
}

#[tokio::test]
async fn what_dies_again_is_not_put_back_by_the_same_order() {
    let broken = Broken::start().await;
    let gateway = Gateway::start(broken.settings()).await;
    post(&gateway, 30).await;
    let all = ["dead-letters", "redrive", "--all", "--why", "hope", "--rate", "1000"];
    ask(&gateway, &all).await.check(0, "redriven 30 of 30");
    gateway.delivered().await;
    let list = ask(&gateway, &["dead-letters", "list", "--json"]).await.json();
    let letters = list["letters"].as_array().unwrap();
    assert_eq!(letters.len(), 30);
    assert!(letters.iter().all(|letter| letter["redrives"] == 1 && letter["attempts"] == 2));
    ask(&gateway, &["dead-letters", "list"])
        .await
        .check(0, "put back once; the target answered 400");
    assert_eq!(broken.came().len(), 60);
    gateway.stop().await;
}

#[tokio::test]
async fn letters_of_a_route_that_is_gone_stay_dead() {
    let broken = Broken::start().await;
    let gateway = Gateway::start(broken.settings()).await;
    post(&gateway, 2).await;
    let settings = gateway.stop().await;
    let renamed = |settings: Settings, name: &str| {
        settings.set("routes", &format!("[{{ name = \"{name}\", target = \"app\" }}]"))
    };
    let gateway = Gateway::start(renamed(settings, "other")).await;
    assert_eq!(gateway.post(&event("evt_new", 5, 9).body()).await.status, 204);
    gateway.delivered().await;
    broken.mend();
    let list = ask(&gateway, &["dead-letters", "list"]).await;
    list.check(0, "its route is gone; the target answered 400");
    let all = ask(&gateway, &["dead-letters", "redrive", "--all", "--why", "mended"]).await;
    all.check(0, "redriven 1 of 1");
    all.check(0, "2 more stay dead: their route is not in the configuration any more");
    gateway.delivered().await;
    assert_eq!((ended(&gateway, "dead").await, ended(&gateway, "delivered").await), (2, 1));
    let counts = gateway.counts().await;
    assert!(counts.pending.iter().all(|route| route.pending == 0), "{counts:?}");
    ask(&gateway, &["dead-letters", "discard", "evt_0", "--why", "gone"]).await.check(0, "1 of 1");
    let settings = gateway.stop().await;
    // The route is back: so are its letters.
    let gateway = Gateway::start(renamed(settings, "to-app")).await;
    let all = ask(&gateway, &["dead-letters", "redrive", "--all", "--why", "it is back"]).await;
    all.check(0, "redriven 1 of 1");
    gateway.delivered().await;
    assert_eq!(state(&gateway, "evt_1").await, "delivered");
    gateway.stop().await;
}

#[tokio::test]
async fn discarding_keeps_who_did_it_and_why_and_counts_add_up() {
    let broken = Broken::start().await;
    let gateway = Gateway::start(broken.settings()).await;
    post(&gateway, 5).await;
    let dry = ["dead-letters", "discard", "evt_1", "evt_2", "--dry-run"];
    ask(&gateway, &dry).await.check(0, "would discard 2 dead letters; nothing is done");
    let some =
        ["dead-letters", "discard", "evt_1", "evt_2", "--who", "lee", "--why", "users are gone"];
    ask(&gateway, &some).await.check(0, "discarded 2 of 2");
    let one = ["dead-letters", "discard", "--subject", "auth0|4", "--why", "too"];
    ask(&gateway, &one).await.check(0, "discarded 1 of 1");
    assert_eq!((ended(&gateway, "dead").await, ended(&gateway, "discarded").await), (2, 3));
    let story = gateway.get("/api/v1/events/evt_2").await.json();
    assert_eq!(story["deliveries"][0]["state"], "discarded");
    assert_eq!(story["deliveries"][0]["reason"], "discarded by lee: users are gone");
    let show = ask(&gateway, &["dead-letters", "show", "evt_2"]).await;
    show.check(0, "discarded by lee: users are gone");
    let orders = ask(&gateway, &["orders", "list"]).await;
    orders.check(0, "ids evt_1 evt_2");
    orders.check(0, "users are gone");
    let orders = ask(&gateway, &["orders", "list", "--json"]).await.json();
    assert_eq!(orders["orders"][1]["who"], "lee");
    assert_eq!(orders["orders"][0]["who"], cli::WHO);
    assert_eq!(
        (&orders["orders"][0]["done"], &orders["orders"][0]["total"]),
        (&json!(1), &json!(1))
    );
    // What is given up is not a dead letter any more.
    broken.mend();
    let all = ask(&gateway, &["dead-letters", "redrive", "--all", "--why", "mended"]).await;
    all.check(0, "redriven 2 of 2");
    gateway.delivered().await;
    assert_eq!((ended(&gateway, "delivered").await, ended(&gateway, "discarded").await), (2, 3));
    gateway.stop().await;
}

/// Posts so many events to a gateway of its own process, and waits until all are dead.
async fn post_to(gateway: &Process, letters: u32) {
    for number in 0..letters {
        let event = event(&format!("evt_{number}"), number, u64::from(number));
        let address = gateway.webhook.unwrap();
        assert_eq!(http::post(address, &event.body()).await.status, 204);
    }
    nothing_pending(gateway).await;
}

pub(super) async fn nothing_pending(gateway: &Process) {
    until("the end of all deliveries", async || {
        let status = http::get(gateway.admin, "/api/v1/status").await.json();
        let pending = status["pending"].as_array()?.iter().map(|route| route["count"].as_u64());
        pending.sum::<Option<u64>>().filter(|count| *count == 0)
    })
    .await;
}

/// Every letter was put back once, delivered, and has one outcome.
async fn check_each_once(gateway: Process, settings: &Settings, broken: &Broken, letters: u32) {
    until("the order's end", async || {
        let order = http::get(gateway.admin, "/api/v1/orders/1").await.json();
        (order["state"] == "done").then(|| assert_eq!(order["done"], letters))
    })
    .await;
    nothing_pending(&gateway).await;
    for number in 0..letters {
        let path = format!("/api/v1/events/evt_{number}");
        let delivery = &http::get(gateway.admin, &path).await.json()["deliveries"][0];
        assert_eq!((&delivery["state"], &delivery["redrives"]), (&json!("delivered"), &json!(1)));
    }
    let status = http::get(gateway.admin, "/api/v1/status").await.json();
    let counts: BTreeMap<&str, u64> = status["deliveries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|of| (of["outcome"].as_str().unwrap(), of["count"].as_u64().unwrap()))
        .filter(|(_, count)| *count > 0)
        .collect();
    assert_eq!(counts, BTreeMap::from([("delivered", u64::from(letters))]));
    let came: BTreeSet<String> = broken.came().into_iter().collect();
    assert_eq!(came.len(), usize::try_from(letters).unwrap());
    assert!(gateway.terminate().await.0.success());
    journal_file::check(&settings.journal());
}

#[tokio::test]
async fn an_order_goes_on_after_a_restart() {
    let broken = Broken::start().await;
    let settings = broken.settings();
    let gateway = Process::serve(&settings).await;
    post_to(&gateway, 60).await;
    broken.mend();
    let slow = ["dead-letters", "redrive", "--all", "--why", "x", "--rate", "60", "--no-wait"];
    cli::ask(&settings, gateway.admin, &slow).await.check(0, "order 1 is under way");
    until("some of it", async || (broken.came().len() >= 65).then_some(())).await;
    let (status, took) = gateway.terminate().await;
    assert!(status.success() && took < Duration::from_secs(3), "{status} after {took:?}");
    let gateway = Process::serve(&settings).await;
    let order = http::get(gateway.admin, "/api/v1/orders/1").await.json();
    assert_eq!(order["total"], 60);
    check_each_once(gateway, &settings, &broken, 60).await;
}

#[tokio::test]
async fn kill_9_in_the_middle_of_a_redrive_loses_nothing_and_puts_nothing_back_twice() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let broken = Broken::start().await;
    let settings = broken.settings();
    let mut gateway = Process::serve(&settings).await;
    post_to(&gateway, 120).await;
    broken.mend();
    let order = ["dead-letters", "redrive", "--all", "--why", "x", "--rate", "100", "--no-wait"];
    cli::ask(&settings, gateway.admin, &order).await.check(0, "order 1 is under way");
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_millis(random.u64(20..250))).await;
        gateway.kill();
        gateway = Process::serve(&settings).await;
    }
    check_each_once(gateway, &settings, &broken, 120).await;
}
