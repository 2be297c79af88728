//! What is kept of events' content, and erasing it.

use super::*;

fn keeping(content: Content) -> Server {
    let mut stopped = Stopped::new();
    stopped.settings.content = content;
    stopped.start()
}

impl Server {
    async fn deliver_all(&self) {
        for route in self.routes.clone() {
            for due in self.claim_of(&[route], 100).await.due {
                self.settle(&due, Verdict::Delivered).await;
            }
        }
    }

    async fn content(&self, id: &str) -> (ContentLeft, serde_json::Value) {
        let story = self.story(id).await.unwrap();
        (story.content, story.payload)
    }
}

#[tokio::test]
async fn dropped_content_goes_when_the_last_delivery_has_ended_well() {
    let server = keeping(Content::Drop);
    server.send_new(webhook("evt_1")).await;
    let due = server.claim().await.remove(0);
    server.settle(&due, Verdict::Delivered).await;
    assert_eq!(server.content("evt_1").await.0, ContentLeft::Whole);
    server.deliver_all().await;
    assert_eq!(server.content("evt_1").await, (ContentLeft::Dropped, serde_json::Value::Null));
    // Another payload by the other path is noted, not kept.
    server.send(eventbridge("evt_1").unblocked()).await;
    assert_eq!(server.content("evt_1").await.0, ContentLeft::Dropped);
    let rivals = "SELECT count(*) FROM rival_payloads";
    let rivals: i64 = server.stopped.connection().query_row(rivals, [], |row| row.get(0)).unwrap();
    assert_eq!(rivals, 0);
}

#[tokio::test]
async fn a_dead_letter_keeps_its_content_until_it_is_discarded() {
    let server = keeping(Content::Drop);
    server.send_new(webhook("evt_1")).await;
    let due = server.claim().await.remove(0);
    server.settle(&due, Verdict::Dead("410 Gone".into())).await;
    server.deliver_all().await;
    assert_eq!(server.content("evt_1").await.0, ContentLeft::Whole);
    let by = Person { who: "kim".into(), why: "test".into() };
    let order = server.journal.begin_order(OrderKind::Discard, by.clone(), "", 1).await.unwrap();
    let letters = vec![LetterNo { seq: due.seq, route: due.route }];
    server.journal.discard(order, letters, by, due.seq).await.unwrap();
    assert_eq!(server.content("evt_1").await.0, ContentLeft::Dropped);
}

#[tokio::test]
async fn redacted_content_is_whole_until_the_last_delivery_has_ended_well() {
    let server = keeping(Content::Redact(["/data/object/user_id".into()].into()));
    server.send_new(webhook("evt_1")).await;
    let user = json!("auth0|1");
    assert_eq!(server.content("evt_1").await.1["data"]["object"]["user_id"], user);
    server.deliver_all().await;
    let (left, payload) = server.content("evt_1").await;
    assert_eq!(left, ContentLeft::Redacted);
    assert_eq!(payload["data"]["object"], json!({"user_id": "[redacted]", "blocked": true}));
    server.send(eventbridge("evt_1").unblocked()).await;
    let differences = server.story("evt_1").await.unwrap().payload_differences;
    assert_eq!(differences, ["/data/object/blocked"]);
}

#[tokio::test]
async fn what_is_delivered_nowhere_is_never_kept_whole() {
    for (content, left) in [
        (Content::Drop, ContentLeft::Dropped),
        (Content::Redact(["/data".into()].into()), ContentLeft::Redacted),
    ] {
        let server = keeping(content);
        let arrived = webhook("evt_1").arrived(server.now(), Vec::new());
        assert!(server.journal.accept(arrived).await.unwrap().is_new);
        assert_eq!(server.content("evt_1").await.0, left);
    }
}

#[tokio::test]
async fn an_erased_user_is_nowhere_in_the_files() {
    let server = Server::start();
    let user = "auth0|user-who-asked-to-be-forgotten";
    for n in 1..=3 {
        let sent = webhook(&format!("evt_{n}")).of_user(user).later(MINUTE * n);
        server.send_new(sent).await;
    }
    server.send_new(webhook("evt_other")).await;
    server.send(eventbridge("evt_1").of_user(user).unblocked()).await;
    let due = server.claim().await;
    server.settle(&due[0], Verdict::Delivered).await;
    let due = server.claim().await;
    server.settle(&due[0], Verdict::Dead(format!("no {user} here").into())).await;
    let under_way = server.claim().await.remove(0);
    let before = server.counts().await;

    let by = Person { who: "kim".into(), why: "request 7".into() };
    let order = server.journal.begin_order(OrderKind::Erase, by, user, 3).await.unwrap();
    let reader = server.journal.reader().unwrap();
    let NamingPage { found, looked_at } = reader.naming(user.to_owned(), 0).await.unwrap();
    assert_eq!((found.len(), looked_at), (3, None));
    for changed in [3, 0] {
        let erased = server.journal.erase(order, found.clone(), "erased by kim", 0).await.unwrap();
        assert_eq!(erased.changed, changed);
    }
    server.journal.end_order(order, false).await.unwrap();
    // The end of an attempt that was under way brings nothing back.
    let attempt = Attempt {
        started_at: server.now(),
        took: MINUTE,
        status: Some(500),
        error: None,
        answer: Some(format!("unknown user {user}").into()),
    };
    server.settle_as(&under_way, Some(attempt), Verdict::Retry(START)).await;

    for n in 1..=3 {
        let story = server.story(&format!("evt_{n}")).await.unwrap();
        assert_eq!(story.summary.subject, "erased");
        assert_eq!(story.content, ContentLeft::Erased);
        let first = story.deliveries.iter().find(|of| of.route == ROUTES[0]).unwrap().clone();
        assert_eq!(first.state, if n == 1 { "delivered" } else { "discarded" });
    }
    // A repeat is still one, and brings nothing back.
    assert_eq!(server.send(webhook("evt_1").of_user(user)).await, ArrivalOutcome::Duplicate);
    assert_eq!(server.send(eventbridge("evt_2").of_user(user)).await, ArrivalOutcome::Accepted);
    assert_eq!(server.content("evt_2").await.0, ContentLeft::Erased);
    // Counts are those of before, but for what was still to be delivered.
    let after = server.counts().await;
    let all = |counts: &Counts| -> u64 {
        let ended = counts.deliveries.iter().map(|(_, _, n)| n).sum::<u64>();
        ended + counts.pending.iter().map(|of| of.pending).sum::<u64>()
    };
    assert_eq!(all(&before), all(&after));
    assert!(server.claim().await.is_empty());
    assert_eq!(server.delivery("evt_other").await.state, "in_flight");

    let stopped = server.stop();
    let folder = stopped.settings.path.parent().unwrap();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let found = bytes.windows(user.len()).any(|window| window == user.as_bytes());
        assert!(!found, "the user's id is in {}", path.display());
    }
}

#[tokio::test]
async fn what_a_target_answers_after_an_erasure_is_not_kept() {
    let server = Server::start();
    server.send_new(webhook("evt_1").of_user("auth0|1")).await;
    let due = server.claim().await.remove(0);
    let by = Person { who: "kim".into(), why: "request 7".into() };
    let order = server.journal.begin_order(OrderKind::Erase, by, "auth0|1", 1).await.unwrap();
    let found = vec![Naming { seq: due.seq, is_about: true }];
    server.journal.erase(order, found, "erased by kim", due.seq).await.unwrap();
    let attempt = Attempt {
        started_at: server.now(),
        took: Duration::from_millis(5),
        status: Some(400),
        error: None,
        answer: Some("no user auth0|1 here".into()),
    };
    let settlement = Settlement {
        seq: due.seq,
        route: due.route,
        attempt_number: due.attempt,
        attempt: Some(attempt),
        verdict: Verdict::Dead("the target answered 400".into()),
    };
    drop(server.journal.settle(settlement).await.unwrap());
    let delivery = server.delivery("evt_1").await;
    assert_eq!((delivery.state, delivery.attempts[0].status), ("discarded", Some(400)));
    assert_eq!(delivery.attempts[0].answer, None);
}

/// Retention may delete it between the look and the order: what shares the transaction is stored all the same.
#[tokio::test]
async fn what_is_gone_by_then_is_not_erased_and_harms_nothing() {
    let server = Server::start();
    server.send_new(webhook("evt_1").of_user("auth0|1")).await;
    let seq = server.claim().await.remove(0).seq;
    let by = Person { who: "kim".into(), why: "request 7".into() };
    let order = server.journal.begin_order(OrderKind::Erase, by, "auth0|1", 2).await.unwrap();
    let found = [seq, seq + 7].map(|seq| Naming { seq, is_about: true });
    server.journal.erase(order, found.into(), "erased by kim", seq + 7).await.unwrap();
    assert_eq!(server.delivery("evt_1").await.state, "in_flight");
    assert!(
        server
            .stopped
            .connection()
            .query_row("SELECT erased FROM events", [], |row| row.get::<_, bool>(0))
            .unwrap()
    );
}

#[tokio::test]
async fn reprocessed_bytes_are_an_arrival_and_no_longer_quarantined() {
    let server = Server::start();
    server.quarantine(Path::Webhook).await;
    let reader = server.journal.reader().unwrap();
    let filter = QuarantineFilter { limit: 9, ..QuarantineFilter::default() };
    let listed = reader.quarantined(filter.clone()).await.unwrap();
    let bytes = reader.quarantined_bytes(listed[0].no).await.unwrap().unwrap();
    assert_eq!((bytes.body.as_slice(), &bytes.summary), (&b"no json"[..], &listed[0]));
    let arrived = server.arrived(&webhook("evt_1"));
    let accepted = server.journal.reprocess(listed[0].no, arrived).await.unwrap().unwrap();
    assert!(accepted.is_new);
    let arrived = server.arrived(&webhook("evt_1"));
    assert!(server.journal.reprocess(listed[0].no, arrived).await.unwrap().is_none());
    assert!(reader.quarantined(filter).await.unwrap().is_empty());
    let counts = server.counts().await;
    assert_eq!(arrivals(&counts, Path::Webhook, ArrivalOutcome::Quarantined), 0);
    assert_eq!(arrivals(&counts, Path::Webhook, ArrivalOutcome::Accepted), 1);
}

/// A user's id in the middle of bytes that fill pages of their own, and that no compression shrinks.
fn bulky(user: &str) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    let mut body: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(200_000).collect();
    body[100_000..100_000 + user.len()].copy_from_slice(user.as_bytes());
    body
}

#[track_caller]
fn check_nowhere(folder: &std::path::Path, user: &str) {
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let found = bytes.windows(user.len()).any(|window| window == user.as_bytes());
        assert!(!found, "the user's id is in {}", path.display());
    }
}

#[tokio::test]
async fn quarantined_bytes_that_name_an_erased_user_are_nowhere_in_the_files() {
    let server = Server::start();
    let user = "auth0|user-who-asked-to-be-forgotten";
    let why = ("bad_json", "expected value at line 1 column 1");
    let quarantined = Quarantined::new(Path::Webhook, server.now(), why, &bulky(user));
    drop(server.journal.quarantine(quarantined).await.unwrap());
    let by = Person { who: "kim".into(), why: "request 7".into() };
    let order = server.journal.begin_order(OrderKind::Erase, by, user, 1).await.unwrap();
    let reader = server.journal.reader().unwrap();
    let numbers = reader.quarantined_naming(user.to_owned()).await.unwrap();
    assert_eq!(numbers.len(), 1);
    server.journal.erase(order, Vec::new(), "erased by kim", 0).await.unwrap();
    server.journal.drop_quarantined(order, numbers, 0).await.unwrap();
    server.journal.end_order(order, false).await.unwrap();
    let stopped = server.stop();
    check_nowhere(stopped.settings.path.parent().unwrap(), user);
}

#[tokio::test]
async fn quarantined_json_names_a_user_in_a_text_within_a_text_too() {
    let server = Server::start();
    let user = "auth0|1";
    let inner = json!({"detail": {"user_id": user}}).to_string();
    let body = json!({"Type": "Notification", "Message": inner}).to_string();
    let why = ("not_auth0", "an envelope of something else");
    let quarantined = Quarantined::new(Path::Eventbridge, server.now(), why, body.as_bytes());
    drop(server.journal.quarantine(quarantined).await.unwrap());
    let reader = server.journal.reader().unwrap();
    assert_eq!(reader.quarantined_naming(user.to_owned()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_reader_keeps_nothing_of_an_erased_user_in_the_log_for_good() {
    let server = Server::start();
    let user = "auth0|user-who-asked-to-be-forgotten";
    server.send_new(webhook("evt_1").of_user(user)).await;
    let by = Person { who: "kim".into(), why: "request 7".into() };
    let order = server.journal.begin_order(OrderKind::Erase, by, user, 1).await.unwrap();
    let reader = server.journal.reader().unwrap();
    let found = reader.naming(user.to_owned(), 0).await.unwrap().found;
    let beside = server.stopped.connection();
    beside.execute_batch("BEGIN; SELECT count(*) FROM events").unwrap();
    let _: i64 = beside.query_row("SELECT count(*) FROM events", [], |row| row.get(0)).unwrap();
    server.journal.erase(order, found, "erased by kim", 0).await.unwrap();
    server.journal.end_order(order, false).await.unwrap();
    // Answered when the writer has tidied up after the order.
    drop(server.journal.probe().await.unwrap());
    beside.execute_batch("COMMIT").unwrap();
    drop(beside);
    // Any later work of the writer: it has to try again.
    server.send_new(webhook("evt_2")).await;
    server.journal.retain().await.unwrap();
    server.journal.retain().await.unwrap();
    check_nowhere(server.stopped.settings.path.parent().unwrap(), user);
}

#[tokio::test]
async fn an_erasure_lets_nothing_overtake_what_is_under_way() {
    let server = Server::start();
    server.send_new(webhook("evt_1")).await;
    server.send_new(webhook("evt_2").later(MINUTE)).await;
    let under_way = server.claim().await;
    assert_eq!(ids_of(&under_way), ["evt_1"]);
    let by = Person { who: "kim".into(), why: "request 7".into() };
    let order = server.journal.begin_order(OrderKind::Erase, by, "auth0|9", 1).await.unwrap();
    // It is about another user, but names this one.
    let found = vec![Naming { seq: under_way[0].seq, is_about: false }];
    server.journal.erase(order, found, "erased by kim", 0).await.unwrap();
    assert_eq!(server.claim_ids().await, [""; 0], "evt_1 is still under way");
}
