//! Stopping under load loses nothing, and the next start goes on where it ended.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::cloud::Cloud;
use crate::support::event::event;
use crate::support::http::{self, Connection};
use crate::support::journal_file;
use crate::support::process::{self, Process};
use crate::support::settings::Settings;
use crate::support::target::{Behaviour, Target};
use crate::support::until;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_under_load_loses_nothing_and_leaves_no_message_out_of_hand() {
    let cloud = Cloud::stand_in_with(&[("VisibilityTimeout", "600")]).await;
    let target = Target::start(|_, _| Behaviour::Slow(std::time::Duration::from_millis(20))).await;
    let settings = Settings::new("both").queue(&cloud.endpoint_url, &cloud.queue_url).deliver(
        "app",
        &target.url(),
        &[],
    );
    let gateway = Process::serve(&settings).await;
    gateway.ready().await;
    let queue = cloud.queue_url.rsplit('/').next().unwrap();
    for number in 0..2_000 {
        let body = event(&format!("evt_q_{number}"), number, 1).envelope();
        cloud.handle().send(queue, body).unwrap();
    }
    let stopped = Arc::new(AtomicBool::new(false));
    let address = gateway.webhook.unwrap();
    let senders: Vec<_> = (0..8)
        .map(|sender| {
            let stopped = Arc::clone(&stopped);
            tokio::spawn(async move {
                let mut acknowledged = BTreeSet::new();
                let mut connection = Connection::open(address).await;
                for number in 0_u64.. {
                    let id = format!("evt_{sender}_{number}");
                    let body = event(&id, sender, number).body();
                    if connection.try_send(&http::webhook(&body)).await.is_err() {
                        break;
                    }
                    match connection.receive().await.map(|response| response.status) {
                        Some(204) => drop(acknowledged.insert(id)),
                        Some(503) if stopped.load(Ordering::SeqCst) => break,
                        None => break,
                        Some(status) => panic!("answered {status}"),
                    }
                }
                acknowledged
            })
        })
        .collect();
    until("a load", async || (target.came().len() > 50).then_some(())).await;
    stopped.store(true, Ordering::SeqCst);
    let (status, took) = gateway.terminate().await;
    assert_eq!(status.code(), Some(0));
    println!("the stop took {took:?}");
    journal_file::check(&settings.journal());
    let there: BTreeSet<String> = journal_file::ids(&settings.journal()).into_iter().collect();
    for sender in senders {
        let acknowledged = sender.await.unwrap();
        assert!(acknowledged.is_subset(&there));
    }
    for body in cloud.handle().deleted_bodies(queue) {
        let envelope: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert!(there.contains(envelope["detail"]["id"].as_str().unwrap()));
    }

    let gateway = Process::serve(&settings).await;
    gateway.ready().await;
    let (status, _) = gateway.terminate().await;
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn a_stop_is_over_in_three_seconds_whatever_hangs() {
    let target = Target::start(|_, _| Behaviour::Stall).await;
    let settings = Settings::new("webhook")
        .deliver("app", &target.url(), &[])
        .set("webhook.commit_deadline", "6s")
        .set("journal.busy_timeout", "5s");
    let gateway = Process::serve(&settings).await;
    let address = gateway.webhook.unwrap();
    assert_eq!(http::post(address, &event("evt_1", 1, 1).body()).await.status, 204);
    until("an attempt under way", async || (target.came().len() == 1).then_some(())).await;
    let other = rusqlite::Connection::open(settings.journal()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut request = Connection::open(address).await;
    request.send(&http::webhook(&event("evt_2", 2, 2).body())).await;
    let mut probe = Connection::open(gateway.admin).await;
    probe.send(&http::request("GET", "/api/v1/compare", &[], "")).await;
    let (status, took) = gateway.terminate().await;
    assert_eq!(status.code(), Some(0));
    assert!(took < std::time::Duration::from_secs(3), "{took:?}");
}

#[tokio::test]
async fn one_journal_has_one_server() {
    let settings = Settings::new("webhook");
    let gateway = Process::serve(&settings).await;
    let second = process::run(&settings, &["serve"]);
    assert_eq!(second.status.code(), Some(3));
    let error = String::from_utf8(second.stderr).unwrap();
    assert!(error.contains("is in use by another twinstream"), "{error}");
    gateway.terminate().await;
}

#[tokio::test]
async fn an_address_in_use_is_told_with_its_key() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for key in ["webhook.listen", "admin.listen"] {
        let settings = Settings::new("webhook").set(key, &address);
        let output = process::run(&settings, &["serve"]);
        assert_eq!(output.status.code(), Some(3));
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(key) && error.contains(&address), "{error}");
    }
}
