//! What happens while the store can't commit: nobody is told that anything is stored, and all goes
//! on afterwards as if nothing had been.

use super::*;

/// Bytes that no compression makes shorter.
fn noise(bytes: usize) -> Vec<u8> {
    let mut noise = fastrand::Rng::with_seed(1);
    std::iter::repeat_with(|| noise.u8(..)).take(bytes).collect()
}

fn big(at: Timestamp) -> Quarantined {
    Quarantined::new(Path::Webhook, at, ("bad_json", ""), &noise(200_000))
}

/// Takes some 200 KB more than the file has now, and then is full.
fn nearly_full(writer: &Writer) {
    let pages: i64 =
        writer.connection().pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    writer.connection().pragma_update(None, "max_page_count", pages + 20).unwrap();
}

#[tokio::test]
async fn while_the_file_is_locked_senders_are_told_to_come_back() {
    let server = Server::start();
    server.send_new(webhook("evt_1")).await;
    let other = server.stopped.connection();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = server.try_send(&webhook("evt_2").later(MINUTE)).await.unwrap_err();
    assert_eq!(refused.cause(), "locked");
    assert_eq!(server.journal.probe().await.unwrap_err().cause(), "locked");
    let claim = claim_of(&server.routes, 1);
    assert_eq!(server.journal.claim(claim).await.unwrap_err().cause(), "locked");
    other.execute_batch("ROLLBACK").unwrap();

    drop(server.journal.probe().await.unwrap());
    server.send_new(webhook("evt_2").later(MINUTE)).await;
    assert_eq!(server.claim_ids().await, ["evt_1"]);
}

#[tokio::test]
async fn while_the_disk_is_full_nothing_is_acknowledged() {
    let server = Stopped::new().start_with(nearly_full);
    let filled = loop {
        match server.journal.quarantine(big(server.now())).await {
            Ok(committed) => drop(committed),
            Err(error) => break error,
        }
    };
    assert_eq!(filled.cause(), "disk_full");
    let counts = server.counts().await;
    let kept: i64 = server
        .stopped
        .connection()
        .query_row("SELECT count(*) FROM quarantine", [], |row| row.get(0))
        .unwrap();
    assert!(kept > 0);
    let counted = arrivals(&counts, Path::Webhook, ArrivalOutcome::Quarantined);
    assert_eq!(Ok(counted), u64::try_from(kept));

    // Room is made by what expires.
    server.advance(KEEP + MINUTE);
    assert_eq!(server.retain().await.quarantined, usize::try_from(kept).unwrap());
    drop(server.journal.quarantine(big(server.now())).await.unwrap());
    server.send_new(webhook("evt_1")).await;
}

/// Sends all of it before the writer begins, so that it becomes one transaction, which fails as a
/// whole: the last request is one for which there is no room.
async fn all_fail<T: std::fmt::Debug>(
    stopped: Stopped,
    requests: impl AsyncFnOnce(&Journal) -> Result<T, JournalError>,
) -> Stopped {
    let (journal, writer) = stopped.open().unwrap();
    nearly_full(&writer);
    let huge = Quarantined::new(Path::Webhook, START, ("bad_json", ""), &noise(1_000_000));
    let mut thread = None;
    let (failed, full, ()) = tokio::join!(requests(&journal), journal.quarantine(huge), async {
        thread = Some(std::thread::spawn(move || writer.run()));
    });
    assert_eq!(failed.unwrap_err().cause(), "disk_full");
    assert_eq!(full.unwrap_err().cause(), "disk_full");
    drop(journal);
    thread.unwrap().join().unwrap();
    stopped
}

#[tokio::test]
async fn what_shares_a_failed_transaction_is_not_stored() {
    let stopped = all_fail(Stopped::new(), async |journal: &Journal| {
        journal.accept(webhook("evt_1").arrived(START, Vec::new())).await
    })
    .await;
    let server = stopped.start();
    assert!(server.story("evt_1").await.is_none());
    assert_eq!(server.counts().await.arrivals, []);
    server.send_new(webhook("evt_1")).await;
}

/// One writer lives through the failure: what it keeps in memory has to go back as well.
#[tokio::test]
async fn memory_goes_back_with_a_failed_transaction() {
    let stopped = Stopped::new();
    let server = stopped.start();
    server.send_new(webhook("evt_1")).await;
    let stopped = server.stop();
    stopped.clock.advance(KEEP + MINUTE);

    let (journal, writer) = stopped.open().unwrap();
    nearly_full(&writer);
    let now = stopped.clock.now();
    let send = |sent: Sent| journal.accept(sent.arrived(now, Vec::new()));
    let huge = Quarantined::new(Path::Webhook, now, ("bad_json", ""), &noise(1_000_000));
    let mut thread = None;
    let (retained, new, alias, full, ()) = tokio::join!(
        journal.retain(),
        send(webhook("evt_2").of_user("b")),
        send(eventbridge("evt_3").of_user("b")),
        journal.quarantine(huge),
        async { thread = Some(std::thread::spawn(move || writer.run())) }
    );
    for refused in [retained.unwrap_err(), new.unwrap_err(), alias.unwrap_err(), full.unwrap_err()]
    {
        assert_eq!(refused.cause(), "disk_full");
    }

    // The event did not expire, and the ones that shared the transaction never were.
    assert_eq!(send(webhook("evt_1")).await.unwrap().outcome, ArrivalOutcome::Duplicate);
    assert!(send(eventbridge("evt_3").of_user("b")).await.unwrap().is_new);
    let accepted = send(webhook("evt_2").of_user("b")).await.unwrap();
    assert_eq!((accepted.outcome, accepted.is_new), (ArrivalOutcome::Accepted, false));
    let reader = journal.reader().unwrap();
    let story = reader.event(EventId::parse("evt_2").unwrap()).await.unwrap().unwrap();
    assert_eq!((story.summary.seq, story.summary.id.as_str()), (2, "evt_3"));
    let counts = reader.counts().await.unwrap();
    assert_eq!(arrivals(&counts, Path::Webhook, ArrivalOutcome::Accepted), 2);
    assert_eq!(arrivals(&counts, Path::Eventbridge, ArrivalOutcome::Accepted), 1);
    drop(journal);
    thread.unwrap().join().unwrap();
}

/// The commit itself fails, after every statement went well: a foreign key is checked only then.
#[tokio::test]
async fn what_failed_to_commit_is_not_acknowledged() {
    let server = Stopped::new().start_with(|writer| {
        let broken = "CREATE TABLE whole (no INTEGER PRIMARY KEY);
            CREATE TABLE part (no INTEGER REFERENCES whole DEFERRABLE INITIALLY DEFERRED);
            CREATE TRIGGER breaks AFTER INSERT ON events BEGIN INSERT INTO part VALUES (1); END;
            PRAGMA foreign_keys = ON;";
        writer.connection().execute_batch(broken).unwrap();
    });
    let refused = server.try_send(&webhook("evt_1")).await.unwrap_err();
    assert_eq!(refused.cause(), "store");
    assert!(server.story("evt_1").await.is_none());
    assert_eq!(server.counts().await.arrivals, []);
    let whole = "INSERT INTO whole VALUES (1)";
    server.stopped.connection().execute_batch(whole).unwrap();
    server.send_new(webhook("evt_1")).await;
    assert_eq!(server.story("evt_1").await.unwrap().summary.seq, 1);
}

#[tokio::test]
async fn who_gave_up_before_its_turn_is_skipped() {
    let stopped = Stopped::new();
    let (journal, mut writer) = stopped.open().unwrap();
    let routes = writer.register_routes(&[spec("audit")]).unwrap();
    let claim = claim_of(&routes, 9);
    let mut keep = Box::pin(journal.accept(webhook("evt_1").arrived(START, routes.clone())));
    {
        let mut give_up = std::pin::pin!(async {
            tokio::join!(
                journal.accept(webhook("evt_2").later(MINUTE).arrived(START, routes)),
                journal.quarantine(big(START)),
                journal.claim(claim.clone()),
            )
        });
        // Both ask, in this order, and nobody has answered yet.
        tokio::select! {
            biased;
            _ = &mut keep => panic!("there is no writer"),
            _ = &mut give_up => panic!("there is no writer"),
            () = std::future::ready(()) => {}
        }
    }
    assert_eq!(journal.queue_depth(), (4, 4_096));
    let mut thread = None;
    let (kept, ()) =
        tokio::join!(keep, async { thread = Some(std::thread::spawn(move || writer.run())) });
    assert!(kept.unwrap().is_new);
    let reader = journal.reader().unwrap();
    assert!(reader.event(EventId::parse("evt_2").unwrap()).await.unwrap().is_none());
    assert_eq!(reader.counts().await.unwrap().quarantined, []);
    assert_eq!(journal.claim(claim).await.unwrap().due.len(), 1);
    drop(journal);
    thread.unwrap().join().unwrap();
}

#[tokio::test]
async fn over_the_bound_of_the_queue_callers_are_told_at_once() {
    let mut stopped = Stopped::new();
    stopped.settings.queue_max = 2;
    let (journal, writer) = stopped.open().unwrap();
    let mut thread = None;
    let (one, two, three, ()) =
        tokio::join!(journal.probe(), journal.probe(), journal.probe(), async {
            thread = Some(std::thread::spawn(move || writer.run()));
        });
    assert!(one.is_ok() && two.is_ok());
    assert_eq!(three.unwrap_err().cause(), "busy");
    drop(journal);
    thread.unwrap().join().unwrap();
}

#[tokio::test]
async fn without_a_writer_the_journal_is_stopped() {
    let stopped = Stopped::new();
    let (journal, writer) = stopped.open().unwrap();
    drop(writer);
    assert_eq!(journal.probe().await.unwrap_err().cause(), "stopped");
}

/// What was summed up in a transaction that failed is summed up once, by the next one; and what never came
/// overtakes nothing.
#[tokio::test]
async fn sums_go_back_with_a_failed_transaction() {
    use crate::summary::{Cell, Count, Scope};

    let server = Server::start();
    server.send_new(webhook("evt_1")).await;
    server.advance(MINUTE);
    let stopped = server.stop();
    let (journal, writer) = stopped.open().unwrap();
    nearly_full(&writer);
    let now = stopped.clock.now();
    let send = |sent: Sent| journal.accept(sent.arrived(now, Vec::new()));
    let huge = Quarantined::new(Path::Webhook, now, ("bad_json", ""), &noise(1_000_000));
    let mut thread = None;
    let (summed, second, later, full, ()) = tokio::join!(
        journal.summarize(),
        send(eventbridge("evt_1")),
        send(webhook("evt_2").of_user("b").later(MINUTE * 3)),
        journal.quarantine(huge),
        async { thread = Some(std::thread::spawn(move || writer.run())) }
    );
    assert!(summed.is_err() && second.is_err() && later.is_err() && full.is_err());

    assert_eq!(journal.summarize().await.unwrap().events, 1);
    assert_eq!(journal.summarize().await.unwrap().events, 0);
    assert_eq!(send(eventbridge("evt_1")).await.unwrap().outcome, ArrivalOutcome::Accepted);
    let next = webhook("evt_3").of_user("c").later(MINUTE);
    let next = next.arrived(now.plus(Duration::from_secs(1)), Vec::new());
    assert!(journal.accept(next).await.unwrap().is_new);
    let question = Question {
        from: START.minus(MINUTE),
        to: START.plus(MINUTE * 60),
        scope: Scope::default(),
        settled_until: START.plus(MINUTE * 60),
        ignore: Vec::new(),
    };
    let answer = journal.reader().unwrap().summaries(question).await.unwrap();
    let mut all = Cell::default();
    for (_, _, cell) in &answer.stretches {
        all.merge(cell);
    }
    let counts = all.counts();
    assert_eq!((counts.get(Count::Both), counts.get(Count::WebhookOnly)), (1, 1));
    assert_eq!(counts.get(Count::WebhookOutOfOrder), 0);
    drop(journal);
    thread.unwrap().join().unwrap();
}
