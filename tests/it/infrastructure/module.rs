//! `config/terraform`, as far as it goes without the providers: read, resolved, and carried out at the
//! stand-in by hand.

use std::process::Command;

use aws_sdk_eventbridge::types::{DeadLetterConfig, RetryPolicy, Target};
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Map, Value, json};

use super::linters;
use crate::repository;
use crate::setup_aws::{Bench, SOURCE};

/// A resource's arguments, each of which must be taken.
struct Arguments(Map<String, Value>);

impl Arguments {
    fn of(body: &Value) -> Self {
        Self(body.as_object().unwrap().clone())
    }

    fn take(&mut self, name: &str) -> Value {
        self.0.remove(name).unwrap_or_else(|| panic!("no {name}: {:?}", self.0))
    }

    fn text(&mut self, name: &str) -> String {
        self.take(name).as_str().unwrap().to_owned()
    }

    fn number(&mut self, name: &str) -> i32 {
        self.take(name).as_i64().unwrap().try_into().unwrap()
    }

    /// The one block of this name.
    fn block(&mut self, name: &str) -> Self {
        let blocks = self.take(name);
        assert_eq!(blocks.as_array().unwrap().len(), 1);
        Self::of(&blocks[0])
    }

    #[track_caller]
    fn end(self) {
        assert!(self.0.is_empty(), "not known here: {:?}", self.0);
    }
}

/// What the AWS provider calls the attributes of a queue (its documentation, `aws_sqs_queue`).
const ATTRIBUTES: [(&str, &str); 5] = [
    ("visibility_timeout_seconds", "VisibilityTimeout"),
    ("message_retention_seconds", "MessageRetentionPeriod"),
    ("receive_wait_time_seconds", "ReceiveMessageWaitTimeSeconds"),
    ("sqs_managed_sse_enabled", "SqsManagedSseEnabled"),
    ("redrive_policy", "RedrivePolicy"),
];

/// Makes one resource, with every argument that it has.
async fn make(bench: &Bench, kind: &str, mut arguments: Arguments) {
    match kind {
        "aws_cloudwatch_event_bus" => {
            let call = bench.events.create_event_bus().name(arguments.text("name"));
            let source = arguments.text("event_source_name");
            call.event_source_name(source).send().await.unwrap();
        }
        "aws_cloudwatch_event_archive" => {
            let call = bench.events.create_archive().archive_name(arguments.text("name"));
            let call = call.event_source_arn(arguments.text("event_source_arn"));
            let days = arguments.number("retention_days");
            call.retention_days(days).send().await.unwrap();
        }
        "aws_sqs_queue" => {
            let mut call = bench.queues.create_queue().queue_name(arguments.text("name"));
            for (argument, attribute) in ATTRIBUTES {
                let Some(value) = arguments.0.remove(argument) else { continue };
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                call = call.attributes(QueueAttributeName::from(attribute), text);
            }
            call.send().await.unwrap();
        }
        "aws_sqs_queue_policy" => set(bench, &mut arguments, "policy", "Policy").await,
        "aws_sqs_queue_redrive_allow_policy" => {
            set(bench, &mut arguments, "redrive_allow_policy", "RedriveAllowPolicy").await;
        }
        "aws_cloudwatch_event_rule" => {
            let call = bench.events.put_rule().name(arguments.text("name"));
            let call = call.event_bus_name(arguments.text("event_bus_name"));
            let call = call.description(arguments.text("description"));
            let call = call.state(arguments.text("state").as_str().into());
            call.event_pattern(arguments.text("event_pattern")).send().await.unwrap();
        }
        "aws_cloudwatch_event_target" => target(bench, &mut arguments).await,
        other => panic!("{other} is not known here"),
    }
    arguments.end();
}

async fn set(bench: &Bench, arguments: &mut Arguments, argument: &str, attribute: &str) {
    let call = bench.queues.set_queue_attributes().queue_url(arguments.text("queue_url"));
    let text = arguments.text(argument);
    call.attributes(QueueAttributeName::from(attribute), text).send().await.unwrap();
}

async fn target(bench: &Bench, arguments: &mut Arguments) {
    let mut letters = arguments.block("dead_letter_config");
    let mut retry = arguments.block("retry_policy");
    let policy = RetryPolicy::builder()
        .maximum_event_age_in_seconds(retry.number("maximum_event_age_in_seconds"))
        .maximum_retry_attempts(retry.number("maximum_retry_attempts"));
    let target = Target::builder()
        .id(arguments.text("target_id"))
        .arn(arguments.text("arn"))
        .dead_letter_config(DeadLetterConfig::builder().arn(letters.text("arn")).build())
        .retry_policy(policy.build());
    let call = bench.events.put_targets().rule(arguments.text("rule"));
    let call = call.event_bus_name(arguments.text("event_bus_name"));
    call.targets(target.build().unwrap()).send().await.unwrap();
    letters.end();
    retry.end();
}

/// Carries the module out with these variables, as far as it is AWS's; then the command with these flags
/// finds nothing to do.
async fn check(variables: Value, mut bench: Bench, flags: &[&str]) {
    let mut all = json!({"endpoint_url": bench.endpoint_url, "event_source_name": SOURCE});
    all.as_object_mut().unwrap().extend(variables.as_object().unwrap().clone());
    for resource in linters::resources(&all) {
        let kind = resource["type"].as_str().unwrap();
        if kind != "auth0_event_stream" {
            make(&bench, kind, Arguments::of(&resource["body"])).await;
        }
    }
    bench.queue = all["queue_name"].as_str().unwrap_or("auth0-events").to_owned();
    let nothing = bench.run_well(&[&["--dry-run"], flags].concat()).await;
    assert!(nothing.contains("Nothing to do"), "{nothing}");
    let detail = r#"{"type": "user.updated"}"#;
    assert_eq!(bench.handle().put_partner_event(SOURCE, "any", detail).unwrap().queues, 1);
    assert_eq!(bench.handle().depth(&bench.queue).unwrap().visible, 1, "and not the other queue");
}

#[tokio::test]
async fn the_module_is_what_setup_aws_makes() {
    check(json!({}), Bench::stand_in().await, &[]).await;
}

#[tokio::test]
async fn its_variables_are_those_of_the_flags() {
    let variables = json!({
        "queue_name": "mine",
        "rule_name": "my-rule",
        "visibility_timeout_seconds": 120,
        "max_receive_count": 5,
        "message_retention_seconds": 604_800,
        "archive_days": 7,
        "detail_pattern": {"type": ["user.updated"]},
    });
    let mut bench = Bench::stand_in().await;
    bench.settings = bench.settings.deliver("app", "http://127.0.0.1:9/", &["user.updated"]);
    let flags = "--rule my-rule --visibility 120s --max-receive-count 5 --retention 7d --archive \
                 --archive-days 7 --only-routes";
    check(variables, bench, &flags.split_whitespace().collect::<Vec<_>>()).await;
}

/// The arguments are those of the provider's documentation (auth0/auth0, `auth0_event_stream`).
#[test]
fn both_streams_have_the_same_subscriptions() {
    let variables = json!({
        "endpoint_url": "http://aws",
        "event_source_name": SOURCE,
        "webhook_url": "https://events.example.com/webhooks/auth0",
        "webhook_token": "secret",
        "event_types": ["user.updated"],
    });
    let resources = linters::resources(&variables);
    let mut streams = resources.iter().filter(|resource| resource["type"] == "auth0_event_stream");
    let mut webhook = Arguments::of(&streams.next().unwrap()["body"]);
    assert!(streams.next().is_none(), "the source that is named has a stream already");
    assert_eq!(webhook.text("name"), "twinstream-webhook");
    assert_eq!(webhook.text("destination_type"), "webhook");
    assert_eq!(webhook.take("subscriptions"), json!(["user.updated"]));
    let mut configuration = webhook.block("webhook_configuration");
    webhook.end();
    let endpoint = configuration.text("webhook_endpoint");
    assert_eq!(endpoint, "https://events.example.com/webhooks/auth0");
    let mut authorization = configuration.block("webhook_authorization");
    configuration.end();
    assert_eq!(authorization.text("method"), "bearer");
    assert_eq!(authorization.text("token_wo"), "secret");
    assert_eq!(authorization.number("token_wo_version"), 1);
    authorization.end();

    let main = repository::read("config/terraform/main.tf");
    assert_eq!(main.matches("= var.event_types").count(), 2);
}

/// The provider is not needed for this; the program is not everywhere.
#[test]
fn the_module_is_written_as_terraform_writes_it() {
    let folder = repository::root().join("config/terraform");
    let command = Command::new("terraform").args(["fmt", "-check", "-diff"]).arg(folder).output();
    match command {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{said}");
        }
        Err(_) => println!("SKIPPED: no terraform here: its formatting was not compared"),
    }
}
