//! The overview under somebody's hands.

use serde_json::{Value, json};

use super::webdriver::Browser;
use super::{check_manners, chromium};
use crate::support::event::event;
use crate::support::gateway::Gateway;
use crate::support::settings::Settings;
use crate::support::until;

/// Waits until a script of the page returns what is neither null nor false.
async fn wait_for(browser: &Browser, what: &str, script: &str) -> Value {
    until(what, async || {
        let found = browser.run(script).await;
        (!found.is_null() && found != json!(false)).then_some(found)
    })
    .await
}

#[tokio::test]
async fn cards_change_without_taking_anything_from_whoever_uses_them() {
    let Some(programs) = chromium::programs() else { return };
    let gateway = Gateway::start(Settings::new("webhook")).await;
    assert_eq!(gateway.post(&event("evt_1", 1, 1).body()).await.status, 204);
    let browser = Browser::open(&programs).await;
    let place = format!("http://{}/", gateway.admin);
    browser.go(&place).await;
    wait_for(
        &browser,
        "live parts",
        "return document.getElementById('live-state').innerText === 'live'",
    )
    .await;

    // The keyboard stays on the event that it was on, though rows move down.
    let evt_1 = "document.querySelector('#latest a[href=\"/events/evt_1\"]')";
    wait_for(&browser, "the event", &format!("const link = {evt_1}; link?.focus(); return !!link"))
        .await;
    assert_eq!(gateway.post(&event("evt_2", 1, 2).body()).await.status, 204);
    let second = "return !!document.querySelector('#latest a[href=\"/events/evt_2\"]')";
    wait_for(&browser, "the next event", second).await;
    let focused = browser.run("return document.activeElement.getAttribute('href')").await;
    assert_eq!(focused, json!("/events/evt_1"));

    // What is marked to be copied stays marked, until it is not; then what came meanwhile is put in.
    let mark =
        format!("getSelection().selectAllChildren({evt_1}.closest('tr').querySelector('.id'))");
    browser.run(&mark).await;
    assert_eq!(gateway.post(&event("evt_3", 1, 3).body()).await.status, 204);
    wait_for(
        &browser,
        "the third event on another card",
        "return [...document.querySelectorAll('#webhook dd')].some((fact) => fact.innerText === '3')",
    )
    .await;
    assert_eq!(browser.run("return getSelection().toString()").await, json!("user:auth0|1"));
    let third = "return !!document.querySelector('#latest a[href=\"/events/evt_3\"]')";
    assert_eq!(browser.run(third).await, json!(false));
    browser.run("getSelection().removeAllRanges()").await;
    wait_for(&browser, "the third event", third).await;

    check_manners(&browser, &[&place]).await;
    gateway.stop().await;
}
