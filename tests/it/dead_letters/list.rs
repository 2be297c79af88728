//! One list over the journal, the queue's dead-letter queue and that of the rule's target.

use aws_sdk_eventbridge::types::{DeadLetterConfig, PutEventsRequestEntry, Target as RuleTarget};
use aws_sdk_sqs::types::MessageAttributeValue;
use serde_json::{Value, json};
use twinstream::clock::Clock;
use twinstream::event::Timestamp;

use super::{Broken, ask};
use crate::event_bus;
use crate::support::cloud::{Cloud, Depth, VISIBILITY};
use crate::support::event::event;
use crate::support::gateway::Gateway;
use crate::support::settings::Settings;
use crate::support::until;

/// Sends a message, and receives it too often: it goes to the queue's dead-letter queue.
pub(super) async fn die(cloud: &Cloud, body: &str) {
    cloud.send(body).await;
    until("a message received too often", async || {
        let call = cloud.client.receive_message().queue_url(&cloud.queue_url).visibility_timeout(0);
        call.send().await.unwrap().messages.unwrap_or_default().is_empty().then_some(())
    })
    .await;
}

pub(super) async fn queue(cloud: &Cloud, name: &str) -> String {
    let name = format!("{name}-{:x}", fastrand::u64(..));
    cloud.client.create_queue().queue_name(name).send().await.unwrap().queue_url.unwrap()
}

/// What EventBridge says of an event that it could not put into a queue, where its stand-in does not.
async fn die_by_hand(cloud: &Cloud, dead_url: &str, body: &str) {
    let mut call = cloud.client.send_message().queue_url(dead_url).message_body(body);
    for (name, text) in [
        ("ERROR_CODE", "NO_RESOURCE"),
        ("ERROR_MESSAGE", "the queue does not exist"),
        ("RULE_ARN", "arn:aws:events:us-east-1:000000000000:rule/bus/to-queue"),
        ("TARGET_ARN", "arn:aws:sqs:us-east-1:000000000000:gone"),
    ] {
        let value = MessageAttributeValue::builder().data_type("String").string_value(text);
        call = call.message_attributes(name, value.build().unwrap());
    }
    call.send().await.unwrap();
}

/// Has a rule send an event to a queue that is gone: it goes to the dead-letter queue of the rule's target.
async fn die_by_rule(cloud: &Cloud, dead_url: &str, detail: &str) {
    let events = event_bus::client(&cloud.endpoint_url);
    events.create_event_bus().name("bus").send().await.unwrap();
    let rule = events.put_rule().name("to-queue").event_bus_name("bus");
    rule.event_pattern(r#"{"source": [{"prefix": "partner"}]}"#).send().await.unwrap();
    let dead_arn = cloud.arn(dead_url).await;
    event_bus::admit_rules(&cloud.client, dead_url, &dead_arn).await;
    let letters = DeadLetterConfig::builder().arn(dead_arn).build();
    let target = RuleTarget::builder().id("queue").arn("arn:aws:sqs:us-east-1:000000000000:gone");
    let target = target.dead_letter_config(letters).build().unwrap();
    let call = events.put_targets().rule("to-queue").event_bus_name("bus").targets(target);
    assert_eq!(call.send().await.unwrap().failed_entry_count, 0);
    let entry =
        PutEventsRequestEntry::builder().event_bus_name("bus").source("partner.auth0.com/a");
    let entry = entry.detail_type("any").detail(detail).build();
    events.put_events().entries(entry).send().await.unwrap();
}

/// A gateway with two dead letters in its journal, two in the queue's dead-letter queue, one of which
/// is no event, and one in that of the rule's target.
struct Everywhere {
    cloud: Cloud,
    gateway: Gateway,
    queue_letters: String,
    rule_letters: String,
    /// After the messages died, before the deliveries did.
    between: Timestamp,
}

impl Everywhere {
    async fn start(cloud: Cloud) -> Self {
        let queue_letters = cloud.dead_letters_after(1).await;
        let rule_letters = queue(&cloud, "rule-letters").await;
        die(&cloud, &event("evt_q", 1, 1).by_eventbridge().envelope()).await;
        die(&cloud, "no json").await;
        let by_rule = event("evt_r", 3, 2).by_eventbridge();
        if cloud.stand_in.is_some() {
            die_by_rule(&cloud, &rule_letters, &by_rule.body()).await;
        } else {
            die_by_hand(&cloud, &rule_letters, &by_rule.envelope()).await;
        }
        let between = Clock::System.now();
        let broken = Broken::start().await;
        let settings = Settings::new("both")
            .queue(&cloud.endpoint_url, &cloud.queue_url)
            .set("eventbridge.rule_dead_letter_queue_url", &rule_letters)
            .deliver("app", &broken.target.url(), &[]);
        let gateway = Gateway::start(settings).await;
        gateway.ready().await;
        assert_eq!(gateway.post(&event("evt_j1", 1, 3).body()).await.status, 204);
        let deleted = event("evt_j2", 2, 4).with("type", "user.deleted");
        assert_eq!(gateway.post(&deleted.body()).await.status, 204);
        gateway.delivered().await;
        Self { cloud, gateway, queue_letters, rule_letters, between }
    }

    async fn list(&self, filters: &[(&str, &str)]) -> Value {
        let mut url = url::Url::parse("http://gateway/api/v1/dead-letters").unwrap();
        url.query_pairs_mut().extend_pairs(filters);
        let path = format!("{}?{}", url.path(), url.query().unwrap_or_default());
        let answer = self.gateway.get(&path).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// The list has these letters, by the ids of their events.
    async fn check(&self, filters: &[(&str, &str)], expected: &[&str]) {
        let list = self.list(filters).await;
        assert_eq!(ids(&list), expected, "{filters:?}");
    }
}

fn ids(list: &Value) -> Vec<&str> {
    let letters = list["letters"].as_array().unwrap().iter();
    letters.map(|letter| letter["id"].as_str().unwrap_or("none")).collect()
}

async fn letters_are_found_wherever_they_lie(cloud: Cloud) {
    let all = Everywhere::start(cloud).await;
    let list = all.list(&[]).await;
    let mut found: Vec<(&str, &str)> = list["letters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|letter| (letter["source"].as_str().unwrap(), letter["id"].as_str().unwrap_or("none")))
        .collect();
    found[2..].sort_unstable();
    let expected = [
        ("journal", "evt_j2"),
        ("journal", "evt_j1"),
        ("queue", "evt_q"),
        ("queue", "none"),
        ("rule", "evt_r"),
    ];
    assert_eq!(found, expected);
    let letter = |id: &str| {
        let letters = list["letters"].as_array().unwrap().iter();
        letters.clone().find(|letter| letter["id"].as_str().unwrap_or("none") == id).unwrap()
    };
    let journal = letter("evt_j1");
    assert_eq!(journal["letter"], "evt_j1/to-app");
    assert_eq!((&journal["route"], &journal["target"]), (&json!("to-app"), &json!("app")));
    assert_eq!(journal["reason"], "the target answered 400");
    assert_eq!((&journal["status"], &journal["attempts"]), (&json!(400), &json!(1)));
    let rule = letter("evt_r");
    let arn = rule["route"].as_str().unwrap();
    assert!(arn.ends_with(":rule/bus/to-queue"), "{arn}");
    assert_eq!(rule["target"], "arn:aws:sqs:us-east-1:000000000000:gone");
    assert_eq!(rule["error"], "NO_RESOURCE");
    let reason = rule["reason"].as_str().unwrap();
    assert!(reason.starts_with("NO_RESOURCE: ") && reason.len() > 20, "{reason}");
    assert_eq!(letter("evt_q")["subject"], "user:auth0|1");
    assert_eq!(letter("none")["type"], Value::Null);
    for (look, looked_at) in list["queues"].as_array().unwrap().iter().zip([2, 1]) {
        assert_eq!(look["looked_at"], looked_at, "{look}");
        assert_eq!((&look["messages"], &look["more"]), (&json!(looked_at), &json!(false)));
        assert_eq!(look["error"], Value::Null);
    }

    every_filter_leaves_what_it_asks_for(&all, letter("none")["letter"].as_str().unwrap()).await;
    looking_takes_nothing_away(&all).await;
    people_read_it_too(&all).await;
    all.gateway.stop().await;
}

/// A look into a queue ends with an empty receive of a second: most are asked of one place alone.
async fn every_filter_leaves_what_it_asks_for(all: &Everywhere, message: &str) {
    let (journal, queue, rule) = (("source", "journal"), ("source", "queue"), ("source", "rule"));
    all.check(&[journal], &["evt_j2", "evt_j1"]).await;
    all.check(&[rule], &["evt_r"]).await;
    all.check(&[journal, ("target", "app")], &["evt_j2", "evt_j1"]).await;
    all.check(&[("target", "arn:aws:sqs:us-east-1:000000000000:gone")], &["evt_r"]).await;
    all.check(&[journal, ("route", "to-app")], &["evt_j2", "evt_j1"]).await;
    all.check(&[journal, ("route", "to-nobody")], &[]).await;
    all.check(&[("type", "user.updated")], &["evt_j1", "evt_q", "evt_r"]).await;
    all.check(&[("subject", "auth0|1")], &["evt_j1", "evt_q"]).await;
    all.check(&[queue, ("subject", "user:auth0|1")], &["evt_q"]).await;
    all.check(&[journal, ("subject", "auth0")], &[]).await;
    all.check(&[journal, ("error", "answered 400")], &["evt_j2", "evt_j1"]).await;
    all.check(&[("error", "NO_RESOURCE")], &["evt_r"]).await;
    let between = all.between.to_string();
    all.check(&[("from", &between)], &["evt_j2", "evt_j1"]).await;
    all.check(&[("to", &between), ("type", "user.updated")], &["evt_q", "evt_r"]).await;
    let even = r#"{"data": {"object": {"blocked": [true]}}}"#;
    all.check(&[("pattern", even)], &["evt_j2", "evt_r"]).await;
    all.check(&[journal, ("id", "evt_j1")], &["evt_j1"]).await;
    all.check(&[journal, ("id", "evt_j1/to-app")], &["evt_j1"]).await;
    all.check(&[queue, ("id", message)], &["none"]).await;
    let first = all.list(&[("limit", "1")]).await;
    assert_eq!(ids(&first)[0], "evt_j2");
    let next = first["next"].as_i64().unwrap().to_string();
    all.check(&[("limit", "1"), ("before", &next)], &["evt_j1"]).await;
}

async fn looking_takes_nothing_away(all: &Everywhere) {
    let sorted = |list: &Value| {
        let mut letters: Vec<String> =
            list["letters"].as_array().unwrap().iter().map(Value::to_string).collect();
        letters.sort_unstable();
        letters
    };
    let first = sorted(&all.list(&[]).await);
    assert_eq!(sorted(&all.list(&[]).await), first);
    let (one, two) = tokio::join!(all.list(&[]), all.list(&[]));
    assert_eq!((sorted(&one), sorted(&two)), (first.clone(), first));
    for (url, visible) in [(&all.queue_letters, 2), (&all.rule_letters, 1)] {
        assert_eq!(all.cloud.depth(url).await, Depth { visible, hidden: 0 });
    }
}

async fn people_read_it_too(all: &Everywhere) {
    let list = ask(&all.gateway, &["dead-letters", "list"]).await;
    list.check(0, "evt_j1");
    for part in ["to-app → app", "to-queue → gone", "NO_RESOURCE: ", "received from the queue too"]
    {
        list.check(0, part);
    }
    assert_eq!(list.err, "");
    let list = ask(&all.gateway, &["dead-letters", "list", "--limit", "1", "--json"]).await.json();
    assert_eq!(list["letters"].as_array().unwrap().len(), 3, "one of each place");
    assert_eq!(list["queues"][0]["more"], true);
    let pattern = all.gateway.settings().file("pattern.json");
    std::fs::write(&pattern, r#"{"type": ["user.deleted"]}"#).unwrap();
    let pattern = pattern.to_str().unwrap();
    let some = ["dead-letters", "list", "--source", "journal", "--json", "--pattern", pattern];
    let list = ask(&all.gateway, &some).await;
    assert_eq!(ids(&list.json()), ["evt_j2"]);
    let none = ask(&all.gateway, &["dead-letters", "list", "--to", "7d"]).await;
    none.check(0, "no such dead letters");

    let show = ask(&all.gateway, &["dead-letters", "show", "evt_j1"]).await;
    show.check(0, "attempt 1");
    show.check(0, "dead since");
    show.check(0, "the target answered 400");
    let show = ask(&all.gateway, &["dead-letters", "show", "evt_r"]).await;
    show.check(0, "lies in  the dead-letter queue of the rule's target");
    show.check(0, "\"user_id\": \"auth0|3\"");
    let json = ask(&all.gateway, &["dead-letters", "show", "evt_q", "--json"]).await.json();
    assert_eq!((&json["event"], &json["messages"][0]["id"]), (&Value::Null, &json!("evt_q")));
    let by_name = ask(&all.gateway, &["dead-letters", "show", "evt_j1/to-app", "--json"]).await;
    assert_eq!(by_name.json()["event"]["id"], "evt_j1");
    ask(&all.gateway, &["dead-letters", "show", "evt_0"]).await.check(1, "no event of this id");
}

#[tokio::test]
async fn letters_are_found_wherever_they_lie_at_the_stand_in() {
    letters_are_found_wherever_they_lie(Cloud::stand_in().await).await;
}

#[tokio::test]
async fn letters_are_found_wherever_they_lie_at_the_emulator() {
    letters_are_found_wherever_they_lie(Cloud::emulator_with(&[VISIBILITY]).await).await;
}

#[tokio::test]
async fn a_queue_that_can_not_be_looked_into_is_told_and_hides_nothing_else() {
    let (cloud, broken) = (Cloud::stand_in().await, Broken::start().await);
    let settings = Settings::new("both")
        .queue(&cloud.endpoint_url, &cloud.queue_url)
        .set("eventbridge.rule_dead_letter_queue_url", &format!("{}/1/none", cloud.endpoint_url))
        .deliver("app", &broken.target.url(), &[]);
    let gateway = Gateway::start(settings).await;
    gateway.ready().await;
    super::post(&gateway, 1).await;
    let list = ask(&gateway, &["dead-letters", "list"]).await;
    list.check(0, "evt_0");
    list.check(0, "the queue's dead-letter queue could not be looked into: the queue");
    list.check(0, "has no redrive policy, so no dead-letter queue");
    list.check(0, "the dead-letter queue of the rule's target could not be looked into");
    gateway.stop().await;
}
