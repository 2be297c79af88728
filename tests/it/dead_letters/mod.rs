//! Dead letters: one list wherever they lie, put back or given up by order, through a running gateway.

mod guards;
mod list;
mod queues;
mod redrive;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::cli::{self, Said};
use crate::support::event::event;
use crate::support::gateway::Gateway;
use crate::support::settings::Settings;
use crate::support::target::{Behaviour, Target};
use crate::support::until;

/// A target that refuses everything for good, until it is mended.
pub(crate) struct Broken {
    pub(crate) target: Target,
    mended: Arc<AtomicBool>,
}

impl Broken {
    pub(crate) async fn start() -> Self {
        let mended = Arc::new(AtomicBool::new(false));
        let is_mended = Arc::clone(&mended);
        let target = Target::start(move |_, _| {
            let mended = is_mended.load(Ordering::Relaxed);
            if mended { Behaviour::Answer(204) } else { Behaviour::Answer(400) }
        })
        .await;
        Self { target, mended }
    }

    pub(crate) fn mend(&self) {
        self.mended.store(true, Ordering::Relaxed);
    }

    /// A gateway with only the webhook door, that delivers there.
    fn settings(&self) -> Settings {
        Settings::new("webhook").deliver("app", &self.target.url(), &[])
    }

    /// The ids of what came, in order.
    fn came(&self) -> Vec<String> {
        self.target.came().iter().map(|came| came.id().to_owned()).collect()
    }
}

pub(crate) async fn ask(gateway: &Gateway, arguments: &[&str]) -> Said {
    cli::ask(gateway.settings(), gateway.admin, arguments).await
}

/// Posts `user.updated` of this many users, `evt_0`, `evt_1`, …, and waits until nothing is pending.
async fn post(gateway: &Gateway, letters: u32) {
    for number in 0..letters {
        let event = event(&format!("evt_{number}"), number, u64::from(number));
        assert_eq!(gateway.post(&event.body()).await.status, 204);
    }
    gateway.delivered().await;
}

/// The state of the one delivery of an event.
async fn state(gateway: &Gateway, id: &str) -> &'static str {
    gateway.story(id).await.unwrap().deliveries[0].state
}

/// How many deliveries ended so.
async fn ended(gateway: &Gateway, outcome: &str) -> u64 {
    let counts = gateway.counts().await.deliveries;
    counts.iter().filter(|(_, of, _)| of == outcome).map(|(.., n)| n).sum()
}

/// An order's document.
async fn order(gateway: &Gateway, number: i64) -> serde_json::Value {
    gateway.get(&format!("/api/v1/orders/{number}")).await.json()
}

/// Waits until an order has ended.
async fn order_ended(gateway: &Gateway, number: i64) -> serde_json::Value {
    until("the end of an order", async || {
        Some(order(gateway, number).await).filter(|order| order["state"] != "under_way")
    })
    .await
}
