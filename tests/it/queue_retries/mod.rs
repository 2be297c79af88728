//! `eventbridge.delete_after = "delivery"`: a message is deleted when its event is delivered, and the
//! queue is what retries. What both can do runs against our own stand-in and against an emulator
//! written by others.

mod stops;

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_sqs::types::MessageAttributeValue;
use twinstream::event::QueueHops;
use twinstream::sim::aws::Probability;

use crate::support::cloud::{Cloud, Depth, VISIBILITY};
use crate::support::event::{CloudEvent, event};
use crate::support::gateway::Gateway;
use crate::support::journal_file;
use crate::support::settings::Settings;
use crate::support::target::{Behaviour, Delivery, Target};
use crate::support::until;

/// Messages come back when somebody lets them go, and not within the patience of any test.
const LONG: (&str, &str) = ("VisibilityTimeout", "600");
const RECEIVES_MAX: u32 = 3;
const DOWN: Behaviour = Behaviour::Answer(503);
const UP: Behaviour = Behaviour::Answer(204);

fn settings(cloud: &Cloud) -> Settings {
    Settings::new("eventbridge")
        .queue(&cloud.endpoint_url, &cloud.queue_url)
        .set("eventbridge.delete_after", "delivery")
}

fn settings_to(cloud: &Cloud, target: &Target) -> Settings {
    settings(cloud).deliver("app", &target.url(), &[])
}

fn queue_name(cloud: &Cloud) -> &str {
    cloud.queue_url.rsplit('/').next().unwrap()
}

fn sent(id: &str, user: u32, number: u64) -> CloudEvent {
    event(id, user, number).by_eventbridge()
}

/// Fails for the first `times` times.
async fn failing(times: usize) -> Target {
    Target::start(move |n, _| if n < times { DOWN } else { UP }).await
}

async fn state(gateway: &Gateway, id: &str, route: &str) -> &'static str {
    let deliveries = gateway.story(id).await.map(|story| story.deliveries).unwrap_or_default();
    let delivery = deliveries.into_iter().find(|delivery| delivery.route == route);
    delivery.map_or("unknown", |delivery| delivery.state)
}

/// Waits until the queue is empty, and so many letters are dead.
async fn settled(cloud: &Cloud, dead_url: &str, dead: u32) {
    cloud.emptied().await;
    until("dead letters", async || {
        (cloud.depth(dead_url).await == Depth { visible: dead, hidden: 0 }).then_some(())
    })
    .await;
}

/// Brings dead letters back: by a message move task where there are some, by hand elsewhere.
async fn redrive(cloud: &Cloud, dead_url: &str) {
    let client = &cloud.client;
    if cloud.stand_in.is_some() {
        let arn = cloud.arn(dead_url).await;
        client.start_message_move_task().source_arn(arn).send().await.unwrap();
        return;
    }
    let call = client.receive_message().queue_url(dead_url).max_number_of_messages(10);
    for message in call.send().await.unwrap().messages.unwrap() {
        let mark = MessageAttributeValue::builder().data_type("String").string_value("by hand");
        let call = client.send_message().queue_url(&cloud.queue_url);
        let call = call.message_attributes(QueueHops::REDRIVEN_ATTRIBUTE, mark.build().unwrap());
        call.message_body(message.body.unwrap()).send().await.unwrap();
        let handle = message.receipt_handle.unwrap();
        client.delete_message().queue_url(dead_url).receipt_handle(handle).send().await.unwrap();
    }
}

/// How often each of these ended, over all deliveries.
async fn outcomes(gateway: &Gateway) -> Vec<(String, u64)> {
    let counts = gateway.counts().await.deliveries;
    counts.into_iter().map(|(_, outcome, n)| (outcome, n)).collect()
}

// ---- Delivered --------------------------------------------------------------------------------

async fn what_is_delivered_is_deleted(cloud: Cloud) {
    let target = Target::up().await;
    let gateway = Gateway::start(settings_to(&cloud, &target)).await;
    for number in 0..25 {
        cloud.send(sent(&format!("evt_{number}"), number, 1).envelope()).await;
    }
    gateway.arrived(25).await;
    cloud.emptied().await;
    assert_eq!(outcomes(&gateway).await, [("delivered".to_owned(), 25)]);
    let ids: BTreeSet<String> = target.came().iter().map(|came| came.id().to_owned()).collect();
    assert_eq!((target.came().len(), ids.len()), (25, 25));
    let counts = gateway.counts().await.arrivals;
    assert_eq!(counts.len(), 1, "no message came twice: {counts:?}");
    gateway.stop().await;
}

#[tokio::test]
async fn what_is_delivered_is_deleted_at_the_stand_in() {
    what_is_delivered_is_deleted(Cloud::stand_in().await).await;
}

#[tokio::test]
async fn what_is_delivered_is_deleted_at_the_emulator() {
    what_is_delivered_is_deleted(Cloud::emulator_with(&[VISIBILITY]).await).await;
}

/// Longer than the visibility time-out of the queue: only heartbeats keep the message in hand.
async fn a_slow_target_gets_one_request(cloud: Cloud) {
    let target = Target::start(|_, _| Behaviour::Slow(Duration::from_secs(5))).await;
    let gateway = Gateway::start(settings_to(&cloud, &target)).await;
    cloud.send(sent("evt_1", 1, 1).envelope()).await;
    gateway.arrived(1).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(cloud.depth(&cloud.queue_url).await, Depth { visible: 0, hidden: 1 });
    cloud.emptied().await;
    assert_eq!(state(&gateway, "evt_1", "to-app").await, "delivered");
    assert_eq!(gateway.story("evt_1").await.unwrap().arrivals.len(), 1);
    assert_eq!(target.came().len(), 1);
    gateway.stop().await;
}

const SHORT: (&str, &str) = ("VisibilityTimeout", "2");

#[tokio::test]
async fn a_slow_target_gets_one_request_at_the_stand_in() {
    a_slow_target_gets_one_request(Cloud::stand_in_with(&[SHORT]).await).await;
}

#[tokio::test]
async fn a_slow_target_gets_one_request_at_the_emulator() {
    a_slow_target_gets_one_request(Cloud::emulator_with(&[SHORT]).await).await;
}

#[tokio::test]
async fn what_nobody_takes_and_what_nobody_understands_is_deleted_at_once() {
    let cloud = Cloud::stand_in().await;
    let target = Target::up().await;
    let gateway =
        Gateway::start(settings(&cloud).deliver("app", &target.url(), &["user.deleted"])).await;
    cloud.send(sent("evt_1", 1, 1).envelope()).await;
    cloud.send("not json").await;
    gateway.arrived(2).await;
    cloud.emptied().await;
    assert_eq!(cloud.handle().totals(queue_name(&cloud)).deleted, 2);
    assert_eq!(target.came(), []);
    gateway.stop().await;
}

// ---- Retried by the queue ---------------------------------------------------------------------

async fn a_message_comes_again_until_it_is_delivered(cloud: Cloud) {
    let dead_url = cloud.dead_letters_after(RECEIVES_MAX).await;
    // A refusal, which the journal would not retry, is the queue's to judge as well.
    let answers = [503, 400, 204];
    let target = Target::start(move |n, _| Behaviour::Answer(answers[n])).await;
    let gateway = Gateway::start(settings_to(&cloud, &target)).await;
    cloud.send(sent("evt_1", 1, 1).envelope()).await;
    gateway.arrived(3).await;
    settled(&cloud, &dead_url, 0).await;
    assert_eq!(target.came().len(), 3);
    let story = gateway.story("evt_1").await.unwrap();
    assert_eq!(story.deliveries[0].state, "delivered");
    assert_eq!(story.deliveries[0].attempts.len(), 3);
    let receives: Vec<_> = story.arrivals.iter().map(|arrival| arrival.receive_count).collect();
    assert_eq!(receives, [Some(1), Some(2), Some(3)]);
    gateway.stop().await;
}

#[tokio::test]
async fn a_message_comes_again_until_it_is_delivered_at_the_stand_in() {
    a_message_comes_again_until_it_is_delivered(Cloud::stand_in().await).await;
}

#[tokio::test]
async fn a_message_comes_again_until_it_is_delivered_at_the_emulator() {
    let cloud = Cloud::emulator_with(&[VISIBILITY]).await;
    a_message_comes_again_until_it_is_delivered(cloud).await;
}

/// Not by the visibility time-out of the queue, which is ten minutes: by the back-off.
#[tokio::test]
async fn a_message_comes_again_after_the_back_off() {
    let cloud = Cloud::stand_in_with(&[LONG]).await;
    let target = Target::start(|n, _| if n == 0 { Behaviour::ComeBack(4) } else { UP }).await;
    let soon = r#"pause_min = "3s", pause_max = "3s""#;
    let gateway =
        Gateway::start(settings(&cloud).deliver_with("app", &target.url(), &[], soon)).await;
    cloud.send(sent("evt_1", 1, 1).envelope()).await;
    until("its return", async || {
        (state(&gateway, "evt_1", "to-app").await == "returned").then_some(())
    })
    .await;
    let due_at = gateway.story("evt_1").await.unwrap().deliveries[0].due_at.unwrap();
    cloud.emptied().await;
    let story = gateway.story("evt_1").await.unwrap();
    let again = story.arrivals[1].at;
    assert!(again >= due_at, "{again} is before {due_at}");
    assert!(again.millis_since(due_at) < 2_500.0, "{again} is long after {due_at}");
    gateway.stop().await;
}

async fn only_the_route_that_failed_is_attempted_again(cloud: Cloud) {
    let dead_url = cloud.dead_letters_after(RECEIVES_MAX).await;
    let (good, bad) = (Target::up().await, failing(2).await);
    let settings = settings_to(&cloud, &good).deliver("audit", &bad.url(), &[]);
    let gateway = Gateway::start(settings).await;
    cloud.send(sent("evt_1", 1, 1).envelope()).await;
    gateway.arrived(3).await;
    settled(&cloud, &dead_url, 0).await;
    assert_eq!((good.came().len(), bad.came().len()), (1, 3));
    for route in ["to-app", "to-audit"] {
        assert_eq!(state(&gateway, "evt_1", route).await, "delivered", "{route}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn only_the_route_that_failed_is_attempted_again_at_the_stand_in() {
    only_the_route_that_failed_is_attempted_again(Cloud::stand_in().await).await;
}

#[tokio::test]
async fn only_the_route_that_failed_is_attempted_again_at_the_emulator() {
    let cloud = Cloud::emulator_with(&[VISIBILITY]).await;
    only_the_route_that_failed_is_attempted_again(cloud).await;
}

/// Nothing of a group stays behind one that failed, and none is lost.
async fn a_fifo_queue_retries_too(cloud: Cloud) {
    let target = Target::start(|n, _| if n % 3 == 0 { DOWN } else { UP }).await;
    let gateway = Gateway::start(settings_to(&cloud, &target)).await;
    for group in ["one", "two"] {
        let bodies: Vec<String> =
            (0..12).map(|n| event(&format!("{group}_{n:02}"), n, 1).envelope()).collect();
        cloud.send_in_group(&bodies, group).await;
    }
    gateway.arrived(24).await;
    cloud.emptied().await;
    assert_eq!(outcomes(&gateway).await, [("delivered".to_owned(), 24)]);
    let ids = journal_file::ids(&gateway.stop().await.journal());
    for group in ["one", "two"] {
        let of_group: Vec<_> = ids.iter().filter(|id| id.starts_with(group)).collect();
        assert!(of_group.len() == 12 && of_group.is_sorted(), "{of_group:?}");
    }
}

const FIFO: [(&str, &str); 2] = [("FifoQueue", "true"), VISIBILITY];

#[tokio::test]
async fn a_fifo_queue_retries_too_at_the_stand_in() {
    a_fifo_queue_retries_too(Cloud::stand_in_with(&FIFO).await).await;
}

#[tokio::test]
async fn a_fifo_queue_retries_too_at_the_emulator() {
    a_fifo_queue_retries_too(Cloud::emulator_with(&FIFO).await).await;
}

#[tokio::test]
async fn calls_that_fail_for_some_messages_are_repeated() {
    // Long enough that no message comes back by itself.
    let cloud = Cloud::stand_in_with(&[LONG]).await;
    cloud.handle().change_faults(|faults| faults.entry_failure = Probability::clamped(0.1));
    let target = Target::start(|n, _| if n % 2 == 0 { DOWN } else { UP }).await;
    let gateway = Gateway::start(settings_to(&cloud, &target)).await;
    for number in 0..20 {
        let body = sent(&format!("evt_{number}"), number, 1).envelope();
        cloud.handle().send(queue_name(&cloud), body).unwrap();
    }
    gateway.arrived(20).await;
    gateway.delivered().await;
    cloud.emptied().await;
    assert_eq!(cloud.handle().totals(queue_name(&cloud)).deleted, 20);
    gateway.stop().await;
}

// ---- Dead letters -----------------------------------------------------------------------------

async fn a_dead_letter_goes_on_when_it_is_redriven(cloud: Cloud) {
    let dead_url = cloud.dead_letters_after(RECEIVES_MAX).await;
    let target = failing(3).await;
    let gateway = Gateway::start(settings_to(&cloud, &target)).await;
    cloud.send(sent("evt_1", 1, 1).envelope()).await;
    settled(&cloud, &dead_url, 1).await;
    assert_eq!(state(&gateway, "evt_1", "to-app").await, "returned");
    assert_eq!(target.came().len(), 3);
    assert_eq!(outcomes(&gateway).await, []);
    redrive(&cloud, &dead_url).await;
    gateway.delivered().await;
    settled(&cloud, &dead_url, 0).await;
    assert_eq!(target.came().len(), 4);
    assert!(target.came().iter().all(|came| came.id() == "evt_1"));
    assert_eq!(outcomes(&gateway).await, [("delivered".to_owned(), 1)]);
    gateway.stop().await;
}

#[tokio::test]
async fn a_dead_letter_goes_on_when_it_is_redriven_at_the_stand_in() {
    a_dead_letter_goes_on_when_it_is_redriven(Cloud::stand_in().await).await;
}

#[tokio::test]
async fn a_dead_letter_goes_on_when_it_is_redriven_at_the_emulator() {
    a_dead_letter_goes_on_when_it_is_redriven(Cloud::emulator_with(&[VISIBILITY]).await).await;
}

async fn a_block_that_is_redriven_after_the_unblock_is_never_sent(cloud: Cloud) {
    let dead_url = cloud.dead_letters_after(RECEIVES_MAX).await;
    let script = |_, came: &Delivery| if came.id() == "evt_block" { DOWN } else { UP };
    let target = Target::start(script).await;
    let latest = r#"order = "latest", changed = ["/data/object/blocked"]"#;
    let settings = settings_to(&cloud, &target).routed_with(latest);
    let gateway = Gateway::start(settings).await;
    cloud.send(sent("evt_block", 1, 2).envelope()).await;
    settled(&cloud, &dead_url, 1).await;
    cloud.send(sent("evt_unblock", 1, 3).envelope()).await;
    cloud.emptied().await;
    assert_eq!(state(&gateway, "evt_unblock", "to-app").await, "delivered");
    redrive(&cloud, &dead_url).await;
    gateway.delivered().await;
    settled(&cloud, &dead_url, 0).await;
    assert_eq!(state(&gateway, "evt_block", "to-app").await, "superseded");
    let ids: Vec<String> = target.came().iter().map(|came| came.id().to_owned()).collect();
    assert_eq!(ids, ["evt_block", "evt_block", "evt_block", "evt_unblock"]);
    gateway.stop().await;
}

#[tokio::test]
async fn a_block_that_is_redriven_after_the_unblock_is_never_sent_at_the_stand_in() {
    a_block_that_is_redriven_after_the_unblock_is_never_sent(Cloud::stand_in().await).await;
}

#[tokio::test]
async fn a_block_that_is_redriven_after_the_unblock_is_never_sent_at_the_emulator() {
    let cloud = Cloud::emulator_with(&[VISIBILITY]).await;
    a_block_that_is_redriven_after_the_unblock_is_never_sent(cloud).await;
}

/// Where the event is not known: the journal is another.
async fn a_redriven_message_is_marked(cloud: Cloud) {
    let mark = MessageAttributeValue::builder().data_type("Number").string_value("1");
    let call = cloud.client.send_message().queue_url(&cloud.queue_url);
    let call = call.message_attributes(QueueHops::REDRIVEN_ATTRIBUTE, mark.build().unwrap());
    call.message_body(sent("evt_1", 1, 1).envelope()).send().await.unwrap();
    cloud.send(sent("evt_2", 2, 1).envelope()).await;
    let gateway = Gateway::start(settings(&cloud)).await;
    gateway.arrived(2).await;
    let stopped = gateway.stop().await;
    let journal = rusqlite::Connection::open(stopped.journal()).unwrap();
    let ids: String = journal
        .query_row("SELECT group_concat(id) FROM events WHERE redriven", [], |row| row.get(0))
        .unwrap();
    assert_eq!(ids, "evt_1");
}

#[tokio::test]
async fn a_redriven_message_is_marked_at_the_stand_in() {
    a_redriven_message_is_marked(Cloud::stand_in().await).await;
}

#[tokio::test]
async fn a_redriven_message_is_marked_at_the_emulator() {
    a_redriven_message_is_marked(Cloud::emulator_with(&[VISIBILITY]).await).await;
}
