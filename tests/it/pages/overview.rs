//! The overview.

use super::markup;
use crate::support::cloud::Cloud;
use crate::support::event::event;
use crate::support::gateway::Gateway;
use crate::support::http::{self, request};
use crate::support::settings::Settings;
use crate::support::target::Target;
use crate::support::until;

async fn overview(gateway: &Gateway) -> String {
    let response = gateway.get("/").await;
    assert_eq!(response.status, 200, "{response:?}");
    markup::check(&response.body);
    response.body
}

/// Waits until the overview says this.
async fn says(gateway: &Gateway, expected: &str) -> String {
    until(expected, async || {
        let html = overview(gateway).await;
        html.contains(expected).then_some(html)
    })
    .await
}

/// The card with this id, to the end of its section.
#[track_caller]
fn card<'a>(html: &'a str, id: &str) -> &'a str {
    let (_, card) = html.split_once(&format!("id=\"{id}\"")).unwrap_or_else(|| panic!("no {id}"));
    card.split("</section>").next().unwrap()
}

#[tokio::test]
async fn before_the_first_event_every_card_says_what_to_do() {
    let cloud = Cloud::stand_in().await;
    let settings = Settings::new("both").queue(&cloud.endpoint_url, &cloud.queue_url);
    let gateway = Gateway::start(settings).await;
    gateway.ready().await;
    let html = says(&gateway, "All is well").await;
    assert!(card(&html, "race").contains("Nothing has come yet."));
    assert!(card(&html, "webhook").contains("point an event stream"));
    assert!(card(&html, "eventbridge").contains("a rule on its bus"));
    assert!(card(&html, "open").contains("no route is configured"));
    assert!(card(&html, "latest").contains("No event is in the journal yet."));
    let response = gateway.get("/").await;
    let policy = response.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(response.header("cache-control"), Some("no-store"));
    assert_eq!(response.body.matches("<script").count(), 1);
    assert_eq!(response.body.matches("<h1").count(), 1);
    gateway.stop().await;
}

#[tokio::test]
async fn both_paths_their_race_and_what_is_not_well_are_shown() {
    let cloud = Cloud::stand_in().await;
    let target = Target::up().await;
    let settings = Settings::new("both")
        .queue(&cloud.endpoint_url, &cloud.queue_url)
        .set("compare.grace", "15m")
        .deliver("app", &target.url(), &[]);
    let gateway = Gateway::start(settings).await;
    gateway.ready().await;
    for number in 0..4 {
        let one = event(&format!("evt_{number}"), number, u64::from(number));
        assert_eq!(gateway.post(&one.body()).await.status, 204);
        if number > 0 {
            gateway.arrived(u64::from(number) * 2).await;
            cloud.send(one.by_eventbridge().envelope()).await;
        }
        gateway.arrived(u64::from(number) * 2 + 1).await;
    }
    gateway.delivered().await;
    let html = says(&gateway, "4 events; webhook first in 100 %").await;
    let race = card(&html, "race");
    assert!(race.contains("1 event still on the way by the other path."), "{race}");
    assert_eq!(race.matches("<svg class=\"chart race-").count(), 3);
    assert!(card(&html, "webhook").contains("<dt>Events</dt><dd>4</dd>"));
    assert!(card(&html, "eventbridge").contains("<dt>Events</dt><dd>3</dd>"));
    assert!(card(&html, "versus").contains("Events are judged once they are 15 min old"), "{html}");
    assert!(card(&html, "health").contains("Target</span> app"));
    assert!(card(&html, "open").contains("everything is delivered"));
    assert!(card(&html, "latest").contains("href=\"/events/evt_3\""));
    assert_eq!(gateway.post("no json").await.status, 202);
    let wrong = request("POST", "/webhooks/auth0", &["Authorization: Bearer x"], "{}");
    assert_eq!(http::send(gateway.webhook.unwrap(), &wrong).await.status, 401);
    says(&gateway, "1 arrival could not be understood in the last 15 min.").await;
    let html = says(&gateway, "1 webhook request had a wrong secret in the last 15 min.").await;
    assert!(!html.contains("All is well"));
    gateway.stop().await;
}

#[tokio::test]
async fn what_others_write_is_text() {
    let gateway = Gateway::start(Settings::new("webhook")).await;
    let hostile = "<script>alert('\"')</script>";
    let one = event("evt_1", 1, 1).with("type", format!("user.{hostile}"));
    let one = one.having("user_id", format!("auth0|{hostile}"));
    assert_eq!(gateway.post(&one.body()).await.status, 204);
    let html = says(&gateway, "/events/evt_1").await;
    assert_eq!(html.matches("<script").count(), 1);
    assert!(html.contains("user.&#60;script"), "{html}");
    gateway.stop().await;
}

#[tokio::test]
async fn with_one_door_the_other_path_is_told_to_be_off() {
    let gateway = Gateway::start(Settings::new("webhook")).await;
    let html = says(&gateway, "The webhook door is open").await;
    assert!(card(&html, "eventbridge").contains("not in this mode"));
    assert!(card(&html, "versus").contains("Only the door of webhook is open"));
    gateway.stop().await;
}

#[tokio::test]
async fn every_page_is_whole() {
    let gateway = Gateway::start(Settings::new("webhook")).await;
    assert_eq!(gateway.post(&event("evt_1", 1, 1).body()).await.status, 204);
    assert_eq!(gateway.post("no json").await.status, 202);
    let pages = ["/events", "/events/evt_1", "/dead-letters", "/targets", "/quarantine"];
    for path in pages.into_iter().chain(["/quarantine/1", "/orders"]) {
        let response = gateway.get(path).await;
        assert_eq!(response.status, 200, "{path}");
        println!("{path}");
        markup::check(&response.body);
    }
    gateway.stop().await;
}
