//! Messages per second from SQS: the stand-in for AWS in this process, the real SDK in the gateway.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use twinstream::sim::aws::{Aws, Handle, Settings};

use super::Scale;
use super::support::events::Template;
use super::support::processes::Gateway;
use super::support::{Report, Row};

const QUEUE: &str = "auth0-events";

pub(crate) async fn measure(scale: &Scale, folder: &Path, report: &mut Report) {
    let aws = Aws::bind((Ipv4Addr::LOCALHOST, 0).into(), Settings::default()).await.unwrap();
    let (handle, url) = (aws.handle(), aws.url());
    let queue_url = handle.create_queue(QUEUE, &[("VisibilityTimeout", "90")]).unwrap();
    let mut template = Template::envelope();
    for number in 0..scale.messages as u64 {
        let body = std::str::from_utf8(template.fill(number)).unwrap().to_owned();
        handle.send(QUEUE, body).unwrap();
    }
    let stop = CancellationToken::new();
    let serving = tokio::task::spawn_local(aws.run(stop.clone()));
    let drained = tokio::task::spawn_local(drained(handle.clone(), scale.messages));
    let gateway = Gateway::eventbridge(folder, &queue_url, &url).await;
    let per_second = drained.await.unwrap();
    drop(gateway);
    stop.cancel();
    serving.await.unwrap().unwrap();
    report.push(Row::new("gateway, SQS messages, 2 receivers").rate(per_second));
}

fn left(handle: &Handle) -> usize {
    let depth = handle.depth(QUEUE).unwrap();
    depth.visible + depth.in_flight + depth.delayed
}

/// From the first deletion to the last.
async fn drained(handle: Handle, messages: usize) -> f64 {
    let patience = Instant::now() + Duration::from_mins(2);
    let mut first: Option<(Instant, usize)> = None;
    loop {
        let left = left(&handle);
        match first {
            None if left < messages => first = Some((Instant::now(), left)),
            Some((began, after_first)) if left == 0 => {
                return after_first as f64 / began.elapsed().as_secs_f64();
            }
            None | Some(_) => {}
        }
        assert!(Instant::now() < patience, "{left} messages are left in the queue");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
