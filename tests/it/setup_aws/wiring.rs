//! From nothing to a gateway that gets events, once more, after changes by others, and back to nothing.

use serde_json::json;
use twinstream::provision::aws;

use super::{Bench, SOURCE, check_json, section};
use crate::support::event::event;
use crate::support::gateway::Gateway;
use crate::support::settings::Settings;

/// Everything is made as it should be, once.
async fn all_is_made_once(bench: Bench) {
    let shown = bench.run_well(&["--dry-run"]).await;
    assert!(shown.contains("7 to create"), "{shown}");
    let nobody = bench.queues.get_queue_url().queue_name(&bench.queue).send().await;
    assert!(nobody.is_err(), "a dry run makes nothing");
    let alone = bench.run(&[]).await;
    alone.check(2, "there is nobody to ask");

    let made = bench.run_well(&["--yes"]).await;
    assert!(made.contains("[7/7] target of rule twinstream created"), "{made}");
    let first = section(&made);
    check_made(&bench).await;

    let again = bench.run_well(&["--yes"]).await;
    assert!(again.contains("Nothing to do"), "{again}");
    assert_eq!(section(&again), first);

    let (queue, dead) = (bench.queue.clone(), format!("{}-dead-letters", bench.queue));
    bench.drift(&queue, "VisibilityTimeout", "30").await;
    bench.drift(&dead, "MessageRetentionPeriod", "60").await;
    let rule = || bench.events.put_rule().name("twinstream").event_bus_name(&bench.source);
    rule().event_pattern(r#"{"source": ["aws.partner/auth0.com"]}"#).send().await.unwrap();
    let shown = bench.run_well(&["--dry-run"]).await;
    assert!(shown.contains("VisibilityTimeout: 30 → 90"), "{shown}");
    assert!(shown.contains("3 to update"), "{shown}");
    bench.run_well(&["--yes"]).await;
    check_made(&bench).await;

    // A choice of the user's own.
    let own = ["--yes", "--visibility", "120s", "--max-receive-count", "5", "--retention", "7d"];
    bench.run_well(&own).await;
    let attributes = bench.attributes(&bench.queue).await;
    assert_eq!(attributes["VisibilityTimeout"], "120");
    assert_eq!(attributes["MessageRetentionPeriod"], "604800");

    all_is_taken_down(bench).await;
}

async fn check_made(bench: &Bench) {
    let attributes = bench.attributes(&bench.queue).await;
    for (name, text) in [
        ("VisibilityTimeout", "90"),
        ("ReceiveMessageWaitTimeSeconds", "20"),
        ("MessageRetentionPeriod", "345600"),
        ("SqsManagedSseEnabled", "true"),
    ] {
        assert_eq!(attributes[name], text, "{name}");
    }
    let arn = |name: &str| format!("arn:aws:sqs:us-east-1:000000000000:{name}");
    let (dead, undelivered) =
        (format!("{}-dead-letters", bench.queue), format!("{}-undelivered", bench.queue));
    let redrive = json!({"deadLetterTargetArn": arn(&dead), "maxReceiveCount": 3});
    check_json(&attributes["RedrivePolicy"], &redrive);
    let dead = bench.attributes(&dead).await;
    assert_eq!(dead["MessageRetentionPeriod"], "1209600");
    let allow = json!({"redrivePermission": "byQueue", "sourceQueueArns": [arn(&bench.queue)]});
    check_json(&dead["RedriveAllowPolicy"], &allow);
    assert_eq!(bench.attributes(&undelivered).await["SqsManagedSseEnabled"], "true");

    let call = bench.events.describe_rule().name("twinstream").event_bus_name(&bench.source);
    let rule = call.send().await.unwrap();
    let pattern = json!({"source": [{"prefix": "aws.partner/auth0.com/"}]});
    check_json(rule.event_pattern().unwrap(), &pattern);
    let policy = &attributes["Policy"];
    assert!(policy.contains(rule.arn().unwrap()), "the ARN is that of the rule: {policy}");
    let call = bench.events.list_targets_by_rule().rule("twinstream");
    let found = call.event_bus_name(&bench.source).send().await.unwrap();
    let [target] = found.targets() else { panic!("{found:?}") };
    assert_eq!(target.arn(), arn(&bench.queue));
    let letters = target.dead_letter_config().and_then(|config| config.arn());
    assert_eq!(letters, Some(arn(&undelivered).as_str()));
    let retry = target.retry_policy().unwrap();
    let numbers = (retry.maximum_event_age_in_seconds(), retry.maximum_retry_attempts());
    assert_eq!(numbers, (Some(86_400), Some(185)));
}

async fn all_is_taken_down(bench: Bench) {
    let url = bench.queues.get_queue_url().queue_name(&bench.queue).send().await.unwrap();
    let send = bench.queues.send_message().queue_url(url.queue_url().unwrap());
    send.message_body("{}").send().await.unwrap();
    let kept = bench.run(&["--destroy", "--yes"]).await;
    kept.check(1, "holds about 1 messages");
    bench.attributes(&bench.queue).await;
    let bus = || bench.events.describe_event_bus().name(&bench.source).send();
    bus().await.unwrap_err();

    let gone = bench.run_well(&["--destroy", "--yes", "--even-with-messages"]).await;
    assert!(gone.contains(&format!("queue {} deleted", bench.queue)), "{gone}");
    let again = bench.run_well(&["--destroy", "--yes", "--even-with-messages"]).await;
    assert!(again.contains("Nothing to do"), "{again}");
}

#[tokio::test]
async fn all_is_made_once_at_the_stand_in() {
    all_is_made_once(Bench::stand_in().await).await;
}

#[tokio::test]
async fn all_is_made_once_at_the_emulator() {
    all_is_made_once(Bench::emulator().await).await;
}

#[tokio::test]
async fn auth0s_events_come_to_a_gateway_with_the_printed_section() {
    let bench = Bench::stand_in().await;
    let put = |id: &str| {
        let detail = event(id, 1, 1).by_eventbridge().body();
        bench.handle().put_partner_event(SOURCE, "any", &detail).unwrap().queues
    };
    assert_eq!(put("evt_dropped"), 0, "the source is pending");
    let made = bench.run_well(&["--yes", "--archive", "--archive-days", "7"]).await;
    assert!(made.contains("archive auth0-events created"), "{made}");
    assert!(made.contains("The source is ACTIVE"), "{made}");
    assert_eq!(put("evt_1"), 1);

    let section = section(&made);
    let settings = section.iter().fold(Settings::new("eventbridge"), |settings, (key, value)| {
        settings.set(&format!("eventbridge.{key}"), value.as_str().unwrap())
    });
    let gateway = Gateway::start(settings).await;
    gateway.arrived(1).await;
    assert!(gateway.story("evt_1").await.is_some());
    gateway.stop().await;

    let down = bench.run_well(&["--destroy", "--yes", "--with-archive"]).await;
    assert!(down.contains("archive auth0-events deleted"), "{down}");
    assert_eq!(put("evt_late"), 0, "the source is pending again");
}

#[tokio::test]
async fn with_only_routes_the_rest_is_left_at_the_bus() {
    let mut bench = Bench::stand_in().await;
    bench.settings = bench.settings.deliver("app", "http://127.0.0.1:9/", &["user.updated"]);
    let made = bench.run_well(&["--yes", "--only-routes"]).await;
    assert!(made.contains("no longer come by EventBridge"), "{made}");
    let put = |kind: &str| {
        let detail = json!({"type": kind}).to_string();
        bench.handle().put_partner_event(SOURCE, "any", &detail).unwrap().queues
    };
    assert_eq!((put("user.updated"), put("user.created")), (1, 0));
    let bare = bench.run_well(&["--yes"]).await;
    assert!(bare.contains("Nothing to do") && bare.contains("--all-events takes all"), "{bare}");
    let wider = bench.run_well(&["--yes", "--all-events"]).await;
    assert!(wider.contains("EventPattern:") && wider.contains("1 to update"), "{wider}");
    assert_eq!(put("user.created"), 1);
}

#[tokio::test]
async fn what_somebody_else_made_is_taken_over_and_not_taken_down() {
    let bench = Bench::stand_in().await;
    let made = bench.queues.create_queue().queue_name(&bench.queue).send().await.unwrap();
    let theirs = json!({"Version": "2012-10-17", "Statement": [{"Sid": "Theirs", "Effect": "Allow",
        "Principal": "*", "Action": "sqs:ReceiveMessage", "Resource": "*"}]});
    bench.drift(&bench.queue, "Policy", &theirs.to_string()).await;
    bench.run_well(&["--yes"]).await;
    let policy = &bench.attributes(&bench.queue).await["Policy"];
    assert!(policy.contains("Theirs") && policy.contains("TwinstreamRuleOnly"), "{policy}");

    let rule = bench.events.put_rule().name("theirs").event_bus_name(SOURCE);
    rule.event_pattern(r#"{"source": ["x"]}"#).send().await.unwrap();
    let down = bench.run_well(&["--destroy", "--yes"]).await;
    assert!(down.contains("the bus has other rules, and stays: theirs"), "{down}");
    assert!(down.contains("was not made by `setup aws`, and stays"), "{down}");
    bench.events.describe_event_bus().name(SOURCE).send().await.unwrap();
    let url = made.queue_url().unwrap();
    bench.queues.get_queue_attributes().queue_url(url).send().await.unwrap();
}

#[tokio::test]
async fn two_tenants_share_a_queue_and_one_leaves() {
    const OTHER: &str = "aws.partner/auth0.com/other-9/auth0.events";
    let bench = Bench::stand_in().await;
    bench.handle().offer_partner_source(OTHER).unwrap();
    let put = |source: &str| bench.handle().put_partner_event(source, "any", "{}").unwrap().queues;
    bench.run_well(&["--yes"]).await;
    let second = bench.run_bare(&["--yes", "--source", OTHER]).await;
    second.check(0, "Policy: this rule and 1 more that it let in may send");
    second.check(0, &format!("the rule twinstream on the bus {SOURCE} sends to the queue"));
    assert_eq!((put(SOURCE), put(OTHER)), (1, 1));
    let left = bench.run_bare(&["--destroy", "--yes", "--source", OTHER]).await;
    left.check(0, "the queues stay: ");
    left.check(0, "Policy: this rule may not send any more");
    assert_eq!((put(SOURCE), put(OTHER)), (1, 0));
}

#[tokio::test]
async fn a_queue_that_something_has_come_to_meanwhile_is_not_deleted() {
    let bench = Bench::stand_in().await;
    bench.run_well(&["--yes"]).await;
    let services = aws::Services::new(bench.events.clone(), bench.queues.clone());
    let place = aws::Place::of_arn("arn:aws:sqs:us-east-1:000000000000:any").unwrap();
    let delete = async |even_with_messages: bool| {
        let action = aws::Action::DeleteQueue { name: bench.queue.clone(), even_with_messages };
        services.carry_out(&action, &place).await
    };
    let url = services_url(&bench).await;
    bench.queues.send_message().queue_url(url).message_body("{}").send().await.unwrap();
    let refused = delete(false).await.unwrap_err();
    assert!(matches!(refused.trouble(), aws::Trouble::NotMade(_)), "{refused:?}");
    delete(true).await.unwrap();
}

async fn services_url(bench: &Bench) -> String {
    let found = bench.queues.get_queue_url().queue_name(&bench.queue).send().await.unwrap();
    found.queue_url.unwrap()
}

#[tokio::test]
async fn a_dead_letter_queue_that_is_there_is_used() {
    let bench = Bench::stand_in().await;
    bench.run_well(&["--yes"]).await;
    let mine = bench.queues.create_queue().queue_name("mine").send().await.unwrap();
    let redrive = json!({
        "deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:mine", "maxReceiveCount": 9,
    });
    bench.drift(&bench.queue, "RedrivePolicy", &redrive.to_string()).await;
    let bare = bench.run_well(&["--yes"]).await;
    assert!(bare.contains("Nothing to do"), "{bare}");
    let url = mine.queue_url().unwrap();
    assert_eq!(section(&bare)["dead_letter_queue_url"].as_str(), Some(url));
}
