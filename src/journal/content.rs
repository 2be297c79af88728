//! What is kept of an event's content.

use serde_json::Value;

use super::payload::{self, Stored};

/// What is kept of the content of events once they are delivered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Content {
    /// All of it, for as long as the event.
    #[default]
    Keep,
    /// All but what stands at these JSON pointers (RFC 6901).
    Redact(Box<[Box<str>]>),
    /// Nothing.
    Drop,
}

/// What stands in place of a redacted value.
const REDACTED: &str = "[redacted]";

impl Content {
    /// What is to be left of a payload, where something is to be taken out.
    pub(super) fn redacted(&self, payload: &str) -> Option<Stored> {
        let Self::Redact(pointers) = self else { return None };
        // `normalize` made sure that it is JSON; of what is not, nothing would be left.
        let mut event: Value = serde_json::from_str(payload).unwrap_or_default();
        for pointer in pointers {
            if let Some(value) = event.pointer_mut(pointer) {
                *value = REDACTED.into();
            }
        }
        Some(payload::encode(event.to_string().as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pointers: &[&str], payload: &str, expected: &str) {
        let content = Content::Redact(pointers.iter().map(|&pointer| pointer.into()).collect());
        let stored = content.redacted(payload).unwrap();
        let left = payload::decode(stored.encoding, stored.body).unwrap();
        assert_eq!(String::from_utf8(left).unwrap(), expected);
    }

    #[test]
    fn what_stands_at_a_pointer_is_taken_out() {
        let event =
            r#"{"data":{"object":{"email":"kim@example.com","ids":[{"a":1}]}},"id":"evt_1"}"#;
        check(&[], event, event);
        check(&["/nothing/here"], event, event);
        let expected = r#"{"data":{"object":{"email":"[redacted]","ids":[{"a":1}]}},"id":"evt_1"}"#;
        check(&["/data/object/email"], event, expected);
        check(&["/data"], event, r#"{"data":"[redacted]","id":"evt_1"}"#);
        let expected = r#"{"data":{"object":{"email":"kim@example.com","ids":[{"a":"[redacted]"}]}},"id":"evt_1"}"#;
        check(&["/data/object/ids/0/a"], event, expected);
    }

    #[test]
    fn nothing_is_made_where_nothing_is_taken_out() {
        assert_eq!(Content::Keep.redacted("{}"), None);
        assert_eq!(Content::Drop.redacted("{}"), None);
    }
}
