//! Text of others is text on every page.

use super::html::{form, page, text};
use crate::support::event::event;
use crate::support::gateway::Gateway;
use crate::support::settings::Settings;
use crate::support::target::{Behaviour, Target};

const HOSTILE: &str = "\"><script>alert('x')</script><img src=x onerror=alert(1)>";

#[tokio::test]
async fn what_senders_and_targets_write_is_never_a_part_of_a_page() {
    let target = Target::start(|_, _| Behaviour::Say(422, HOSTILE)).await;
    let settings = Settings::new("webhook").deliver("app", &target.url(), &[]);
    let gateway = Gateway::start(settings).await;
    let hostile = event("evt_1", 1, 1)
        .with("type", format!("user.{HOSTILE}"))
        .with("a0tenant", HOSTILE)
        .with("a0stream", HOSTILE)
        .having("user_id", format!("auth0|{HOSTILE}\u{202e}"))
        .having(HOSTILE, HOSTILE);
    let answer = gateway.post(&hostile.body()).await;
    assert_eq!(answer.status, 204, "it is understood, so that it is shown");
    gateway.delivered().await;
    assert_eq!(gateway.post(&format!("{HOSTILE}\u{7}")).await.status, 202);
    let sheet = page(&gateway, "/orders/discard?id=evt_1").await;
    let order = form(&sheet, "/orders/discard").fill("who", HOSTILE).fill("why", HOSTILE);
    let answer = order.clone().fill("rate", HOSTILE).send(&gateway).await;
    check("the sheet with what was typed", &answer.body);
    let with = |path: &str, field: &str| {
        format!("{path}?{}", serde_html_form::to_string([(field, HOSTILE)]).unwrap())
    };
    let asked = [
        with("/events", "q"),
        with("/events", "type"),
        with("/dead-letters", "error"),
        with("/dead-letters", "from"),
        with("/dead-letters", "pattern"),
        with("/orders/discard", "subject"),
        with("/orders/redrive", "id"),
        with("/orders/erase", "subject"),
        with("/orders/pause", "target"),
        with("/orders/reprocess", "reason"),
        with("/quarantine", "reason"),
        with("/orders", "before"),
    ];
    let plain = ["/events", "/events/evt_1", "/dead-letters", "/dead-letters/evt_1", "/quarantine"];
    let plain = plain.into_iter().chain(["/quarantine/1", "/orders/discard?id=evt_1"]);
    for path in plain.chain(asked.iter().map(String::as_str)) {
        check(path, &gateway.get(path).await.body);
    }
    assert_eq!(order.send(&gateway).await.status, 303);
    for path in ["/orders", "/orders/1", "/events/evt_1"] {
        check(path, &gateway.get(path).await.body);
    }
    // It is there, as text.
    let story = page(&gateway, "/events/evt_1").await;
    assert!(text(&story).contains(HOSTILE));
    gateway.stop().await;
}

#[track_caller]
fn check(path: &str, html: &str) {
    let lower = html.to_lowercase();
    assert_eq!(lower.matches("<script").count(), 1, "{path}: {html}");
    assert!(!lower.contains("<img src=x"), "{path}: {html}");
    assert!(!html.contains('\u{202e}') && !html.contains('\u{7}'), "{path}: {html}");
    for tag in html.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap();
        let outside_of_values: String = tag.split('"').step_by(2).collect();
        assert!(!outside_of_values.contains("onerror"), "{path}: <{tag}>");
    }
}
