//! A copy of the journal of a gateway that takes events in, and the way back.

use std::process::Stdio;

use crate::support::event::event;
use crate::support::http::{self, Connection};
use crate::support::journal_file;
use crate::support::process::{self, Process};
use crate::support::settings::Settings;

/// What a command said; it must end well.
#[track_caller]
fn run(settings: &Settings, arguments: &[&str]) -> String {
    let output = process::run(settings, arguments);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap() + &error
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_holds_what_was_acknowledged_and_serves_again() {
    let settings = Settings::new("webhook");
    let gateway = Process::serve(&settings).await;
    let mut connection = Connection::open(gateway.webhook.unwrap()).await;
    let stop = tokio_util::sync::CancellationToken::new();
    let stopped = stop.clone();
    let (told, mut acknowledged) = tokio::sync::watch::channel(0_u64);
    let sender = tokio::spawn(async move {
        for number in 1_u64.. {
            if stopped.is_cancelled() {
                break;
            }
            let body =
                event(&format!("evt_{number}"), u32::try_from(number % 7).unwrap(), number).body();
            connection.send(&http::webhook(&body)).await;
            assert_eq!(connection.receive().await.unwrap().status, 204);
            told.send_replace(number);
        }
    });
    let before = *acknowledged.wait_for(|number| *number >= 200).await.unwrap();
    let copy = settings.file("copy.db");
    let copy = copy.to_str().unwrap();
    let said = run(&settings, &["journal", "backup", copy]);
    assert!(said.contains("is a checked copy of"), "{said}");
    let during = *acknowledged.borrow();
    acknowledged.wait_for(|number| *number > during).await.unwrap();
    stop.cancel();
    sender.await.unwrap();
    let copied = journal_file::ids(std::path::Path::new(copy));
    for number in 1..=before {
        assert!(copied.contains(&format!("evt_{number}")), "evt_{number} was acknowledged");
    }

    let refused = process::run(&settings, &["journal", "restore", copy]);
    assert_eq!(refused.status.code(), Some(3));
    let error = String::from_utf8(refused.stderr).unwrap();
    assert!(error.contains("stop the gateway first"), "{error}");
    gateway.terminate().await;

    let said = run(&settings, &["journal", "restore", copy]);
    assert!(said.contains("what was there is kept as"), "{said}");
    let gateway = Process::serve(&settings).await;
    let mut now = journal_file::ids(&settings.journal());
    let mut copied = copied;
    now.sort_unstable();
    copied.sort_unstable();
    assert_eq!(now, copied);
    // What was in it is known, what was not is new.
    let address = gateway.webhook.unwrap();
    assert_eq!(http::post(address, &event("evt_1", 1, 1).body()).await.status, 204);
    assert_eq!(http::post(address, &event("evt_new", 1, 1).body()).await.status, 204);
    gateway.terminate().await;
    assert_eq!(journal_file::ids(&settings.journal()).len(), copied.len() + 1);
    journal_file::check(&settings.journal());
}

#[tokio::test]
async fn a_restore_that_is_killed_leaves_a_whole_journal() {
    let settings = Settings::new("webhook");
    let gateway = Process::serve(&settings).await;
    let address = gateway.webhook.unwrap();
    assert_eq!(http::post(address, &event("evt_1", 1, 1).body()).await.status, 204);
    let copy = settings.file("copy.db");
    run(&settings, &["journal", "backup", copy.to_str().unwrap()]);
    assert_eq!(http::post(address, &event("evt_2", 1, 2).body()).await.status, 204);
    gateway.terminate().await;
    let whole = std::fs::read(settings.journal()).unwrap();
    for delay in 0_u64..20 {
        std::fs::write(settings.journal(), &whole).unwrap();
        let mut command = process::command(&settings);
        command.args(["journal", "restore"]).arg(&copy).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(delay * 3)).await;
        // It may have ended before.
        drop(child.kill());
        child.wait().unwrap();
        let mut ids = journal_file::ids(&settings.journal());
        ids.sort_unstable();
        assert!(ids == ["evt_1"] || ids == ["evt_1", "evt_2"], "after {delay}: {ids:?}");
    }
    run(&settings, &["journal", "restore", copy.to_str().unwrap()]);
    assert_eq!(journal_file::ids(&settings.journal()), ["evt_1"]);
    journal_file::check(&settings.journal());
}

#[tokio::test]
async fn a_journal_that_somebody_reads_is_not_replaced() {
    let settings = Settings::new("webhook");
    let gateway = Process::serve(&settings).await;
    let address = gateway.webhook.unwrap();
    let copy = settings.file("copy.db");
    let copy = copy.to_str().unwrap();
    run(&settings, &["journal", "backup", copy]);
    let reading = rusqlite::Connection::open(settings.journal()).unwrap();
    reading.execute_batch("BEGIN; SELECT count(*) FROM events").unwrap();
    assert_eq!(http::post(address, &event("evt_1", 1, 1).body()).await.status, 204);
    gateway.terminate().await;
    let refused = process::run(&settings, &["journal", "restore", copy]);
    assert_eq!(refused.status.code(), Some(3));
    let error = String::from_utf8(refused.stderr).unwrap();
    assert!(error.contains("is being read by another program"), "{error}");
    drop(reading);
    assert_eq!(journal_file::ids(&settings.journal()), ["evt_1"]);
}

#[test]
fn a_check_says_what_a_journal_holds_or_that_there_is_none() {
    let settings = Settings::new("webhook");
    let output = process::run(&settings, &["journal", "check", "nowhere.db"]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("there is no file nowhere.db"), "{error}");
    let output = process::run(&settings, &["journal", "backup", "copy.db"]);
    assert_eq!(output.status.code(), Some(3));
}
