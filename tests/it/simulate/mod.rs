//! The simulated tenant against the real gateway: what really happened is what the journal has.

mod command;
mod streams;
mod truth;

use std::net::SocketAddr;
use std::num::NonZeroUsize;

use serde_json::Value;
use twinstream::clock::Clock;
use twinstream::event::{Path, PerPath};
use twinstream::sim::auth0::carrier::{
    Authorization, BusCarrier, Carrier, QueueCarrier, WebhookCarrier,
};
use twinstream::sim::auth0::faults::Skew;
use twinstream::sim::auth0::{
    Arrivals, Faults, Ids, Mix, Play, Rules, Schedule, Stream, Tenant, Truth,
};

use crate::event_bus;
use crate::support::cloud::Cloud;
use crate::support::gateway::Gateway;
use crate::support::settings::Settings;

/// A gateway with both doors, whose one receiver keeps the order of the queue.
async fn gateway(cloud: &Cloud) -> Gateway {
    let settings = Settings::new("both").queue(&cloud.endpoint_url, &cloud.queue_url);
    let gateway = Gateway::start(settings.set("eventbridge.receivers", "1")).await;
    gateway.ready().await;
    gateway
}

fn webhook_carrier(address: SocketAddr, token: &str) -> Carrier {
    let url = format!("http://{address}/webhooks/auth0");
    let authorization = Authorization::bearer(&token.into()).unwrap();
    Carrier::Webhook(WebhookCarrier::new(&url, authorization).unwrap())
}

fn queue_carrier(cloud: &Cloud) -> Carrier {
    Carrier::Queue(QueueCarrier::new(cloud.client.clone(), &cloud.queue_url))
}

async fn bus_carrier(cloud: &Cloud) -> Carrier {
    let bus = format!("auth0-{:x}", fastrand::u64(..));
    let pattern = format!(r#"{{"source": ["{}"]}}"#, BusCarrier::SOURCE);
    let events = event_bus::connect(cloud, &bus, &pattern).await;
    Carrier::Bus(BusCarrier::new(events, &bus, BusCarrier::SOURCE))
}

#[expect(clippy::unnecessary_wraps, reason = "a path may have none")]
fn stream(path: Path, carrier: Carrier, faults: &str) -> Option<Stream> {
    let faults = Faults::parse(path, faults).unwrap();
    Some(Stream { carrier, faults, at_once: NonZeroUsize::MIN })
}

fn play(events: u64, rate: f64, ids: Ids, streams: PerPath<Option<Stream>>) -> Play {
    let (arrivals, events) = (Arrivals::Poisson, Some(events));
    Play {
        tenant: Tenant::with(7, ids, &Mix { tests_of_1000: 15, ..Mix::default() }),
        schedule: Schedule { rate, arrivals, burst: None, within: None, events },
        streams,
        rules: Rules::default(),
        seed: 7,
        clock: Clock::System,
        clock_skew: Skew::None,
        switch_on_after: None,
        truth: Truth::totals_only(),
    }
}

/// The comparison says what really happened.
#[track_caller]
fn check_same(document: &Value, totals: &Value) {
    assert_eq!(totals["doubts"], Value::Array(Vec::new()), "{totals:#}");
    for path in ["webhook", "eventbridge"] {
        for number in ["seen", "missing", "duplicates", "out_of_order"] {
            let (told, real) = (&document["paths"][path][number], &totals["paths"][path][number]);
            assert_eq!(told, real, "{number} of {path}: {document:#}\n{totals:#}");
        }
    }
    for number in ["both", "webhook_only", "eventbridge_only"] {
        assert_eq!(document["pairs"][number], totals["pairs"][number], "{document:#}\n{totals:#}");
    }
    assert_eq!(document["excluded"]["test"], totals["test"]);
}

/// What a file of the truth says: its events, and its totals.
fn lines(text: &str) -> (Vec<Value>, Value) {
    let mut lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let totals = lines.pop().unwrap()["totals"].take();
    (lines, totals)
}

/// How often the doors accepted an event.
fn copies(record: &Value) -> u64 {
    Path::ALL.iter().map(|path| record[path.as_str()]["copies"].as_u64().unwrap()).sum()
}
