use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use tokio::time::sleep;

use super::super::carrier::scripted::Scripted;
use super::super::carrier::{Answer, Letter};
use super::super::{Arrivals, Ids, Mix};
use super::*;
use crate::clock::ManualClock;

const START: Timestamp = Timestamp::from_millis(1_772_356_544_000);

#[expect(clippy::unnecessary_wraps, reason = "a path may have none")]
fn stream(carrier: &Scripted, faults: &str) -> Option<Stream> {
    let (carrier, faults) = (Carrier::Scripted(carrier.clone()), faults.parse().unwrap());
    Some(Stream { carrier, faults, at_once: NonZeroUsize::MIN })
}

/// Plays so many events, ten a second.
fn play(events: u64, webhook: Option<Stream>, eventbridge: Option<Stream>) -> Play {
    let (arrivals, events) = (Arrivals::Even, Some(events));
    Play {
        // Tests are counted apart.
        tenant: Tenant::with(1, Ids::Same, &Mix { tests_of_1000: 0, ..Mix::default() }),
        schedule: Schedule { rate: 10.0, arrivals, burst: None, within: None, events },
        streams: PerPath { webhook, eventbridge },
        rules: Rules::default(),
        seed: 1,
        clock: Clock::Manual(ManualClock::at(START)),
        clock_skew: Skew::None,
        switch_on_after: None,
        truth: Truth::totals_only(),
    }
}

async fn run(play: Play) -> Played {
    let (player, _controls) = Player::new(play);
    player.run(CancellationToken::new()).await.unwrap()
}

fn fine() -> Scripted {
    Scripted::new(|_, _| Answer::Status(204))
}

fn id(letter: &Letter) -> String {
    let event: Value = serde_json::from_str(&letter.json).unwrap();
    event["id"].as_str().unwrap().to_owned()
}

fn ids(carrier: &Scripted) -> Vec<String> {
    carrier.carried().iter().map(|(_, letter)| id(letter)).collect()
}

#[tokio::test(start_paused = true)]
async fn events_happen_on_schedule_and_go_out_by_both_paths() {
    let (webhook, eventbridge) = (fine(), fine());
    let began = Instant::now();
    let played = run(play(20, stream(&webhook, "none"), stream(&eventbridge, "none"))).await;
    assert_eq!((played.happened, played.was_stopped), (20, false));
    assert_eq!(played.totals.pairs.both, 20);
    assert_eq!(ids(&webhook), ids(&eventbridge));
    for (number, (at, letter)) in (0..).zip(webhook.carried()) {
        assert!((at - began).abs_diff(Duration::from_millis(100 * number)).as_millis() <= 2);
        let event: Value = serde_json::from_str(&letter.json).unwrap();
        let time = Timestamp::parse(event["time"].as_str().unwrap()).unwrap();
        assert_eq!(time, START.plus(Duration::from_millis(100 * number)));
    }
    assert_eq!(played.from, START);
}

#[tokio::test(start_paused = true)]
async fn the_tenants_clock_may_be_off() {
    let webhook = fine();
    let clock_skew = "-90s".parse().unwrap();
    run(Play { clock_skew, ..play(1, stream(&webhook, "none"), None) }).await;
    let (_, letter) = &webhook.carried()[0];
    let event: Value = serde_json::from_str(&letter.json).unwrap();
    assert_eq!(event["time"], START.minus(Duration::from_secs(90)).to_string());
}

#[tokio::test(start_paused = true)]
async fn a_slow_receiver_holds_up_its_own_stream_and_shows_in_its_times() {
    let (mut webhook, eventbridge) = (fine(), fine());
    webhook.takes = Duration::from_millis(300);
    let played = run(play(20, stream(&webhook, "none"), stream(&eventbridge, "none"))).await;
    // Ten a second come, three a second go: the last one waits for those before it.
    assert!(played.took >= Duration::from_secs(6), "{:?}", played.took);
    let webhook = played.paths.webhook.unwrap();
    let (due, sent) = (webhook.due_to_accepted_ms.unwrap(), webhook.sent_to_answered_ms.unwrap());
    assert!((299.0..303.0).contains(&sent.max), "{sent:?}");
    assert!(due.max > 4_000.0, "{due:?}");
    let eventbridge = played.paths.eventbridge.unwrap().due_to_accepted_ms.unwrap();
    assert!(eventbridge.max < 10.0, "{eventbridge:?}");
}

#[tokio::test(start_paused = true)]
async fn several_at_once_are_faster_and_in_doubt_about_their_order() {
    let mut webhook = fine();
    webhook.takes = Duration::from_millis(300);
    let at_once = NonZeroUsize::new(8).unwrap();
    let stream = stream(&webhook, "none").map(|stream| Stream { at_once, ..stream });
    let played = run(play(20, stream, None)).await;
    assert!(played.took < Duration::from_millis(2_500), "{:?}", played.took);
    assert!(played.totals.doubts.contains(&Doubt::SentAtOnce));
}

#[tokio::test(start_paused = true)]
async fn a_4xx_is_never_tried_again() {
    let webhook = Scripted::new(|_, _| Answer::Status(401));
    let played = run(play(30, stream(&webhook, "none"), None)).await;
    assert_eq!(webhook.carried().len(), 30);
    assert_eq!(played.paths.webhook.unwrap().answers["401"], 30);
    assert_eq!(played.totals.paths.webhook.unwrap().failed, 30);
}

#[tokio::test(start_paused = true)]
async fn five_hundred_failures_switch_the_stream_off_and_new_events_are_not_kept() {
    let webhook = Scripted::new(|_, _| Answer::Status(403));
    let played = run(play(520, stream(&webhook, "none"), stream(&fine(), "none"))).await;
    let totals = played.totals.paths.webhook.unwrap();
    assert_eq!((totals.failed, totals.stream_off), (500, 20));
    assert_eq!(webhook.carried().len(), 500);
    assert!(!played.paths.webhook.unwrap().is_on);
    assert_eq!(played.totals.pairs.eventbridge_only, 520);
}

#[tokio::test(start_paused = true)]
async fn switching_on_flushes_what_failed_in_order_and_then_goes_on() {
    let is_mended = Arc::new(AtomicBool::new(false));
    let mended = Arc::clone(&is_mended);
    let webhook = Scripted::new(move |_, _| {
        Answer::Status(if mended.load(Ordering::SeqCst) { 204 } else { 400 })
    });
    let (eventbridge, rules) = (fine(), Rules { failures_in_a_row_max: 5, ..Rules::default() });
    let play = Play { rules, ..play(30, stream(&webhook, "none"), stream(&eventbridge, "none")) };
    let (player, mut controls) = Player::new(play);
    let steering = async {
        while controls.now().paths.webhook.is_none_or(|webhook| webhook.is_on) {
            controls.next().await.unwrap();
        }
        // Of what happens meanwhile nothing is kept.
        sleep(Duration::from_secs(1)).await;
        assert_eq!(controls.now().paths.webhook.unwrap().listed, 5);
        is_mended.store(true, Ordering::SeqCst);
        controls.switch_on(Path::Webhook).await;
    };
    let (came, ()) = tokio::join!(player.run(CancellationToken::new()), steering);
    let totals = came.unwrap().totals;
    let (by_webhook, all) = (ids(&webhook), ids(&eventbridge));
    assert_eq!(by_webhook[..5], all[..5]);
    assert_eq!(by_webhook[5..10], all[..5], "the backlog, in order, with the same ids");
    let off = usize::try_from(totals.paths.webhook.unwrap().stream_off).unwrap();
    assert!(off >= 9, "{off}");
    assert_eq!(by_webhook[10..], all[5 + off..], "then what happens from now on");
    assert_eq!(totals.paths.webhook.unwrap().seen, 30 - u64::try_from(off).unwrap());
    assert_eq!(totals.paths.webhook.unwrap().failed, 0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_may_be_switched_on_by_itself_after_a_while() {
    let began = Instant::now();
    let webhook = Scripted::new(move |_, at| {
        Answer::Status(if at - began < Duration::from_secs(5) { 400 } else { 204 })
    });
    let rules = Rules { failures_in_a_row_max: 3, ..Rules::default() };
    let switch_on_after = Some(Duration::from_secs(10));
    let play = Play { rules, switch_on_after, ..play(5, stream(&webhook, "none"), None) };
    let webhook = run(play).await.totals.paths.webhook.unwrap();
    assert_eq!((webhook.seen, webhook.stream_off, webhook.failed), (3, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_failed_event_is_sent_again_by_order_and_the_oldest_are_forgotten() {
    let began = Instant::now();
    let webhook = Scripted::new(move |_, at| {
        Answer::Status(if at - began < Duration::from_millis(550) { 400 } else { 204 })
    });
    let rules = Rules { listed_max: 3, ..Rules::default() };
    let play = Play { rules, ..play(10, stream(&webhook, "none"), None) };
    let (player, controls) = Player::new(play);
    let steering = async {
        sleep(Duration::from_millis(700)).await;
        let failed = ids(&webhook);
        controls.redeliver(Path::Webhook, &failed[5]).await;
        controls.redeliver(Path::Webhook, &failed[0]).await;
    };
    let (came, ()) = tokio::join!(player.run(CancellationToken::new()), steering);
    let totals = came.unwrap().totals.paths.webhook.unwrap();
    assert_eq!((totals.seen, totals.failed), (5, 5), "the first was no longer listed");
    assert_eq!(totals.out_of_order, 1);
    let all = ids(&webhook);
    let again = all.iter().filter(|id| **id == all[5]).count();
    assert_eq!(again, 2, "the sixth was");
}

#[tokio::test(start_paused = true)]
async fn a_failing_event_holds_up_those_behind_it() {
    let first = Scripted::new(|letter, _| {
        let event: Value = serde_json::from_str(&letter.json).unwrap();
        let is_first = event["time"] == START.to_string();
        Answer::Status(if is_first { 503 } else { 204 })
    });
    let began = Instant::now();
    let played = run(play(3, stream(&first, "none"), None)).await;
    let at: Vec<u64> = first.carried().iter().map(|(at, _)| (*at - began).as_secs()).collect();
    assert_eq!(at, [0, 1, 3, 7, 7, 7]);
    assert_eq!(played.totals.paths.webhook.unwrap().failed, 1);
    assert!(played.totals.doubts.contains(&Doubt::ServerError));
}

#[tokio::test(start_paused = true)]
async fn a_batch_takes_what_is_due_in_order() {
    let mut bus = fine();
    (bus.batch_max, bus.takes) = (10, Duration::from_millis(450));
    let played = run(play(30, None, stream(&bus, "none"))).await;
    assert_eq!(played.totals.paths.eventbridge.unwrap().out_of_order, 0);
    let mut calls: Vec<Instant> = bus.carried().iter().map(|(at, _)| *at).collect();
    calls.dedup();
    assert!(calls.len() < 12, "{}", calls.len());
    let mut sorted = ids(&bus);
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), 30);
}

#[tokio::test(start_paused = true)]
async fn what_a_batch_had_to_send_again_came_after_the_rest_of_it() {
    let began = Instant::now();
    // The second call has what came during the first: its first entry is the second event.
    let mut bus = Scripted::new(move |letter, at| {
        let event: Value = serde_json::from_str(&letter.json).unwrap();
        let is_second = event["time"] == START.plus(Duration::from_millis(100)).to_string();
        let is_early = at - began < Duration::from_secs(1);
        if is_second && is_early { Answer::Busy("Throttling".into()) } else { Answer::Taken }
    });
    (bus.batch_max, bus.takes) = (10, Duration::from_millis(450));
    let played = run(play(5, None, stream(&bus, "none"))).await;
    let totals = played.totals.paths.eventbridge.unwrap();
    assert_eq!((totals.seen, totals.out_of_order), (5, 1));
}

#[tokio::test(start_paused = true)]
async fn everything_that_happens_is_accounted_for() {
    const STORM: &str = "loss=10%,duplicates=10%,reorder=10%:400ms,delay=lognormal(50ms,1s),\
        outage=5s+3s";
    let (webhook, mut bus) = (fine(), fine());
    bus.batch_max = 10;
    let played = run(play(400, stream(&webhook, STORM), stream(&bus, STORM))).await;
    let totals = &played.totals;
    for (carrier, path) in [(webhook, Path::Webhook), (bus, Path::Eventbridge)] {
        let path = totals.paths.of(path).unwrap();
        let carried = ids(&carrier);
        let mut different = carried.clone();
        different.sort_unstable();
        different.dedup();
        let count = |number: usize| u64::try_from(number).unwrap();
        assert_eq!(path.seen, count(different.len()));
        assert_eq!(path.duplicates, count(carried.len() - different.len()));
        assert!(path.lost > 0 && path.duplicates > 0 && path.out_of_order > 0, "{path:?}");
        assert_eq!(path.seen + path.lost + path.failed, 400, "{path:?}");
    }
    let pairs = totals.pairs;
    let all = pairs.both + pairs.webhook_only + pairs.eventbridge_only + totals.neither;
    assert_eq!((all, totals.events, totals.doubts.len()), (400, 400, 0));
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_it_with_what_is_known() {
    let mut webhook = fine();
    webhook.takes = Duration::from_millis(300);
    let (player, controls) = Player::new(play(1_000, stream(&webhook, "none"), None));
    let stop = CancellationToken::new();
    let stopping = async {
        sleep(Duration::from_secs(3)).await;
        stop.cancel();
    };
    let (came, ()) = tokio::join!(player.run(stop.clone()), stopping);
    let came = came.unwrap();
    let webhook = came.totals.paths.webhook.unwrap();
    assert!(came.was_stopped && came.took < Duration::from_secs(4));
    assert_eq!(webhook.seen + webhook.pending, came.happened);
    assert!(webhook.seen >= 10 && webhook.pending >= 15, "{webhook:?}");
    assert_eq!(controls.now().happened, came.happened);
}
