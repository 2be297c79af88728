//! One entry of `PutEvents`, and what EventBridge would refuse of it in any case.

use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use serde_json::value::RawValue;

use super::settings::{EventBus, EventSource};
use crate::event::Timestamp;

/// What is to be put on the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The `detail-type`: the event's type, such as `user.updated`.
    pub detail_type: Box<str>,
    /// The event's time; without one, EventBridge takes the time of the call.
    pub time: Option<Timestamp>,
    /// The `detail`: the `CloudEvent`, or what a transform made of it. A JSON object.
    pub detail: Vec<u8>,
}

/// Why an entry can't be put, ever. Says nothing of what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum EntryError {
    #[error(
        "the event's type has {chars} characters, and a detail-type has 1 to {DETAIL_TYPE_CHARS_MAX}"
    )]
    DetailType { chars: usize },
    #[error("the body is no JSON object, and EventBridge takes no other detail")]
    NotAnObject,
    #[error("the entry has {bytes} bytes, and its limit is {bytes_max}")]
    TooLarge { bytes: usize, bytes_max: usize },
}

/// EventBridge: at most 128 characters (API reference, `PutEventsRequestEntry`). AWS is said to drop an
/// entry with more after saying that it has it.
const DETAIL_TYPE_CHARS_MAX: usize = 128;
/// What a `Time` counts towards the size.
const TIME_BYTES: usize = 14;

/// An entry with nothing wrong that can be seen from here.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CheckedEntry {
    detail_type: Box<str>,
    time: Option<Timestamp>,
    detail: String,
    /// Its size as EventBridge counts it.
    pub bytes: usize,
}

impl Entry {
    pub(super) fn check(
        self,
        source: &EventSource,
        bytes_max: usize,
    ) -> Result<CheckedEntry, EntryError> {
        let bytes = self.bytes(source);
        if bytes > bytes_max {
            return Err(EntryError::TooLarge { bytes, bytes_max });
        }
        let chars = self.detail_type.chars().count();
        if !(1..=DETAIL_TYPE_CHARS_MAX).contains(&chars) {
            return Err(EntryError::DetailType { chars });
        }
        let Self { detail_type, time, detail } = self;
        let detail = String::from_utf8(detail).map_err(|_| EntryError::NotAnObject)?;
        if !is_object(&detail) {
            return Err(EntryError::NotAnObject);
        }
        Ok(CheckedEntry { detail_type, time, detail, bytes })
    }

    /// User guide, "Calculating Amazon EventBridge `PutEvents` event entry size".
    fn bytes(&self, source: &EventSource) -> usize {
        let texts = source.as_str().len() + self.detail_type.len() + self.detail.len();
        texts + self.time.map_or(0, |_| TIME_BYTES)
    }
}

/// Read as raw text, which knows no limit to how deep JSON is nested.
fn is_object(text: &str) -> bool {
    serde_json::from_str(text).is_ok_and(|value: &RawValue| value.get().starts_with('{'))
}

impl CheckedEntry {
    /// As the SDK has it.
    pub(super) fn request(&self, bus: &EventBus, source: &EventSource) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(bus.as_str())
            .source(source.as_str())
            .detail_type(&*self.detail_type)
            // In whole seconds, as the envelope has it: not every stand-in reads a fraction.
            .set_time(self.time.map(|time| DateTime::from_secs(time.as_seconds())))
            .detail(&self.detail)
            .build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> EventSource {
        EventSource::parse("source").unwrap()
    }

    fn entry(detail_type: &str, detail: &str) -> Entry {
        let time = Timestamp::parse("2026-03-01T09:15:44.96Z").ok();
        Entry { detail_type: detail_type.into(), time, detail: detail.into() }
    }

    #[track_caller]
    fn check(entry: Entry, expected: Result<usize, EntryError>) {
        let checked = entry.check(&source(), 100);
        assert_eq!(checked.map(|entry| entry.bytes), expected);
    }

    #[test]
    fn the_size_is_the_sum_that_aws_documents() {
        // Six bytes of source, four of type, two of detail, fourteen for the time.
        check(entry("type", "{}"), Ok(26));
        check(Entry { time: None, ..entry("type", "{}") }, Ok(12));
        check(entry("größe", r#"{"ö": 1}"#), Ok(6 + 7 + 9 + 14));
    }

    #[test]
    fn an_entry_may_be_as_large_as_the_limit() {
        let largest = format!("{{{}}}", " ".repeat(74));
        check(entry("type", &largest), Ok(100));
        let larger = format!("{{{}}}", " ".repeat(75));
        let error = EntryError::TooLarge { bytes: 101, bytes_max: 100 };
        check(entry("type", &larger), Err(error));
        assert_eq!(error.to_string(), "the entry has 101 bytes, and its limit is 100");
    }

    #[test]
    fn a_detail_is_a_json_object() {
        check(entry("type", r#" {"a": [1, {"b": null}]} "#), Ok(49));
        for other in ["", " ", "null", "7", r#""text""#, "[{}]", "{", "{}{}", "{'a': 1}", "plain"] {
            check(entry("type", other), Err(EntryError::NotAnObject));
        }
        let detail = b"{\"a\": \"\xff\"}".to_vec();
        check(Entry { detail, ..entry("type", "") }, Err(EntryError::NotAnObject));
        let deep = format!("{}{}", r#"{"a":"#.repeat(1_000), "{}".to_owned() + &"}".repeat(1_000));
        assert!(is_object(&deep));
    }

    #[test]
    fn a_detail_type_has_characters_and_not_too_many() {
        let long = |chars| entry(&"ö".repeat(chars), "{}").check(&source(), 1_000).map(drop);
        assert_eq!(long(128), Ok(()));
        assert_eq!(long(129), Err(EntryError::DetailType { chars: 129 }));
        assert_eq!(long(0), Err(EntryError::DetailType { chars: 0 }));
    }

    #[test]
    fn the_request_has_all_parts() {
        let bus = EventBus::parse("orders").unwrap();
        let checked = entry("user.updated", r#" {"a": 1}"#).check(&source(), 100).unwrap();
        let request = checked.request(&bus, &source());
        let expected = PutEventsRequestEntry::builder()
            .event_bus_name("orders")
            .source("source")
            .detail_type("user.updated")
            .time(DateTime::from_secs(1_772_356_544))
            .detail(r#" {"a": 1}"#)
            .build();
        assert_eq!(request, expected);
    }
}
