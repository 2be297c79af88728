//! Faults as the SDKs see them.

use std::net::SocketAddr;
use std::time::Duration;

use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::super::{Aws, Faults, Outage, Probability, Settings};
use super::{Bench, with_endpoint};

#[tokio::test]
async fn throttling_has_the_code_of_each_service() {
    with_endpoint(Settings::default(), async |bench: Bench| {
        let url = bench.queue("q", &[]).await;
        bench.handle.set_faults(Faults { throttle: Probability::ALWAYS, ..Faults::default() });
        let error = bench.sqs.receive_message().queue_url(&url).send().await.unwrap_err();
        assert!(error.into_service_error().is_request_throttled());
        let error = bench.events.list_event_buses().send().await.unwrap_err();
        assert_eq!(error.code(), Some("ThrottlingException"));

        bench.handle.change_faults(|faults| {
            faults.throttled_operations = vec!["PutEvents".to_owned()];
        });
        bench.send(&url, &["a"]).await;
    })
    .await;
}

#[tokio::test]
async fn an_outage_answers_503() {
    with_endpoint(Settings::default(), async |bench: Bench| {
        let url = bench.queue("q", &[]).await;
        let poll = bench.sqs.receive_message().queue_url(&url).wait_time_seconds(20).send();
        let fail = async {
            sleep(Duration::from_millis(50)).await;
            bench.handle.change_faults(|faults| faults.outage = Some(Outage::Unavailable));
        };
        let begun = Instant::now();
        let (polled, ()) = tokio::join!(poll, fail);
        assert!(begun.elapsed() < Duration::from_secs(5));
        let error = polled.unwrap_err();
        assert_eq!(error.raw_response().unwrap().status().as_u16(), 503);
        assert_eq!(error.code(), Some("InternalFailure"));
        bench.handle.set_faults(Faults::default());
        bench.send(&url, &["a"]).await;
    })
    .await;
}

#[tokio::test]
async fn an_outage_resets_connections() {
    with_endpoint(Settings::default(), async |bench: Bench| {
        let url = bench.queue("q", &[]).await;
        let poll = bench.sqs.receive_message().queue_url(&url).wait_time_seconds(20).send();
        let cut = async {
            sleep(Duration::from_millis(50)).await;
            bench.handle.change_faults(|faults| faults.outage = Some(Outage::Reset));
        };
        let begun = Instant::now();
        let (polled, ()) = tokio::join!(poll, cut);
        assert!(begun.elapsed() < Duration::from_secs(5));
        assert!(matches!(polled.unwrap_err(), SdkError::DispatchFailure(_)));
        for _ in 0..2 {
            let error = bench.sqs.receive_message().queue_url(&url).send().await.unwrap_err();
            assert!(matches!(error, SdkError::DispatchFailure(_)), "{error:?}");
        }
        bench.handle.set_faults(Faults::default());
        bench.send(&url, &["a"]).await;
    })
    .await;
}

#[tokio::test]
async fn entries_of_a_batch_fail_and_keep_their_messages() {
    with_endpoint(Settings::default(), async |bench: Bench| {
        let url = bench.queue("q", &[]).await;
        bench.handle.change_faults(|faults| faults.entry_failure = Probability::clamped(0.5));
        let entry = |id: usize| {
            let entry = SendMessageBatchRequestEntry::builder().id(id.to_string());
            entry.message_body("x").build().unwrap()
        };
        let call = bench.sqs.send_message_batch().queue_url(&url);
        let sent = call.set_entries(Some((0..10).map(entry).collect())).send().await.unwrap();
        assert_eq!(sent.failed()[0].code(), "InternalFailure");
        assert!(!sent.failed()[0].sender_fault());
        assert_eq!(sent.successful().len() + sent.failed().len(), 10);
        assert_eq!(bench.handle.depth("q").unwrap().visible, sent.successful().len());
    })
    .await;
}

#[tokio::test]
async fn receives_can_be_short_or_empty() {
    with_endpoint(Settings::default(), async |bench: Bench| {
        let url = bench.queue("q", &[]).await;
        bench.send(&url, &["x"; 20]).await;
        bench.handle.set_faults(Faults { short_receive: Probability::ALWAYS, ..Faults::default() });
        let short = bench.receive(&url).await.len();
        assert!((1..10).contains(&short));
        bench.handle.set_faults(Faults { empty_receive: Probability::ALWAYS, ..Faults::default() });
        assert_eq!(bench.receive(&url).await, []);
        assert_eq!(bench.handle.depth("q").unwrap().visible, 20 - short);
        // A long poll that never finds anything ends in time all the same.
        let poll = bench.sqs.receive_message().queue_url(&url).wait_time_seconds(1);
        assert_eq!(poll.send().await.unwrap().messages(), []);
    })
    .await;
}

#[tokio::test]
async fn an_endpoint_can_come_back_at_its_address() {
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let first = Aws::bind(free, Settings::default()).await.unwrap();
    let address = first.address();
    let stop = CancellationToken::new();
    stop.cancel();
    first.run(stop).await.unwrap();
    let second = Aws::bind(address, Settings::default()).await.unwrap();
    assert_eq!(second.url(), format!("http://{address}"));
}
