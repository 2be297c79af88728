//! Which arrivals are one event, and what is kept of each.

use super::*;

/// What the two arrivals are taken for: `None` where the second is an event of its own.
async fn pairing(first: Sent, second: Sent) -> Option<PairedBy> {
    let server = Server::start();
    let id = first.id.clone();
    server.send_new(first).await;
    let accepted = server.try_send(&second).await.unwrap();
    let story = server.story(&id).await.unwrap();
    assert_eq!(accepted.is_new, story.paired_by.is_none());
    let deliveries: u64 = server.counts().await.pending.iter().map(|of| of.pending).sum();
    assert_eq!(deliveries, if accepted.is_new { 4 } else { 2 });
    story.paired_by
}

#[tokio::test]
async fn a_new_event_is_stored_whole() {
    let server = Server::start();
    let accepted = server.try_send(&eventbridge("evt_1")).await.unwrap();
    assert_eq!((accepted.outcome, accepted.is_new), (ArrivalOutcome::Accepted, true));

    let story = server.story("evt_1").await.unwrap();
    assert_eq!(story.summary.id, "evt_1");
    assert_eq!(story.summary.subject, "user:auth0|1");
    assert_eq!(story.summary.time, START);
    assert_eq!(story.summary.first_path, Path::Eventbridge);
    assert_eq!((story.summary.webhook_at, story.summary.eventbridge_at), (None, Some(START)));
    assert_eq!(story.tenant, "acme");
    assert_eq!(story.paired_by, None);
    assert_eq!(story.payload["data"]["object"]["blocked"], json!(true));
    let [arrival] = story.arrivals.as_slice() else { panic!("{:?}", story.arrivals) };
    assert_eq!(arrival.stream.as_deref(), Some("est_e"));
    assert_eq!(arrival.sent_at, Some(START));
    assert_eq!(arrival.receive_count, Some(1));
    assert_eq!(arrival.message_id.as_deref(), Some("m1"));
    assert_eq!((arrival.at, arrival.stored_at), (START, START));
    let on: Vec<_> = story.deliveries.iter().map(|on| (on.route.as_str(), on.state)).collect();
    assert_eq!(on, [("audit", "waiting"), ("block-status", "waiting")]);
}

#[tokio::test]
async fn a_webhook_arrival_is_stored_with_its_own_times() {
    let server = Server::start();
    let at = server.now();
    let arrived = server.arrived(&webhook("evt_1"));
    server.advance(MINUTE);
    assert!(server.journal.accept(arrived).await.unwrap().is_new);
    let story = server.story("evt_1").await.unwrap();
    assert_eq!((story.summary.webhook_at, story.summary.eventbridge_at), (Some(at), None));
    let [arrival] = story.arrivals.as_slice() else { panic!("{:?}", story.arrivals) };
    assert_eq!((arrival.at, arrival.stored_at), (at, at.plus(MINUTE)));
    assert_eq!(arrival.stream.as_deref(), Some("est_w"));
    assert_eq!(arrival.message_id, None);
}

#[tokio::test]
async fn the_same_id_by_the_other_path_is_an_arrival_and_no_second_delivery() {
    for (first, second) in
        [(webhook("evt_1"), eventbridge("evt_1")), (eventbridge("evt_1"), webhook("evt_1"))]
    {
        let server = Server::start();
        server.send_new(first).await;
        let accepted = server.try_send(&second).await.unwrap();
        assert_eq!((accepted.outcome, accepted.is_new), (ArrivalOutcome::Accepted, false));
        let story = server.story("evt_1").await.unwrap();
        assert_eq!(story.paired_by, Some(PairedBy::Id));
        assert_eq!(story.arrivals.len(), 2);
        assert!(story.payload_differences.is_empty());
        assert_eq!(server.claim().await.len(), 1);
    }
}

#[tokio::test]
async fn what_was_delivered_is_not_delivered_again_whatever_arrives() {
    let server = Server::start();
    server.send_new(webhook("evt_1")).await;
    let due = server.claim().await;
    server.settle(&due[0], Verdict::Delivered).await;
    for sent in [eventbridge("evt_1"), webhook("evt_1"), eventbridge("evt_1")] {
        server.send(sent).await;
        assert!(server.claim().await.is_empty());
    }
    assert_eq!(server.delivery("evt_1").await.state, "delivered");
}

#[tokio::test]
async fn different_ids_on_two_streams_are_one_event_known_by_either() {
    let server = Server::start();
    server.send_new(webhook("evt_w")).await;
    assert_eq!(server.send(eventbridge("evt_e")).await, ArrivalOutcome::Accepted);
    assert_eq!(server.claim_ids().await, ["evt_w"]);

    let server = server.restart();
    let story = server.story("evt_e").await.unwrap();
    assert_eq!(story, server.story("evt_w").await.unwrap());
    assert_eq!(story.paired_by, Some(PairedBy::Fallback));
    assert_eq!(story.arrivals[1].id.as_deref(), Some("evt_e"));
    assert_eq!(story.payload_differences, ["/id"]);
    assert_eq!(server.send(webhook("evt_w")).await, ArrivalOutcome::Duplicate);
    assert_eq!(server.send(eventbridge("evt_e")).await, ArrivalOutcome::Duplicate);
    // Either id is known on the other path too.
    assert_eq!(server.send(webhook("evt_e")).await, ArrivalOutcome::Duplicate);
    assert_eq!(server.events().await, 1);
}

#[tokio::test]
async fn only_what_agrees_pairs_by_fallback() {
    let second = || eventbridge("evt_2");
    assert_eq!(pairing(webhook("evt_1"), second()).await, Some(PairedBy::Fallback));
    assert_eq!(pairing(webhook("evt_1"), second().unblocked()).await, Some(PairedBy::Fallback));
    assert_eq!(pairing(webhook("evt_1"), second().later(Duration::from_nanos(1))).await, None);
    assert_eq!(pairing(webhook("evt_1"), second().of_user("auth0|2")).await, None);
    assert_eq!(pairing(webhook("evt_1"), webhook("evt_2")).await, None);
}

#[tokio::test]
async fn events_sent_as_tests_pair_by_id_alone() {
    assert_eq!(pairing(webhook("evt_1").test(), eventbridge("evt_2").test()).await, None);
    assert_eq!(pairing(webhook("evt_1").test(), eventbridge("evt_2")).await, None);
    assert_eq!(pairing(webhook("evt_1"), eventbridge("evt_2").test()).await, None);
    let by_id = pairing(webhook("evt_1").test(), eventbridge("evt_1").test()).await;
    assert_eq!(by_id, Some(PairedBy::Id));
}

#[tokio::test]
async fn a_second_stream_of_the_same_path_repeats_the_event() {
    let server = Server::start();
    server.send_new(webhook("evt_1")).await;
    let other = webhook("evt_2").on_stream("est_other");
    assert_eq!(server.send(other).await, ArrivalOutcome::Duplicate);
    // The stream of the repeat has given the event its id: another one of it is another event.
    server.send_new(webhook("evt_3").on_stream("est_other")).await;
}

#[tokio::test]
async fn of_several_that_fit_the_oldest_is_taken_and_called_ambiguous() {
    let server = Server::start();
    server.send_new(webhook("evt_1").unblocked()).await;
    server.send_new(webhook("evt_2")).await;
    server.send_new(webhook("evt_3")).await;
    assert_eq!(server.send(eventbridge("evt_4")).await, ArrivalOutcome::Accepted);
    let paired = server.story("evt_4").await.unwrap();
    assert_eq!(paired.summary.id, "evt_2");
    assert_eq!(paired.paired_by, Some(PairedBy::Ambiguous));
    // The one that agrees in its object is no tie.
    assert_eq!(server.send(eventbridge("evt_5").unblocked()).await, ArrivalOutcome::Accepted);
    let paired = server.story("evt_5").await.unwrap();
    assert_eq!((paired.summary.id.as_str(), paired.paired_by), ("evt_1", Some(PairedBy::Fallback)));
}

#[tokio::test]
async fn repeats_are_kept_and_told_apart() {
    let server = Server::start();
    server.send_new(eventbridge("evt_1").in_message("m1")).await;
    for message in ["m1", "m2", "m2"] {
        let sent = eventbridge("evt_1").in_message(message);
        assert_eq!(server.send(sent).await, ArrivalOutcome::Duplicate);
    }
    assert_eq!(server.send(webhook("evt_1")).await, ArrivalOutcome::Accepted);
    assert_eq!(server.send(webhook("evt_1")).await, ArrivalOutcome::Duplicate);

    let story = server.story("evt_1").await.unwrap();
    assert_eq!(story.summary.duplicates, 4);
    let mut kinds: Vec<_> = story.arrivals.iter().map(|arrival| arrival.duplicate).collect();
    kinds.sort();
    let (retry, same, other) =
        (RepeatKind::WebhookRetry, RepeatKind::SameMessage, RepeatKind::OtherMessage);
    assert_eq!(kinds, [None, None, Some(retry), Some(same), Some(same), Some(other)]);
    assert_eq!(server.claim().await.len(), 1);
}

#[tokio::test]
async fn payloads_that_differ_are_both_kept() {
    let server = Server::start();
    server.send_new(webhook("evt_1")).await;
    assert_eq!(server.send(eventbridge("evt_1").unblocked()).await, ArrivalOutcome::Accepted);
    let story = server.story("evt_1").await.unwrap();
    assert_eq!(story.payload_differences, ["/data/object/blocked"]);
    assert_eq!(story.payload["data"]["object"]["blocked"], json!(true));
    let differs = "SELECT payload_differs, (SELECT count(*) FROM rival_payloads) FROM events";
    let read = |connection: &Connection| {
        connection.query_row(differs, [], |row| Ok((row.get(0)?, row.get(1)?)))
    };
    assert_eq!(read(&server.stopped.connection()), Ok((true, 1)));
}

#[tokio::test]
async fn a_repeat_with_another_payload_is_kept_as_well() {
    let server = Server::start();
    server.send_new(webhook("evt_1")).await;
    assert_eq!(server.send(webhook("evt_1").unblocked()).await, ArrivalOutcome::Duplicate);
    let story = server.story("evt_1").await.unwrap();
    assert_eq!(story.payload_differences, ["/data/object/blocked"]);
}

#[tokio::test]
async fn what_is_not_understood_is_kept_and_counted() {
    let server = Server::start();
    server.quarantine(Path::Eventbridge).await;
    let counts = server.counts().await;
    assert_eq!(counts.quarantined, [("bad_json".to_owned(), 1)]);
    assert_eq!(arrivals(&counts, Path::Eventbridge, ArrivalOutcome::Quarantined), 1);
    let sql = "SELECT detail, message_id, encoding, body FROM quarantine";
    let kept = server.stopped.connection().query_row(sql, [], |row| {
        let bytes = payload::decode(row.get(2)?, row.get(3)?).unwrap();
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, bytes))
    });
    let detail = "expected value at line 1 column 1".to_owned();
    assert_eq!(kept, Ok((detail, "m1".to_owned(), b"no json".to_vec())));
}

#[tokio::test]
async fn every_arrival_is_counted_once_under_its_path() {
    let server = Server::start();
    for (id, path) in [(1, 0), (1, 1), (1, 1), (2, 0), (3, 1), (3, 1), (3, 1)] {
        let make = if path == 0 { webhook } else { eventbridge };
        server.send(make(&format!("evt_{id}")).of_user(&format!("auth0|{id}"))).await;
    }
    server.quarantine(Path::Webhook).await;
    let counts = server.restart().counts().await;
    let of = |path| ArrivalOutcome::ALL.map(|outcome| arrivals(&counts, path, outcome));
    assert_eq!(of(Path::Webhook), [2, 0, 1]);
    assert_eq!(of(Path::Eventbridge), [2, 3, 0]);
}

#[tokio::test]
async fn requests_that_wait_together_share_one_commit_and_know_each_other() {
    let stopped = Stopped::new();
    let (journal, writer) = stopped.open().unwrap();
    let send = |sent: Sent| journal.accept(sent.arrived(START, Vec::new()));
    let (one, two, three, ()) = tokio::join!(
        send(webhook("evt_1")),
        send(eventbridge("evt_2")),
        send(eventbridge("evt_2")),
        async { drop(std::thread::spawn(move || writer.run())) }
    );
    assert!(one.unwrap().is_new);
    let two = two.unwrap();
    assert_eq!((two.outcome, two.is_new), (ArrivalOutcome::Accepted, false));
    assert_eq!(three.unwrap().outcome, ArrivalOutcome::Duplicate);
}
