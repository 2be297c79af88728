//! Whose orders are taken, and which.

use serde_json::json;

use super::{Broken, post, state};
use crate::support::cli;
use crate::support::gateway::Gateway;
use crate::support::http::{self, Response, request};
use crate::support::settings::Settings;

const JSON: &str = "Content-Type: application/json";

async fn give(gateway: &Gateway, path: &str, headers: &[&str], body: &str) -> Response {
    let bytes = request("POST", &format!("/api/v1/{path}"), headers, body);
    http::send(gateway.admin, &bytes).await
}

#[tokio::test]
async fn orders_of_other_sites_and_wrong_orders_change_nothing() {
    let broken = Broken::start().await;
    let gateway = Gateway::start(broken.settings()).await;
    post(&gateway, 1).await;
    broken.mend();
    let good = json!({"who": "kim", "why": "mended"}).to_string();
    let redrive = "dead-letters/redrive";
    let cases: [(&str, &[&str], &str, u16, &str); 17] = [
        (redrive, &[], &good, 415, "send orders as JSON"),
        (redrive, &["Content-Type: text/plain"], &good, 415, "send orders as JSON"),
        (redrive, &["Content-Type: application/x-www-form-urlencoded"], "who=kim", 415, "as JSON"),
        (redrive, &[JSON, "Origin: https://elsewhere.example"], &good, 403, "of other sites"),
        (redrive, &[JSON, "Origin: null"], &good, 403, "of other sites"),
        (redrive, &[JSON, "Sec-Fetch-Site: cross-site"], &good, 403, "of other sites"),
        (redrive, &[JSON], "{}", 400, "`who` is a line of text"),
        (redrive, &[JSON], r#"{"who": "kim"}"#, 400, "`why` is a line of text"),
        (redrive, &[JSON], r#"{"who": "kim", "why": " "}"#, 400, "`why` is a line of text"),
        (redrive, &[JSON], r#"{"who": "kim", "why": "a\nb"}"#, 400, "`why` is a line of text"),
        (redrive, &[JSON], "no json", 400, "JSON"),
        (redrive, &[JSON], r#"{"who": "k", "why": "w", "colour": 1}"#, 400, "colour"),
        (
            redrive,
            &[JSON],
            r#"{"who": "k", "why": "w", "filter": {"pattern": {"type": [{"prefx": "a"}]}}}"#,
            400,
            "/type/0",
        ),
        (redrive, &[JSON], r#"{"who": "k", "why": "w", "rate": 0}"#, 400, "`rate`"),
        (redrive, &[JSON], r#"{"who": "k", "why": "w", "filter": {"ids": ["e"]}}"#, 404, "no dead"),
        ("targets/nobody/pause", &[JSON], &good, 404, "no target of this name"),
        ("events/erase", &[JSON], r#"{"subject": "", "who": "k", "why": "w"}"#, 400, "`subject`"),
    ];
    for (path, headers, body, status, part) in cases {
        let answer = give(&gateway, path, headers, body).await;
        assert_eq!(answer.status, status, "{path} {headers:?} {body}: {answer:?}");
        let said = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(said.contains(part), "{part}: {said}");
    }
    for (path, status) in [
        ("quarantine/9", 404),
        ("quarantine/x", 400),
        ("orders/9", 404),
        ("orders/x", 400),
        ("dead-letters?pattern=%7B%22a%22%3A%201%7D", 400),
        ("dead-letters?from=soon", 400),
        ("dead-letters?source=elsewhere", 400),
    ] {
        let answer = gateway.get(&format!("/api/v1/{path}")).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        assert!(answer.json()["error"].is_string(), "{path}: {answer:?}");
    }
    assert_eq!(gateway.get("/api/v1/orders").await.json()["orders"], json!([]));
    assert_eq!(state(&gateway, "evt_0").await, "dead");
    let origin = format!("Origin: http://{}", gateway.admin);
    let host = format!("Host: {}", gateway.admin);
    let bytes = request("POST", "/api/v1/dead-letters/redrive", &[JSON, &origin], &good);
    let bytes = String::from_utf8(bytes).unwrap().replace("Host: localhost", &host);
    assert_eq!(http::send(gateway.admin, bytes.as_bytes()).await.status, 202, "of its own page");
    gateway.stop().await;
}

#[tokio::test]
async fn the_token_is_demanded_of_whoever_asks() {
    const TOKEN: &str = "admin-token-0123456789";
    let settings =
        Settings::new("webhook").set("admin.token", "{ env = \"ADMIN\" }").variable("ADMIN", TOKEN);
    let gateway = Gateway::start(settings).await;
    let order = json!({"who": "kim", "why": "x"}).to_string();
    let refused = give(&gateway, "dead-letters/redrive", &[JSON], &order).await;
    assert_eq!(refused.status, 401);
    let bearer = format!("Authorization: Bearer {TOKEN}");
    let taken = give(&gateway, "dead-letters/redrive", &[JSON, &bearer], &order).await;
    assert_eq!(taken.status, 202);

    // By the configuration, as the gateway itself has it.
    let list = cli::ask(gateway.settings(), gateway.admin, &["orders", "list"]).await;
    list.check(0, "redrive");
    let elsewhere = Settings::new("webhook");
    let list = cli::ask(&elsewhere, gateway.admin, &["orders", "list"]).await;
    list.check(2, "demands the token of its admin.token");
    list.check(2, "TWINSTREAM_ADMIN_TOKEN");
    let wrong = elsewhere.variable("TWINSTREAM_ADMIN_TOKEN", "another");
    let list = cli::ask(&wrong, gateway.admin, &["orders", "list"]).await;
    list.check(2, "does not take this token");
    assert!(!format!("{}{}", list.out(), list.err).contains("another"));
    let right = wrong.variable("TWINSTREAM_ADMIN_TOKEN", TOKEN);
    cli::ask(&right, gateway.admin, &["orders", "list"]).await.check(0, "redrive");
    gateway.stop().await;
}

#[tokio::test]
async fn who_asks_nobody_is_told_what_to_do() {
    let settings = Settings::new("webhook");
    // Nobody listens where somebody just did.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let gone = cli::ask(&settings, address, &["orders", "list"]).await;
    gone.check(3, "no gateway answers at http://127.0.0.1:");
    gone.check(3, "--admin ADDRESS names another");
    gone.check(3, "refused");
    let port = crate::support::process::run(&settings, &["orders", "list"]);
    assert_eq!(port.status.code(), Some(2));
    let said = String::from_utf8(port.stderr).unwrap();
    assert!(said.contains("say with --admin ADDRESS which one it took"), "{said}");
    let pattern = settings.file("pattern.json");
    std::fs::write(&pattern, r#"{"type": [{"prefx": "a"}]}"#).unwrap();
    let pattern = pattern.to_str().unwrap();
    let refused = ["dead-letters", "list", "--pattern", pattern];
    cli::ask(&settings, address, &refused).await.check(2, "/type/0");
    let soon = ["dead-letters", "list", "--from", "soon"];
    cli::ask(&settings, address, &soon).await.check(2, "neither a time");
}

#[tokio::test]
async fn who_asks_something_else_is_told_so() {
    let settings = Settings::new("webhook");
    let gateway = Gateway::start(Settings::new("webhook")).await;
    let wrong_door = cli::ask(&settings, gateway.webhook.unwrap(), &["orders", "list"]).await;
    wrong_door.check(3, "is no admin listener");
    gateway.stop().await;
}
