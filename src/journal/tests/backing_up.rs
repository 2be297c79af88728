//! Copies of the journal, and putting them back.

use super::super::{BackupError, backup, check, restore};
use super::*;

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
    let server = Server::start();
    server.send_new(webhook("evt_1")).await;
    let copy = server.stopped.folder.path().join("copy.db");
    backup(&server.stopped.settings.path, &copy).unwrap();
    server.send_new(webhook("evt_2")).await;
    let path = server.stopped.settings.path.clone();
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
