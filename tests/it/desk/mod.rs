//! The pages on which people look at events and give orders, through a running gateway.

mod actions;
mod guards;
mod hostile;
mod html;
mod letters;
mod live;
mod search;
mod story;

use crate::dead_letters::Broken;
use crate::support::event::event;
use crate::support::gateway::Gateway;
use crate::support::settings::Settings;
use crate::support::until;

/// A gateway with the webhook door alone, that delivers to this target.
async fn gateway(broken: &Broken) -> Gateway {
    let settings = Settings::new("webhook").deliver("app", &broken.target.url(), &[]);
    Gateway::start(settings).await
}

/// Posts `user.updated` of this many users, `evt_0`, `evt_1`, …, and waits until nothing is pending.
async fn post(gateway: &Gateway, events: u32) {
    for number in 0..events {
        let event = event(&format!("evt_{number}"), number, u64::from(number));
        assert_eq!(gateway.post(&event.body()).await.status, 204);
    }
    gateway.delivered().await;
}

/// The state of the one delivery of an event.
async fn state(gateway: &Gateway, id: &str) -> &'static str {
    gateway.story(id).await.unwrap().deliveries[0].state
}

/// Waits until the one delivery of an event is in this state.
async fn becomes(gateway: &Gateway, id: &str, expected: &str) {
    until(expected, async || (state(gateway, id).await == expected).then_some(())).await;
}
