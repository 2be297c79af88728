//! What a queue holds: messages, their attributes, and the digests that senders check.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};

use super::refusal::{Code, Refusal};
use super::truth::RecordNumber;
use crate::event::Timestamp;

/// SQS: a message with its attributes has at most 1 MiB, and so has a batch (API reference,
/// `SendMessage`, `SendMessageBatch`).
pub(super) const BYTES_MAX: usize = 1_048_576;
/// SQS: at most 10 attributes a message (developer guide, "Message quotas").
const ATTRIBUTES_MAX: usize = 10;

/// The id that SQS gives a message, in the form of a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(u128);

impl MessageId {
    pub(super) const fn new(number: u128) -> Self {
        Self(number)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.0;
        let (low, mid, high) = ((n >> 96), (n >> 80) & 0xffff, (n >> 64) & 0xffff);
        let (clock, node) = ((n >> 48) & 0xffff, n & 0xffff_ffff_ffff);
        write!(f, "{low:08x}-{mid:04x}-{high:04x}-{clock:04x}-{node:012x}")
    }
}

impl Serialize for MessageId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A message attribute as the protocol writes it, kept as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Attribute {
    data_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    string_value: Option<String>,
    /// Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    binary_value: Option<String>,
}

impl Attribute {
    pub(super) fn text(value: impl Into<String>) -> Self {
        Self {
            data_type: "String".to_owned(),
            string_value: Some(value.into()),
            binary_value: None,
        }
    }

    fn bytes(&self) -> usize {
        let binary = self.binary_value.as_ref().map_or(0, |text| text.len() / 4 * 3);
        self.data_type.len() + self.string_value.as_ref().map_or(0, String::len) + binary
    }

    fn check(&self, name: &str) -> Result<(), Refusal> {
        let known = ["String", "Number", "Binary"]
            .iter()
            .any(|kind| self.data_type.split('.').next() == Some(kind));
        let valued = self.string_value.as_ref().is_some_and(|value| !value.is_empty())
            || self.binary_value.as_ref().is_some_and(|value| !value.is_empty());
        if known && valued {
            return Ok(());
        }
        Err(Refusal::new(
            Code::InvalidParameterValue,
            format_args!("The message attribute '{name}' has an invalid type or no value."),
        ))
    }
}

/// Attributes by name.
pub(super) type Attributes = BTreeMap<String, Attribute>;

/// A message on its way in.
#[derive(Debug, Clone, Default)]
pub(super) struct Incoming {
    pub(super) body: Arc<str>,
    pub(super) attributes: Arc<Attributes>,
    pub(super) group: Option<Arc<str>>,
    pub(super) deduplication: Option<Arc<str>>,
    /// Instead of the queue's own delay.
    pub(super) delay: Option<Duration>,
}

impl Incoming {
    /// A message of this body and nothing else.
    pub(super) fn of(body: impl Into<Arc<str>>) -> Self {
        Self { body: body.into(), ..Self::default() }
    }

    /// What counts towards the size limits.
    pub(super) fn bytes(&self) -> usize {
        bytes_of(&self.body, &self.attributes)
    }

    /// Checks what holds for every queue.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.body.is_empty() {
            return Err(Refusal::new(
                Code::MissingParameter,
                "The request must contain the parameter MessageBody.",
            ));
        }
        if !self.body.chars().all(is_carried) {
            return Err(Refusal::new(
                Code::InvalidMessageContents,
                "The message contains characters outside the allowed set.",
            ));
        }
        if self.attributes.len() > ATTRIBUTES_MAX {
            return Err(Refusal::new(
                Code::InvalidParameterValue,
                "A message can have at most 10 attributes.",
            ));
        }
        self.attributes.iter().try_for_each(|(name, value)| value.check(name))
    }
}

/// What counts towards the size limits: body, and names, types and values of the attributes
/// (developer guide, "Message quotas").
pub(super) fn bytes_of(body: &str, attributes: &Attributes) -> usize {
    let attributes = attributes.iter().map(|(name, value)| name.len() + value.bytes());
    body.len() + attributes.sum::<usize>()
}

/// SQS carries the characters of XML 1.0 (API reference, `SendMessage`).
const fn is_carried(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// A message in a queue.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) id: MessageId,
    pub(super) body: Arc<str>,
    pub(super) attributes: Arc<Attributes>,
    pub(super) group: Option<Arc<str>>,
    pub(super) deduplication: Option<Arc<str>>,
    pub(super) sent: Timestamp,
    pub(super) first_received: Option<Timestamp>,
    pub(super) last_received: Option<Timestamp>,
    /// Receives in all queues it has been in.
    pub(super) receives: u32,
    /// Receives before it came into this queue: they don't count for this queue's redrive policy.
    pub(super) receives_before: u32,
    /// ARN of the queue it was a failure in, for a dead letter.
    pub(super) source_arn: Option<Arc<str>>,
    /// Its place in its queue's order; shown for FIFO queues only.
    pub(super) sequence: Option<u64>,
    /// It is a receive's repeat, made by a fault; not repeated again.
    pub(super) is_repeat: bool,
    /// Its line in the ground truth.
    pub(super) record: Option<RecordNumber>,
}

impl Message {
    pub(super) fn new(id: MessageId, incoming: Incoming, sent: Timestamp) -> Self {
        let Incoming { body, attributes, group, deduplication, delay: _ } = incoming;
        Self {
            id,
            body,
            attributes,
            group,
            deduplication,
            sent,
            first_received: None,
            last_received: None,
            receives: 0,
            receives_before: 0,
            source_arn: None,
            sequence: None,
            is_repeat: false,
            record: None,
        }
    }

    /// As a new message of another queue: where a redrive brings it.
    pub(super) fn renewed(self, id: MessageId, sent: Timestamp) -> Self {
        let Self { body, attributes, group, deduplication, .. } = self;
        Self::new(id, Incoming { body, attributes, group, deduplication, delay: None }, sent)
    }
}

/// The MD5 of a body in hexadecimal, which senders and receivers may check.
pub(super) fn body_md5(body: &str) -> String {
    hex(&Md5::digest(body.as_bytes()))
}

/// The MD5 of the attributes: each name, type and value with its length before it, in the order of
/// the names (developer guide, "Calculating the MD5 message digest for message attributes").
/// `None` without attributes.
pub(super) fn attributes_md5<'a>(
    attributes: impl Iterator<Item = (&'a String, &'a Attribute)>,
) -> Option<String> {
    let mut md5 = Md5::new();
    let mut some = false;
    let mut add = |bytes: &[u8], kind: Option<u8>| {
        md5.update(kind.as_slice());
        md5.update(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        md5.update(bytes);
    };
    for (name, attribute) in attributes {
        const TEXT: u8 = 1;
        const BINARY: u8 = 2;
        some = true;
        add(name.as_bytes(), None);
        add(attribute.data_type.as_bytes(), None);
        match (&attribute.string_value, &attribute.binary_value) {
            (Some(text), _) => {
                // The kind stands before the length of the value alone.
                add(text.as_bytes(), Some(TEXT));
            }
            (None, Some(base64)) => {
                add(&STANDARD.decode(base64).unwrap_or_default(), Some(BINARY));
            }
            (None, None) => {}
        }
    }
    some.then(|| hex(&md5.finalize()))
}

/// Two digits a byte.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(incoming: &Incoming, expected: Result<(), Code>) {
        assert_eq!(incoming.check().map_err(|refusal| refusal.code()), expected);
    }

    #[test]
    fn bodies_hold_the_characters_of_xml() {
        check(&Incoming::of("a\tb\n{\"é\": \"😀\"}"), Ok(()));
        check(&Incoming::of(""), Err(Code::MissingParameter));
        check(&Incoming::of("a\u{0}"), Err(Code::InvalidMessageContents));
        check(&Incoming::of("\u{fffe}"), Err(Code::InvalidMessageContents));
    }

    #[test]
    fn attributes_have_a_type_and_a_value() {
        let with = |kind: &str, value: &str| Incoming {
            attributes: Arc::new(Attributes::from([(
                "a".to_owned(),
                Attribute { data_type: kind.to_owned(), ..Attribute::text(value) },
            )])),
            ..Incoming::of("x")
        };
        check(&with("String", "v"), Ok(()));
        check(&with("Number.int", "1"), Ok(()));
        check(&with("Strings", "v"), Err(Code::InvalidParameterValue));
        check(&with("String", ""), Err(Code::InvalidParameterValue));
    }

    #[test]
    fn ids_look_like_uuids() {
        let id = MessageId::new(0x0123_4567_89ab_4def_8123_4567_89ab_cdef);
        assert_eq!(id.to_string(), "01234567-89ab-4def-8123-456789abcdef");
    }

    #[test]
    fn digests_are_those_of_the_standard() {
        assert_eq!(body_md5("abc"), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(attributes_md5(Attributes::new().iter()), None);
        let number = Attribute {
            data_type: "Number.java.lang.Long".to_owned(),
            ..Attribute::text("1493147359900")
        };
        let attributes = Attributes::from([("timestamp".to_owned(), number)]);
        let digest = attributes_md5(attributes.iter());
        assert_eq!(digest.as_deref(), Some("2e2e4876d8e0bd6b8c2c8f556831c349"));
    }
}
