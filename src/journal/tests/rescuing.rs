//! What Auth0 was asked for, and since when the journal would know what came.

use super::super::{AskedFor, backup, restore};
use super::*;
use crate::summary::Count;

fn id(text: &str) -> EventId {
    EventId::parse(text).unwrap()
}

impl Server {
    async fn ask_once_for(&self, text: &str) {
        drop(self.journal.rescue(vec![id(text)]).await.unwrap());
    }

    async fn refuse(&self, text: &str) {
        drop(self.journal.rescue_refused(id(text)).await.unwrap());
    }

    async fn remembers_since(&self) -> Timestamp {
        self.journal.reader().unwrap().remembers_since(KEEP, self.now()).await.unwrap()
    }

    async fn open_door(&self) {
        drop(self.journal.door_is_open(Path::Webhook, true).await.unwrap());
    }

    async fn came_by_webhook(&self, text: &str, since: Timestamp) -> bool {
        let reader = self.journal.reader().unwrap();
        !reader.came_by_webhook(vec![id(text)], since).await.unwrap().is_empty()
    }

    /// Whether an event of this id that comes by webhook now counts as asked for.
    async fn arrives_as_rescued(&self, text: &str) -> bool {
        self.send(webhook(text)).await;
        let flags = "SELECT webhook_flags FROM events WHERE id = ?";
        let flags = self.stopped.connection().query_row(flags, [text], |row| row.get(0)).unwrap();
        Flags::from_bits(flags).has(crate::event::Flag::Rescued)
    }
}

#[tokio::test]
async fn tries_are_counted_and_survive_a_restart_until_the_event_is_forgotten() {
    let server = Server::start();
    server.ask_once_for("evt_1").await;
    server.advance(MINUTE);
    server.ask_once_for("evt_1").await;
    server.refuse("evt_1").await;
    let server = server.restart();
    let asked_for = async |server: &Server| {
        let reader = server.journal.reader().unwrap();
        reader.asked_for(vec![id("evt_1"), id("evt_2")]).await.unwrap()
    };
    let expected = AskedFor { tries: 2, refused: 1, at: START.plus(MINUTE) };
    assert_eq!(asked_for(&server).await, [(id("evt_1"), expected)].into());
    server.advance(KEEP + MINUTE);
    server.retain().await;
    assert_eq!(asked_for(&server).await, [].into());
}

#[tokio::test]
async fn what_auth0_would_not_send_again_and_comes_by_itself_is_an_arrival_of_the_path() {
    let server = Server::start();
    for text in ["evt_1", "evt_2", "evt_3"] {
        server.ask_once_for(text).await;
    }
    server.refuse("evt_1").await;
    // Asked for before, and perhaps under way since.
    server.ask_once_for("evt_2").await;
    server.refuse("evt_2").await;
    assert!(!server.arrives_as_rescued("evt_1").await);
    assert!(server.arrives_as_rescued("evt_2").await);
    assert!(server.arrives_as_rescued("evt_3").await);
}

#[tokio::test]
async fn what_comes_again_as_it_was_asked_for_is_no_duplicate_of_the_path() {
    let server = Server::start();
    server.send_new(webhook("evt_1")).await;
    assert_eq!(server.send(webhook("evt_1")).await, ArrivalOutcome::Duplicate);
    server.ask_once_for("evt_1").await;
    for _ in 0..2 {
        assert_eq!(server.send(webhook("evt_1")).await, ArrivalOutcome::Duplicate);
    }
    server.send(eventbridge("evt_1").in_message("m1")).await;
    server.send(eventbridge("evt_1").in_message("m1")).await;
    for _ in 0..2 {
        assert_eq!(server.counted_of(Count::WebhookRetries).await, 1);
        assert_eq!(server.counted_of(Count::SameMessage).await, 1);
        server.summarize().await;
    }
    let story = server.story("evt_1").await.unwrap();
    assert_eq!(story.summary.duplicates, 2);
    let asked_for = |one: &&ArrivalStory| one.duplicate == Some(RepeatKind::AskedFor);
    assert_eq!(story.arrivals.iter().filter(asked_for).count(), 2);
}

/// Two ids on one stream are two events, by whatever its first arrival on that stream was brought about.
#[tokio::test]
async fn what_was_asked_for_shows_by_which_stream_it_came() {
    let server = Server::start();
    server.send_new(backfill("evt_1")).await;
    server.ask_once_for("evt_1").await;
    assert_eq!(server.send(webhook("evt_1")).await, ArrivalOutcome::Duplicate);
    server.send_new(webhook("evt_2")).await;
    assert_eq!(server.claim_ids().await.len(), 1, "of one user, one at a time");
    assert_eq!(server.events().await, 2);
}

#[tokio::test]
async fn what_came_again_has_come_since() {
    let server = Server::start();
    server.send_new(webhook("evt_1")).await;
    server.send_new(eventbridge("evt_2").of_user("auth0|2")).await;
    server.advance(MINUTE);
    let since = server.now();
    assert!(server.came_by_webhook("evt_1", START).await);
    assert!(!server.came_by_webhook("evt_1", since).await);
    assert!(!server.came_by_webhook("evt_2", START).await);
    server.send(webhook("evt_1")).await;
    server.send(webhook("evt_2").of_user("auth0|2")).await;
    assert!(server.came_by_webhook("evt_1", since).await);
    assert!(server.came_by_webhook("evt_2", since).await);
    assert!(!server.came_by_webhook("evt_3", START).await);
}

#[tokio::test]
async fn what_happened_before_a_door_was_open_is_not_known() {
    let server = Server::start();
    assert_eq!(server.remembers_since().await, START, "nothing can have come yet");
    server.open_door().await;
    let opened = START.minus(Duration::from_secs(1));
    server.advance(MINUTE);
    assert_eq!(server.remembers_since().await, opened);
    // Opened again, it has been open before.
    server.open_door().await;
    assert_eq!(server.remembers_since().await, opened);
    server.advance(2 * KEEP);
    assert_eq!(server.remembers_since().await, server.now().minus(KEEP));
}

#[tokio::test]
async fn what_was_deleted_for_want_of_room_is_not_known() {
    let server = Server::start();
    server.open_door().await;
    server.advance(MINUTE);
    server.send_new(webhook("evt_1")).await;
    let stored = server.now();
    for due in server.claim_of(&server.routes.clone(), 100).await.due {
        server.settle(&due, Verdict::Delivered).await;
    }
    server.summarize().await;
    let mut stopped = server.stop();
    stopped.settings.size_bytes_max = 1;
    let server = stopped.start();
    server.advance(MINUTE);
    server.retain().await;
    assert_eq!(server.events().await, 0);
    assert_eq!(server.remembers_since().await, stored);
}

#[tokio::test]
async fn what_happened_before_a_copy_took_its_place_is_not_known() {
    let server = Server::start();
    server.open_door().await;
    let opened = server.remembers_since().await;
    let path = server.stopped.settings.path.clone();
    let copy = server.stopped.folder.path().join("copy.db");
    backup(&path, &copy).unwrap();
    server.advance(MINUTE);
    // Not a copy, whatever was made of it, and however often it is started.
    let stopped = server.restart().stop();
    restore(&copy, &path, stopped.clock.now()).unwrap();
    stopped.clock.advance(MINUTE);
    let server = stopped.start();
    let restored = server.now();
    assert_eq!(server.remembers_since().await, restored);
    server.advance(MINUTE);
    let server = server.restart();
    server.open_door().await;
    assert_eq!(server.remembers_since().await, restored);
    assert!(opened < restored);
}

#[tokio::test]
async fn a_journal_that_is_started_again_remembers_what_it_did() {
    let server = Server::start();
    server.open_door().await;
    let opened = server.remembers_since().await;
    server.advance(MINUTE);
    assert_eq!(server.restart().remembers_since().await, opened);
}
