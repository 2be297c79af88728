//! Targets, quarantine, erasing and stopping: everything else that is ordered on a page.

use serde_json::json;

use super::html::{follow, form, forms, page, says, text};
use super::{becomes, gateway, post, state};
use crate::dead_letters::Broken;
use crate::support::event::event;
use crate::support::gateway::Gateway;
use crate::support::http;
use crate::support::settings::{Settings, TOKEN};
use crate::support::target::{Fragile, Target};
use crate::support::until;

#[tokio::test]
async fn a_target_is_paused_and_resumed() {
    let target = Target::up().await;
    let gateway = Gateway::start(Settings::new("webhook").deliver("app", &target.url(), &[])).await;
    let html = page(&gateway, "/targets").await;
    says(&html, "app up Everything due is attempted.");
    assert!(html.contains(r#"href="/orders/pause?target=app""#));
    let sheet = page(&gateway, "/orders/pause?target=app").await;
    says(&sheet, "It is sent nothing until it is resumed; its events wait.");
    let pause = form(&sheet, "/orders/pause");
    let (path, html) = follow(&gateway, &pause.signed().send(&gateway).await).await;
    assert_eq!(path, "/orders/1");
    says(&html, "Order 1: pause");
    assert_eq!(gateway.post(&event("evt_1", 1, 1).body()).await.status, 204);
    let html = page(&gateway, "/targets").await;
    for expected in
        ["app paused up", "Paused by Kim since", "it is mended", "The oldest that waits"]
    {
        says(&html, expected);
    }
    let story = page(&gateway, "/events/evt_1").await;
    says(&story, "It waits for its turn to app. app is paused.");
    let again = page(&gateway, "/orders/pause?target=app").await;
    says(&again, "app is paused already.");
    assert_eq!(forms(&again), []);
    let resume = form(&page(&gateway, "/orders/resume?target=app").await, "/orders/resume");
    assert_eq!(target.came().len(), 0);
    follow(&gateway, &resume.signed().send(&gateway).await).await;
    becomes(&gateway, "evt_1", "delivered").await;
    says(&page(&gateway, "/targets").await, "to-app 0 1 0");
    let document = gateway.get("/api/v1/targets").await.json();
    let route = json!({"route": "to-app", "pending": 0, "dead": 0, "ended": {"delivered": 1}});
    assert_eq!(document["targets"][0]["routes"], json!([route]));
    gateway.stop().await;
}

#[tokio::test]
async fn a_target_that_is_down_says_since_when_and_why() {
    let fragile = Fragile::down().await;
    let settings = Settings::new("webhook").deliver("app", &fragile.target.url(), &[]);
    let gateway = Gateway::start(settings).await;
    for number in 0..30 {
        let event = event(&format!("evt_{number}"), number, u64::from(number));
        assert_eq!(gateway.post(&event.body()).await.status, 204);
    }
    let html = until("an open breaker", async || {
        let html = page(&gateway, "/targets").await;
        text(&html).contains("app down").then_some(html)
    })
    .await;
    says(&html, "The target answered 503.");
    says(&html, "Since");
    fragile.set_down(false);
    gateway.delivered().await;
    gateway.stop().await;
}

async fn quarantine(gateway: &Gateway, body: &[u8]) {
    let head = format!(
        "POST /webhooks/auth0 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    let request = [head.as_bytes(), body].concat();
    assert_eq!(http::send(gateway.webhook.unwrap(), &request).await.status, 202);
}

const HOSTILE: &[u8] = b"<script>alert(1)</script>\x1b[2J";

#[tokio::test]
async fn quarantined_bytes_are_shown_in_letters_that_do_nothing() {
    let gateway = Gateway::start(Settings::new("webhook")).await;
    for body in [HOSTILE, b"\xff\xfe\x00A", b"[1]"] {
        quarantine(&gateway, body).await;
    }
    let html = page(&gateway, "/quarantine").await;
    says(&html, "3 are kept.");
    says(&html, "not UTF-8 from byte 0");
    let of_reason = page(&gateway, "/quarantine?reason=not_an_object").await;
    assert_eq!(of_reason.matches(r#"name="no""#).count(), 1);
    let one = page(&gateway, "/quarantine/1").await;
    says(&one, "<script>alert(1)</script>\\u{1b}[2J");
    assert!(!one.contains("<script>alert"));
    says(&page(&gateway, "/quarantine/2").await, "ff fe 00 41");
    let raw = gateway.get("/quarantine/1/raw").await;
    assert_eq!(raw.body.as_bytes(), HOSTILE);
    assert_eq!(raw.header("content-type"), Some("application/octet-stream"));
    let disposition = "attachment; filename=\"quarantined-1.bin\"";
    assert_eq!(raw.header("content-disposition"), Some(disposition));
    assert_eq!(raw.header("x-content-type-options"), Some("nosniff"));
    gateway.stop().await;
}

#[tokio::test]
async fn quarantined_bytes_are_read_once_more_and_given_up() {
    let gateway = Gateway::start(Settings::new("webhook")).await;
    for body in [HOSTILE, b"[2]", b"[1]"] {
        quarantine(&gateway, body).await;
    }
    let html = page(&gateway, "/quarantine").await;
    let list = forms(&html).into_iter().find(|form| !form.boxes.is_empty()).unwrap();
    says(&page(&gateway, &list.url()).await, "Say which are meant");
    let sheet = page(&gateway, &list.clone().tick("1").tick("3").url()).await;
    says(&sheet, "This would read once more 2.");
    let order = form(&sheet, "/orders/reprocess").signed();
    follow(&gateway, &order.send(&gateway).await).await;
    until("the end of the order", async || {
        let html = page(&gateway, "/orders/1").await;
        text(&html).contains("2 not understood by this version either; kept").then_some(())
    })
    .await;
    let drop = list.tick("1").url().replace("/orders/reprocess", "/orders/drop");
    let drop = form(&page(&gateway, &drop).await, "/orders/drop").signed();
    let all = drop.clone().without("no").fill("all", "on").send(&gateway).await;
    assert_eq!(all.status, 400, "what is given up is named one by one");
    let (_, html) = follow(&gateway, &drop.send(&gateway).await).await;
    says(&html, "quarantined 1");
    says(&page(&gateway, "/quarantine").await, "2 are kept.");
    assert_eq!(gateway.get("/quarantine/1").await.status, 404);
    gateway.stop().await;
}

#[tokio::test]
async fn what_names_a_user_is_erased() {
    let target = Target::up().await;
    let gateway = Gateway::start(Settings::new("webhook").deliver("app", &target.url(), &[])).await;
    post(&gateway, 3).await;
    says(&page(&gateway, "/orders/erase?subject=auth0%7C9").await, "Nothing names it.");
    let sheet = page(&gateway, "/orders/erase?subject=user:auth0%7C1").await;
    says(&sheet, "This would erase 1, of events and quarantined bodies.");
    let order = form(&sheet, "/orders/erase").signed();
    follow(&gateway, &order.send(&gateway).await).await;
    until("the erasure", async || {
        let html = page(&gateway, "/events/evt_1").await;
        text(&html).contains("Its content was erased on request.").then_some(())
    })
    .await;
    gateway.stop().await;
}

#[tokio::test]
async fn an_order_under_way_is_stopped() {
    let broken = Broken::start().await;
    let gateway = gateway(&broken).await;
    post(&gateway, 20).await;
    let sheet = page(&gateway, "/orders/discard?all=on").await;
    says(&sheet, "This would discard 20 dead letters.");
    let slow = form(&sheet, "/orders/discard").signed().fill("rate", "0.5");
    let (path, html) = follow(&gateway, &slow.send(&gateway).await).await;
    says(&html, "under way");
    assert!(html.contains("<progress"));
    let second = form(&page(&gateway, "/orders/discard?id=evt_19").await, "/orders/discard");
    let (_, waiting) = follow(&gateway, &second.signed().send(&gateway).await).await;
    says(&waiting, "Order 1 goes first");
    let stop = form(&html, &format!("{path}/stop"));
    let (_, html) = follow(&gateway, &stop.send(&gateway).await).await;
    says(&html, "stopped");
    let late = stop.send(&gateway).await;
    assert_eq!(late.status, 409);
    says(&late.body, "This order is not under way any more.");
    becomes(&gateway, "evt_19", "discarded").await;
    assert_eq!(state(&gateway, "evt_18").await, "dead");
    gateway.stop().await;
}
