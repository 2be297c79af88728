//! What stops the command, and what it says then.

use std::collections::BTreeSet;

use serde_json::Value;
use twinstream::sim::aws::{Faults, Probability};

use super::{Bench, SOURCE, said, section};
use crate::repository;
use crate::support::event::event;
use crate::support::gateway::Gateway;
use crate::support::process;
use crate::support::settings::Settings;

impl Bench {
    /// Without flags that name things.
    pub(super) async fn run_bare(&self, flags: &[&str]) -> crate::support::cli::Said {
        let mut command = process::command(&self.settings);
        command.args(["setup", "aws", "--endpoint-url", &self.endpoint_url]).args(flags);
        said(command).await
    }
}

#[tokio::test]
async fn the_source_is_found_and_none_is_guessed() {
    let bench = Bench::stand_in().await;
    let only = bench.run_bare(&["--dry-run"]).await;
    only.check(0, &format!("event bus {SOURCE}"));
    let logs = "aws.partner/auth0.com/acme-5f60/auth0.logs";
    bench.handle().offer_partner_source(logs).unwrap();
    bench.run_bare(&["--dry-run"]).await.check(0, SOURCE);
    bench.run_bare(&["--dry-run", "--source", logs]).await.check(2, "log stream");

    let other = "aws.partner/auth0.com/acme-dev-9/auth0.events";
    bench.handle().offer_partner_source(other).unwrap();
    let several = bench.run_bare(&["--dry-run"]).await;
    several.check(2, "choose one with --source");
    several.check(2, &format!("{other} (PENDING"));

    bench.handle().withdraw_partner_source(SOURCE);
    bench.run_bare(&["--dry-run"]).await.check(0, other);
    bench.run_bare(&["--dry-run", "--source", SOURCE]).await.check(2, "DELETED by Auth0");
    bench.handle().withdraw_partner_source(other);
    bench.run_bare(&["--dry-run"]).await.check(2, "twinstream setup auth0");
}

#[tokio::test]
async fn the_configurations_queue_is_meant_where_no_other_is_named() {
    let mut bench = Bench::stand_in().await;
    let url = format!("{}/000000000000/my-events", bench.endpoint_url);
    bench.settings = bench.settings.set("eventbridge.queue_url", &url);
    let shown = bench.run_bare(&["--dry-run"]).await;
    shown.check(0, "queue my-events-undelivered");
    let other = bench.run_bare(&["--dry-run", "--queue", "other"]).await;
    other.check(0, "queue other-undelivered");
    let url = url.replace("000000000000", "123456789012");
    bench.settings = bench.settings.set("eventbridge.queue_url", &url);
    let theirs = bench.run_bare(&["--dry-run"]).await;
    theirs
        .check(2, "a queue of the account 123456789012, and these credentials are of 000000000000");
    bench.run_bare(&["--dry-run", "--queue", "other"]).await.check(0, "queue other-undelivered");
}

#[tokio::test]
async fn a_call_that_comes_too_often_is_repeated() {
    let bench = Bench::stand_in().await;
    bench.handle().change_faults(|faults| faults.throttle = Probability::clamped(0.1));
    bench.run_well(&["--yes"]).await;
    bench.handle().change_faults(|faults| faults.throttle = Probability::ALWAYS);
    bench.run(&["--yes"]).await.check(3, "events:DescribeEventBus on event-bus/default");
}

#[tokio::test]
async fn what_aws_does_not_know_at_once_is_tried_again() {
    let bench = Bench::stand_in().await;
    let late = |operations: &[&str]| {
        let late_operations = operations.iter().map(|&name| name.to_owned()).collect();
        bench.handle().change_faults(|faults| faults.late_operations = late_operations);
    };
    late(&["CreateQueue", "PutTargets"]);
    bench.run_well(&["--yes"]).await;
    late(&["DeleteRule", "DeleteEventBus"]);
    bench.run_well(&["--destroy", "--yes"]).await;
}

#[tokio::test]
async fn a_source_that_nobody_knows_stops_before_anything_is_made() {
    let bench = Bench::stand_in().await;
    let flags = ["--yes", "--source", "aws.partner/auth0.com/none-1/auth0.events"];
    let stopped = bench.run_bare(&flags).await;
    stopped.check(3, "step 1 of 7 failed: event bus");
    stopped.check(3, "done so far: nothing");
    bench.queues.get_queue_url().queue_name("auth0-events").send().await.unwrap_err();
}

#[tokio::test]
async fn a_missing_permission_is_named_and_the_next_run_goes_on() {
    let bench = Bench::stand_in().await;
    let deny = |permission: &str| {
        let denied_operations = vec![permission.to_owned()];
        bench.handle().set_faults(Faults { denied_operations, ..Faults::default() });
    };
    deny("events:ListEventSources");
    bench
        .run_bare(&["--yes"])
        .await
        .check(3, "the permission events:ListEventSources on * is missing");
    deny("events:PutRule");
    let stopped = bench.run(&["--yes"]).await;
    stopped.check(3, "step 6 of 7 failed: rule twinstream");
    let rule = format!("arn:aws:events:us-east-1:000000000000:rule/{SOURCE}/twinstream");
    stopped.check(3, &format!("the permission events:PutRule on {rule} is missing"));
    stopped.check(3, "queue auth0-events-dead-letters, queue auth0-events-undelivered");
    deny("");
    let rest = bench.run_well(&["--yes"]).await;
    assert!(rest.contains("2 to create."), "{rest}");
}

#[tokio::test]
async fn a_name_that_is_still_taken_is_told() {
    let bench = Bench::stand_in().await;
    bench.run_well(&["--yes"]).await;
    bench.run_well(&["--destroy", "--yes"]).await;
    bench.run(&["--yes"]).await.check(3, "deleted less than a minute ago");
}

#[tokio::test]
async fn wrong_flags_are_told_before_aws_is_asked() {
    let bench = Bench::stand_in().await;
    for (flags, part) in [
        (&["--visibility", "5s"][..], "from 30s to 43200s"),
        (&["--retention", "15d"], "from 60s to 1209600s"),
        (&["--queue", "a b"], "no name of a queue"),
        (&["--queue", "a.fifo"], "FIFO"),
        (&["--archive-days", "3"], "--archive"),
        (&["--even-with-messages"], "--destroy"),
        (&["--destroy", "--archive"], "cannot be used with"),
        (&["--with-archive"], "--destroy"),
        (&["--all-events", "--only-routes"], "cannot be used with"),
        (&["--max-receive-count", "1"], "2..=1000"),
    ] {
        bench.run_bare(flags).await.check(2, part);
    }
    assert_eq!(bench.handle().operations(), [""; 0]);
}

/// The actions that a policy in `config/iam` allows.
fn allowed(file: &str) -> BTreeSet<String> {
    let policy: Value =
        serde_json::from_str(&repository::read(&format!("config/iam/{file}"))).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    let actions = statements.iter().flat_map(|statement| {
        assert_eq!(statement["Effect"], "Allow");
        statement["Action"].as_array().unwrap().iter()
    });
    actions.map(|action| action.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_policies_allow_what_is_called_and_no_more() {
    let bench = Bench::stand_in().await;
    let called = || bench.handle().operations().into_iter().collect::<BTreeSet<_>>();
    bench.run_bare(&["--dry-run"]).await.check(0, "7 to create");
    bench.run_well(&["--yes", "--archive"]).await;
    let before = called();
    bench.run_well(&["--dry-run", "--archive"]).await;
    assert_eq!(called(), before);
    bench.run_well(&["--yes", "--archive", "--archive-days", "3"]).await;
    bench.run_well(&["--yes", "--visibility", "60s"]).await;
    let section = section(&bench.run_well(&["--yes"]).await);
    let settings = section.iter().fold(Settings::new("eventbridge"), |settings, (key, value)| {
        settings.set(&format!("eventbridge.{key}"), value.as_str().unwrap())
    });
    let before = called();
    let mut doctor = process::command(&settings);
    doctor.args(["doctor", "--only", "aws"]);
    said(doctor).await.check(0, "good   rule twinstream: queue policy: lets it in");
    // Beside what `setup aws` reads.
    let looked: BTreeSet<String> = called().difference(&before).cloned().collect();
    bench.run_well(&["--destroy", "--yes", "--with-archive"]).await;
    let mut setup: BTreeSet<String> = called().difference(&looked).cloned().collect();
    // `CreateQueue` with tags takes it (SQS developer guide, "Amazon SQS API permissions").
    setup.insert("sqs:TagQueue".into());
    assert_eq!(allowed("setup-aws.json"), setup);
    let looks = |action: &&String| {
        let (_, operation) = action.split_once(':').unwrap();
        ["Get", "List", "Describe"].iter().any(|word| operation.starts_with(word))
    };
    // For `setup aws --dry-run` too.
    let reading = setup.iter().filter(looks).cloned().chain(looked);
    assert_eq!(allowed("doctor.json"), reading.collect::<BTreeSet<_>>());
}

#[tokio::test]
async fn the_gateways_policy_allows_what_it_calls() {
    let bench = Bench::stand_in().await;
    let made = bench.run_well(&["--yes"]).await;
    let before = bench.handle().operations();
    let section = section(&made);
    let settings = section.iter().fold(Settings::new("eventbridge"), |settings, (key, value)| {
        settings.set(&format!("eventbridge.{key}"), value.as_str().unwrap())
    });
    let bus = format!(
        r#"[{{ name = "bus", event_bus = "default", region = "us-east-1", endpoint_url = "{}" }}]"#,
        bench.endpoint_url
    );
    let settings = settings.set("targets", &bus);
    let settings = settings.set("routes", r#"[{ name = "all", target = "bus" }]"#);
    let gateway = Gateway::start(settings).await;
    let url = section["queue_url"].as_str().unwrap();
    for body in ["no event".to_owned(), event("evt_1", 1, 1).by_eventbridge().envelope()] {
        bench.queues.send_message().queue_url(url).message_body(body).send().await.unwrap();
    }
    gateway.arrived(2).await;
    gateway.delivered().await;
    let letters = gateway.get("/api/v1/dead-letters").await;
    assert_eq!(letters.status, 200, "{}", letters.body);
    gateway.stop().await;
    let allowed = allowed("serve.json");
    let called = bench.handle().operations();
    for operation in called.iter().filter(|operation| !before.contains(operation)) {
        // A batch takes the permission of its single call (SQS developer guide, as above).
        let permission = operation.strip_suffix("Batch").unwrap_or(operation);
        assert!(allowed.contains(permission), "{permission}");
    }
    for operation in ["sqs:DeleteMessageBatch", "events:PutEvents"] {
        assert!(called.contains(&operation.to_owned()), "{operation}: {called:?}");
    }
}

/// The Service Authorization Reference names no resource for these: with one they allow nothing.
#[test]
fn what_has_no_resource_stands_on_all() {
    const WITHOUT: [&str; 4] = [
        "events:ListEventSources",
        "events:ListEventBuses",
        "events:ListRules",
        "events:ListRuleNamesByTarget",
    ];
    for file in ["serve.json", "setup-aws.json", "doctor.json"] {
        let policy: Value =
            serde_json::from_str(&repository::read(&format!("config/iam/{file}"))).unwrap();
        for statement in policy["Statement"].as_array().unwrap() {
            let actions = statement["Action"].as_array().unwrap();
            let without = actions.iter().any(|action| WITHOUT.contains(&action.as_str().unwrap()));
            assert_eq!(without, statement["Resource"] == "*", "{file}: {}", statement["Sid"]);
        }
    }
}
