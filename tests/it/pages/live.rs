//! The overview's parts as they are sent again.

use super::markup;
use crate::support::event::event;
use crate::support::gateway::Gateway;
use crate::support::http;
use crate::support::settings::Settings;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Waits for more than is ever needed.
const PATIENCE: Duration = Duration::from_secs(30);

async fn listen(gateway: &Gateway) -> TcpStream {
    let mut stream = TcpStream::connect(gateway.admin).await.unwrap();
    stream.write_all(&http::request("GET", "/live", &[], "")).await.unwrap();
    stream
}

/// Reads on until this was heard; `None` waits for the end.
async fn hear(stream: &mut TcpStream, expected: Option<&str>) -> String {
    let mut heard = String::new();
    let reading = async {
        while expected.is_none_or(|expected| !heard.contains(expected)) {
            let mut bytes = [0; 4_096];
            match stream.read(&mut bytes).await {
                Ok(0) | Err(_) => break,
                Ok(read) => heard.push_str(&String::from_utf8_lossy(&bytes[..read])),
            }
        }
    };
    let ended = timeout(PATIENCE, reading).await;
    assert!(ended.is_ok(), "no {expected:?} in {heard}");
    heard
}

#[tokio::test]
async fn cards_are_sent_again_as_they_change() {
    let gateway = Gateway::start(Settings::new("webhook")).await;
    let mut stream = listen(&gateway).await;
    let first = hear(&mut stream, Some("No event is in the journal yet.")).await;
    assert!(first.starts_with("HTTP/1.1 200"), "{first}");
    for header in ["text/event-stream", "x-accel-buffering: no"] {
        assert!(first.to_lowercase().contains(header), "{first}");
    }
    assert_eq!(gateway.post(&event("evt_1", 1, 1).body()).await.status, 204);
    let heard = hear(&mut stream, Some("href=\"/events/evt_1\"")).await;
    assert!(heard.contains("event: part"), "{heard}");
    // What does not change is not sent again.
    assert!(!heard.contains("no route is configured"), "{heard}");
    gateway.stop().await;
}

#[tokio::test]
async fn each_part_is_one_element_of_the_page() {
    let gateway = Gateway::start(Settings::new("webhook")).await;
    let page = gateway.get("/").await.body;
    let mut stream = listen(&gateway).await;
    let heard = hear(&mut stream, Some("No event is in the journal yet.")).await;
    let parts: Vec<String> = heard
        .split("event: part\n")
        .skip(1)
        .map(|part| part.lines().filter_map(|line| line.strip_prefix("data: ")).collect())
        .filter(|part: &String| part.ends_with("</section>"))
        .collect();
    assert!(parts.len() >= 8, "{parts:#?}");
    for part in parts {
        markup::check(&part);
        let id = part.split("id=\"").nth(1).unwrap().split('"').next().unwrap();
        assert!(page.contains(&format!("id=\"{id}\"")), "{id} is not on the page");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn whoever_watches_does_not_hold_up_the_stop() {
    let gateway = Gateway::start(Settings::new("webhook")).await;
    let mut streams = Vec::new();
    for _ in 0..8 {
        let mut stream = listen(&gateway).await;
        hear(&mut stream, Some("event: part")).await;
        streams.push(stream);
    }
    let stopped = timeout(PATIENCE, gateway.stop()).await;
    assert!(stopped.is_ok(), "it waits for those who watch");
    for mut stream in streams {
        // The end of the chunked answer: no connection was cut.
        assert!(hear(&mut stream, None).await.ends_with("0\r\n\r\n"));
    }
}
