//! What is leased, in which order, and what waits for what.

use super::*;

/// Events `evt_<n>` of these users, in this order.
async fn send_of_users(server: &Server, users: &[&str]) {
    for (index, user) in users.iter().enumerate() {
        let later = Duration::from_secs(u64::try_from(index).unwrap());
        server.send_new(webhook(&format!("evt_{}", index + 1)).of_user(user).later(later)).await;
    }
}

#[tokio::test]
async fn a_lease_carries_all_that_an_attempt_needs() {
    let server = Server::start();
    server.send_new(webhook("evt_1")).await;
    server.advance(MINUTE);
    let [due] = &server.claim().await[..] else { panic!() };
    assert_eq!(due.event_id.as_str(), "evt_1");
    assert_eq!(due.route, server.routes[0]);
    assert_eq!(&*due.kind, "user.updated");
    assert_eq!(due.first_path, Path::Webhook);
    assert_eq!(due.attempt, 1);
    assert_eq!(due.accepted_at, START);
    let payload: serde_json::Value = serde_json::from_slice(&due.payload).unwrap();
    assert_eq!(payload["id"], json!("evt_1"));
    assert_eq!(server.delivery("evt_1").await.state, "in_flight");
}

#[tokio::test]
async fn what_is_due_is_leased_once_for_each_route_in_the_order_of_arrival() {
    let server = Server::start();
    send_of_users(&server, &["a", "b", "c"]).await;
    assert_eq!(server.claim_ids().await, ["evt_1", "evt_2", "evt_3"]);
    assert!(server.claim().await.is_empty());
    let other = server.claim_of(&server.routes[1..], 2).await;
    assert_eq!(ids_of(&other.due), ["evt_1", "evt_2"]);
    let other = server.claim_of(&server.routes[1..], 2).await;
    assert_eq!(ids_of(&other.due), ["evt_3"]);
}

#[tokio::test]
async fn one_subject_is_attempted_once_at_a_time_and_in_order() {
    let server = Server::start();
    send_of_users(&server, &["a", "a", "b", "a"]).await;
    let leased = server.claim().await;
    assert_eq!(ids_of(&leased), ["evt_1", "evt_3"]);
    assert_eq!(server.delivery("evt_2").await.state, "parked");
    // An event that comes while others are parked waits behind them.
    server.send_new(webhook("evt_5").of_user("a").later(MINUTE)).await;
    let mut first = leased.into_iter().next();
    for next in ["evt_2", "evt_4", "evt_5"] {
        server.settle(&first.unwrap(), Verdict::Delivered).await;
        let leased = server.claim().await;
        assert_eq!(ids_of(&leased), [next]);
        assert!(server.claim().await.is_empty());
        first = leased.into_iter().next();
    }
}

#[tokio::test]
async fn subjects_of_other_tenants_are_other_subjects() {
    let server = Server::start();
    let mut other = server.arrived(&webhook("evt_1")).event;
    other.tenant = "globex".into();
    let arrival = server.arrived(&webhook("evt_1")).arrival;
    let deliveries = server.routes.iter().copied().map(NewDelivery::from).collect();
    let arrived = Arrived::new(other, arrival, deliveries);
    assert!(server.journal.accept(arrived).await.unwrap().is_new);
    server.send_new(webhook("evt_2")).await;
    assert_eq!(server.claim_ids().await, ["evt_1", "evt_2"]);
}

#[tokio::test]
async fn routes_do_not_wait_for_each_other() {
    let server = Server::start();
    send_of_users(&server, &["a", "a"]).await;
    assert_eq!(server.claim_ids().await, ["evt_1"]);
    let other = server.claim_of(&server.routes[1..], 10).await.due;
    server.settle(&other[0], Verdict::Delivered).await;
    let other = server.claim_of(&server.routes[1..], 10).await.due;
    assert_eq!(ids_of(&other), ["evt_2"]);
}

#[tokio::test]
async fn a_flood_of_one_subject_holds_up_no_other() {
    let server = Server::start();
    let flood: Vec<_> =
        (0..1_000).map(|n| webhook(&format!("evt_{n}")).later(MINUTE * n)).collect();
    let sends = flood.iter().map(|sent| server.try_send(sent));
    for accepted in futures_util::future::join_all(sends).await {
        assert!(accepted.unwrap().is_new);
    }
    server.send_new(webhook("evt_other").of_user("b")).await;

    let mut leased = Vec::new();
    let mut claims = 0;
    while !leased.contains(&"evt_other".to_owned()) {
        let claimed = server.claim_of(&server.routes[..1], 2).await;
        leased.extend(ids_of(&claimed.due));
        claims += 1;
        assert!(claims <= 5, "still not leased after {claims} claims: {leased:?}");
    }
    assert_eq!(leased, ["evt_0", "evt_other"]);
}

#[tokio::test]
async fn a_backlog_of_one_route_starves_no_other() {
    let server = Server::start();
    send_of_users(&server, &["a", "b", "c", "d"]).await;
    let claimed = server.claim_of(&server.routes, 4).await;
    let of_first = claimed.due.iter().filter(|due| due.route == server.routes[0]).count();
    assert_eq!((of_first, claimed.due.len()), (2, 4));
}

#[tokio::test]
async fn first_attempts_come_before_retries_but_for_the_places_that_are_theirs() {
    let server = Server::start();
    send_of_users(&server, &["a", "b", "c"]).await;
    for due in server.claim().await {
        server.settle(&due, Verdict::Retry(START)).await;
    }
    for (id, user) in [("evt_4", "d"), ("evt_5", "e"), ("evt_6", "f")] {
        server.send_new(webhook(id).of_user(user)).await;
    }
    let route = &server.routes[..1];
    let claim = Claim { retries_min: 1, ..claim_of(route, 2) };
    let claimed = server.journal.claim(claim).await.unwrap();
    assert_eq!(ids_of(&claimed.due), ["evt_1", "evt_4"]);
    assert_eq!(ids_of(&server.claim_of(route, 3).await.due), ["evt_5", "evt_6", "evt_2"]);
    assert_eq!(ids_of(&server.claim_of(route, 3).await.due), ["evt_3"]);
}

#[tokio::test]
async fn a_claim_says_when_the_next_delivery_is_due() {
    let server = Server::start();
    let route = &server.routes[..1];
    assert_eq!(server.claim_of(route, 1).await.next_due, None);
    send_of_users(&server, &["a", "b", "a"]).await;
    let one = server.claim_of(route, 1).await;
    assert_eq!(one.next_due, Some(START));
    let two = server.claim_of(route, 9).await;
    assert_eq!(two.next_due, None, "one is parked, none is due");
    server.settle(&one.due[0], Verdict::Retry(START.plus(MINUTE * 2))).await;
    server.settle(&two.due[0], Verdict::Retry(START.plus(MINUTE))).await;
    assert_eq!(server.claim_of(route, 9).await.next_due, Some(START.plus(MINUTE)));
}

#[tokio::test]
async fn a_wakeup_comes_with_what_becomes_due() {
    let server = Server::start();
    let mut wakeups = server.journal.wakeups();
    send_of_users(&server, &["a", "a"]).await;
    assert!(wakeups.has_changed().unwrap());
    let leased = server.claim().await;
    wakeups.mark_unchanged();
    server.settle(&leased[0], Verdict::Delivered).await;
    // It is sent right after the answer.
    tokio::time::timeout(MINUTE, wakeups.changed()).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_clock_set_back_brings_no_later_event_first() {
    let server = Server::start();
    send_of_users(&server, &["a"]).await;
    let stopped = server.stop();
    let server = Stopped { clock: ManualClock::at(START.minus(MINUTE)), ..stopped }.start();
    server.send_new(webhook("evt_2").of_user("a").later(MINUTE)).await;
    let leased = server.claim().await;
    assert_eq!(ids_of(&leased), ["evt_1"]);
    server.settle(&leased[0], Verdict::Delivered).await;
    assert_eq!(server.claim_ids().await, ["evt_2"]);
}

#[tokio::test]
async fn a_restart_takes_leases_back() {
    let server = Server::start();
    send_of_users(&server, &["a", "a"]).await;
    assert_eq!(server.claim_ids().await, ["evt_1"]);
    let server = server.restart();
    let leased = server.claim().await;
    assert_eq!(ids_of(&leased), ["evt_1"]);
    assert_eq!(leased[0].attempt, 2);
}

#[tokio::test]
async fn a_lease_that_ended_is_taken_back() {
    let server = Server::start();
    send_of_users(&server, &["a", "a"]).await;
    let late = server.claim().await.remove(0);
    server.advance(LEASE);
    server.retain().await;
    assert!(server.claim().await.is_empty(), "the lease has not ended yet");
    server.advance(Duration::from_nanos(1));
    server.retain().await;
    let again = server.claim().await.remove(0);
    assert_eq!((again.event_id.as_str(), again.attempt), ("evt_1", 2));

    // The late one ends nothing that the second attempt has under way.
    server.settle(&late, Verdict::Retry(START)).await;
    assert!(server.claim().await.is_empty());
    server.settle(&late, Verdict::Delivered).await;
    assert!(server.claim().await.is_empty());
    server.settle(&again, Verdict::Delivered).await;
    assert_eq!(server.claim_ids().await, ["evt_2"]);
    assert_eq!(server.delivery("evt_1").await.attempts.len(), 2);
}

#[tokio::test]
async fn a_damaged_event_is_dead_and_holds_nothing_up() {
    let server = Server::start();
    send_of_users(&server, &["a", "b", "c", "a"]).await;
    let damage =
        "UPDATE payloads SET encoding = 9 WHERE seq = 2; DELETE FROM payloads WHERE seq = 1";
    server.stopped.connection().execute_batch(damage).unwrap();
    assert_eq!(server.claim_ids().await, ["evt_3", "evt_4"]);
    let sql = "SELECT DISTINCT reason FROM deliveries WHERE state = 6 AND seq IN (1, 2)";
    let reason = server.stopped.connection().query_row(sql, [], |row| row.get::<_, String>(0));
    assert_eq!(reason.as_deref(), Ok("the stored event is damaged"));
    assert_eq!(count(&server.counts().await.deliveries, ROUTES[0], "dead"), 2);
}

#[tokio::test]
async fn a_damaged_memory_of_what_was_told_holds_nothing_up() {
    let server = Server::start();
    send_of_users(&server, &["a", "a"]).await;
    let due = server.claim().await;
    let damage = "UPDATE told SET known = x'00', time_ns = 'no number'";
    server.stopped.connection().execute_batch(damage).unwrap();
    server.settle(&due[0], Verdict::Delivered).await;
    assert_eq!(server.claim_ids().await, ["evt_2"]);
}
