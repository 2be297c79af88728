//! Every event of which the truth says that it was delivered is in the journal, and nothing else.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio_util::sync::CancellationToken;
use twinstream::event::{Path, PerPath};
use twinstream::sim::auth0::carrier::Carrier;
use twinstream::sim::auth0::{Ids, Play, Player, Truth};

use super::{check_same, copies, gateway, lines, play, queue_carrier, stream, webhook_carrier};
use crate::support::cloud::Cloud;
use crate::support::gateway::Gateway;
use crate::support::settings::{Settings, TOKEN};

const WEBHOOK: &str = "loss=6%,duplicates=6%:150ms,reorder=4%:400ms,outage=400ms+600ms";
const EVENTBRIDGE: &str =
    "loss=4%,duplicates=8%:150ms,reorder=5%:500ms,delay=lognormal(20ms,90ms),outage=0s+300ms";

/// Plays on both paths, and compares journal and comparison with the truth.
async fn check(cloud: Cloud, carrier: Carrier, ids: Ids, (events, rate): (u64, f64)) {
    let gateway = gateway(&cloud).await;
    let file = gateway.settings().file("truth.jsonl");
    let webhook = webhook_carrier(gateway.webhook.unwrap(), TOKEN);
    let streams = PerPath {
        webhook: stream(Path::Webhook, webhook, WEBHOOK),
        eventbridge: stream(Path::Eventbridge, carrier, EVENTBRIDGE),
    };
    let truth = Truth::to_file(&file).unwrap();
    let (player, controls) = Player::new(Play { truth, ..play(events, rate, ids, streams) });
    let came = player.run(CancellationToken::new()).await.unwrap();
    assert_eq!((came.happened, controls.now().happened), (events, events));
    let (records, totals) = lines(&std::fs::read_to_string(&file).unwrap());
    assert_eq!(serde_json::to_value(&came.totals).unwrap(), totals);
    assert_eq!(records.len(), usize::try_from(events).unwrap());
    gateway.arrived(records.iter().map(copies).sum()).await;
    cloud.emptied().await;
    for record in &records {
        check_record(&gateway, record).await;
    }
    let counts = gateway.counts().await;
    let journaled: u64 = counts.arrivals.iter().map(|(_, _, count)| count).sum();
    let copies = records.iter().map(copies).sum::<u64>();
    assert_eq!(journaled, copies, "nothing came that was not sent");
    assert!(totals["test"].as_u64() > Some(0), "{totals:#}");
    let document = gateway.get("/api/v1/compare?from=2026-01-01T00:00:00Z").await.json();
    check_same(&document, &totals);
    for path in ["webhook", "eventbridge"] {
        for number in ["lost", "duplicates", "out_of_order"] {
            assert_ne!(totals["paths"][path][number], 0, "{path} had no {number}: {totals:#}");
        }
    }
    gateway.stop().await;
}

/// The journal has as many arrivals of an event by each path as there were copies of it.
async fn check_record(gateway: &Gateway, record: &Value) {
    let mut real = BTreeMap::new();
    let mut journaled = BTreeMap::new();
    for path in Path::ALL {
        let sent = &record[path.as_str()];
        let copies = usize::try_from(sent["copies"].as_u64().unwrap()).unwrap();
        assert_eq!(sent["fate"] == "delivered", copies > 0, "{record:#}");
        assert_eq!(sent["sequence"].is_null(), copies == 0, "{record:#}");
        let story = gateway.story(sent["id"].as_str().unwrap()).await;
        let arrivals = story.map_or(0, |story| {
            assert_eq!(story.summary.kind, record["type"].as_str().unwrap());
            assert_eq!(story.summary.subject, record["subject"].as_str().unwrap());
            assert_eq!(story.summary.time.to_string(), record["time"].as_str().unwrap());
            story.arrivals.iter().filter(|arrival| arrival.path == path).count()
        });
        real.insert(path, copies);
        journaled.insert(path, arrivals);
    }
    assert_eq!(real, journaled, "{record:#}");
}

/// The rates that the faults were given lie in the intervals of the report, and a tenant whose clock is ahead
/// of this host's is an alarm that leaves the difference alone.
#[tokio::test]
async fn the_true_rates_lie_in_the_intervals_and_clocks_apart_are_an_alarm() {
    let cloud = Cloud::stand_in_with(&[("VisibilityTimeout", "30")]).await;
    let settings = Settings::new("both").queue(&cloud.endpoint_url, &cloud.queue_url);
    let settings = settings.set("eventbridge.receivers", "1").set("compare.startup", "0s");
    let gateway = Gateway::start(settings).await;
    gateway.covers().await;
    let webhook = webhook_carrier(gateway.webhook.unwrap(), TOKEN);
    let streams = PerPath {
        webhook: stream(Path::Webhook, webhook, "loss=8%"),
        eventbridge: stream(Path::Eventbridge, queue_carrier(&cloud), "loss=3%,delay=50ms"),
    };
    let (events, rate) = QUICK;
    let skewed =
        Play { clock_skew: "5s".parse().unwrap(), ..play(events, rate, Ids::Same, streams) };
    let (player, _) = Player::new(skewed);
    let came = player.run(CancellationToken::new()).await.unwrap();
    let totals = serde_json::to_value(&came.totals).unwrap();
    let seen = |path: &str| totals["paths"][path]["seen"].as_u64().unwrap();
    gateway.arrived(seen("webhook") + seen("eventbridge")).await;
    cloud.emptied().await;
    // An event settles when its own time has come.
    gateway.settled().await;
    let document = gateway.get("/api/v1/compare?from=2026-01-01T00:00:00Z").await.json();
    check_same(&document, &totals);
    for (path, rate) in [("webhook", 0.08), ("eventbridge", 0.03)] {
        for interval in ["loss", "covered/loss"] {
            let end = |end: &str| {
                let pointer = format!("/paths/{path}/{interval}/{end}");
                document.pointer(&pointer).and_then(Value::as_f64).unwrap()
            };
            assert!(end("low") <= rate && rate <= end("high"), "{path} {interval}: {document:#}");
        }
        let latency = &document["paths"][path]["latency_ms"];
        assert_eq!(latency["negative"], latency["count"], "{document:#}");
    }
    let unseen = &document["unseen"];
    let neither = totals["neither"].as_f64().unwrap();
    let (low, high) = (unseen["low"].as_f64().unwrap(), unseen["high"].as_f64().unwrap());
    assert!(low <= neither && neither <= high, "{neither} reached neither: {unseen}");
    let notes = document["notes"].to_string();
    assert!(notes.contains("Clock alarm"), "{notes}");
    gateway.stop().await;
}

const QUICK: (u64, f64) = (400, 250.0);

#[tokio::test]
async fn at_the_stand_in_with_one_id() {
    let cloud = Cloud::stand_in_with(&[("VisibilityTimeout", "30")]).await;
    let carrier = queue_carrier(&cloud);
    check(cloud, carrier, Ids::Same, QUICK).await;
}

#[tokio::test]
async fn at_the_stand_in_with_two_ids_and_a_partners_bus() {
    let cloud = Cloud::stand_in_with(&[("VisibilityTimeout", "30")]).await;
    let bus = "aws.partner/auth0.com/acme-demo-00000000/auth0.events";
    let queue = cloud.queue_url.rsplit('/').next().unwrap();
    cloud.handle().connect_partner(bus, queue).unwrap();
    let carrier = Carrier::Partner { aws: cloud.handle().clone(), bus: bus.into() };
    check(cloud, carrier, Ids::Different, QUICK).await;
}

#[tokio::test]
async fn at_the_emulators_queue_with_two_ids() {
    let cloud = Cloud::emulator_with(&[("VisibilityTimeout", "30")]).await;
    let carrier = queue_carrier(&cloud);
    check(cloud, carrier, Ids::Different, QUICK).await;
}

#[tokio::test]
async fn at_the_emulators_bus_with_one_id() {
    let cloud = Cloud::emulator_with(&[("VisibilityTimeout", "30")]).await;
    let carrier = super::bus_carrier(&cloud).await;
    // The emulator takes about 100 ms to put an event.
    check(cloud, carrier, Ids::Same, (150, 100.0)).await;
}
