//! Signing in with the admin token.

use super::webdriver::Browser;
use super::{check_manners, chromium};
use crate::support::gateway::Gateway;
use crate::support::settings::Settings;
use crate::support::until;

const ADMIN: &str = "admin-token-0123456789";

#[tokio::test]
async fn whoever_has_the_token_signs_in_and_out() {
    let Some(programs) = chromium::programs() else { return };
    let settings =
        Settings::new("webhook").set("admin.token", "{ env = \"ADMIN\" }").variable("ADMIN", ADMIN);
    let gateway = Gateway::start(settings).await;
    let browser = Browser::open(&programs).await;
    let place = format!("http://{}/", gateway.admin);

    browser.go(&place).await;
    browser.fill_in("input[name=name]", "Kim").await;
    browser.fill_in("input[name=token]", ADMIN).await;
    browser.click("form button").await;
    let heading = until("the overview", async || browser.text("main h1").await).await;
    assert_eq!(heading, "Overview");
    until("live parts", async || browser.text("#live-state").await.filter(|state| state == "live"))
        .await;
    assert_eq!(browser.text("form.who span").await.as_deref(), Some("Kim"));

    browser.click("form.who button").await;
    until("the sign-in page", async || browser.text("input[name=token]").await).await;
    browser.go(&place).await;
    assert_eq!(browser.text("form.who").await, None);
    check_manners(&browser, &[&place]).await;
    gateway.stop().await;
}
