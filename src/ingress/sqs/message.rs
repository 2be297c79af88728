//! Messages as SQS hands them out.

use aws_sdk_sqs::types::{Message as SdkMessage, MessageSystemAttributeName as Attribute};

use crate::event::{QueueHops, Timestamp};

/// A message with what is needed to store and delete it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// Names this receipt of the message towards SQS.
    pub handle: String,
    pub body: String,
    /// When this host had it.
    pub at: Timestamp,
    pub hops: QueueHops,
    /// The group of a FIFO queue's message.
    pub group: Option<String>,
}

/// Reads a message of the SDK; `None` if it has no receipt handle, which SQS always gives.
pub(super) fn read(message: SdkMessage, at: Timestamp) -> Option<Message> {
    let attributes = message.attributes.unwrap_or_default();
    let millis = |name| {
        let text: &String = attributes.get(&name)?;
        Some(Timestamp::from_millis(text.parse().ok()?))
    };
    let count = attributes.get(&Attribute::ApproximateReceiveCount);
    let own = message.message_attributes.unwrap_or_default();
    let hops = QueueHops {
        envelope_time: None,
        sent: millis(Attribute::SentTimestamp),
        first_received: millis(Attribute::ApproximateFirstReceiveTimestamp),
        receive_count: count.and_then(|count| count.parse().ok()).unwrap_or(1),
        replayed: false,
        redriven: own.contains_key(QueueHops::REDRIVEN_ATTRIBUTE),
        message_id: message.message_id.unwrap_or_default().into(),
    };
    Some(Message {
        handle: message.receipt_handle?,
        body: message.body.unwrap_or_default(),
        at,
        hops,
        group: attributes.get(&Attribute::MessageGroupId).cloned(),
    })
}

/// Messages that have to be stored one after the other stand in one chain: those of one FIFO group.
/// All others are chains of one.
pub(super) fn in_chains(messages: Vec<Message>) -> Vec<Vec<Message>> {
    let mut chains: Vec<Vec<Message>> = Vec::with_capacity(messages.len());
    for message in messages {
        let same_group = |chain: &&mut Vec<Message>| {
            message.group.is_some()
                && chain.first().is_some_and(|first| first.group == message.group)
        };
        match chains.iter_mut().find(same_group) {
            Some(chain) => chain.push(message),
            None => chains.push(vec![message]),
        }
    }
    chains
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::types::MessageAttributeValue;

    use super::*;

    fn message(handle: &str, group: Option<&str>) -> Message {
        Message {
            handle: handle.into(),
            body: String::new(),
            at: Timestamp::from_millis(0),
            hops: QueueHops::default(),
            group: group.map(Into::into),
        }
    }

    #[track_caller]
    fn check(messages: &[(&str, Option<&str>)], expected: &[&[&str]]) {
        let messages = messages.iter().map(|(handle, group)| message(handle, *group)).collect();
        let chains = in_chains(messages);
        let handles: Vec<Vec<&str>> = chains
            .iter()
            .map(|chain| chain.iter().map(|message| message.handle.as_str()).collect())
            .collect();
        assert_eq!(handles, expected);
    }

    #[test]
    fn only_messages_of_one_group_wait_for_each_other() {
        check(&[("a", None), ("b", None)], &[&["a"], &["b"]]);
        check(&[("a", Some("x")), ("b", Some("y")), ("c", Some("x"))], &[&["a", "c"], &["b"]]);
    }

    #[test]
    fn attributes_are_read_where_they_are_there() {
        let sdk = SdkMessage::builder()
            .message_id("m-1")
            .receipt_handle("r-1")
            .body("{}")
            .attributes(Attribute::SentTimestamp, "1700000000123")
            .attributes(Attribute::ApproximateReceiveCount, "3")
            .attributes(Attribute::ApproximateFirstReceiveTimestamp, "no number")
            .build();
        let read = read(sdk, Timestamp::from_millis(5)).unwrap();
        assert_eq!(read.hops.sent, Some(Timestamp::from_millis(1_700_000_000_123)));
        assert_eq!(read.hops.first_received, None);
        assert_eq!(read.hops.receive_count, 3);
        assert_eq!(&*read.hops.message_id, "m-1");
        assert!(!read.hops.redriven);
        assert_eq!(super::read(SdkMessage::builder().build(), Timestamp::from_millis(5)), None);
    }

    #[test]
    fn a_redriven_message_is_marked() {
        let text = MessageAttributeValue::builder().data_type("String").string_value("any").build();
        let sdk = SdkMessage::builder()
            .receipt_handle("r-1")
            .message_attributes(QueueHops::REDRIVEN_ATTRIBUTE, text.unwrap());
        assert!(read(sdk.build(), Timestamp::from_millis(5)).unwrap().hops.redriven);
    }
}
