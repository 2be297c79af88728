//! A browser looks at the pages, as a person would.

mod chromium;
mod desk;
mod overview;
mod sign_in;
mod tour;
mod webdriver;

use self::webdriver::{Browser, Log};

/// Fails on whatever the page complained of, and on every request to another place than these.
async fn check_manners(browser: &Browser, places: &[&str]) {
    let complaints = browser.log(Log::Console).await;
    assert!(complaints.is_empty(), "in the console: {complaints:#?}");
    let mut asked_for = 0;
    for entry in browser.log(Log::Network).await {
        let message: serde_json::Value =
            serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
        let message = &message["message"];
        if message["method"] != "Network.requestWillBeSent" {
            continue;
        }
        asked_for += 1;
        let url = message["params"]["request"]["url"].as_str().unwrap();
        assert!(places.iter().any(|place| url.starts_with(place)), "the page asked for {url}");
    }
    assert!(asked_for > 0, "the log of the network says nothing");
}
