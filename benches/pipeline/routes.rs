//! Events a second from the request to the target's last 2XX, and how long one takes, with 1, 5 and 50
//! routes that all take every event.

use std::path::Path;
use std::time::{Duration, Instant};

use super::Scale;
use super::application::Application;
use super::support::events;
use super::support::load::{self, Load, Numbers};
use super::support::processes::Gateway;
use super::support::{Report, Row, quantile};

const ROUTES: [usize; 3] = [1, 5, 50];
/// Attempts at once at the target.
const CONCURRENCY: usize = 64;
/// Connections that send as fast as they are answered.
const SENDERS: usize = 16;
/// For how long events are sent at a steady pace, to see how long one takes.
const STEADY: Duration = Duration::from_secs(4);
/// The share of the throughput at which that is done.
const LOADED: f64 = 0.5;
/// Longer than any delivery takes here.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) async fn measure(scale: &Scale, folder: &Path, report: &mut Report) {
    let mut deliveries = Vec::new();
    for count in ROUTES {
        let folder = folder.join(count.to_string());
        std::fs::create_dir_all(&folder).unwrap();
        let names: Vec<String> = (0..count).map(|n| format!("route-{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let application = Application::start().await;
        let target = format!("{}concurrency = {CONCURRENCY}\n", application.target());
        let gateway = Gateway::delivering(&folder, &target, &names).await;
        let numbers = Numbers::default();
        let events = scale.deliveries / count as u64;
        let per_second = throughput(&gateway, &application, &numbers, (events, count)).await;
        eprintln!("  {count} routes: {per_second:.0} events/s");
        let took = steady(&gateway, &application, &numbers, (per_second * LOADED, count)).await;
        let (p50, p99) = (quantile(&took, 0.5), quantile(&took, 0.99));
        let each = per_second * count as f64;
        deliveries.push(each);
        report.push(
            Row::new(&format!("request to the last 2XX, routes: {count}; times at half the rate"))
                .rate(per_second)
                .took(p50, p99)
                .ratio("deliveries/s, of those with 1 route", each / deliveries[0]),
        );
    }
}

/// Sends events as fast as they are taken in, and waits for the last delivery.
async fn throughput(
    gateway: &Gateway,
    application: &Application,
    numbers: &Numbers,
    (events, routes): (u64, usize),
) -> f64 {
    let began = Instant::now();
    let mut sent = 0;
    while sent < events {
        let duration = Duration::from_millis(200);
        let load = Load { address: gateway.address(), connections: SENDERS, duration };
        let outcome = load::run(load, numbers).await;
        assert_eq!(outcome.refused, 0, "the gateway refused events");
        sent += outcome.accepted.len() as u64;
    }
    let all = sent * routes as u64;
    while application.deliveries() < all {
        assert!(began.elapsed() < PATIENCE, "{} of {all} delivered", application.deliveries());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    sent as f64 / began.elapsed().as_secs_f64()
}

/// Sends at a steady pace, whatever is answered when, and returns how long each event took from when
/// it was to be sent to its last 2XX, in milliseconds.
async fn steady(
    gateway: &Gateway,
    application: &Application,
    numbers: &Numbers,
    (per_second, routes): (f64, usize),
) -> Vec<f64> {
    let sent = load::run_at(gateway.address(), (per_second, STEADY), numbers).await;
    let began = Instant::now();
    let mut took = Vec::with_capacity(sent.len());
    for (number, at) in sent {
        let id = events::id(number);
        let came = loop {
            if let Some(came) = application.came(&id, routes as u32) {
                break came;
            }
            assert!(began.elapsed() < PATIENCE, "an event was not delivered");
            tokio::time::sleep(Duration::from_millis(1)).await;
        };
        took.push((came - at).as_secs_f64() * 1e3);
    }
    took
}
