//! SQS through its SDK.

use std::time::Duration;

use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::operation::receive_message::ReceiveMessageError;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry,
    MessageAttributeValue, MessageSystemAttributeName, QueueAttributeName,
    SendMessageBatchRequestEntry,
};
use tokio::time::{Instant, sleep, timeout};

use super::super::{Recording, Settings};
use super::{Bench, bodies, with_endpoint};

fn entry(id: &str, body: &str) -> SendMessageBatchRequestEntry {
    SendMessageBatchRequestEntry::builder().id(id).message_body(body).build().unwrap()
}

#[tokio::test]
async fn a_message_is_sent_received_and_deleted() {
    with_endpoint(Settings::default(), async |bench: Bench| {
        let url = bench.queue("q", &[("VisibilityTimeout", "90")]).await;
        let attribute = MessageAttributeValue::builder()
            .data_type("String")
            .string_value("blue")
            .build()
            .unwrap();
        let sent = bench
            .sqs
            .send_message()
            .queue_url(&url)
            .message_body("abc")
            .message_attributes("colour", attribute)
            .send()
            .await
            .unwrap();
        assert_eq!(sent.md5_of_message_body(), Some("900150983cd24fb0d6963f7d28e17f72"));

        let received = bench.receive(&url).await;
        assert_eq!(bodies(&received), ["abc"]);
        let message = &received[0];
        assert_eq!(message.message_id(), sent.message_id());
        assert_eq!(message.md5_of_body(), sent.md5_of_message_body());
        assert_eq!(message.md5_of_message_attributes(), sent.md5_of_message_attributes());
        let colour = &message.message_attributes().unwrap()["colour"];
        assert_eq!(colour.string_value(), Some("blue"));
        let system = message.attributes().unwrap();
        assert_eq!(system[&MessageSystemAttributeName::ApproximateReceiveCount], "1");
        assert!(system[&MessageSystemAttributeName::SentTimestamp].parse::<u64>().is_ok());
        assert!(!system.contains_key(&MessageSystemAttributeName::SequenceNumber));

        assert_eq!(bench.handle.depth("q").unwrap().in_flight, 1);
        bench.delete(&url, message).await;
        // Once more is no error.
        bench.delete(&url, message).await;
        assert_eq!(bench.handle.deleted_bodies("q"), ["abc".into()]);
        assert_eq!(bench.handle.totals("q").deleted, 1);
    })
    .await;
}

#[tokio::test]
async fn queues_have_their_attributes() {
    with_endpoint(Settings::default(), async |bench: Bench| {
        let url = bench.queue("q", &[("VisibilityTimeout", "90")]).await;
        assert_eq!(url, bench.handle.queue_url("q"));
        let set = bench.sqs.set_queue_attributes().queue_url(&url);
        let set = set.attributes(QueueAttributeName::ReceiveMessageWaitTimeSeconds, "20");
        set.send().await.unwrap();
        bench.send(&url, &["a"]).await;
        let all = bench
            .sqs
            .get_queue_attributes()
            .queue_url(&url)
            .attribute_names(QueueAttributeName::All)
            .send()
            .await
            .unwrap();
        let all = all.attributes().unwrap();
        for (name, text) in [
            (QueueAttributeName::VisibilityTimeout, "90"),
            (QueueAttributeName::ReceiveMessageWaitTimeSeconds, "20"),
            (QueueAttributeName::ApproximateNumberOfMessages, "1"),
            (QueueAttributeName::QueueArn, "arn:aws:sqs:us-east-1:000000000000:q"),
        ] {
            assert_eq!(all[&name], text);
        }
        assert!(!all.contains_key(&QueueAttributeName::FifoQueue));

        let found = bench.sqs.get_queue_url().queue_name("q").send().await.unwrap();
        assert_eq!(found.queue_url(), Some(url.as_str()));
        bench.queue("other", &[]).await;
        let first = bench.sqs.list_queues().max_results(1).send().await.unwrap();
        let rest = bench.sqs.list_queues().set_next_token(first.next_token).send().await.unwrap();
        assert_eq!(first.queue_urls.unwrap(), [bench.handle.queue_url("other")]);
        assert_eq!(rest.queue_urls.unwrap(), std::slice::from_ref(&url));

        bench.sqs.purge_queue().queue_url(&url).send().await.unwrap();
        let again = bench.sqs.purge_queue().queue_url(&url).send().await.unwrap_err();
        assert!(again.into_service_error().is_purge_queue_in_progress());
        bench.sqs.delete_queue().queue_url(&url).send().await.unwrap();
        assert_eq!(bench.handle.depth("q"), None);
        assert_eq!(bench.handle.totals("q").purged, 1);
    })
    .await;
}

#[tokio::test]
async fn errors_have_the_types_the_sdk_knows() {
    with_endpoint(Settings::default(), async |bench: Bench| {
        let gone = bench.handle.queue_url("gone");
        let error = bench.sqs.receive_message().queue_url(&gone).send().await.unwrap_err();
        assert!(matches!(error.into_service_error(), ReceiveMessageError::QueueDoesNotExist(_)));

        let url = bench.queue("q", &[]).await;
        let delete = bench.sqs.delete_message().queue_url(&url).receipt_handle("x");
        let error = delete.send().await.unwrap_err().into_service_error();
        assert!(error.is_receipt_handle_is_invalid());

        let long = bench.sqs.receive_message().queue_url(&url).wait_time_seconds(21);
        let error = long.send().await.unwrap_err();
        assert_eq!(error.code(), Some("InvalidParameterValue"));
        let many = bench.sqs.receive_message().queue_url(&url).max_number_of_messages(11);
        assert_eq!(many.send().await.unwrap_err().code(), Some("InvalidParameterValue"));

        let send = |entries: Vec<SendMessageBatchRequestEntry>| {
            let call = bench.sqs.send_message_batch().queue_url(&url);
            let call = call.set_entries(Some(entries)).send();
            async { call.await.unwrap_err().into_service_error() }
        };
        assert!(send(vec![]).await.is_empty_batch_request());
        assert!(
            send(vec![entry("a", "1"), entry("a", "2")]).await.is_batch_entry_ids_not_distinct()
        );
        assert!(send(vec![entry("a b", "1")]).await.is_invalid_batch_entry_id());
        let ids: Vec<_> = (0..11).map(|id| entry(&id.to_string(), "x")).collect();
        assert!(send(ids).await.is_too_many_entries_in_batch_request());
        let half = "x".repeat(600_000);
        assert!(send(vec![entry("a", &half), entry("b", &half)]).await.is_batch_request_too_long());
    })
    .await;
}

#[tokio::test]
async fn batches_succeed_entry_by_entry() {
    with_endpoint(Settings::default(), async |bench: Bench| {
        let url = bench.queue("q", &[]).await;
        let call = bench.sqs.send_message_batch().queue_url(&url);
        let call = call.entries(entry("a", "1")).entries(entry("b", "\u{0}"));
        let sent = call.send().await.unwrap();
        assert_eq!(sent.successful().len(), 1);
        assert_eq!(sent.failed()[0].code(), "InvalidMessageContents");
        assert!(sent.failed()[0].sender_fault());

        let received = bench.receive(&url).await;
        let handle = received[0].receipt_handle().unwrap();
        let change = ChangeMessageVisibilityBatchRequestEntry::builder()
            .id("a")
            .receipt_handle(handle)
            .visibility_timeout(0)
            .build()
            .unwrap();
        let call = bench.sqs.change_message_visibility_batch().queue_url(&url).entries(change);
        assert_eq!(call.send().await.unwrap().successful().len(), 1);

        let received = bench.receive(&url).await;
        let count = &received[0].attributes().unwrap()
            [&MessageSystemAttributeName::ApproximateReceiveCount];
        assert_eq!(count, "2");
        let of = |id: &str, handle: &str| {
            let entry = DeleteMessageBatchRequestEntry::builder().id(id).receipt_handle(handle);
            entry.build().unwrap()
        };
        let handle = received[0].receipt_handle().unwrap();
        let call = bench.sqs.delete_message_batch().queue_url(&url);
        let deleted = call.entries(of("x", handle)).entries(of("y", "junk")).send().await.unwrap();
        assert_eq!(deleted.successful()[0].id(), "x");
        assert_eq!(deleted.failed()[0].code(), "ReceiptHandleIsInvalid");
        assert_eq!(bench.handle.totals("q").deleted, 1);
    })
    .await;
}

#[tokio::test]
async fn a_long_poll_wakes_at_once() {
    with_endpoint(Settings::default(), async |bench: Bench| {
        let url = bench.queue("q", &[]).await;
        let poll = || {
            let call = bench.sqs.receive_message().queue_url(&url);
            Box::pin(call.wait_time_seconds(20).send())
        };
        let send = async {
            sleep(Duration::from_millis(100)).await;
            bench.send(&url, &["a", "b"]).await;
        };
        let begun = Instant::now();
        let (first, second, ()) = tokio::join!(poll(), poll(), send);
        assert_eq!(first.unwrap().messages().len() + second.unwrap().messages().len(), 2);
        assert!(begun.elapsed() < Duration::from_secs(5));
    })
    .await;
}

#[tokio::test]
async fn a_long_poll_ends_empty_and_sees_what_becomes_visible() {
    with_endpoint(Settings::default(), async |bench: Bench| {
        let url = bench.queue("q", &[("VisibilityTimeout", "1")]).await;
        let poll = |seconds| {
            let call = bench.sqs.receive_message().queue_url(&url);
            call.wait_time_seconds(seconds).send()
        };
        assert_eq!(poll(1).await.unwrap().messages(), []);
        bench.send(&url, &["a"]).await;
        assert_eq!(poll(0).await.unwrap().messages().len(), 1);
        assert_eq!(poll(0).await.unwrap().messages().len(), 0);
        let begun = Instant::now();
        assert_eq!(poll(20).await.unwrap().messages().len(), 1);
        assert!(begun.elapsed() < Duration::from_secs(5));
    })
    .await;
}

#[tokio::test]
async fn a_stop_answers_long_polls_at_once() {
    with_endpoint(Settings::default(), async |bench: Bench| {
        let url = bench.queue("q", &[]).await;
        let poll = bench.sqs.receive_message().queue_url(&url).wait_time_seconds(20).send();
        let stop = async {
            sleep(Duration::from_millis(50)).await;
            bench.stop.cancel();
        };
        let (polled, ()) =
            timeout(Duration::from_secs(2), async { tokio::join!(poll, stop) }).await.unwrap();
        assert_eq!(polled.unwrap().messages(), []);
    })
    .await;
}

#[tokio::test]
async fn a_fifo_queue_keeps_order_and_drops_repeats() {
    with_endpoint(Settings::default(), async |bench: Bench| {
        let url = bench
            .queue("q.fifo", &[("FifoQueue", "true"), ("ContentBasedDeduplication", "true")])
            .await;
        let send = |body: &str| {
            let call = bench.sqs.send_message().queue_url(&url).message_body(body);
            let call = call.message_group_id("user-1").send();
            async { call.await.unwrap() }
        };
        let first = send("a").await;
        let again = send("a").await;
        assert_eq!(first.message_id(), again.message_id());
        assert_eq!(first.sequence_number(), again.sequence_number());
        send("b").await;
        assert_eq!(bench.handle.bodies("q.fifo"), ["a".into(), "b".into()]);
        let received = bench.receive(&url).await;
        assert_eq!(bodies(&received), ["a", "b"]);
        let system = received[0].attributes().unwrap();
        assert_eq!(system[&MessageSystemAttributeName::MessageGroupId], "user-1");
        assert_eq!(
            Some(system[&MessageSystemAttributeName::SequenceNumber].as_str()),
            first.sequence_number()
        );

        let ungrouped = bench.sqs.send_message().queue_url(&url).message_body("c");
        assert_eq!(ungrouped.send().await.unwrap_err().code(), Some("MissingParameter"));
    })
    .await;
}

/// As a load generator does it: batches by both sides at once, totals instead of records.
#[tokio::test]
async fn many_messages_pass_without_records() {
    const BATCHES: usize = 50;
    let settings = Settings { recording: Recording::Off, ..Settings::default() };
    with_endpoint(settings, async |bench: Bench| {
        let url = bench.queue("q", &[]).await;
        let body = "x".repeat(2_000);
        let send = async {
            for _ in 0..BATCHES {
                let entries = (0..10).map(|id| entry(&id.to_string(), &body)).collect();
                let call = bench.sqs.send_message_batch().queue_url(&url);
                call.set_entries(Some(entries)).send().await.unwrap();
            }
        };
        let receive = async {
            let mut deleted = 0;
            while deleted < BATCHES * 10 {
                let call = bench.sqs.receive_message().queue_url(&url).wait_time_seconds(1);
                let received = call.max_number_of_messages(10).send().await.unwrap();
                let entries = received.messages().iter().enumerate().map(|(id, message)| {
                    let handle = message.receipt_handle().unwrap();
                    let entry = DeleteMessageBatchRequestEntry::builder().id(id.to_string());
                    entry.receipt_handle(handle).build().unwrap()
                });
                let entries: Vec<_> = entries.collect();
                if entries.is_empty() {
                    continue;
                }
                let call = bench.sqs.delete_message_batch().queue_url(&url);
                let call = call.set_entries(Some(entries));
                deleted += call.send().await.unwrap().successful().len();
            }
        };
        tokio::join!(send, receive);
        assert_eq!(bench.handle.totals("q").deleted, 500);
        assert_eq!(bench.handle.records(), []);
    })
    .await;
}
