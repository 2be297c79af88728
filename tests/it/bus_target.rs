//! An event bus as a target: entries go through the real SDK to our own stand-in and to an emulator
//! written by others, and come out of a queue behind a rule.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::config::interceptors::BeforeSerializationInterceptorContextRef;
use aws_sdk_eventbridge::config::retry::RetryConfig;
use aws_sdk_eventbridge::config::{BehaviorVersion, ConfigBag, Intercept, Region};
use aws_sdk_eventbridge::error::BoxError;
use aws_sdk_eventbridge::operation::put_events::PutEventsInput;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use twinstream::delivery::bus::{
    BusAnswer, BusBatcher, BusTarget, Entry, EventBus, EventSource, Settings,
};
use twinstream::event::Timestamp;
use twinstream::sim::aws::{Faults, Outage, Probability};

use crate::event_bus;
use crate::support::cloud::Cloud;
use crate::support::event::event;
use crate::support::target::{Behaviour, Target};
use crate::support::until;

/// What was received is not received once more before it is deleted, however busy the machine is.
const VISIBILITY: (&str, &str) = ("VisibilityTimeout", "120");

/// How many entries each call of `PutEvents` had.
#[derive(Debug, Clone, Default)]
struct Calls(Arc<Mutex<Vec<usize>>>);

impl Intercept for Calls {
    fn name(&self) -> &'static str {
        "calls"
    }

    fn read_before_execution(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(input) = context.input().downcast_ref::<PutEventsInput>() {
            self.0.lock().unwrap().push(input.entries().len());
        }
        Ok(())
    }
}

impl Calls {
    fn seen(&self) -> Vec<usize> {
        self.0.lock().unwrap().clone()
    }

    fn client(&self, endpoint_url: &str) -> Client {
        let config = event_bus::client(endpoint_url).config().to_builder();
        let config = config.retry_config(RetryConfig::disabled()).interceptor(self.clone());
        Client::from_conf(config.build())
    }
}

/// A bus target whose calls are made.
struct Running {
    target: BusTarget,
    calls: Calls,
    stop: CancellationToken,
    batcher: JoinHandle<()>,
}

fn settings(bus: &str) -> Settings {
    Settings {
        event_bus: EventBus::parse(bus).unwrap(),
        source: EventSource::parse("twinstream").unwrap(),
        region: None,
        endpoint_url: None,
        entry_bytes_max: Settings::ENTRY_BYTES_MAX,
        timeout: Duration::from_secs(20),
        concurrency: 25,
    }
}

impl Running {
    fn start(endpoint_url: &str, settings: Settings) -> Self {
        let (target, batcher) = BusTarget::open(settings);
        Self::run(endpoint_url, (target, batcher), Duration::from_secs(20))
    }

    fn run(
        endpoint_url: &str,
        (target, batcher): (BusTarget, BusBatcher),
        stop_within: Duration,
    ) -> Self {
        let (calls, stop) = (Calls::default(), CancellationToken::new());
        let run = batcher.run(calls.client(endpoint_url), stop.clone(), stop_within);
        Self { target, calls, stop, batcher: tokio::spawn(run) }
    }

    /// Sends all at once; their answers, in order.
    async fn send_all(&self, entries: &[Entry]) -> Vec<BusAnswer> {
        join_all(entries.iter().map(|entry| self.target.send(entry.clone()))).await
    }

    /// Sends one, and waits until these calls have been made.
    async fn send_alone(&self, number: u32, calls: &[usize]) -> JoinHandle<BusAnswer> {
        let target = self.target.clone();
        let sent = tokio::spawn(async move { target.send(entry(number)).await });
        until("the call", async || (self.calls.seen() == calls).then_some(())).await;
        sent
    }
}

/// A queue that gets all that comes onto a bus of its own.
struct Place {
    cloud: Cloud,
    bus: String,
}

impl Place {
    async fn new(cloud: Cloud) -> Self {
        let bus = format!("orders-{:x}", fastrand::u64(..));
        event_bus::connect(&cloud, &bus, r#"{"source": ["twinstream"]}"#).await;
        Self { cloud, bus }
    }

    async fn at_the_stand_in() -> Self {
        Self::new(Cloud::stand_in_with(&[VISIBILITY]).await).await
    }

    async fn at_the_emulator() -> Self {
        Self::new(Cloud::emulator_with(&[VISIBILITY]).await).await
    }

    fn start(&self) -> Running {
        Running::start(&self.cloud.endpoint_url, settings(&self.bus))
    }

    fn change_faults(&self, change: impl FnOnce(&mut Faults)) {
        self.cloud.handle().change_faults(change);
    }

    /// Takes so many envelopes out of the queue, and finds no more; the oldest number first.
    async fn envelopes(&self, count: usize) -> Vec<Value> {
        let (client, url) = (&self.cloud.client, &self.cloud.queue_url);
        let mut envelopes = Vec::new();
        until("the events behind the rule", async || {
            let call = client.receive_message().queue_url(url).max_number_of_messages(10);
            for message in call.send().await.unwrap().messages.unwrap_or_default() {
                let receipt = message.receipt_handle.unwrap();
                client
                    .delete_message()
                    .queue_url(url)
                    .receipt_handle(receipt)
                    .send()
                    .await
                    .unwrap();
                envelopes.push(serde_json::from_str(&message.body.unwrap()).unwrap());
            }
            (envelopes.len() >= count).then_some(())
        })
        .await;
        self.cloud.emptied().await;
        assert_eq!(envelopes.len(), count, "no more than was taken");
        envelopes.sort_by_key(|envelope: &Value| number(envelope));
        envelopes
    }

    /// The numbers of those envelopes, in order.
    async fn numbers(&self, count: usize) -> Vec<u64> {
        self.envelopes(count).await.iter().map(number).collect()
    }
}

/// The number that an envelope's detail was made with.
fn number(envelope: &Value) -> u64 {
    let id = envelope["detail"]["id"].as_str().unwrap();
    id.strip_prefix("evt_").unwrap().parse().unwrap()
}

fn entry(number: u32) -> Entry {
    let event = event(&format!("evt_{number}"), number, u64::from(number) * 1_000);
    let time = Timestamp::parse(event.0["time"].as_str().unwrap()).ok();
    Entry { detail_type: "user.updated".into(), time, detail: event.body().into_bytes() }
}

fn entries(count: u32) -> Vec<Entry> {
    (0..count).map(entry).collect()
}

/// An entry whose detail is padded to about so many bytes.
fn large(number: u32, bytes: usize) -> Entry {
    let detail = json!({"id": format!("evt_{number}"), "padding": "x".repeat(bytes)});
    Entry { detail: detail.to_string().into_bytes(), ..entry(number) }
}

fn again(reason: &str) -> BusAnswer {
    BusAnswer::Retry { reason: reason.into() }
}

async fn an_entry_comes_out_as_it_went_in(place: Place) {
    let running = place.start();
    let transformed = r#" {"id": "evt_1", "größe": [1.0, 1e3, {"leer": null}], "a\u0062": "\""} "#;
    let sent = [
        entry(0),
        Entry { detail_type: "größe.geändert".into(), time: None, detail: transformed.into() },
    ];
    for entry in &sent {
        assert_eq!(running.target.send(entry.clone()).await, BusAnswer::Taken);
    }
    let envelopes = place.envelopes(2).await;
    for (entry, envelope) in sent.iter().zip(&envelopes) {
        assert_eq!(envelope["source"], "twinstream");
        assert_eq!(envelope["detail-type"], *entry.detail_type);
        let detail: Value = serde_json::from_slice(&entry.detail).unwrap();
        assert_eq!(envelope["detail"], detail);
    }
    // The emulator stamps its own time.
    if place.cloud.stand_in.is_some() {
        assert_eq!(envelopes[0]["time"], "2026-03-01T09:15:44Z");
    }
    assert_eq!(running.calls.seen(), [1, 1], "one that is alone waits for no other");
}

#[tokio::test]
async fn an_entry_comes_out_as_it_went_in_at_the_stand_in() {
    an_entry_comes_out_as_it_went_in(Place::at_the_stand_in().await).await;
}

#[tokio::test]
async fn an_entry_comes_out_as_it_went_in_at_the_emulator() {
    an_entry_comes_out_as_it_went_in(Place::at_the_emulator().await).await;
}

/// The emulator does not find a bus by its ARN when it is asked to describe it, and nobody asks.
async fn a_bus_may_be_named_by_its_arn(place: Place) {
    let arn = format!("arn:aws:events:us-east-1:000000000000:event-bus/{}", place.bus);
    let running = Running::start(&place.cloud.endpoint_url, settings(&arn));
    assert_eq!(running.target.send(entry(0)).await, BusAnswer::Taken);
    place.envelopes(1).await;
}

#[tokio::test]
async fn a_bus_may_be_named_by_its_arn_at_the_stand_in() {
    a_bus_may_be_named_by_its_arn(Place::at_the_stand_in().await).await;
}

#[tokio::test]
async fn a_bus_may_be_named_by_its_arn_at_the_emulator() {
    a_bus_may_be_named_by_its_arn(Place::at_the_emulator().await).await;
}

async fn those_that_wait_share_a_call(place: Place) {
    let running = place.start();
    let answers = running.send_all(&entries(25)).await;
    assert!(answers.iter().all(|answer| *answer == BusAnswer::Taken), "{answers:?}");
    assert_eq!(running.calls.seen(), [10, 10, 5]);
    assert_eq!(place.numbers(25).await, (0..25).collect::<Vec<_>>());
}

#[tokio::test]
async fn those_that_wait_share_a_call_at_the_stand_in() {
    those_that_wait_share_a_call(Place::at_the_stand_in().await).await;
}

#[tokio::test]
async fn those_that_wait_share_a_call_at_the_emulator() {
    those_that_wait_share_a_call(Place::at_the_emulator().await).await;
}

#[tokio::test]
async fn an_entry_that_fails_fails_alone() {
    let place = Place::at_the_stand_in().await;
    let running = place.start();
    place.change_faults(|faults| faults.entry_failure = Probability::clamped(0.5));
    let mut left = entries(25);
    let answers = running.send_all(&left).await;
    let failed = again("EventBridge answered InternalFailure");
    assert!(answers.iter().all(|answer| [&BusAnswer::Taken, &failed].contains(&answer)));
    let mut answers = answers.iter();
    left.retain(|_| *answers.next().unwrap() == failed);
    assert!((1..25).contains(&left.len()), "{} of 25 failed", left.len());

    place.change_faults(|faults| *faults = Faults::default());
    let answers = running.send_all(&left).await;
    assert!(answers.iter().all(|answer| *answer == BusAnswer::Taken), "{answers:?}");
    assert_eq!(place.numbers(25).await, (0..25).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_is_no_fault_of_the_entry_is_tried_again() {
    let place = Place::at_the_stand_in().await;
    let running = place.start();
    place.change_faults(|faults| {
        faults.throttle = Probability::ALWAYS;
        faults.throttled_operations = vec!["PutEvents".to_owned()];
    });
    let throttled = again("EventBridge answered ThrottlingException");
    assert_eq!(running.send_all(&entries(3)).await, vec![throttled; 3]);

    place.change_faults(|faults| faults.outage = Some(Outage::Unavailable));
    let unavailable = again("EventBridge answered InternalFailure");
    assert_eq!(running.send_all(&entries(3)).await, vec![unavailable; 3]);

    place.change_faults(|faults| faults.outage = Some(Outage::Reset));
    for answer in running.send_all(&entries(3)).await {
        let BusAnswer::Retry { reason } = answer else { panic!("{answer:?}") };
        assert!(reason.starts_with("EventBridge can't be reached: "), "{reason}");
    }
    assert_eq!(running.calls.seen(), [3, 3, 3], "the SDK repeats nothing by itself");

    place.change_faults(|faults| *faults = Faults::default());
    assert_eq!(running.send_all(&entries(3)).await, vec![BusAnswer::Taken; 3]);
    place.envelopes(3).await;
}

#[tokio::test]
async fn an_entry_over_the_limit_is_refused_unsent() {
    let place = Place::at_the_stand_in().await;
    let limited = Settings { entry_bytes_max: 1_000, ..settings(&place.bus) };
    let running = Running::start(&place.cloud.endpoint_url, limited);
    let answers = running.send_all(&[entry(0), large(1, 1_000), entry(2)]).await;
    let reason = "the entry has 1063 bytes, and its limit is 1000".into();
    let refused = BusAnswer::Refused { reason };
    assert_eq!(answers, [BusAnswer::Taken, refused, BusAnswer::Taken]);
    let sent: usize = running.calls.seen().iter().sum();
    assert_eq!(sent, 2);
    assert_eq!(place.numbers(2).await, [0, 2]);
}

#[tokio::test]
async fn a_refused_call_is_no_fault_of_those_that_shared_it() {
    let place = Place::at_the_stand_in().await;
    let too_much = Settings { entry_bytes_max: 4_000_000, ..settings(&place.bus) };
    let running = Running::start(&place.cloud.endpoint_url, too_much);
    let answers = running.send_all(&[entry(0), large(1, 1_500_000), entry(2)]).await;
    let reason = "EventBridge refused it: ValidationException".into();
    let refused = BusAnswer::Refused { reason };
    assert_eq!(answers, [BusAnswer::Taken, refused, BusAnswer::Taken]);
    assert_eq!(running.calls.seen(), [3, 1, 1, 1]);
    assert_eq!(place.numbers(2).await, [0, 2]);
}

async fn nothing_is_put_on_a_bus_that_does_not_exist(cloud: Cloud) {
    let bus = format!("orders-{:x}", fastrand::u64(..));
    let running = Running::start(&cloud.endpoint_url, settings(&bus));
    let missing = again("there is no such event bus");
    assert_eq!(running.send_all(&entries(3)).await, vec![missing; 3]);
    assert_eq!(running.calls.seen(), [0; 0]);

    event_bus::connect(&cloud, &bus, r#"{"source": ["twinstream"]}"#).await;
    let place = Place { cloud, bus };
    until("the bus to be seen", async || {
        (running.target.send(entry(0)).await == BusAnswer::Taken).then_some(())
    })
    .await;
    place.envelopes(1).await;
}

#[tokio::test]
async fn nothing_is_put_on_a_bus_that_does_not_exist_at_the_stand_in() {
    nothing_is_put_on_a_bus_that_does_not_exist(Cloud::stand_in_with(&[VISIBILITY]).await).await;
}

#[tokio::test]
async fn nothing_is_put_on_a_bus_that_does_not_exist_at_the_emulator() {
    nothing_is_put_on_a_bus_that_does_not_exist(Cloud::emulator_with(&[VISIBILITY]).await).await;
}

#[tokio::test]
async fn a_sender_that_gave_up_costs_nothing() {
    let place = Place::at_the_stand_in().await;
    let (target, batcher) = BusTarget::open(settings(&place.bus));
    let given_up = join_all((0..9).map(|number| target.send(entry(number))));
    assert!(timeout(Duration::ZERO, given_up).await.is_err());
    let open = (target, batcher);
    let running = Running::run(&place.cloud.endpoint_url, open, Duration::from_secs(20));
    assert_eq!(running.target.send(entry(9)).await, BusAnswer::Taken);
    assert_eq!(running.calls.seen(), [1]);
    assert_eq!(place.numbers(1).await, [9]);
}

#[tokio::test]
async fn attempts_under_way_end_after_a_stop() {
    let place = Place::at_the_stand_in().await;
    let running = place.start();
    running.stop.cancel();
    assert_eq!(running.send_all(&entries(25)).await, vec![BusAnswer::Taken; 25]);
    drop(running.target);
    running.batcher.await.unwrap();
    place.envelopes(25).await;
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_bus_that_hangs() {
    let hanging = Target::start(|_, _| Behaviour::Stall).await;
    let open = BusTarget::open(settings(ANOTHER_ACCOUNTS));
    let running = Running::run(&hanging.url(), open, Duration::from_millis(100));
    let all = entries(25);
    let sent = running.send_all(&all);
    let stop = async {
        until("the calls", async || (running.calls.seen() == [10, 10, 5]).then_some(())).await;
        running.stop.cancel();
    };
    let (answers, ()) = tokio::join!(sent, stop);
    assert_eq!(answers, vec![again("cut off by a stop"); 25]);
    running.batcher.await.unwrap();
    assert_eq!(running.target.send(entry(0)).await, again("cut off by a stop"));
}

#[tokio::test]
async fn no_more_calls_are_under_way_than_carry_all_attempts() {
    let hanging = Target::start(|_, _| Behaviour::Stall).await;
    let two_calls = Settings { concurrency: 2, ..settings(ANOTHER_ACCOUNTS) };
    let running = Running::start(&hanging.url(), two_calls);
    running.send_alone(0, &[1]).await;
    running.send_alone(1, &[1, 1]).await;
    let third = running.target.send(entry(2));
    tokio::pin!(third);
    for _ in 0..100 {
        // This runtime has one thread: whoever can go on does.
        assert!(timeout(Duration::ZERO, &mut third).await.is_err());
        tokio::task::yield_now().await;
    }
    assert_eq!(running.calls.seen(), [1, 1]);
}

#[tokio::test]
async fn a_call_that_hangs_gives_its_place_back() {
    let hanging = Target::start(|number, _| match number {
        0 | 1 => Behaviour::Stall,
        _ => Behaviour::Answer(200),
    });
    let soon = Duration::from_millis(500);
    let two_calls = Settings { timeout: soon, concurrency: 2, ..settings(ANOTHER_ACCOUNTS) };
    let running = Running::start(&hanging.await.url(), two_calls);
    let first = running.send_alone(0, &[1]).await;
    let second = running.send_alone(1, &[1, 1]).await;
    let answered = again("EventBridge did not say what became of it");
    until("a free call", async || (running.target.send(entry(2)).await == answered).then_some(()))
        .await;
    let too_late = again("no answer from EventBridge in time");
    assert_eq!((first.await.unwrap(), second.await.unwrap()), (too_late.clone(), too_late));
}

/// Nobody asks whether it exists.
const ANOTHER_ACCOUNTS: &str = "arn:aws:events:us-east-1:123456789012:event-bus/orders";

/// What becomes of an entry when a stranger stands where EventBridge is expected.
async fn answer_of_a_stranger(behaviour: Behaviour, timeout: Duration) -> BusAnswer {
    let stranger = Target::start(move |_, _| behaviour).await;
    let settings = Settings { timeout, ..settings(ANOTHER_ACCOUNTS) };
    let running = Running::start(&stranger.url(), settings);
    running.target.send(entry(0)).await
}

async fn answer_to_status(status: u16) -> BusAnswer {
    answer_of_a_stranger(Behaviour::Answer(status), Duration::from_secs(20)).await
}

#[tokio::test]
async fn an_answer_that_is_not_understood_says_nothing_of_the_entry() {
    for status in [302, 400, 403, 404, 407, 429, 500, 502, 503] {
        let reason = format!("EventBridge, or what stands before it, answered {status}");
        assert_eq!(answer_to_status(status).await, again(&reason));
    }
    let reason = "EventBridge did not say what became of it";
    assert_eq!(answer_to_status(200).await, again(reason));
    let reason = "no answer from EventBridge in time";
    let answer = answer_of_a_stranger(Behaviour::Stall, Duration::from_millis(300)).await;
    assert_eq!(answer, again(reason));
}

#[tokio::test]
async fn a_body_too_large_is_refused_whoever_says_so() {
    let reason = "EventBridge refused it: RequestEntityTooLargeException".into();
    let answer = answer_to_status(413).await;
    assert_eq!(answer, BusAnswer::Refused { reason });
}

#[tokio::test]
async fn without_credentials_it_is_tried_again() {
    let config = aws_sdk_eventbridge::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .endpoint_url("http://127.0.0.1:1");
    let (target, batcher) = BusTarget::open(settings(ANOTHER_ACCOUNTS));
    let client = Client::from_conf(config.build());
    tokio::spawn(batcher.run(client, CancellationToken::new(), Duration::ZERO));
    let BusAnswer::Retry { reason } = target.send(entry(0)).await else {
        panic!("not tried again")
    };
    assert!(reason.starts_with("EventBridge can't be reached: "), "{reason}");
}
