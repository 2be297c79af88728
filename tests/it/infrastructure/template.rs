//! `config/cloudformation.yml`.

use std::net::SocketAddr;

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use url::form_urlencoded;

use super::linters;
use crate::repository;
use crate::setup_aws::Bench;
use crate::support::event::event;
use crate::support::{http, until};

const TEMPLATE: &str = "config/cloudformation.yml";

#[test]
fn cfn_lint_finds_nothing() {
    let output = linters::cfn_lint(TEMPLATE);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

/// Calls the emulator's CloudFormation, which there is no SDK for here (API reference, "Query API").
async fn call(bench: &Bench, action: &str, parameters: &[(&str, &str)]) -> String {
    let address: SocketAddr = bench.endpoint_url.strip_prefix("http://").unwrap().parse().unwrap();
    let mut body = form_urlencoded::Serializer::new(String::new());
    body.append_pair("Action", action).append_pair("Version", "2010-05-15");
    body.append_pair("StackName", &bench.queue).extend_pairs(parameters);
    let headers = [
        "Content-Type: application/x-www-form-urlencoded",
        "Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/cloudformation/aws4_request, \
         SignedHeaders=host, Signature=none",
    ];
    let request = http::request("POST", "/", &headers, &body.finish());
    let response = http::send(address, &request).await;
    assert_eq!(response.status, 200, "{}", response.body);
    response.body
}

/// The text of an output.
fn output<'a>(stack: &'a str, name: &str) -> &'a str {
    let key = format!("<OutputKey>{name}</OutputKey>");
    let (_, rest) = stack.split_once(&key).unwrap_or_else(|| panic!("{name}: {stack}"));
    let (_, value) = rest.split_once("<OutputValue>").unwrap();
    value.split_once("</OutputValue>").unwrap().0
}

async fn created(bench: &Bench, more: &[(&str, &str)]) -> String {
    let template = repository::read(TEMPLATE);
    let named = [("EventSourceName", bench.source.as_str()), ("QueueName", &bench.queue)];
    let mut parameters = vec![("TemplateBody".to_owned(), template)];
    for (number, (name, value)) in named.iter().chain(more).enumerate() {
        let member = format!("Parameters.member.{}", number + 1);
        parameters.push((format!("{member}.ParameterKey"), (*name).to_owned()));
        parameters.push((format!("{member}.ParameterValue"), (*value).to_owned()));
    }
    let parameters: Vec<(&str, &str)> =
        parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    call(bench, "CreateStack", &parameters).await;
    until("the stack", async || {
        let stack = call(bench, "DescribeStacks", &[]).await;
        assert!(!stack.contains("ROLLBACK") && !stack.contains("FAILED"), "{stack}");
        stack.contains("<StackStatus>CREATE_COMPLETE<").then_some(stack)
    })
    .await
}

#[tokio::test]
async fn the_stack_is_what_setup_aws_makes_and_an_event_goes_through() {
    let bench = Bench::emulator().await;
    let stack = created(&bench, &[]).await;
    let nothing = bench.run_well(&["--dry-run"]).await;
    assert!(nothing.contains("Nothing to do"), "{nothing}");
    let section = crate::setup_aws::section(&nothing);
    for (key, name) in [
        ("queue_url", "QueueUrl"),
        ("region", "Region"),
        ("dead_letter_queue_url", "DeadLetterQueueUrl"),
        ("rule_dead_letter_queue_url", "RuleDeadLetterQueueUrl"),
    ] {
        assert_eq!(section[key].as_str(), Some(output(&stack, name)), "{name}");
    }

    // Nobody but AWS may put what begins with `aws.`.
    let rule = bench.events.put_rule().name("twinstream").event_bus_name(&bench.source);
    rule.event_pattern(r#"{"source": [{"prefix": "partner."}]}"#).send().await.unwrap();
    let detail = event("evt_1", 1, 1).by_eventbridge().body();
    let entry = PutEventsRequestEntry::builder().event_bus_name(&bench.source).source("partner.x");
    let entry = entry.detail_type("any").detail(detail).build();
    bench.events.put_events().entries(entry).send().await.unwrap();
    let url = section["queue_url"].as_str().unwrap();
    let received = bench.queues.receive_message().queue_url(url).send().await.unwrap();
    assert!(received.messages()[0].body().unwrap().contains("evt_1"));

    call(&bench, "DeleteStack", &[]).await;
    until("the stack's end", async || {
        bench.queues.get_queue_url().queue_name(&bench.queue).send().await.err()
    })
    .await;
}

#[tokio::test]
async fn its_choices_are_those_of_the_flags() {
    let bench = Bench::emulator().await;
    let parameters = [
        ("EventTypes", "user.updated,user.deleted"),
        ("VisibilityTimeoutSeconds", "120"),
        ("MaxReceiveCount", "5"),
        ("RetentionSeconds", "604800"),
        ("RuleName", "mine"),
    ];
    created(&bench, &parameters).await;
    let mut bench = bench;
    let types = ["user.updated", "user.deleted"];
    bench.settings = bench.settings.deliver("app", "http://127.0.0.1:9/", &types);
    let flags = "--dry-run --only-routes --visibility 120s --max-receive-count 5 --retention 7d --rule mine";
    let nothing = bench.run_well(&flags.split(' ').collect::<Vec<_>>()).await;
    assert!(nothing.contains("Nothing to do"), "{nothing}");
    call(&bench, "DeleteStack", &[]).await;
}
