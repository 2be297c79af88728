//! What could not be understood: kept byte for byte, looked at, read once more, given up.

use std::time::Duration;

use rusqlite::{Connection, params};
use serde_json::json;
use twinstream::clock::Clock;
use twinstream::event::Timestamp;

use crate::support::cli;
use crate::support::cloud::{Cloud, VISIBILITY};
use crate::support::event::event;
use crate::support::gateway::Gateway;
use crate::support::http;
use crate::support::settings::{Settings, TOKEN};
use crate::support::target::Target;

const NOT_UTF8: &[u8] = b"\xff\xfe\x00{\"a\"\x1b[31m\r\n\x80 end";

async fn ask(gateway: &Gateway, arguments: &[&str]) -> cli::Said {
    cli::ask(gateway.settings(), gateway.admin, arguments).await
}

async fn post_bytes(gateway: &Gateway, body: &[u8]) {
    let head = format!(
        "POST /webhooks/auth0 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    let request = [head.as_bytes(), body].concat();
    assert_eq!(http::send(gateway.webhook.unwrap(), &request).await.status, 202);
}

#[tokio::test]
async fn bytes_are_shown_as_they_came() {
    let gateway = Gateway::start(Settings::new("webhook")).await;
    let long = "no json, and long enough to be compressed. ".repeat(200);
    let first = b"{\"no\": json \x1b[2J".as_slice();
    for body in [first, NOT_UTF8, b"[1, 2]", long.as_bytes()] {
        post_bytes(&gateway, body).await;
    }
    let list = ask(&gateway, &["quarantine", "list"]).await;
    list.check(0, "not_json");
    list.check(0, "not UTF-8 from byte 0");
    let page = ask(&gateway, &["quarantine", "list", "--limit", "2", "--json"]).await.json();
    let numbers = |page: &serde_json::Value| -> Vec<i64> {
        let rows = page["quarantined"].as_array().unwrap().iter();
        rows.map(|row| row["no"].as_i64().unwrap()).collect()
    };
    assert_eq!((numbers(&page), &page["next"]), (vec![4, 3], &json!(3)));
    let page = ask(&gateway, &["quarantine", "list", "--before", "3", "--json"]).await.json();
    assert_eq!((numbers(&page), &page["next"]), (vec![2, 1], &json!(null)));
    let reason = page["quarantined"][0]["reason"].as_str().unwrap().to_owned();
    let of_reason = ["quarantine", "list", "--reason", &reason, "--json"];
    assert_eq!(numbers(&ask(&gateway, &of_reason).await.json()), [4, 2, 1]);

    for (no, body) in [("2", NOT_UTF8), ("4", long.as_bytes())] {
        let raw = ask(&gateway, &["quarantine", "show", no, "--raw"]).await;
        assert_eq!((raw.code, raw.bytes.as_slice(), raw.err.as_str()), (Some(0), body, ""));
    }
    let shown = ask(&gateway, &["quarantine", "show", "2"]).await;
    shown.check(0, "bytes that are no text; --raw writes them as they are");
    shown.check(0, r"\xff\xfe\x00{");
    assert!(!shown.bytes.contains(&0x1b), "nothing that a terminal would obey");
    let shown = ask(&gateway, &["quarantine", "show", "1"]).await;
    shown.check(0, r#"{"no": json \u{1b}[2J"#);
    assert!(!shown.bytes.contains(&0x1b), "nothing that a terminal would obey");
    let json = ask(&gateway, &["quarantine", "show", "1", "--json"]).await.json();
    assert_eq!(
        (&json["text"], &json["path"]),
        (&json!("{\"no\": json \u{1b}[2J"), &json!("webhook"))
    );
    ask(&gateway, &["quarantine", "show", "9"]).await.check(1, "nothing is quarantined under");
    ask(&gateway, &["quarantine", "show", "9", "--raw"]).await.check(1, "nothing is quarantined");
    gateway.stop().await;
}

#[tokio::test]
async fn bytes_are_given_up_by_number_and_who_did_it_is_kept() {
    let gateway = Gateway::start(Settings::new("webhook")).await;
    for _ in 0..3 {
        post_bytes(&gateway, b"no json").await;
    }
    ask(&gateway, &["quarantine", "discard", "1"]).await.check(2, "--why TEXT");
    ask(&gateway, &["quarantine", "discard"]).await.check(2, "<NO>");
    let some = ask(&gateway, &["quarantine", "discard", "1", "3", "7", "--why", "noise"]).await;
    some.check(0, "discarded 2 (order 1)");
    some.check(0, "nothing is quarantined under 7");
    ask(&gateway, &["quarantine", "discard", "1", "--why", "x"])
        .await
        .check(1, "under any of these");
    let orders = ask(&gateway, &["orders", "list", "--json"]).await.json();
    assert_eq!(orders["orders"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&orders["orders"][0]["who"], &orders["orders"][0]["why"]),
        (&json!("kim"), &json!("noise"))
    );
    assert_eq!(gateway.counts().await.quarantined, [("not_json".to_owned(), 1)]);
    // They came, and ended as quarantined: that is still counted.
    assert_eq!(arrivals(&gateway).await, [("quarantined".to_owned(), 3)]);
    gateway.stop().await;
}

async fn arrivals(gateway: &Gateway) -> Vec<(String, u64)> {
    let counts = gateway.counts().await.arrivals.into_iter();
    counts.filter(|(.., n)| *n > 0).map(|(_, outcome, n)| (outcome, n)).collect()
}

/// What a version that understands less would have left behind.
fn quarantine(settings: &Settings, at: Timestamp, path: i64, body: &str) {
    let journal = Connection::open(settings.journal()).unwrap();
    journal
        .execute(
            "INSERT INTO quarantine (at, path, reason, detail, message_id, encoding, body)
             VALUES (?, ?, 'not_an_event', 'of another time', ?, 0, ?)",
            params![at.as_nanos(), path, (path == 1).then_some("m-1"), body.as_bytes()],
        )
        .unwrap();
    journal
        .execute(
            "INSERT INTO counts (what, who, outcome, n) VALUES (0, ?, 'quarantined', 1)
             ON CONFLICT DO UPDATE SET n = n + 1",
            [path],
        )
        .unwrap();
}

#[tokio::test]
async fn what_is_understood_after_an_upgrade_is_an_event_and_delivered_once() {
    let (cloud, target) = (Cloud::stand_in_with(&[VISIBILITY]).await, Target::up().await);
    let settings = Settings::new("both").queue(&cloud.endpoint_url, &cloud.queue_url);
    let gateway = Gateway::start(settings.deliver("app", &target.url(), &[])).await;
    post_bytes(&gateway, b"no json").await;
    post_bytes(&gateway, NOT_UTF8).await;
    let settings = gateway.stop().await;
    let at = Clock::System.now().minus(Duration::from_hours(3));
    quarantine(&settings, at, 0, &event("evt_webhook", 1, 1).body());
    quarantine(&settings, at, 1, &event("evt_queue", 2, 2).by_eventbridge().envelope());
    // The same event, which came by both.
    quarantine(&settings, at, 1, &event("evt_webhook", 1, 1).by_eventbridge().envelope());

    let gateway = Gateway::start(settings).await;
    gateway.ready().await;
    assert_eq!(arrivals(&gateway).await, [("quarantined".into(), 3), ("quarantined".into(), 2)]);
    let one = ["quarantine", "reprocess", "1", "9", "--why", "upgrade"];
    let one = ask(&gateway, &one).await;
    one.check(0, "understood 0 of 1 (order 1)");
    one.check(0, "nothing is quarantined under 9");
    one.check(0, "1 not understood by this version either; kept");
    ask(&gateway, &["quarantine", "reprocess", "9", "--why", "x"])
        .await
        .check(1, "under any of these");
    let of_reason =
        ["quarantine", "reprocess", "--reason", "not_json", "--why", "upgrade", "--json"];
    let order = ask(&gateway, &of_reason).await.json();
    assert_eq!((&order["done"], &order["total"]), (&json!(0), &json!(2)));
    assert!(target.came().is_empty());

    let all = ask(&gateway, &["quarantine", "reprocess", "--why", "upgrade"]).await;
    all.check(0, "understood 3 of 5");
    gateway.delivered().await;
    let mut ids: Vec<String> = target.came().iter().map(|came| came.id().to_owned()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["evt_queue", "evt_webhook"]);
    let story = gateway.story("evt_webhook").await.unwrap();
    assert_eq!(story.arrivals.len(), 2);
    assert!(story.arrivals.iter().all(|arrival| arrival.at == at), "when it came");
    let message = story.arrivals.iter().find_map(|arrival| arrival.message_id.as_deref());
    assert_eq!(message, Some("m-1"));
    let ended = [("accepted".into(), 1), ("quarantined".into(), 2), ("accepted".into(), 2)];
    assert_eq!(arrivals(&gateway).await, ended);
    // What is still not understood stays as it came.
    let raw = ask(&gateway, &["quarantine", "show", "2", "--raw"]).await;
    assert_eq!(raw.bytes, NOT_UTF8);
    let again = ask(&gateway, &["quarantine", "reprocess", "--why", "once more"]).await;
    again.check(0, "understood 0 of 2");
    gateway.delivered().await;
    assert_eq!(target.came().len(), 2);
    gateway.stop().await;
}
