//! Partner event sources, archives, queue policies and permissions, through the SDKs.

use aws_sdk_eventbridge::error::ProvideErrorMetadata as _;
use aws_sdk_eventbridge::types::{DeadLetterConfig, EventSourceState, RetryPolicy, Target};
use aws_sdk_sqs::types::QueueAttributeName;

use super::super::{Faults, Settings};
use super::{Bench, with_endpoint};
use crate::clock::{Clock, ManualClock};
use crate::event::Timestamp;

const SOURCE: &str = "aws.partner/auth0.com/acme-1/auth0.events";
const PATTERN: &str = r#"{"source": [{"prefix": "aws.partner/auth0.com/"}]}"#;

impl Bench {
    async fn associate(&self) -> Result<(), Option<String>> {
        let call = self.events.create_event_bus().name(SOURCE).event_source_name(SOURCE);
        let made = call.send().await;
        made.map(drop).map_err(|error| error.code().map(str::to_owned))
    }

    async fn state(&self) -> EventSourceState {
        let found = self.events.describe_event_source().name(SOURCE).send().await.unwrap();
        found.state.unwrap()
    }

    async fn wire(&self) {
        let rule = self.events.put_rule().name("rule").event_bus_name(SOURCE);
        rule.event_pattern(PATTERN).description("ours").send().await.unwrap();
        let letters = DeadLetterConfig::builder().arn(self.handle.queue_arn("dead")).build();
        let retry = RetryPolicy::builder().maximum_retry_attempts(185);
        let target = Target::builder()
            .id("queue")
            .arn(self.handle.queue_arn("q"))
            .retry_policy(retry.maximum_event_age_in_seconds(86_400).build())
            .dead_letter_config(letters);
        let call = self.events.put_targets().rule("rule").event_bus_name(SOURCE);
        call.targets(target.build().unwrap()).send().await.unwrap();
    }

    fn put_one(&self) -> usize {
        self.handle.put_partner_event(SOURCE, "any", r#"{"type": "t"}"#).unwrap().queues
    }

    fn waiting(&self, queue: &str) -> usize {
        self.handle.depth(queue).unwrap().visible
    }
}

#[tokio::test]
async fn a_source_waits_for_its_bus_and_drops_what_comes_before() {
    with_endpoint(Settings::default(), async |bench: Bench| {
        assert_eq!(bench.associate().await, Err(Some("ResourceNotFoundException".into())));
        bench.handle.offer_partner_source(SOURCE).unwrap();
        assert_eq!(bench.state().await, EventSourceState::Pending);
        let alone = bench.events.create_event_bus().name(SOURCE).send().await.unwrap_err();
        assert_eq!(alone.code(), Some("ValidationException"));
        bench.queue("q", &[]).await;
        bench.handle.admit_rules("q").unwrap();
        assert_eq!(bench.put_one(), 0);
        bench.associate().await.unwrap();
        assert_eq!(bench.associate().await, Err(Some("ResourceAlreadyExistsException".into())));
        bench.wire().await;
        assert_eq!((bench.state().await, bench.put_one()), (EventSourceState::Active, 1));

        bench.handle.withdraw_partner_source(SOURCE);
        assert_eq!((bench.state().await, bench.put_one()), (EventSourceState::Deleted, 0));
        bench.handle.offer_partner_source(SOURCE).unwrap();
        let remove = bench.events.remove_targets().rule("rule").event_bus_name(SOURCE);
        remove.ids("queue").send().await.unwrap();
        let rule = bench.events.delete_rule().name("rule").event_bus_name(SOURCE);
        rule.send().await.unwrap();
        bench.events.delete_event_bus().name(SOURCE).send().await.unwrap();
        assert_eq!(bench.state().await, EventSourceState::Pending);
    })
    .await;
}

#[tokio::test]
async fn sources_are_listed_page_by_page() {
    with_endpoint(Settings::default(), async |bench: Bench| {
        for source in ["aws.partner/auth0.com/b/auth0.events", SOURCE, "aws.partner/other.com/x"] {
            bench.handle.offer_partner_source(source).unwrap();
        }
        let list = || bench.events.list_event_sources().name_prefix("aws.partner/auth0.com/");
        let first = list().limit(1).send().await.unwrap();
        let one = &first.event_sources()[0];
        assert_eq!((one.name(), one.created_by()), (Some(SOURCE), Some("aws.partner/auth0.com")));
        assert!(one.creation_time().is_some() && one.expiration_time().is_some());
        let rest = list().set_next_token(first.next_token).send().await.unwrap();
        let names: Vec<_> = rest.event_sources().iter().map(|one| one.name().unwrap()).collect();
        assert_eq!(names, ["aws.partner/auth0.com/b/auth0.events"]);
        assert_eq!(rest.next_token(), None);
    })
    .await;
}

#[tokio::test]
async fn rules_and_targets_are_told_in_full() {
    with_endpoint(Settings::default(), async |bench: Bench| {
        bench.queue("q", &[]).await;
        bench.handle.connect_partner(SOURCE, "q").unwrap();
        bench.wire().await;
        let rule = || bench.events.describe_rule().name("rule").event_bus_name(SOURCE).send();
        let found = rule().await.unwrap();
        assert_eq!((found.event_pattern(), found.description()), (Some(PATTERN), Some("ours")));
        bench.events.disable_rule().name("rule").event_bus_name(SOURCE).send().await.unwrap();
        assert_eq!(rule().await.unwrap().state().unwrap().as_str(), "DISABLED");
        bench.events.enable_rule().name("rule").event_bus_name(SOURCE).send().await.unwrap();
        assert_eq!(rule().await.unwrap().state().unwrap().as_str(), "ENABLED");

        let list = bench.events.list_targets_by_rule().rule("rule").event_bus_name(SOURCE);
        let target = list.send().await.unwrap().targets.unwrap().remove(0);
        let retry = target.retry_policy.unwrap();
        assert_eq!(retry.maximum_retry_attempts(), Some(185));
        assert_eq!(retry.maximum_event_age_in_seconds(), Some(86_400));
        assert_eq!(
            target.dead_letter_config.unwrap().arn().unwrap(),
            bench.handle.queue_arn("dead")
        );
        let names = bench.events.list_rule_names_by_target().event_bus_name(SOURCE);
        let names = names.target_arn(bench.handle.queue_arn("q")).send().await.unwrap();
        assert_eq!(names.rule_names(), ["all-of-auth0", "rule"]);
    })
    .await;
}

#[tokio::test]
async fn a_queues_policy_keeps_rules_out() {
    with_endpoint(Settings::default(), async |bench: Bench| {
        let url = bench.queue("q", &[]).await;
        let dead = bench.queue("dead", &[]).await;
        bench.handle.offer_partner_source(SOURCE).unwrap();
        bench.associate().await.unwrap();
        bench.wire().await;
        assert_eq!(bench.put_one(), 0, "neither the queue nor the other lets the rule in");
        bench.handle.admit_rules("dead").unwrap();
        assert_eq!(bench.put_one(), 1);
        assert_eq!((bench.waiting("q"), bench.waiting("dead")), (0, 1));
        let letter = bench.receive(&dead).await.remove(0);
        let code = &letter.message_attributes().unwrap()["ERROR_CODE"];
        assert_eq!(code.string_value(), Some("NO_PERMISSIONS"));

        bench.handle.admit_rules("q").unwrap();
        assert_eq!((bench.put_one(), bench.waiting("q")), (1, 1));
        let none = bench.sqs.set_queue_attributes().queue_url(&url);
        none.attributes(QueueAttributeName::Policy, "").send().await.unwrap();
        let all = bench.sqs.get_queue_attributes().queue_url(&url);
        let all = all.attribute_names(QueueAttributeName::All).send().await.unwrap();
        assert!(!all.attributes().unwrap().contains_key(&QueueAttributeName::Policy));
        bench.put_one();
        assert_eq!(bench.waiting("q"), 1);
    })
    .await;
}

#[tokio::test]
async fn an_archive_holds_its_bus() {
    with_endpoint(Settings::default(), async |bench: Bench| {
        bench.handle.offer_partner_source(SOURCE).unwrap();
        bench.associate().await.unwrap();
        let bus = bench.events.describe_event_bus().name(SOURCE).send().await.unwrap();
        let call = bench.events.create_archive().archive_name("kept").retention_days(30);
        call.event_source_arn(bus.arn.unwrap()).send().await.unwrap();
        let change = bench.events.update_archive().archive_name("kept").retention_days(60);
        change.send().await.unwrap();
        let found = bench.events.describe_archive().archive_name("kept").send().await.unwrap();
        assert_eq!(found.retention_days(), Some(60));
        let rules = bench.events.list_rules().event_bus_name(SOURCE).send().await.unwrap();
        assert_eq!(rules.rules()[0].name(), Some("Events-Archive-kept"));
        bench.events.delete_event_bus().name(SOURCE).send().await.unwrap_err();
        let delete = || bench.events.delete_archive().archive_name("kept").send();
        delete().await.unwrap();
        let gone = delete().await.unwrap_err();
        assert_eq!(gone.code(), Some("ResourceNotFoundException"));
        bench.events.delete_event_bus().name(SOURCE).send().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let faults = Faults {
        denied_operations: vec!["events:PutRule".into(), "sqs:CreateQueue".into()],
        ..Faults::default()
    };
    with_endpoint(Settings { faults, ..Settings::default() }, async |bench: Bench| {
        let rule = bench.events.put_rule().name("r").event_pattern(PATTERN).send().await;
        let error = rule.unwrap_err();
        assert_eq!(error.code(), Some("AccessDeniedException"));
        assert!(error.message().unwrap().contains("events:PutRule"));
        let queue = bench.sqs.create_queue().queue_name("q").send().await.unwrap_err();
        assert_eq!(queue.code(), Some("AccessDeniedException"));
        bench.events.list_rules().send().await.unwrap();
        assert_eq!(bench.handle.operations(), ["events:ListRules"]);
    })
    .await;
}

#[tokio::test]
async fn a_deleted_queues_name_is_free_after_a_minute_and_tags_are_kept() {
    let clock = ManualClock::at(Timestamp::from_millis(1_700_000_000_000));
    let settings = Settings { clock: Clock::Manual(clock.clone()), ..Settings::default() };
    with_endpoint(settings, async |bench: Bench| {
        let call = bench.sqs.create_queue().queue_name("q").tags("made-by", "us");
        let url = call.send().await.unwrap().queue_url.unwrap();
        bench.sqs.tag_queue().queue_url(&url).tags("for", "auth0").send().await.unwrap();
        let tags = bench.sqs.list_queue_tags().queue_url(&url).send().await.unwrap().tags.unwrap();
        assert_eq!((tags["made-by"].as_str(), tags["for"].as_str()), ("us", "auth0"));

        bench.sqs.delete_queue().queue_url(&url).send().await.unwrap();
        let error = bench.sqs.create_queue().queue_name("q").send().await.unwrap_err();
        assert!(error.into_service_error().is_queue_deleted_recently());
        clock.advance(std::time::Duration::from_mins(1));
        bench.queue("q", &[]).await;
    })
    .await;
}
