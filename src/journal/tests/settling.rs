//! How deliveries end, and what is counted.

use super::*;

async fn leased(server: &Server) -> Due {
    server.send_new(webhook("evt_1")).await;
    server.send_new(webhook("evt_2").later(MINUTE)).await;
    server.claim().await.remove(0)
}

#[tokio::test]
async fn delivered_ends_it_and_the_next_of_its_subject_comes() {
    let server = Server::start();
    let due = leased(&server).await;
    server.advance(Duration::from_secs(1));
    server.settle(&due, Verdict::Delivered).await;
    let delivery = server.delivery("evt_1").await;
    assert_eq!(delivery.state, "delivered");
    assert_eq!(delivery.settled_at, Some(server.now()));
    let [attempt] = &delivery.attempts[..] else { panic!("{:?}", delivery.attempts) };
    assert_eq!((attempt.attempt, attempt.status, attempt.took_us), (1, Some(200), 3_000));
    assert_eq!(server.claim_ids().await, ["evt_2"]);
}

#[tokio::test]
async fn dead_ends_it_with_a_reason_and_the_next_of_its_subject_comes() {
    let server = Server::start();
    let due = leased(&server).await;
    server.settle(&due, Verdict::Dead("410 Gone".into())).await;
    let delivery = server.delivery("evt_1").await;
    assert_eq!((delivery.state, delivery.reason.as_deref()), ("dead", Some("410 Gone")));
    assert_eq!(server.claim_ids().await, ["evt_2"]);
}

#[tokio::test]
async fn a_retry_holds_its_subject_until_it_ends() {
    let server = Server::start();
    let due = leased(&server).await;
    server.settle(&due, Verdict::Retry(START.plus(MINUTE))).await;
    let delivery = server.delivery("evt_1").await;
    assert_eq!((delivery.state, delivery.due_at), ("retrying", Some(START.plus(MINUTE))));
    server.send_new(webhook("evt_3").later(MINUTE * 2)).await;
    assert!(server.claim().await.is_empty());
    server.advance(MINUTE);
    let again = server.claim().await;
    assert_eq!(ids_of(&again), ["evt_1"]);
    assert_eq!(again[0].attempt, 2);
    server.settle(&again[0], Verdict::Delivered).await;
    assert_eq!(server.claim_ids().await, ["evt_2"]);
    assert_eq!(server.delivery("evt_1").await.attempts.len(), 2);
}

#[tokio::test]
async fn a_delivery_given_back_without_an_attempt_burns_none() {
    let server = Server::start();
    let due = leased(&server).await;
    server.settle_as(&due, None, Verdict::GiveBack).await;
    let again = server.claim().await;
    assert_eq!((again[0].event_id.as_str(), again[0].attempt), ("evt_1", 1));
    assert!(server.delivery("evt_1").await.attempts.is_empty());
}

#[tokio::test]
async fn settling_twice_changes_and_counts_nothing_more() {
    let server = Server::start();
    let due = leased(&server).await;
    server.settle(&due, Verdict::Delivered).await;
    server.settle(&due, Verdict::Dead("late".into())).await;
    server.settle(&due, Verdict::Retry(START)).await;
    assert_eq!(server.delivery("evt_1").await.state, "delivered");
    let counts = server.counts().await.deliveries;
    assert_eq!(count(&counts, ROUTES[0], "delivered"), 1);
    assert_eq!(count(&counts, ROUTES[0], "dead"), 0);
}

#[tokio::test]
async fn deliveries_are_counted_as_ended_or_pending() {
    let server = Server::start();
    for (id, user) in [(1, "a"), (2, "b"), (3, "c"), (4, "d"), (5, "a"), (6, "a")] {
        let later = Duration::from_secs(id);
        server.send_new(webhook(&format!("evt_{id}")).of_user(user).later(later)).await;
        server.advance(later);
    }
    // One delivered, one dead, one retrying, one in flight; one promoted, one parked.
    let due = server.claim().await;
    assert_eq!(ids_of(&due), ["evt_1", "evt_2", "evt_3", "evt_4"]);
    server.settle(&due[0], Verdict::Delivered).await;
    server.settle(&due[1], Verdict::Dead("410 Gone".into())).await;
    server.settle(&due[2], Verdict::Retry(server.now().plus(MINUTE))).await;

    let counts = server.counts().await;
    assert_eq!(count(&counts.deliveries, ROUTES[0], "delivered"), 1);
    assert_eq!(count(&counts.deliveries, ROUTES[0], "dead"), 1);
    let of = |route: &str| counts.pending.iter().find(|of| of.route == route).unwrap().clone();
    let oldest = Some(server.due_since("evt_3"));
    assert_eq!((of(ROUTES[0]).pending, of(ROUTES[0]).oldest), (4, oldest));
    assert_eq!((of(ROUTES[1]).pending, of(ROUTES[1]).oldest), (6, Some(START)));
    assert_eq!(of(ROUTES[0]).target, "app");
}

impl Server {
    fn due_since(&self, id: &str) -> Timestamp {
        let sql = "SELECT since FROM deliveries JOIN events USING (seq) WHERE id = ? LIMIT 1";
        self.stopped.connection().query_row(sql, [id], |row| row.get(0)).unwrap()
    }
}
