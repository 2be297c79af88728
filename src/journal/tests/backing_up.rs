//! Copies of the journal, and putting them back.

use std::path::PathBuf;

use super::super::backup::Swap;
use super::super::{BackupError, backup, check, restore};
use super::*;

/// A server with one event, its journal, and a copy of that.
async fn copied_after_one() -> (Server, PathBuf, PathBuf) {
    let server = Server::start();
    server.send_new(webhook("evt_1")).await;
    let copy = server.stopped.folder.path().join("copy.db");
    let path = server.stopped.settings.path.clone();
    backup(&path, &copy).unwrap();
    (server, path, copy)
}

#[tokio::test]
async fn a_copy_of_a_journal_in_use_holds_what_was_acknowledged_before_it() {
    let server = Server::start();
    server.send_new(webhook("evt_1")).await;
    server.send_new(webhook("evt_2")).await;
    let copy = server.stopped.folder.path().join("copy.db");
    let made = backup(&server.stopped.settings.path, &copy).unwrap();
    assert_eq!((made.events, made.last_stored_at), (2, Some(START)));
    // The server is not held up, and the copy is not touched by what comes after.
    server.send_new(webhook("evt_3")).await;
    assert_eq!(check(&copy).unwrap().events, 2);
    assert_eq!(server.events().await, 3);
    let stopped = server.stop();
    let reader = Reader::open(&copy).unwrap();
    let story = reader.event(EventId::parse("evt_2").unwrap()).await.unwrap().unwrap();
    assert_eq!(story.summary.id, "evt_2");
    assert_eq!(check(&stopped.settings.path).unwrap().events, 3);
}

#[tokio::test]
async fn nothing_is_overwritten() {
    let server = Server::start();
    let copy = server.stopped.folder.path().join("copy.db");
    std::fs::write(&copy, "mine").unwrap();
    let refused = backup(&server.stopped.settings.path, &copy).unwrap_err();
    assert!(matches!(refused, BackupError::Exists(_)), "{refused:?}");
    assert_eq!(std::fs::read_to_string(&copy).unwrap(), "mine");
}

#[tokio::test]
async fn a_copy_takes_the_place_of_the_journal_and_the_old_one_is_kept() {
    let (server, path, copy) = copied_after_one().await;
    server.send_new(webhook("evt_2")).await;
    let refused = restore(&copy, &path, START).unwrap_err();
    let in_use = matches!(refused, BackupError::Open(OpenError::InUse { .. }));
    assert!(in_use, "{refused:?}");

    let stopped = server.stop();
    let (contents, aside) = restore(&copy, &path, START).unwrap();
    assert_eq!(contents.events, 1);
    assert_eq!(check(&aside.unwrap()).unwrap().events, 2);
    let server = stopped.start();
    assert_eq!(server.events().await, 1);
    // An id of what is gone is new again, one that was copied is not.
    server.send_new(webhook("evt_2")).await;
    assert_eq!(server.events().await, 2);
}

#[tokio::test]
async fn a_damaged_copy_is_not_put_back() {
    let server = Server::start();
    for number in 0..200 {
        server.send_new(webhook(&format!("evt_{number}"))).await;
    }
    let stopped = server.stop();
    let copy = stopped.folder.path().join("copy.db");
    backup(&stopped.settings.path, &copy).unwrap();
    let mut bytes = std::fs::read(&copy).unwrap();
    // A page in the middle, beyond the schema.
    let page = bytes.len() / 16_384 / 2 * 16_384;
    bytes[page..page + 16_384].fill(0x5a);
    std::fs::write(&copy, bytes).unwrap();
    let refused = restore(&copy, &stopped.settings.path, START).unwrap_err();
    let is_damage = matches!(refused, BackupError::Damaged { .. } | BackupError::Sqlite { .. });
    assert!(is_damage, "{refused:?}");
    assert_eq!(stopped.start().events().await, 200);
}

#[tokio::test]
async fn a_copy_of_what_is_not_there_is_refused() {
    let stopped = Stopped::new();
    let copy = stopped.folder.path().join("copy.db");
    let refused = backup(&stopped.settings.path, &copy).unwrap_err();
    assert!(matches!(refused, BackupError::Open(OpenError::Open { .. })), "{refused:?}");
    let refused = restore(&copy, &stopped.settings.path, START).unwrap_err();
    assert!(matches!(refused, BackupError::Missing(_)), "{refused:?}");
    assert!(!copy.exists());
}

/// Stops a restore after so many steps, as a kill would. How many events the journal then has.
async fn events_after(steps: usize) -> usize {
    let (server, path, copy) = copied_after_one().await;
    server.send_new(webhook("evt_2")).await;
    // What the server leaves when it is killed: its last commits are in the log alone.
    let killed = Stopped::new();
    std::fs::create_dir_all(killed.settings.path.parent().unwrap()).unwrap();
    for suffix in ["", "-wal"] {
        let of = |path: &std::path::Path| format!("{}{suffix}", path.display());
        std::fs::copy(of(&path), of(&killed.settings.path)).unwrap();
    }
    assert!(std::fs::metadata(format!("{}-wal", path.display())).unwrap().len() > 0);
    let part = killed.folder.path().join("data/part");
    std::fs::copy(&copy, &part).unwrap();
    let swap = Swap::new(&killed.settings.path, part, START);
    Swap::STEPS.into_iter().take(steps).try_for_each(|step| step(&swap)).unwrap();
    assert!(killed.settings.path.exists(), "a server would begin an empty journal");
    let server = killed.start();
    let events = server.events().await;
    check(&server.stop().settings.path).unwrap();
    events
}

#[tokio::test]
async fn a_restore_that_is_killed_leaves_the_old_journal_or_the_new_one() {
    for steps in 0..Swap::STEPS.len() {
        assert_eq!(events_after(steps).await, 2, "after {steps} steps");
    }
    assert_eq!(events_after(Swap::STEPS.len()).await, 1);
}

#[tokio::test]
async fn a_journal_that_is_being_read_is_not_replaced() {
    let (server, path, copy) = copied_after_one().await;
    let reading = server.stopped.connection();
    reading.execute_batch("BEGIN; SELECT count(*) FROM events").unwrap();
    server.send_new(webhook("evt_2")).await;
    let stopped = server.stop();
    let refused = restore(&copy, &path, START).unwrap_err();
    assert!(matches!(refused, BackupError::Busy(_)), "{refused:?}");
    drop(reading);
    let names = std::fs::read_dir(path.parent().unwrap()).unwrap();
    let mut names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(names.all(|name| !name.contains(".part") && !name.contains(".before")));
    let server = stopped.start();
    assert_eq!(server.events().await, 2);
    let _stopped = server.stop();
    restore(&copy, &path, START).unwrap();
    assert_eq!(check(&path).unwrap().events, 1);
}

#[tokio::test]
async fn a_damaged_journal_is_replaced_and_kept_with_its_log() {
    let (server, path, copy) = copied_after_one().await;
    let stopped = server.stop();
    let log = format!("{}-wal", path.display());
    let damaged = "no journal at all".repeat(4_096);
    std::fs::write(&path, &damaged).unwrap();
    std::fs::write(&log, "nor a log").unwrap();
    let (_, aside) = restore(&copy, &path, START).unwrap();
    let aside = aside.unwrap();
    assert_eq!(std::fs::read_to_string(&aside).unwrap(), damaged);
    let kept = format!("{}-wal", aside.display());
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "nor a log");
    assert!(!std::path::Path::new(&log).exists());
    assert_eq!(stopped.start().events().await, 1);
}

#[tokio::test]
async fn a_stray_log_is_not_put_into_the_new_journal() {
    let (server, path, copy) = copied_after_one().await;
    server.send_new(webhook("evt_2")).await;
    let log = format!("{}-wal", path.display());
    let stray = std::fs::read(&log).unwrap();
    let stopped = server.stop();
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&log, stray).unwrap();
    let (_, aside) = restore(&copy, &path, START).unwrap();
    assert_eq!(aside, None);
    assert_eq!(stopped.start().events().await, 1);
}

#[tokio::test]
async fn a_file_of_somebody_else_s_is_left_alone() {
    let server = Server::start();
    let copy = server.stopped.folder.path().join("copy.db");
    let path = server.stopped.settings.path.clone();
    let theirs = [&copy, &path].map(|path| format!("{}.part", path.display()));
    for file in &theirs {
        std::fs::write(file, "mine").unwrap();
    }
    backup(&path, &copy).unwrap();
    let _stopped = server.stop();
    restore(&copy, &path, START).unwrap();
    for file in &theirs {
        assert_eq!(std::fs::read_to_string(file).unwrap(), "mine");
    }
}
