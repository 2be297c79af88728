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
use crate::support::settings::TOKEN;

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
