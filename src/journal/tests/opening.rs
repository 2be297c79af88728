//! Who may open the journal, and what a start finds.

use super::*;

#[tokio::test]
async fn a_second_server_is_refused() {
    let server = Server::start();
    let refused = server.stopped.open().unwrap_err();
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused:?}");
    assert!(refused.to_string().contains("is in use by another twinstream"), "{refused}");
    // The first one works on, and a stop frees it.
    server.send_new(webhook("evt_1")).await;
    assert_eq!(server.restart().events().await, 1);
}

#[tokio::test]
async fn a_file_of_a_later_version_is_refused_and_left_alone() {
    let server = Server::start();
    server.send_new(webhook("evt_1")).await;
    let stopped = server.stop();
    stopped.connection().pragma_update(None, "user_version", 2).unwrap();
    for refused in [stopped.open().unwrap_err(), Reader::open(&stopped.settings.path).unwrap_err()]
    {
        assert!(matches!(refused, OpenError::Version { found: 2, known: 1, .. }), "{refused:?}");
        let said = refused.to_string();
        assert!(said.contains("has version 2, this program knows version 1"), "{said}");
    }
    stopped.connection().pragma_update(None, "user_version", 1).unwrap();
    assert_eq!(stopped.start().events().await, 1);
}

#[tokio::test]
async fn what_is_no_journal_is_refused() {
    let stopped = Stopped::new();
    let path = &stopped.settings.path;
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, "not a database, but longer than the header of one is.".repeat(9))
        .unwrap();
    assert!(matches!(stopped.open().unwrap_err(), OpenError::Open { .. }));
    assert!(std::fs::read_to_string(path).unwrap().starts_with("not a database"));
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let mut stopped = Stopped::new();
    let file = stopped.folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    stopped.settings.path = file.join("journal.db");
    let refused = stopped.open().unwrap_err();
    assert!(matches!(refused, OpenError::Folder { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_reader_needs_no_server() {
    let server = Server::start();
    server.send_new(webhook("evt_1")).await;
    let stopped = server.stop();
    let reader = Reader::open(&stopped.settings.path).unwrap();
    let story = reader.event(EventId::parse("evt_1").unwrap()).await.unwrap().unwrap();
    assert_eq!(story.summary.id, "evt_1");
    assert_eq!(reader.time_range().await.unwrap(), Some((START, START)));
    assert!(Reader::open(&stopped.folder.path().join("none.db")).is_err());
}

#[tokio::test]
async fn a_route_keeps_its_number_and_takes_its_target() {
    let server = Server::start();
    let before = server.routes.clone();
    server.send_new(webhook("evt_1")).await;
    let (journal, mut writer) = server.stop().open_again();
    let named = [("new", "app"), (ROUTES[1], "other"), (ROUTES[0], "app")];
    let named = named.map(|(name, target)| RouteSpec { target: target.to_owned(), ..spec(name) });
    let after = writer.register_routes(&named).unwrap();
    assert_eq!(after[1..], [before[1], before[0]]);
    assert!(!before.contains(&after[0]));
    let counts = journal.0.reader().unwrap().counts().await.unwrap();
    let pending: Vec<_> = counts
        .pending
        .iter()
        .map(|of| (of.route.as_str(), of.target.as_str(), of.pending))
        .collect();
    assert_eq!(pending, [("audit", "other", 1), ("block-status", "app", 1), ("new", "app", 0)]);
}

impl Stopped {
    /// The handle with its folder, and the writer, which has not begun.
    fn open_again(self) -> ((Journal, Self), Writer) {
        let (journal, writer) = self.open().unwrap();
        ((journal, self), writer)
    }
}

#[tokio::test]
async fn events_are_listed_newest_first_in_pages() {
    let server = Server::start();
    for n in 1..=5 {
        let user = if n % 2 == 0 { "auth0|even" } else { "auth0|odd" };
        server.send_new(webhook(&format!("evt_{n}")).of_user(user).later(MINUTE * n)).await;
    }
    let reader = server.journal.reader().unwrap();
    let list = |filter: EventFilter| {
        let reader = reader.clone();
        async move {
            let events = reader.events(filter).await.unwrap();
            events.into_iter().map(|event| event.seq).collect::<Vec<_>>()
        }
    };
    let all = EventFilter { limit: 2, ..EventFilter::default() };
    assert_eq!(list(all.clone()).await, [5, 4]);
    assert_eq!(list(EventFilter { before: Some(4), ..all.clone() }).await, [3, 2]);
    let subject = |text: &str| EventFilter { subject: Some(text.to_owned()), ..all.clone() };
    assert_eq!(list(subject("auth0|even")).await, [4, 2]);
    assert_eq!(list(subject("user:auth0|odd")).await, [5, 3]);
    assert_eq!(list(subject("odd")).await, [0_i64; 0]);
    let kind = EventFilter { kind: Some("user.deleted".to_owned()), ..all };
    assert_eq!(list(kind).await, [0_i64; 0]);
}

#[tokio::test]
async fn a_new_target_was_told_nothing() {
    let told = |server: &Server| -> i64 {
        let sql = "SELECT count(*) FROM told";
        server.stopped.connection().query_row(sql, [], |row| row.get(0)).unwrap()
    };
    let server = Server::start();
    server.send_new(webhook("evt_1")).await;
    assert_eq!(server.claim_ids().await, ["evt_1"]);
    let server = server.restart();
    assert_eq!(told(&server), 1);
    let stopped = server.stop();
    let (journal, mut writer) = stopped.open().unwrap();
    let moved = RouteSpec { target: "other".to_owned(), ..spec(ROUTES[0]) };
    writer.register_routes(&[moved]).unwrap();
    drop((journal, writer));
    assert_eq!(told(&stopped.start()), 0);
}

#[tokio::test]
async fn nobody_but_its_owner_may_read_a_journal_or_a_copy() {
    use std::os::unix::fs::PermissionsExt as _;
    let server = Server::start();
    server.send_new(webhook("evt_1")).await;
    let folder = server.stopped.folder.path();
    backup(&server.stopped.settings.path, &folder.join("copy.db")).unwrap();
    let files = std::fs::read_dir(server.stopped.settings.path.parent().unwrap()).unwrap();
    let files = files.chain(std::fs::read_dir(folder).unwrap()).map(Result::unwrap);
    let of_journal = files.filter(|file| {
        let name = file.file_name().into_string().unwrap();
        [".db", "-wal", "-shm"].iter().any(|end| name.ends_with(end))
    });
    let modes: Vec<u32> =
        of_journal.map(|file| file.metadata().unwrap().permissions().mode() & 0o777).collect();
    assert!(modes.len() >= 4, "journal, log, index, copy: {modes:?}");
    assert!(modes.iter().all(|mode| *mode == 0o600), "{modes:?}");
}
