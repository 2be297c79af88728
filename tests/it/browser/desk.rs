//! The demo's application, as its users see it.

use std::time::Duration;

use serde_json::{Value, json};
use twinstream::clock::Clock;

use super::webdriver::Browser;
use super::{check_manners, chromium};
use crate::demo_app::App;
use crate::support::event::{CloudEvent, event};
use crate::support::until;

/// The next event of a user, which happens now.
fn now(number: u64, user: u32, name: &str, blocked: bool) -> CloudEvent {
    let event = event(&format!("evt_{number}"), user, 1).with("time", json!(Clock::System.now()));
    event.having("name", name).having("blocked", blocked)
}

async fn wait_for(browser: &Browser, css: &str, expected: &str) {
    until(&format!("{expected} in {css}"), async || {
        browser.text(css).await.filter(|text| text.contains(expected))
    })
    .await;
}

#[tokio::test]
async fn a_block_shows_on_every_open_page_by_itself() {
    let Some(programs) = chromium::programs() else { return };
    let app = App::start().await;
    app.deliver(&now(1, 1, "Kim Birch", false)).await;
    app.deliver(&now(2, 2, "Ada Moss", false)).await;
    let browser = Browser::open(&programs).await;
    let place = format!("http://{}/", app.address);

    browser.go(&place).await;
    wait_for(&browser, "#line", "Live").await;
    browser.run("document.querySelector('#person-1 a').focus()").await;
    app.deliver(&now(3, 1, "Kim Birch", true)).await;
    wait_for(&browser, "#person-1.is-blocked.fresh-blocked", "was blocked").await;
    wait_for(&browser, "#access .news", "Kim Birch was blocked").await;
    wait_for(&browser, "#said", "Kim Birch was blocked").await;
    let focused = browser.run("return document.activeElement.innerText").await;
    assert_eq!(focused, json!("Kim Birch"), "who was on a link stays on it");

    // Newcomers stand where their names belong, and who leaves is gone.
    app.deliver(&now(4, 3, "Edda Lake", false).with("type", "user.created")).await;
    let names = async || {
        let names = "return [...document.querySelectorAll('.who a')].map((one) => one.innerText)";
        browser.run(names).await
    };
    let are = async |expected: Value| {
        until(&format!("{expected}"), async || (names().await == expected).then_some(())).await;
    };
    are(json!(["Ada Moss", "Edda Lake", "Kim Birch"])).await;
    app.deliver(&now(5, 2, "Ada Moss", false).with("type", "user.deleted")).await;
    are(json!(["Edda Lake", "Kim Birch"])).await;

    browser.go(&format!("{place}users/auth0%7C3")).await;
    wait_for(&browser, ".welcome", "Edda Lake").await;
    wait_for(&browser, "#line", "Live").await;
    app.deliver(&now(6, 3, "Edda Lake", true)).await;
    wait_for(&browser, ".notice.blocked.arrives h1", "This account was blocked").await;
    wait_for(&browser, ".trace", "EventBridge").await;
    assert_eq!(browser.run("return document.title").await, json!("Account blocked · Acme Desk"));
    app.deliver(&now(7, 3, "Edda Lake", false)).await;
    wait_for(&browser, ".banner", "the block was lifted").await;

    check_manners(&browser, &[&place]).await;
    tokio::time::timeout(Duration::from_secs(5), app.stop()).await.unwrap();
}
