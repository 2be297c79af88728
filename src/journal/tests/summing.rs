//! Summaries: an answer is the same whether it comes from them or from the events themselves, before and
//! after events are gone, and whatever came late.

use super::*;
use crate::event::Flag;
use crate::summary::{Cell, Count, Scope, Series};

/// Far more than these tests take.
const LONG: Duration = Duration::from_hours(24 * 30);

fn question(from: Timestamp, to: Timestamp, settled_until: Timestamp) -> Question {
    Question { from, to, scope: Scope::default(), settled_until, ignore: Vec::new() }
}

impl Server {
    async fn answer(&self, question: &Question) -> Answer {
        self.journal.reader().unwrap().summaries(question.clone()).await.unwrap()
    }

    /// All events, as of now.
    async fn all(&self) -> (Cell, u64) {
        let question = question(START.minus(LONG), START.plus(LONG), self.now());
        total(&self.answer(&question).await)
    }

    async fn counted(&self, count: Count) -> u64 {
        self.all().await.0.counts().get(count)
    }
}

fn total(answer: &Answer) -> (Cell, u64) {
    let mut cell = Cell::default();
    for (_, _, part) in &answer.stretches {
        cell.merge(part);
    }
    (cell, answer.unsettled)
}

#[tokio::test]
async fn an_event_is_summed_once_when_it_has_settled() {
    let server = Server::start();
    server.send_new(webhook("evt_1")).await;
    assert_eq!(server.summarize().await, 0);
    server.advance(Duration::from_secs(15));
    assert_eq!(server.summarize().await, 1);
    assert_eq!(server.summarize().await, 0);
    let server = server.restart();
    assert_eq!(server.summarize().await, 0);
    assert_eq!(server.counted(Count::WebhookOnly).await, 1);
}

#[tokio::test]
async fn what_comes_late_amends_the_sum() {
    let server = Server::start();
    server.send_new(webhook("evt_1")).await;
    server.advance(MINUTE);
    server.summarize().await;
    server.send(eventbridge("evt_1").unblocked()).await;
    server.send(eventbridge("evt_1").unblocked()).await;
    server.send(eventbridge("evt_1").in_message("m2")).await;
    server.send(webhook("evt_1")).await;
    let (cell, unsettled) = server.all().await;
    let counts = cell.counts();
    assert_eq!((counts.get(Count::Both), counts.get(Count::WebhookOnly), unsettled), (1, 0, 0));
    assert_eq!((counts.get(Count::SameMessage), counts.get(Count::OtherMessage)), (1, 1));
    assert_eq!(counts.get(Count::WebhookRetries), 1);
    assert_eq!(cell.series(Series::Difference).quantile(0.5), Some(60_000.0));
    assert_eq!(counts.get(Count::PayloadDiffers), 1);
    let (pointers, elsewhere) = cell.pointers();
    assert_eq!(pointers.collect::<Vec<_>>(), [("/data/object/blocked", 1)]);
    assert_eq!(elsewhere, 0);
}

#[tokio::test]
async fn differences_that_are_ignored_are_none() {
    let mut stopped = Stopped::new();
    stopped.settings.summaries.ignore = vec!["/data/object".into()];
    let server = stopped.start();
    server.send_new(webhook("evt_1")).await;
    server.send(eventbridge("evt_1").unblocked()).await;
    server.advance(MINUTE);
    server.summarize().await;
    assert_eq!(server.counted(Count::PayloadDiffers).await, 0);
}

#[tokio::test]
async fn an_event_of_the_future_waits_for_its_time() {
    let server = Server::start();
    server.send_new(webhook("evt_1").later(MINUTE * 10)).await;
    server.send_new(webhook("evt_2").of_user("auth0|2")).await;
    server.advance(MINUTE);
    assert_eq!(server.summarize().await, 2);
    let (cell, unsettled) = server.all().await;
    assert_eq!((cell.counts().get(Count::WebhookOnly), unsettled), (1, 1));
    server.send(eventbridge("evt_1")).await;
    server.advance(MINUTE * 10);
    assert_eq!(server.summarize().await, 1);
    assert_eq!(server.counted(Count::Both).await, 1);
}

/// The host's clock was a day ahead, and is set back.
#[tokio::test]
async fn an_arrival_of_a_time_to_come_holds_up_nobody() {
    let day = Duration::from_hours(24);
    let mut stopped = Stopped::new();
    stopped.settings.summaries.keep = LONG;
    stopped.clock = ManualClock::at(START.plus(day));
    let server = stopped.start();
    server.send_new(webhook("evt_1").later(MINUTE)).await;
    let stopped = server.stop();
    let server = Stopped { clock: ManualClock::at(START), ..stopped }.start();
    server.send_new(webhook("evt_2").of_user("auth0|2")).await;
    server.advance(MINUTE);
    assert_eq!(server.summarize().await, 2);
    assert_eq!(server.counted(Count::WebhookOnly).await, 1);
    server.advance(day + MINUTE);
    assert_eq!(server.summarize().await, 1);
    assert_eq!(server.counted(Count::WebhookOnly).await, 2);
}

#[tokio::test]
async fn what_came_after_a_later_event_is_out_of_order_across_a_restart() {
    let server = Server::start();
    server.send_new(webhook("evt_1").later(MINUTE)).await;
    let server = server.restart();
    server.advance(MINUTE);
    server.send_new(webhook("evt_2").of_user("auth0|2")).await;
    server.send_new(eventbridge("evt_3").of_user("auth0|3")).await;
    server.advance(MINUTE);
    assert_eq!(server.counted(Count::WebhookOutOfOrder).await, 1);
    assert_eq!(server.counted(Count::EventbridgeOutOfOrder).await, 0);
}

#[tokio::test]
async fn what_was_known_of_its_time_may_be_forgotten_when_it_comes() {
    let mut stopped = Stopped::new();
    stopped.settings.summaries.keep = LONG;
    let server = stopped.start();
    server.send_new(webhook("evt_1")).await;
    server.advance(KEEP + MINUTE);
    server.retain().await;
    // The same event by its other path, for all that anybody knows.
    server.send_new(eventbridge("evt_1")).await;
    server.send_new(eventbridge("evt_2").later(MINUTE)).await;
    let server = server.restart();
    server.send_new(eventbridge("evt_3").of_user("auth0|3")).await;
    server.advance(MINUTE);
    assert_eq!(server.counted(Count::TooLate).await, 2);
    assert_eq!(server.counted(Count::WebhookOnly).await, 1);
    assert_eq!(server.counted(Count::EventbridgeOnly).await, 1);
}

#[tokio::test]
async fn a_pair_is_covered_when_both_doors_stood_open() {
    let server = Server::start();
    for path in Path::ALL {
        drop(server.journal.door_is_open(path, true).await.unwrap());
    }
    server.advance(Duration::from_secs(5));
    for path in Path::ALL {
        drop(server.journal.door_is_open(path, false).await.unwrap());
    }
    server.send_new(webhook("evt_1")).await;
    let at = |seconds| webhook(&format!("evt_{seconds}")).later(Duration::from_secs(seconds));
    server.send_new(at(4).of_user("auth0|2")).await;
    server.send_new(at(5).of_user("auth0|3")).await;
    server.advance(MINUTE);
    server.summarize().await;
    assert_eq!(server.counted(Count::WebhookOnly).await, 3);
    assert_eq!(server.counted(Count::CoveredWebhookOnly).await, 2);
}

#[tokio::test]
async fn a_ragged_window_is_widened_when_its_events_are_gone() {
    let mut stopped = Stopped::new();
    stopped.settings.summaries.keep = LONG;
    let server = stopped.start();
    let second = |n| START.plus(Duration::from_secs(n));
    for n in [0, 10, 70] {
        let sent = webhook(&format!("evt_{n}")).of_user(&n.to_string());
        server.send_new(sent.later(Duration::from_secs(n))).await;
    }
    server.advance(MINUTE * 2);
    server.summarize().await;
    // The tests begin 44 s after a full minute.
    let ragged = question(second(5), second(11), server.now());
    let answer = server.answer(&ragged).await;
    assert_eq!((answer.from, answer.to), (second(5), second(11)));
    assert_eq!(total(&answer).0.counts().get(Count::WebhookOnly), 1);
    server.advance(KEEP);
    server.retain().await;
    assert_eq!(server.events().await, 0);
    let answer = server.answer(&ragged).await;
    assert_eq!((answer.from, answer.to), (START.minus(Duration::from_secs(44)), second(16)));
    assert_eq!(total(&answer).0.counts().get(Count::WebhookOnly), 2);
}

#[tokio::test]
async fn summaries_expire_in_their_own_time() {
    let mut stopped = Stopped::new();
    stopped.settings.summaries.keep = KEEP * 3;
    let server = stopped.start();
    server.send_new(webhook("evt_1")).await;
    server.advance(KEEP * 2);
    server.retain().await;
    assert_eq!((server.events().await, server.counted(Count::WebhookOnly).await), (0, 1));
    // A day's summary goes when its day has begun so long ago.
    server.advance(KEEP * 3 + KEEP * 24);
    server.retain().await;
    assert_eq!(server.counted(Count::WebhookOnly).await, 0);
}

#[tokio::test]
async fn the_events_of_a_window_are_given_page_by_page() {
    let server = Server::start();
    let events: Vec<_> = (0..1_003_u32)
        .map(|n| webhook(&format!("evt_{n}")).of_user(&n.to_string()).later(MINUTE * (n / 100)))
        .map(|sent| Sent { time: sent.time.plus(Duration::from_nanos(1)), ..sent })
        .collect();
    let sends = events.iter().map(|sent| server.try_send(sent));
    for accepted in futures_util::future::join_all(sends).await {
        accepted.unwrap();
    }
    let reader = server.journal.reader().unwrap();
    let (window, mut after, mut ids) = ((START, START.plus(MINUTE * 30)), None, Vec::new());
    loop {
        let page = reader.observed(window, Scope::default(), after).await.unwrap();
        ids.extend(page.events.into_iter().map(|event| event.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let expected: Vec<_> = events.iter().map(|sent| sent.id.clone()).collect();
    assert_eq!(ids, expected);
    let scope = Scope { streams: ["est_e".to_owned()].into(), ..Scope::default() };
    assert_eq!(reader.observed(window, scope, None).await.unwrap().events, []);
}

/// Two journals that are told the same: one sums up and forgets, the other never does.
struct Twins {
    summing: Server,
    keeping: Server,
    random: fastrand::Rng,
    sent: Vec<(Sent, Timestamp)>,
}

impl Twins {
    fn start(seed: u64) -> Self {
        let mut keeping = Stopped::new();
        keeping.settings.summaries.grace = LONG;
        let mut summing = Stopped::new();
        summing.settings.summaries.keep = LONG;
        let random = fastrand::Rng::with_seed(seed);
        Self { summing: summing.start(), keeping: keeping.start(), random, sent: Vec::new() }
    }

    fn advance(&self, by: Duration) {
        self.summing.advance(by);
        self.keeping.advance(by);
    }

    async fn send(&mut self, sent: Sent) {
        let outcome = self.summing.send(sent.clone()).await;
        assert_eq!(outcome, self.keeping.send(sent).await);
    }

    async fn step(&mut self) {
        let now = self.summing.now();
        match self.random.u32(..12) {
            0..5 => {
                let number = self.sent.len();
                let ago = Duration::from_secs(self.random.u64(..60));
                let mut sent = webhook(&format!("evt_{number}")).of_user(&number.to_string());
                sent.time =
                    if self.random.u32(..20) == 0 { now.plus(ago * 10) } else { now.minus(ago) };
                sent = sent.on_stream(["est_1", "est_2"][self.random.usize(..2)]);
                if self.random.u32(..10) == 0 {
                    sent = sent.test();
                }
                if self.random.bool() {
                    sent.path = Path::Eventbridge;
                    sent = sent.on_stream(["est_3", "est_4"][self.random.usize(..2)]);
                } else if self.random.u32(..4) == 0 {
                    sent.flags = Flags::BACKFILLED;
                    sent = sent.on_stream(crate::event::EVENTS_API);
                }
                self.sent.push((sent.clone(), now));
                self.send(sent).await;
            }
            5..8 => self.again(now).await,
            8 => {
                let by = Duration::from_secs(self.random.u64(..20));
                self.advance(by);
            }
            9 => {
                let by = Duration::from_secs(self.random.u64(..900));
                self.advance(by);
            }
            10 => drop(self.summing.journal.summarize().await.unwrap()),
            _ => drop(self.summing.retain().await),
        }
    }

    /// One of the last events comes once more, or by its other path, while it is known.
    async fn again(&mut self, now: Timestamp) {
        let Some((sent, first)) = self.sent.iter().rev().nth(self.random.usize(..20)) else {
            return;
        };
        if *first < now.minus(KEEP / 2) || sent.purpose == Purpose::Test {
            return;
        }
        let mut again = sent.clone();
        if again.flags.has(Flag::Backfilled) {
            // What its paths bring after all.
            again = Sent { flags: Flags::NONE, ..again.on_stream("est_1") };
            if self.random.bool() {
                again.id.push_str("_as_its_path_calls_it");
            }
        }
        let mut again = again.in_message(["m1", "m2"][self.random.usize(..2)]);
        if self.random.bool() {
            again = again.unblocked();
        }
        if self.random.u32(..3) > 0 {
            again.path = again.path.other();
            let stream = if again.path == Path::Webhook { "est_1" } else { "est_3" };
            again = again.on_stream(stream);
        }
        self.send(again).await;
    }

    async fn check(&mut self, edge: Duration) {
        let now = self.summing.now();
        let minute = |instant| crate::summary::Scale::Minute.floor(instant);
        let (from, to) = (minute(now.minus(edge)), minute(now.plus(edge)));
        // Nothing is summed up that this does not call settled.
        let settled_until = now.minus(Duration::from_secs(self.random.u64(..15)));
        let streams =
            [&[][..], &["est_1", "est_3"], &["est_2"], &["est_4"]][self.random.usize(..4)];
        let types = [&[][..], &["user.updated"], &["user.deleted"]][self.random.usize(..3)];
        let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let scope = Scope { types: named(types), streams: named(streams) };
        let asked = Question { scope, ..question(from, to, settled_until) };
        let summed = total(&self.summing.answer(&asked).await);
        assert_eq!(summed, total(&self.keeping.answer(&asked).await), "{asked:?}");
    }
}

#[tokio::test]
async fn an_answer_is_the_same_from_summaries_and_from_events() {
    for seed in 0..6 {
        let mut twins = Twins::start(seed);
        for _ in 0..250 {
            twins.step().await;
        }
        for edge in [Duration::from_mins(30), Duration::from_hours(3), LONG, LONG * 40] {
            for _ in 0..8 {
                twins.check(edge).await;
            }
        }
        assert!(twins.summing.events().await < twins.keeping.events().await);
    }
}
