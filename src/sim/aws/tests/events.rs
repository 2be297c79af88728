//! EventBridge through its SDK.

use aws_sdk_eventbridge::types::{
    DeadLetterConfig, PutEventsRequestEntry, PutEventsResultEntry, SqsParameters, Target,
};
use serde_json::Value;

use super::super::{Code, Settings};
use super::{Bench, with_endpoint};

const SOURCE: &str = "aws.partner/auth0.com/acme-1/auth0.events";

fn entry(source: &str, detail: &str) -> PutEventsRequestEntry {
    let entry = PutEventsRequestEntry::builder().source(source).detail_type("user.updated");
    entry.detail(detail).event_bus_name("bus").build()
}

fn target(arn: &str) -> aws_sdk_eventbridge::types::builders::TargetBuilder {
    Target::builder().id("queue").arn(arn)
}

impl Bench {
    /// A bus with a rule of this pattern.
    async fn rule(&self, pattern: &str, target: Target) {
        for queue in ["q", "q.fifo", "lost-and-found"] {
            // A test has some of them.
            drop(self.handle.admit_rules(queue));
        }
        let bus = self.events.create_event_bus().name("bus").send().await.unwrap();
        assert!(bus.event_bus_arn().is_some_and(|arn| arn.ends_with(":event-bus/bus")));
        let rule = self.events.put_rule().name("rule").event_bus_name("bus");
        rule.event_pattern(pattern).send().await.unwrap();
        let targets = self.events.put_targets().rule("rule").event_bus_name("bus");
        targets.targets(target).send().await.unwrap();
    }

    async fn put(&self, entries: Vec<PutEventsRequestEntry>) -> Vec<PutEventsResultEntry> {
        let call = self.events.put_events().set_entries(Some(entries));
        call.send().await.unwrap().entries.unwrap()
    }
}

#[tokio::test]
async fn an_event_goes_to_the_queue_in_its_envelope() {
    with_endpoint(Settings::default(), async |bench: Bench| {
        let url = bench.queue("q", &[]).await;
        let pattern = r#"{"source": [{"prefix": "acme."}], "detail": {"type": ["t"]}}"#;
        bench.rule(pattern, target(&bench.handle.queue_arn("q")).build().unwrap()).await;
        // Spaces, order and number as the caller wrote them.
        let detail = r#"{ "type":"t",  "b": 1.50, "a": 12345678901234567890 }"#;
        let time = aws_sdk_eventbridge::primitives::DateTime::from_millis(1_700_000_000_999);
        let mut timed = entry("acme.users", detail);
        timed.time = Some(time);
        let put = bench.put(vec![timed, entry("acme.users", r#"{"type":"u"}"#)]).await;
        assert!(put.iter().all(|entry| entry.error_code().is_none()));

        let received = bench.receive(&url).await;
        assert_eq!(received.len(), 1);
        let body = received[0].body().unwrap();
        assert!(body.contains(&format!(r#""detail":{detail}"#)), "{body}");
        let envelope: Value = serde_json::from_str(body).unwrap();
        for (name, text) in [
            ("version", "0"),
            ("id", put[0].event_id().unwrap()),
            ("detail-type", "user.updated"),
            ("source", "acme.users"),
            ("account", "000000000000"),
            ("time", "2023-11-14T22:13:20Z"),
            ("region", "us-east-1"),
        ] {
            assert_eq!(envelope[name], text);
        }
        assert_eq!(envelope["resources"], Value::Array(vec![]));
    })
    .await;
}

#[tokio::test]
async fn entries_fail_alone() {
    with_endpoint(Settings::default(), async |bench: Bench| {
        bench.queue("q", &[]).await;
        bench
            .rule(
                r#"{"source": [{"prefix": "a"}]}"#,
                target(&bench.handle.queue_arn("q")).build().unwrap(),
            )
            .await;
        let put = bench
            .put(vec![
                entry("a", "{}"),
                entry("a", "[]"),
                entry("a", "{"),
                entry(SOURCE, "{}"),
                entry("", "{}"),
            ])
            .await;
        let codes: Vec<_> = put.iter().map(PutEventsResultEntry::error_code).collect();
        let expected = [
            None,
            Some("MalformedDetail"),
            Some("MalformedDetail"),
            Some("NotAuthorizedForSourceException"),
            Some("InvalidArgument"),
        ];
        assert_eq!(codes, expected);
        assert_eq!(bench.handle.depth("q").unwrap().visible, 1);

        let many = vec![entry("a", "{}"); 11];
        bench.events.put_events().set_entries(Some(many)).send().await.unwrap_err();
        let long = format!(r#"{{"x":"{}"}}"#, "x".repeat(1_048_576));
        bench.events.put_events().entries(entry("a", &long)).send().await.unwrap_err();
    })
    .await;
}

#[tokio::test]
async fn a_partner_event_needs_its_bus() {
    with_endpoint(Settings::default(), async |bench: Bench| {
        bench.handle.create_queue("q", &[("VisibilityTimeout", "90")]).unwrap();
        let put = || bench.handle.put_partner_event(SOURCE, "any", r#"{"specversion": "1.0"}"#);
        assert_eq!(put().unwrap().queues, 0);
        bench.handle.connect_partner(SOURCE, "q").unwrap();
        bench.handle.connect_partner(SOURCE, "q").unwrap();
        assert_eq!(put().unwrap().queues, 1);
        let envelope: Value = serde_json::from_str(&bench.handle.bodies("q")[0]).unwrap();
        assert_eq!(envelope["source"], SOURCE);
        assert_eq!(envelope["detail"]["specversion"], "1.0");
        let refused = bench.handle.put_partner_event(SOURCE, "any", "[]").unwrap_err();
        assert_eq!(refused.code(), Code::Validation);
    })
    .await;
}

#[tokio::test]
async fn a_fifo_target_gets_a_group() {
    with_endpoint(Settings::default(), async |bench: Bench| {
        let fifo = [("FifoQueue", "true"), ("ContentBasedDeduplication", "true")];
        bench.queue("q.fifo", &fifo).await;
        let sqs = SqsParameters::builder().message_group_id("all").build();
        let target = target(&bench.handle.queue_arn("q.fifo")).sqs_parameters(sqs).build().unwrap();
        bench.rule(r#"{"source": ["a"]}"#, target).await;
        bench.put(vec![entry("a", "{}")]).await;
        assert_eq!(bench.handle.depth("q.fifo").unwrap().visible, 1);
    })
    .await;
}

#[tokio::test]
async fn what_a_target_refuses_goes_to_its_dead_letter_queue() {
    with_endpoint(Settings::default(), async |bench: Bench| {
        let url = bench.queue("lost-and-found", &[]).await;
        let letters =
            DeadLetterConfig::builder().arn(bench.handle.queue_arn("lost-and-found")).build();
        let target = target(&bench.handle.queue_arn("gone")).dead_letter_config(letters);
        bench.rule(r#"{"source": ["a"]}"#, target.build().unwrap()).await;
        bench.put(vec![entry("a", "{}")]).await;
        let received = bench.receive(&url).await;
        let attributes = received[0].message_attributes().unwrap();
        let arn = bench.handle.queue_arn("gone");
        assert_eq!(attributes["TARGET_ARN"].string_value(), Some(arn.as_str()));
        let rule = "arn:aws:events:us-east-1:000000000000:rule/bus/rule";
        assert_eq!(attributes["RULE_ARN"].string_value(), Some(rule));
    })
    .await;
}

#[tokio::test]
async fn rules_are_listed_changed_and_removed() {
    with_endpoint(Settings::default(), async |bench: Bench| {
        bench.queue("q", &[]).await;
        let arn = bench.handle.queue_arn("q");
        bench.rule(r#"{"source": ["a"]}"#, target(&arn).build().unwrap()).await;
        let rules = bench.events.list_rules().event_bus_name("bus").send().await.unwrap();
        assert_eq!(rules.rules()[0].event_pattern(), Some(r#"{"source": ["a"]}"#));
        let list = bench.events.list_targets_by_rule().rule("rule").event_bus_name("bus");
        assert_eq!(list.send().await.unwrap().targets()[0].arn(), arn);

        let unknown = bench.events.put_rule().name("rule").event_bus_name("bus");
        let error = unknown.event_pattern(r#"{"a": [{"cidr": "::/0"}]}"#).send().await;
        assert!(error.unwrap_err().into_service_error().is_invalid_event_pattern_exception());
        let error = bench.events.describe_event_bus().name("none").send().await.unwrap_err();
        assert!(error.into_service_error().is_resource_not_found_exception());
        let error = bench.events.create_event_bus().name("bus").send().await.unwrap_err();
        assert!(error.into_service_error().is_resource_already_exists_exception());

        let delete = || bench.events.delete_rule().name("rule").event_bus_name("bus").send();
        delete().await.unwrap_err();
        let remove = bench.events.remove_targets().rule("rule").event_bus_name("bus");
        remove.ids("queue").send().await.unwrap();
        bench.put(vec![entry("a", "{}")]).await;
        assert_eq!(bench.handle.depth("q").unwrap().visible, 0);
        delete().await.unwrap();
        bench.events.delete_event_bus().name("bus").send().await.unwrap();
        let buses = bench.events.list_event_buses().send().await.unwrap();
        assert_eq!(buses.event_buses().len(), 1);
    })
    .await;
}
