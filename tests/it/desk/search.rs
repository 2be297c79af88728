//! Finding events.

use super::html::{Form, form, page, says, text, unescaped};
use crate::support::event::event;
use crate::support::gateway::Gateway;
use crate::support::settings::Settings;

/// The ids of the events on a page, in order.
fn ids(html: &str) -> Vec<String> {
    let links = html.split(r#"<th scope="row"><a href="/events/"#).skip(1);
    links.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn events_are_found_by_user_by_type_and_by_id_in_one_box() {
    let gateway = Gateway::start(Settings::new("webhook")).await;
    for number in 0..6 {
        let kind = if number == 5 { "user.deleted" } else { "user.updated" };
        let event = event(&format!("evt_{number}"), number % 2, u64::from(number));
        assert_eq!(gateway.post(&event.with("type", kind).body()).await.status, 204);
    }
    let all = page(&gateway, "/events").await;
    assert_eq!(ids(&all), ["evt_5", "evt_4", "evt_3", "evt_2", "evt_1", "evt_0"]);
    says(&all, "webhook alone");
    says(&all, "no route");
    assert!(!text(&all).contains("@example.com"), "no addresses in a list");
    let search = form(&all, "/events");
    let found = async |search: &Form| ids(&page(&gateway, &search.url()).await);
    for subject in ["auth0|1", "user:auth0|1", "  auth0|1 "] {
        let search = search.clone().fill("q", subject);
        assert_eq!(found(&search).await, ["evt_5", "evt_3", "evt_1"], "{subject}");
    }
    let by_type = search.clone().fill("type", "user.deleted");
    assert_eq!(found(&by_type).await, ["evt_5"]);
    assert_eq!(found(&by_type.fill("q", "auth0|0")).await, [""; 0]);
    let by_id = gateway.get(&search.clone().fill("q", "evt_3").url()).await;
    assert_eq!((by_id.status, by_id.header("location")), (303, Some("/events/evt_3")));
    let none = page(&gateway, &search.fill("q", "<b>nobody</b>").url()).await;
    says(&none, "No such events");
    assert!(!none.contains("<b>nobody"));
    assert_eq!(gateway.get("/events?before=x").await.status, 400);
    gateway.stop().await;
}

/// Where the link to what is older leads.
fn older(html: &str) -> Option<String> {
    html.split(r#"<a class="button" href=""#).skip(1).find_map(|rest| {
        let (link, rest) = rest.split_once('"')?;
        rest.starts_with(r#" rel="next""#).then(|| unescaped(link))
    })
}

#[tokio::test]
async fn pages_lead_to_older_events_and_back() {
    let gateway = Gateway::start(Settings::new("webhook")).await;
    for number in 0..120 {
        let event = event(&format!("evt_{number}"), number, u64::from(number));
        assert_eq!(gateway.post(&event.body()).await.status, 204);
    }
    let (mut next, mut seen, mut pages) = (Some("/events".to_owned()), Vec::new(), Vec::new());
    let mut last = String::new();
    while let Some(path) = next {
        last = page(&gateway, &path).await;
        let on_page = ids(&last);
        pages.push(on_page.len());
        seen.extend(on_page);
        next = older(&last);
    }
    let expected: Vec<String> = (0..120).rev().map(|number| format!("evt_{number}")).collect();
    assert_eq!((seen, pages), (expected, vec![50, 50, 20]));
    says(&last, "The newest");
    gateway.stop().await;
}

#[tokio::test]
async fn an_empty_journal_says_so() {
    let gateway = Gateway::start(Settings::new("webhook")).await;
    for (path, expected) in [
        ("/events", "No events yet"),
        ("/events?follow=on", "No events yet"),
        ("/dead-letters", "No dead letters"),
        ("/targets", "The configuration has no targets"),
        ("/quarantine", "Nothing is quarantined"),
        ("/orders", "Nobody has ordered anything yet"),
    ] {
        says(&page(&gateway, path).await, expected);
    }
    gateway.stop().await;
}
