//! What expires, and what that leaves behind.

use super::*;
use crate::journal::counts::SILENCE_MAX;

/// Too small for anything: whatever may go, goes.
const NO_BYTES: u64 = 1;

#[tokio::test]
async fn events_expire_by_age() {
    let server = Server::start();
    server.send_new(webhook("evt_1")).await;
    server.advance(MINUTE);
    server.send_new(webhook("evt_2").later(MINUTE)).await;
    server.quarantine(Path::Webhook).await;
    server.advance(MINUTE * 59);
    assert_eq!(server.retain().await.events, 0);
    server.advance(Duration::from_nanos(1));
    assert_eq!(server.retain().await.events, 1);
    assert!(server.story("evt_1").await.is_none());
    assert!(server.story("evt_2").await.is_some());
    server.advance(MINUTE);
    let retained = server.retain().await;
    assert_eq!((retained.events, retained.quarantined), (1, 1));
    assert_eq!(server.counts().await.quarantined, []);
    // The arrivals were counted for ever.
    let counts = server.counts().await;
    assert_eq!(arrivals(&counts, Path::Webhook, ArrivalOutcome::Accepted), 2);
    assert_eq!(arrivals(&counts, Path::Webhook, ArrivalOutcome::Quarantined), 1);
}

#[tokio::test]
async fn nothing_of_an_expired_event_stays() {
    let server = Server::start();
    server.send_new(webhook("evt_1")).await;
    server.send(eventbridge("evt_2").unblocked()).await;
    server.send(webhook("evt_1")).await;
    let due = server.claim().await;
    server.settle(&due[0], Verdict::Delivered).await;
    server.advance(KEEP + MINUTE);
    assert_eq!(server.retain().await.events, 1);
    let connection = server.stopped.connection();
    for table in ["events", "payloads", "rival_payloads", "repeats", "deliveries", "attempts"] {
        let sql = format!("SELECT count(*) FROM {table}");
        let rows: i64 = connection.query_row(&sql, [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 0, "{table}");
    }
    assert!(server.story("evt_2").await.is_none(), "an alias outlives its event for a while");
}

#[tokio::test]
async fn by_size_the_oldest_go_whose_deliveries_have_ended() {
    let mut stopped = Stopped::new();
    stopped.settings.size_bytes_max = NO_BYTES;
    let server = stopped.start();
    for n in 1..=3 {
        server.send_new(webhook(&format!("evt_{n}")).of_user(&n.to_string())).await;
    }
    assert_eq!(server.retain().await.events, 0, "their deliveries have not ended");
    let due = server.claim_of(&server.routes, 100).await.due;
    for due in due.iter().filter(|due| due.seq != 2) {
        server.settle(due, Verdict::Delivered).await;
    }
    assert_eq!(server.retain().await.events, 0, "they have not settled");
    server.advance(Duration::from_secs(15));
    assert_eq!(server.retain().await.events, 1);
    assert!(server.story("evt_1").await.is_none());
    for due in due.iter().filter(|due| due.seq == 2) {
        server.settle(due, Verdict::Dead("410 Gone".into())).await;
    }
    server.quarantine(Path::Webhook).await;
    assert_eq!(server.retain().await.events, 2);
    assert_eq!(count(&server.counts().await.deliveries, ROUTES[0], "expired"), 0);
}

#[tokio::test]
async fn by_size_what_is_quarantined_goes_too() {
    let mut stopped = Stopped::new();
    stopped.settings.size_bytes_max = NO_BYTES;
    let server = stopped.start();
    server.quarantine(Path::Webhook).await;
    server.advance(MINUTE);
    let retained = server.retain().await;
    assert_eq!((retained.events, retained.quarantined), (0, 1));
}

#[tokio::test]
async fn by_size_what_is_quarantined_stays_while_no_event_may_go() {
    let mut stopped = Stopped::new();
    stopped.settings.size_bytes_max = NO_BYTES;
    let server = stopped.start();
    server.send_new(webhook("evt_1")).await;
    server.quarantine(Path::Webhook).await;
    let retained = server.retain().await;
    assert_eq!((retained.events, retained.quarantined), (0, 0));
}

#[tokio::test]
async fn deliveries_that_never_ended_expire_with_their_event_and_are_counted() {
    let server = Server::start();
    server.send_new(webhook("evt_1")).await;
    server.advance(KEEP + MINUTE);
    server.retain().await;
    let counts = server.counts().await;
    assert_eq!(count(&counts.deliveries, ROUTES[0], "expired"), 1);
    assert_eq!(count(&counts.deliveries, ROUTES[1], "expired"), 1);
    assert!(counts.pending.iter().all(|of| of.pending == 0));
}

#[tokio::test]
async fn what_was_parked_behind_an_expired_delivery_comes_free() {
    let server = Server::start();
    server.send_new(webhook("evt_1")).await;
    let due = server.claim().await;
    server.settle(&due[0], Verdict::Retry(START.plus(KEEP * 2))).await;
    server.advance(KEEP);
    for n in 2..=3 {
        server.send_new(webhook(&format!("evt_{n}")).later(MINUTE * n)).await;
    }
    assert!(server.claim().await.is_empty());
    server.advance(MINUTE);
    let mut wakeups = server.journal.wakeups();
    wakeups.mark_unchanged();
    assert_eq!(server.retain().await.events, 1);
    assert!(wakeups.has_changed().unwrap());
    assert_eq!(server.claim_ids().await, ["evt_2"]);
}

#[tokio::test]
async fn what_was_parked_behind_one_that_had_just_come_free_comes_free_too() {
    let server = Server::start();
    server.send_new(webhook("evt_1")).await;
    server.send_new(webhook("evt_2").later(MINUTE)).await;
    server.advance(MINUTE);
    server.send_new(webhook("evt_3").later(MINUTE * 2)).await;
    let due = server.claim().await;
    server.settle(&due[0], Verdict::Delivered).await;
    server.advance(MINUTE * 59 + LEASE);
    assert_eq!(server.retain().await.events, 2);
    assert_eq!(server.claim_ids().await, ["evt_3"]);
}

#[tokio::test]
async fn an_event_does_not_expire_under_an_attempt() {
    let server = Server::start();
    server.send_new(webhook("evt_1")).await;
    server.advance(KEEP + MINUTE);
    let due = server.claim().await;
    assert_eq!(server.retain().await.events, 0);
    server.settle(&due[0], Verdict::Delivered).await;
    assert_eq!(server.retain().await.events, 1);
}

#[tokio::test]
async fn a_settlement_after_the_end_leaves_nothing_behind() {
    let server = Server::start();
    server.send_new(webhook("evt_1")).await;
    let due = server.claim().await;
    server.advance(KEEP + MINUTE);
    server.retain().await;
    assert!(server.story("evt_1").await.is_none());
    server.settle(&due[0], Verdict::Delivered).await;
    let sql = "SELECT count(*) FROM attempts";
    assert_eq!(server.stopped.connection().query_row(sql, [], |row| row.get(0)), Ok(0));
    assert_eq!(count(&server.counts().await.deliveries, ROUTES[0], "delivered"), 0);
}

#[tokio::test]
async fn ids_of_expired_events_are_new_again() {
    let server = Server::start();
    server.send_new(webhook("evt_1")).await;
    server.send(eventbridge("evt_2")).await;
    server.advance(KEEP + MINUTE);
    server.retain().await;
    server.send_new(webhook("evt_2").later(MINUTE)).await;
    server.send_new(webhook("evt_1")).await;
    assert_eq!(server.send(webhook("evt_1")).await, ArrivalOutcome::Duplicate);
    assert_eq!(server.story("evt_2").await.unwrap().summary.id, "evt_2");
}

#[tokio::test]
async fn numbers_are_never_used_twice() {
    let mut server = Server::start();
    for round in 1..=3 {
        server.send_new(webhook("evt_1")).await;
        assert_eq!(server.story("evt_1").await.unwrap().summary.seq, round);
        server.advance(KEEP + MINUTE);
        assert_eq!(server.retain().await.events, 1);
        server = server.restart();
    }
}

#[tokio::test]
async fn much_that_expired_goes_in_steps() {
    let server = Server::start();
    let events: Vec<_> = (0..1_200).map(|n| webhook(&format!("evt_{n}"))).collect();
    // Other instants, so that nothing is a candidate for anything.
    let events: Vec<_> = (0..1_200).zip(events).map(|(n, sent)| sent.later(MINUTE * n)).collect();
    let sends = events.iter().map(|sent| server.try_send(sent));
    for accepted in futures_util::future::join_all(sends).await {
        assert!(accepted.unwrap().is_new);
    }
    server.advance(KEEP + MINUTE);
    assert_eq!(server.journal.retain().await.unwrap().events, 0, "nothing is summed up");
    server.summarize().await;
    let step = server.journal.retain().await.unwrap();
    assert_eq!((step.events, step.more), (500, true));
    assert_eq!(server.retain().await.events, 700);
    assert_eq!(server.events().await, 0);
    assert_eq!(count(&server.counts().await.deliveries, ROUTES[0], "expired"), 1_200);
}

#[tokio::test]
async fn coverage_stretches_while_the_door_stays_open() {
    let server = Server::start();
    let open = |opened| server.journal.door_is_open(Path::Webhook, opened);
    drop(open(true).await.unwrap());
    drop(server.journal.door_is_open(Path::Eventbridge, true).await.unwrap());
    server.advance(SILENCE_MAX);
    drop(open(false).await.unwrap());
    let at = |seconds| START.plus(Duration::from_secs(seconds));
    let eventbridge = (Path::Eventbridge, at(0), at(0));
    assert_eq!(server.coverage().await, [(Path::Webhook, at(0), at(10)), eventbridge]);
    // Silence is a gap, and so is a door that opened anew.
    server.advance(SILENCE_MAX + Duration::from_secs(1));
    drop(open(false).await.unwrap());
    server.advance(Duration::from_secs(1));
    drop(open(true).await.unwrap());
    server.advance(Duration::from_secs(1));
    drop(open(false).await.unwrap());
    let webhook: Vec<_> = server
        .coverage()
        .await
        .into_iter()
        .filter_map(|(path, since, until)| (path == Path::Webhook).then_some((since, until)))
        .collect();
    assert_eq!(webhook, [(at(0), at(10)), (at(21), at(21)), (at(22), at(23))]);
}

#[tokio::test]
async fn coverage_survives_a_small_step_of_the_clock_and_expires() {
    let server = Server::start();
    drop(server.journal.door_is_open(Path::Webhook, true).await.unwrap());
    let stopped = server.stop();
    let back = START.minus(Duration::from_secs(5));
    let server = Stopped { clock: ManualClock::at(back), ..stopped }.start();
    drop(server.journal.door_is_open(Path::Webhook, false).await.unwrap());
    assert_eq!(server.coverage().await, [(Path::Webhook, START, START)]);
    server.advance(KEEP + MINUTE);
    server.retain().await;
    assert_eq!(server.coverage().await, []);
}
