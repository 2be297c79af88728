//! Streams that are turned away, switched off and switched on again, at the real webhook door.

use std::net::{SocketAddr, TcpListener};

use tokio_util::sync::CancellationToken;
use twinstream::event::Path;
use twinstream::sim::auth0::{Ids, Mix, PerPath, Play, Player, Stream, Tenant};

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
