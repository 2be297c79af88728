//! Old news and no news; what was told to a target; queues that retry; backlogs; pauses.

use super::*;
use crate::event::Watched;
use crate::routing::{Changed, Interest, Pattern, Routes};

fn latest() -> Server {
    Stopped { order: RouteOrder::Latest, ..Stopped::new() }.start()
}

impl Server {
    /// Sends to the first route alone, which watches whether the user is blocked.
    async fn send_watched(&self, sent: Sent) {
        let arrived = self.arrived(&sent);
        let deliveries =
            vec![NewDelivery { route: self.routes[0], watched: Some(watched(&arrived.event)) }];
        let arrived = Arrived::new(arrived.event, arrived.arrival, deliveries);
        assert!(self.journal.accept(arrived).await.unwrap().is_new);
    }

    async fn state(&self, id: &str) -> &'static str {
        self.delivery(id).await.state
    }

    async fn deliver(&self, id: &str) {
        let due = self.claim().await;
        assert_eq!(ids_of(&due), [id]);
        self.settle(&due[0], Verdict::Delivered).await;
    }

    async fn kill(&self, id: &str) {
        let due = self.claim().await;
        assert_eq!(ids_of(&due), [id]);
        self.settle(&due[0], Verdict::Dead("the target answered 400".into())).await;
    }

    async fn redrive(&self, id: &str) -> u64 {
        let seq = self.story(id).await.unwrap().summary.seq;
        let by = Person { who: "kim".into(), why: "the bug is mended".into() };
        let order = self.journal.begin_order(OrderKind::Redrive, by, "{}", 1).await.unwrap();
        let letters = vec![LetterNo { seq, route: self.routes[0] }];
        self.journal.redrive(order, letters, seq).await.unwrap().changed
    }
}

fn watched(event: &Event) -> Watched {
    let changed = Changed::parse(&["/data/object/blocked"]).unwrap();
    let routes = Routes::new(vec![Interest { pattern: Pattern::Every, changed: Some(changed) }]);
    routes.of(event).remove(0).watched.unwrap()
}

#[tokio::test]
async fn a_dead_block_that_is_redriven_after_the_unblock_is_superseded() {
    let server = latest();
    server.send_watched(webhook("evt_block")).await;
    server.kill("evt_block").await;
    server.send_watched(webhook("evt_unblock").unblocked().later(MINUTE)).await;
    server.deliver("evt_unblock").await;
    assert_eq!(server.redrive("evt_block").await, 1);
    assert!(server.claim().await.is_empty());
    let block = server.delivery("evt_block").await;
    assert_eq!(block.state, "superseded");
    let reason = "a newer event of its subject went before it: evt_unblock";
    assert_eq!(block.reason.as_deref(), Some(reason));
    assert_eq!((block.redrives, block.attempts.len()), (1, 1));
    let counts = server.counts().await.deliveries;
    for (outcome, n) in [("delivered", 1), ("superseded", 1), ("dead", 0)] {
        assert_eq!(count(&counts, ROUTES[0], outcome), n, "{outcome}");
    }
}

#[tokio::test]
async fn the_slower_path_and_a_restart_bring_no_old_news() {
    let server = latest();
    server.send_new(webhook("evt_2").later(MINUTE)).await;
    server.deliver("evt_2").await;
    let server = server.restart();
    server.send_new(eventbridge("evt_1")).await;
    assert!(server.claim().await.is_empty());
    assert_eq!(server.state("evt_1").await, "superseded");
}

#[tokio::test]
async fn what_was_attempted_counts_as_told() {
    let server = latest();
    server.send_new(webhook("evt_2").later(MINUTE)).await;
    let due = server.claim().await;
    server.settle(&due[0], Verdict::Retry(START.plus(MINUTE))).await;
    server.send_new(webhook("evt_1")).await;
    assert!(server.claim().await.is_empty());
    assert_eq!(server.state("evt_1").await, "superseded");
    assert_eq!(server.state("evt_2").await, "retrying");
}

#[tokio::test]
async fn a_retry_holds_up_nothing_newer_and_is_superseded_by_it() {
    let server = latest();
    server.send_new(webhook("evt_1")).await;
    let due = server.claim().await;
    server.send_new(webhook("evt_2").later(MINUTE)).await;
    assert!(server.claim().await.is_empty(), "one attempt at a time");
    assert_eq!(server.state("evt_2").await, "parked");
    server.settle(&due[0], Verdict::Retry(START)).await;
    // The retry is due as well; but first attempts come first.
    let claim = Claim { retries_min: 0, ..claim_of(&server.routes[..1], 9) };
    let newer = server.journal.claim(claim).await.unwrap().due;
    assert_eq!(ids_of(&newer), ["evt_2"]);
    assert_eq!(server.state("evt_1").await, "parked");
    server.settle(&newer[0], Verdict::Delivered).await;
    assert!(server.claim().await.is_empty());
    assert_eq!(server.state("evt_1").await, "superseded");
}

#[tokio::test]
async fn on_a_route_with_every_event_the_late_ones_are_marked() {
    let server = Server::start();
    server.send_new(webhook("evt_2").later(MINUTE)).await;
    server.deliver("evt_2").await;
    server.send_new(webhook("evt_1")).await;
    server.send_new(webhook("evt_3").later(MINUTE * 2)).await;
    let due = server.claim().await;
    assert_eq!((ids_of(&due), due[0].late), (vec!["evt_1".to_owned()], true));
    server.settle(&due[0], Verdict::Delivered).await;
    assert!(server.delivery("evt_1").await.late);
    let due = server.claim().await;
    assert_eq!((ids_of(&due), due[0].late), (vec!["evt_3".to_owned()], false));
}

#[tokio::test]
async fn no_news_is_filtered() {
    let server = latest();
    server.send_watched(webhook("evt_1")).await;
    server.deliver("evt_1").await;
    server.send_watched(webhook("evt_2").later(MINUTE)).await;
    assert!(server.claim().await.is_empty());
    let second = server.delivery("evt_2").await;
    assert_eq!((second.state, second.attempts.len()), ("filtered", 0));
    // What is between the two is old news, though nothing was sent for the second.
    server.send_watched(webhook("evt_between").unblocked().later(MINUTE / 2)).await;
    assert!(server.claim().await.is_empty());
    assert_eq!(server.state("evt_between").await, "superseded");
    server.send_watched(webhook("evt_3").unblocked().later(MINUTE * 2)).await;
    server.deliver("evt_3").await;
}

#[tokio::test]
async fn after_an_attempt_that_may_have_been_applied_everything_is_news() {
    let server = latest();
    server.send_watched(webhook("evt_1").unblocked()).await;
    server.deliver("evt_1").await;
    server.send_watched(webhook("evt_2").later(MINUTE)).await;
    server.kill("evt_2").await;
    let server = server.restart();
    server.send_watched(webhook("evt_3").unblocked().later(MINUTE * 2)).await;
    server.deliver("evt_3").await;
    server.send_watched(webhook("evt_4").unblocked().later(MINUTE * 3)).await;
    assert!(server.claim().await.is_empty());
    assert_eq!(server.state("evt_4").await, "filtered");
}

#[tokio::test]
async fn what_was_parked_goes_before_what_came_later() {
    let server = Server::start();
    server.send_watched(webhook("evt_1")).await;
    let first = server.claim().await;
    server.send_watched(webhook("evt_2").later(MINUTE)).await;
    server.send_watched(webhook("evt_3").unblocked().later(MINUTE * 2)).await;
    assert!(server.claim().await.is_empty(), "one attempt at a time");
    server.settle(&first[0], Verdict::Delivered).await;
    server.send_watched(webhook("evt_4").unblocked().later(MINUTE * 3)).await;
    // The second says nothing new, which sets the third free in the middle of a claim.
    server.deliver("evt_3").await;
    assert_eq!(server.state("evt_2").await, "filtered");
    assert!(server.claim().await.is_empty());
    assert_eq!(server.state("evt_4").await, "filtered");
}

#[tokio::test]
async fn what_was_told_is_forgotten_when_nothing_is_left_that_was_attempted_before() {
    let server = latest();
    server.send_new(webhook("evt_2").later(MINUTE)).await;
    server.deliver("evt_2").await;
    let told = |server: &Server| -> i64 {
        let connection = server.stopped.connection();
        connection.query_row("SELECT count(*) FROM told", [], |row| row.get(0)).unwrap()
    };
    server.advance(KEEP * 2);
    server.retain().await;
    assert_eq!(told(&server), 1);
    server.advance(MINUTE);
    server.retain().await;
    assert_eq!(told(&server), 0);
}

#[tokio::test]
async fn a_letter_that_its_second_path_kept_alive_is_superseded_all_the_same() {
    let server = latest();
    server.send_new(webhook("evt_block")).await;
    server.kill("evt_block").await;
    server.send_new(webhook("evt_unblock").unblocked().later(MINUTE)).await;
    server.deliver("evt_unblock").await;
    server.advance(MINUTE * 59);
    assert_eq!(server.send(eventbridge("evt_block")).await, ArrivalOutcome::Accepted);
    server.advance(MINUTE * 2);
    server.retain().await;
    assert_eq!(server.redrive("evt_block").await, 1);
    assert!(server.claim().await.is_empty());
    assert_eq!(server.state("evt_block").await, "superseded");
}

#[tokio::test]
async fn a_redrive_counts_age_and_attempts_anew() {
    let server = Server::start();
    server.send_new(webhook("evt_1")).await;
    server.kill("evt_1").await;
    server.advance(MINUTE);
    assert_eq!(server.redrive("evt_1").await, 1);
    assert_eq!(server.redrive("evt_1").await, 0, "it is not dead any more");
    let due = server.claim().await.remove(0);
    assert_eq!((due.attempt, due.counted, due.since), (2, 1, START.plus(MINUTE)));
    server.settle(&due, Verdict::RetryUncounted(START)).await;
    let due = server.claim().await.remove(0);
    assert_eq!((due.attempt, due.counted, due.accepted_at), (3, 1, START));
    server.settle(&due, Verdict::Retry(START)).await;
    assert_eq!(server.claim().await[0].counted, 2);
}

#[tokio::test]
async fn a_discarded_letter_says_who_and_why() {
    let server = Server::start();
    server.send_new(webhook("evt_1")).await;
    server.kill("evt_1").await;
    let seq = server.story("evt_1").await.unwrap().summary.seq;
    let by = Person { who: "kim".into(), why: "the user is gone".into() };
    let order = server.journal.begin_order(OrderKind::Discard, by.clone(), "", 1).await.unwrap();
    let letters = vec![LetterNo { seq, route: server.routes[0] }];
    let discarded = server.journal.discard(order, letters, by, seq).await.unwrap();
    server.journal.end_order(order, false).await.unwrap();
    assert_eq!(discarded.changed, 1);
    let delivery = server.delivery("evt_1").await;
    assert_eq!(delivery.state, "discarded");
    assert_eq!(delivery.reason.as_deref(), Some("discarded by kim: the user is gone"));
    let counts = server.counts().await.deliveries;
    assert_eq!(count(&counts, ROUTES[0], "dead"), 0);
    assert_eq!(count(&counts, ROUTES[0], "discarded"), 1);
    let orders = server.journal.reader().unwrap().orders(9).await.unwrap();
    assert_eq!((orders[0].kind.as_str(), orders[0].done), ("discard", 1));
    assert_eq!(orders[0].state, OrderState::Done);
}

#[tokio::test]
async fn a_step_of_an_order_that_was_stopped_changes_nothing() {
    let server = Server::start();
    server.send_new(webhook("evt_1")).await;
    server.kill("evt_1").await;
    let seq = server.story("evt_1").await.unwrap().summary.seq;
    let by = Person { who: "kim".into(), why: "by mistake".into() };
    let order = server.journal.begin_order(OrderKind::Redrive, by.clone(), "{}", 1).await.unwrap();
    server.journal.end_order(order, true).await.unwrap();
    let letters = || vec![LetterNo { seq, route: server.routes[0] }];
    for step in [
        server.journal.redrive(order, letters(), seq).await.unwrap(),
        server.journal.discard(order, letters(), by, seq).await.unwrap(),
        server.journal.step_order(order, seq, 1).await.unwrap(),
    ] {
        assert_eq!((step.changed, step.too_late), (0, true));
    }
    assert_eq!(server.state("evt_1").await, "dead");
    let story = server.journal.reader().unwrap().order(order).await.unwrap().unwrap();
    assert_eq!((story.state, story.done), (OrderState::Stopped, 0));
}

#[tokio::test]
async fn a_letter_is_found_by_its_event_and_by_its_name() {
    let server = Server::start();
    server.send_new(webhook("evt_1")).await;
    server.kill("evt_1").await;
    let reader = server.journal.reader().unwrap();
    let name = format!("evt_1/{}", ROUTES[0]);
    for (id, found) in [("evt_1", 1), (name.as_str(), 1), ("evt_1/audit", 0), ("evt_", 0)] {
        let filter = LetterFilter { ids: vec![id.to_owned()], ..LetterFilter::default() };
        let page = Page::Before { seq: i64::MAX, events: 9 };
        let letters = reader.letters(filter, page, |_| true).await.unwrap().letters;
        assert_eq!(letters.len(), found, "{id}");
    }
}

#[tokio::test]
async fn a_backlog_is_drained_slowly_with_new_events_first() {
    let server = latest();
    for (id, user) in [("evt_1", "a"), ("evt_2", "b"), ("evt_3", "c")] {
        server.send_new(webhook(id).of_user(user)).await;
    }
    let newest = server.claim_of(&server.routes[..1], 0).await.newest;
    server.send_new(webhook("evt_4").of_user("d")).await;
    server.send_new(webhook("evt_5").of_user("a").later(MINUTE)).await;
    let backlog = Some(Backlog { up_to: newest, max: 1 });
    let claim = || Claim { backlog, ..claim_of(&server.routes[..1], 9) };
    let claimed = server.journal.claim(claim()).await.unwrap();
    assert_eq!(ids_of(&claimed.due), ["evt_4", "evt_5", "evt_2"]);
    assert!(claimed.backlog_left);
    assert_eq!(server.state("evt_1").await, "parked");
    let claimed = server.journal.claim(claim()).await.unwrap();
    assert_eq!((ids_of(&claimed.due), claimed.backlog_left), (vec!["evt_3".to_owned()], false));
}

#[tokio::test]
async fn where_every_event_counts_a_backlog_is_drained_in_order() {
    let server = Server::start();
    for (id, user) in [("evt_1", "a"), ("evt_2", "b")] {
        server.send_new(webhook(id).of_user(user)).await;
    }
    let newest = server.claim_of(&server.routes[..1], 0).await.newest;
    server.send_new(webhook("evt_3").of_user("c")).await;
    let backlog = Some(Backlog { up_to: newest, max: 1 });
    for expected in [&["evt_1"][..], &["evt_2", "evt_3"]] {
        let claim = Claim { backlog, ..claim_of(&server.routes[..1], 9) };
        let claimed = server.journal.claim(claim).await.unwrap();
        assert_eq!(ids_of(&claimed.due), expected);
    }
}

#[tokio::test]
async fn a_paused_target_is_sent_nothing_until_it_is_resumed() {
    let server = Server::start();
    let by = || Person { who: "kim".into(), why: "maintenance".into() };
    server.send_new(webhook("evt_1")).await;
    assert_eq!(server.journal.pause(TARGET.into(), by()).await.unwrap().changed, 1);
    assert_eq!(server.journal.pause(TARGET.into(), by()).await.unwrap().changed, 0);
    let server = server.restart();
    let claimed = server.claim_of(&server.routes[..1], 9).await;
    assert_eq!((claimed.paused, claimed.due.len(), claimed.next_due), (true, 0, None));
    let paused = server.journal.reader().unwrap().paused().await.unwrap();
    assert_eq!((paused[0].target.as_str(), paused[0].who.as_str()), (TARGET, "kim"));
    let mut wakeups = server.journal.wakeups();
    wakeups.mark_unchanged();
    assert_eq!(server.journal.resume(TARGET.into(), by()).await.unwrap().changed, 1);
    tokio::time::timeout(MINUTE, wakeups.changed()).await.unwrap().unwrap();
    assert_eq!(server.claim_ids().await, ["evt_1"]);
}

fn queue_backed() -> Server {
    let mut stopped = Stopped::new();
    stopped.settings.queue_retries = true;
    stopped.start()
}

#[tokio::test]
async fn what_waits_for_its_message_goes_on_when_it_comes() {
    let server = queue_backed();
    server.send_new(eventbridge("evt_1")).await;
    server.send_new(eventbridge("evt_2").later(MINUTE).in_message("m2")).await;
    let seq = server.story("evt_1").await.unwrap().summary.seq;
    let due = server.claim().await.remove(0);
    let mut end = Box::pin(server.journal.end_of(seq));
    assert_eq!(futures_util::future::poll_immediate(end.as_mut()).await.map(drop), None);
    let other = server.claim_of(&server.routes[1..], 9).await.due.remove(0);
    server.settle(&other, Verdict::Delivered).await;
    let again_at = START.plus(MINUTE);
    server.settle(&due, Verdict::Return(again_at)).await;
    assert_eq!(end.await.unwrap(), EventEnd { again_at: Some(again_at) });
    assert_eq!(server.state("evt_1").await, "returned");
    // It holds up nobody, and a restart does not make it due: its message may have gone to the
    // dead-letter queue.
    assert_eq!(server.claim_ids().await, ["evt_2"]);
    let server = server.restart();
    let second = server.claim().await;
    assert_eq!(ids_of(&second), ["evt_2"]);
    assert_eq!(count_pending(&server).await, 2);
    server.settle(&second[0], Verdict::Delivered).await;
    assert!(server.claim().await.is_empty());
    assert_eq!(server.send(eventbridge("evt_1")).await, ArrivalOutcome::Duplicate);
    server.settle(&server.claim().await[0], Verdict::Delivered).await;
    assert_eq!(server.journal.end_of(seq).await.unwrap(), EventEnd { again_at: None });
}

async fn count_pending(server: &Server) -> u64 {
    let counts = server.counts().await;
    counts.pending.iter().find(|of| of.route == ROUTES[0]).unwrap().pending
}

#[tokio::test]
async fn what_no_message_will_bring_is_retried_by_the_journal() {
    let mut stopped = Server::start().stop();
    stopped.settings.queue_retries = true;
    let server = stopped.start();
    let again_at = START.plus(MINUTE);
    // By webhook, from before the queue retried.
    server.send_new(webhook("evt_1")).await;
    server.settle(&server.claim().await[0], Verdict::Return(again_at)).await;
    assert_eq!(server.state("evt_1").await, "retrying");
    // Its message is let go at a restart, and has not come again yet.
    server.send_new(eventbridge("evt_2").of_user("b")).await;
    let server = server.restart();
    server.settle(&server.claim().await[0], Verdict::Return(again_at)).await;
    assert_eq!(server.state("evt_2").await, "retrying");
    // Now it has.
    assert_eq!(server.send(eventbridge("evt_2")).await, ArrivalOutcome::Duplicate);
    server.advance(MINUTE);
    for due in server.claim().await {
        server.settle(&due, Verdict::Return(again_at)).await;
    }
    assert_eq!(server.state("evt_1").await, "retrying");
    assert_eq!(server.state("evt_2").await, "returned");
}

#[tokio::test]
async fn a_message_is_in_hand_until_every_route_has_failed() {
    let server = queue_backed();
    server.send_new(eventbridge("evt_1")).await;
    let seq = server.story("evt_1").await.unwrap().summary.seq;
    let mut end = Box::pin(server.journal.end_of(seq));
    for (route, minutes) in [(0, 5), (1, 1)] {
        assert_eq!(futures_util::future::poll_immediate(end.as_mut()).await.map(drop), None);
        let due = server.claim_of(&server.routes[route..=route], 9).await.due.remove(0);
        server.settle(&due, Verdict::Return(START.plus(MINUTE * minutes))).await;
        // Whoever is to be told by that commit has been told when there is another.
        drop(server.journal.probe().await.unwrap());
    }
    // The later of the two: a message that comes too early for one of them burns a receive.
    assert_eq!(end.await.unwrap(), EventEnd { again_at: Some(START.plus(MINUTE * 5)) });
    let states = server.story("evt_1").await.unwrap().deliveries;
    assert!(states.iter().all(|delivery| delivery.state == "returned"), "{states:?}");
}

#[tokio::test]
async fn a_delivery_on_a_route_that_is_gone_keeps_no_message_waiting() {
    let server = queue_backed();
    server.send_new(eventbridge("evt_1")).await;
    let seq = server.story("evt_1").await.unwrap().summary.seq;
    for route in 0..2 {
        let due = server.claim_of(&server.routes[route..=route], 9).await.due.remove(0);
        server.settle(&due, Verdict::Return(START.plus(MINUTE))).await;
    }
    let stopped = server.stop();
    let (journal, mut writer) = stopped.open().unwrap();
    let routes = writer.register_routes(&[spec(ROUTES[0])]).unwrap();
    let thread = std::thread::spawn(move || writer.run());
    let server = Server { journal, routes, thread, stopped };
    assert_eq!(server.send(eventbridge("evt_1")).await, ArrivalOutcome::Duplicate);
    server.settle(&server.claim().await[0], Verdict::Delivered).await;
    assert_eq!(server.journal.end_of(seq).await.unwrap(), EventEnd { again_at: None });
}

#[tokio::test]
async fn when_the_journal_retries_again_nothing_waits_for_messages() {
    let server = queue_backed();
    server.send_new(eventbridge("evt_1")).await;
    let due = server.claim().await.remove(0);
    server.settle(&due, Verdict::Return(START.plus(MINUTE))).await;
    let mut stopped = server.stop();
    stopped.settings.queue_retries = false;
    assert_eq!(stopped.start().claim_ids().await, ["evt_1"]);
}

#[tokio::test]
async fn what_waits_for_a_message_that_was_discarded_is_discarded_too() {
    let server = queue_backed();
    server.send_new(eventbridge("evt_1")).await;
    let due = server.claim().await.remove(0);
    let other = server.claim_of(&server.routes[1..], 9).await.due.remove(0);
    server.settle(&other, Verdict::Delivered).await;
    server.settle(&due, Verdict::Return(START.plus(MINUTE))).await;
    let by = || Person { who: "kim".into(), why: "sent by mistake".into() };
    for changed in [1, 0] {
        let id = EventId::parse("evt_1").unwrap();
        assert_eq!(server.journal.discard_returned(id, by()).await.unwrap().changed, changed);
    }
    let delivery = server.delivery("evt_1").await;
    assert_eq!(delivery.state, "discarded");
    assert_eq!(delivery.reason.as_deref(), Some("discarded by kim: sent by mistake"));
    let counts = server.counts().await.deliveries;
    assert_eq!(count(&counts, ROUTES[0], "discarded"), 1);
    assert_eq!(count(&counts, ROUTES[1], "delivered"), 1);
}
