//! Dead letters and their way back, through the SDK.

use std::time::Duration;

use aws_sdk_sqs::types::MessageSystemAttributeName;

use super::super::Settings;
use super::{Bench, bodies, with_endpoint};
use crate::clock::{Clock, ManualClock};
use crate::event::Timestamp;

/// A queue whose messages die at their second receive, with one dead letter in its dead-letter
/// queue. Gives the URLs of both.
async fn with_dead_letter(bench: &Bench, clock: &ManualClock) -> (String, String) {
    let dead = bench.queue("dead", &[]).await;
    let policy = format!(
        r#"{{"deadLetterTargetArn":"{}","maxReceiveCount":"1"}}"#,
        bench.handle.queue_arn("dead")
    );
    let url = bench.queue("q", &[("RedrivePolicy", &policy)]).await;
    bench.send(&url, &["a"]).await;
    assert_eq!(bodies(&bench.receive(&url).await), ["a"]);
    clock.advance(Duration::from_secs(30));
    assert_eq!(bench.handle.depth("q").unwrap().visible, 1);
    assert_eq!(bodies(&bench.receive(&url).await), [""; 0]);
    (url, dead)
}

fn settings() -> (ManualClock, Settings) {
    let clock = ManualClock::at(Timestamp::from_millis(1_700_000_000_000));
    (clock.clone(), Settings { clock: Clock::Manual(clock), ..Settings::default() })
}

#[tokio::test]
async fn a_dead_letter_is_moved_back() {
    let (clock, settings) = settings();
    with_endpoint(settings, async |bench: Bench| {
        let (url, dead) = with_dead_letter(&bench, &clock).await;
        let letters = bench.receive(&dead).await;
        let source = &letters[0].attributes().unwrap()
            [&MessageSystemAttributeName::DeadLetterQueueSourceArn];
        assert_eq!(*source, bench.handle.queue_arn("q"));
        clock.advance(Duration::from_secs(30));
        let sources = bench.sqs.list_dead_letter_source_queues().queue_url(&dead).send().await;
        assert_eq!(sources.unwrap().queue_urls(), std::slice::from_ref(&url));

        let arn = bench.handle.queue_arn("dead");
        let start = || bench.sqs.start_message_move_task().source_arn(&arn).send();
        assert!(start().await.unwrap().task_handle().is_some());
        let list = || async {
            let call = bench.sqs.list_message_move_tasks().source_arn(&arn);
            call.send().await.unwrap().results.unwrap().remove(0)
        };
        let running = list().await;
        assert_eq!((running.status(), running.task_handle().is_some()), (Some("RUNNING"), true));
        assert!(start().await.unwrap_err().into_service_error().meta().code().is_some());
        clock.advance(Duration::from_secs(1));
        let done = list().await;
        assert_eq!(done.status(), Some("COMPLETED"));
        assert_eq!(done.approximate_number_of_messages_moved(), 1);

        let back = bench.receive(&url).await;
        assert_eq!(bodies(&back), ["a"]);
        assert_ne!(back[0].message_id(), letters[0].message_id());
        bench.delete(&url, &back[0]).await;
        assert_eq!(bench.handle.totals("dead").moved, 1);
        assert_eq!(bench.handle.totals("q").waiting(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_move_can_be_cancelled_and_needs_a_dead_letter_queue() {
    let (clock, settings) = settings();
    with_endpoint(settings, async |bench: Bench| {
        with_dead_letter(&bench, &clock).await;
        let start = |queue| {
            let call = bench.sqs.start_message_move_task();
            call.source_arn(bench.handle.queue_arn(queue)).max_number_of_messages_per_second(1)
        };
        start("q").send().await.unwrap_err();
        let gone = start("gone").send().await.unwrap_err().into_service_error();
        assert!(gone.is_resource_not_found_exception());
        let handle = start("dead").send().await.unwrap().task_handle.unwrap();
        let cancel = || bench.sqs.cancel_message_move_task().task_handle(&handle).send();
        assert_eq!(cancel().await.unwrap().approximate_number_of_messages_moved(), 0);
        assert!(cancel().await.unwrap_err().into_service_error().is_resource_not_found_exception());
        assert_eq!(bench.handle.depth("dead").unwrap().visible, 1);
    })
    .await;
}

#[tokio::test]
async fn a_letter_of_unknown_origin_stays() {
    let (clock, settings) = settings();
    with_endpoint(settings, async |bench: Bench| {
        let (_, dead) = with_dead_letter(&bench, &clock).await;
        let letters = bench.receive(&dead).await;
        bench.delete(&dead, &letters[0]).await;
        bench.send(&dead, &["stray"]).await;
        let arn = bench.handle.queue_arn("dead");
        bench.sqs.start_message_move_task().source_arn(&arn).send().await.unwrap();
        clock.advance(Duration::from_secs(1));
        let list = bench.sqs.list_message_move_tasks().source_arn(&arn).send().await.unwrap();
        assert_eq!(list.results()[0].failure_reason(), Some("CouldNotDetermineMessageSource"));
        assert_eq!(bench.handle.bodies("dead"), ["stray".into()]);
    })
    .await;
}
