//! Erasing what names a user, on a running gateway.

use std::path::Path;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::dead_letters::Broken;
use crate::support::cli::{self, Said};
use crate::support::event::event;
use crate::support::http;
use crate::support::journal_file;
use crate::support::process::Process;
use crate::support::settings::Settings;
use crate::support::until;

async fn get(gateway: &Process, path: &str) -> Value {
    http::get(gateway.admin, &format!("/api/v1/{path}")).await.json()
}

async fn post(gateway: &Process, body: &str) -> u16 {
    http::post(gateway.webhook.unwrap(), body).await.status
}

async fn nothing_pending(gateway: &Process) {
    until("the end of all deliveries", async || {
        let status = get(gateway, "status").await;
        status["pending"].as_array()?.iter().all(|route| route["count"] == 0).then_some(())
    })
    .await;
}

/// The stored bytes of the content of events, and of quarantined bytes, that name a user.
fn stored(settings: &Settings, ids: &[String], quarantined: &[i64]) -> Vec<Vec<u8>> {
    let journal = Connection::open(settings.journal()).unwrap();
    let blob = |sql: &str, of: &dyn rusqlite::ToSql| -> Vec<u8> {
        journal.query_row(sql, [of], |row| row.get(0)).unwrap()
    };
    let content = "SELECT body FROM payloads JOIN events USING (seq) WHERE id = ?";
    let mut blobs: Vec<Vec<u8>> = ids.iter().map(|id| blob(content, id)).collect();
    let raw = "SELECT body FROM quarantine WHERE no = ?";
    blobs.extend(quarantined.iter().map(|no| blob(raw, no)));
    blobs
}

/// The files of the journal that have these bytes, or a part of them where they are many, somewhere.
fn files_with(folder: &Path, bytes: &[u8]) -> Vec<String> {
    // Long ones stand on several pages.
    let step = (bytes.len() / 16).max(1);
    let parts: Vec<&[u8]> = bytes.windows(bytes.len().min(64)).step_by(step).collect();
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let of_journal = files.filter(|path| path.to_string_lossy().contains("journal.db"));
    of_journal
        .filter(|path| {
            let content = std::fs::read(path).unwrap();
            let length = parts[0].len();
            content.windows(length).any(|window| parts.contains(&window))
        })
        .map(|path| path.display().to_string())
        .collect()
}

/// How many arrivals and deliveries there were, whatever became of them.
fn all(status: &Value) -> (u64, u64) {
    let sum = |name: &str| -> u64 {
        let counts = status[name].as_array().unwrap().iter();
        counts.map(|count| count["count"].as_u64().unwrap()).sum()
    };
    (sum("arrivals"), sum("deliveries") + sum("pending"))
}

/// Ids that begin alike: of a user who is to be forgotten, and of two who are not.
const USERS: [u32; 3] = [1, 12, 11];

/// Posts three events of each user; every third is refused by the target, and so dead.
async fn fill(gateway: &Process) -> Vec<(String, u32)> {
    let mut sent = Vec::new();
    for (number, user) in (0..3).flat_map(|n| USERS.map(|user| (n, user))) {
        let id = format!("evt_{user}_{number}");
        assert_eq!(post(gateway, &event(&id, user, number).body()).await, 204);
        sent.push((id, user));
    }
    // One so long that it has pages of its own in the file, and can't be compressed.
    let mut long = event("evt_1_long", 1, 6).0;
    let mut random = fastrand::Rng::with_seed(1);
    let text: String = (0..60_000).map(|_| random.alphanumeric()).collect();
    long["data"]["object"]["about"] = json!(text);
    assert_eq!(post(gateway, &long.to_string()).await, 204);
    sent.push(("evt_1_long".into(), 1));
    // An event of somebody else that names the user in passing.
    let mut names = event("evt_12_names", 12, 7).0;
    names["data"]["object"]["manager"] = json!("auth0|1");
    assert_eq!(post(gateway, &names.to_string()).await, 204);
    sent.push(("evt_12_names".into(), 1));
    for body in [r#"{"user_id": "auth0|1", "cut off"#, r#"{"user_id": "auth0|12", "cut off"#] {
        assert_eq!(post(gateway, body).await, 202);
    }
    nothing_pending(gateway).await;
    sent
}

async fn erase(settings: &Settings, gateway: &Process, more: &[&str]) -> Said {
    let arguments = ["events", "erase", "--subject", "auth0|1"];
    cli::ask(settings, gateway.admin, &[&arguments[..], more].concat()).await
}

/// Of the user's events ids, times and outcomes are left; those of others are as they were.
async fn check_stories(gateway: &Process, sent: &[(String, u32)]) {
    for (id, user) in sent {
        let story = get(gateway, &format!("events/{id}")).await;
        let delivery = &story["deliveries"][0];
        if *user == 1 {
            assert_eq!(
                (&story["subject"], &story["content"]),
                (&json!("erased"), &json!("erased"))
            );
            assert_eq!(story["payload"], Value::Null, "{story}");
            assert_eq!(delivery["state"], "discarded");
            assert_eq!(delivery["reason"], "erased by kim: request 17");
            assert!(!story.to_string().contains("auth0|1"), "{story}");
        } else {
            assert_eq!((&story["content"], &delivery["state"]), (&json!("whole"), &json!("dead")));
            assert_eq!(story["subject"], format!("user:auth0|{user}"));
        }
    }
}

#[tokio::test]
async fn a_user_is_forgotten_and_nobody_else_is() {
    let broken = Broken::start().await;
    let settings = Settings::new("webhook").deliver("app", &broken.target.url(), &[]);
    let gateway = Process::serve(&settings).await;
    let sent = fill(&gateway).await;
    let of_user: Vec<String> =
        sent.iter().filter(|(_, user)| *user == 1).map(|(id, _)| id.clone()).collect();
    assert_eq!(of_user.len(), 5);
    // An order that names the user.
    let hope = ["dead-letters", "redrive", "--subject", "auth0|1", "--why", "hope"];
    cli::ask(&settings, gateway.admin, &hope).await.check(0, "redriven 4 of 4 (order 1)");
    nothing_pending(&gateway).await;
    cli::ask(&settings, gateway.admin, &["orders", "list"]).await.check(0, "subject auth0|1");
    assert!(gateway.terminate().await.0.success());
    let content = stored(&settings, &of_user, &[1]);
    for bytes in &content {
        assert_ne!(files_with(settings.folder(), bytes).len(), 0, "it is found where it is");
    }

    let gateway = Process::serve(&settings).await;
    let before = get(&gateway, "status").await;
    let dry = erase(&settings, &gateway, &["--dry-run"]).await;
    dry.check(0, "would erase 6, of events and quarantined bodies; nothing is done");
    let dry = erase(&settings, &gateway, &["--dry-run", "--json"]).await.json();
    assert_eq!((&dry["matched"], &dry["at_least"]), (&json!(6), &json!(false)));
    assert_eq!(get(&gateway, "events/evt_1_0").await["content"], "whole");
    erase(&settings, &gateway, &[]).await.check(2, "--why TEXT");
    let erased = erase(&settings, &gateway, &["--why", "request 17"]).await;
    erased.check(0, "erased 6 of 6 (order 2)");

    check_stories(&gateway, &sent).await;
    let list = cli::ask(&settings, gateway.admin, &["dead-letters", "list", "--json"]).await.json();
    assert_eq!(list["letters"].as_array().unwrap().len(), 6);
    let quarantined = get(&gateway, "quarantine").await;
    let left: Vec<_> = quarantined["quarantined"].as_array().unwrap().iter().collect();
    assert_eq!((left.len(), &left[0]["no"]), (1, &json!(2)));
    for number in [1, 2] {
        let order = get(&gateway, &format!("orders/{number}")).await;
        assert_eq!((&order["detail"], &order["who"]), (&json!(""), &json!("kim")));
    }
    cli::ask(&settings, gateway.admin, &["orders", "list"]).await.check(0, "what is forgotten");
    let after = get(&gateway, "status").await;
    assert_eq!(all(&before), all(&after));
    // Nothing of it comes back: not by a redrive, not by a repeat.
    broken.mend();
    let redrive = ["dead-letters", "redrive", "--all", "--why", "mended"];
    cli::ask(&settings, gateway.admin, &redrive).await.check(0, "redriven 6 of 6");
    assert_eq!(post(&gateway, &event("evt_1_0", 1, 0).body()).await, 204);
    nothing_pending(&gateway).await;
    let story = get(&gateway, "events/evt_1_0").await;
    assert_eq!(
        (&story["content"], &story["deliveries"][0]["state"]),
        (&json!("erased"), &json!("discarded"))
    );
    erase(&settings, &gateway, &["--why", "request 17"]).await.check(0, "nothing to do (order 4)");

    assert!(gateway.terminate().await.0.success());
    for bytes in &content {
        assert_eq!(files_with(settings.folder(), bytes), [""; 0]);
    }
    for text in ["user1@example.com", "user:auth0|1\0", "\"auth0|1\""] {
        assert_eq!(files_with(settings.folder(), text.as_bytes()), [""; 0], "{text}");
    }
    assert_ne!(files_with(settings.folder(), b"auth0|12").len(), 0);
    let log = std::fs::read_to_string(settings.file("log")).unwrap();
    assert!(!log.contains("auth0|"), "{log}");
    journal_file::check(&settings.journal());
}

#[tokio::test]
async fn an_erasure_goes_on_after_kill_9() {
    let broken = Broken::start().await;
    let settings = Settings::new("webhook").deliver("app", &broken.target.url(), &[]);
    let gateway = Process::serve(&settings).await;
    let sent = fill(&gateway).await;
    let taken = erase(&settings, &gateway, &["--why", "request 17", "--no-wait"]).await;
    taken.check(0, "order 1 is under way");
    gateway.kill();
    let gateway = Process::serve(&settings).await;
    until("the end of the erasure", async || {
        let order = get(&gateway, "orders/1").await;
        (order["state"] == "done").then(|| assert_eq!(order["done"], 6))
    })
    .await;
    for (id, user) in &sent {
        let content = &get(&gateway, &format!("events/{id}")).await["content"];
        assert_eq!(content, if *user == 1 { "erased" } else { "whole" }, "{id}");
    }
    assert!(gateway.terminate().await.0.success());
    journal_file::check(&settings.journal());
}
