//! The disk under the journal fails: nothing is acknowledged that is not stored, and all is well
//! again without a restart.

use std::path::PathBuf;
use std::process::Command;

use crate::support::cloud::Cloud;
use crate::support::event::event;
use crate::support::http;
use crate::support::journal_file;
use crate::support::process::Process;
use crate::support::settings::Settings;
use crate::support::until;

/// A library that makes writes or flushes of the journal fail on demand, built by the C compiler
/// that SQLite needs anyway.
fn failing_disk(settings: &Settings) -> PathBuf {
    let library = settings.file("failing_disk.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support/failing_disk.c");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).arg("-ldl");
    let status = compiler.status().unwrap_or_else(|error| panic!("{compiler:?}: {error}"));
    assert!(status.success(), "{compiler:?}: {status}");
    library
}

async fn post(gateway: &Process, id: &str) -> http::Response {
    http::post(gateway.webhook.unwrap(), &event(id, 1, 1).body()).await
}

async fn survives(variable: &str, cause: &str) {
    let cloud = Cloud::stand_in().await;
    let queue = cloud.queue_url.rsplit('/').next().unwrap();
    let settings = Settings::new("both").queue(&cloud.endpoint_url, &cloud.queue_url);
    let (library, flag) = (failing_disk(&settings), settings.file("flag"));
    let gateway = Process::serve_with(&settings, |command| {
        command.env("LD_PRELOAD", library).env(variable, &flag);
    })
    .await;
    gateway.ready().await;
    assert_eq!(post(&gateway, "evt_before").await.status, 204);

    std::fs::write(&flag, "").unwrap();
    cloud.send(event("evt_queued", 2, 1).envelope()).await;
    for _ in 0..5 {
        let response = post(&gateway, "evt_during").await;
        assert_eq!((response.status, response.header("retry-after")), (503, Some("1")));
    }
    let readiness = http::get(gateway.admin, "/readyz").await;
    assert_eq!(readiness.status, 503, "{readiness:?}");
    let metrics = http::get(gateway.admin, "/metrics").await.body;
    let line = format!("twinstream_journal_failures_total{{cause=\"{cause}\"}}");
    assert!(metrics.contains(&line), "{line} is missing: {metrics}");
    assert_eq!(cloud.handle().totals(queue).deleted, 0);

    std::fs::remove_file(&flag).unwrap();
    until("recovery", async || (post(&gateway, "evt_during").await.status == 204).then_some(()))
        .await;
    gateway.ready().await;
    cloud.emptied().await;
    assert_eq!(post(&gateway, "evt_after").await.status, 204);
    let (status, _) = gateway.terminate().await;
    assert!(status.success(), "{status}");
    journal_file::check(&settings.journal());
    let mut ids = journal_file::ids(&settings.journal());
    ids.sort_unstable();
    assert_eq!(ids, ["evt_after", "evt_before", "evt_during", "evt_queued"]);
}

#[tokio::test]
async fn a_full_disk() {
    survives("FAILING_DISK_FULL", "disk_full").await;
}

#[tokio::test]
async fn a_disk_that_does_not_flush() {
    survives("FAILING_DISK_BROKEN", "store").await;
}
