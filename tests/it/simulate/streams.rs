//! Streams that are turned away, switched off and switched on again, at the real webhook door.

use std::net::{SocketAddr, TcpListener};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;
use twinstream::event::{Path, PerPath};
use twinstream::sim::auth0::truth::Doubt;
use twinstream::sim::auth0::{Ids, Mix, Play, Player, Rules, Stream, Tenant, Truth};

use super::{play, stream, webhook_carrier};
use crate::support::gateway::Gateway;
use crate::support::settings::{Settings, TOKEN};

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn webhook_alone(address: SocketAddr, token: &str) -> PerPath<Option<Stream>> {
    PerPath {
        webhook: stream(Path::Webhook, webhook_carrier(address, token), "none"),
        eventbridge: None,
    }
}

/// Tests are counted apart.
fn without_tests(play: Play) -> Play {
    let mix = Mix { tests_of_1000: 0, ..Mix::default() };
    Play { tenant: Tenant::with(7, Ids::Same, &mix), ..play }
}

#[tokio::test]
async fn a_wrong_token_fails_each_event_once_and_none_is_tried_again() {
    let gateway = Gateway::start(Settings::new("webhook")).await;
    let streams = webhook_alone(gateway.webhook.unwrap(), "a-wrong-token");
    let (player, _controls) = Player::new(without_tests(play(50, 500.0, Ids::Same, streams)));
    let came = player.run(CancellationToken::new()).await.unwrap();
    let sent = came.paths.webhook.unwrap();
    assert_eq!(sent.answers, [("401".to_owned(), 50)].into());
    let totals = came.totals.paths.webhook.unwrap();
    assert_eq!((totals.seen, totals.failed, came.totals.neither), (0, 50, 50));
    assert!(gateway.counts().await.arrivals.iter().all(|(_, _, count)| *count == 0));
    gateway.stop().await;
}

#[tokio::test]
async fn a_stream_that_was_switched_off_brings_its_backlog_in_order_once_it_is_on() {
    let address = free_address();
    let settings = |token: &str| {
        let listen = address.to_string();
        Settings::new("webhook").set("webhook.listen", &listen).variable("TOKEN", token)
    };
    let wrong = Gateway::start(settings("a-token-that-was-changed")).await;
    let streams = webhook_alone(address, TOKEN);
    let (player, mut controls) = Player::new(without_tests(play(2_500, 500.0, Ids::Same, streams)));
    let steering = async {
        while controls.now().paths.webhook.is_none_or(|webhook| webhook.is_on) {
            controls.next().await.unwrap();
        }
        let off = controls.now().paths.webhook.unwrap();
        assert_eq!((off.failed, off.listed, off.accepted), (500, 500, 0));
        wrong.stop().await;
        let right = Gateway::start(settings(TOKEN)).await;
        controls.switch_on(Path::Webhook).await;
        right
    };
    let (came, gateway) = tokio::join!(player.run(CancellationToken::new()), steering);
    let came = came.unwrap();
    let totals = came.totals.paths.webhook.unwrap();
    assert_eq!((totals.failed, totals.duplicates, totals.out_of_order), (0, 0, 0));
    assert!(totals.seen > 500 && totals.stream_off > 0, "{totals:?}");
    assert_eq!(totals.seen + totals.stream_off, 2_500);
    gateway.arrived(totals.seen).await;
    let document = gateway.get("/api/v1/compare?from=2026-01-01T00:00:00Z").await.json();
    assert_eq!(document["paths"]["webhook"]["seen"], totals.seen);
    assert_eq!(document["paths"]["webhook"]["out_of_order"], 0, "the oldest first");
    gateway.stop().await;
}

/// Whether all of a request is there.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.to_lowercase();
    let length = length.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.unwrap().parse().unwrap()
}

/// Takes a request, and answers so; nothing at all breaks the connection.
async fn answer(listener: &tokio::net::TcpListener, answer: &str) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = Vec::new();
    while !is_whole(&request) {
        assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
    }
    stream.write_all(answer.as_bytes()).await.unwrap();
}

#[tokio::test]
async fn where_an_answer_was_lost_nobody_knows_what_arrived() {
    const TAKEN: &str = "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("truth.jsonl");
    let streams = webhook_alone(listener.local_addr().unwrap(), TOKEN);
    let pauses = vec![std::time::Duration::from_millis(1)];
    let (rules, truth) = (Rules { pauses, ..Rules::default() }, Truth::to_file(&file).unwrap());
    let two = without_tests(play(2, 50.0, Ids::Same, streams));
    let (player, _controls) = Player::new(Play { rules, truth, ..two });
    let answering = async {
        for text in ["", TAKEN, "", ""] {
            answer(&listener, text).await;
        }
    };
    let (came, ()) = tokio::join!(player.run(CancellationToken::new()), answering);
    let totals = came.unwrap().totals;
    let webhook = totals.paths.webhook.unwrap();
    assert_eq!((webhook.seen, webhook.unknown, webhook.failed), (1, 1, 0));
    assert_eq!(totals.doubts, [Doubt::AnswerLost].into());
    let (records, _) = super::lines(&std::fs::read_to_string(&file).unwrap());
    let [one, two] = records.as_slice() else { panic!("{records:?}") };
    let of = |record: &serde_json::Value| {
        let webhook = &record["webhook"];
        (webhook["fate"].clone(), webhook["unanswered"].clone(), webhook["last"].clone())
    };
    assert_eq!(of(one), (json!("delivered"), json!(1), json!(null)));
    assert_eq!(of(two), (json!("unknown"), json!(2), json!("connection broke")));
}
