//! The comparison, as a page and as files.

use super::markup;
use crate::support::cloud::Cloud;
use crate::support::event::event;
use crate::support::gateway::Gateway;
use crate::support::settings::Settings;

const ALL: &str = "from=2026-01-01T00:00:00Z";

/// A gateway to which three events came by webhook, and two of them by EventBridge too.
async fn compared() -> Gateway {
    let cloud = Cloud::stand_in().await;
    let settings = Settings::new("both").queue(&cloud.endpoint_url, &cloud.queue_url);
    let gateway = Gateway::start(settings).await;
    gateway.ready().await;
    for number in 0..3 {
        let one = event(&format!("evt_{number}"), number, u64::from(number));
        assert_eq!(gateway.post(&one.body()).await.status, 204);
        if number != 2 {
            cloud.send(one.by_eventbridge().envelope()).await;
        }
    }
    gateway.arrived(5).await;
    gateway
}

/// The page is whole, has no script of its own and says all of this.
async fn check(gateway: &Gateway, query: &str, says: &[&str]) {
    let response = gateway.get(&format!("/compare{query}")).await;
    assert_eq!(response.status, 200, "{response:?}");
    markup::check(&response.body);
    assert_eq!(response.body.matches("<script").count(), 1);
    for text in says {
        assert!(response.body.contains(text), "{text} is not in {}", response.body);
    }
}

#[tokio::test]
async fn the_page_has_verdict_numbers_and_method() {
    let gateway = compared().await;
    let says = [
        "Verdict: Not enough data yet",
        "Each path by itself",
        "The same event on both paths",
        "How it was counted",
        "What was left out",
        "/compare/report.html",
        "/compare/report.md",
        "/compare/report.json",
    ];
    check(&gateway, "", &says).await;
    check(&gateway, &format!("?{ALL}"), &says).await;
    check(&gateway, "?from=24h&to=&type=&stream=", &says).await;
    gateway.stop().await;
}

#[tokio::test]
async fn what_was_asked_for_stays_in_the_form_and_in_the_links() {
    let gateway = compared().await;
    let query = "?from=24h&type=a%22%3Cb&type=user.created&stream=est_1";
    let says = [
        "name=\"type\" value=\"a&#34;&#60;b\"",
        "name=\"type\" value=\"user.created\"",
        "name=\"stream\" value=\"est_1\"",
        "report.md?from=24h&#38;type=a%22%3Cb&#38;type=user.created&#38;stream=est_1\"",
        "/compare?from=7d&#38;type=",
    ];
    check(&gateway, query, &says).await;
    for (query, status) in [("?from=soon", 400), ("?nothing=1", 200)] {
        let response = gateway.get(&format!("/compare{query}")).await;
        assert_eq!(response.status, status, "{query}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn the_same_comes_as_a_file_in_every_form() {
    let gateway = compared().await;
    for (name, kind, says) in [
        ("report.html", "text/html", "<h1 id=\"verdict\">"),
        ("report.md", "text/markdown", "## Each path by itself"),
        ("report.json", "application/json", "\"webhook_only\": 1"),
    ] {
        let response = gateway.get(&format!("/compare/{name}?{ALL}")).await;
        assert_eq!(response.status, 200, "{name}");
        assert!(response.header("content-type").unwrap().starts_with(kind), "{response:?}");
        let named = response.header("content-disposition").unwrap();
        assert!(named.starts_with("attachment; filename=\"twinstream-compare-20"), "{named}");
        assert!(response.body.contains(says), "{says} is not in {}", response.body);
        if kind == "text/html" {
            markup::check(&response.body);
            assert!(!response.body.contains("<script") && !response.body.contains("http:"));
        }
    }
    assert_eq!(gateway.get("/compare/report.exe").await.status, 404);
    assert_eq!(gateway.get("/compare/report.md?from=soon").await.status, 400);
    gateway.stop().await;
}
