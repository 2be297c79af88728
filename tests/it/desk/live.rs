//! Parts that are sent again as they change.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::html::{form, page, unescaped};
use crate::dead_letters::Broken;
use crate::support::event::event;
use crate::support::gateway::Gateway;
use crate::support::http;
use crate::support::settings::Settings;

/// What a live page is told.
struct Ear {
    stream: TcpStream,
    heard: String,
}

impl Ear {
    /// Listens as the page at this path does.
    async fn of(gateway: &Gateway, path: &str) -> Self {
        let html = page(gateway, path).await;
        let live =
            html.split("data-live=\"").nth(1).unwrap_or_else(|| panic!("{path} is not live"));
        let live = unescaped(live.split('"').next().unwrap());
        let mut stream = TcpStream::connect(gateway.admin).await.unwrap();
        stream.write_all(&http::request("GET", &live, &[], "")).await.unwrap();
        Self { stream, heard: String::new() }
    }

    async fn hears(&mut self, expected: &str) {
        let reading = async {
            while !self.heard.contains(expected) {
                let mut bytes = [0; 4_096];
                let read = self.stream.read(&mut bytes).await.unwrap();
                assert!(read > 0, "it ended after {}", self.heard);
                self.heard.push_str(&String::from_utf8_lossy(&bytes[..read]));
            }
        };
        let heard = timeout(Duration::from_secs(30), reading).await;
        assert!(heard.is_ok(), "no {expected:?} in {}", self.heard);
    }
}

async fn post(gateway: &Gateway, id: &str, kind: &str) {
    let event = event(id, 1, 1).with("type", kind);
    assert_eq!(gateway.post(&event.body()).await.status, 204);
}

#[tokio::test]
async fn a_list_says_how_many_events_are_new_and_a_list_that_follows_shows_them() {
    let gateway = Gateway::start(Settings::new("webhook")).await;
    post(&gateway, "evt_1", "user.updated").await;
    let mut list = Ear::of(&gateway, "/events").await;
    let mut follows = Ear::of(&gateway, "/events?follow=on").await;
    let mut other = Ear::of(&gateway, "/events?type=user.deleted").await;
    list.hears("id=\"events-new\"").await;
    assert!(!list.heard.contains("new event"));
    post(&gateway, "evt_2", "user.updated").await;
    list.hears("1 new event · show them").await;
    follows.hears("/events/evt_2").await;
    post(&gateway, "evt_3", "user.deleted").await;
    list.hears("2 new events").await;
    other.hears("1 new event").await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_story_an_order_a_target_and_a_count_move_on() {
    let broken = Broken::start().await;
    // The other path may bring it for so long: its page is live.
    let settings = Settings::new("webhook").set("compare.grace", "15m");
    let gateway = Gateway::start(settings.deliver("app", &broken.target.url(), &[])).await;
    super::post(&gateway, 1).await;
    let mut story = Ear::of(&gateway, "/events/evt_0").await;
    let mut targets = Ear::of(&gateway, "/targets").await;
    let mut letters = Ear::of(&gateway, "/dead-letters").await;
    story.hears("dead letter after 1 attempt").await;
    broken.mend();
    let redrive = form(&page(&gateway, "/events/evt_0").await, "/orders/redrive");
    assert_eq!(redrive.signed().send(&gateway).await.status, 303);
    story.hears("Delivered to app").await;
    targets.hears(r#"data-label="Delivered">1</td>"#).await;
    letters.hears("It has changed: load again").await;
    let mut quarantine = Ear::of(&gateway, "/quarantine").await;
    assert_eq!(gateway.post("no json").await.status, 202);
    quarantine.hears("1 is kept.").await;
    let mut orders = Ear::of(&gateway, "/orders").await;
    orders.hears("redriven 1 of 1").await;
    gateway.stop().await;
}
