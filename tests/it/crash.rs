//! `kill -9` of the real executable under load, again and again on one journal: what was
//! acknowledged is there, once.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::support::cloud::Cloud;
use crate::support::event::event;
use crate::support::http::{self, Connection};
use crate::support::journal_file;
use crate::support::process::Process;
use crate::support::settings::Settings;
use crate::support::target::Target;
use crate::support::until;

const KILLS: u32 = 24;
const SENDERS: u32 = 6;

/// Where the gateway is now, for senders that outlive it.
type Address = Arc<Mutex<Option<SocketAddr>>>;

/// Posts events one after the other, as a stream does, and repeats each until it is acknowledged.
/// Returns the ids that were.
fn post(sender: u32, address: Address, stop: CancellationToken) -> JoinHandle<BTreeSet<String>> {
    tokio::spawn(async move {
        let mut acknowledged = BTreeSet::new();
        let mut connection: Option<Connection> = None;
        for number in 0_u64.. {
            let id = format!("evt_w_{sender}_{number}");
            let request = http::webhook(&event(&id, sender, number).body());
            loop {
                if stop.is_cancelled() {
                    return acknowledged;
                }
                match attempt(&mut connection, &address, &request).await {
                    Some(204) => break,
                    Some(503) | None => sleep(Duration::from_millis(5)).await,
                    Some(status) => panic!("answered {status}, which Auth0 would never retry"),
                }
            }
            acknowledged.insert(id);
        }
        acknowledged
    })
}

async fn attempt(
    connection: &mut Option<Connection>,
    address: &Address,
    request: &[u8],
) -> Option<u16> {
    if connection.is_none() {
        let address = (*address.lock().unwrap())?;
        *connection = Connection::try_open(address).await.ok();
    }
    let open = connection.as_mut()?;
    let answer = match open.try_send(request).await {
        Ok(()) => open.receive().await,
        Err(_) => None,
    };
    if answer.is_none() {
        *connection = None;
    }
    answer.map(|answer| answer.status)
}

/// Puts messages into the queue all the time: events of its own, and what the webhook carries too.
fn enqueue(cloud: &Cloud, stop: CancellationToken) -> JoinHandle<BTreeSet<String>> {
    let handle = cloud.handle().clone();
    let queue = cloud.queue_url.rsplit('/').next().unwrap().to_owned();
    tokio::spawn(async move {
        let mut sent = BTreeSet::new();
        for number in 0_u64.. {
            if stop.is_cancelled() {
                break;
            }
            let own = event(&format!("evt_q_{number}"), 90, number);
            let shared = event(&format!("evt_w_0_{number}"), 0, number);
            for event in [own, shared] {
                handle.send(&queue, event.clone().by_eventbridge().envelope()).unwrap();
                sent.insert(event.0["id"].as_str().unwrap().to_owned());
            }
            sleep(Duration::from_millis(4)).await;
        }
        sent
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_kill_9_at_any_moment() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let cloud = Cloud::stand_in().await;
    let target = Target::up().await;
    let settings = Settings::new("both").queue(&cloud.endpoint_url, &cloud.queue_url).deliver(
        "app",
        &target.url(),
        &[],
    );
    let (address, stop) = (Address::default(), CancellationToken::new());
    let senders: Vec<_> =
        (0..SENDERS).map(|sender| post(sender, Arc::clone(&address), stop.clone())).collect();
    let queued = enqueue(&cloud, stop.clone());
    for _ in 0..KILLS {
        let gateway = Process::serve(&settings).await;
        *address.lock().unwrap() = gateway.webhook;
        // From "just started" to "in full swing".
        sleep(Duration::from_millis(random.u64(0..250))).await;
        gateway.kill();
    }
    let gateway = Process::serve(&settings).await;
    *address.lock().unwrap() = gateway.webhook;
    gateway.ready().await;
    stop.cancel();
    let mut acknowledged = queued.await.unwrap();
    for sender in senders {
        acknowledged.append(&mut sender.await.unwrap());
    }
    cloud.emptied().await;
    wait_until_delivered(&gateway).await;
    let (status, _) = gateway.terminate().await;
    assert!(status.success(), "{status}");

    // The journal's own rules, one of which is that no id is there twice.
    journal_file::check(&settings.journal());
    let there: BTreeSet<String> = journal_file::ids(&settings.journal()).into_iter().collect();
    let lost: Vec<_> = acknowledged.difference(&there).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let queue = cloud.queue_url.rsplit('/').next().unwrap();
    for body in cloud.handle().deleted_bodies(queue) {
        let envelope: serde_json::Value = serde_json::from_str(&body).unwrap();
        let id = envelope["detail"]["id"].as_str().unwrap();
        assert!(there.contains(id), "deleted and not in the journal: {id}");
    }
    let delivered: BTreeSet<String> =
        target.came().iter().map(|came| came.id().to_owned()).collect();
    assert_eq!(delivered, there, "every event in the journal was delivered, and nothing else");
    assert!(there.len() > 200, "a load worth the name: {}", there.len());
}

async fn wait_until_delivered(gateway: &Process) {
    until("the end of all deliveries", async || {
        let status = http::get(gateway.admin, "/api/v1/status").await.json();
        let pending = status["pending"].as_array()?.iter().map(|route| route["count"].as_u64());
        pending.sum::<Option<u64>>().filter(|count| *count == 0)
    })
    .await;
}
