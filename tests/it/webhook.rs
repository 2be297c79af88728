//! The webhook door over real sockets: every line of the table of answers.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::time::sleep;

use crate::support::event::event;
use crate::support::gateway::Gateway;
use crate::support::http::{self, Connection, request};
use crate::support::settings::{Settings, TOKEN};
use crate::support::until;

const PATH: &str = "/webhooks/auth0";

async fn gateway() -> Gateway {
    Gateway::start(Settings::new("webhook")).await
}

fn arrivals(counts: &twinstream::journal::Counts) -> Vec<(&str, u64)> {
    counts.arrivals.iter().map(|(_, outcome, count)| (outcome.as_str(), *count)).collect()
}

#[tokio::test]
async fn accepted_or_seen_before_is_204() {
    let gateway = gateway().await;
    let body = event("evt_1", 1, 1).body();
    for _ in 0..3 {
        let response = gateway.post(&body).await;
        assert_eq!((response.status, response.body.as_str()), (204, ""));
    }
    assert_eq!(arrivals(&gateway.counts().await), [("accepted", 1), ("duplicate", 2)]);
    gateway.stop().await;
}

#[tokio::test]
async fn any_or_no_content_type_will_do() {
    let gateway = gateway().await;
    let bearer = format!("Authorization: Bearer {TOKEN}");
    for (number, content_type) in
        ["X-None: 1", "Content-Type: text/plain", "Content-Type: ;;", "content-type: a/b"]
            .iter()
            .enumerate()
    {
        let body = event(&format!("evt_{number}"), 1, 1).body();
        let request = request("POST", PATH, &[&bearer, content_type], &body);
        assert_eq!(http::send(gateway.webhook.unwrap(), &request).await.status, 204);
    }
    gateway.stop().await;
}

#[tokio::test]
async fn what_is_not_understood_is_kept_and_202() {
    let gateway = gateway().await;
    let bodies = [
        String::new(),
        "not json".into(),
        "[]".into(),
        format!("[{}]", event("evt_1", 1, 1).body()),
        r#"{"log_id":"900","data":{"type":"s"}}"#.into(),
        event("", 1, 1).body(),
        event("evt_1", 1, 1).with("specversion", "0.3").body(),
        event("evt_1", 1, 1).envelope(),
    ];
    for body in &bodies {
        let response = gateway.post(body).await;
        assert_eq!(response.status, 202, "{body}");
    }
    let counts = gateway.counts().await;
    assert_eq!(arrivals(&counts), [("quarantined", 8)]);
    let reasons: Vec<_> =
        counts.quarantined.iter().map(|(reason, n)| (reason.as_str(), *n)).collect();
    let expected = [
        ("bad_id", 1),
        ("log_stream", 1),
        ("not_a_cloud_event", 2),
        ("not_an_object", 2),
        ("not_json", 2),
    ];
    assert_eq!(reasons, expected);
    gateway.stop().await;
}

#[tokio::test]
async fn no_or_wrong_credentials_are_401_and_store_nothing() {
    let gateway = gateway().await;
    let basic = STANDARD.encode(format!("user:{TOKEN}"));
    let body = event("evt_1", 1, 1).body();
    for header in [
        "X-None: 1".to_owned(),
        "Authorization: Bearer wrong".to_owned(),
        "Authorization: Bearer ".to_owned(),
        format!("Authorization: Bearer {TOKEN}x"),
        format!("Authorization: {TOKEN}"),
        format!("Authorization: Basic {basic}"),
        format!("X-Token: {TOKEN}"),
    ] {
        let request = request("POST", PATH, &[&header], &body);
        let response = http::send(gateway.webhook.unwrap(), &request).await;
        assert_eq!(response.status, 401, "{header}");
        assert_eq!(response.header("www-authenticate"), Some("Bearer realm=\"twinstream\""));
    }
    assert_eq!(arrivals(&gateway.counts().await), []);
    gateway.stop().await;
}

#[tokio::test]
async fn a_401_reaches_a_sender_that_is_still_sending() {
    let gateway = gateway().await;
    let body = "x".repeat(2 * 1024 * 1024);
    let request = request("POST", PATH, &["Authorization: Bearer wrong"], &body);
    assert_eq!(http::send(gateway.webhook.unwrap(), &request).await.status, 401);
    gateway.stop().await;
}

#[tokio::test]
async fn several_secrets_count_until_their_time_is_over() {
    let secrets = r#"[{ label = "old", env = "OLD", not_after = "2026-01-01T00:00:00Z" },
        { label = "now", env = "TOKEN", not_after = "2200-01-01T00:00:00Z" },
        { label = "next", env = "NEXT" }]"#;
    let settings = Settings::new("webhook")
        .set("webhook.secrets", secrets)
        .variable("OLD", "old-token-0123456789")
        .variable("NEXT", "next-token-0123456789");
    let gateway = Gateway::start(settings).await;
    for (token, status) in
        [("old-token-0123456789", 401), (TOKEN, 204), ("next-token-0123456789", 204)]
    {
        let bearer = format!("Authorization: Bearer {token}");
        let request = request("POST", PATH, &[&bearer], &event("evt_1", 1, 1).body());
        assert_eq!(http::send(gateway.webhook.unwrap(), &request).await.status, status, "{token}");
    }
    let status = gateway.get("/api/v1/status").await.json();
    let labels: Vec<&str> = status["secrets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|used| used["label"].as_str().unwrap())
        .collect();
    assert_eq!(labels, ["next", "now"]);
    gateway.stop().await;
}

#[tokio::test]
async fn basic_and_custom_header_prove_the_sender_too() {
    let basic =
        Settings::new("webhook").set("webhook.method", "basic").set("webhook.username", "a0");
    let header = Settings::new("webhook")
        .set("webhook.method", "header")
        .set("webhook.header_name", "x-auth0-token");
    let good = format!("Authorization: Basic {}", STANDARD.encode(format!("a0:{TOKEN}")));
    let bad = format!("Authorization: Basic {}", STANDARD.encode(format!("b0:{TOKEN}")));
    let cases = [
        (basic, good, bad),
        (header, format!("X-Auth0-Token: {TOKEN}"), format!("Authorization: Bearer {TOKEN}")),
    ];
    for (settings, good, bad) in cases {
        let gateway = Gateway::start(settings).await;
        for (header, status) in [(good, 204), (bad, 401)] {
            let request = request("POST", PATH, &[&header], &event("evt_1", 1, 1).body());
            let response = http::send(gateway.webhook.unwrap(), &request).await;
            assert_eq!(response.status, status, "{header}");
        }
        gateway.stop().await;
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_whether_its_length_is_told_or_not() {
    let gateway =
        Gateway::start(Settings::new("webhook").set("webhook.body_bytes_max", "2048")).await;
    let address = gateway.webhook.unwrap();
    assert_eq!(gateway.post(&"x".repeat(2_049)).await.status, 413);
    assert_eq!(gateway.post(&"x".repeat(1_000_000)).await.status, 413);
    assert_eq!(gateway.post(&"x".repeat(2_048)).await.status, 202);
    let mut connection = Connection::open(address).await;
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\
         Transfer-Encoding: chunked\r\n\r\n"
    );
    connection.send(head.as_bytes()).await;
    for _ in 0..3 {
        connection.send(format!("400\r\n{}\r\n", "x".repeat(0x400)).as_bytes()).await;
    }
    connection.send(b"0\r\n\r\n").await;
    assert_eq!(connection.receive().await.unwrap().status, 413);
    gateway.stop().await;
}

#[tokio::test]
async fn a_chunked_body_is_as_good_as_any() {
    let gateway = gateway().await;
    let body = event("evt_1", 1, 1).body();
    let (start, end) = body.split_at(20);
    let chunk = |part: &str| format!("{:x}\r\n{part}\r\n", part.len());
    let request = format!(
        "POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\
         Transfer-Encoding: chunked\r\n\r\n{}{}0\r\n\r\n",
        chunk(start),
        chunk(end)
    );
    assert_eq!(http::send(gateway.webhook.unwrap(), request.as_bytes()).await.status, 204);
    assert_eq!(gateway.story("evt_1").await.unwrap().payload, event("evt_1", 1, 1).0);
    gateway.stop().await;
}

#[tokio::test]
async fn a_sender_that_closes_its_half_is_answered_all_the_same() {
    let gateway = gateway().await;
    for (body, status) in [(event("evt_1", 1, 1).body(), 204), ("not json".into(), 202)] {
        let mut connection = Connection::open(gateway.webhook.unwrap()).await;
        connection.send(&http::webhook(&body)).await;
        connection.close_half().await;
        assert_eq!(connection.receive().await.map(|response| response.status), Some(status));
    }
    gateway.stop().await;
}

#[tokio::test]
async fn every_place_is_there_for_a_connection_and_none_for_waiting_for_one() {
    let gateway =
        Gateway::start(Settings::new("webhook").set("webhook.connections_max", "1")).await;
    for number in 0..8 {
        let mut connection = Connection::open(gateway.webhook.unwrap()).await;
        let body = event(&format!("evt_{number}"), 1, number).body();
        connection.send(&http::webhook_and_close(&body)).await;
        assert_eq!(connection.receive().await.unwrap().status, 204, "{number}");
        // Closed by the gateway, so that its place is free again.
        assert_eq!(connection.receive().await, None);
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_head_says_whether_credentials_are_taken_and_stores_nothing() {
    let settings = Settings::new("webhook").set(
        "webhook.secrets",
        r#"[{ label = "new \"ö\"", env = "TOKEN" }, { label = "old", env = "OLD", not_after = "2026-01-01T00:00:00Z" }]"#,
    );
    let gateway = Gateway::start(settings.variable("OLD", "old-token")).await;
    let address = gateway.webhook.unwrap();
    let head =
        async |header: &str| http::send(address, &request("HEAD", PATH, &[header], "")).await;
    let known = head(&format!("Authorization: Bearer {TOKEN}")).await;
    assert_eq!(known.status, 204);
    let label: String =
        serde_json::from_str(known.header("twinstream-secret-label").unwrap()).unwrap();
    assert_eq!(label, "new \"ö\"");
    for wrong in ["Authorization: Bearer wrong", "Authorization: Bearer old-token", "X-Other: x"] {
        let refused = head(wrong).await;
        assert_eq!(
            (refused.status, refused.header("twinstream-secret-label")),
            (401, None),
            "{wrong}"
        );
    }
    let status = gateway.get("/api/v1/status").await.json();
    assert_eq!(status["secrets"], serde_json::json!([]), "Auth0 has used none");
    let metrics = gateway.get("/metrics").await.body;
    // No event was lost, and nobody is to be woken.
    for count in ["{cause=\"head\"} 3", "{cause=\"credentials\"} 0"] {
        let line = format!("twinstream_webhook_refused_total{count}");
        assert!(metrics.contains(&line), "{line}: {metrics}");
    }
    let counts = gateway.counts().await;
    assert!(counts.arrivals.is_empty() && counts.quarantined.is_empty(), "{counts:?}");
    gateway.stop().await;
}

#[tokio::test]
async fn other_methods_are_405_and_other_paths_404() {
    let gateway = gateway().await;
    let address = gateway.webhook.unwrap();
    let bearer = format!("Authorization: Bearer {TOKEN}");
    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let response = http::send(address, &request(method, PATH, &[&bearer], "")).await;
        assert_eq!(response.status, 405, "{method}");
        assert_eq!(response.header("allow"), Some("POST,HEAD"), "{method}");
    }
    for path in ["/", "/webhooks", "/webhooks/auth0/", "/webhooks/auth0/x", "/metrics", "/healthz"]
    {
        let response = http::send(address, &request("POST", path, &[&bearer], "{}")).await;
        assert_eq!(response.status, 404, "{path}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn one_connection_carries_many_requests() {
    let gateway = gateway().await;
    let mut connection = Connection::open(gateway.webhook.unwrap()).await;
    for number in 0..5 {
        connection.send(&http::webhook(&event(&format!("evt_{number}"), 1, number).body())).await;
        assert_eq!(connection.receive().await.unwrap().status, 204);
    }
    connection.send(&request("POST", PATH, &["Authorization: Bearer wrong"], "{}")).await;
    assert_eq!(connection.receive().await.unwrap().status, 401);
    connection.send(&http::webhook(&event("evt_after", 1, 9).body())).await;
    assert_eq!(connection.receive().await.unwrap().status, 204);
    drop(connection);
    gateway.stop().await;
}

#[tokio::test]
async fn slow_senders_are_cut_off() {
    let settings = Settings::new("webhook")
        .set("webhook.body_timeout", "1s")
        .set("webhook.head_timeout", "1s");
    let gateway = Gateway::start(settings).await;
    let address = gateway.webhook.unwrap();
    // A body that never comes to its end may come again: 503.
    let mut slow_body = Connection::open(address).await;
    let whole = http::webhook(&event("evt_1", 1, 1).body());
    slow_body.send(&whole[..whole.len() - 5]).await;
    // A head that never comes to its end gets no answer: there is no request yet.
    let mut slow_head = Connection::open(address).await;
    slow_head.send(b"POST /webhooks/auth0 HTTP/1.1\r\nHost: x\r\n").await;
    let mut silent = Connection::open(address).await;
    let response = slow_body.receive().await.unwrap();
    assert_eq!((response.status, response.header("retry-after")), (503, Some("1")));
    assert_eq!(slow_head.receive().await, None);
    assert_eq!(silent.receive().await, None);
    assert_eq!(gateway.post(&event("evt_1", 1, 1).body()).await.status, 204);
    gateway.stop().await;
}

#[tokio::test]
async fn an_idle_connection_is_left_alone_for_longer_than_a_head_may_take() {
    let settings = Settings::new("webhook")
        .set("webhook.head_timeout", "1s")
        .set("webhook.idle_timeout", "4s");
    let gateway = Gateway::start(settings).await;
    let mut connection = Connection::open(gateway.webhook.unwrap()).await;
    for number in 0..2 {
        connection.send(&http::webhook(&event(&format!("evt_{number}"), 1, number).body())).await;
        assert_eq!(connection.receive().await.unwrap().status, 204);
        // Over twice the time that a head may take.
        sleep(Duration::from_millis(2_200)).await;
    }
    // Now it is idle for too long.
    assert_eq!(connection.receive().await, None);
    gateway.stop().await;
}

#[tokio::test]
async fn a_huge_head_is_refused() {
    let gateway =
        Gateway::start(Settings::new("webhook").set("webhook.head_bytes_max", "8192")).await;
    let mut connection = Connection::open(gateway.webhook.unwrap()).await;
    let header = format!("X-Long: {}", "x".repeat(20_000));
    drop(connection.try_send(&request("POST", PATH, &[&header], "{}")).await);
    if let Some(response) = connection.receive().await {
        assert_eq!(response.status, 431);
    }
    assert_eq!(gateway.post(&event("evt_1", 1, 1).body()).await.status, 204);
    gateway.stop().await;
}

#[tokio::test]
async fn connections_above_the_limit_are_told_to_come_back() {
    let gateway =
        Gateway::start(Settings::new("webhook").set("webhook.connections_max", "2")).await;
    let address = gateway.webhook.unwrap();
    let mut held = Vec::new();
    for number in 0..2 {
        let mut connection = Connection::open(address).await;
        connection.send(&http::webhook(&event(&format!("evt_{number}"), 1, number).body())).await;
        assert_eq!(connection.receive().await.unwrap().status, 204);
        held.push(connection);
    }
    let refused = gateway.post(&event("evt_3", 1, 3).body()).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    // One that asks for nothing is not waited for until the time-out of heads, which is 75 s.
    assert_eq!(Connection::open(address).await.receive().await, None);
    held.clear();
    until("a free place", async || {
        (gateway.post(&event("evt_3", 1, 3).body()).await.status == 204).then_some(())
    })
    .await;
    gateway.stop().await;
}

#[tokio::test]
async fn while_the_journal_can_not_commit_the_answer_is_503_and_then_204_again() {
    let settings = Settings::new("webhook")
        .set("webhook.commit_deadline", "300ms")
        .set("journal.busy_timeout", "100ms");
    let gateway = Gateway::start(settings).await;
    let other = rusqlite::Connection::open(gateway.settings().journal()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let body = event("evt_1", 1, 1).body();
    for _ in 0..3 {
        let response = gateway.post(&body).await;
        assert_eq!((response.status, response.header("retry-after")), (503, Some("1")));
    }
    // What is not understood must not get lost either.
    assert_eq!(gateway.post("not json").await.status, 503);
    assert_eq!(gateway.get("/readyz").await.status, 503);
    other.execute_batch("COMMIT").unwrap();
    drop(other);
    assert_eq!(gateway.post(&body).await.status, 204);
    assert_eq!(gateway.post("not json").await.status, 202);
    gateway.ready().await;
    assert_eq!(arrivals(&gateway.counts().await), [("accepted", 1), ("quarantined", 1)]);
    gateway.stop().await;
}

#[tokio::test]
async fn the_commit_deadline_holds_when_the_writer_hangs() {
    let settings = Settings::new("webhook")
        .set("webhook.commit_deadline", "200ms")
        .set("journal.busy_timeout", "199ms");
    let gateway = Gateway::start(settings).await;
    let other = rusqlite::Connection::open(gateway.settings().journal()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // Many at once: those behind the first wait for a writer that waits for the lock.
    let address = gateway.webhook.unwrap();
    let bodies: Vec<_> = (0..20).map(|n| event(&format!("evt_{n}"), n, 1).body()).collect();
    let posts = bodies.iter().map(|body| http::post(address, body));
    for response in futures_util::future::join_all(posts).await {
        assert_eq!(response.status, 503);
    }
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);
    for body in &bodies {
        assert_eq!(gateway.post(body).await.status, 204);
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_request_that_waits_at_the_stop_is_answered() {
    let gateway = gateway().await;
    let mut idle = Connection::open(gateway.webhook.unwrap()).await;
    let mut halfway = Connection::open(gateway.webhook.unwrap()).await;
    let whole = http::webhook(&event("evt_1", 1, 1).body());
    halfway.send(&whole[..whole.len() - 5]).await;
    // The gateway has begun to read it.
    sleep(Duration::from_millis(200)).await;
    let stopping = tokio::spawn(gateway.stop());
    sleep(Duration::from_millis(100)).await;
    halfway.send(&whole[whole.len() - 5..]).await;
    // Taken in time, or told to come back: never left without a word.
    let status = halfway.receive().await.unwrap().status;
    assert!(matches!(status, 204 | 503), "{status}");
    assert_eq!(idle.receive().await, None);
    stopping.await.unwrap();
}
