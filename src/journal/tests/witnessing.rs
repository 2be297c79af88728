//! The third observer: what Auth0 was asked for, and what its Events API told.

use rusqlite::Connection;

use super::super::erase::FORGET_WITNESSES;
use super::super::witness::EXPIRE_WITNESSED;
use super::super::{Fate, Judgement, Witnessed};
use super::*;
use crate::event::{Flag, PerPath};
use crate::summary::{Count, Scope};

const LONG: Duration = Duration::from_hours(24);

impl Server {
    async fn ask_for(&self, id: &str) {
        drop(self.journal.rescue(vec![EventId::parse(id).unwrap()]).await.unwrap());
    }

    pub(super) async fn counted_of(&self, count: Count) -> u64 {
        let (from, to) = (START.minus(LONG), START.plus(LONG));
        let question = Question {
            from,
            to,
            scope: Scope::default(),
            settled_until: self.now(),
            ignore: Vec::new(),
        };
        let answer = self.journal.reader().unwrap().summaries(question).await.unwrap();
        answer.stretches.iter().map(|(_, _, cell)| cell.counts().get(count)).sum()
    }

    /// Has the Events API tell of an event as it would have come.
    async fn witness(&self, sent: &Sent, offset: &str) {
        let event = self.arrived(sent).event;
        let told = vec![Witnessed::of(&event, Some(format!("before {offset}")))];
        drop(self.journal.witness(told, Some(offset.to_owned())).await.unwrap());
    }

    /// Which paths brought the witnessed events.
    async fn seen(&self) -> Vec<(String, bool, bool)> {
        let reader = self.journal.reader().unwrap();
        let settled = reader.settled_witnesses(self.now(), 0, 100).await.unwrap();
        let told = settled.into_iter().map(|witness| {
            let id = witness.event.id.as_str().to_owned();
            (id, witness.seen.webhook, witness.seen.eventbridge)
        });
        told.collect()
    }
}

fn told(id: &str, webhook: bool, eventbridge: bool) -> (String, bool, bool) {
    (id.to_owned(), webhook, eventbridge)
}

#[tokio::test]
async fn what_was_asked_for_is_delivered_and_is_no_arrival_of_the_path() {
    let server = Server::start();
    server.ask_for("evt_1").await;
    // After a restart, too.
    let server = server.restart();
    server.send_new(webhook("evt_1")).await;
    assert_eq!(server.claim_ids().await, ["evt_1"]);
    server.send_new(webhook("evt_2").of_user("auth0|2")).await;
    server.advance(MINUTE);
    for _ in 0..2 {
        assert_eq!(server.counted_of(Count::Rescued).await, 1);
        assert_eq!(server.counted_of(Count::WebhookOnly).await, 1);
        server.summarize().await;
    }
    // The other path brought it after all: the webhook had lost it.
    server.send(eventbridge("evt_1")).await;
    assert_eq!(server.counted_of(Count::Rescued).await, 0);
    assert_eq!(server.counted_of(Count::EventbridgeOnly).await, 1);
    assert_eq!(server.counted_of(Count::Both).await, 0);
}

#[tokio::test]
async fn what_was_asked_for_though_the_other_path_had_it_changes_no_count() {
    let server = Server::start();
    server.send_new(eventbridge("evt_1")).await;
    server.ask_for("evt_1").await;
    server.send(webhook("evt_1")).await;
    server.send(webhook("evt_1")).await;
    server.advance(MINUTE);
    server.summarize().await;
    assert_eq!(server.counted_of(Count::EventbridgeOnly).await, 1);
    assert_eq!(server.counted_of(Count::Both).await, 0);
    assert_eq!(server.counted_of(Count::WebhookRetries).await, 0);
    let flags = server.story("evt_1").await.unwrap().arrivals;
    assert_eq!(flags.len(), 3);
    assert!(Flags::from_bits(32).has(Flag::Rescued));
}

#[tokio::test]
async fn what_was_told_is_known_by_either_id_once_it_has_settled() {
    let server = Server::start();
    let other = |sent: Sent, number: u64| sent.later(Duration::from_millis(number));
    server.witness(&other(webhook("evt_both"), 1), "1").await;
    server.witness(&other(webhook("evt_w"), 2), "2").await;
    server.witness(&other(webhook("evt_e"), 3), "3").await;
    server.witness(&other(webhook("evt_none"), 4), "4").await;
    server.send_new(other(webhook("evt_both"), 1)).await;
    server.send(other(eventbridge("evt_another"), 1)).await;
    server.send_new(other(webhook("evt_w"), 2)).await;
    server.send_new(other(eventbridge("evt_under_its_own_id"), 3)).await;
    assert_eq!(server.seen().await, []);
    server.advance(MINUTE);
    let expected = [
        told("evt_both", true, true),
        told("evt_w", true, false),
        told("evt_e", false, true),
        told("evt_none", false, false),
    ];
    assert_eq!(server.seen().await, expected);
    let offset = server.journal.reader().unwrap().feed_offset().await.unwrap();
    assert_eq!(offset, Some(("4".to_owned(), START)));
}

#[tokio::test]
async fn a_rescued_arrival_is_not_seen_by_the_path() {
    let server = Server::start();
    server.witness(&webhook("evt_1"), "1").await;
    server.ask_for("evt_1").await;
    server.send_new(webhook("evt_1")).await;
    server.advance(MINUTE);
    assert_eq!(server.seen().await, [told("evt_1", false, false)]);
    let ids = ["evt_1", "evt_2"].map(|id| EventId::parse(id).unwrap());
    let known = server.journal.reader().unwrap().known(ids.to_vec()).await.unwrap();
    assert_eq!(known.into_iter().collect::<Vec<_>>(), ids[..1]);
}

#[tokio::test]
async fn what_waits_holds_up_nothing_behind_it_and_what_is_told_again_is_there_once() {
    let server = Server::start();
    for id in ["evt_1", "evt_2", "evt_3", "evt_2"] {
        server.witness(&webhook(id), id).await;
    }
    server.advance(MINUTE);
    let reader = server.journal.reader().unwrap();
    let first = reader.settled_witnesses(server.now(), 0, 2).await.unwrap();
    let rest = reader.settled_witnesses(server.now(), first[1].no, 2).await.unwrap();
    let ids: Vec<_> = first.iter().chain(&rest).map(|one| one.event.id.as_str()).collect();
    assert_eq!(ids, ["evt_1", "evt_2", "evt_3"]);
    assert_eq!(rest[0].told_at, START);
}

#[tokio::test]
async fn what_the_journal_has_is_known_whoever_brought_it() {
    let server = Server::start();
    for id in ["evt_asked", "evt_none"] {
        server.witness(&webhook(id).of_user(id), id).await;
    }
    server.ask_for("evt_asked").await;
    server.send_new(webhook("evt_asked").of_user("evt_asked")).await;
    server.advance(MINUTE);
    let reader = server.journal.reader().unwrap();
    let settled = reader.settled_witnesses(server.now(), 0, 9).await.unwrap();
    let known: Vec<_> = settled.iter().map(|one| (one.is_known, one.seen.webhook)).collect();
    assert_eq!(known, [(true, false), (false, false)]);
}

#[test]
fn what_was_told_long_ago_is_found_by_its_index() {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(include_str!("../migrations/0001_journal.sql")).unwrap();
    let explain = format!("EXPLAIN QUERY PLAN {EXPIRE_WITNESSED}");
    let plan: String = connection.query_row(&explain, [START], |row| row.get("detail")).unwrap();
    assert!(plan.contains("USING INDEX witnessed_told"), "{plan}");
}

/// Else each event of a user that is erased would hold the writer up for as long as reading all of it takes.
#[test]
fn what_was_told_of_somebody_is_found_by_its_indices() {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(include_str!("../migrations/0001_journal.sql")).unwrap();
    let explain = format!("EXPLAIN QUERY PLAN {FORGET_WITNESSES}");
    let mut statement = connection.prepare(&explain).unwrap();
    let plan = statement.query_map([1, 2, 3], |row| row.get("detail")).unwrap();
    let plan: Vec<String> = plan.map(Result::unwrap).collect();
    for index in ["witnessed_time", "witnessed_id"] {
        assert!(plan.iter().any(|line| line.contains(index)), "{plan:#?}");
    }
    assert!(!plan.iter().any(|line| line.contains("SCAN witnessed")), "{plan:#?}");
}

#[tokio::test]
async fn what_the_events_api_gave_is_no_arrival_and_shows_no_life_of_the_path() {
    let server = Server::start();
    server.send_new(webhook("evt_1")).await;
    server.advance(MINUTE);
    server.send_new(backfill("evt_2").of_user("auth0|2")).await;
    assert_eq!(server.claim_ids().await, ["evt_1", "evt_2"]);
    let reader = server.journal.reader().unwrap();
    assert_eq!(reader.last_arrival(Path::Webhook).await.unwrap(), Some(START));
    let lately = async || reader.lately(START, 10).await.unwrap().last_arrival(Path::Webhook);
    assert_eq!(lately().await, Some(START));
    let counts = server.counts().await;
    assert_eq!(arrivals(&counts, Path::Webhook, ArrivalOutcome::Accepted), 1);
    let summary = server.story("evt_2").await.unwrap().summary;
    assert_eq!((summary.webhook_at, summary.rescued, summary.backfilled), (None, true, true));
    assert_eq!(summary.rescued_at, Some(server.now()));
    // What Auth0 was asked to deliver did come by webhook, and is not its ordinary traffic.
    server.advance(MINUTE);
    server.ask_for("evt_3").await;
    server.send_new(webhook("evt_3").of_user("auth0|3")).await;
    assert_eq!(reader.last_arrival(Path::Webhook).await.unwrap(), Some(server.now()));
    assert_eq!(lately().await, Some(START));
    let counts = server.counts().await;
    assert_eq!(arrivals(&counts, Path::Webhook, ArrivalOutcome::Accepted), 2);
    let summary = server.story("evt_3").await.unwrap().summary;
    assert_eq!((summary.webhook_at, summary.rescued, summary.backfilled), (None, true, false));
}

/// What the path brings after all, under this id, takes the place of a backfill.
async fn check_late(late: Sent, eventbridge_first: bool, paired_by: Option<PairedBy>) {
    let server = Server::start();
    server.send_new(backfill("evt_1")).await;
    if eventbridge_first {
        server.send(eventbridge("evt_1")).await;
    }
    server.advance(MINUTE);
    server.summarize().await;
    let lost = if eventbridge_first { Count::EventbridgeOnly } else { Count::Rescued };
    assert_eq!(server.counted_of(lost).await, 1);
    let late = Sent { flags: Flags::NONE.with(Flag::Backlog), ..late };
    assert_eq!(server.send(late).await, ArrivalOutcome::Accepted);
    assert_eq!(server.claim_ids().await, ["evt_1"], "it is delivered once");
    let now = if eventbridge_first { Count::Both } else { Count::WebhookOnly };
    for _ in 0..2 {
        assert_eq!((server.counted_of(lost).await, server.counted_of(now).await), (0, 1));
        assert_eq!(server.counted_of(Count::WebhookBacklog).await, 1);
        assert_eq!(server.counted_of(Count::WebhookRetries).await, 0);
        server.summarize().await;
    }
    let story = server.story("evt_1").await.unwrap();
    assert_eq!((story.summary.webhook_at, story.summary.rescued), (Some(server.now()), false));
    let first = if eventbridge_first { Path::Eventbridge } else { Path::Webhook };
    assert_eq!((story.summary.first_path, story.paired_by), (first, paired_by));
    assert_eq!(server.events().await, 1);
    let reader = server.journal.reader().unwrap();
    assert_eq!(reader.last_arrival(Path::Webhook).await.unwrap(), Some(server.now()));
    // From then on it is a webhook arrival like any other.
    assert_eq!(server.send(webhook("evt_1")).await, ArrivalOutcome::Duplicate);
    assert_eq!(server.send(backfill("evt_1")).await, ArrivalOutcome::Duplicate);
    assert_eq!(server.counted_of(Count::WebhookRetries).await, 1);
    server.send(eventbridge("evt_1")).await;
    assert_eq!(server.counted_of(Count::Both).await, 1);
}

#[tokio::test]
async fn what_its_path_brings_after_all_takes_the_place_of_a_backfill() {
    let nameless = |sent: Sent| Sent { stream: String::new(), ..sent };
    check_late(webhook("evt_1"), false, None).await;
    check_late(webhook("evt_1"), true, Some(PairedBy::Id)).await;
    check_late(webhook("evt_other"), false, None).await;
    check_late(webhook("evt_other"), true, Some(PairedBy::Fallback)).await;
    check_late(nameless(webhook("evt_other")), false, None).await;
    check_late(nameless(webhook("evt_1")), true, Some(PairedBy::Id)).await;
}

#[tokio::test]
async fn what_was_asked_for_does_not_take_the_place_of_a_backfill() {
    let server = Server::start();
    server.send_new(backfill("evt_1")).await;
    server.ask_for("evt_1").await;
    server.send(webhook("evt_1")).await;
    server.advance(MINUTE);
    assert_eq!(server.counted_of(Count::Rescued).await, 1);
    assert_eq!(server.counted_of(Count::WebhookOnly).await, 0);
}

#[tokio::test]
async fn a_backfill_of_what_is_known_changes_nothing() {
    for late in [backfill("evt_1"), backfill("evt_other")] {
        let server = Server::start();
        server.send_new(eventbridge("evt_1")).await;
        assert_eq!(server.send(late.clone()).await, ArrivalOutcome::Duplicate);
        let story = server.story("evt_1").await.unwrap();
        assert_eq!((story.arrivals.len(), story.summary.rescued), (1, false));
        server.send(webhook("evt_1")).await;
        assert_eq!(server.send(late).await, ArrivalOutcome::Duplicate);
        assert_eq!(server.story("evt_1").await.unwrap().arrivals.len(), 2);
        assert_eq!(server.claim_ids().await, ["evt_1"]);
    }
}

#[tokio::test]
async fn the_delivery_of_a_backfill_says_where_it_is_from_whatever_comes_later() {
    let server = Server::start();
    server.send_new(backfill("evt_1")).await;
    let due = server.claim().await.remove(0);
    assert_eq!((due.backfilled, due.accepted_at), (true, START));
    server.advance(MINUTE);
    server.send(webhook("evt_1")).await;
    let due = server.claim_of(&server.routes[1..], 1).await.due.remove(0);
    assert_eq!((due.backfilled, due.accepted_at), (true, START));
    // Numbers are still sought by when events first came.
    let reader = server.journal.reader().unwrap();
    server.send_new(webhook("evt_2").of_user("auth0|2")).await;
    assert_eq!(reader.lately(server.now(), 10).await.unwrap().came, 1);
}

#[tokio::test]
async fn nothing_that_the_events_api_told_of_an_erased_user_is_left() {
    let server = Server::start();
    let erased = |id: &str| webhook(id).of_user("auth0|erased");
    // Told of under its own id and under another; of another user at the same time; and of another event.
    server.send_new(erased("evt_1")).await;
    server.send_new(erased("evt_2").later(MINUTE)).await;
    server.send(eventbridge("evt_e").of_user("auth0|erased").later(MINUTE)).await;
    server.witness(&erased("evt_1"), "1").await;
    server.witness(&erased("evt_as_the_api_calls_it").later(MINUTE), "2").await;
    // Its fingerprint says nothing: the id alone does.
    server.witness(&webhook("evt_e").of_user("auth0|2"), "3").await;
    server.witness(&webhook("evt_4"), "4").await;
    server.advance(MINUTE * 2);
    assert_eq!(server.seen().await.len(), 4);
    let by = Person { who: "kim".into(), why: "request 7".into() };
    let user = "auth0|erased".to_owned();
    let order = server.journal.begin_order(OrderKind::Erase, by, &user, 1).await.unwrap();
    let found = server.journal.reader().unwrap().naming(user, 0).await.unwrap().found;
    server.journal.erase(order, found, "erased by kim", 0).await.unwrap();
    // Neither digest nor id is left; what is left would be judged lost, and taken in again.
    assert_eq!(server.seen().await, [told("evt_4", false, false)]);
    let of = Witnessed::of(&server.arrived(&erased("evt_1")).event, None).fingerprint;
    let stopped = server.stop();
    let bytes = std::fs::read(&stopped.settings.path).unwrap();
    assert!(!bytes.windows(16).any(|found| found == of.as_bytes()), "not in free pages either");
}

#[tokio::test]
async fn every_witnessed_event_is_judged_once_and_the_count_outlives_it() {
    let server = Server::start();
    let all = (0..3_u64)
        .map(|number| webhook(&format!("evt_{number}")).later(Duration::from_secs(number)));
    for sent in all {
        server.witness(&sent, &sent.id.clone()).await;
    }
    server.advance(MINUTE);
    let reader = server.journal.reader().unwrap();
    let settled = reader.settled_witnesses(server.now(), 0, 2).await.unwrap();
    assert_eq!(settled.len(), 2);
    let lost = Judgement {
        fates: PerPath { webhook: Fate::LostUs, eventbridge: Fate::LostEventbridge },
        backfilled: true,
    };
    let judged: Vec<_> = settled.iter().map(|one| (one.no, one.event.time, lost)).collect();
    // Told twice, as after an answer that never came.
    drop(server.journal.judge(judged.clone()).await.unwrap());
    drop(server.journal.judge(judged).await.unwrap());
    assert_eq!(reader.judged(START).await.unwrap(), (vec![(lost, 2)], 1));
    assert_eq!(reader.judged(START.plus(LONG)).await.unwrap(), (Vec::new(), 1));
    // What is never judged goes when events go; so do counts, when sums go.
    server.advance(KEEP + MINUTE);
    server.retain().await;
    assert_eq!(reader.judged(START.minus(LONG)).await.unwrap().1, 0);
    server.advance(KEEP + LONG);
    server.retain().await;
    assert_eq!(reader.judged(START.minus(LONG)).await.unwrap().0, []);
}

#[test]
fn every_fate_comes_back_from_its_code() {
    for webhook in Fate::ALL {
        for eventbridge in Fate::ALL {
            for backfilled in [false, true] {
                let judgement = Judgement { fates: PerPath { webhook, eventbridge }, backfilled };
                assert_eq!(Judgement::of_code(judgement.code()), judgement);
            }
        }
    }
}
