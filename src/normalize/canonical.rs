//! The canonical form of JSON (RFC 8785), so that spacing and the order of keys don't count.
//!
//! Written here for speed, since every event goes through it: `serde_json_canonicalizer`, which is
//! right as well, buffers each value of each object on its own and parses every key again; in a
//! profile of the gateway under load, that and its allocations stood before everything else. It
//! still writes the numbers that are not plain, and the tests hold the two against each other.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::Number;

use super::json::Json;
use crate::event::Digest;

/// The largest integer below which every integer is a double of its own (RFC 8785, section 3.2.2.3:
/// numbers are doubles).
const PLAIN_MAX: u64 = 1 << 53;

/// A document in canonical form, with the place of its `/data/object`.
pub(super) struct Canonical {
    text: Vec<u8>,
    object: Option<Range<usize>>,
}

impl Canonical {
    /// Writes it, but for the member `without` of the outermost object. `bytes` is how long it may
    /// well get.
    ///
    /// # Errors
    /// When a value has no canonical form.
    pub(super) fn of(document: &Json<'_>, without: &str, bytes: usize) -> serde_json::Result<Self> {
        let mut canonical = Self { text: Vec::with_capacity(bytes), object: None };
        match document {
            Json::Object(members) => {
                let members = members.iter().filter(|(name, _)| name != without);
                canonical.write_object(members.collect(), &["data", "object"])?;
            }
            other => canonical.write(other, &[])?,
        }
        Ok(canonical)
    }

    /// Digest of all of it.
    pub(super) fn digest(&self) -> Digest {
        Digest::of(&self.text)
    }

    /// Digest of its `/data/object`, which is `null` where there is none.
    pub(super) fn object_digest(&self) -> Digest {
        let object = self.object.clone().and_then(|range| self.text.get(range));
        Digest::of(object.unwrap_or(b"null"))
    }

    fn write(&mut self, value: &Json<'_>, way: &[&str]) -> serde_json::Result<()> {
        match value {
            Json::Null => self.text.extend_from_slice(b"null"),
            Json::Bool(true) => self.text.extend_from_slice(b"true"),
            Json::Bool(false) => self.text.extend_from_slice(b"false"),
            Json::Number(number) => self.write_number(number)?,
            // The escapes of serde_json are those of section 3.2.2.2.
            Json::Text(text) => serde_json::to_writer(&mut self.text, text)?,
            Json::Array(values) => {
                self.text.push(b'[');
                for (position, value) in values.iter().enumerate() {
                    self.separate(position);
                    self.write(value, &[])?;
                }
                self.text.push(b']');
            }
            Json::Object(members) => self.write_object(members.iter().collect(), way)?,
        }
        Ok(())
    }

    fn write_number(&mut self, number: &Number) -> serde_json::Result<()> {
        let is_plain = number.as_i64().is_some_and(|number| number.unsigned_abs() <= PLAIN_MAX);
        if is_plain {
            return serde_json::to_writer(&mut self.text, number);
        }
        self.text.extend(serde_json_canonicalizer::to_vec(number)?);
        Ok(())
    }

    /// `way` is what is left of the way to `/data/object`.
    fn write_object(
        &mut self,
        mut members: Vec<&(Cow<'_, str>, Json<'_>)>,
        way: &[&str],
    ) -> serde_json::Result<()> {
        // Section 3.2.3: by UTF-16 code units, which is the order of the bytes up to U+D7FF.
        if members.iter().all(|(name, _)| name.is_ascii()) {
            members.sort_by(|(a, _), (b, _)| a.cmp(b));
        } else {
            members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
        }
        // Of members with one name the last counts; sorting left them in order.
        members.reverse();
        members.dedup_by(|(before, _), (after, _)| before == after);
        members.reverse();
        self.text.push(b'{');
        for (position, (name, value)) in members.into_iter().enumerate() {
            self.separate(position);
            serde_json::to_writer(&mut self.text, name)?;
            self.text.push(b':');
            let start = self.text.len();
            match way {
                [next] if next == name => {
                    self.write(value, &[])?;
                    self.object = Some(start..self.text.len());
                }
                [next, rest @ ..] if next == name => self.write(value, rest)?,
                _ => self.write(value, &[])?,
            }
        }
        self.text.push(b'}');
        Ok(())
    }

    fn separate(&mut self, position: usize) {
        if position > 0 {
            self.text.push(b',');
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(value: &Value) {
        let text = value.to_string();
        let ours = Canonical::of(&serde_json::from_str(&text).unwrap(), "a0stream", 0).unwrap();
        let theirs = serde_json_canonicalizer::to_vec(value).unwrap();
        assert_eq!(String::from_utf8(ours.text.clone()), String::from_utf8(theirs.clone()));
        assert_eq!(ours.digest(), Digest::of(&theirs));
        let object = value.pointer("/data/object").unwrap_or(&Value::Null);
        let theirs = serde_json_canonicalizer::to_vec(object).unwrap();
        assert_eq!(ours.object_digest(), Digest::of(&theirs));
    }

    #[test]
    fn it_is_the_form_of_rfc_8785() {
        check(
            &json!({"b": 1, "a": [true, null, {"d": "x", "c": ""}], "data": {"object": {"z": 1}}}),
        );
        check(&json!({"data": {"objects": 1, "object": [1, 2]}, "object": 3}));
        check(&json!({"data": [{"object": 1}]}));
        check(&json!("\u{0}\u{1f}\u{7f}\u{8}\u{c}\n\r\t\"\\/é€\u{1d11e}\u{2028}"));
        // Section 3.2.3: a character beyond U+FFFF comes before one from U+E000.
        check(&json!({"\u{fb33}": 1, "\u{1f600}": 2, "é": 3, "a\n": 4, "": 5}));
        for number in ["0", "-0", "-0.0", "1.0", "1e2", "1e21", "1.5e-7", "123456789012345678"] {
            check(&serde_json::from_str(number).unwrap());
        }
        for number in ["9007199254740992", "9007199254740993", "-9007199254740993"] {
            check(&serde_json::from_str(number).unwrap());
        }
        for number in ["18446744073709551615", "-9223372036854775808", "0.1", "5e-324"] {
            check(&serde_json::from_str(number).unwrap());
        }
    }

    #[test]
    fn one_member_is_left_out_and_the_last_of_a_name_counts() {
        let text = r#"{"b":1,"a0stream":"x","data":{"a0stream":2,"object":3,"object":4},"b":5}"#;
        let canonical = Canonical::of(&serde_json::from_str(text).unwrap(), "a0stream", 0).unwrap();
        assert_eq!(canonical.text, br#"{"b":5,"data":{"a0stream":2,"object":4}}"#);
        assert_eq!(canonical.object_digest(), Digest::of(b"4"));
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            let key = prop_oneof![
                any::<String>(),
                Just("data".to_owned()),
                Just("object".to_owned()),
                Just("a".to_owned())
            ];
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::vec((key, inner), 0..6)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_is_what_others_write(value in values()) {
            check(&value);
        }
    }
}
